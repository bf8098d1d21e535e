#include "lossy_console.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

namespace chainner::detail {

using std::string_view;

namespace {

constexpr std::chrono::milliseconds longest_wait{100};

/// What is given at once; if there are any, whole lines.
string_view next_piece(string_view text) {
    const string_view most = text.substr(0, lossy_console::most_at_once);
    const std::size_t end_of_lines = most.rfind('\n') + 1;
    return end_of_lines > 0 ? most.substr(0, end_of_lines) : most;
}

}  // namespace

bool lossy_console::has_reader() {
    if (!has_given_up()) return true;
    if (!console_->is_ready()) return false;
    // Where the stream has become another one, the beginning of that record went elsewhere.
    if (console_->follow() && !std::exchange(rest_, "").empty()) ++missing_;
    if (console_->unread() > 0) return false;
    bool is_lost = false;
    rest_.erase(0, write(rest_, is_lost));
    if (rest_.empty() && missing_ > 0) {
        const std::string text = describe_(missing_);
        if (const std::size_t shown = write(text, is_lost); shown > 0) {
            missing_ = 0;
            rest_ = text.substr(shown);
        }
    }
    return !has_given_up();
}

std::size_t lossy_console::show(string_view text) {
    bool is_lost = false;
    if (text.empty()) return 0;
    const std::size_t done = has_reader() ? write(text, is_lost) : 0;
    if (!has_given_up() && !is_lost) return done;
    leave_out(text.substr(done));
    return text.size();
}

void lossy_console::leave_out(string_view text) {
    if (!has_given_up() && is_in_record_) {
        rest_ = first_record_(text);
        text.remove_prefix(rest_.size());
    }
    if (text.empty()) return;
    std::size_t records = 0;
    for (string_view next = first_record_(text); !next.empty(); next = first_record_(text)) {
        text.remove_prefix(next.size());
        ++records;
    }
    missing_ = std::max<std::size_t>(missing_ + records, 1);
}

/// Stops where there is no room; the reader `is_lost` if there has been none for long.
std::size_t lossy_console::write(string_view text, bool& is_lost) {
    std::size_t done = 0;
    while (done < text.size()) {
        std::error_code error;
        const string_view piece = next_piece(text.substr(done));
        if (const std::size_t taken = console_->write(piece, error); taken > 0) {
            done += taken;
            is_in_record_ = text[done - 1] != '\n' || text.substr(done, 1) == "\t";
            unread_.reset();
            continue;
        }
        if (error == std::errc::resource_unavailable_try_again) {
            // A pipe has no room before a reader of single lines has emptied a page of it.
            const std::size_t left = console_->unread();
            if (!unread_ || left < *unread_) last_taken_ = now_();
            unread_ = left;
            is_lost = now_() - last_taken_ >= longest_wait;
        } else {
            is_lost = !console_->follow();  // else it is to be given again, made for what the stream is now
        }
        break;
    }
    return done;
}

}  // namespace chainner::detail
