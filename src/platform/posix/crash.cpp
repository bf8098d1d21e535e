#include "platform/crash.hpp"

#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>
#include <unwind.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <new>

#ifdef __linux__
#include <link.h>
#endif

namespace chainner::platform {

// Faults

namespace {

struct named_signal {
    int number;
    std::string_view name;
};

constexpr std::array<named_signal, 14> named_signals{{{SIGHUP, "SIGHUP"},
                                                      {SIGINT, "SIGINT"},
                                                      {SIGQUIT, "SIGQUIT"},
                                                      {SIGILL, "SIGILL"},
                                                      {SIGTRAP, "SIGTRAP"},
                                                      {SIGABRT, "SIGABRT"},
                                                      {SIGBUS, "SIGBUS"},
                                                      {SIGFPE, "SIGFPE"},
                                                      {SIGKILL, "SIGKILL"},
                                                      {SIGSEGV, "SIGSEGV"},
                                                      {SIGPIPE, "SIGPIPE"},
                                                      {SIGALRM, "SIGALRM"},
                                                      {SIGTERM, "SIGTERM"},
                                                      {SIGSYS, "SIGSYS"}}};

std::string_view signal_name(std::int64_t number) noexcept {
    const auto* const found = std::find_if(named_signals.begin(), named_signals.end(),
                                           [=](const auto& each) { return each.number == number; });
    return found == named_signals.end() ? "" : found->name;
}

struct handled_signal {
    int number;
    struct sigaction before;
};

std::array<handled_signal, 5> handled_signals{{{SIGSEGV, {}}, {SIGABRT, {}}, {SIGFPE, {}}, {SIGILL, {}}, {SIGBUS, {}}}};

void (*fault_handler)(const fault&) noexcept = nullptr;

void restore(int number) noexcept {
    for (const handled_signal& each : handled_signals) {
        if (each.number == number) sigaction(number, &each.before, nullptr);
    }
}

void on_signal(int number, siginfo_t* info, void* /*context*/) {
    const int error = errno;
    const bool was_sent = number == SIGABRT || info->si_code <= 0 || info->si_code == SI_USER;
    fault found{signal_name(number), number, 10, std::nullopt, std::nullopt, nullptr};
    if (!was_sent) found.address = reinterpret_cast<std::uintptr_t>(info->si_addr);
    if (was_sent && info->si_pid != getpid()) found.sender = info->si_pid;
    fault_handler(found);
    restore(number);
    // The faulty instruction runs again when this returns. What was sent has to be sent again.
    if (was_sent) raise(number);
    errno = error;
}

}  // namespace

void handle_faults(void (*handler)(const fault&) noexcept) {
    fault_handler = handler;
    struct sigaction action {};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigfillset(&action.sa_mask);
    for (handled_signal& each : handled_signals) sigaction(each.number, &action, &each.before);
}

namespace {

/// Below it lies a page that cannot be written, so that a handler which needs more harms nothing.
class handler_stack {
public:
    handler_stack() {
        stack_t present{};
        if (sigaltstack(nullptr, &present) != 0 || (present.ss_flags & SS_DISABLE) == 0) return;
        const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
        void* const memory = mmap(nullptr, page + size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) throw std::bad_alloc();
        memory_ = memory;
        bytes_ = page + size;
        stack_t own{};
        own.ss_sp = static_cast<char*>(memory) + page;
        own.ss_size = size;
        mprotect(own.ss_sp, size, PROT_READ | PROT_WRITE);
        sigaltstack(&own, nullptr);
    }
    ~handler_stack() {
        if (memory_ == nullptr) return;
        stack_t present{};
        sigaltstack(nullptr, &present);
        if (present.ss_sp >= memory_ && present.ss_sp < static_cast<char*>(memory_) + bytes_) {
            present.ss_flags = SS_DISABLE;
            sigaltstack(&present, nullptr);
        }
        munmap(memory_, bytes_);
    }
    handler_stack(const handler_stack&) = delete;
    handler_stack& operator=(const handler_stack&) = delete;

private:
    static constexpr std::size_t size = 64 * 1024;

    void* memory_ = nullptr;
    std::size_t bytes_ = 0;
};

}  // namespace

void provide_handler_stack() { static const thread_local handler_stack stack; }

// The stack

namespace {

#ifdef DLFO_STRUCT_HAS_EH_DBASE
/// Read before it is needed: a program that is replaced while it runs has another name afterwards.
const std::string_view executable = [] {
    static std::array<char, PATH_MAX> name;
    const ssize_t length = readlink("/proc/self/exe", name.data(), name.size());
    return std::string_view(name.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
}();
#endif

code_place place_of(std::uintptr_t address) noexcept {
    void* const code = reinterpret_cast<void*>(address);
#ifdef DLFO_STRUCT_HAS_EH_DBASE
    dl_find_object found{};
    if (_dl_find_object(code, &found) != 0) return {{}, address, 1};
    const link_map& module = *found.dlfo_link_map;
    return {*module.l_name == '\0' ? executable : module.l_name, address - module.l_addr, 1};
#else
    // It waits for a thread that is loading a library: safe unless that one waits for us.
    Dl_info found{};
    if (dladdr(code, &found) == 0) return {{}, address, 1};
    return {found.dli_fname, address - reinterpret_cast<std::uintptr_t>(found.dli_fbase), 1};
#endif
}

struct trace {
    std::array<code_place, 64>& places;
    std::size_t count = 0;
    int frames = 0;
};

constexpr int most_frames = 100'000;  // for these a tenth of a second is enough

_Unwind_Reason_Code add_frame(_Unwind_Context* context, void* argument) {
    auto& [places, count, frames] = *static_cast<trace*>(argument);
    int was_interrupted = 0;
    const std::uintptr_t address = _Unwind_GetIPInfo(context, &was_interrupted);
    if (was_interrupted != 0) count = 0;  // those before are the handler's
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

std::size_t stack_trace(std::array<code_place, 64>& places, const void* /*context*/) noexcept {
    trace found{places};
    _Unwind_Backtrace(add_frame, &found);
    return found.count;
}

// Words

std::string describe_exit(std::int64_t status) {
    if (status >= 0) return "exit code " + std::to_string(status);
    const std::string number = std::to_string(-status);
    const std::string name(signal_name(-status));
    if (name.empty()) return "killed by signal " + number;
    return "killed by " + name + " (" + number + ")" + (-status == SIGKILL ? ", as the OOM killer does" : "");
}

}  // namespace chainner::platform
