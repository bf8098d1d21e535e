#include "record/record_format.hpp"

#include <spdlog/details/os.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/pattern_formatter.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <iterator>
#include <string_view>
#include <utility>

#include "lock_note.hpp"
#include "platform/process.hpp"
#include "record/escaping.hpp"

namespace chainner::detail {

namespace {

using spdlog::details::log_msg;
using spdlog::fmt_lib::format;
using spdlog::fmt_lib::format_to;
using std::string_view;

/// In fewer instructions than the buffer's own function.
void append(string_view text, spdlog::memory_buf_t& out) {
    const std::size_t size = out.size();
    out.resize(size + text.size());
    std::copy_n(text.data(), text.size(), out.data() + size);
}

/// The C library locks the time zone when it is asked for the local time, and a child by `fork` inherits that lock.
const lock_note::lock time_zone_lock = lock_note::new_lock();

// Flags of the patterns

void append_padded(string_view text, const spdlog::details::padding_info& padding, spdlog::memory_buf_t& out) {
    using side = spdlog::details::padding_info::pad_side;
    const std::size_t most = padding.truncate_ ? padding.width_ : text.size();
    if (!padding.enabled()) return append(text, out);
    if (padding.side_ == side::left) format_to(std::back_inserter(out), "{:>{}.{}}", text, padding.width_, most);
    if (padding.side_ == side::right) format_to(std::back_inserter(out), "{:<{}.{}}", text, padding.width_, most);
    if (padding.side_ == side::center) format_to(std::back_inserter(out), "{:^{}.{}}", text, padding.width_, most);
}

/// A flag that stands for what the function makes of a record.
template <std::string (*text_of_flag)(const log_msg&)>
class flag final : public spdlog::custom_flag_formatter {
    void format(const log_msg& msg, const std::tm&, spdlog::memory_buf_t& out) override {
        append_padded(text_of_flag(msg), padinfo_, out);
    }
    std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<flag>(); }
};

std::string level_name(const log_msg& msg) {
    constexpr std::array<string_view, spdlog::level::n_levels> names{"TRACE", "DEBUG",    "INFO", "WARNING",
                                                                     "ERROR", "CRITICAL", "OFF"};
    return std::string(names.at(static_cast<std::size_t>(msg.level)));
}

std::string process_id_text(const log_msg&) { return std::to_string(platform::process_id()); }

/// spdlog's own goes on for ten seconds with what it has found, whatever the times of the records are. What it hands
/// over as local time is empty where no other flag of the pattern asks for it.
std::string utc_offset_of(const log_msg& msg) { return utc_offset_text(utc_offset_at(msg.time)); }

std::unique_ptr<spdlog::formatter> make_pattern_formatter(const std::string& pattern, const std::string& end) {
    auto made = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::local, end);
    made->add_flag<flag<level_name>>('l')
        .add_flag<flag<process_id_text>>('P')
        .add_flag<flag<utc_offset_of>>('z')
        .set_pattern(pattern);
    return made;
}

/// How much of a pattern, from its beginning on, comes out the same for all records of a level in a millisecond.
std::size_t length_of_prefix(string_view pattern) {
    constexpr string_view flags = "YmdHMSezlP^$";
    std::size_t end = 0;
    while (end < pattern.size()) {
        const bool is_flag = pattern[end] == '%';
        if (is_flag && (end + 1 == pattern.size() || flags.find(pattern[end + 1]) == string_view::npos)) break;
        end += is_flag ? 2 : 1;
    }
    return end;
}

/// What is not the logger's own must not read as if it were.
void append_message(const log_msg& msg, spdlog::memory_buf_t& out) {
    constexpr std::size_t piece_size = 4096;  // still at hand in the processor's cache when it is copied
    string_view message(msg.payload.data(), msg.payload.size());
    if (!is_internal(msg) && is_forged(message)) {
        format_to(std::back_inserter(out), "\\x{:02x}", message.front());
        message.remove_prefix(1);
    }
    while (!message.empty()) {
        const string_view piece = message.substr(0, piece_size);
        if (!is_plain(piece)) return append_escaped(message, out);
        append(piece, out);
        message.remove_prefix(piece.size());
    }
}

