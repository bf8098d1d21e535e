#include "file/file_sink.hpp"

#include <spdlog/details/log_msg.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chainner/logger.hpp>
#include <chrono>
#include <exception>
#include <utility>

#include "platform/process.hpp"
#include "record/escaping.hpp"
#include "record/record_format.hpp"

namespace chainner::detail {

namespace fs = std::filesystem;
using platform::placement;
using spdlog::fmt_lib::format;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t verify_bytes = 64 * 1024;
constexpr auto verify_interval = 100ms;
constexpr std::size_t batch_bytes = 16 * 1024;

std::string_view text_of(const spdlog::memory_buf_t& buffer) { return {buffer.data(), buffer.size()}; }

/// What the system said, if it said something.
std::string reason_of(const std::exception& error) {
    const auto* const of_files = dynamic_cast<const fs::filesystem_error*>(&error);
    return of_files != nullptr && of_files->code() ? of_files->code().message() : error.what();
}

}  // namespace

file_writer::file_writer(std::string logger_name) : logger_name_(std::move(logger_name)) {}

std::vector<std::string> file_writer::open(log_location location, std::string application_version,
                                           std::unique_ptr<spdlog::formatter> formatter) {
    const time_point now = spdlog::log_clock::now();
    std::vector<std::string> warnings;
    std::error_code ignored;
    const bool is_same_file = file_ && location_.role == location.role &&
                              fs::equivalent(location_.directory, location.directory, ignored) &&
                              file_->verify() == placement::in_place;
    if (!is_same_file) {
        platform::make_directories(location.directory, location.sharing);
        auto joined = log_file::open_first_available(location, warnings);
        if (file_) check_placement();
        write_closing(now);
        use(std::move(joined));
        if (backlog_.empty()) backlog_.clear();
        is_child_ = false;
    }
    const bool was_open = is_same_file && session_.is_open();
    session_ = session(location.role, std::move(application_version));
    utc_offset_ = session_.utc_offset();
    location_ = std::move(location);
    if (is_same_file) file_->share(location_, warnings);
    is_open_ = true;
    formatter_ = std::move(formatter);
    if (was_open) session_.begin();
    if (!is_same_file) was_left_open_ = session::is_left_open(file_->read_end(session::end_size));
    verified_at_ = now;
    backlog_.retry_at_once();
    if (backlog_.empty()) {
        warn_of_size_limit(now);
    } else {
        retry(now);
    }
    return warnings;
}

std::vector<std::string> file_writer::close() {
    end_session();
    session_.end();
    is_open_ = false;
    const std::string lost = backlog_.give_up();
    use(nullptr);
    return lost.empty() ? std::vector<std::string>() : std::vector{lost};
}

void file_writer::begin_session() {
    const time_point now = spdlog::log_clock::now();
    session_.begin();
    if (!file_ || !backlog_.empty()) return;
    write_header("", 0, now);
    if (std::exchange(was_left_open_, false)) {
        write_internal(spdlog::level::info,
                       format("{}ended without a closing record, as after a kill, a crash, a power loss or _exit",
                              session_left_open),
                       now);
    }
}

void file_writer::end_session() {
    const time_point now = spdlog::log_clock::now();
    backlog_.retry_at_once();
    flush();
    write_closing(now);
    backlog_.retry_at_once();  // nothing comes after it
    flush();
}

void file_writer::log(const spdlog::details::log_msg& record) {
    if (!is_open_) return;
    std::string_view line = formatted(record);
    if (!append(line, record.time)) backlog_.add(line);
}

void file_writer::log_without_lock(const spdlog::details::log_msg& record) const {
    spdlog::memory_buf_t line;
    make_formatter(default_file_pattern)->format(record, line);
    std::error_code ignored;
    platform::write(current_.verified_number(), text_of(line), ignored);
}

void file_writer::add_to_batch(const spdlog::details::log_msg& record) {
    if (!is_open_) return;
    const std::string_view line = formatted(record);
    captured_until_ = record.time;
    if (batch_.size() + line.size() > std::min(batch_bytes, location_.max_size)) write_batch();
    batch_.append(line.data(), line.data() + line.size());
}

void file_writer::write_batch() {
    std::string_view records = text_of(batch_);
    if (!records.empty() && !append(records, spdlog::log_clock::now())) backlog_.add(records);
    clear(batch_);
}

void file_writer::flush() { look_after(spdlog::log_clock::now()); }

// The way of a record

