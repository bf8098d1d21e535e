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
#include "platform/redirected_stream.hpp"

namespace chainner::platform {

namespace {

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
    posix_console(standard_stream stream, console_target target) noexcept
        : stream_(redirected(stream)), target_(target) {}

    bool follow() noexcept override;
    bool is_terminal() const noexcept override { return is_terminal_; }
    std::size_t write(std::string_view text, std::error_code& error) noexcept override;
    bool is_ready() const noexcept override;
    std::size_t unread() const noexcept override;

private:
    enum class way { unknown, off, socket, at_once, apart, plainly };
    bool fall_back() noexcept;

    const redirected_stream& stream_;
    console_target target_;
    int descriptor_ = -1;
    way way_ = way::unknown;
    bool has_failed_ = false;
    file_identity identity_;
    bool is_pipe_ = false;
    bool is_terminal_ = false;
    file reopened_;
};

bool posix_console::follow() noexcept {
    const bool fails_once_replaced = way_ == way::socket || way_ == way::at_once;
    const int descriptor_before = std::exchange(descriptor_, static_cast<int>(stream_.target(target_)));
    if (way_ == way::off || (fails_once_replaced && !has_failed_ && descriptor_ == descriptor_before)) return false;
    struct stat found {};
    if (fstat(descriptor_, &found) != 0) {
        if (errno == EBADF) way_ = way::off;
        return false;
    }
    const file_identity now = identity_of(found);
    const bool is_still_reopened = !reopened_ || is_in_place(reopened_);
    if (way_ != way::unknown && now == identity_ && is_still_reopened) return false;
    const bool is_replaced = identity_.index != 0 && descriptor_ == number_of(stream_.stream);
    if (is_replaced && S_ISREG(found.st_mode) && is_file_of_program(descriptor_)) {
        way_ = way::unknown;
        return false;
    }
    identity_ = now;
    is_pipe_ = S_ISFIFO(found.st_mode);
    is_terminal_ = S_ISCHR(found.st_mode) && isatty(descriptor_) == 1;
    reopened_ = is_terminal_ ? reopen_without_waiting(descriptor_) : file();
    // A file that is opened again would have a place of its own, and overwrite what others append.
    way_ = is_terminal_              ? way::apart
           : S_ISSOCK(found.st_mode) ? way::socket
           : S_ISREG(found.st_mode)  ? way::plainly
                                     : way::at_once;
    return true;
}

/// To the next best way, unless the best one failed because stderr has been replaced.
bool posix_console::fall_back() noexcept {
    if (way_ != way::at_once || !is_in_place(known_file{descriptor_, identity_})) return false;
    if (is_pipe_) reopened_ = reopen_without_waiting(descriptor_);
    way_ = is_pipe_ ? way::apart : way::plainly;
    return true;
}

std::size_t posix_console::write(std::string_view text, std::error_code& error) noexcept {
    const auto try_once = [&]() -> ssize_t {
        switch (way_) {
            case way::unknown:
            case way::off:
                errno = EBADF;
                return -1;
            case way::socket:
                return send_without_signal(descriptor_, text);
            case way::at_once:
                return write_without_signal(descriptor_, text, waiting::never);
            case way::apart:
                return reopened_ ? write_without_signal(descriptor_of(reopened_), text, waiting::as_opened)
                                 : write_when_ready(descriptor_, text, is_terminal_);
            case way::plainly:
                if (has_room(descriptor_, 1)) return ::write(descriptor_, text.data(), text.size());
                errno = EFBIG;  // and no SIGXFSZ
                return -1;
        }
        return -1;
    };
    ssize_t count = try_once();
    while (count < 0 && (errno == EINTR || (is_unsupported(errno) && fall_back()))) count = try_once();
    has_failed_ = count < 0;
    error = has_failed_ ? last_error() : std::error_code();
    return has_failed_ ? 0 : static_cast<std::size_t>(count);
}

bool posix_console::is_ready() const noexcept { return way_ != way::off && readiness(descriptor_) == POLLOUT; }

std::size_t posix_console::unread() const noexcept {
    int count = 0;
    ioctl(descriptor_, is_pipe_ ? FIONREAD : TIOCOUTQ, &count);
    return static_cast<std::size_t>(count);
}

}  // namespace

std::unique_ptr<console> make_console(standard_stream stream, console_target target) {
    return std::make_unique<posix_console>(stream, target);
}

}  // namespace chainner::platform
