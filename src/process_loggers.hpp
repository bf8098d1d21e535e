#pragma once

// The loggers of a process, which live as long as it does, and the hooks that end, fork or crash with it.

#include <spdlog/logger.h>

#include <array>
#include <atomic>
#include <chainner/logger.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "console_sink.hpp"
#include "file/file_sink.hpp"
#include "guarded.hpp"
#include "platform/file.hpp"

namespace chainner::detail {

inline constexpr std::array<std::string_view, 2> role_names{"host", "worker"};

/// A role's logger and its two sinks. Set up again, the sinks change and the logger stays.
struct role_logger {
    explicit role_logger(std::string_view role_name);

    std::string role_name;
    std::shared_ptr<file_sink> file;  // first, so that a console never comes before it
    std::shared_ptr<console_sink> console;
    std::shared_ptr<spdlog::logger> logger;
    std::atomic<bool> is_set_up{false};
    std::atomic<bool> has_utc_offset{false};  // the time in the file, in the library's own pattern
};

/// For the lock of whoever sets a role up.
struct setup {
    setup clone_for_child() const noexcept { return {}; }
    void detach_in_child() noexcept {}
};

/// What is captured of the process's output, for the hooks: `output/` uses this header, and not this one `output/`.
struct output_hooks {
    /// Has all that was written until now taken in. May be called in a signal handler.
    void (*settle)() noexcept;
    /// Takes it in, as the thread that does it otherwise may have ended.
    void (*finish)() noexcept;
};

/// Never destroyed: loggers are used in static destructors, and by threads that outlive `main`.
struct process_loggers {
    guarded<detail::setup> setup;
    std::array<role_logger, role_names.size()> loggers{role_logger(role_names[0]), role_logger(role_names[1])};
    std::atomic<role_logger*> own{nullptr};  // of the role that the process has set up
    platform::remembered_file crash_file;    // gets the first line of a crash, before others write to it
    std::atomic<void (*)() noexcept> write_stacks{nullptr};  // of code in another language, to the crash file
    std::atomic<const output_hooks*> output{nullptr};        // null: nothing is captured
};

/// Makes them, and adds the hooks, at the first call. Thread-safe, also in a signal handler.
process_loggers& loggers_of_process();

/// For a console: where the records are that it did not show.
std::string describe_missing(std::size_t records, file_sink& file);

/// Waits, up to a second, until what was written to a captured stream is in the log. Thread-safe, also in a signal
/// handler.
void settle_output() noexcept;

/// Writes what is held back, and the records that close the sessions.
void end_sessions();

}  // namespace chainner::detail