/// A pattern whose prefix is formatted once for many records.
class prefix_formatter final : public spdlog::formatter {
public:
    explicit prefix_formatter(std::string pattern)
        : pattern_(std::move(pattern)),
          prefix_(make_pattern_formatter(pattern_.substr(0, length_of_prefix(pattern_)), "")) {
        const std::string rest = pattern_.substr(length_of_prefix(pattern_));
        if (rest != "%v") rest_ = make_pattern_formatter(rest, "\n");
    }

    bool ends_in_message() const noexcept { return rest_ == nullptr; }

    void format(const log_msg& msg, spdlog::memory_buf_t& out) override {
        const auto time = std::chrono::floor<std::chrono::milliseconds>(msg.time);
        const int process_id = platform::process_id();
        if (time != time_ || msg.level != cached_.level || process_id != process_id_) {
            time_ = {};  // until the prefix is whole: an allocation may fail before
            process_id_ = process_id;
            cached_ = log_msg(msg.time, {}, {}, msg.level, {});
            text_.clear();
            // Empty in a handler that has interrupted the C library while it sets the time zone.
            const lock_note in_time_zone(time_zone_lock);
            if (const auto zone = platform::time_zone(); in_time_zone && zone != zone_) {
                // spdlog goes on for a second with the local time that it has found.
                prefix_ = prefix_->clone();
                if (rest_) rest_ = rest_->clone();
                zone_ = zone;
            }
            prefix_->format(cached_, text_);
            time_ = time;
        }
        msg.color_range_start = cached_.color_range_start;
        msg.color_range_end = cached_.color_range_end;
        append(text_of(text_), out);
        if (!rest_) {
            append_message(msg, out);
            out.push_back('\n');
            return;
        }
        const lock_note in_time_zone(time_zone_lock);
        rest_->format(msg, out);
    }
    std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<prefix_formatter>(pattern_); }

private:
    std::string pattern_;
    std::unique_ptr<spdlog::formatter> prefix_;
    std::unique_ptr<spdlog::formatter> rest_;  // null: the message alone

    std::chrono::time_point<spdlog::log_clock, std::chrono::milliseconds> time_;
    int process_id_ = 0;  // 0: nothing is formatted yet
    std::uintptr_t zone_ = platform::time_zone();
    log_msg cached_;
    spdlog::memory_buf_t text_;
};

class unforgeable_formatter final : public spdlog::formatter {
public:
    explicit unforgeable_formatter(std::unique_ptr<spdlog::formatter> inner) : inner_(std::move(inner)) {}

    void format(const log_msg& msg, spdlog::memory_buf_t& out) override {
        clear(safe_);
        append_message(msg, safe_);
        log_msg safe = msg;
        safe.payload = spdlog::string_view_t(safe_.data(), safe_.size());
        inner_->format(safe, out);
        msg.color_range_start = safe.color_range_start;
        msg.color_range_end = safe.color_range_end;
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

std::tm local_time(std::time_t seconds) {
    const lock_note in_time_zone(time_zone_lock);
    return spdlog::details::os::localtime(seconds);
}

bool may_ask_local_time() noexcept { return static_cast<bool>(lock_note(time_zone_lock)); }

int utc_offset_at(spdlog::log_clock::time_point time) {
    const lock_note in_time_zone(time_zone_lock);
    const std::time_t seconds = spdlog::log_clock::to_time_t(time);
    const std::tm local = local_time(seconds);
    const std::tm utc = spdlog::details::os::gmtime(seconds);
    const int days = local.tm_year != utc.tm_year ? local.tm_year - utc.tm_year : local.tm_yday - utc.tm_yday;
    return (days * 24 + local.tm_hour - utc.tm_hour) * 60 + local.tm_min - utc.tm_min;
}

std::string utc_offset_text(int minutes) {
    return format("{}{:02}:{:02}", minutes < 0 ? '-' : '+', std::abs(minutes) / 60, std::abs(minutes) % 60);
}

std::unique_ptr<spdlog::formatter> make_formatter(const std::string& pattern) {
    auto made = std::make_unique<prefix_formatter>(pattern);
    if (made->ends_in_message()) return made;
    return make_unforgeable(std::move(made));
}

std::unique_ptr<spdlog::formatter> make_unforgeable(std::unique_ptr<spdlog::formatter> inner) {
    return std::make_unique<unforgeable_formatter>(std::move(inner));
}

}  // namespace chainner::detail
