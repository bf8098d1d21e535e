#include "output/line_splitter.hpp"

#include <algorithm>

namespace chainner::detail {

using std::string_view;

namespace {

constexpr std::chrono::seconds patience{1};

/// How much of it is whole letters: UTF-8 that was cut has its last one or two bytes, or three, to come.
std::size_t size_of_whole_letters(string_view text) noexcept {
    for (std::size_t back = 1; back <= std::min<std::size_t>(text.size(), 3); ++back) {
        const auto byte = static_cast<unsigned char>(text[text.size() - back]);
        if (byte < 0x80) break;
        if (byte < 0xc0) continue;
        const std::size_t length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
        return length > back ? text.size() - back : text.size();
    }
    return text.size();
}

bool is_blank(string_view text) noexcept { return text.find_first_not_of(' ') == string_view::npos; }

}  // namespace

void line_splitter::add(string_view text, clock::time_point now) {
    while (!text.empty()) {
        if (!due()) waits_since_ = now;
        const string_view line = text.substr(0, text.find('\n'));
        const std::size_t size = std::min(line.find('\r'), line.size());
        append(text.substr(0, size));
        text.remove_prefix(size);
        if (text.empty()) break;
        if (text.front() == '\n') {
            end_line();
        } else {
            // What clears the line does not take the place of what stood there.
            if (!is_blank(text_)) state_.swap(text_);
            text_.clear();
        }
        text.remove_prefix(1);
    }
}

std::optional<line_splitter::clock::time_point> line_splitter::due() const {
    if (text_.empty() && state_.empty()) return std::nullopt;
    return waits_since_ + patience;
}

void line_splitter::give_if_due(clock::time_point now) {
    const auto time = due();
    if (!time || now < *time) return;
    std::size_t size = size_of_whole_letters(text_);
    if (size == 0) size = text_.size();
    const string_view whole = string_view(text_).substr(0, size);
    const string_view visible = is_blank(whole) && !state_.empty() ? state_ : whole;
    if (!visible.empty()) give(visible);
    text_.erase(0, size);
    state_.clear();
    waits_since_ = now;
}

void line_splitter::give_rest() {
    if (due()) end_line();
    is_given_ = false;
}

void line_splitter::append(string_view text) {
    while (text_.size() + text.size() > max_size) {
        const std::size_t taken = max_size - text_.size();
        text_.append(text.substr(0, taken));
        text.remove_prefix(taken);
        const std::size_t size = size_of_whole_letters(text_);
        give(string_view(text_).substr(0, size));
        text_.erase(0, size);
        state_.clear();
    }
    text_.append(text);
}

void line_splitter::end_line() {
    const string_view line = is_blank(text_) && !state_.empty() ? state_ : text_;
    if (!line.empty() || !is_given_) give(line);
    text_.clear();
    state_.clear();
    is_given_ = false;
}

void line_splitter::give(string_view line) {
    is_given_ = true;
    on_line_(line);
}

}  // namespace chainner::detail
