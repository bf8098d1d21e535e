#include "file/file_sink.hpp"

#include <spdlog/details/log_msg.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chainner/logger.hpp>
#include <chrono>
#include <utility>

#include "platform/directory.hpp"
#include "record/escaping.hpp"
#include "record/record_format.hpp"

namespace chainner::detail {

namespace fs = std::filesystem;
using spdlog::fmt_lib::format;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t batch_bytes = 16 * 1024;
constexpr std::size_t verify_bytes = 256 * 1024;
constexpr auto verify_interval = 100ms;

}  // namespace

file_writer::file_writer(const file_writer& parent, std::unique_ptr<spdlog::formatter> formatter)
    : file_writer(parent.logger_name_) {
    is_open_ = parent.is_open();
    formatter_ = std::move(formatter);
    utc_offset_ = parent.utc_offset();
    session_ = parent.session_;
    has_session_ = parent.has_session_;
    is_new_child_ = true;
    location_ = parent.location_;
}

// Sessions

void file_writer::open(log_location location, std::string application_version,
                       std::unique_ptr<spdlog::formatter> formatter, std::vector<std::string>& warnings) {
    session next(location.role, std::move(application_version));
    std::error_code ignored;
    const bool is_there = file_ && fs::equivalent(location_.directory, location.directory, ignored) &&
                          file_->verify() == platform::placement::in_place;
    if (is_there) {
        file_->share(location, warnings);
    } else {
        platform::make_directories(location.directory, location.sharing);
        auto joined = log_file::open_first_available(location, warnings);
        if (file_) check_placement();
        write_closing();
        was_left_open_ = session::is_left_open(joined->read_end(session::end_size));
        has_session_ = is_new_child_ = false;
        use(std::move(joined));
        if (backlog_.empty()) backlog_.clear();
    }
    session_ = std::move(next);
    utc_offset_ = session_.utc_offset();
    formatter_ = std::move(formatter);
    location_ = std::move(location);
    is_open_ = true;
    backlog_.retry_at_once();
    flush();
}

void file_writer::close(std::vector<std::string>& warnings) {
    if (std::string lost = end_session(); !lost.empty()) warnings.push_back(std::move(lost));
    is_open_ = false;
    backlog_.clear();
    use(nullptr);
}

void file_writer::begin_session() {
    has_session_ = true;
    if (!is_in_order()) return;
    time_ = spdlog::log_clock::now();
    heading_ = "";
    write_heading(0);
    if (std::exchange(was_left_open_, false)) {
        write_own(spdlog::level::info,
                  format("{}ended without a closing record, as after a kill, a crash, a power loss or _exit",
                         session_left_open));
    }
}

std::string file_writer::end_session() {
    backlog_.retry_at_once();
    flush();
    write_closing();
    backlog_.retry_at_once();  // nothing comes after it
    flush();
    return backlog_.describe_loss();
}

void file_writer::write_closing() {
    time_ = spdlog::log_clock::now();
    tell_fault();
    if (has_session_ && is_in_order()) write_own(spdlog::level::info, session_.closing());
}

/// By the clock of the process: the time of a record may be any.
void file_writer::announce_utc_offset() {
    const time_point now = spdlog::log_clock::now();
    if (!session_.may_change_utc_offset(now) || !is_in_order()) return;
    const auto change = session_.update_utc_offset(now);
    utc_offset_ = session_.utc_offset();
    time_ = now;
    if (change) write_own(spdlog::level::info, *change);
}

// Records

void file_writer::log(const spdlog::details::log_msg& record) {
    if (is_open_) append(formatted(record), record.time);
}

void file_writer::log_without_lock(const spdlog::details::log_msg& record) const {
    spdlog::memory_buf_t line;
    make_formatter(default_file_pattern)->format(record, line);
    std::error_code error = std::make_error_code(std::errc::file_too_large);
    const platform::file_number file = current_.verified_number();
    if (platform::has_room(file, line.size())) platform::write(file, text_of(line), error);
    if (error) ++lost_without_lock_;
}

void file_writer::add_to_batch(const spdlog::details::log_msg& record) {
    if (!is_open_) return;
    const std::string_view line = formatted(record);
    if (batch_.size() + line.size() > std::min(batch_bytes, location_.max_size)) write_batch();
    batch_.append(line.data(), line.data() + line.size());
}

void file_writer::write_batch() {
    if (batch_.size() > 0) append(text_of(batch_), spdlog::log_clock::now());
    clear(batch_);
}

/// One or more records, whole lines, the last of which has this time.
void file_writer::append(std::string_view records, time_point time) {
    if (lost_without_lock_ > 0) {
        begin_fault("could not be written");
        backlog_.count_dropped(lost_without_lock_.exchange(0));
    }
    if (session_.may_change_utc_offset(time)) announce_utc_offset();
    time_ = time;
    // A program that has closed the file may close the next one while it is being opened.
    for (int tries = 4; tries > 0; --tries) {
        const bool is_verified = time >= verified_at_ && time - verified_at_ < verify_interval && file_ &&
                                 file_->size_since_verified() < verify_bytes;
        if (!is_verified || !backlog_.empty()) look_after();
        if (is_in_order() && !write(records)) {
            if (backlog_.has_dropped()) end_fault();
            return;
        }
        if (file_) break;
    }
    backlog_.add(records);
}

std::string_view file_writer::formatted(const spdlog::details::log_msg& record) {
    clear(formatted_);
    formatter_->format(record, formatted_);
    return text_of(formatted_);
}

void file_writer::flush() {
    time_ = spdlog::log_clock::now();
    if (file_ || !backlog_.empty()) look_after();  // a child by `fork` opens a file for its first record
}

// Records of the library's own

/// A short one takes no memory.
spdlog::memory_buf_t file_writer::make_own(spdlog::level::level_enum level, std::string_view text) const {
    spdlog::memory_buf_t record;
    formatter_->format({time_, internal_source, logger_name_, level, {text.data(), text.size()}}, record);
    return record;
}

void file_writer::write_own(spdlog::level::level_enum level, std::string_view text) {
    write_or_hold(text_of(make_own(level, text)));
}

/// Who writes, if that is still to be said. Leaves `room` bytes in the file for what comes next: what is only about the
/// file must not take it from the records.
void file_writer::write_heading(std::size_t room) {
    if (!heading_ || !has_session_ || !file_) return;
    const std::string_view before = *std::exchange(heading_, std::nullopt);
    const spdlog::memory_buf_t record = make_own(spdlog::level::info, format("{}{}", before, session_.header()));
    if (file_->size() + record.size() + room <= file_->limit(location_.max_size)) write_or_hold(text_of(record));
}

void file_writer::write_or_hold(std::string_view record) {
    if (!file_ || write(record)) backlog_.add(record);
}

void file_writer::warn_of_size_limit() {
    const std::uintmax_t limit = file_->limit(location_.max_size);
    const bool is_reported = std::exchange(is_size_limit_reported_, limit < location_.max_size);
    if (is_reported || !is_size_limit_reported_) return;
    write_own(spdlog::level::warn,
              format("Log files are rotated at {} bytes instead of {}: this process may not write larger files "
                     "(RLIMIT_FSIZE, ulimit -f)",
                     limit, location_.max_size));
}

}  // namespace chainner::detail
