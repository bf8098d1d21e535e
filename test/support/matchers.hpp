#pragma once

#include <gmock/gmock.h>

#include "support/pattern.hpp"

namespace test {

/// As testing::MatchesRegex, which knows little more than `.` and `*` on Windows.
MATCHER_P(MatchesPattern, pattern, "") {
    (void)result_listener;
    return matches_pattern(arg, pattern);
}

}  // namespace test
