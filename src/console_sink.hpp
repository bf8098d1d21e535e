#pragma once

// Records on the console, for as long as somebody reads them.

#include <spdlog/formatter.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "guarded_sink.hpp"
#include "lossy_console.hpp"
#include "platform/console.hpp"

namespace chainner::detail {

/// Shows coloured records on stderr.
///
/// Waits for a reader that is slow, but gives up on it, as `lossy_console` does, also if it keeps one call waiting for
/// a second. A WARNING then tells it how many records are missing. Never raises SIGPIPE. Not thread-safe: see
/// `console_sink`.
class console_writer {
public:
    using clock = std::chrono::steady_clock;

    /// Waits so long, and tells the time then.
    using wait_function = std::function<clock::time_point(std::chrono::milliseconds)>;

    /// `describe_missing` says where so many records are that were not shown.
    console_writer(
        std::string logger_name, lossy_console::describe_function describe_missing,
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

    std::string_view formatted(const spdlog::details::log_msg& record);
    static clock::time_point wait_for(std::chrono::milliseconds time);

    std::string logger_name_;
    lossy_console::describe_function describe_missing_;
    wait_function wait_;
    lossy_console console_;
    std::unique_ptr<spdlog::formatter> formatter_;
    std::atomic<bool> is_open_{false};
    spdlog::color_mode color_ = spdlog::color_mode::automatic;
    spdlog::memory_buf_t line_;
    mutable std::atomic<std::size_t> passed_over_{0};  // to be left out
};

/// What any thread may use.
using console_sink = guarded_sink<console_writer>;

}  // namespace chainner::detail
