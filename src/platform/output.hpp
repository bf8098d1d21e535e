#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <limits>
#include <thread>
#include <utility>

#include "platform/console.hpp"
#include "platform/process.hpp"

/// What the process and the programs that it starts write to its standard streams.
namespace chainner::platform {

inline constexpr std::array<standard_stream, 2> standard_streams{standard_stream::output, standard_stream::error};

using deadline = std::chrono::steady_clock::time_point;

/// stdout and stderr, each of which can be led into a pipe that this process reads. But for `is_captured`, to be called
/// once `open` has made the pipes.
namespace captured_streams {

/// Makes the pipes, unless there are any. Throws `std::system_error`.
void open();

enum class choice { all, orphaned };

/// Leads the streams into the pipes; only those of them that are orphaned, if that is wanted. Throws
/// `std::system_error`; both streams are then as they were. A file that the program has opened under the number of a
/// stream that was closed stays as it is. C's stdout is written by lines from then on, where the system can tell that
/// it has a buffer (Linux). A thread that waits for room on stdout gets some, as far as the system has it to give
/// (Linux).
void capture(choice which);

/// Gives the streams back that are captured. In a child by `fork`, also those that its parent has captured.
void release() noexcept;

/// As `release`, but one that is full and that nobody reads stays captured: the end of the process must not wait.
void release_at_end() noexcept;

/// Whether what is written to a stream now comes here: what the program has put in its place does not.
bool is_captured(standard_stream stream) noexcept;

/// Writes what the C library has in its buffers of captured streams. Somebody must read. Waits for no lock longer than
/// until then.
void flush_buffers(deadline end) noexcept;

// For the threads that read

/// Reads without waiting. 0: there is nothing.
std::size_t read(standard_stream stream, char* to, std::size_t size) noexcept;

/// Waits until there may be something to read from those streams that are `wanted`, or until then.
void wait(const std::array<bool, 2>& wanted, deadline end) noexcept;

/// At any moment, also in a signal handler.
bool has_unread() noexcept;

// In a child by `fork`

/// Leaves the pipes to the parent, which reads on.
void leave_to_parent() noexcept;

/// Whether a stream leads to a pipe of the parent's that nobody reads any more.
bool is_orphaned() noexcept;

}  // namespace captured_streams

/// Runs it in a thread of its own, which handles no signal of the program. Throws `std::system_error`.
inline void start_thread(std::function<void()> run) {
    const blocked_signals its_mask;
    std::thread(std::move(run)).detach();
}

/// As the calls of the system have it: -1 for a deadline that never comes.
inline int milliseconds_until(deadline end) noexcept {
    if (end == deadline::max()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - deadline::clock::now()).count();
    return static_cast<int>(std::clamp<decltype(left)>(left, 0, std::numeric_limits<int>::max()));
}

/// Waits while `word` is `value`, but not longer than until then. At any moment, also in a signal handler.
void wait_while(const std::atomic<int>& word, int value, deadline end) noexcept;

/// Ends each `wait_while` for this word.
void wake_all(const std::atomic<int>& word) noexcept;

}  // namespace chainner::platform
