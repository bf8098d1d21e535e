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
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "platform/posix/descriptor.hpp"
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

/// The lock of one of C's streams, if it is to be had until then: a thread that waits for a reader may hold it.
class stream_lock {
public:
    stream_lock(std::FILE* stream, captured_streams::deadline end) noexcept : stream_(stream) {
        while (!(is_held_ = ftrylockfile(stream) == 0) && steady_clock::now() < end) {
            std::this_thread::sleep_for(100us);
        }
    }
    ~stream_lock() {
        if (is_held_) funlockfile(stream_);
    }
    stream_lock(const stream_lock&) = delete;
    stream_lock& operator=(const stream_lock&) = delete;
    explicit operator bool() const noexcept { return is_held_; }

private:
    std::FILE* stream_;
    bool is_held_ = false;
};

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

/// Wakes a thread, by a byte.
class bell {
public:
    void renew() {
        ends_ = make_pipe();
        fcntl(number_of(ends_.write), F_SETFL, O_NONBLOCK);
    }
    void close() noexcept { ends_ = {}; }
    void ring() const noexcept {
        const int error = errno;
        const char byte = 0;
        [[maybe_unused]] const ssize_t count = is_open(ends_.write) ? ::write(number_of(ends_.write), &byte, 1) : 0;
        errno = error;
    }
    int read_number() const noexcept { return number_of(ends_.read); }
    void silence() const noexcept {
        std::array<char, 64> rings;
        while (::read(read_number(), rings.data(), rings.size()) > 0) {
        }
    }

private:
    pipe_ends ends_;
};

/// A stream, and the pipe that it can be led into.
struct led_stream {
    int descriptor() const noexcept { return descriptor_of(stream); }
    stream_diversion& diversion() const noexcept { return diversion_of(stream); }
    bool is_in_place() const noexcept { return diversion().is_in_place(stream); }

    const standard_stream stream;
    pipe_ends pipe{};
    file original{};      // what the stream was before
    file first{};         // what it was before the program redirected it, which may put back the pipe that it has kept
    bool is_led = false;  // since the last `capture`, and not yet given back
};

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
    void wait_beside(deadline end) noexcept override;
    std::unique_ptr<console> make_console(standard_stream stream) const override {
        return make_console_of_original(stream);
    }
    void ring() const noexcept override { bell_.ring(); }
    void ring_second() const noexcept override { second_bell_.ring(); }
    bool has_unread() const noexcept override;
    void leave_to_parent() noexcept override;
    bool is_orphaned() const noexcept override;

private:
    void capture(led_stream& each);
    void wait(bell& bell, const std::array<pollfd, 2>& pipes, deadline end) noexcept;
    void hold_on() const;
    static void give_back(led_stream& each) noexcept;
    void open_if_closed(led_stream& each) noexcept;
    void watch();

    std::array<led_stream, 2> streams_{{{standard_stream::output}, {standard_stream::error}}};
    file watch_;  // an epoll of both pipes: to ask it costs half of a `poll`
    bell bell_;
    bell second_bell_;
    std::mutex opening_;
    std::atomic<bool> is_parents_{false};  // the pipes have been left to the parent
};

void posix_captured_streams::open() {
    if (streams_[0].pipe.read) return;
    for (led_stream& each : streams_) each.pipe = make_pipe();
    watch();
    bell_.renew();
    second_bell_.renew();
    hold_on();
}

