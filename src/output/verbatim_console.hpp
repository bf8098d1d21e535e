#pragma once

// Text on a stream as it was written, for as long as somebody reads.

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "platform/console.hpp"

namespace chainner::detail {

/// Shows text unchanged, and never waits. A reader that takes nothing for 100 ms is given up on: text is then left out
/// until it has taken all there was, and a line says how many lines are missing. A reader that is only slow gets all.
class verbatim_console {
public:
    using clock = std::chrono::steady_clock;

    /// `where_else` says at which place the lines are that were not shown.
    verbatim_console(std::unique_ptr<platform::console> console, std::function<std::string()> where_else)
        : console_(std::move(console)), where_else_(std::move(where_else)) {}

    /// Returns how much of it is done with. What is left is to be given again, with what has come after it.
    std::size_t show(std::string_view text, clock::time_point now);

    /// Leaves it out.
    void skip(std::string_view text);

private:
    std::size_t write(std::string_view text, clock::time_point now);
    bool is_back(clock::time_point now);

    std::unique_ptr<platform::console> console_;
    std::function<std::string()> where_else_;
    bool has_given_up_ = false;
    bool is_in_line_ = false;  // what was shown last was no end of a line
    std::string rest_;         // of a line whose beginning was shown: it comes first when the reader is back
    std::size_t missing_lines_ = 0;
    std::optional<std::size_t> unread_;  // while there is no room: what the reader has still to take,
    clock::time_point last_taken_;       // and when that last was less
};

}  // namespace chainner::detail
