#pragma once

// The way of a record to the file of its role.

#include <spdlog/formatter.h>

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "file/backlog.hpp"
#include "file/log_file.hpp"
#include "file/session.hpp"
#include "guarded_sink.hpp"
#include "platform/file.hpp"

namespace chainner::detail {

/// Writes the records of one role, and those of the library's own that mark its session, so that three promises are
/// kept:
///
/// - Written means written: when `log` returns, the record has been given to the kernel by one `write`.
/// - One file, one writer: see `log_file`. A child by `fork` opens a file of its own at its first record.
/// - Faults pass, records stay (file_faults.cpp): what cannot be written is held and written in order later, a file
///   that cannot be rotated grows, one that is gone is opened anew. One WARNING record then says what has happened.
///
/// No error of input or output makes it throw, but for `open`; memory and formatters of others may. Not thread-safe:
/// see `file_sink`.
class file_writer {
public:
    explicit file_writer(std::string logger_name) : logger_name_(std::move(logger_name)) {}

    /// Writes there from now on, first what a fault still holds back. Adds what is to be warned of. Throws
    /// `std::filesystem::filesystem_error`; the writer then goes on as it was.
    void open(log_location location, std::string application_version, std::unique_ptr<spdlog::formatter> formatter,
              std::vector<std::string>& warnings);

    /// Ends the session, and writes nowhere from now on. `warnings` gets how many records a fault holds back for good.
    void close(std::vector<std::string>& warnings);

    /// Writes who writes, and if the session before this one in the same file was not closed. From now on each new file
    /// says who writes, and the last one, when it is left, that the session is closed.
    void begin_session();

    /// Writes what a fault holds back, if it can be written now, and the record that closes the session. Returns what
    /// is lost if nothing comes after it; empty if nothing is.
    std::string end_session();

    void log(const spdlog::details::log_msg& record);

    /// As `log`, but several records may become one `write`, the last one by `write_batch`. For what is captured.
    void add_to_batch(const spdlog::details::log_msg& record);
    void write_batch();

    /// Looks after the file, and tries to end a fault if that is due.
    void flush();

    void set_formatter(std::unique_ptr<spdlog::formatter> formatter) { formatter_ = std::move(formatter); }

    /// Of the file that is open, else empty.
    std::filesystem::path path() const { return file_ ? file_->path() : std::filesystem::path(); }

    // Without the lock

    /// For a record that would have to wait for a thread that is stopped. In the library's own pattern, as that of the
    /// file is behind the lock.
    void log_without_lock(const spdlog::details::log_msg& record) const;

    bool is_open() const noexcept { return is_open_.load(std::memory_order_relaxed); }

    /// The file that is written now.
    const platform::remembered_file& current() const noexcept { return current_; }

    /// Changes only while the role is set up.
    const log_location& location() const noexcept { return location_; }

    /// Of local time, in minutes.
    int utc_offset() const noexcept { return utc_offset_.load(std::memory_order_relaxed); }

    // In a child by `fork`

    /// For the child: writes to a file of its own, with the same options, once there is a record.
    file_writer clone_for_child() const { return {*this, formatter_ ? formatter_->clone() : nullptr}; }

    /// The file, and what is held for it, are the parent's.
    void detach_in_child() noexcept;

private:
    using time_point = spdlog::log_clock::time_point;

    file_writer(const file_writer& parent, std::unique_ptr<spdlog::formatter> formatter);

    std::string_view formatted(const spdlog::details::log_msg& record);
    void append(std::string_view records, time_point time);
    void write_closing();
    void announce_utc_offset();

    // Records of the library's own
    spdlog::memory_buf_t make_own(spdlog::level::level_enum level, std::string_view text) const;
    void write_own(spdlog::level::level_enum level, std::string_view text);
    void write_heading(std::size_t room);
    void write_or_hold(std::string_view record);
    void warn_of_size_limit();

    // Whatever happens to the file
    bool is_in_order() const noexcept { return file_ && backlog_.empty(); }
    void use(std::unique_ptr<log_file> next) noexcept;
    std::error_code write(std::string_view& records);
    bool is_full(std::size_t room) const noexcept {
        return file_ && file_->size() > 0 && file_->size() + room > file_->limit(location_.max_size);
    }
    template <class Open>
    bool go_on_in(Open open, const char* fault);
    bool rotate(std::size_t room);
    void look_after();
    platform::placement check_placement();
    bool open_anew();
    void write_backlog();
    void begin_fault(const std::string& what, const std::string& reason = "");
    void tell_fault();
    void end_fault();

    std::string logger_name_;
    std::atomic<bool> is_open_{false};
    std::unique_ptr<spdlog::formatter> formatter_;
    std::atomic<int> utc_offset_{0};
    mutable std::atomic<std::size_t> lost_without_lock_{0};  // records
    session session_;
    bool has_session_ = false;    // that is begun
    bool was_left_open_ = false;  // the file, by the session before this one
    bool is_new_child_ = false;   // by `fork`, which says so in its first file
    log_location location_;
    std::unique_ptr<log_file> file_;
    std::optional<std::string_view> heading_;  // what comes before who writes, if that is still to be written
    platform::remembered_file current_;
    backlog backlog_;
    time_point time_;  // of the record that is written, which is that of our own records beside it
    time_point verified_at_;
    bool is_size_limit_reported_ = false;
    std::atomic<bool> is_parents_{false};  // this is what a child has left to its parent
    spdlog::memory_buf_t formatted_;
    spdlog::memory_buf_t batch_;
};

/// What any thread may use.
using file_sink = guarded_sink<file_writer>;

}  // namespace chainner::detail
