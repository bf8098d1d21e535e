#pragma once

#include <gmock/gmock.h>

#include <regex>

namespace test {

/// As testing::MatchesRegex, which knows little more than `.` and `*` on Windows.
MATCHER_P(MatchesPattern, pattern, "") {
    (void)result_listener;
    return std::regex_match(arg, std::regex(pattern));
}

}  // namespace test
