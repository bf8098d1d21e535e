#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

namespace chainner::platform {

/// Of the number that an exception has, and a process that ended of it. Empty for all others.
inline std::string_view exception_name(std::uint32_t number) noexcept {
    constexpr std::pair<std::uint32_t, std::string_view> names[]{
        {0xC0000005, "access violation"},
        {0xC00000FD, "stack overflow"},
        {0xC000001D, "illegal instruction"},
        {0xC0000094, "integer division by zero"},
        {0xC0000006, "page that could not be read"},
        {0xC000013A, "Ctrl-C"},
        {0xE06D7363, "C++ exception"},
        {0xC0000374, "heap corruption"},
        {0xC0000409, "fail fast"},
    };
    for (const auto& [each, name] : names) {
        if (each == number) return name;
    }
    return "";
}

}  // namespace chainner::platform
