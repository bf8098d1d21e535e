#pragma once

// Records on the console, for as long as somebody reads them.

#include <spdlog/formatter.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "guarded_sink.hpp"
#include "platform/console.hpp"

namespace chainner::detail {

/// Shows coloured records on stderr.
///
/// A reader that takes nothing for 100 ms, or that keeps one call waiting for a second, is given up on: records are
/// then counted instead of shown, at no wait, until it has taken all there was; a WARNING line then says how many are
/// missing. A line is shown whole or not at all. Never throws and never raises SIGPIPE. Not thread-safe: see
/// `console_sink`.
class console_writer {
public:
    using clock = std::chrono::steady_clock;

    /// Waits so long, and tells the time then.
    using wait_function = std::function<clock::time_point(std::chrono::milliseconds)>;

    /// `where_else` says at which place the records are that were not shown.
    console_writer(
        std::string logger_name, std::function<std::string()> where_else,
        std::unique_ptr<platform::console> console = platform::make_console(platform::standard_stream::error),
        wait_function wait = wait_for);

    void open(std::unique_ptr<spdlog::formatter> formatter, spdlog::color_mode color);

    /// Shows nothing from now on.
    void close() noexcept { is_open_ = false; }

    void log(const spdlog::details::log_msg& record);
    void flush() noexcept {}
    void set_formatter(std::unique_ptr<spdlog::formatter> formatter) { formatter_ = std::move(formatter); }

    // Without the lock

    /// Counts it: a thread that waits for a slow reader has the lock.
    void log_without_lock(const spdlog::details::log_msg&) const noexcept { ++passed_over_; }
    bool is_open() const noexcept { return is_open_.load(std::memory_order_relaxed); }

    /// For a child by `fork`: what is still to be shown is the parent's.
    console_writer clone_for_child() const;
    void detach_in_child() noexcept {}

private:
    console_writer(const console_writer& parent, std::unique_ptr<spdlog::formatter> formatter);

    bool resume(spdlog::log_clock::time_point now);
    bool show(const spdlog::details::log_msg& record);
    std::size_t write(std::string_view text);
    bool may_wait(std::size_t unread);
    static clock::time_point wait_for(std::chrono::milliseconds time);

    std::string logger_name_;
    std::function<std::string()> where_else_;
    std::unique_ptr<platform::console> console_ = platform::make_console(platform::standard_stream::error);
    wait_function wait_ = wait_for;
    std::unique_ptr<spdlog::formatter> formatter_;
    std::atomic<bool> is_open_{false};
    spdlog::color_mode color_ = spdlog::color_mode::automatic;

    spdlog::memory_buf_t line_;
    std::string rest_;  // of a line whose beginning was shown: it comes first when the reader is back
    std::size_t hidden_ = 0;
    mutable std::atomic<std::size_t> passed_over_{0};  // hidden as well, to be added

    // Of the call that is being made
    std::optional<clock::time_point> waits_since_;
    clock::time_point last_taken_;
    std::size_t unread_ = 0;  // bytes, then
};

/// What any thread may use.
using console_sink = guarded_sink<console_writer>;

}  // namespace chainner::detail
