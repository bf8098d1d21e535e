#pragma once

#include <string>

namespace test {

/// Whether all of the text is as the regular expression says. Apart, as <regex> takes a second in each file.
bool matches_pattern(const std::string& text, const std::string& pattern);

}  // namespace test
