#include "platform/crash.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unwind.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <new>
#include <system_error>

#ifdef __linux__
#include <link.h>
#endif

#include "platform/posix/descriptor.hpp"
#include "platform/posix/signals.hpp"
#include "platform/process.hpp"

namespace chainner::platform {

// Faults

namespace {

using signal_action = struct sigaction;
using signal_handler = void (*)(int, siginfo_t*, void*);  // called so also if it takes the number alone

struct handled_signal {
    int number;
    std::atomic<signal_handler> before{nullptr};  // null: the system's default
};

std::array<handled_signal, 5> handled_signals{{{SIGSEGV}, {SIGABRT}, {SIGFPE}, {SIGILL}, {SIGBUS}}};

void (*fault_handler)(const fault&) noexcept = nullptr;
std::string_view python;  // the module that has its handlers, if it is there
/// A program that is replaced while it runs has another name afterwards.
std::array<char, PATH_MAX + 1> executable;
std::atomic<bool> is_ending{false};  // by a signal that is left to the system

// SA_SIGINFO or not: it is the same word.
signal_handler handler_of(const signal_action& action) noexcept { return action.sa_sigaction; }

bool is_function(signal_handler handler) noexcept {
    return handler != nullptr && reinterpret_cast<std::uintptr_t>(handler) != reinterpret_cast<std::uintptr_t>(SIG_IGN);
}

signal_action present_action(int number) noexcept {
    signal_action present{};
    sigaction(number, nullptr, &present);
    return present;
}

code_place place_of(std::uintptr_t address) noexcept;

void on_signal(int number, siginfo_t* info, void* context);

/// The system calls `on_signal` as it would have called the handler before it: with the same signals blocked, on the
/// same stack, for as many times.
void take_over(handled_signal& signal, const signal_action& before) noexcept {
    signal_action action = before;
    if (!is_function(handler_of(before))) {
        action.sa_flags = SA_ONSTACK;
        sigfillset(&action.sa_mask);
    } else if (!python.empty() && place_of(reinterpret_cast<std::uintptr_t>(handler_of(before))).module == python) {
        // faulthandler's ends the process, if it can, before it returns.
        action.sa_flags &= ~SA_NODEFER;
    }
    action.sa_flags |= SA_SIGINFO;
    action.sa_sigaction = on_signal;
    signal.before = handler_of(before);
    sigaction(signal.number, &action, nullptr);
}

/// `abort` ends the process, whatever a handler does but not to return.
bool is_abort(int number) noexcept {
    bool is_found = false;
    const auto look = [](_Unwind_Context* context, void* found) {
        if (_Unwind_GetRegionStart(context) == reinterpret_cast<std::uintptr_t>(&std::abort))
            *static_cast<bool*>(found) = true;
        return _URC_NO_REASON;
    };
    if (number == SIGABRT) _Unwind_Backtrace(look, &is_found);
    return is_found;
}

bool is_pending(int number) noexcept {
    sigset_t pending;
    return sigpending(&pending) == 0 && sigismember(&pending, number) == 1;
}

/// Calls the handler that stood there before, which may jump away, or throw. Returns whether the process is about to
/// end. If it is not, but that handler has gone, then whoever has taken its place is the next one before ours.
bool ends_by_handler_before(signal_handler before, handled_signal& signal, siginfo_t* info, void* context) {
    if (handler_of(present_action(signal.number)) == nullptr && !is_ending) take_over(signal, {});  // SA_RESETHAND
    const signal_action own = present_action(signal.number);
    before(signal.number, info, context);
    if (is_abort(signal.number)) return true;
    const signal_action present = present_action(signal.number);
    if (handler_of(present) == handler_of(own)) return false;
    if (handler_of(present) == nullptr && is_pending(signal.number)) return true;
    if (is_ending) return false;
    if (handler_of(own) == on_signal) {
        take_over(signal, present);
    } else {
        signal.before = handler_of(present);
        sigaction(signal.number, &own, nullptr);
    }
    return false;
}

/// Null where a handler of the program's calls this one as `signal` gave it: with the number alone, and whatever is in
/// the place of the others. What the system hands over lies side by side on the stack, not far above.
const siginfo_t* told_by_system(int number, const siginfo_t* info, const void* context) noexcept {
    constexpr std::uintptr_t farthest = 1024 * 1024;
    constexpr std::uintptr_t size = 1024;  // of what lies side by side, at most
    const auto place = reinterpret_cast<std::uintptr_t>(info);
    const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    const bool is_together = reinterpret_cast<std::uintptr_t>(context) - place + size < 2 * size;
    return place - here < farthest && is_together && info->si_signo == number ? info : nullptr;
}

void record(int number, const siginfo_t* info, bool was_sent) noexcept {
    fault found{signal_name(number), number, 10, std::nullopt, std::nullopt, nullptr};
    if (!was_sent) found.address = reinterpret_cast<std::uintptr_t>(info->si_addr);
    if (was_sent && info != nullptr && info->si_pid != getpid()) found.sender = info->si_pid;
    const blocked_signals uninterrupted;
    fault_handler(found);
}

void on_signal(int number, siginfo_t* info, void* context) {
    const int error = errno;
    handled_signal& signal = *std::find_if(handled_signals.begin(), handled_signals.end(),
                                           [=](const auto& each) { return each.number == number; });
    const siginfo_t* const told = told_by_system(number, info, context);
    const bool was_sent = number == SIGABRT || told == nullptr || told->si_code <= 0 || told->si_code == SI_USER;
    const signal_handler before = signal.before;
    if (is_function(before)) {
        if (ends_by_handler_before(before, signal, info, context)) record(number, told, was_sent);
    } else if (before == nullptr || !was_sent || is_abort(number)) {
        record(number, told, was_sent);
        is_ending = true;
        std::signal(number, SIG_DFL);
        // The faulty instruction runs again when this returns. What was sent has to be sent again.
        if (was_sent) raise(number);
    }
    errno = error;
}

}  // namespace

void handle_faults(void (*handler)(const fault&) noexcept) {
    fault_handler = handler;
    static_cast<void>(readlink("/proc/self/exe", executable.data(), PATH_MAX));
    if (const void* const of_python = dlsym(RTLD_DEFAULT, "Py_IsInitialized")) {
        python = place_of(reinterpret_cast<std::uintptr_t>(of_python)).module;
    }
    for (handled_signal& each : handled_signals) take_over(each, present_action(each.number));
}

void (*displaced_handler(const std::function<void(int number)>& install))(int) {
    const signal_action before = present_action(unused_signal);
    install(unused_signal);
    signal_action left{};
    sigaction(unused_signal, &before, &left);
    return left.sa_handler;
}

void handle_faults_again() noexcept {
    if (fault_handler == nullptr || is_ending) return;
    for (handled_signal& each : handled_signals) {
        if (handler_of(present_action(each.number)) == nullptr) take_over(each, {});
    }
}

namespace {

// Below the stack lies memory that cannot be written, so that a handler which needs more harms nothing.
constexpr std::size_t guard_size = 64 * 1024;  // whole pages, however large these are
constexpr std::size_t stack_size = 64 * 1024;

void release_handler_stack(void* memory) {
    stack_t present{};
    sigaltstack(nullptr, &present);
    if (present.ss_sp == static_cast<char*>(memory) + guard_size) {
        present.ss_flags = SS_DISABLE;
        sigaltstack(&present, nullptr);
    }
    munmap(memory, guard_size + stack_size);
}

}  // namespace

/// By a key, as the C library ends the process where it has no memory to note the destructor of a `thread_local`.
void provide_handler_stack() {
    static pthread_key_t key;
    static once made;
    made([] {
        const int error = pthread_key_create(&key, release_handler_stack);
        if (error != 0) throw std::system_error(error, std::system_category(), "pthread_key_create");
    });
    stack_t present{};
    if (pthread_getspecific(key) != nullptr || sigaltstack(nullptr, &present) != 0) return;
    if ((present.ss_flags & SS_DISABLE) == 0) return;
    void* const memory = mmap(nullptr, guard_size + stack_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    stack_t own{};
    own.ss_sp = static_cast<char*>(memory) + guard_size;
    own.ss_size = stack_size;
    mprotect(own.ss_sp, stack_size, PROT_READ | PROT_WRITE);
    sigaltstack(&own, nullptr);
    if (pthread_setspecific(key, memory) != 0) release_handler_stack(memory);
}

// The stack

namespace {

code_place place_of(std::uintptr_t address) noexcept {
    void* const code = reinterpret_cast<void*>(address);
#ifdef DLFO_STRUCT_HAS_EH_DBASE
    dl_find_object found{};
    if (_dl_find_object(code, &found) != 0) return {{}, address, 1};
    const link_map& module = *found.dlfo_link_map;
    return {*module.l_name == '\0' ? executable.data() : module.l_name, address - module.l_addr, 1};
#else
    // It waits for a thread that is loading a library: safe unless that one waits for us.
    Dl_info found{};
    if (dladdr(code, &found) == 0) return {{}, address, 1};
    return {found.dli_fname, address - reinterpret_cast<std::uintptr_t>(found.dli_fbase), 1};
#endif
}

struct trace {
    std::array<code_place, 64>& places;
    std::uintptr_t handler;
    std::size_t count = 0;
    int frames = 0;
};

constexpr int most_frames = 100'000;  // for these a tenth of a second is enough

_Unwind_Reason_Code add_frame(_Unwind_Context* context, void* argument) {
    auto& [places, handler, count, frames] = *static_cast<trace*>(argument);
    int was_interrupted = 0;
    const std::uintptr_t address = _Unwind_GetIPInfo(context, &was_interrupted);
    const bool is_handler = _Unwind_GetRegionStart(context) == handler;
    if (was_interrupted != 0 || is_handler) count = 0;  // those before are the handler's
    if (is_handler) return _URC_NO_REASON;
    if (address == 0 || ++frames > most_frames) return _URC_END_OF_STACK;
    // A call returns to the instruction after it, which may belong to another line.
    const code_place place = place_of(was_interrupted != 0 ? address : address - 1);
    if (count > 0 && places[count - 1].offset == place.offset && places[count - 1].module == place.module) {
        ++places[count - 1].times;
        return _URC_NO_REASON;
    }
    if (count == places.size()) return _URC_END_OF_STACK;
    places[count++] = place;
    return _URC_NO_REASON;
}

}  // namespace

std::size_t stack_trace(std::array<code_place, 64>& places, const void* /*context*/, void (*handler)()) noexcept {
    trace found{places, reinterpret_cast<std::uintptr_t>(handler)};
    _Unwind_Backtrace(add_frame, &found);
    return found.count;
}

// The file

file_number create_last_log_file(const std::filesystem::path& directory, const char* name, bool is_group_readable,
                                 std::error_code& error) noexcept {
    const int folder = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int created = openat(folder, name, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    error = created < 0 ? last_error() : std::error_code();
    if (is_group_readable) fchmod(created, S_IRUSR | S_IWUSR | S_IRGRP);
    if (folder >= 0) ::close(folder);
    return created;
}

file_number number_of(int descriptor) noexcept { return descriptor; }

}  // namespace chainner::platform
