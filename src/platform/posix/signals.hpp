#pragma once

#include <csignal>
#include <string_view>
#include <utility>

namespace chainner::platform {

/// Of a machine that nobody has any more.
#ifdef SIGSTKFLT
inline constexpr int unused_signal = SIGSTKFLT;
#else
inline constexpr int unused_signal = SIGEMT;
#endif

/// Those that end a process, unless it handles them.
inline constexpr std::pair<int, std::string_view> named_signals[]{
    {SIGHUP, "SIGHUP"},   {SIGINT, "SIGINT"},   {SIGQUIT, "SIGQUIT"},     {SIGILL, "SIGILL"},
    {SIGTRAP, "SIGTRAP"}, {SIGABRT, "SIGABRT"}, {SIGBUS, "SIGBUS"},       {SIGFPE, "SIGFPE"},
    {SIGKILL, "SIGKILL"}, {SIGUSR1, "SIGUSR1"}, {SIGSEGV, "SIGSEGV"},     {SIGUSR2, "SIGUSR2"},
    {SIGPIPE, "SIGPIPE"}, {SIGALRM, "SIGALRM"}, {SIGTERM, "SIGTERM"},     {SIGXCPU, "SIGXCPU"},
    {SIGXFSZ, "SIGXFSZ"}, {SIGPROF, "SIGPROF"}, {SIGSYS, "SIGSYS"},       {SIGVTALRM, "SIGVTALRM"},
#ifdef __linux__
    {SIGIO, "SIGIO"},     {SIGPWR, "SIGPWR"},   {SIGSTKFLT, "SIGSTKFLT"},
#endif
};

/// Empty for all others.
inline std::string_view signal_name(int number) noexcept {
    for (const auto& [each, name] : named_signals) {
        if (each == number) return name;
    }
    return "";
}

}  // namespace chainner::platform