/// While a thread waits for them the pipes have a reader, and nobody who writes is killed by SIGPIPE, though the
/// program closes all descriptors.
void posix_captured_streams::hold_on() const {
#ifdef __linux__
    const auto request = [](const led_stream& each) { return pollfd{number_of(each.pipe.read), 0, 0}; };
    start_reader([held = std::array<pollfd, 2>{request(streams_[0]), request(streams_[1])}]() mutable {
        while (poll(held.data(), held.size(), -1) < 0) {
        }
    });
#endif
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

void posix_captured_streams::capture(choice which) {
    for (led_stream& each : streams_) {
        if (which == choice::orphaned && !each.is_in_place()) continue;
        try {
            capture(each);
        } catch (...) {
            for (led_stream& begun : streams_) give_back(begun);
            throw;
        }
    }
    is_parents_ = false;
}

void posix_captured_streams::capture(led_stream& each) {
    const bool is_in_place = each.is_in_place();
    if (is_in_place && !is_parents_) return;
    const bool is_open = fcntl(each.descriptor(), F_GETFD) != -1;
    if (!is_in_place) {
        if (is_open && !was_open_at_start(each.stream)) return;
        file present = is_open ? adopt_stream(fcntl(each.descriptor(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1)) : file();
        if (is_open && !present) fail();
        if (each.is_led && !each.first) each.first = std::move(each.original);
        each.original = std::move(present);
    }
    struct stat pipe {};
    if (fstat(number_of(each.pipe.write), &pipe) != 0) fail();
    each.diversion().set(pipe, number_of(each.original));
    if (dup2(number_of(each.pipe.write), each.descriptor()) < 0) fail();
    each.is_led = true;
    if (each.original) make_room_in(number_of(each.original));
#ifdef __linux__
    // The C library may be about to keep lines until it has many, or has been told that this is no terminal.
    constexpr std::size_t no_buffer = 1;  // until the stream is used the size is 0
    if (each.stream != standard_stream::output) return;
    const stream_lock lock(stdout, steady_clock::now() + 100ms);
    if (lock && __fbufsize(stdout) != no_buffer) setvbuf(stdout, nullptr, _IOLBF, 0);
#endif
}

void posix_captured_streams::release() noexcept {
    for (led_stream& each : streams_) give_back(each);
}

void posix_captured_streams::release_at_end() noexcept {
    for (led_stream& each : streams_) {
        if (!each.original || has_room(number_of(each.original), 100ms)) give_back(each);
    }
}

void posix_captured_streams::give_back(led_stream& each) noexcept {
    if (!each.is_led || !each.is_in_place()) return;
    if (each.original) {
        dup2(number_of(each.original), each.descriptor());
    } else {
        ::close(each.descriptor());
    }
    each.is_led = false;
    if (!each.first) return;
    each.diversion().set_original(number_of(each.first));
    each.original = std::exchange(each.first, file());
}

void posix_captured_streams::flush_buffers(deadline end) noexcept {
    for (const standard_stream each : standard_streams) {
        std::FILE* const stream = each == standard_stream::output ? stdout : stderr;
        if (!is_captured(each)) continue;
        if (const stream_lock lock(stream, end); lock) std::fflush(stream);
    }
}

std::size_t posix_captured_streams::read(standard_stream stream, char* to, std::size_t size) noexcept {
    led_stream& each = streams_.at(static_cast<std::size_t>(stream));
    open_if_closed(each);
    ssize_t count = -1;
    do {
        count = ::read(number_of(each.pipe.read), to, size);
    } while (count < 0 && errno == EINTR);
    return count < 0 ? 0 : static_cast<std::size_t>(count);
}

/// For a program that has closed all descriptors, as a daemon does when it begins, and so both ends of the pipe that it
/// writes to.
void posix_captured_streams::open_if_closed(led_stream& each) noexcept try {
    if (is_open(each.pipe.read)) return;
    const std::lock_guard lock(opening_);
    if (is_open(each.pipe.read)) return;
    pipe_ends ends;
#ifdef __linux__
    const std::string name = "/proc/self/fd/" + std::to_string(each.descriptor());
    if (each.is_in_place()) {
        ends.read = adopt_stream(::open(name.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
        ends.write = adopt_stream(::open(name.c_str(), O_WRONLY | O_CLOEXEC));
    }
#endif
    if (!ends.read || !ends.write) {
        ends = make_pipe();
        const file nothing = adopt_stream(::open("/dev/null", O_WRONLY | O_CLOEXEC));
        if (each.is_in_place()) dup2(number_of(nothing), each.descriptor());
    }
    each.pipe = std::move(ends);
    watch();
} catch (const std::exception&) {
    // No descriptor is to be had now.
}

void posix_captured_streams::wait(const std::array<bool, 2>& wanted, deadline end) noexcept {
    const auto request = [&](std::size_t i) {
        return pollfd{number_of(streams_.at(i).pipe.read), static_cast<short>(wanted.at(i) ? POLLIN : 0), 0};
    };
    wait(bell_, {request(0), request(1)}, end);
}

void posix_captured_streams::wait_beside(deadline end) noexcept { wait(second_bell_, {{{-1, 0, 0}, {-1, 0, 0}}}, end); }

void posix_captured_streams::wait(bell& bell, const std::array<pollfd, 2>& pipes, deadline end) noexcept {
    std::array<pollfd, 3> requests{pipes[0], pipes[1], {bell.read_number(), POLLIN, 0}};
    poll(requests.data(), requests.size(), milliseconds_until(end));
    if ((requests[2].revents & POLLIN) != 0) bell.silence();
    if ((requests[2].revents & POLLNVAL) == 0) return;
    try {
        bell.renew();
    } catch (const std::exception&) {
        std::this_thread::sleep_for(1ms);  // as above
    }
}

/// Here no thread is to be cancelled.
bool posix_captured_streams::has_unread() const noexcept {
#ifdef __linux__
    epoll_event found{};
    return syscall(SYS_epoll_pwait, number_of(watch_), &found, 1, 0, nullptr, _NSIG / 8) > 0;
#else
    const no_cancellation no_cancellation;
    std::array<pollfd, 2> requests{
        {{number_of(streams_[0].pipe.read), POLLIN, 0}, {number_of(streams_[1].pipe.read), POLLIN, 0}}};
    return poll(requests.data(), requests.size(), 0) > 0;
#endif
}

void posix_captured_streams::leave_to_parent() noexcept {
    is_parents_ = true;
    for (led_stream& each : streams_) each.pipe = {};
    watch_ = {};
    bell_.close();
    second_bell_.close();
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

/// Whether it ends a process by default. Faults are the crash handler's.
bool is_ending(int number) noexcept {
#ifdef SIGRTMIN
    if (number >= SIGRTMIN && number <= SIGRTMAX) return true;
#endif
    switch (number) {
        case SIGHUP:
        case SIGINT:
        case SIGQUIT:
        case SIGTERM:
        case SIGUSR1:
        case SIGUSR2:
        case SIGALRM:
        case SIGVTALRM:
        case SIGPROF:
        case SIGXCPU:
        case SIGXFSZ:
        case SIGPIPE:
        case SIGTRAP:
        case SIGSYS:
#ifdef __linux__
        case SIGPOLL:
        case SIGPWR:
        case SIGSTKFLT:
#endif
            return true;
        default:
            return false;
    }
}

void on_ending_signal(int number) {
    const int error = errno;
    before_end.load()();
    struct sigaction by_default {};
    by_default.sa_handler = SIG_DFL;
    sigaction(number, &by_default, nullptr);
    raise(number);  // once this returns
    errno = error;
}

}  // namespace

void handle_sudden_end(void (*before)() noexcept) noexcept {
    before_end = before;
    struct sigaction action {};
    action.sa_handler = on_ending_signal;
    action.sa_flags = SA_RESTART | SA_ONSTACK;
    sigfillset(&action.sa_mask);
    for (int number = 1; number < NSIG; ++number) {
        struct sigaction present {};
        if (!is_ending(number) || sigaction(number, nullptr, &present) != 0) continue;
        if ((present.sa_flags & SA_SIGINFO) == 0 && present.sa_handler == SIG_DFL) sigaction(number, &action, nullptr);
    }
#ifdef __linux__
    [[maybe_unused]] static const int is_registered = std::at_quick_exit([] { before_end.load()(); });
#endif
}

}  // namespace chainner::platform
