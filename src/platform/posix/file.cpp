#include "platform/file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <thread>
#include <utility>

#include "platform/posix/descriptor.hpp"

namespace chainner::platform {

namespace fs = std::filesystem;

file::~file() {
    if (*this && is_in_place(*this)) ::close(descriptor_of(*this));
}

namespace {

file adopt(int descriptor, int lowest) noexcept {
    struct stat found {};
    if (descriptor < 0) return {};
    if (fstat(descriptor, &found) != 0) {
        const int reason = errno;
        ::close(descriptor);
        errno = reason;
        return {};
    }
    const file_identity identity = identity_of(found);
    // It may have the number of a stream that was closed, where the program can put a file of its own at any moment.
    file given(descriptor, identity);
    if (descriptor >= lowest) return given;
    int moved = fcntl(descriptor, F_DUPFD_CLOEXEC, lowest);
    if (moved < 0) moved = fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    const int error = errno;
    given = {};
    errno = error;
    return moved < 0 ? file() : file(moved, identity);
}

/// The first one for files, or so many above it.
int high_number(rlim_t above) noexcept {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    const rlim_t files = std::min<rlim_t>(2'000, limit.rlim_cur - limit.rlim_cur / 16);
    return static_cast<int>(files + std::min<rlim_t>(above, (limit.rlim_cur - files) / 2));
}

}  // namespace

file adopt_descriptor(int descriptor) noexcept { return adopt(descriptor, high_number(0)); }

file adopt_stream(int descriptor) noexcept { return adopt(descriptor, high_number(100)); }

std::optional<file_identity> identity_of(file_number number) noexcept {
    struct stat found {};
    if (fstat(static_cast<int>(number), &found) != 0 || found.st_nlink == 0) return std::nullopt;
    return identity_of(found);
}

bool is_in_place(known_file file) noexcept {
    struct stat found {};
    if (fstat(static_cast<int>(file.number), &found) != 0) return errno != EBADF;  // else the reason passes
    return identity_of(found) == file.identity;
}

namespace {

constexpr mode_t rights = S_IRWXU | S_IRWXG | S_IRWXO;

std::error_code not_permitted() { return std::make_error_code(std::errc::operation_not_permitted); }

/// Opens what is there, or creates it. -1: see errno.
int open_or_create(const fs::path& path, open_mode mode, bool& is_new) noexcept {
    // O_NONBLOCK is for a FIFO that stands in the place of the file; a regular file takes no notice of it.
    constexpr int flags = O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
    is_new = mode == open_mode::create_new;
    int descriptor = is_new ? -1 : open(path.c_str(), flags);
    if (is_new || (descriptor < 0 && errno == ENOENT && mode != open_mode::existing)) {
        descriptor = open(path.c_str(), flags | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
        is_new = descriptor >= 0;
    }
    return descriptor;
}

/// Without waiting. 0, or what errno is otherwise.
int try_lock(int descriptor, int how) noexcept {
    while (flock(descriptor, how | LOCK_NB) != 0) {
        if (errno != EINTR) return errno;
    }
    return 0;
}

/// What keeps this process from the lock: EWOULDBLOCK if another logger has it, EBUSY if a reader, else what the file
/// system says that knows no locks. No logger shares its lock, so who leaves room for a shared one reads the file, or
/// has just ended, or asks the same.
int lock_for_writing(int descriptor) noexcept {
    for (int tries = 5; tries > 0; --tries) {
        if (const int error = try_lock(descriptor, LOCK_EX); error != EWOULDBLOCK) return error;
        if (try_lock(descriptor, LOCK_SH) == EWOULDBLOCK) return EWOULDBLOCK;
        flock(descriptor, LOCK_UN);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return EBUSY;
}

/// What was there before may not be what this process would have created.
void make_safe(int descriptor, const fs::path& path) {
    const auto refuse = [&path](const char* why) { throw fs::filesystem_error(why, path, not_permitted()); };
    struct stat found {};
    if (fstat(descriptor, &found) != 0) throw fs::filesystem_error("cannot open the log file", path, last_error());
    if (!S_ISREG(found.st_mode)) refuse("the log file is no regular file");
    // A second name of a file is how another user could make us write into it where links are refused.
    if (found.st_nlink > 1) refuse("the log file has a second name (a hard link)");
    if (found.st_uid != geteuid()) refuse("the log file belongs to another user");
    // Fails where the file system knows no such rights.
    if ((found.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        fchmod(descriptor, found.st_mode & rights & ~mode_t{S_IWGRP | S_IWOTH});
}

}  // namespace

opened_file open_log_file(const fs::path& path, open_mode mode) {
    const auto fail = [&path](std::error_code error, const char* what = "cannot open the log file") {
        throw fs::filesystem_error(what, path, error);
    };
    const auto locked = std::make_error_code(std::errc::resource_unavailable_try_again);
    while (true) {
        bool is_new = false;
        file opened = adopt_descriptor(open_or_create(path, mode, is_new));
        if (!opened && errno == EEXIST && mode != open_mode::create_new) continue;
        if (!opened) fail(last_error(), errno == ELOOP ? "the log file is a link" : "cannot open the log file");
        const auto descriptor = descriptor_of(opened);
        if (!is_new) make_safe(descriptor, path);
        // A file system without locks must not stop the logger.
        const bool is_shared = mode == open_mode::create_or_share;
        const int lock = is_shared ? try_lock(descriptor, LOCK_SH) : lock_for_writing(descriptor);
        if (lock == EWOULDBLOCK) fail(locked);
        if (lock == EBUSY) fail(not_permitted(), "a program that reads the log file has locked it");
        // Who held the lock until now may have rotated the file away since it was opened, or written to a new one.
        const file_state state = state_of(opened.known(), path);
        if (state.placement == placement::unknown) fail(last_error());
        const bool is_in_place = state.placement == placement::in_place;
        if (is_in_place && (mode != open_mode::create_new || state.size == 0)) {
            return {std::move(opened), state.size, {lock, std::system_category()}};
        }
        if (mode == open_mode::create_new) fail(locked);
    }
}

std::error_code let_group_read(const file& file) noexcept {
    const auto descriptor = descriptor_of(file);
    struct stat found {};
    if (fstat(descriptor, &found) != 0) return last_error();
    if ((found.st_mode & S_IRGRP) != 0) return {};
    return fchmod(descriptor, (found.st_mode & rights) | S_IRGRP) == 0 ? std::error_code() : last_error();
}

namespace {

/// Under the number of another, which is closed.
bool put_in_place(int opened, int descriptor) noexcept {
    if (opened < 0) return false;
    if (dup2(opened, descriptor) < 0) ::close(descriptor);  // as where the process may have fewer by now
    fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    ::close(opened);
    return true;
}

}  // namespace

void make_unwritable(file_number number) noexcept {
    const auto descriptor = static_cast<int>(number);
    if (number == no_file) return;
    if (!put_in_place(open("/dev/null", O_RDONLY | O_CLOEXEC), descriptor)) ::close(descriptor);
}

bool claim_file(file_number number, const fs::path& path) noexcept {
    const auto descriptor = static_cast<int>(number);
    bool is_new = false;
    // A child by `fork` shares the lock of its parent: only where the file is opened anew is one in the other's way.
    return put_in_place(open_or_create(path, open_mode::existing, is_new), descriptor) &&
           try_lock(descriptor, LOCK_EX) == 0;
}

int to_descriptor(file file) { return static_cast<int>(file.release()); }

std::error_code rename_file(const fs::path& from, const fs::path& to) noexcept {
    return ::rename(from.c_str(), to.c_str()) == 0 ? std::error_code() : last_error();
}

void remove_open_file(const fs::path& path) { fs::remove(path); }

std::size_t write_some(file_number number, std::string_view text, std::error_code& error) noexcept {
    ssize_t count = -1;
    do {
        count = ::write(static_cast<int>(number), text.data(), text.size());
    } while (count < 0 && errno == EINTR);
    if (count > 0) return static_cast<std::size_t>(count);
    error = count == 0 ? std::make_error_code(std::errc::io_error) : last_error();
    return 0;
}

std::uintmax_t file_size_limit() noexcept {
    rlimit limit{};
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return std::numeric_limits<std::uintmax_t>::max();
    }
    return limit.rlim_cur;
}

std::uintmax_t size_of(file_number number) noexcept {
    struct stat found {};
    return fstat(static_cast<int>(number), &found) == 0 ? static_cast<std::uintmax_t>(found.st_size) : 0;
}

std::size_t read_at(std::uintmax_t place, file_number number, char* to, std::size_t size) noexcept {
    const ssize_t count = pread(static_cast<int>(number), to, size, static_cast<off_t>(place));
    return count > 0 ? static_cast<std::size_t>(count) : 0;
}

file_state state_of(known_file file, const fs::path& path) noexcept {
    struct stat opened {};
    struct stat named {};
    if (fstat(static_cast<int>(file.number), &opened) != 0) {
        return {errno == EBADF ? placement::closed : placement::unknown, 0};
    }
    if (!(identity_of(opened) == file.identity)) return {placement::closed, 0};
    const auto size = static_cast<std::uintmax_t>(opened.st_size);
    if (opened.st_nlink == 0) return {placement::removed, size};
    if (lstat(path.c_str(), &named) == 0) {
        return {identity_of(named) == file.identity ? placement::in_place : placement::moved, size};
    }
    return {errno == ENOENT || errno == ENOTDIR ? placement::moved : placement::unknown, size};
}

}  // namespace chainner::platform
