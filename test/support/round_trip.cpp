#include "support/round_trip.hpp"

#include <spdlog/details/log_msg.h>

#include <array>
#include <chainner/logger.hpp>
#include <cstdint>

#include "record/record_format.hpp"
#include "support/records.hpp"
#include "support/system.hpp"

namespace test {

namespace {

const char* name_of(spdlog::level::level_enum level) {
    constexpr std::array<const char*, spdlog::level::n_levels> names{"TRACE", "DEBUG",    "INFO", "WARNING",
                                                                     "ERROR", "CRITICAL", "OFF"};
    return names.at(static_cast<std::size_t>(level));
}

std::string hexadecimal(std::uint32_t value, int digits) {
    std::string text;
    for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) text += "0123456789abcdef"[value >> shift & 0xfU];
    return text;
}

/// The length of the UTF-8 sequence that `text` begins with, by the table of well-formed sequences of the Unicode
/// standard (table 3-7); 0 if it begins with none.
std::size_t well_formed_length(std::string_view text) {
    struct row {
        unsigned char first, last;                // of the first byte
        unsigned char second_first, second_last;  // of the second one; those that follow are 80..bf
        std::size_t length;
    };
    constexpr std::array<row, 9> table{{
        {0x00, 0x7f, 0x00, 0x00, 1},
        {0xc2, 0xdf, 0x80, 0xbf, 2},
        {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3},
        {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4},
        {0xf1, 0xf3, 0x80, 0xbf, 4},
        {0xf4, 0xf4, 0x80, 0x8f, 4},
    }};
    const auto is_between = [&](std::size_t i, unsigned char first, unsigned char last) {
        return i < text.size() && static_cast<unsigned char>(text[i]) >= first &&
               static_cast<unsigned char>(text[i]) <= last;
    };
    for (const row& each : table) {
        if (!is_between(0, each.first, each.last)) continue;
        bool is_well_formed = each.length == 1 || is_between(1, each.second_first, each.second_last);
        for (std::size_t i = 2; i < each.length; ++i) is_well_formed = is_well_formed && is_between(i, 0x80, 0xbf);
        return is_well_formed ? each.length : 0;
    }
    return 0;
}

/// What a reader sees of a message, written from the promise and not from the code that keeps it.
std::string visible(std::string_view message) {
    std::string text;
    while (!message.empty()) {
        const auto first = static_cast<unsigned char>(message.front());
        const std::size_t length = well_formed_length(message);
        const std::string_view character = message.substr(0, length == 0 ? 1 : length);
        if (length == 0 || (length == 1 && first != '\t' && first != '\n' && (first < 0x20 || first == 0x7f))) {
            text += "\\x" + hexadecimal(first, 2);
        } else if (character >= "\u0080" && character <= "\u009f") {
            text += "\\u00" + hexadecimal(static_cast<unsigned char>(character[1]), 2);
        } else if (character == "\u2028" || character == "\u2029") {
            text += character == "\u2028" ? "\\u2028" : "\\u2029";
        } else {
            text += character;
        }
        message.remove_prefix(character.size());
    }
    return text;
}

}  // namespace

std::string round_trip_error(const std::vector<logged_record>& records) {
    const auto formatter = chainner::detail::make_formatter(chainner::default_file_pattern);
    spdlog::memory_buf_t file;
    for (const auto& [level, message] : records) {
        formatter->format(spdlog::details::log_msg("name", level, message), file);
    }
    const auto found = parse_log({file.data(), file.size()});
    if (found.size() != records.size()) {
        return std::to_string(records.size()) + " records became " + std::to_string(found.size());
    }
    for (std::size_t i = 0; i < records.size(); ++i) {
        const auto& [level, message] = records[i];
        const std::string expected = visible(message);
        if (found[i].text == expected && found[i].level == name_of(level) && found[i].pid == current_process_id()) {
            continue;
        }
        return "record " + std::to_string(i) + ": expected " + name_of(level) + " \"" + expected + "\", found " +
               found[i].level + " \"" + found[i].text + "\" of process " + std::to_string(found[i].pid);
    }
    return "";
}

std::vector<logged_record> records_from(std::string_view bytes) {
    std::vector<logged_record> records{{spdlog::level::info, ""}};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const bool begins_record = bytes[i] == '\0' && i + 1 < bytes.size() && bytes[i + 1] != '\0';
        if (begins_record) {
            const auto level = static_cast<unsigned char>(bytes[++i]) % spdlog::level::off;
            records.emplace_back(static_cast<spdlog::level::level_enum>(level), "");
        } else {
            records.back().second += bytes[i];
        }
    }
    return records;
}

}  // namespace test
