#include "console_sink.hpp"

#include <spdlog/fmt/fmt.h>

#include <array>
#include <chrono>
#include <thread>
#include <utility>

#include "platform/process.hpp"
#include "record/record_format.hpp"

namespace chainner::detail {

using namespace std::chrono_literals;

namespace {

constexpr auto longest_wait = 100ms;
constexpr auto longest_wait_in_all = 1s;
constexpr auto wait_between_tries = 1ms;

std::string_view colour_of(spdlog::level::level_enum level) {
    constexpr std::array<std::string_view, spdlog::level::n_levels> colours{
        "",          // trace
        "\033[36m",  // debug: cyan
        "\033[32m",  // info: green
        "\033[33m",  // warning: yellow
        "\033[31m",  // error: red
        "\033[35m",  // critical: magenta
        "",          // off
    };
    return colours.at(static_cast<std::size_t>(level));
}

constexpr std::string_view no_colour = "\033[0m";

/// Colours what the formatter has marked in `line`.
void colour(const spdlog::details::log_msg& msg, spdlog::memory_buf_t& line) {
    const std::string_view begin = colour_of(msg.level);
    if (begin.empty() || msg.color_range_end <= msg.color_range_start) return;
    const std::string_view text(line.data(), line.size());
    spdlog::memory_buf_t coloured;
    for (const std::string_view part : {text.substr(0, msg.color_range_start), begin,
                                        text.substr(msg.color_range_start, msg.color_range_end - msg.color_range_start),
                                        no_colour, text.substr(msg.color_range_end)}) {
        coloured.append(part.data(), part.data() + part.size());
    }
    line = std::move(coloured);
}

bool is_on(const char* variable) { return platform::variable(variable).value_or("0") != "0"; }

/// `automatic` leaves it to what stderr is at each record.
spdlog::color_mode color_mode_of_environment() {
    if (platform::variable("NO_COLOR")) return spdlog::color_mode::never;
    if (is_on("FORCE_COLOR") || is_on("CLICOLOR_FORCE")) return spdlog::color_mode::always;
    if (platform::variable("TERM") == "dumb") return spdlog::color_mode::never;
    return spdlog::color_mode::automatic;
}

}  // namespace

console_writer::console_writer(std::string logger_name, std::function<std::string()> where_else,
                               std::unique_ptr<platform::console> console, wait_function wait)
    : logger_name_(std::move(logger_name)),
      where_else_(std::move(where_else)),
      console_(std::move(console)),
      wait_(std::move(wait)) {}

void console_writer::open(std::unique_ptr<spdlog::formatter> formatter, spdlog::color_mode color) {
    formatter_ = std::move(formatter);
    color_ = color == spdlog::color_mode::automatic ? color_mode_of_environment() : color;
    is_open_ = true;
}

console_writer::console_writer(const console_writer& parent, std::unique_ptr<spdlog::formatter> formatter)
    : logger_name_(parent.logger_name_),
      where_else_(parent.where_else_),
      formatter_(std::move(formatter)),
      is_open_(parent.is_open()),
      color_(parent.color_) {}

console_writer console_writer::clone_for_child() const { return {*this, formatter_ ? formatter_->clone() : nullptr}; }

void console_writer::log(const spdlog::details::log_msg& record) {
    if (!is_open_) return;
    waits_since_.reset();
    if (passed_over_ > 0) hidden_ += passed_over_.exchange(0);
    const bool has_stalled = hidden_ > 0 || !rest_.empty();
    if ((has_stalled && !resume(record.time)) || !show(record)) ++hidden_;
}

/// Goes on where a reader that is back lost us. false if it is not back.
bool console_writer::resume(spdlog::log_clock::time_point now) {
    if (!console_->is_ready()) return false;
    if (console_->follow() && !rest_.empty()) {
        // The beginning of that line went elsewhere.
        rest_.clear();
        ++hidden_;
    }
    if (console_->unread() > 0) return false;
    rest_.erase(0, write(rest_));
    if (rest_.empty() && hidden_ > 0) {
        const std::string text = spdlog::fmt_lib::format("{} records were not shown here; {}", hidden_, where_else_());
        if (show({now, internal_source, logger_name_, spdlog::level::warn, text})) hidden_ = 0;
    }
    return rest_.empty() && hidden_ == 0;
}

/// false if nothing of the record was shown.
bool console_writer::show(const spdlog::details::log_msg& record) {
    std::size_t shown = 0;
    console_->follow();
    do {
        clear(line_);
        formatter_->format(record, line_);
        if (color_ == spdlog::color_mode::always ||
            (color_ == spdlog::color_mode::automatic && console_->is_terminal())) {
            colour(record, line_);
        }
        shown = write({line_.data(), line_.size()});
    } while (shown == 0 && console_->follow());
    if (shown > 0) rest_.assign(line_.data() + shown, line_.size() - shown);
    return shown > 0;
}

/// Waits for a reader as long as it takes anything, up to a second. Returns how much was taken.
std::size_t console_writer::write(std::string_view text) {
    std::size_t taken = 0;
    while (taken < text.size()) {
        std::error_code error;
        if (const std::size_t more = console_->write(text.substr(taken), error); more > 0) {
            taken += more;
            unread_ = std::string_view::npos;
            continue;
        }
        if (error != std::errc::resource_unavailable_try_again || !may_wait(console_->unread())) break;
        wait_(wait_between_tries);
    }
    return taken;
}

/// A pipe has no room before a reader of single lines has emptied a page of it: what tells whether it takes anything is
/// how much is `unread`.
bool console_writer::may_wait(std::size_t unread) {
    const clock::time_point now = wait_(0ms);
    if (!waits_since_) {
        waits_since_ = now;
        unread_ = std::string_view::npos;
    }
    if (unread < unread_) last_taken_ = now;
    unread_ = unread;
    return now - last_taken_ < longest_wait && now - *waits_since_ < longest_wait_in_all;
}

console_writer::clock::time_point console_writer::wait_for(std::chrono::milliseconds time) {
    std::this_thread::sleep_for(time);
    return clock::now();
}

}  // namespace chainner::detail
