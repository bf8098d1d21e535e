#pragma once

#include <cerrno>
#include <system_error>

#include "platform/file.hpp"

namespace chainner::platform {

inline std::error_code last_error() noexcept { return {errno, std::system_category()}; }

/// Takes a descriptor over, under another number: one far above those that a program is given. A program that closes
/// what it takes for its own, and then opens files, gets none of ours in their place.
file adopt_descriptor(int descriptor) noexcept;

/// Whether the next byte written would raise SIGXFSZ.
bool is_at_size_limit(int descriptor) noexcept;

}  // namespace chainner::platform
