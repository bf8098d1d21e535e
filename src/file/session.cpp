#include "file/session.hpp"

#include <spdlog/details/log_msg.h>
#include <spdlog/fmt/fmt.h>

#include <chrono>
#include <utility>

#include "platform/process.hpp"
#include "record/escaping.hpp"
#include "record/record_format.hpp"

namespace chainner::detail {

using spdlog::fmt_lib::format;
using namespace std::chrono_literals;

namespace {

/// When this process began, in the same words in each file: so one process is told from another that has its number.
std::string process_start_text() {
    spdlog::memory_buf_t text;
    make_formatter("%Y-%m-%d %H:%M:%S.%e%z")->format({platform::process_start(), {}, "", spdlog::level::off, ""}, text);
    return {text.data(), text.size() - 1};  // without the line feed
}

/// Of a line in one of the library's own patterns: `TIME [PID] [LEVEL] MESSAGE`. Empty if it is none, or belongs to a
/// message that began before.
std::string_view message_of(std::string_view line) {
    const std::size_t level = line.find("] [");
    const std::size_t message = line.find("] ", level == line.npos ? level : level + 1);
    return begins_with(line, "\t") || message == line.npos ? std::string_view() : line.substr(message + 2);
}

}  // namespace

session::session(std::string role, std::string application_version)
    : role_(std::move(role)),
      closing_(format("{}{} process", session_closing, role_)),
      application_version_(std::move(application_version)) {
    update_utc_offset(spdlog::log_clock::now());
}

std::string session::opening_of_child(std::string_view file) {
    return format("{}a forked process. Log file: {}", session_opening, file);
}

std::string session::header() {
    const int process_id = platform::process_id();
    if (std::exchange(process_id_, process_id) != process_id) {
        process_ =
            format("{}{}, process: {}, started: {}, {}chaiNNer logger: {}, system: {}, UTC offset: ", session_origin,
                   role_, process_id, process_start_text(),
                   application_version_.empty() ? "" : format("application: {}, ", application_version_),
                   CHAINNER_LOGGER_VERSION, platform::system_name());
    }
    return process_ + utc_offset_text(utc_offset_);
}

bool session::is_left_open(std::string_view text) {
    const bool may_have_begun_before = text.size() >= end_size;
    bool has_record = false;  // in a pattern of the library's own
    bool is_of_one = true;    // record, in whatever pattern: no closing one is so long
    while (!text.empty()) {
        if (text.back() == '\n') text.remove_suffix(1);
        const std::size_t begin = text.rfind('\n') + 1;  // 0 where there is none
        const std::string_view line = text.substr(begin);
        const std::string_view message = message_of(line);
        if (begins_with(message, session_closing)) return false;
        for (const std::string_view heading : {session_opening, session_continued, session_origin}) {
            if (begins_with(message, heading)) return true;
        }
        has_record = has_record || !message.empty();
        is_of_one = is_of_one && (begin == 0 || begins_with(line, "\t"));
        text = text.substr(0, begin);
    }
    return may_have_begun_before && (has_record || is_of_one);
}

std::optional<std::string> session::update_utc_offset(time_point now) {
    time_zone_ = platform::time_zone();
    next_minute_ = std::chrono::floor<std::chrono::minutes>(now) + 1min;
    const int before = std::exchange(utc_offset_, utc_offset_at(now));
    if (before == utc_offset_) return std::nullopt;
    return format("{}{} from now on, it was UTC{}", session_time_zone, utc_offset_text(utc_offset_),
                  utc_offset_text(before));
}

}  // namespace chainner::detail
