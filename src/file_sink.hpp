#pragma once

#include <spdlog/sinks/base_sink.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "platform.hpp"

namespace chainner::detail {

/// The file of one role: a `rotating_file_sink_mt` that opens, names and rotates, made to keep three promises.
///
/// - Written means written: when `log` returns, the record has been given to the kernel by one `write`.
/// - One file, one writer: the file is locked while it is open; a name that another process has locked is passed over
///   for the next (`host.log`, `host-2.log`, ...). A child by `fork` opens a file of its own at its first record.
/// - Faults pass, records stay: what cannot be written is held, up to 1 MiB, and written in order later. A file that
///   cannot be rotated grows. One WARNING record then tells what happened.
///
/// Never throws when logging. Thread-safe, as spdlog's `_mt` sinks are.
class file_sink final : public spdlog::sinks::base_sink<std::mutex> {
public:
    struct target {
        std::filesystem::path directory;  // created if missing
        platform::sharing sharing;
        std::string role;      // the file's name without `.log`
        std::size_t max_size;  // bytes
        std::size_t max_files;
        std::string application_version;
    };

    explicit file_sink(std::string logger_name);
    ~file_sink() override;

    /// Writes there from now on, after what a fault still holds back. Throws `std::filesystem::filesystem_error`; the
    /// sink then goes on as it was.
    void open(target place, std::unique_ptr<spdlog::formatter> formatter);

    /// Writes who writes, and if the session before this one in the same file has left no record of its end. From now
    /// on each new file says who writes, and the last one, when the file is left or by `end`, that it ended.
    void begin_session();

    /// Writes nowhere from now on.
    void close();

    /// Lets go of the file, so that others may have it; the next record opens one again.
    void release();

    /// Of the file that is open, else empty.
    std::filesystem::path path();

    // Without the lock, for a handler of signals, which has no other way.

    /// The descriptor of the file that is open, else -1.
    int number() const noexcept { return number_.load(std::memory_order_relaxed); }

    /// Of local time, in minutes.
    int utc_offset() const noexcept { return utc_offset_.load(std::memory_order_relaxed); }

    /// At the end of the process: writes what a fault holds back, and that the session ended. Leaves it all be if the
    /// lock cannot be had within 100 ms: its holder may be dead.
    void end();

    void lock() { mutex_.lock(); }
    void unlock() { mutex_.unlock(); }

    /// In a child by `fork`, with the lock held: leaves the file, and what is held for it, to the parent.
    void leave_to_parent();

private:
    using time_point = spdlog::log_clock::time_point;
    using clock = std::chrono::steady_clock;  // of the pauses; the other one can jump back

    struct live_file;
    struct fault {
        std::filesystem::path path;
        std::string what;
        clock::time_point since;
    };

    void sink_it_(const spdlog::details::log_msg& msg) override;
    void flush_() override;
    void set_pattern_(const std::string& pattern) override;
    void set_formatter_(std::unique_ptr<spdlog::formatter> formatter) override;

    // The normal path
    void take(std::string_view record, time_point now);
    bool put(std::string_view record, time_point now);
    bool rotate(std::size_t room, time_point now);
    bool write(std::string_view record);
    bool append(std::string_view text);
    void look(time_point now);

    void use(std::unique_ptr<live_file> next);
    void watch_utc_offset(time_point now);
    void say_origin(const std::string& before, std::size_t room, time_point now);
    void say_end(time_point now);

    // Faults
    void begin_fault(const std::string& what, const std::string& reason = "");
    void forget_fault();
    void abandon();
    void hold(std::string_view record);
    bool is_try_due() const;
    void pause(clock::time_point began);
    void recover(time_point now);
    void settle(time_point now);
    void end_fault(time_point now);
    void format_note(spdlog::level::level_enum level, const std::string& text, time_point now,
                     spdlog::memory_buf_t& record);
    void note(spdlog::level::level_enum level, const std::string& text, time_point now);

    std::string logger_name_;
    std::optional<target> target_;
    std::unique_ptr<live_file> live_;
    std::atomic<int> number_{-1};
    std::atomic<int> utc_offset_{0};
    time_point next_minute_;
    bool is_in_session_ = false;
    bool was_left_open_ = false;  // the file, by the session before this one
    spdlog::memory_buf_t formatted_;

    time_point last_look_;  // whether the file is in place

    std::optional<fault> fault_;
    std::string held_;  // records, in order
    std::size_t lost_ = 0;
    clock::time_point next_try_;
    bool is_child_ = false;
};

}  // namespace chainner::detail
