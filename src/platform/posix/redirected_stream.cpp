#include "platform/posix/redirected_stream.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "platform/process.hpp"

#ifdef __linux__
#include <stdio_ext.h>
#endif

namespace chainner::platform {

using std::chrono::steady_clock;
using deadline = steady_clock::time_point;
using namespace std::chrono_literals;

namespace {

/// Or is no reader to be waited for.
bool has_room(int descriptor, std::chrono::milliseconds patience) noexcept {
    pollfd request{descriptor, POLLOUT, 0};
    return poll(&request, 1, static_cast<int>(patience.count())) != 0;
}

/// A pipe that nobody has read for long is full. Where the system has more room to give, whoever waits for it goes on.
void make_room_in([[maybe_unused]] int descriptor) noexcept {
#ifdef __linux__
    if (has_room(descriptor, 0ms)) return;
    if (const int size = fcntl(descriptor, F_GETPIPE_SZ); size > 0) fcntl(descriptor, F_SETPIPE_SZ, 2 * size);
#endif
}

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

pipe_ends make_pipe() {
    std::array<int, 2> ends{-1, -1};
#ifdef __linux__
    const bool is_made = ::pipe2(ends.data(), O_CLOEXEC) == 0;
#else
    const bool is_made = ::pipe(ends.data()) == 0;
#endif
    if (!is_made) fail_to_capture();
    pipe_ends made{adopt_stream(ends[0]), adopt_stream(ends[1])};
    if (!made.read || !made.write) fail_to_capture();
    fcntl(descriptor_of(made.read), F_SETFL, O_NONBLOCK);
    return made;
}

void redirected_stream::capture(bool is_parents) {
    const bool was_in_place = is_in_place();
    if (was_in_place && !is_parents) return;
    if (!was_in_place) {
        const bool is_open = fcntl(descriptor(), F_GETFD) != -1;
        if (is_open && !was_open_at_start(stream)) return;
        file present = is_open ? adopt_stream(fcntl(descriptor(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1)) : file();
        if (is_open && !present) fail_to_capture();
        if (is_redirected && !first) first = std::move(original);
        original = std::move(present);
    }
    if (!platform::is_in_place(pipe.write)) fail_to_capture();
    diversion().set(pipe.write, original);
    if (dup2(descriptor_of(pipe.write), descriptor()) < 0) fail_to_capture();
    is_redirected = true;
    if (original) make_room_in(descriptor_of(original));
#ifdef __linux__
    // The C library may be about to keep lines until it has many, or has been told that this is no terminal. With the
    // buffer that it has been using it would go on so until that is full.
    constexpr std::size_t no_buffer = 1;  // until the stream is used the size is 0
    static std::array<char, BUFSIZ> buffer;
    if (stream != standard_stream::output) return;
    with_lock(stdout, steady_clock::now() + 100ms, [] {
        if (__fbufsize(stdout) == no_buffer) return;
        std::fflush(stdout);
        setvbuf(stdout, buffer.data(), _IOLBF, buffer.size());
    });
#endif
}

void redirected_stream::give_back() noexcept {
    if (!is_redirected || !is_in_place()) return;
    if (original) {
        if (!platform::is_in_place(original)) return;
        dup2(descriptor_of(original), descriptor());
    } else {
        ::close(descriptor());
    }
    is_redirected = false;
    if (!first) return;
    diversion().set_original(first);
    original = std::exchange(first, file());
}

void redirected_stream::give_back_at_end() noexcept {
    if (!original || has_room(descriptor_of(original), 100ms)) give_back();
}

void redirected_stream::flush_buffer(deadline end) const noexcept {
    std::FILE* const of_c = stream == standard_stream::output ? stdout : stderr;
    with_lock(of_c, end, [&] { std::fflush(of_c); });
}

void redirected_stream::open_again() {
    pipe = {};  // first, as the new ends may get the same numbers
    pipe_ends ends;
#ifdef __linux__
    const std::string name = "/proc/self/fd/" + std::to_string(descriptor());
    if (is_in_place()) {
        ends.read = adopt_stream(::open(name.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
        ends.write = adopt_stream(::open(name.c_str(), O_WRONLY | O_CLOEXEC));
    }
#endif
    pipe = ends.read && ends.write ? std::move(ends) : make_pipe();
}

}  // namespace chainner::platform
