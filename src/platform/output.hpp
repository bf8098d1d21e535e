#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>

#include "platform/console.hpp"

/// What the process and the programs that it starts write to its standard streams.
namespace chainner::platform {

/// A standard stream that can be led into a pipe, from which this process reads. `console` goes on to write to what the
/// stream was before.
class captured_stream {
public:
    using deadline = std::chrono::steady_clock::time_point;

    virtual ~captured_stream() = default;

    /// Whether what is written to the stream now comes here. What the program has put in its place does not.
    virtual bool is_captured() const noexcept = 0;

    /// C's stdout is written by lines from then on, where the system can tell that it has a buffer (Linux). Throws
    /// `std::system_error`. A file that the program has opened under the number of a stream that was closed stays as it
    /// is.
    virtual void capture() = 0;

    virtual void release() noexcept = 0;

    /// To be called before a console writes what was read: a program that has kept the pipe may have put it back after
    /// `release`, and the console must not write to it.
    virtual void follow() noexcept = 0;

    /// Reads without waiting. 0: there is nothing.
    virtual std::size_t read(char* to, std::size_t size) noexcept = 0;

    /// For the thread that reads: waits until there may be something to read, until `wake` or until the time has come.
    virtual void wait(std::optional<deadline> end) noexcept = 0;

    /// Writes to the stream what the C library has kept in a buffer. There must be room in the pipe.
    virtual void flush_buffer() const noexcept = 0;

    // To be called at any moment, also in a signal handler

    virtual void wake() const noexcept = 0;
    virtual bool has_unread() const noexcept = 0;

    // In a child by `fork`

    /// For the child: `capture` then takes the stream if it still leads to the parent's pipe.
    virtual std::unique_ptr<captured_stream> clone_for_child() const = 0;

    /// Leaves the pipe to the parent: a writer must not wait for a child that never reads.
    virtual void detach_in_child() noexcept = 0;
};

std::unique_ptr<captured_stream> make_captured_stream(standard_stream stream);

/// Runs it in a thread of its own, which handles no signal of the program. Throws `std::system_error`.
void start_reader(std::function<void()> read);

/// Calls `before` before an end of the process that nothing registered with `std::atexit` sees, as far as the system
/// lets one know: `quick_exit`, `_exit`, and a signal like SIGTERM that the program does not handle itself, in whose
/// handler it is then called.
void handle_sudden_end(void (*before)() noexcept) noexcept;

}  // namespace chainner::platform
