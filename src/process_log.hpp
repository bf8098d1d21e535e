#pragma once

namespace chainner::detail {

/// What a crash handler has to know of the log, to be read at any moment without a lock.
struct process_log {
    int file = -1;       // of the role that the process has set up; -1: there is none now
    int utc_offset = 0;  // minutes
};

process_log current_process_log() noexcept;

}  // namespace chainner::detail
