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

constexpr auto longest_wait_in_all = 1s;
constexpr auto wait_between_tries = 1ms;

constexpr std::array<std::string_view, spdlog::level::n_levels> colours{
    "",          // trace
    "\033[36m",  // debug: cyan
    "\033[32m",  // info: green
    "\033[33m",  // warning: yellow
    "\033[31m",  // error: red
    "\033[35m",  // critical: magenta
    "",          // off
};
constexpr std::string_view no_colour = "\033[0m";

/// Colours what the formatter has marked in `line`.
void colour(const spdlog::details::log_msg& msg, spdlog::memory_buf_t& line) {
    const std::string_view begin = colours.at(static_cast<std::size_t>(msg.level));
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

console_writer::console_writer(std::string logger_name, lossy_console::describe_function describe_missing,
                               std::unique_ptr<platform::console> console, wait_function wait)
    : logger_name_(std::move(logger_name)),
      describe_missing_(std::move(describe_missing)),
      wait_(std::move(wait)),
      console_(
          std::move(console), [](std::string_view text) { return text; },
          [this](std::size_t missing) {
              const std::string text = describe_missing_(missing);
              return std::string(formatted({internal_source, logger_name_, spdlog::level::warn, text}));
          },
          [this] { return wait_(0ms); }) {}

void console_writer::open(std::unique_ptr<spdlog::formatter> formatter, spdlog::color_mode color) {
    formatter_ = std::move(formatter);
    color_ = color == spdlog::color_mode::automatic ? color_mode_of_environment() : color;
    is_open_ = true;
}

console_writer::console_writer(const console_writer& parent, std::unique_ptr<spdlog::formatter> formatter)
    : console_writer(parent.logger_name_, parent.describe_missing_) {
    formatter_ = std::move(formatter);
    is_open_ = parent.is_open();
    color_ = parent.color_;
}

console_writer console_writer::clone_for_child() const { return {*this, formatter_ ? formatter_->clone() : nullptr}; }

void console_writer::log(const spdlog::details::log_msg& record) {
    if (!is_open_) return;
    if (passed_over_ > 0) console_.leave_out(passed_over_.exchange(0));
    if (!console_.has_reader()) return console_.leave_out(1);
    std::string_view left = formatted(record);
    left.remove_prefix(console_.show(left));
    if (left.empty()) return;
    for (const clock::time_point end = wait_(0ms) + longest_wait_in_all; wait_(wait_between_tries) < end;) {
        if (left.size() == line_.size()) left = formatted(record);  // the stream may have become another one
        left.remove_prefix(console_.show(left));
        if (left.empty()) return;
    }
    console_.leave_out(left);
}

std::string_view console_writer::formatted(const spdlog::details::log_msg& record) {
    console_.follow();
    clear(line_);
    formatter_->format(record, line_);
    if (color_ == spdlog::color_mode::always || (color_ == spdlog::color_mode::automatic && console_.is_terminal())) {
        colour(record, line_);
    }
    return text_of(line_);
}

console_writer::clock::time_point console_writer::wait_for(std::chrono::milliseconds time) {
    std::this_thread::sleep_for(time);
    return clock::now();
}

}  // namespace chainner::detail
