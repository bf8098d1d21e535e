#include "platform/output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "platform/posix/descriptor.hpp"
#include "platform/posix/signals.hpp"
#include "platform/process.hpp"

#ifdef __linux__
#include <linux/futex.h>
#include <stdio_ext.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#endif

namespace chainner::platform {

namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

int number_of(const file& file) noexcept { return static_cast<int>(file.number()); }

[[noreturn]] void fail() { throw std::system_error(last_error(), "cannot capture output"); }

/// As `poll` has it.
int milliseconds_until(captured_streams::deadline end) noexcept {
    if (end == captured_streams::deadline::max()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - steady_clock::now()).count();
    return static_cast<int>(std::clamp<decltype(left)>(left, 0, INT_MAX));
}

/// Or is no reader to be waited for.
bool has_room(int descriptor, std::chrono::milliseconds patience) noexcept {
    pollfd request{descriptor, POLLOUT, 0};
    return poll(&request, 1, static_cast<int>(patience.count())) != 0;
}

/// What nobody has read for long is full. Where the system has more room to give, whoever waits for it goes on.
void make_room_in([[maybe_unused]] int descriptor) noexcept {
#ifdef __linux__
    if (has_room(descriptor, 0ms)) return;
    if (const int size = fcntl(descriptor, F_GETPIPE_SZ); size > 0) fcntl(descriptor, F_SETPIPE_SZ, 2 * size);
    int size = 0;
    socklen_t length = sizeof size;
    if (getsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &size, &length) == 0) {
        setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &size, length);  // the system doubles what it is told
    }
#endif
}

/// With the lock of one of C's streams, if it is to be had until then: a thread that waits for a reader may hold it.
template <class Action>
void with_lock(std::FILE* stream, captured_streams::deadline end, Action action) {
    const auto try_once = [&] {
        const blocked_signals uninterrupted;  // a handler may call `exit`, which waits for the lock, whoever has it
        if (ftrylockfile(stream) != 0) return false;
        action();
        funlockfile(stream);
        return true;
    };
    while (!try_once() && steady_clock::now() < end) std::this_thread::sleep_for(100us);
}

struct pipe_ends {
    file read;  // without waiting
    file write;
};

/// Throws `std::system_error`.
pipe_ends make_pipe() {
    std::array<int, 2> ends{-1, -1};
#ifdef __linux__
    const bool is_made = ::pipe2(ends.data(), O_CLOEXEC) == 0;
#else
    const bool is_made = ::pipe(ends.data()) == 0;
#endif
    if (!is_made) fail();
    pipe_ends made{adopt_stream(ends[0]), adopt_stream(ends[1])};
    if (!made.read || !made.write) fail();
    fcntl(number_of(made.read), F_SETFL, O_NONBLOCK);
    return made;
}

/// A stream, and the pipe that it can be led into.
struct led_stream {
    int descriptor() const noexcept { return descriptor_of(stream); }
    stream_diversion& diversion() const noexcept { return diversion_of(stream); }
    bool is_in_place() const noexcept { return diversion().is_in_place(stream); }
    void capture(bool is_parents);
    void give_back() noexcept;
    void open_again();

    const standard_stream stream;
    pipe_ends pipe{};
    file original{};      // what the stream was before
    file first{};         // what it was before the program redirected it, which may put back the pipe that it has kept
    bool is_led = false;  // since the last `capture`, and not yet given back
};

