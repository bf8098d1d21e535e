#pragma once

#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <system_error>

#include "platform/console.hpp"
#include "platform/file.hpp"

namespace chainner::platform {

inline std::error_code last_error() noexcept { return {errno, std::system_category()}; }

/// Takes a descriptor over, under another number: one far above those that a program is given. A program that closes
/// what it takes for its own, and then opens files, gets none of ours in their place.
file adopt_descriptor(int descriptor) noexcept;

/// As that, under a number of at least `lowest`.
file adopt_descriptor(int descriptor, int lowest) noexcept;

inline int descriptor_of(standard_stream stream) noexcept {
    return stream == standard_stream::output ? STDOUT_FILENO : STDERR_FILENO;
}

/// Where a console writes: the stream itself, or what it was before it was captured; -1 if it was closed.
inline std::atomic<int>& console_target(standard_stream stream) noexcept {
    static std::array<std::atomic<int>, 2> targets{STDOUT_FILENO, STDERR_FILENO};
    return targets.at(static_cast<std::size_t>(stream));
}

/// Whether the process was started with it: later the number may belong to a file that the program has opened.
bool was_open_at_start(standard_stream stream) noexcept;

/// Whether the next byte written would raise SIGXFSZ.
bool is_at_size_limit(int descriptor) noexcept;

}  // namespace chainner::platform
