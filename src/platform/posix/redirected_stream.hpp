#pragma once

#include <chrono>

#include "platform/posix/descriptor.hpp"

namespace chainner::platform {

[[noreturn]] void fail_to_capture();

struct pipe_ends {
    file read;  // without waiting
    file write;
};

/// Throws `std::system_error`.
pipe_ends make_pipe();

/// A stream, and the pipe that it can be led into.
struct redirected_stream {
    int descriptor() const noexcept { return descriptor_of(stream); }
    stream_diversion& diversion() const noexcept { return diversion_of(stream); }
    bool is_in_place() const noexcept { return diversion().is_in_place(stream); }

    /// Leads it into the pipe; `is_parents`: also if it leads to that of the parent. Throws `std::system_error`.
    void capture(bool is_parents);

    void give_back() noexcept;

    /// The same, but one that is full and that nobody reads stays: the end of the process must not wait.
    void give_back_at_end() noexcept;

    /// What C has in its buffer, for which no lock is waited longer than until then.
    void flush_buffer(std::chrono::steady_clock::time_point end) const noexcept;

    /// For a program that has closed all descriptors, as a daemon does when it begins, and so both ends of the pipe
    /// that it writes to. Throws `std::system_error`.
    void open_again();

    const standard_stream stream;
    pipe_ends pipe{};
    file original{};  // what the stream was before
    file first{};     // what it was before the program redirected it, which may put back the pipe that it has kept
    bool is_redirected = false;  // since the last `capture`, and not yet given back
};

}  // namespace chainner::platform
