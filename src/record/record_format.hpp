#pragma once

// A record as a line: patterns, names of levels, the process id, the UTC offset.

#include <spdlog/common.h>
#include <spdlog/details/log_msg.h>
#include <spdlog/formatter.h>

#include <ctime>
#include <memory>
#include <string>
#include <string_view>

namespace chainner::detail {

/// What spdlog makes of `pattern`, but for `%l`, the level in capitals (`WARNING`), `%P`, the process id, which is
/// right also after `fork` and costs no system call, and `%z`, the UTC offset that the record's own time has
/// (`+02:00`). A record ends in a line feed on every system.
std::unique_ptr<spdlog::formatter> make_formatter(const std::string& pattern);

/// `chainner::default_file_pattern`, with the offset of the time.
inline constexpr char file_pattern_with_utc_offset[] = "%Y-%m-%d %H:%M:%S.%e%z [%P] [%l] %v";

/// What a child by `fork` logs is dropped where a handler has forked it in the midst of this: it would wait for the
/// lock that the C library holds.
std::tm local_time(std::time_t seconds);

/// false in a handler that has interrupted the C library in the midst of this, in whatever record: it would wait for
/// the lock of its own thread.
bool may_ask_local_time() noexcept;

/// Of local time at that moment, in minutes. spdlog's own function does not know of TZ on Windows, as the times of the
/// records do.
int utc_offset_at(spdlog::log_clock::time_point time);

/// `+05:30`
std::string utc_offset_text(int minutes);

/// What `inner` makes of the message after line breaks in it were given a tab to follow, and what could drive a
/// terminal or is no valid UTF-8 was written as an escape: so a record is what starts in column 0, and nothing else is.
std::unique_ptr<spdlog::formatter> make_unforgeable(std::unique_ptr<spdlog::formatter> inner);

/// The source of the records that the logger itself writes, which may read as they like.
inline constexpr char internal_file[] = "chaiNNer logger";
inline constexpr spdlog::source_loc internal_source{internal_file, 1, ""};
inline bool is_internal(const spdlog::details::log_msg& record) noexcept {
    return record.source.filename == internal_file;
}

inline std::string_view text_of(const spdlog::memory_buf_t& buffer) noexcept { return {buffer.data(), buffer.size()}; }

/// Empties it, and lets go of what a huge record took.
void clear(spdlog::memory_buf_t& buffer);

}  // namespace chainner::detail
