#pragma once

// The lines in what a stream brings, piece by piece.

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace chainner::detail {

/// Makes lines of text as it arrives. Of a progress bar, which goes back to the beginning of its line by `\r`, only
/// the last state is a line; so it is with several bars below each other, between which the cursor goes up by `\x1b[A`.
/// What has no end yet is given after a second as far as it has come.
class line_splitter {
public:
    using clock = std::chrono::steady_clock;
    using line_handler = std::function<void(std::string_view)>;

    /// Bytes: a line that is longer is given in pieces, each of whole letters.
    static constexpr std::size_t max_size = 64 * 1024;

    explicit line_splitter(line_handler on_line) : on_line_(std::move(on_line)) {}

    /// `on_line` is called with each line that ends in `text`.
    void add(std::string_view text, clock::time_point now);

    /// When what has no end yet is to be given; nothing if there is none.
    std::optional<clock::time_point> due() const;
    void give_if_due(clock::time_point now);

    /// Gives what has no end yet.
    void give_rest();

private:
    struct bar {
        std::string text;
        bool is_given = true;
    };

    void append(std::string_view text);
    void go_back();
    void end_line();
    void give(std::string_view line);
    std::string_view visible() const;

    // Bars below each other
    void go_up(std::size_t rows);
    void leave_bar();
    void give_bars();

    line_handler on_line_;
    std::string text_;               // since the line feed, or since `\r`
    std::string state_;              // what stood before `\r`, until something stands after it
    bool is_bar_ = false;            // there was a `\r` in this line
    bool is_given_ = false;          // something of this line
    clock::time_point waits_since_;  // the oldest of what is to be given

    std::vector<bar> bars_;  // from the first time on that the cursor goes up until an ordinary line comes
    std::size_t row_ = 0;    // where the cursor is among them
};

}  // namespace chainner::detail
