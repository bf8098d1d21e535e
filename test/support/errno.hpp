#pragma once

#include <cerrno>
#include <string>
#include <system_error>

namespace test {

/// Throws `std::system_error` with what errno says if it is not done.
inline void check(bool done, const std::string& what) {
    if (!done) throw std::system_error(errno, std::system_category(), what);
}

}  // namespace test
