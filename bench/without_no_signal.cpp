// Loaded before the C library, refuses RWF_NOSIGNAL, as Linux does before 6.18. A seccomp filter would take time.

#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

extern "C" ssize_t pwritev2(int file, const iovec* pieces, int count, off_t offset, int flags) {
    constexpr int no_signal = 0x100;
    if ((flags & no_signal) != 0) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return syscall(SYS_pwritev2, file, pieces, count, offset, 0L, flags);
}
