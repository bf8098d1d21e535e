#pragma once

// A message as it may stand in a log: a record is what starts in column 0, and nothing else is.

#include <spdlog/common.h>

#include <cstddef>
#include <string_view>

namespace chainner::detail {

/// With these words the logger begins and ends the record that opens a session, and the one that closes it. A message
/// of the program that reads so gets a letter escaped: what tells one session from the next cannot be forged.
inline constexpr std::string_view session_opening = "Logger initialized for ";
inline constexpr std::string_view session_closing = "Logger closed for ";
inline constexpr std::string_view session_closing_end = " process";

inline bool ends_with(std::string_view text, std::string_view end) noexcept {
    return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

/// Of text that begins with a record, its further lines included; all of it if the record has no end.
std::string_view first_record(std::string_view text) noexcept;

/// Where in a message such words begin, else npos.
std::size_t find_session_words(std::string_view message) noexcept;

/// Whether each character stands for itself in the file. Most messages are so, and this tells them fast.
bool is_plain(std::string_view message) noexcept;

/// Appends `message` to `safe`: after a line break there is a tab, and what could drive a terminal, or is no valid
/// UTF-8, is a visible escape (`\x1b`).
void append_escaped(std::string_view message, spdlog::memory_buf_t& safe);

}  // namespace chainner::detail
