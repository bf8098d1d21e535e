#include "output/line_splitter.hpp"

#include <algorithm>
#include <utility>

namespace chainner::detail {

using std::string_view;

namespace {

constexpr std::chrono::seconds rest_patience{1};

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

/// What moves the cursor up: `\x1b[A`, or `\x1b[2A` for two rows.
struct move_up {
    std::size_t size = 0;  // 0: the text begins with something else
    std::size_t rows = 1;
};

move_up move_up_at_begin(string_view text) noexcept {
    if (text.substr(0, 2) != "\x1b[") return {};
    std::size_t end = 2;
    std::size_t rows = 0;
    for (; end < text.size() && end < 4 && text[end] >= '0' && text[end] <= '9'; ++end) {
        rows = 10 * rows + static_cast<std::size_t>(text[end] - '0');
    }
    if (end == text.size() || text[end] != 'A') return {};
    return {end + 1, std::max<std::size_t>(rows, 1)};
}

}  // namespace

void line_splitter::add(string_view text, clock::time_point now) {
    while (!text.empty()) {
        if (!due()) waits_since_ = now;
        const string_view plain = text.substr(0, text.find_first_of("\n\r\x1b"));
        append(plain);
        text.remove_prefix(plain.size());
        if (text.empty()) break;
        std::size_t done = 1;
        if (text.front() == '\n') {
            end_line();
        } else if (text.front() == '\r') {
            go_back();
        } else if (const move_up move = move_up_at_begin(text); move.size > 0) {
            go_up(move.rows);
            done = move.size;
        } else {
            append(text.substr(0, 1));
        }
        text.remove_prefix(done);
    }
}

std::optional<line_splitter::clock::time_point> line_splitter::due() const {
    const bool all_are_given = std::all_of(bars_.begin(), bars_.end(), [](const bar& each) { return each.is_given; });
    if (text_.empty() && state_.empty() && all_are_given) return std::nullopt;
    return waits_since_ + rest_patience;
}

void line_splitter::give_if_due(clock::time_point now) {
    const auto time = due();
    if (!time || now < *time) return;
    waits_since_ = now;
    if (!bars_.empty()) {
        leave_bar();
        return give_bars();
    }
    std::size_t size = size_of_whole_letters(text_);
    if (size == 0) size = text_.size();
    const string_view whole = string_view(text_).substr(0, size);
    const string_view seen = is_blank(whole) && !state_.empty() ? state_ : whole;
    if (!seen.empty()) give(seen);
    text_.erase(0, size);
    state_.clear();
}

void line_splitter::give_rest() {
    if (!bars_.empty()) {
        leave_bar();
        give_bars();
        bars_.clear();
    } else if (due()) {
        end_line();
    }
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

/// What clears the line does not take the place of what stood there.
void line_splitter::go_back() {
    is_bar_ = true;
    if (!is_blank(text_)) state_.swap(text_);
    text_.clear();
}

void line_splitter::end_line() {
    constexpr std::size_t most_bars = 100;
    const bool is_bar = is_bar_ && !text_.empty();
    const bool is_above_bar = text_.empty() && state_.empty() && row_ + 1 < bars_.size();
    if (!bars_.empty() && (is_bar || is_above_bar) && row_ < most_bars) {
        leave_bar();
        ++row_;
        return;
    }
    give_bars();
    bars_.clear();
    if (const string_view line = visible(); !line.empty() || !is_given_) give(line);
    text_.clear();
    state_.clear();
    is_given_ = false;
}

void line_splitter::give(string_view line) {
    is_given_ = true;
    on_line_(line);
}

string_view line_splitter::visible() const { return is_blank(text_) && !state_.empty() ? state_ : text_; }

// Bars below each other

void line_splitter::go_up(std::size_t rows) {
    if (bars_.empty()) row_ = 0;
    leave_bar();
    if (rows > row_) {
        // Those above were given as lines before anybody could know.
        bars_.insert(bars_.begin(), rows - row_, bar());
        row_ = rows;
    }
    row_ -= rows;
}

void line_splitter::leave_bar() {
    if (row_ >= bars_.size()) bars_.resize(row_ + 1);
    bar& present = bars_[row_];
    if (const string_view text = visible(); !is_blank(text) && text != present.text)
        present = {std::string(text), false};
    text_.clear();
    state_.clear();
    is_bar_ = false;
}

void line_splitter::give_bars() {
    for (bar& each : bars_) {
        if (!std::exchange(each.is_given, true)) give(each.text);
    }
}

}  // namespace chainner::detail
