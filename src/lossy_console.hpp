#pragma once

// Text on a console, for as long as somebody reads it.

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "platform/console.hpp"

namespace chainner::detail {

/// Shows text unchanged, and never waits. A reader that takes nothing for 100 ms is given up on: records are then left
/// out and counted until it has taken all there was, and is told how many are missing. A reader that is only slow gets
/// all. A record is shown whole or not at all.
class lossy_console {
public:
    using clock = std::chrono::steady_clock;

    /// Bytes: what a pipe takes all of or nothing. Whole lines are given at once, as many as this has room for.
    static constexpr std::size_t most_at_once = 4096;

    /// The first record of a text, its end included; empty if it has no end yet.
    using splitter = std::string_view (*)(std::string_view text);

    /// What a reader that is back is told, in a line of its own.
    using describe_function = std::function<std::string(std::size_t missing)>;

    lossy_console(std::unique_ptr<platform::console> console, splitter first_record, describe_function describe,
                  std::function<clock::time_point()> now = clock::now)
        : console_(std::move(console)),
          first_record_(first_record),
          describe_(std::move(describe)),
          now_(std::move(now)) {}

    /// To be called before text is shown, or made for it: takes note of what the stream is now.
    void follow() noexcept { console_->follow(); }
    bool is_terminal() const noexcept { return console_->is_terminal(); }

    /// false: whatever is given now is left out. Tells a reader that is back what it has missed.
    bool has_reader();

    /// Returns how much of it is done with. What is left is to be given again, with what has come after it.
    std::size_t show(std::string_view text);

    /// Gives up on the reader.
    void leave_out(std::string_view text);
    void leave_out(std::size_t records) noexcept { missing_ += records; }

private:
    bool has_given_up() const noexcept { return missing_ > 0 || !rest_.empty(); }
    std::size_t write(std::string_view text, bool& is_lost);

    std::unique_ptr<platform::console> console_;
    splitter first_record_;
    describe_function describe_;
    std::function<clock::time_point()> now_;
    bool is_in_record_ = false;  // what was shown last was no end of one
    std::string rest_;           // of a record whose beginning was shown: it comes first when the reader is back
    std::size_t missing_ = 0;
    std::optional<std::size_t> unread_;  // while there is no room: what the reader has still to take,
    clock::time_point last_taken_;       // and when that last was less
};

}  // namespace chainner::detail
