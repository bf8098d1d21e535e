#pragma once

// What a file says about its writer: where it comes from, its end, and a change of its UTC offset.

#include <spdlog/common.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "platform/process.hpp"

namespace chainner::detail {

/// The words of a process about itself.
class session {
public:
    using time_point = spdlog::log_clock::time_point;

    session() = default;
    session(std::string role, std::string application_version);

    /// What a child by `fork` says in its first file.
    static std::string opening_of_child(std::string_view file);

    /// At the beginning of a file: which program, on which system, writes what follows.
    std::string header();

    /// At the end of the session. Made beforehand: a handler may end the process in the midst of `malloc`.
    const std::string& closing() const noexcept { return closing_; }

    /// How much of the end of a file `is_left_open` looks at, in bytes.
    static constexpr std::size_t end_size = 8 * 1024;

    /// Whether the session that has written the end of a file, `text`, has not closed it. Known only where the records
    /// are in one of the library's own patterns, or the last one is longer than `text`.
    static bool is_left_open(std::string_view text);

    /// Minutes.
    int utc_offset() const noexcept { return utc_offset_; }

    /// Whether a record of this time may have another UTC offset than those before: it changes at a full minute, or
    /// when the program sets another time zone.
    bool may_change_utc_offset(time_point time) const noexcept {
        return time >= next_minute_ || platform::time_zone() != time_zone_;
    }

    /// Asks the system. Says what has changed, if anything, for those who read times in the file.
    std::optional<std::string> update_utc_offset(time_point now);

private:
    std::string role_;
    std::string closing_;
    std::string application_version_;
    int process_id_ = 0;
    std::string process_;  // what is known of it, which does not change; a child by `fork` is another process
    int utc_offset_ = 0;
    time_point next_minute_;
    std::uintptr_t time_zone_ = 0;
};

}  // namespace chainner::detail
