#pragma once

#include <spdlog/formatter.h>

#include <memory>
#include <string>

namespace chainner::detail {

/// What spdlog makes of `pattern`, but for `%l`, the level in capitals (`WARNING`), and `%P`, the process id, which is
/// right also after `fork` and costs no system call. A record ends in a line feed on every system.
std::unique_ptr<spdlog::formatter> make_formatter(const std::string& pattern);

/// What `inner` makes of the message after line breaks in it were given a tab to follow, and what could drive a
/// terminal or is no valid UTF-8 was written as an escape: so a record is what starts in column 0, and nothing else is.
std::unique_ptr<spdlog::formatter> make_unforgeable(std::unique_ptr<spdlog::formatter> inner);

/// Empties it, and lets go of what a huge record took.
void clear(spdlog::memory_buf_t& buffer);

/// Appends `text` to `safe` as described above.
void append_escaped(spdlog::string_view_t text, spdlog::memory_buf_t& safe);

}  // namespace chainner::detail
