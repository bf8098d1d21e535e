#include "support/pattern.hpp"

#include <regex>

namespace test {

bool matches_pattern(const std::string& text, const std::string& pattern) {
    return std::regex_match(text, std::regex(pattern));
}

}  // namespace test
