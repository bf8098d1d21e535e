#include "origin.hpp"

#include <spdlog/details/os.h>
#include <spdlog/fmt/fmt.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <ctime>

#include "platform.hpp"

namespace chainner::detail {

using spdlog::fmt_lib::format;

std::string utc_offset_text(int minutes) {
    return format("{}{:02}:{:02}", minutes < 0 ? '-' : '+', std::abs(minutes) / 60, std::abs(minutes) % 60);
}

std::string origin(const std::string& role, const std::string& application_version, int utc_offset) {
    const std::tm start =
        spdlog::details::os::localtime(std::chrono::system_clock::to_time_t(platform::process_start()));
    std::array<char, sizeof "2025-10-19 05:52:24"> started{};
    std::strftime(started.data(), started.size(), "%Y-%m-%d %H:%M:%S", &start);
    return format("Role: {}, process: {}, started: {}, {}chaiNNer logger: {}, system: {}, UTC offset: {}", role,
                  platform::process_id(), started.data(),
                  application_version.empty() ? "" : format("application: {}, ", application_version),
                  CHAINNER_LOGGER_VERSION, platform::system_name(), utc_offset_text(utc_offset));
}

}  // namespace chainner::detail
