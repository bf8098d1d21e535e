#include "record_format.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/pattern_formatter.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include "platform.hpp"

namespace chainner::detail {

namespace {

using std::string_view;

void append(string_view text, spdlog::memory_buf_t& out) { out.append(text.data(), text.data() + text.size()); }

// Flags of the patterns

void append_padded(string_view text, const spdlog::details::padding_info& padding, spdlog::memory_buf_t& out) {
    if (!padding.enabled()) return append(text, out);
    const std::size_t missing = padding.width_ > text.size() ? padding.width_ - text.size() : 0;
    std::size_t before = 0;
    if (padding.side_ == spdlog::details::padding_info::pad_side::left) before = missing;
    if (padding.side_ == spdlog::details::padding_info::pad_side::center) before = missing / 2;
    if (padding.truncate_) text = text.substr(0, padding.width_);
    append(std::string(before, ' '), out);
    append(text, out);
    append(std::string(missing - before, ' '), out);
}

string_view level_name(spdlog::level::level_enum level) {
    constexpr std::array<string_view, spdlog::level::n_levels> names{"TRACE", "DEBUG",    "INFO", "WARNING",
                                                                     "ERROR", "CRITICAL", "OFF"};
    return names.at(static_cast<std::size_t>(level));
}

class level_flag final : public spdlog::custom_flag_formatter {
public:
    void format(const spdlog::details::log_msg& msg, const std::tm&, spdlog::memory_buf_t& out) override {
        append_padded(level_name(msg.level), padinfo_, out);
    }
    std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<level_flag>(); }
};

class process_id_flag final : public spdlog::custom_flag_formatter {
public:
    void format(const spdlog::details::log_msg&, const std::tm&, spdlog::memory_buf_t& out) override {
        if (const int id = platform::process_id(); id != id_) {
            id_ = id;
            text_ = std::to_string(id);
        }
        append_padded(text_, padinfo_, out);
    }
    std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<process_id_flag>(); }

private:
    int id_ = 0;
    std::string text_;
};

/// How much of a pattern, from its beginning on, comes out the same for a whole second.
std::size_t length_of_time(string_view pattern) {
    constexpr string_view flags = "YmdHMS";
    std::size_t end = 0;
    while (end < pattern.size()) {
        if (pattern[end] != '%') {
            ++end;
        } else if (end + 1 < pattern.size() && flags.find(pattern[end + 1]) != string_view::npos) {
            end += 2;
        } else {
            break;
        }
    }
    return end;
}

/// A pattern in two parts, the first of which is formatted once a second.
class timed_formatter final : public spdlog::formatter {
public:
    timed_formatter(std::unique_ptr<spdlog::formatter> time, std::unique_ptr<spdlog::formatter> rest)
        : time_(std::move(time)), rest_(std::move(rest)) {}

    void format(const spdlog::details::log_msg& msg, spdlog::memory_buf_t& out) override {
        if (const auto second = std::chrono::floor<std::chrono::seconds>(msg.time); second != second_) {
            second_ = second;
            text_.clear();
            time_->format(msg, text_);
        }
        append({text_.data(), text_.size()}, out);
        rest_->format(msg, out);
    }
    std::unique_ptr<spdlog::formatter> clone() const override {
        return std::make_unique<timed_formatter>(time_->clone(), rest_->clone());
    }

private:
    std::unique_ptr<spdlog::formatter> time_;
    std::unique_ptr<spdlog::formatter> rest_;
    std::optional<std::chrono::time_point<spdlog::log_clock, std::chrono::seconds>> second_;
    spdlog::memory_buf_t text_;
};

// Messages

/// Whether each character stands for itself in the file: most messages, so this is the one that must be fast.
bool is_plain(string_view text) noexcept {
    constexpr std::uint64_t each = 0x0101010101010101;
    std::uint64_t eight = 0;
    while (text.size() >= sizeof eight) {
        std::memcpy(&eight, text.data(), sizeof eight);
        // The high bit of a byte is set if it was set, or if the byte is below the space or above the tilde. What such
        // a byte does to its neighbour changes nothing.
        if (((eight | (eight - each * ' ') | (eight + each)) & each * 0x80) != 0) return false;
        text.remove_prefix(sizeof eight);
    }
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

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

class unforgeable_formatter final : public spdlog::formatter {
public:
    explicit unforgeable_formatter(std::unique_ptr<spdlog::formatter> inner) : inner_(std::move(inner)) {}

    void format(const spdlog::details::log_msg& msg, spdlog::memory_buf_t& out) override {
        format_escaped(msg, out);
        // On Windows a pattern set through spdlog ends its lines in "\r\n"; others may end them in nothing.
        std::size_t size = out.size();
        if (size > 0 && out[size - 1] == '\n') --size;
        if (size > 0 && out[size - 1] == '\r') --size;
        if (size + 1 == out.size() && out[size] == '\n') return;
        out.resize(size);
        out.push_back('\n');
    }
    std::unique_ptr<spdlog::formatter> clone() const override { return make_unforgeable(inner_->clone()); }

private:
    void format_escaped(const spdlog::details::log_msg& msg, spdlog::memory_buf_t& out) {
        if (is_plain({msg.payload.data(), msg.payload.size()})) {
            inner_->format(msg, out);
            return;
        }
        append_escaped(msg.payload, safe_);
        spdlog::details::log_msg escaped = msg;
        escaped.payload = spdlog::string_view_t(safe_.data(), safe_.size());
        inner_->format(escaped, out);
        msg.color_range_start = escaped.color_range_start;
        msg.color_range_end = escaped.color_range_end;
        clear(safe_);
    }

    std::unique_ptr<spdlog::formatter> inner_;
    spdlog::memory_buf_t safe_;
};

}  // namespace

void clear(spdlog::memory_buf_t& buffer) {
    constexpr std::size_t largest_kept = 256 * 1024;
    buffer.clear();
    if (buffer.capacity() > largest_kept) {
        spdlog::memory_buf_t small;
        std::swap(buffer, small);
    }
}

void append_escaped(spdlog::string_view_t message, spdlog::memory_buf_t& safe) {
    string_view text(message.data(), message.size());
    while (!text.empty()) {
        const code_point next = decode_utf8(text);
        const std::size_t length = std::max<std::size_t>(next.length, 1);
        if (next.value == '\n') {
            append("\n\t", safe);
        } else if (next.length == 0 || (next.value < 0x80 && is_escaped(next.value))) {
            spdlog::fmt_lib::format_to(std::back_inserter(safe), "\\x{:02x}", next.value);
        } else if (is_escaped(next.value)) {
            spdlog::fmt_lib::format_to(std::back_inserter(safe), "\\u{:04x}", next.value);
        } else {
            append(text.substr(0, length), safe);
        }
        text.remove_prefix(length);
    }
}

std::unique_ptr<spdlog::formatter> make_formatter(const std::string& pattern) {
    const std::size_t length = length_of_time(pattern);
    constexpr auto local = spdlog::pattern_time_type::local;
    auto rest = std::make_unique<spdlog::pattern_formatter>(local, "\n");
    rest->add_flag<level_flag>('l').add_flag<process_id_flag>('P').set_pattern(pattern.substr(length));
    return make_unforgeable(std::make_unique<timed_formatter>(
        std::make_unique<spdlog::pattern_formatter>(pattern.substr(0, length), local, ""), std::move(rest)));
}

std::unique_ptr<spdlog::formatter> make_unforgeable(std::unique_ptr<spdlog::formatter> inner) {
    return std::make_unique<unforgeable_formatter>(std::move(inner));
}

}  // namespace chainner::detail
