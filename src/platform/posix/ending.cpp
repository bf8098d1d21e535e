#include "platform/ending.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "platform/posix/signals.hpp"
#include "platform/process.hpp"

namespace chainner::platform {

namespace {

std::atomic<void (*)()> last_hook{nullptr};

/// A priority for which no other of the program comes later.
[[gnu::destructor(101)]] void run_last_hook() {
    if (const auto hook = last_hook.load()) hook();
}

}  // namespace

void at_end(void (*last)()) { last_hook = last; }

// Signals

namespace {

std::atomic<void (*)() noexcept> before_end{nullptr};
std::atomic<void (*)(int, const char*) noexcept> on_request{nullptr};
std::atomic<bool (*)(void (*)()) noexcept> postpone_request{nullptr};

bool is_request(int number) noexcept { return number == SIGTERM || number == SIGHUP; }

void unblock(int number) noexcept {
    sigset_t alone;
    sigemptyset(&alone);
    sigaddset(&alone, number);
    pthread_sigmask(SIG_UNBLOCK, &alone, nullptr);
}

/// For a handler: the process ends of the signal as it would have without, once the handler returns.
void end_by(int number) noexcept {
    std::signal(number, SIG_DFL);
    raise(number);
}

std::atomic<int> ending_number{0};

/// For a hook that waits for a lock of the C library's which the thread has held when the signal came.
void end_at_last(int /*alarm*/) {
    end_by(ending_number);
    unblock(ending_number);
}

void on_ending_signal(int number) {
    const int error = errno;
    if (const auto hook = on_request.load(); hook != nullptr && is_request(number)) {
        constexpr unsigned longest = 3;  // seconds
        ending_number = number;
        if (postpone_request.load()([] { raise(ending_number); })) {
            errno = error;
            return;
        }
        std::signal(SIGALRM, end_at_last);
        unblock(SIGALRM);
        alarm(longest);
        hook(number, signal_name(number).data());
    } else if (const auto before = before_end.load()) {
        before();
    }
    end_by(number);
    errno = error;
}

/// Unless the program handles or ignores it.
void handle(int number) noexcept {
    struct sigaction action {};
    action.sa_handler = on_ending_signal;
    action.sa_flags = SA_RESTART | SA_ONSTACK;
    sigfillset(&action.sa_mask);
    struct sigaction present {};
    if (sigaction(number, nullptr, &present) != 0 || (present.sa_flags & SA_SIGINFO) != 0) return;
    if (present.sa_handler == SIG_DFL) sigaction(number, &action, nullptr);
}

}  // namespace

void handle_sudden_end(void (*before)() noexcept) noexcept {
    before_end = before;
    for (const auto& [number, name] : named_signals) handle(number);  // faults have the crash handler
#ifdef SIGRTMIN
    for (int each = SIGRTMIN; each <= SIGRTMAX; ++each) handle(each);
#endif
#ifdef __linux__
    static once registered;
    registered([] { std::at_quick_exit([] { before_end.load()(); }); });
#endif
}

void handle_requests_to_end(void (*handler)(int number, const char* name) noexcept,
                            bool (*postpone)(void (*come_again)()) noexcept) noexcept {
    if (getpid() == 1) return;
    postpone_request = postpone;
    on_request = handler;
    for (const int each : {SIGTERM, SIGHUP}) handle(each);
}

bool has_ended_threads() noexcept { return false; }

// Words

namespace {

std::string describe_signal(int number) {
    std::string name(signal_name(number));
#ifdef SIGRTMIN
    if (number >= SIGRTMIN && number <= SIGRTMAX) name = "SIGRTMIN+" + std::to_string(number - SIGRTMIN);
#endif
    name = name.empty() ? "signal " + std::to_string(number) : name + " (" + std::to_string(number) + ")";
    return "killed by " + name + (number == SIGKILL ? ", as the OOM killer does" : "");
}

}  // namespace

std::string describe_exit(std::int64_t status) {
    if (status < 0 && status > -NSIG) return describe_signal(static_cast<int>(-status));
    return "exit code " + std::to_string(status);
}

std::string describe_wait_status(int status) {
    if (WIFEXITED(status)) return describe_exit(WEXITSTATUS(status));
    if (WIFSIGNALED(status)) return describe_signal(WTERMSIG(status));
    return "not ended, wait status " + std::to_string(status);
}

}  // namespace chainner::platform
