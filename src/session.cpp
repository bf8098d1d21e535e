#include "session.hpp"

#include <spdlog/details/os.h>
#include <spdlog/fmt/fmt.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <utility>

#include "escaping.hpp"
#include "platform/process.hpp"

namespace chainner::detail {

using spdlog::fmt_lib::format;
using namespace std::chrono_literals;

namespace {

/// Minutes. spdlog's own function does not know of TZ on Windows, as the times of the records do.
int utc_offset_at(spdlog::log_clock::time_point time) {
    const std::time_t seconds = spdlog::log_clock::to_time_t(time);
    const std::tm local = spdlog::details::os::localtime(seconds);
    const std::tm utc = spdlog::details::os::gmtime(seconds);
    const int days = local.tm_year != utc.tm_year ? local.tm_year - utc.tm_year : local.tm_yday - utc.tm_yday;
    return (days * 24 + local.tm_hour - utc.tm_hour) * 60 + local.tm_min - utc.tm_min;
}

/// `+05:30`
std::string utc_offset_text(int minutes) {
    return format("{}{:02}:{:02}", minutes < 0 ? '-' : '+', std::abs(minutes) / 60, std::abs(minutes) % 60);
}

}  // namespace

session::session(std::string role, std::string application_version)
    : role_(std::move(role)), application_version_(std::move(application_version)) {
    update_utc_offset(spdlog::log_clock::now());
}

std::string session::header() {
    const int process_id = platform::process_id();
    if (std::exchange(process_id_, process_id) != process_id) describe_process();
    return format("{}{}", process_, utc_offset_text(utc_offset_));
}

void session::describe_process() {
    const std::tm start =
        spdlog::details::os::localtime(std::chrono::system_clock::to_time_t(platform::process_start()));
    std::array<char, sizeof "2025-10-19 05:52:24"> started{};
    std::strftime(started.data(), started.size(), "%Y-%m-%d %H:%M:%S", &start);
    process_ = format("Role: {}, process: {}, started: {}, {}chaiNNer logger: {}, system: {}, UTC offset: ", role_,
                      process_id_, started.data(),
                      application_version_.empty() ? "" : format("application: {}, ", application_version_),
                      CHAINNER_LOGGER_VERSION, platform::system_name());
}

std::string session::closing() const { return format("{}{}{}", session_closing, role_, session_closing_end); }

bool session::is_closed_in(std::string_view text, std::string_view closing) const {
    const bool may_have_begun_before = text.size() >= end_size;
    while (!text.empty()) {
        if (text.back() == '\n') text.remove_suffix(1);
        const std::size_t begin = text.rfind('\n') + 1;  // 0 where there is none
        const std::string_view line = text.substr(begin);
        const bool is_message_continued = line.substr(0, 1) == "\t";
        if (!is_message_continued && ends_with(line, closing)) return true;
        if (!is_message_continued && line.find(session_opening) != line.npos) return false;
        text = text.substr(0, begin);
    }
    return !may_have_begun_before;
}

std::optional<std::string> session::update_utc_offset(time_point now) {
    next_minute_ = std::chrono::floor<std::chrono::minutes>(now) + 1min;
    const int before = std::exchange(utc_offset_, utc_offset_at(now));
    if (before == utc_offset_) return std::nullopt;
    return format("Local time is UTC{} from now on, it was UTC{}", utc_offset_text(utc_offset_),
                  utc_offset_text(before));
}

}  // namespace chainner::detail
