#pragma once

// The lines in what a stream brings, piece by piece.

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace chainner::detail {

/// Makes lines of text as it arrives. Of a progress bar, which goes back to the beginning of its line by `\r`, only
/// the last state is a line. A line that has no end yet is given after a second as far as it has come.
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
    void append(std::string_view text);
    void end_line();
    void give(std::string_view line);

    line_handler on_line_;
    std::string text_;               // since the line feed, or since `\r`
    std::string state_;              // what stood before `\r`, until something stands after it
    bool is_given_ = false;          // something of this line
    clock::time_point waits_since_;  // the older of the two
};

}  // namespace chainner::detail
