#include "platform/output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <utility>
#include <vector>

#include "platform/posix/descriptor.hpp"
#include "platform/process.hpp"

#ifdef __linux__
#include <stdio_ext.h>
#include <sys/syscall.h>
#endif

namespace chainner::platform {

namespace {

int number_of(const file& file) noexcept { return static_cast<int>(file.number()); }

[[noreturn]] void fail(standard_stream stream) {
    throw std::system_error(last_error(),
                            stream == standard_stream::output ? "cannot capture stdout" : "cannot capture stderr");
}

struct pipe_ends {
    file read;  // without waiting
    file write;
};

/// Both empty if there is no descriptor to be had.
pipe_ends make_pipe() noexcept {
    std::array<int, 2> ends{-1, -1};
#ifdef __linux__
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {};
#else
    if (::pipe(ends.data()) != 0) return {};
#endif
    pipe_ends made{adopt_descriptor(ends[0]), adopt_descriptor(ends[1])};
    if (!made.read || !made.write) return {};
    fcntl(number_of(made.read), F_SETFL, O_NONBLOCK);
    return made;
}

class posix_captured_stream final : public captured_stream {
public:
    explicit posix_captured_stream(standard_stream stream) noexcept
        : stream_(stream), target_(console_target(stream)) {}

    bool is_captured() const noexcept override { return leads_to(present_); }
    void capture() override;
    void release() noexcept override;
    void follow() noexcept override;
    std::size_t read(char* to, std::size_t size) noexcept override;
    void wait(std::optional<deadline> end) noexcept override;
    void flush_buffer() const noexcept override { std::fflush(stream_ == standard_stream::output ? stdout : stderr); }
    void wake() const noexcept override;
    bool has_unread() const noexcept override;
    std::unique_ptr<captured_stream> clone_for_child() const override;
    void detach_in_child() noexcept override;

private:
    struct identity {
        dev_t device = 0;
        ino_t index = 0;
    };

    void give_up() noexcept;
    void set_pipes(pipe_ends pipe, pipe_ends bell) noexcept;
    int descriptor() const noexcept { return descriptor_of(stream_); }
    bool leads_to(const identity& pipe) const noexcept;
    void write_lines_at_once() const noexcept;

