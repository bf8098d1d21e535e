#include "platform/posix/write_without_signal.hpp"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <ctime>

#ifdef __linux__
#include <sys/syscall.h>
#endif

namespace chainner::platform {

namespace {

/// Takes the SIGPIPE of a write away that has failed with EPIPE.
void take_sigpipe(const sigset_t& sigpipe) noexcept {
#ifdef __APPLE__
    sigset_t pending;
    int taken = 0;
    if (sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1) sigwait(&sigpipe, &taken);
#else
    const timespec at_once{};
    siginfo_t about{};
    // One that was there before, from another thread or by `raise`, is not the kernel's for a write, and is put back.
    // The C library would hide the difference.
    const long taken = syscall(SYS_rt_sigtimedwait, &sigpipe, &about, &at_once, _NSIG / 8);
    if (taken == SIGPIPE && about.si_code == SI_TKILL) raise(SIGPIPE);
#endif
}

/// What `write` returns, which raises no SIGPIPE. It costs two system calls more.
template <class Write>
ssize_t without_sigpipe(Write write) noexcept {
    sigset_t sigpipe;
    sigemptyset(&sigpipe);
    sigaddset(&sigpipe, SIGPIPE);
    sigset_t before;
    sigset_t pending;
    sigemptyset(&pending);
    pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
    const bool was_blocked = sigismember(&before, SIGPIPE) == 1;
    // Only where it was blocked can one be pending, which is another's, and stays.
    if (was_blocked) sigpending(&pending);
    const ssize_t count = write();
    const int error = errno;
    if (count < 0 && error == EPIPE && sigismember(&pending, SIGPIPE) == 0) take_sigpipe(sigpipe);
    if (!was_blocked) pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = error;
    return count;
}

}  // namespace

bool is_unsupported(int error) noexcept {
    return error == EOPNOTSUPP || error == ENOTSUP || error == ENOSYS || error == EINVAL || error == EPERM;
}

ssize_t write_without_signal(int file, std::string_view text, waiting waiting) noexcept {
#ifdef __APPLE__
    if (waiting == waiting::never) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return without_sigpipe([&] { return ::write(file, text.data(), text.size()); });
#else
    constexpr int no_signal = 0x100;  // RWF_NOSIGNAL, Linux 6.18; older headers and kernels do not know it
    static std::atomic<bool> knows_no_signal{true};
    const int flags = waiting == waiting::never ? RWF_NOWAIT : 0;
    const iovec piece{const_cast<char*>(text.data()), text.size()};
    if (knows_no_signal.load(std::memory_order_relaxed)) {
        const ssize_t count = pwritev2(file, &piece, 1, -1, flags | no_signal);
        if (count >= 0 || !is_unsupported(errno)) return count;
    }
    const ssize_t count = without_sigpipe(
        [&] { return flags == 0 ? ::write(file, text.data(), text.size()) : pwritev2(file, &piece, 1, -1, flags); });
    if (count >= 0) knows_no_signal.store(false, std::memory_order_relaxed);
    return count;
#endif
}

ssize_t send_without_signal(int socket, std::string_view text) noexcept {
#ifdef __APPLE__
    // SO_NOSIGPIPE would change the socket for all who hold it.
    return without_sigpipe([&] { return send(socket, text.data(), text.size(), MSG_DONTWAIT); });
#else
    return send(socket, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
#endif
}

}  // namespace chainner::platform
