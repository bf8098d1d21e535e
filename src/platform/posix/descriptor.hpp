#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "platform/console.hpp"
#include "platform/file.hpp"

namespace chainner::platform {

inline file_identity identity_of(const struct stat& found) noexcept {
    return {static_cast<std::uint64_t>(found.st_dev), static_cast<std::uint64_t>(found.st_ino)};
}

inline std::error_code last_error() noexcept { return {errno, std::system_category()}; }

/// Takes a descriptor over, under another number: one far above those that a program is given. A program that closes
/// what it takes for its own, and then opens files, gets none of ours in their place.
file adopt_descriptor(int descriptor) noexcept;

/// The same for a stream, under a number that no file gets: where a program has closed all, who still knows the number
/// of a log file would write its records into a pipe that has it now.
file adopt_stream(int descriptor) noexcept;

inline int descriptor_of(const file& file) noexcept { return static_cast<int>(file.number()); }

inline int descriptor_of(standard_stream stream) noexcept {
    return stream == standard_stream::output ? STDOUT_FILENO : STDERR_FILENO;
}

}  // namespace chainner::platform
