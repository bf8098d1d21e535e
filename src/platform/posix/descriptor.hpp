#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <memory>
#include <system_error>

#include "platform/console.hpp"
#include "platform/file.hpp"

namespace chainner::platform {

inline file_identity identity_of(const struct stat& found) noexcept {
    return {static_cast<std::uint64_t>(found.st_dev), static_cast<std::uint64_t>(found.st_ino)};
}

inline std::error_code last_error() noexcept { return {errno, std::system_category()}; }

/// Takes a descriptor over, under another number: one far above those that a program is given. A program that closes
/// what it takes for its own, and then opens files, gets none of ours in their place.
file adopt_descriptor(int descriptor) noexcept;

/// The same for a stream, under a number that no file gets: where a program has closed all, who still knows the number
/// of a log file would write its records into a pipe that has it now.
file adopt_stream(int descriptor) noexcept;

inline int descriptor_of(const file& file) noexcept { return static_cast<int>(file.number()); }

/// Whether its number still stands for it: a program that has closed all may have opened a file of its own there.
inline bool is_in_place(int descriptor, file_identity identity) noexcept {
    struct stat found {};
    if (fstat(descriptor, &found) != 0) return errno != EBADF;  // else the reason passes
    return identity_of(found) == identity;
}
inline bool is_in_place(const file& file) noexcept { return is_in_place(descriptor_of(file), file.identity()); }

inline int descriptor_of(standard_stream stream) noexcept {
    return stream == standard_stream::output ? STDOUT_FILENO : STDERR_FILENO;
}

/// Of a stream that is led into a pipe: which pipe that is, and what the stream was before. Read without a lock.
class stream_diversion {
public:
    void set(const file& pipe, const file& original) noexcept {
        pipe_index_ = 0;
        pipe_device_ = pipe.identity().device;
        set_original(original);
        pipe_index_ = pipe.identity().index;
    }
    void set_original(const file& original) noexcept {
        original_ = -1;
        original_device_ = original.identity().device;
        original_index_ = original.identity().index;
        original_ = descriptor_of(original);
    }

    /// -1: it was closed.
    int original() const noexcept {
        const int descriptor = original_;
        return platform::is_in_place(descriptor, {original_device_, original_index_}) ? descriptor : -1;
    }

    /// Whether the stream leads to the pipe: the program may have led it elsewhere.
    bool is_in_place(standard_stream stream) const noexcept {
        const std::uint64_t index = pipe_index_;
        return index != 0 && platform::is_in_place(descriptor_of(stream), {pipe_device_, index});
    }

private:
    std::atomic<int> original_{-1};
    std::atomic<std::uint64_t> original_device_{0};
    std::atomic<std::uint64_t> original_index_{0};
    std::atomic<std::uint64_t> pipe_device_{0};
    std::atomic<std::uint64_t> pipe_index_{0};  // 0: it was never led anywhere
};

inline stream_diversion& diversion_of(standard_stream stream) noexcept {
    static std::array<stream_diversion, 2> diversions;
    return diversions.at(static_cast<std::size_t>(stream));
}

/// Whether the process was started with it: later the number may belong to a file that the program has opened.
bool was_open_at_start(standard_stream stream) noexcept;

/// Writes to what the stream was before it was captured.
std::unique_ptr<console> make_console_of_original(standard_stream stream);

/// Whether the next byte written would raise SIGXFSZ.
bool is_at_size_limit(int descriptor) noexcept;

}  // namespace chainner::platform
