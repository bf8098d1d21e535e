// Is interrupted in the midst of its calls, at random moments, by a handler that does what such handlers do.
//
//     interrupt_posix FOLDER WHAT COUNT [CALL]
//
// WHAT: exit, fork, forks, log, get, write: COUNT processes, one after the other, log until a signal handler calls it;
// after `fork`, the child logs `from the handler` and ends, and the process goes on; `forks`: the same 100 times, each
// millisecond; `log` logs and goes on; `get` gets the logger to do so; `write` writes 200 lines of 1000 letters to
// stdout and goes on; `capture` captures the output and goes on. cancel: COUNT threads log `record THREAD.1`, ... until
// they are cancelled, two at a time. CALL: they do that instead of logging: get, set_up, pattern; or, while output is
// captured, log, capture, release, end. The exit code is 0 if all of them have ended; who hangs is killed after ten
// seconds.

#include <pthread.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chainner/logger.hpp>
#include <chainner/output_capture.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <thread>

#ifdef __SANITIZE_THREAD__
/// On a busy machine a record may wait in vain for the lock, as the reader of captured output takes it again and again.
/// It then asks which file a number stands for, which may be closed meanwhile: that is what it asks for.
extern "C" const char* __tsan_default_suppressions() { return "race:log_without_lock"; }
#endif

namespace {

std::shared_ptr<spdlog::logger> logger;
volatile std::sig_atomic_t is_interrupted = 0;
volatile std::sig_atomic_t forks_left = 1;
const std::string& line = *new std::string(std::string(1000, 'x') + '\n');  // a handler may need it after `main`

const char* folder = nullptr;

void set_up() {
    chainner::logger_options options;
    options.log_dir = folder;
    options.to_console = false;
    options.max_files = 10'000;
    logger = chainner::setup_logger("worker", options);
}

void interrupt_after(std::chrono::microseconds time, void (*handler)(int), std::chrono::microseconds again) {
    std::signal(SIGALRM, handler);
    itimerval timer{};
    timer.it_value.tv_usec = static_cast<suseconds_t>(time.count());
    timer.it_interval.tv_usec = static_cast<suseconds_t>(again.count());
    setitimer(ITIMER_REAL, &timer, nullptr);
}

void on_fork(int) {
    const pid_t child = fork();
    if (child == 0) {
        alarm(10);
        std::signal(SIGALRM, SIG_DFL);
        sigset_t alarms;
        sigemptyset(&alarms);
        sigaddset(&alarms, SIGALRM);
        sigprocmask(SIG_UNBLOCK, &alarms, nullptr);
        logger->info("from the handler");
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (status != 0) _exit(1);
    forks_left = forks_left - 1;
    if (forks_left == 0) is_interrupted = 1;
}

void on_log(int) {
    logger->info("from the handler");
    is_interrupted = 1;
}

void on_get(int) {
    chainner::get_logger_from_env()->info("from the handler");
    is_interrupted = 1;
}

void on_capture(int) {
    const int before = errno;
    chainner::capture_output();
    errno = before;
    is_interrupted = 1;
}

void on_write(int) {
    for (int i = 0; i < 200; ++i) {
        if (write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size())) _exit(1);
    }
    is_interrupted = 1;
}

void log_next() {
    static int number = 0;
    logger->info("record {}", ++number);
}

struct call {
    void (*make)();
    bool captures;
};

// None allocates memory where it can be interrupted: a handler must not wait for whoever needs the allocator.
const auto& calls = *new std::map<std::string, call>{
    {"", {log_next, false}},
    {"get", {[] { chainner::get_logger_from_env()->info("record"); }, false}},
    {"set_up", {set_up, false}},
    {"pattern", {[] { logger->set_pattern("%Y-%m-%d %H:%M:%S.%e [%P] [%l] %v"); }, false}},
    {"log", {log_next, true}},
    {"capture", {chainner::capture_output, false}},
    {"release",
     {[] {
          chainner::release_output();
          chainner::capture_output();
      },
      true}},
    {"end", {[] { std::exit(0); }, true}},
};

[[noreturn]] void call_until_interrupted(const std::string& what, const call& call, std::chrono::microseconds time) {
    set_up();
    if (call.captures) chainner::capture_output();
    if (what == "forks") forks_left = 100;
    interrupt_after(
        time,
        what == "fork" || what == "forks" ? on_fork
        : what == "log"                   ? on_log
        : what == "get"                   ? on_get
        : what == "write"                 ? on_write
        : what == "capture"               ? on_capture
                                          : [](int) { std::exit(0); },
        std::chrono::microseconds(what == "forks" ? 1000 : 0));
    while (is_interrupted == 0) call.make();
    logger->info("after the handler");
    std::exit(0);
}

/// Whether the process has ended as it should.
bool ends(pid_t process) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    int status = 0;
    while (waitpid(process, &status, WNOHANG) == 0) {
        if (std::chrono::steady_clock::now() > limit) {
            kill(process, SIGKILL);
            waitpid(process, &status, 0);
            std::cerr << "process " << process << " hangs\n";
            return false;
        }
        std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    if (status != 0) std::cerr << "process " << process << " ended with status " << status << '\n';
    return status == 0;
}

void* log_until_cancelled(void* number) {
    for (int i = 1;; ++i) logger->info("record {}.{}", reinterpret_cast<std::uintptr_t>(number), i);
}

}  // namespace

int main(int count, char** words) try {
    if (count < 4 || count > 5) throw std::invalid_argument("interrupt_posix FOLDER WHAT COUNT [CALL]");
    folder = words[1];
    const std::string call = count == 5 ? words[4] : "";
    const std::string what = words[2];
    std::mt19937 random(std::random_device{}());
    std::uniform_int_distribution<int> microseconds(1, 3000);
    int failures = 0;
    if (what == "cancel") {
        set_up();
        if (!call.empty()) chainner::capture_output();
        for (std::uintptr_t i = 0; i < std::stoul(words[3]); i += 2) {
            pthread_t threads[2];
            for (std::uintptr_t j = 0; j < 2; ++j) {
                pthread_create(&threads[j], nullptr, log_until_cancelled, reinterpret_cast<void*>(i + j));
            }
            for (pthread_t each : threads) {
                std::this_thread::sleep_for(std::chrono::microseconds(microseconds(random)));
                pthread_cancel(each);
                pthread_join(each, nullptr);
            }
        }
        logger->info("all are cancelled");
        return 0;
    }
    for (int i = 0; i < std::atoi(words[3]); ++i) {
        const std::chrono::microseconds time(microseconds(random));
        const pid_t process = fork();
        if (process == 0) call_until_interrupted(what, calls.at(call), time);
        failures += ends(process) ? 0 : 1;
    }
    std::cerr << failures << " of " << words[3] << " did not end as they should\n";
    return failures == 0 ? 0 : 1;
} catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
}
