#pragma once

#include <sys/types.h>

#include <string_view>

/// Writing to what may have no reader any more.
namespace chainner::platform {

enum class waiting { as_opened, never };

/// As `write`, and raises no SIGPIPE. `waiting::never` is not supported for every kind of file; see `is_unsupported`.
ssize_t write_without_signal(int file, std::string_view text, waiting waiting) noexcept;

/// As `send`, without waiting, and raises no SIGPIPE.
ssize_t send_without_signal(int socket, std::string_view text) noexcept;

/// What a kernel, a kind of file or a container's filter answers to a call, or a flag, that it does not know.
bool is_unsupported(int error) noexcept;

}  // namespace chainner::platform
