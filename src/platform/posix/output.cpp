#include "platform/output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <exception>
#include <system_error>
#include <thread>
#include <utility>

#include "platform/posix/descriptor.hpp"
#include "platform/posix/redirected_stream.hpp"
#include "platform/process.hpp"

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

struct capture_state {
    std::array<redirected_stream, 2> streams{{{standard_stream::output}, {standard_stream::error}}};
    file watch;                           // an epoll of both pipes: to ask it costs half of a `poll`
    std::atomic<bool> is_parents{false};  // the pipes have been left to the parent
};

/// Never destroyed.
std::atomic<capture_state*> present_capture{nullptr};

/// As `poll` has it.
int milliseconds_until(deadline end) noexcept {
    if (end == deadline::max()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - steady_clock::now()).count();
    return static_cast<int>(std::clamp<decltype(left)>(left, 0, INT_MAX));
}

std::array<pollfd, 2> requests(const std::array<bool, 2>& wanted) noexcept {
    const auto request = [&](std::size_t i) {
        const file& from = present_capture.load()->streams.at(i).pipe.read;
        return pollfd{descriptor_of(from), static_cast<short>(wanted.at(i) ? POLLIN : 0), 0};
    };
    return {request(0), request(1)};
}

void watch_pipes([[maybe_unused]] capture_state& of) {
#ifdef __linux__
    of.watch = adopt_stream(epoll_create1(EPOLL_CLOEXEC));
    for (const redirected_stream& each : of.streams) {
        epoll_event readable{EPOLLIN, {}};
        if (epoll_ctl(descriptor_of(of.watch), EPOLL_CTL_ADD, descriptor_of(each.pipe.read), &readable) != 0)
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
    start_reader([held = requests({}), &is_held]() mutable {
        keep_for_itself(held[0].fd, held[1].fd);
        is_held = 1;
        wake_all(is_held);
        while (poll(held.data(), held.size(), -1) < 0) std::this_thread::sleep_for(1ms);
    });
    while (is_held == 0) wait_while(is_held, 0, deadline::max());
#endif
}

void close_pipes(capture_state& of) noexcept {
    for (redirected_stream& each : of.streams) each.pipe = {};
    of.watch = {};
}

bool open_again(capture_state& of) noexcept try {
    for (redirected_stream& each : of.streams) each.open_again();
    watch_pipes(of);
    return true;
} catch (const std::exception&) {
    std::this_thread::sleep_for(1ms);  // no descriptor is to be had now
    return false;
}

}  // namespace

namespace captured_streams {

void open() {
    if (present_capture == nullptr) present_capture = new capture_state;
    capture_state& now = *present_capture;
    if (now.streams.back().pipe.read) return;
    try {
        for (redirected_stream& each : now.streams) each.pipe = make_pipe();
        watch_pipes(now);
        hold_open();
    } catch (...) {
        close_pipes(now);
        throw;
    }
}

void capture(choice which) try {
    capture_state& now = *present_capture;
    for (redirected_stream& each : now.streams) {
        if (which == choice::all || each.is_in_place()) each.capture(now.is_parents);
    }
    now.is_parents = false;
} catch (...) {
    release();
    throw;
}

void release() noexcept {
    for (redirected_stream& each : present_capture.load()->streams) each.give_back();
}

void release_at_end() noexcept {
    for (redirected_stream& each : present_capture.load()->streams) each.give_back_at_end();
}

bool is_captured(standard_stream stream) noexcept {
    const capture_state* const now = present_capture;
    return now != nullptr && !now->is_parents && diversion_of(stream).is_in_place(stream);
}

void flush_buffers(deadline end) noexcept {
    for (redirected_stream& each : present_capture.load()->streams) {
        if (is_captured(each.stream)) each.flush_buffer(end);
    }
}

std::size_t read(standard_stream stream, char* to, std::size_t size) noexcept {
    capture_state& now = *present_capture;
    const file& from = now.streams.at(static_cast<std::size_t>(stream)).pipe.read;
    ssize_t count = -1;
    do {
        if (!is_in_place(from) && !open_again(now)) return 0;
        count = ::read(descriptor_of(from), to, size);
    } while (count < 0 && (errno == EINTR || errno == EBADF));
    return count < 0 ? 0 : static_cast<std::size_t>(count);
}

void wait(const std::array<bool, 2>& wanted, deadline end) noexcept {
    std::array<pollfd, 2> pipes = requests(wanted);
    // It fails where the process may have no descriptors.
    if (poll(pipes.data(), pipes.size(), milliseconds_until(end)) < 0) std::this_thread::sleep_for(1ms);
}

std::unique_ptr<console> make_console(standard_stream stream) { return make_console_of_original(stream); }

/// Here no thread is to be cancelled.
bool has_unread() noexcept {
#ifdef __linux__
    const capture_state& now = *present_capture;
    epoll_event found{};
    const long count = syscall(SYS_epoll_pwait, descriptor_of(now.watch), &found, 1, 0, nullptr, _NSIG / 8);
    if (count >= 0) return count > 0;
    // The program has closed it.
    return std::any_of(now.streams.begin(), now.streams.end(), [](const redirected_stream& each) {
        int unread = 0;
        return each.is_in_place() && ioctl(each.descriptor(), FIONREAD, &unread) == 0 && unread > 0;
    });
#else
    const no_cancellation no_cancellation;
    std::array<pollfd, 2> pipes = requests({true, true});
    return poll(pipes.data(), pipes.size(), 0) != 0;
#endif
}

void leave_to_parent() noexcept {
    if (present_capture == nullptr) return;
    present_capture.load()->is_parents = true;
    close_pipes(*present_capture);
}

bool is_orphaned() noexcept {
    const capture_state& now = *present_capture;
    const no_cancellation no_cancellation;
    std::array<pollfd, 2> streams{{{STDOUT_FILENO, 0, 0}, {STDERR_FILENO, 0, 0}}};
    if (!now.is_parents || poll(streams.data(), streams.size(), 0) <= 0) return false;
    return std::any_of(now.streams.begin(), now.streams.end(), [&](const redirected_stream& each) {
        return (streams.at(static_cast<std::size_t>(each.stream)).revents & POLLERR) != 0 && each.is_in_place();
    });
}

}  // namespace captured_streams

void start_reader(std::function<void()> read) {
    const blocked_signals its_mask;
    std::thread(std::move(read)).detach();
}

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
