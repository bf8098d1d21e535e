#pragma once

#include <spdlog/common.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace test {

using logged_record = std::pair<spdlog::level::level_enum, std::string>;

/// Formats the records as a file has them and reads them back. Empty if they are what was logged, else what differs.
std::string round_trip_error(const std::vector<logged_record>& records);

/// Reads records out of arbitrary bytes: each zero byte begins a new one, whose level the byte after it tells.
std::vector<logged_record> records_from(std::string_view bytes);

}  // namespace test
