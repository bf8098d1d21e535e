#include "platform/redirected_stream.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <system_error>
#include <thread>

#include "platform/output.hpp"
#include "platform/posix/descriptor.hpp"
#include "platform/process.hpp"

#ifdef __linux__
#include <stdio_ext.h>
#endif

namespace chainner::platform {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace {

/// Or is no reader to be waited for.
bool has_room(const file& stream, std::chrono::milliseconds patience) noexcept {
    pollfd request{descriptor_of(stream), POLLOUT, 0};
    return poll(&request, 1, static_cast<int>(patience.count())) != 0;
}

#ifdef __linux__
/// A pipe that nobody has read for long is full. Where the system has more room to give, whoever waits for it goes on.
void make_room_in(const file& stream) noexcept {
    if (!stream || has_room(stream, 0ms)) return;
    const int size = fcntl(descriptor_of(stream), F_GETPIPE_SZ);
    if (size > 0) fcntl(descriptor_of(stream), F_SETPIPE_SZ, 2 * size);
}
#endif

/// With the lock of one of C's streams, if it is to be had until then: a thread that waits for a reader may hold it.
template <class Action>
void with_lock(std::FILE* stream, deadline end, Action action) {
    const auto try_once = [&] {
        const blocked_signals uninterrupted;  // a handler may call `exit`, which waits for the lock, whoever has it
        if (ftrylockfile(stream) != 0) return false;
        action();
        funlockfile(stream);
        return true;
    };
    while (!try_once() && steady_clock::now() < end) std::this_thread::sleep_for(100us);
}

}  // namespace

void fail_to_capture() { throw std::system_error(last_error(), "cannot capture output"); }

bool is_open(standard_stream stream) noexcept { return fcntl(descriptor_of(stream), F_GETFD) != -1; }

/// What a process inherits is not closed on exec, which tells it from a file of the program's where this library is
/// loaded late.
bool is_inherited(standard_stream stream) noexcept {
    const int flags = fcntl(descriptor_of(stream), F_GETFD);
    return flags != -1 && (flags & FD_CLOEXEC) == 0;
}

file_number number_of(standard_stream stream) noexcept { return descriptor_of(stream); }

file duplicate_of(standard_stream stream) noexcept {
    return adopt_stream(fcntl(descriptor_of(stream), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

bool leads_to(standard_stream stream, known_file file) noexcept {
    return is_in_place(known_file{descriptor_of(stream), file.identity});
}

bool lead(standard_stream stream, const file& to) noexcept {
    return is_in_place(to) && dup2(descriptor_of(to), descriptor_of(stream)) >= 0;
}

void close_stream(standard_stream stream) noexcept { ::close(descriptor_of(stream)); }

void go_on_captured([[maybe_unused]] const redirected_stream& stream) noexcept {
#ifdef __linux__
    make_room_in(stream.original());
    // The C library may be about to keep lines until it has many, or has been told that this is no terminal. With the
    // buffer that it has been using it would go on so until that is full.
    constexpr std::size_t no_buffer = 1;  // until the stream is used the size is 0
    static std::array<char, BUFSIZ> buffer;
    if (stream.stream != standard_stream::output) return;
    with_lock(stdout, steady_clock::now() + 100ms, [] {
        if (__fbufsize(stdout) == no_buffer) return;
        std::fflush(stdout);
        setvbuf(stdout, buffer.data(), _IOLBF, buffer.size());
    });
#endif
}

namespace captured_streams {

void release_at_end() noexcept {
    for (redirected_stream& each : redirected_streams()) {
        if (!each.original() || has_room(each.original(), 100ms)) each.give_back();
    }
}

void flush_buffers(deadline end) noexcept {
    for (const redirected_stream& each : redirected_streams()) {
        std::FILE* const of_c = each.stream == standard_stream::output ? stdout : stderr;
        if (each.is_captured()) with_lock(of_c, end, [of_c] { std::fflush(of_c); });
    }
}

}  // namespace captured_streams

}  // namespace chainner::platform
