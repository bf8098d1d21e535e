#pragma once

// The file of a role, whatever happens to it.

#include <spdlog/common.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "file/backlog.hpp"
#include "file/log_file.hpp"
#include "file/session.hpp"
#include "platform/file.hpp"

namespace chainner::detail {

/// Appends records to the file of a role. Faults pass, records stay: what cannot be written is held and written in
/// order later, a file that cannot be rotated grows, one that is gone is opened anew. One WARNING record then says what
/// has happened. No error of input or output makes it throw, but for `join`; memory may. Not thread-safe.
class resilient_file {
public:
    using time_point = spdlog::log_clock::time_point;
    /// Formats a record of the library's own, as those of the program are formatted. A short one takes no memory.
    using make_record =
        std::function<spdlog::memory_buf_t(spdlog::level::level_enum level, std::string_view text, time_point time)>;

    /// `session` says who writes, at the beginning of each file, and outlives this.
    resilient_file(make_record make_own, session& session) : make_own_(std::move(make_own)), session_(session) {}

    // Which file it is

    /// Opens the file that belongs there; null if it is open already. To be given to `go_on`, before which the present
    /// one is written to. Adds what is to be warned of. Throws `std::filesystem::filesystem_error`.
    std::unique_ptr<log_file> join(const log_location& location, std::vector<std::string>& warnings);

    /// Writes there from now on, first what a fault still holds back.
    void go_on(std::unique_ptr<log_file> joined, log_location location, std::vector<std::string>& warnings);

    /// Writes nowhere from now on. `warnings` gets how many records a fault holds back for good.
    void close(std::vector<std::string>& warnings);

    /// Opens a file of its own there, once there is a record.
    void expect(log_location location) { location_ = std::move(location); }

    /// Of the file that is open, else empty.
    std::filesystem::path path() const { return file_ ? file_->path() : std::filesystem::path(); }

    // Records

    /// One or more records, whole lines, the last of which has this time. Looks after the file first, if that is due.
    void append(std::string_view records, time_point time);

    /// So many records could not be written without the lock.
    void count_lost(std::size_t records);

    /// A record of the library's own, now.
    void say(spdlog::level::level_enum level, std::string_view text);

    /// Who writes; nothing where there is no file.
    void say_who_writes();

    /// What has gone wrong, if that is not yet told: while the file can still be written.
    void tell_fault();

    /// Whether records go straight to the file: nothing is held back.
    bool is_in_order() const noexcept { return file_ && backlog_.empty(); }

    /// Looks after the file, and tries to end a fault if that is due; `retry_now`: even if not.
    void flush();
    void retry_now();

    // Without the lock

    /// The file that is written now.
    const platform::remembered_file& current() const noexcept { return current_; }

    /// Changes only while the role is set up.
    const log_location& location() const noexcept { return location_; }

    /// In a child by `fork`: the file, and what is held for it, are the parent's.
    void detach_in_child() noexcept;

private:
    void look_after();
    void verify();
    platform::placement check_placement();
    void use(std::unique_ptr<log_file> next) noexcept;

    bool try_append(std::string_view& records);
    std::error_code write(std::string_view& records);
    bool rotate(std::size_t room);

    void begin_fault(const std::string& what, const std::string& reason = "");
    void end_fault();
    void retry();
    void write_backlog();

    void write_own(spdlog::level::level_enum level, std::string_view text);
    void write_header(std::string_view before, std::size_t room);
    void warn_of_size_limit();

    make_record make_own_;
    session& session_;
    log_location location_;
    std::unique_ptr<log_file> file_;
    platform::remembered_file current_;
    backlog backlog_;
    time_point time_;  // of the record that is written, which is that of our own records beside it
    time_point verified_at_;
    bool is_size_limit_reported_ = false;
    std::atomic<bool> is_parents_{false};  // this is what a child has left to its parent
};

}  // namespace chainner::detail
