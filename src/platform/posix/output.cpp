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
#include <sys/syscall.h>
#endif

namespace chainner::platform {

namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

/// As `poll` has it.
int milliseconds_until(captured_streams::deadline end) noexcept {
    if (end == captured_streams::deadline::max()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - steady_clock::now()).count();
    return static_cast<int>(std::clamp<decltype(left)>(left, 0, INT_MAX));
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

    std::array<redirected_stream, 2> streams_{{{standard_stream::output}, {standard_stream::error}}};
    file watch_;                           // an epoll of both pipes: to ask it costs half of a `poll`
    std::atomic<bool> is_parents_{false};  // the pipes have been left to the parent
};

void posix_captured_streams::open() try {
    if (streams_.back().pipe.read) return;
    for (redirected_stream& each : streams_) each.pipe = make_pipe();
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
    for (const redirected_stream& each : streams_) {
        epoll_event readable{EPOLLIN, {}};
        if (epoll_ctl(descriptor_of(watch_), EPOLL_CTL_ADD, descriptor_of(each.pipe.read), &readable) != 0)
            fail_to_capture();
    }
#endif
}

void posix_captured_streams::close_pipes() noexcept {
    for (redirected_stream& each : streams_) each.pipe = {};
    watch_ = {};
}

std::array<pollfd, 2> posix_captured_streams::requests(const std::array<bool, 2>& wanted) const noexcept {
    const auto request = [&](std::size_t i) {
        return pollfd{descriptor_of(streams_.at(i).pipe.read), static_cast<short>(wanted.at(i) ? POLLIN : 0), 0};
    };
    return {request(0), request(1)};
}

void posix_captured_streams::capture(choice which) try {
    for (redirected_stream& each : streams_) {
        if (which == choice::all || each.is_in_place()) each.capture(is_parents_);
    }
    is_parents_ = false;
} catch (...) {
    release();
    throw;
}

void posix_captured_streams::release() noexcept {
    for (redirected_stream& each : streams_) each.give_back();
}

void posix_captured_streams::release_at_end() noexcept {
    for (redirected_stream& each : streams_) {
        each.give_back_at_end();
    }
}

void posix_captured_streams::flush_buffers(deadline end) noexcept {
    for (redirected_stream& each : streams_) {
        if (is_captured(each.stream)) each.flush_buffer(end);
    }
}

std::size_t posix_captured_streams::read(standard_stream stream, char* to, std::size_t size) noexcept {
    redirected_stream& from = streams_.at(static_cast<std::size_t>(stream));
    ssize_t count = -1;
    do {
        count = ::read(descriptor_of(from.pipe.read), to, size);
    } while (count < 0 && (errno == EINTR || (errno == EBADF && open_again())));
    return count < 0 ? 0 : static_cast<std::size_t>(count);
}

bool posix_captured_streams::open_again() noexcept try {
    for (redirected_stream& each : streams_) each.open_again();
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
    return syscall(SYS_epoll_pwait, descriptor_of(watch_), &found, 1, 0, nullptr, _NSIG / 8) != 0;
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
    return std::any_of(streams_.begin(), streams_.end(), [&](const redirected_stream& each) {
        return (requests.at(static_cast<std::size_t>(each.stream)).revents & POLLERR) != 0 && each.is_in_place();
    });
}

}  // namespace

std::unique_ptr<captured_streams> make_captured_streams() { return std::make_unique<posix_captured_streams>(); }

void start_reader(std::function<void()> read) {
    const blocked_signals its_mask;
    std::thread(std::move(read)).detach();
}

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

}  // namespace chainner::platform
