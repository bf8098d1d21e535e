#include "platform/output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <exception>
#include <string>
#include <thread>
#include <utility>

#include "platform/posix/descriptor.hpp"
#include "platform/process.hpp"
#include "platform/redirected_stream.hpp"

#ifdef __linux__
#include <linux/futex.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#endif

namespace chainner::platform {

namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

/// An epoll of both pipes: to ask it costs half of a `poll`. Never destroyed.
file& watch() {
    static file& made = *new file;
    return made;
}

[[maybe_unused]] const file& was_made_before_main = watch();  // not in the child of a fork

/// Throws `std::system_error`.
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

std::array<pollfd, 2> requests(const std::array<bool, 2>& wanted) noexcept {
    const auto request = [&](standard_stream stream, bool is_wanted) {
        return pollfd{descriptor_of(redirected(stream).pipe.read), static_cast<short>(is_wanted ? POLLIN : 0), 0};
    };
    return {request(standard_stream::output, wanted[0]), request(standard_stream::error, wanted[1])};
}

void watch_pipes() {
#ifdef __linux__
    watch() = adopt_stream(epoll_create1(EPOLL_CLOEXEC));
    for (const redirected_stream& each : redirected_streams()) {
        epoll_event readable{EPOLLIN, {}};
        if (epoll_ctl(descriptor_of(watch()), EPOLL_CTL_ADD, descriptor_of(each.pipe.read), &readable) != 0)
            fail_to_capture();
    }
#endif
}

#ifdef __linux__
/// Gives the thread a table of descriptors of its own, with these alone, where the system can (Linux 5.9).
void keep_for_itself(int one, int other) noexcept {
    const auto close = [](int first, unsigned last) {
        constexpr long close_range = 436;  // younger than the headers of some systems
        constexpr unsigned unshare = 2;
        syscall(close_range, first, last, unshare);
    };
    const auto [low, high] = std::minmax(one, other);
    close(high + 1, UINT_MAX);
    close(low + 1, static_cast<unsigned>(high) - 1);
    close(0, static_cast<unsigned>(low) - 1);
}
#endif

/// As long as a stream leads to its pipe, though the program closes all descriptors: nobody who writes is killed by
/// SIGPIPE.
void hold_open() {
#ifdef __linux__
    std::atomic<int> is_held{0};
    start_thread([held = requests({}), &is_held]() mutable {
        keep_for_itself(held[0].fd, held[1].fd);
        is_held = 1;
        wake_all(is_held);
        while (poll(held.data(), held.size(), -1) < 0) std::this_thread::sleep_for(1ms);
    });
    while (is_held == 0) wait_while(is_held, 0, deadline::max());
#endif
}

/// For a program that has closed all descriptors, as a daemon does when it begins, and so both ends of the pipe that it
/// writes to. Throws `std::system_error`.
void open_again(redirected_stream& stream) {
    stream.pipe = {};  // first, as the new ends may get the same numbers
    pipe_ends ends;
#ifdef __linux__
    const std::string name = "/proc/self/fd/" + std::to_string(descriptor_of(stream.stream));
    if (stream.is_in_place()) {
        ends.read = adopt_stream(::open(name.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
        ends.write = adopt_stream(::open(name.c_str(), O_WRONLY | O_CLOEXEC));
    }
#endif
    stream.pipe = ends.read && ends.write ? std::move(ends) : make_pipe();
}

bool open_again() noexcept try {
    for (redirected_stream& each : redirected_streams()) open_again(each);
    watch_pipes();
    return true;
} catch (const std::exception&) {
    std::this_thread::sleep_for(1ms);  // no descriptor is to be had now
    return false;
}

}  // namespace

namespace captured_streams {

void open() try {
    if (redirected(standard_stream::error).pipe.read) return;
    for (redirected_stream& each : redirected_streams()) each.pipe = make_pipe();
    watch_pipes();
    hold_open();
} catch (...) {
    for (redirected_stream& each : redirected_streams()) each.pipe = {};
    watch() = {};
    throw;
}

std::size_t read(standard_stream stream, char* to, std::size_t size) noexcept {
    const file& from = redirected(stream).pipe.read;
    ssize_t count = -1;
    do {
        if (!is_in_place(from) && !open_again()) return 0;
        count = ::read(descriptor_of(from), to, size);
    } while (count < 0 && (errno == EINTR || errno == EBADF));
    return count < 0 ? 0 : static_cast<std::size_t>(count);
}

void wait(const std::array<bool, 2>& wanted, deadline end) noexcept {
    std::array<pollfd, 2> pipes = requests(wanted);
    // It fails where the process may have no descriptors.
    if (poll(pipes.data(), pipes.size(), milliseconds_until(end)) < 0) std::this_thread::sleep_for(1ms);
}

/// Here no thread is to be cancelled.
bool has_unread() noexcept {
#ifdef __linux__
    epoll_event found{};
    const long count = syscall(SYS_epoll_pwait, descriptor_of(watch()), &found, 1, 0, nullptr, _NSIG / 8);
    if (count >= 0) return count > 0;
    // The program has closed it.
    const auto& streams = redirected_streams();
    return std::any_of(streams.begin(), streams.end(), [](const redirected_stream& each) {
        int unread = 0;
        return each.is_in_place() && ioctl(descriptor_of(each.stream), FIONREAD, &unread) == 0 && unread > 0;
    });
#else
    const no_cancellation no_cancellation;
    std::array<pollfd, 2> pipes = requests({true, true});
    return poll(pipes.data(), pipes.size(), 0) != 0;
#endif
}

void leave_to_parent() noexcept {
    for (redirected_stream& each : redirected_streams()) each.leave_to_parent();
    watch() = {};
}

bool is_orphaned() noexcept {
    const no_cancellation no_cancellation;
    const auto& streams = redirected_streams();
    return std::any_of(streams.begin(), streams.end(), [](const redirected_stream& each) {
        pollfd request{descriptor_of(each.stream), 0, 0};
        return each.is_parents() && poll(&request, 1, 0) > 0 && (request.revents & POLLERR) != 0 && each.is_in_place();
    });
}

}  // namespace captured_streams

void wait_while(const std::atomic<int>& word, int value, deadline end) noexcept {
    const auto left = std::max<steady_clock::duration>(end - steady_clock::now(), 0s);
#ifdef __linux__
    const timespec longest{left / 1s, left % 1s / 1ns};
    syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, &longest, nullptr, 0);
#else
    if (word == value) std::this_thread::sleep_for(std::min<steady_clock::duration>(left, 20us));
#endif
}

void wake_all([[maybe_unused]] const std::atomic<int>& word) noexcept {
#ifdef __linux__
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
#endif
}

}  // namespace chainner::platform