std::string_view file_writer::formatted(const spdlog::details::log_msg& record) {
    clear(formatted_);
    const auto early = captured_until_ - record.time;
    if (early > 0s && early < 1s) {
        // What the program has printed before was taken a moment later. In the file, time does not run back.
        spdlog::details::log_msg after = record;
        after.time = captured_until_;
        formatter_->format(after, formatted_);
    } else {
        formatter_->format(record, formatted_);
    }
    return text_of(formatted_);
}

/// Of one or more. false if what is left of them then is to be held back.
bool file_writer::append(std::string_view& records, time_point now) {
    const bool is_verified = now >= verified_at_ && now - verified_at_ < verify_interval && file_ &&
                             file_->size_since_verified() < verify_bytes;
    if (!is_verified || !backlog_.empty()) look_after(now);
    if (!file_ && backlog_.is_retry_due()) retry(now);
    if (session_.may_change_utc_offset(now)) announce_utc_offset();
    if (!file_ || !backlog_.empty()) return false;
    std::error_code error = write(records, now);
    // A program that has closed the file may close the next one while it is being opened.
    for (int tries = 3; error && !file_ && tries > 0; --tries) {
        retry(now);
        if (file_ && backlog_.empty()) error = write(records, now);
    }
    if (!error && backlog_.has_dropped()) end_fault(now);
    return !error;
}

/// Without an error they are done with; otherwise what is not yet written is left of them.
std::error_code file_writer::write(std::string_view& records, time_point now) {
    const auto is_full = [&] {
        return file_ && file_->size() > 0 && file_->size() + records.size() > file_->limit(location_.max_size);
    };
    std::error_code error;
    for (int tries = 2; tries > 0; --tries) {
        while (is_full() && backlog_.is_retry_due() && rotate(records.size(), now)) {
        }
        error = file_ ? file_->append(records) : std::make_error_code(std::errc::bad_file_descriptor);
        if (!error) return error;
        if (file_) records.remove_prefix(file_->appended_whole());
        if (error != std::errc::file_too_large) break;
    }
    if (file_ && error == std::errc::bad_file_descriptor) check_placement();
    begin_fault("could not be written", error.message());
    if (file_ && error == std::errc::file_too_large && first_record(records).size() == records.size() &&
        records.size() > platform::file_size_limit()) {
        backlog_.count_dropped();  // no file can ever hold it
        return {};
    }
    if (file_) backlog_.retry_later(backlog::clock::now());
    return error;
}

bool file_writer::rotate(std::size_t room, time_point now) {
    if (is_parents_ || check_placement() != placement::in_place) return false;
    if (file_->was_emptied()) {
        write_header(session_continued, room, now);
        return false;
    }
    const auto began = backlog::clock::now();
    try {
        if (location_.sharing != platform::sharing::none) {
            platform::make_directories(location_.directory, location_.sharing);  // another user may have taken it over
        }
        use(file_->rotate(location_));
    } catch (const std::exception& error) {
        const bool is_lasting = backlog_.has_fault();
        begin_fault("could not be rotated", reason_of(error));
        backlog_.retry_later(began);
        if (is_lasting) tell_fault(now);
        return false;
    }
    write_header(session_continued, room, now);
    if (backlog_.empty()) end_fault(now);
    return true;
}

/// Sees to the file, or to what is held back from it.
void file_writer::look_after(time_point now) {
    if (file_ && backlog_.empty()) {
        verify(now);
    } else if (!backlog_.empty() && backlog_.is_retry_due()) {
        retry(now);
    }
}

/// Goes on in another file where this one is gone.
void file_writer::verify(time_point now) {
    verified_at_ = now;
    platform::handle_faults_again();
    if (check_placement() != placement::in_place) {
        if (backlog_.is_retry_due()) retry(now);
        return;
    }
    if (file_->was_emptied()) write_header(session_continued, 0, now);
    warn_of_size_limit(now);
}

/// Asks whether the file is still there, and leaves one that nobody will find.
placement file_writer::check_placement() {
    const placement found = file_->verify();
    if (found == placement::moved) begin_fault("was renamed by somebody");
    if (found == placement::closed) begin_fault("was closed by the program");
    if (found == placement::removed) {
        begin_fault("was removed by somebody, with all but its last records");
        backlog_.prepend(file_->read_back());
    }
    if (found == placement::closed || found == placement::removed) use(nullptr);
    return found;
}

void file_writer::use(std::unique_ptr<log_file> next) noexcept {
    current_.remember(next ? next->file().number() : platform::no_file);  // before the present file is closed
    file_ = std::move(next);
}

// Faults

void file_writer::begin_fault(const std::string& what, const std::string& reason) {
    backlog_.begin_fault(file_ ? file_->path() : location_.file(), what, reason);
}

