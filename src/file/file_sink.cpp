#include "file/file_sink.hpp"

#include <spdlog/details/log_msg.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chainner/logger.hpp>
#include <chrono>
#include <utility>

#include "record/escaping.hpp"
#include "record/record_format.hpp"

namespace chainner::detail {

using spdlog::fmt_lib::format;

namespace {

constexpr std::size_t batch_bytes = 16 * 1024;

}  // namespace

file_writer::file_writer(std::string logger_name)
    : logger_name_(std::move(logger_name)),
      file_([this](auto level, std::string_view text, time_point time) { return make_own(level, text, time); },
            session_) {}

file_writer::file_writer(const file_writer& parent, std::unique_ptr<spdlog::formatter> formatter)
    : file_writer(parent.logger_name_) {
    is_open_ = parent.is_open();
    formatter_ = std::move(formatter);
    utc_offset_ = parent.utc_offset();
    session_ = parent.session_.clone_for_child();
    file_.expect(parent.file_.location());
}

// Sessions

void file_writer::open(log_location location, std::string application_version,
                       std::unique_ptr<spdlog::formatter> formatter, std::vector<std::string>& warnings) {
    std::unique_ptr<log_file> joined = file_.join(location, warnings);
    const bool goes_on = !joined && session_.is_open();
    if (joined) {
        write_closing();
        was_left_open_ = session::is_left_open(joined->read_end(session::end_size));
    }
    session_ = session(location.role, std::move(application_version));
    if (goes_on) session_.begin();
    utc_offset_ = session_.utc_offset();
    formatter_ = std::move(formatter);
    is_open_ = true;
    file_.go_on(std::move(joined), std::move(location), warnings);
}

void file_writer::close(std::vector<std::string>& warnings) {
    end_session();
    is_open_ = false;
    file_.close(warnings);
}

void file_writer::begin_session() {
    session_.begin();
    if (!file_.is_in_order()) return;
    file_.say_who_writes();
    if (std::exchange(was_left_open_, false)) {
        file_.say(spdlog::level::info,
                  format("{}ended without a closing record, as after a kill, a crash, a power loss or _exit",
                         session_left_open));
    }
}

void file_writer::end_session() {
    file_.retry_now();
    write_closing();
    file_.retry_now();  // nothing comes after it
}

void file_writer::write_closing() {
    file_.tell_fault();
    if (session_.is_open() && file_.is_in_order()) file_.say(spdlog::level::info, session_.closing());
}

/// By the clock of the process: the time of a record may be any.
void file_writer::announce_utc_offset() {
    const time_point now = spdlog::log_clock::now();
    if (!session_.may_change_utc_offset(now) || !file_.is_in_order()) return;
    const auto change = session_.update_utc_offset(now);
    utc_offset_ = session_.utc_offset();
    if (change) file_.say(spdlog::level::info, *change);
}

// Records

void file_writer::log(const spdlog::details::log_msg& record) {
    if (is_open_) append(formatted(record), record.time);
}

void file_writer::log_without_lock(const spdlog::details::log_msg& record) const {
    spdlog::memory_buf_t line;
    make_formatter(default_file_pattern)->format(record, line);
    std::error_code error = std::make_error_code(std::errc::file_too_large);
    const platform::file_number file = file_.current().verified_number();
    if (platform::has_room(file, line.size())) platform::write(file, text_of(line), error);
    if (error) ++lost_without_lock_;
}

void file_writer::add_to_batch(const spdlog::details::log_msg& record) {
    if (!is_open_) return;
    const std::string_view line = formatted(record);
    if (batch_.size() + line.size() > std::min(batch_bytes, file_.location().max_size)) write_batch();
    batch_.append(line.data(), line.data() + line.size());
}

void file_writer::write_batch() {
    if (batch_.size() > 0) append(text_of(batch_), spdlog::log_clock::now());
    clear(batch_);
}

void file_writer::append(std::string_view records, time_point time) {
    if (lost_without_lock_ > 0) file_.count_lost(lost_without_lock_.exchange(0));
    if (session_.may_change_utc_offset(time)) announce_utc_offset();
    file_.append(records, time);
}

std::string_view file_writer::formatted(const spdlog::details::log_msg& record) {
    clear(formatted_);
    formatter_->format(record, formatted_);
    return text_of(formatted_);
}

spdlog::memory_buf_t file_writer::make_own(spdlog::level::level_enum level, std::string_view text,
                                           time_point time) const {
    spdlog::memory_buf_t record;
    formatter_->format({time, internal_source, logger_name_, level, {text.data(), text.size()}}, record);
    return record;
}

}  // namespace chainner::detail
