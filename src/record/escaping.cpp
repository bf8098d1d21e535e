#include "record/escaping.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace chainner::detail {

using std::string_view;

namespace {

struct code_point {
    std::uint32_t value;
    std::size_t length;  // bytes; 0: not valid UTF-8
};

code_point decode_utf8(string_view text) noexcept {
    const auto byte = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80) return {first, 1};
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < length) return {first, 0};
    std::uint32_t value = first & (0x7fU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0U) != 0x80) return {first, 0};
        value = value << 6U | (byte(i) & 0x3fU);
    }
    const bool is_overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
    const bool is_surrogate = value >= 0xd800 && value <= 0xdfff;
    if (is_overlong || is_surrogate || value > 0x10ffff) return {first, 0};
    return {value, length};
}

/// Control characters but for the tab, and the separators that some programs take for line breaks.
bool is_escaped(std::uint32_t value) noexcept {
    return (value < 0x20 && value != '\t') || (value >= 0x7f && value < 0xa0) || value == 0x2028 || value == 0x2029;
}

/// Takes blocks of this size off the beginning of `text` while they are plain; false if one is not. A loop of a known
/// length is one that compilers make vector instructions of.
template <std::size_t size>
bool take_plain(string_view& text) noexcept {
    for (; text.size() >= size; text.remove_prefix(size)) {
        unsigned char farthest = 0;  // from the space; what comes before that is farther than all that come after it
        for (std::size_t i = 0; i < size; ++i) {
            farthest = std::max(farthest, static_cast<unsigned char>(text[i] - ' '));
        }
        if (farthest > '~' - ' ') return false;
    }
    return true;
}

}  // namespace

string_view first_record(string_view text) noexcept {
    std::size_t end = text.find('\n');
    while (end < text.size() - 1 && text[end + 1] == '\t') end = text.find('\n', end + 1);
    return text.substr(0, end == string_view::npos ? end : end + 1);
}

bool is_forged(string_view message) noexcept {
    constexpr auto bit_of = [](char letter) { return std::uint64_t{1} << (static_cast<unsigned char>(letter) % 64U); };
    constexpr std::uint64_t first_letters = [bit_of] {
        std::uint64_t bits = 0;
        for (const string_view words : session_words) bits |= bit_of(words.front());
        return bits;
    }();
    if (message.empty() || (first_letters & bit_of(message.front())) == 0) return false;  // as nearly all
    return std::any_of(session_words.begin(), session_words.end(),
                       [message](string_view words) { return begins_with(message, words); });
}

bool is_plain(string_view text) noexcept {
    return take_plain<4096>(text) && take_plain<256>(text) && take_plain<16>(text) && take_plain<1>(text);
}

void append_escaped(string_view text, spdlog::memory_buf_t& safe) {
    const auto append = [&safe](string_view plain) { safe.append(plain.data(), plain.data() + plain.size()); };
    while (!text.empty()) {
        const code_point next = decode_utf8(text);
        const std::size_t length = std::max<std::size_t>(next.length, 1);
        if (next.value == '\n') {
            append("\n\t");
        } else if (next.length == 0 || (next.value < 0x80 && is_escaped(next.value))) {
            spdlog::fmt_lib::format_to(std::back_inserter(safe), "\\x{:02x}", next.value);
        } else if (is_escaped(next.value)) {
            spdlog::fmt_lib::format_to(std::back_inserter(safe), "\\u{:04x}", next.value);
        } else {
            append(text.substr(0, length));
        }
        text.remove_prefix(length);
    }
}

}  // namespace chainner::detail
