#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

/// The process, its user and its environment, as the system has them.
namespace chainner::platform {

enum class operating_system { windows, macos, other_unix };

operating_system current_system() noexcept;

/// Name, version and processor: `Linux 6.1.0-18-amd64 x86_64`.
std::string system_name();

/// Asks the kernel once, and again in a child by `fork`.
int process_id() noexcept;

/// When this process began: the same at each call, whatever becomes of the clock, and anew in a child by `fork`.
std::chrono::system_clock::time_point process_start();

/// Another value once the program has set another time zone, as `tzset` does. It asks nobody.
std::uintptr_t time_zone() noexcept;

/// Runs `prepare` before each `fork`, then `parent` and `child` in the two processes. Nothing where no `fork` exists.
void at_fork(void (*prepare)(), void (*parent)(), void (*child)());

/// Keeps the program or library that this code is a part of in memory until the process ends, as it has handlers and
/// threads there. Without it, `dlclose` of a plugin would take their code away.
void keep_loaded() noexcept;

/// Here a thread that was cancelled ends.
void cancellation_point();

/// While it lives, the calling thread does not end though it is cancelled: it would leave a record half done.
class no_cancellation {
public:
    no_cancellation() noexcept;
    ~no_cancellation();
    no_cancellation(const no_cancellation&) = delete;
    no_cancellation& operator=(const no_cancellation&) = delete;

private:
    int before_ = 0;
};

/// Room for a sigset_t, whose header Windows does not have.
using signal_mask = std::array<unsigned long long, 16>;

/// From now on the calling thread, and each thread that it starts, runs no signal handler but those of faults. Returns
/// the mask before. Nothing on Windows, where handlers run in threads of their own.
signal_mask block_signals() noexcept;
void set_signal_mask(const signal_mask& mask) noexcept;

class blocked_signals {
public:
    blocked_signals() noexcept = default;
    ~blocked_signals() { set_signal_mask(before_); }
    blocked_signals(const blocked_signals&) = delete;
    blocked_signals& operator=(const blocked_signals&) = delete;

private:
    signal_mask before_ = block_signals();
};

/// What a process does once, as it registers its hooks. No handler comes in between: it may call `exit`, which waits
/// for the lock that the C library holds then. Nobody waits for a thread that is at it, as whoever initialises a static
/// variable does: a child that is forked meanwhile would wait for ever.
class once {
public:
    /// Nothing if it is done, or another one is at it. After an exception it is still to be done.
    template <class Action>
    void operator()(Action action) {
        if (has_begun_) return;
        const blocked_signals uninterrupted;
        if (has_begun_.exchange(true)) return;
        try {
            action();
        } catch (...) {
            has_begun_ = false;
            throw;
        }
    }

private:
    std::atomic<bool> has_begun_{false};
};

/// UTF-8; nothing if the variable is unset or empty.
std::optional<std::string> variable(const char* name);

/// As `variable`, without loss for names that are not valid text.
std::filesystem::path path_variable(const char* name);

// Each of these is empty if the system does not tell.
std::filesystem::path executable_directory();
std::filesystem::path home_directory();
std::filesystem::path application_data_directory();  // %APPDATA%

/// The number of this user, where users have one, else empty.
std::string user_id();

/// For people to read. `path::string()` throws on Windows where the code page has no such letter.
std::string to_utf8(const std::filesystem::path& path);

}  // namespace chainner::platform
