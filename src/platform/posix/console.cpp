#include "platform/console.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <utility>

#include "platform/posix/descriptor.hpp"
#include "platform/posix/write_without_signal.hpp"

namespace chainner::platform {

namespace {

/// Asked before main, or by the first logger if that is set up earlier. What a process inherits is not closed on exec,
/// which tells it from a file of the program's where this library is loaded late.
std::array<bool, 2> streams_open_at_start() noexcept {
    static const auto is_inherited = [](int descriptor) {
        const int flags = fcntl(descriptor, F_GETFD);
        return flags != -1 && (flags & FD_CLOEXEC) == 0;
    };
    static const std::array<bool, 2> found{is_inherited(STDOUT_FILENO), is_inherited(STDERR_FILENO)};
    return found;
}

[[maybe_unused]] const auto were_asked_before_main = streams_open_at_start();

/// What poll() knows of writing to it; 0: there is no room.
short readiness(int descriptor) noexcept {
    pollfd request{descriptor, POLLOUT, 0};
    poll(&request, 1, 0);
    return request.revents;
}

/// For what can neither be asked not to wait nor be opened again: no more than what something writable surely takes.
ssize_t write_when_ready(int descriptor, std::string_view text, bool is_terminal) noexcept {
    if (readiness(descriptor) == 0) {
        errno = EAGAIN;
        return -1;
    }
    std::size_t most = PIPE_BUF;
    if (is_terminal) {
        // It promises room for little, and a line feed that becomes two characters may find that little used up.
        constexpr std::size_t little = 128;
        most = std::clamp<std::size_t>(text.find('\n'), 1, little);
    }
    return write_without_signal(descriptor, text.substr(0, most), waiting::as_opened);
}

/// Whether it has got the number of a stream by chance: a stream that is redirected is inherited by programs.
bool is_file_of_program(int descriptor) noexcept { return (fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0; }

/// A description of our own, so that nobody else's becomes non-blocking.
file reopen_without_waiting(int descriptor) noexcept {
#ifdef __APPLE__
    std::array<char, PATH_MAX> name;
    if (ttyname_r(descriptor, name.data(), name.size()) != 0) return {};
#else
    std::array<char, 32> name{};
    std::snprintf(name.data(), name.size(), "/proc/self/fd/%d", descriptor);
#endif
    return adopt_stream(open(name.data(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

class posix_console final : public console {
public:
    posix_console(standard_stream stream, bool is_of_original) noexcept
        : stream_(stream), is_of_original_(is_of_original) {}

    bool follow() noexcept override;
    bool is_terminal() const noexcept override { return is_terminal_; }
    std::size_t write(std::string_view text, std::error_code& error) noexcept override;
    bool is_ready() const noexcept override;
    std::size_t unread() const noexcept override;

private:
    enum class way { unknown, off, socket, at_once, reopened, when_ready, plainly };
    int descriptor() const noexcept { return descriptor_; }
    int find_descriptor() const noexcept;
    void reopen() noexcept;
    bool fall_back() noexcept;
    ssize_t write_plainly(std::string_view text) noexcept;

    standard_stream stream_;
    bool is_of_original_;
    int descriptor_ = -1;
    way way_ = way::unknown;
    bool has_failed_ = false;
    file_identity identity_;
    bool is_pipe_ = false;
    bool is_terminal_ = false;
    file reopened_;
};

/// While the stream is captured, what it was before.
int posix_console::find_descriptor() const noexcept {
    const stream_diversion& diversion = diversion_of(stream_);
    return is_of_original_ || diversion.is_in_place(stream_) ? diversion.original() : descriptor_of(stream_);
}

bool posix_console::follow() noexcept {
    const bool fails_once_replaced = way_ == way::socket || way_ == way::at_once;
    const int descriptor_before = std::exchange(descriptor_, find_descriptor());
    if (!was_open_at_start(stream_)) way_ = way::off;
    if (way_ == way::off || (fails_once_replaced && !has_failed_ && descriptor_ == descriptor_before)) return false;
    struct stat found {};
    if (fstat(descriptor(), &found) != 0) {
        if (errno == EBADF) way_ = way::off;
        return false;
    }
    const file_identity now = identity_of(found);
    const bool is_still_reopened = way_ != way::reopened || is_in_place(reopened_);
    if (way_ != way::unknown && now == identity_ && is_still_reopened) return false;
    const bool is_replaced = identity_.index != 0 && descriptor() == descriptor_of(stream_);
    if (is_replaced && S_ISREG(found.st_mode) && is_file_of_program(descriptor())) {
        way_ = way::unknown;
        return false;
    }
    identity_ = now;
    is_pipe_ = S_ISFIFO(found.st_mode);
    is_terminal_ = S_ISCHR(found.st_mode) && isatty(descriptor()) == 1;
    reopened_ = file();
    if (is_terminal_) {
        reopen();
    } else if (S_ISSOCK(found.st_mode)) {
        way_ = way::socket;
    } else if (S_ISREG(found.st_mode)) {
        way_ = way::plainly;  // opened again, it would have a place of its own, and overwrite what others append
    } else {
        way_ = way::at_once;
    }
    return true;
}

void posix_console::reopen() noexcept {
    reopened_ = reopen_without_waiting(descriptor());
    way_ = reopened_ ? way::reopened : way::when_ready;
}

/// To the next best way, unless the best one failed because stderr has been replaced.
bool posix_console::fall_back() noexcept {
    struct stat found {};
    if (way_ != way::at_once || fstat(descriptor(), &found) != 0) return false;
    if (!(identity_of(found) == identity_)) return false;
    if (is_pipe_) {
        reopen();
    } else {
        way_ = way::plainly;
    }
    return true;
}

/// Stops at the limit that this process has for files, where to go on would raise SIGXFSZ.
ssize_t posix_console::write_plainly(std::string_view text) noexcept {
    if (is_at_size_limit(descriptor())) {
        errno = EFBIG;
        return -1;
    }
    return ::write(descriptor(), text.data(), text.size());
}

std::size_t posix_console::write(std::string_view text, std::error_code& error) noexcept {
    const auto try_once = [&]() -> ssize_t {
        switch (way_) {
            case way::unknown:
            case way::off:
                errno = EBADF;
                return -1;
            case way::socket:
                return send_without_signal(descriptor(), text);
            case way::at_once:
                return write_without_signal(descriptor(), text, waiting::never);
            case way::reopened:
                return write_without_signal(descriptor_of(reopened_), text, waiting::as_opened);
            case way::when_ready:
                return write_when_ready(descriptor(), text, is_terminal_);
            case way::plainly:
                return write_plainly(text);
        }
        return -1;
    };
    ssize_t count = try_once();
    while (count < 0 && (errno == EINTR || (is_unsupported(errno) && fall_back()))) count = try_once();
    has_failed_ = count < 0;
    error = has_failed_ ? last_error() : std::error_code();
    return has_failed_ ? 0 : static_cast<std::size_t>(count);
}

bool posix_console::is_ready() const noexcept { return way_ != way::off && readiness(descriptor()) == POLLOUT; }

std::size_t posix_console::unread() const noexcept {
    int count = 0;
    ioctl(descriptor(), is_pipe_ ? FIONREAD : TIOCOUTQ, &count);
    return static_cast<std::size_t>(count);
}

}  // namespace

bool was_open_at_start(standard_stream stream) noexcept {
    return streams_open_at_start().at(static_cast<std::size_t>(stream));
}

std::unique_ptr<console> make_console(standard_stream stream) { return std::make_unique<posix_console>(stream, false); }

std::unique_ptr<console> make_console_of_original(standard_stream stream) {
    return std::make_unique<posix_console>(stream, true);
}

}  // namespace chainner::platform