/// Opens a file where there is none, or none of the right name any more, and writes what was held back.
void file_writer::retry(time_point now) {
    if (is_parents_) return;
    const auto began = backlog::clock::now();
    bool is_new = false;
    std::vector<std::string> warnings;
    try {
        if (!file_ || check_placement() != placement::in_place) {
            platform::make_directories(location_.directory, location_.sharing);
            use(log_file::open_first_available(location_, warnings));
            verified_at_ = now;
            is_new = true;
        }
    } catch (const std::exception& error) {
        begin_fault("could not be opened", reason_of(error));
        backlog_.retry_later(began);
        tell_fault(now);
        return;
    }
    if (std::exchange(is_child_, false)) {
        write_internal(spdlog::level::info,
                       format("{}a forked process. Log file: {}", session_opening, platform::to_utf8(file_->path())),
                       now);
    }
    if (is_new) write_header("", backlog_.front().size(), now);
    for (const std::string& each : warnings) write_internal(spdlog::level::warn, each, now);
    write_backlog(now);
}

void file_writer::write_backlog(time_point now) {
    while (!backlog_.empty() && file_) {
        std::string_view record = backlog_.front();
        if (write(record, now)) return;
        backlog_.pop_front();
    }
    if (backlog_.empty()) end_fault(now);
}

/// While the file can still be written.
void file_writer::tell_fault(time_point now) {
    const std::string told = file_ && backlog_.empty() ? backlog_.describe_once() : "";
    if (!told.empty()) write_internal(spdlog::level::warn, told + "; records go on in it", now);
}

void file_writer::end_fault(time_point now) {
    if (backlog_.has_fault() && file_) write_internal(spdlog::level::warn, backlog_.end_fault(file_->path()), now);
}

// Records of our own

/// Leaves `room` bytes in the file: what is only about the file must not take it from the records.
void file_writer::write_header(std::string_view before, std::size_t room, time_point now) {
    if (!session_.is_open() || !file_) return;
    const spdlog::memory_buf_t record =
        format_internal(spdlog::level::info, format("{}{}", before, session_.header()), now);
    if (file_->size() + record.size() + room > file_->limit(location_.max_size)) return;
    const std::error_code error = file_->append(text_of(record));
    if (!error) return;
    begin_fault("could not be written", error.message());
    backlog_.add(text_of(record));
}

void file_writer::write_closing(time_point now) {
    tell_fault(now);
    if (session_.is_open() && file_ && backlog_.empty()) write_internal(spdlog::level::info, session_.closing(), now);
}

/// By the clock of the process: the time of a record may be any.
void file_writer::announce_utc_offset() {
    const time_point now = spdlog::log_clock::now();
    if (!session_.may_change_utc_offset(now) || !file_ || !backlog_.empty()) return;
    const auto change = session_.update_utc_offset(now);
    utc_offset_ = session_.utc_offset();
    if (change) write_internal(spdlog::level::info, *change, now);
}

void file_writer::warn_of_size_limit(time_point now) {
    const std::uintmax_t limit = file_->limit(location_.max_size);
    const bool is_reported = std::exchange(is_size_limit_reported_, limit < location_.max_size);
    if (is_reported || !is_size_limit_reported_) return;
    write_internal(spdlog::level::warn,
                   format("Log files are rotated at {} bytes instead of {}: this process may not write larger files "
                          "(RLIMIT_FSIZE, ulimit -f)",
                          limit, location_.max_size),
                   now);
}

spdlog::memory_buf_t file_writer::format_internal(spdlog::level::level_enum level, const std::string& text,
                                                  time_point now) {
    spdlog::memory_buf_t record;
    formatter_->format({now, internal_source, logger_name_, level, text}, record);
    return record;
}

void file_writer::write_internal(spdlog::level::level_enum level, const std::string& text, time_point now) {
    const spdlog::memory_buf_t record = format_internal(level, text, now);
    std::string_view line = text_of(record);
    if (!file_ || write(line, now)) backlog_.add(line);
}

// Forks

file_writer::file_writer(const file_writer& parent, std::unique_ptr<spdlog::formatter> formatter)
    : logger_name_(parent.logger_name_),
      is_open_(parent.is_open()),
      location_(parent.location_),
      formatter_(std::move(formatter)),
      utc_offset_(parent.utc_offset()),
      session_(parent.session_),
      is_child_(true) {}

file_writer file_writer::clone_for_child() const { return {*this, formatter_ ? formatter_->clone() : nullptr}; }

void file_writer::detach_in_child() noexcept {
    is_parents_ = true;
    const platform::file_number number = current_.number();
    current_.remember(platform::no_file);
    platform::make_unwritable(number);
}

}  // namespace chainner::detail
