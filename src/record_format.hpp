#pragma once

// A record as a line: patterns, names of levels, the process id.

#include <spdlog/common.h>
#include <spdlog/details/log_msg.h>
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

/// The source of the records that the logger itself writes, which may read as they like.
inline constexpr char internal_file[] = "chaiNNer logger";
inline constexpr spdlog::source_loc internal_source{internal_file, 1, ""};
inline bool is_internal(const spdlog::details::log_msg& record) noexcept {
    return record.source.filename == internal_file;
}

/// Empties it, and lets go of what a huge record took.
void clear(spdlog::memory_buf_t& buffer);

}  // namespace chainner::detail