    standard_stream stream_;
    std::atomic<int>& target_;
    pipe_ends pipe_;
    pipe_ends bell_;                  // by which the reader is woken
    std::atomic<int> pipe_read_{-1};  // their numbers, for whoever has no lock
    std::atomic<int> bell_read_{-1};
    std::atomic<int> bell_write_{-1};
    std::atomic<bool> has_lost_pipe_{false};
    std::vector<file> originals_;  // what the stream was before, and what the program has then put in its place
    identity present_;
    std::optional<identity> parents_;  // in a child: no other stream is to be captured
};

bool posix_captured_stream::leads_to(const identity& pipe) const noexcept {
    struct stat found {};
    return pipe.index != 0 && fstat(descriptor(), &found) == 0 && found.st_dev == pipe.device &&
           found.st_ino == pipe.index;
}

void posix_captured_stream::set_pipes(pipe_ends pipe, pipe_ends bell) noexcept {
    pipe_read_ = bell_read_ = bell_write_ = -1;  // before the numbers may be another file's
    pipe_ = std::move(pipe);
    bell_ = std::move(bell);
    pipe_read_ = number_of(pipe_.read);
    bell_read_ = number_of(bell_.read);
    bell_write_ = number_of(bell_.write);
}

/// A program that closes all descriptors, as a daemon does when it begins, has closed the pipe. To have a new one at
/// once would be dangerous: others of ours may still write to what had its numbers.
void posix_captured_stream::give_up() noexcept {
    if (is_captured()) {
        const file nothing = adopt_descriptor(open("/dev/null", O_WRONLY | O_CLOEXEC));
        dup2(number_of(nothing), descriptor());
    }
    target_ = descriptor();
    originals_.clear();
    present_ = {};
    set_pipes({}, {});
}

void posix_captured_stream::capture() {
    follow();
    if (is_captured()) return;
    if (parents_ && !leads_to(*parents_)) {
        parents_.reset();
        return;
    }
    const bool is_open = fcntl(descriptor(), F_GETFD) != -1;
    if (is_open && !was_open_at_start(stream_) && !parents_) return;
    if (!pipe_.read) {
        pipe_ends pipe = make_pipe();
        pipe_ends bell = make_pipe();
        struct stat found {};
        if (!pipe.read || !bell.read || fstat(number_of(pipe.write), &found) != 0) fail(stream_);
        fcntl(number_of(bell.write), F_SETFL, O_NONBLOCK);  // many may ring
        set_pipes(std::move(pipe), std::move(bell));
        present_ = {found.st_dev, found.st_ino};
    }
    if (!parents_) {
        file original = is_open ? adopt_descriptor(fcntl(descriptor(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1)) : file();
        if (is_open && !original) fail(stream_);
        if (target_ == descriptor()) originals_.clear();
        originals_.push_back(std::move(original));
    }
    target_ = number_of(originals_.back());
    if (dup2(number_of(pipe_.write), descriptor()) < 0) {
        target_ = descriptor();
        fail(stream_);
    }
    parents_.reset();
    write_lines_at_once();
}

/// The C library may be about to keep lines until it has many, or has been told that this is no terminal.
void posix_captured_stream::write_lines_at_once() const noexcept {
#ifdef __linux__
    constexpr std::size_t no_buffer = 1;  // until the stream is used the size is 0
    if (stream_ == standard_stream::output && __fbufsize(stdout) != no_buffer) setvbuf(stdout, nullptr, _IOLBF, 0);
#endif
}

void posix_captured_stream::release() noexcept {
    if (!is_captured()) return;
    if (const file& original = originals_.back()) {
        dup2(number_of(original), descriptor());
    } else {
        ::close(descriptor());
    }
    if (originals_.size() > 1) {
        originals_.pop_back();
        target_ = number_of(originals_.back());
    } else {
        target_ = descriptor();  // and the original stays, for `follow`
    }
}

void posix_captured_stream::follow() noexcept {
    if (target_ == descriptor() && is_captured()) target_ = number_of(originals_.back());
}

std::size_t posix_captured_stream::read(char* to, std::size_t size) noexcept {
    if (has_lost_pipe_.exchange(false)) give_up();
    ssize_t count = -1;
    do {
        count = ::read(number_of(pipe_.read), to, size);
    } while (count < 0 && errno == EINTR);
    return count < 0 ? 0 : static_cast<std::size_t>(count);
}

void posix_captured_stream::wait(std::optional<deadline> end) noexcept {
    using namespace std::chrono;
    std::array<pollfd, 2> requests{{{pipe_read_, POLLIN, 0}, {bell_read_, POLLIN, 0}}};
    if (!end && requests[0].fd < 0) end = steady_clock::now() + 1s;  // nobody can tell of a new pipe
    const auto left = end ? ceil<milliseconds>(*end - steady_clock::now()).count() : -1;
    poll(requests.data(), requests.size(), end ? static_cast<int>(std::max<decltype(left)>(left, 0)) : -1);
    if (((requests[0].revents | requests[1].revents) & POLLNVAL) != 0) has_lost_pipe_ = true;
    std::array<char, 64> rings;
    while ((requests[1].revents & POLLIN) != 0 && ::read(requests[1].fd, rings.data(), rings.size()) > 0) {
    }
}

void posix_captured_stream::wake() const noexcept {
    const int error = errno;
    const char ring = 0;
    [[maybe_unused]] const ssize_t count = ::write(bell_write_, &ring, 1);
    errno = error;
}

bool posix_captured_stream::has_unread() const noexcept {
    const int pipe = pipe_read_;
    int count = 0;
    return pipe >= 0 && ioctl(pipe, FIONREAD, &count) == 0 && count > 0;
}

std::unique_ptr<captured_stream> posix_captured_stream::clone_for_child() const {
    auto clone = std::make_unique<posix_captured_stream>(stream_);
    // Of a child that has not begun either, the parent's is this one's.
    const identity& captured_by = parents_ ? *parents_ : present_;
    if (!leads_to(captured_by)) return clone;
    clone->parents_ = captured_by;
    const int original = number_of(originals_.back());
    clone->originals_.push_back(adopt_descriptor(fcntl(original, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)));
    target_ = number_of(clone->originals_.back());
    return clone;
}

void posix_captured_stream::detach_in_child() noexcept { set_pipes({}, {}); }

}  // namespace

std::unique_ptr<captured_stream> make_captured_stream(standard_stream stream) {
    return std::make_unique<posix_captured_stream>(stream);
}

void start_reader(std::function<void()> read) {
    const blocked_signals its_mask;
    std::thread(std::move(read)).detach();
}

// The sudden end

namespace {

/// Those that end a process by default, but for faults, which the crash handler sees.
constexpr std::array<int, 11> ending_signals{SIGHUP,  SIGINT,    SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2,
                                             SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU, SIGPIPE};

std::atomic<void (*)() noexcept> before_end{nullptr};

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
    for (const int number : ending_signals) {
        struct sigaction present {};
        sigaction(number, nullptr, &present);
        if ((present.sa_flags & SA_SIGINFO) == 0 && present.sa_handler == SIG_DFL) sigaction(number, &action, nullptr);
    }
#ifdef __linux__
    [[maybe_unused]] static const int is_registered = std::at_quick_exit([] { before_end.load()(); });
#endif
}

}  // namespace chainner::platform

#ifdef __linux__

// In the place of the C library's in a program that is linked with this library, as nothing else sees this end. A
// program may have one of its own: these are weak.
extern "C" {

// NOLINTBEGIN(bugprone-reserved-identifier)
[[gnu::weak, gnu::visibility("default")]] void _exit(int status) {
    if (const auto before = chainner::platform::before_end.load()) before();
    while (true) syscall(SYS_exit_group, status);
}

[[gnu::weak, gnu::visibility("default")]] void _Exit(int status) noexcept { _exit(status); }
// NOLINTEND(bugprone-reserved-identifier)
}

#endif
