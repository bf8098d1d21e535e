#pragma once

// A message as it may stand in a log: a record is what starts in column 0, and nothing else is.

#include <spdlog/common.h>

#include <array>
#include <cstddef>
#include <string_view>

namespace chainner::detail {

/// How the logger's own records about a session begin. A message of the program that begins so gets its first letter
/// escaped: nobody can forge what readers tell sessions, times and crashes by. The readers' list is the same.
inline constexpr std::string_view session_opening = "Logger initialized for ";
inline constexpr std::string_view session_closing = "Logger closed for ";
inline constexpr std::string_view session_origin = "Role: ";
inline constexpr std::string_view session_continued = "Continues an older file. ";
inline constexpr std::string_view session_left_open = "The previous session of this log ";
inline constexpr std::string_view session_time_zone = "Local time is UTC";
inline constexpr std::string_view session_crashed = "Crashed: ";
inline constexpr std::array session_words{session_opening,   session_closing,   session_origin, session_continued,
                                          session_left_open, session_time_zone, session_crashed};

inline bool begins_with(std::string_view text, std::string_view beginning) noexcept {
    return text.substr(0, beginning.size()) == beginning;
}

/// Whether a message begins with such words.
bool is_forged(std::string_view message) noexcept;

/// Of text that begins with a record, its further lines included; all of it if the record has no end.
std::string_view first_record(std::string_view text) noexcept;

/// Whether each character stands for itself in the file. Most messages are so, and this tells them fast.
bool is_plain(std::string_view message) noexcept;

/// Appends `message` to `safe`: after a line break there is a tab, and what could drive a terminal, or is no valid
/// UTF-8, is a visible escape (`\x1b`).
void append_escaped(std::string_view message, spdlog::memory_buf_t& safe);

}  // namespace chainner::detail
