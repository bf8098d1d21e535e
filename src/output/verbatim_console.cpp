#include "output/verbatim_console.hpp"

#include <spdlog/common.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <system_error>
#include <utility>

namespace chainner::detail {

using std::string_view;
using namespace std::chrono_literals;

namespace {

constexpr auto longest_wait = 100ms;

/// As much as a pipe takes all of or nothing.
constexpr std::size_t piece_size = 4096;

/// If there are any, whole lines.
string_view next_piece(string_view text) {
    const string_view most = text.substr(0, piece_size);
    const std::size_t end_of_lines = most.rfind('\n') + 1;
    return end_of_lines > 0 ? most.substr(0, end_of_lines) : most;
}

}  // namespace

std::size_t verbatim_console::show(string_view text, clock::time_point now) {
    std::size_t done = 0;
    if (text.empty()) return 0;
    if (!has_given_up_ || is_back(now)) {
        done = write(text, now);
        if (!has_given_up_) return done;
        // A line is shown whole or not at all.
        const string_view left = text.substr(done);
        if (is_in_line_) rest_.assign(left.substr(0, std::min(left.find('\n') + 1, piece_size)));
        done += rest_.size();
    }
    skip(text.substr(done));
    return text.size();
}

void verbatim_console::skip(string_view text) {
    if (text.empty()) return;
    has_given_up_ = true;
    missing_lines_ += static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    missing_lines_ = std::max<std::size_t>(missing_lines_, 1);
}

/// Stops where there is no room, and gives up if there has been none for long.
std::size_t verbatim_console::write(string_view text, clock::time_point now) {
    std::size_t done = 0;
    console_->follow();
    while (done < text.size()) {
        std::error_code error;
        const string_view piece = next_piece(text.substr(done));
        if (const std::size_t taken = console_->write(piece, error); taken > 0) {
            is_in_line_ = piece[taken - 1] != '\n';
            done += taken;
            unread_.reset();
            continue;
        }
        if (error == std::errc::resource_unavailable_try_again) {
            // A pipe has no room before a reader of single lines has emptied a page of it.
            const std::size_t left = console_->unread();
            if (!unread_ || left < *unread_) last_taken_ = now;
            unread_ = left;
            has_given_up_ = now - last_taken_ >= longest_wait;
            break;
        }
        has_given_up_ = !console_->follow();
        if (has_given_up_) break;
    }
    return done;
}

/// Goes on where a reader that is back lost us. false if it is not back.
bool verbatim_console::is_back(clock::time_point now) {
    if (!console_->is_ready() || console_->unread() > 0) return false;
    std::string text = std::exchange(rest_, "");
    if (missing_lines_ > 0) {
        text += spdlog::fmt_lib::format("{} records were not shown here; {}\n", std::exchange(missing_lines_, 0),
                                        where_else_());
    }
    has_given_up_ = false;
    text.erase(0, write(text, now));
    if (text.empty()) return true;
    has_given_up_ = true;
    rest_ = std::move(text);
    return false;
}

}  // namespace chainner::detail