void led_stream::capture(bool is_parents) {
    const bool was_in_place = is_in_place();
    if (was_in_place && !is_parents) return;
    if (!was_in_place) {
        const bool is_open = fcntl(descriptor(), F_GETFD) != -1;
        if (is_open && !was_open_at_start(stream)) return;
        file present = is_open ? adopt_stream(fcntl(descriptor(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1)) : file();
        if (is_open && !present) fail();
        if (is_led && !first) first = std::move(original);
        original = std::move(present);
    }
    struct stat present_pipe {};
    if (fstat(number_of(pipe.write), &present_pipe) != 0) fail();
    diversion().set(present_pipe, number_of(original));
    if (dup2(number_of(pipe.write), descriptor()) < 0) fail();
    is_led = true;
    if (original) make_room_in(number_of(original));
#ifdef __linux__
    // The C library may be about to keep lines until it has many, or has been told that this is no terminal.
    constexpr std::size_t no_buffer = 1;  // until the stream is used the size is 0
    if (stream != standard_stream::output) return;
    with_lock(stdout, steady_clock::now() + 100ms, [] {
        if (__fbufsize(stdout) != no_buffer) setvbuf(stdout, nullptr, _IOLBF, 0);
    });
#endif
}

void led_stream::give_back() noexcept {
    if (!is_led || !is_in_place()) return;
    if (original) {
        dup2(number_of(original), descriptor());
    } else {
        ::close(descriptor());
    }
    is_led = false;
    if (!first) return;
    diversion().set_original(number_of(first));
    original = std::exchange(first, file());
}

/// For a program that has closed all descriptors, as a daemon does when it begins, and so both ends of the pipe that it
/// writes to.
void led_stream::open_again() {
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

class posix_captured_streams final : public captured_streams {
public:
    void open() override;
    void capture(choice which) override;
    void release() noexcept override;
    void release_at_end() noexcept override;
    bool is_captured(standard_stream stream) const noexcept override {
        return !is_parents_ && diversion_of(stream).is_in_place(stream);
    }
    void flush_buffers(deadline end) noexcept override;
    std::size_t read(standard_stream stream, char* to, std::size_t size) noexcept override;
    void wait(const std::array<bool, 2>& wanted, deadline end) noexcept override;
    std::unique_ptr<console> make_console(standard_stream stream) const override {
        return make_console_of_original(stream);
    }
    bool has_unread() const noexcept override;
    void leave_to_parent() noexcept override;
    bool is_orphaned() const noexcept override;

private:
    bool open_again() noexcept;
    void watch();
    void close_pipes() noexcept;
    std::array<pollfd, 2> requests(const std::array<bool, 2>& wanted) const noexcept;

    std::array<led_stream, 2> streams_{{{standard_stream::output}, {standard_stream::error}}};
    file watch_;                           // an epoll of both pipes: to ask it costs half of a `poll`
    std::atomic<bool> is_parents_{false};  // the pipes have been left to the parent
};

void posix_captured_streams::open() try {
    if (streams_.back().pipe.read) return;
    for (led_stream& each : streams_) each.pipe = make_pipe();
    watch();
#ifdef __linux__
    // While a thread waits for them the pipes have a reader, and nobody who writes is killed by SIGPIPE, though the
    // program closes all descriptors.
    start_reader([held = requests({})]() mutable {
        while (poll(held.data(), held.size(), -1) < 0) {
        }
    });
#endif
} catch (...) {
    close_pipes();
    throw;
}

void posix_captured_streams::watch() {
#ifdef __linux__
    watch_ = adopt_stream(epoll_create1(EPOLL_CLOEXEC));
    for (const led_stream& each : streams_) {
        epoll_event readable{EPOLLIN, {}};
        if (epoll_ctl(number_of(watch_), EPOLL_CTL_ADD, number_of(each.pipe.read), &readable) != 0) fail();
    }
#endif
}

void posix_captured_streams::close_pipes() noexcept {
    for (led_stream& each : streams_) each.pipe = {};
    watch_ = {};
}

std::array<pollfd, 2> posix_captured_streams::requests(const std::array<bool, 2>& wanted) const noexcept {
    const auto request = [&](std::size_t i) {
        return pollfd{number_of(streams_.at(i).pipe.read), static_cast<short>(wanted.at(i) ? POLLIN : 0), 0};
    };
    return {request(0), request(1)};
}

void posix_captured_streams::capture(choice which) try {
    for (led_stream& each : streams_) {
        if (which == choice::all || each.is_in_place()) each.capture(is_parents_);
    }
    is_parents_ = false;
} catch (...) {
    release();
    throw;
}

void posix_captured_streams::release() noexcept {
    for (led_stream& each : streams_) each.give_back();
}

void posix_captured_streams::release_at_end() noexcept {
    for (led_stream& each : streams_) {
        if (!each.original || has_room(number_of(each.original), 100ms)) each.give_back();
    }
}

void posix_captured_streams::flush_buffers(deadline end) noexcept {
    for (const standard_stream each : standard_streams) {
        std::FILE* const stream = each == standard_stream::output ? stdout : stderr;
        if (is_captured(each)) with_lock(stream, end, [&] { std::fflush(stream); });
    }
}

std::size_t posix_captured_streams::read(standard_stream stream, char* to, std::size_t size) noexcept {
    led_stream& from = streams_.at(static_cast<std::size_t>(stream));
    ssize_t count = -1;
    do {
        count = ::read(number_of(from.pipe.read), to, size);
    } while (count < 0 && (errno == EINTR || (errno == EBADF && open_again())));
    return count < 0 ? 0 : static_cast<std::size_t>(count);
}

bool posix_captured_streams::open_again() noexcept try {
    for (led_stream& each : streams_) each.open_again();
    watch();
    return true;
} catch (const std::exception&) {
    std::this_thread::sleep_for(1ms);  // no descriptor is to be had now
    return false;
}

void posix_captured_streams::wait(const std::array<bool, 2>& wanted, deadline end) noexcept {
    std::array<pollfd, 2> pipes = requests(wanted);
    poll(pipes.data(), pipes.size(), milliseconds_until(end));
}

/// Here no thread is to be cancelled.
bool posix_captured_streams::has_unread() const noexcept {
#ifdef __linux__
    epoll_event found{};
    // Where the program has closed it, there may be something.
    return syscall(SYS_epoll_pwait, number_of(watch_), &found, 1, 0, nullptr, _NSIG / 8) != 0;
#else
    const no_cancellation no_cancellation;
    std::array<pollfd, 2> pipes = requests({true, true});
    return poll(pipes.data(), pipes.size(), 0) != 0;
#endif
}

void posix_captured_streams::leave_to_parent() noexcept {
    is_parents_ = true;
    close_pipes();
}

bool posix_captured_streams::is_orphaned() const noexcept {
    const no_cancellation no_cancellation;
    std::array<pollfd, 2> requests{{{STDOUT_FILENO, 0, 0}, {STDERR_FILENO, 0, 0}}};
    if (!is_parents_ || poll(requests.data(), requests.size(), 0) <= 0) return false;
    return std::any_of(streams_.begin(), streams_.end(), [&](const led_stream& each) {
        return (requests.at(static_cast<std::size_t>(each.stream)).revents & POLLERR) != 0 && each.is_in_place();
    });
}

}  // namespace

std::unique_ptr<captured_streams> make_captured_streams() { return std::make_unique<posix_captured_streams>(); }

void start_reader(std::function<void()> read) {
    const blocked_signals its_mask;
    std::thread(std::move(read)).detach();
}

bool has_ended_threads() noexcept { return false; }

void wait_while(const std::atomic<int>& word, int value, captured_streams::deadline end) noexcept {
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

// The sudden end

namespace {

std::atomic<void (*)() noexcept> before_end{nullptr};

/// Those that end a process by default. Faults are the crash handler's.
constexpr int ending_signals[]{SIGHUP,    SIGINT,  SIGQUIT,  SIGTERM, SIGUSR1, SIGUSR2, SIGALRM,
                               SIGVTALRM, SIGPROF, SIGXCPU,  SIGXFSZ, SIGPIPE, SIGTRAP, SIGSYS,
#ifdef __linux__
                               SIGPOLL,   SIGPWR,  SIGSTKFLT
#endif
};

void on_ending_signal(int number) {
    const int error = errno;
    before_end.load()();
    end_by(number);
    errno = error;
}

}  // namespace

void handle_sudden_end(void (*before)() noexcept) noexcept {
    before_end = before;
    for (const int each : ending_signals) handle_unless_program_does(each, on_ending_signal);
#ifdef SIGRTMIN
    for (int each = SIGRTMIN; each <= SIGRTMAX; ++each) handle_unless_program_does(each, on_ending_signal);
#endif
#ifdef __linux__
    [[maybe_unused]] static const int is_registered = std::at_quick_exit([] { before_end.load()(); });
#endif
}

}  // namespace chainner::platform
