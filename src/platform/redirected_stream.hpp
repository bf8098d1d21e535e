#pragma once

#include <array>
#include <atomic>

#include "platform/console.hpp"
#include "platform/file.hpp"

/// How stdout and stderr are led into pipes of this process, and back.
namespace chainner::platform {

/// Of a pipe.
struct pipe_ends {
    file read;
    file write;
};

/// A standard stream, and the pipe that it can be led into. What is `const` may be asked at any moment, also in a
/// signal handler.
class redirected_stream {
public:
    explicit redirected_stream(standard_stream which) noexcept;

    /// Leads it into the pipe, unless it leads there already. Throws `std::system_error`. A file that the program has
    /// opened under the number of a stream that was closed stays as it is.
    void capture();

    void give_back() noexcept;

    /// In a child by `fork`: the parent reads the pipe on.
    void leave_to_parent() noexcept;

    /// Whether it leads to the pipe, of this process or of its parent: the program may have led it elsewhere.
    bool is_in_place() const noexcept;
    bool is_captured() const noexcept { return !is_parents_ && is_in_place(); }
    bool is_parents() const noexcept { return is_parents_; }

    /// What a console writes to. `no_file`: it was closed.
    file_number target(console_target wanted) const noexcept;

    const file& original() const noexcept { return original_; }

    const standard_stream stream;
    pipe_ends pipe;

private:
    const bool was_open_at_start_;
    remembered_file present_pipe_;      // or that of the parent
    remembered_file present_original_;  // what the stream was before
    file original_;
    file first_;  // what it was before the program redirected it, which may put back the pipe that it has kept
    bool is_redirected_ = false;  // since the last `capture`, and not yet given back
    std::atomic<bool> is_parents_{false};
};

/// stdout and stderr. Never destroyed.
std::array<redirected_stream, 2>& redirected_streams();

inline redirected_stream& redirected(standard_stream stream) {
    return redirected_streams().at(static_cast<std::size_t>(stream));
}

// What each system does in its own way

[[noreturn]] void fail_to_capture();

bool is_open(standard_stream stream) noexcept;

/// Whether the process was started with it, if that is asked before the program opens a file.
bool is_inherited(standard_stream stream) noexcept;

file_number number_of(standard_stream stream) noexcept;

/// Which other programs do not inherit. Empty if that fails.
file duplicate_of(standard_stream stream) noexcept;

bool leads_to(standard_stream stream, known_file file) noexcept;

/// false: it stays as it is.
bool lead(standard_stream stream, const file& to) noexcept;

void close_stream(standard_stream stream) noexcept;

/// Lets whoever waits for room in the original go on, and has C write each line, where the system can do that.
void go_on_captured(const redirected_stream& stream) noexcept;

}  // namespace chainner::platform
