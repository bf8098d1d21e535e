#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "platform.hpp"

#ifdef __APPLE__
#include <mach-o/dyld.h>
#include <sys/sysctl.h>
#endif

namespace chainner::platform {

namespace fs = std::filesystem;

namespace {

std::error_code last_error() noexcept { return {errno, std::system_category()}; }

std::error_code no_room() noexcept { return std::make_error_code(std::errc::resource_unavailable_try_again); }

bool same_file(const struct stat& left, const struct stat& right) {
    return left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

}  // namespace

operating_system current_system() noexcept {
#ifdef __APPLE__
    return operating_system::macos;
#else
    return operating_system::other_unix;
#endif
}

std::string system_name() {
    utsname names{};
    uname(&names);
    return std::string(names.sysname) + ' ' + names.release + ' ' + names.machine;
}

// The process

namespace {

std::atomic<int> known_process_id{0};

}  // namespace

int process_id() noexcept {
    int id = known_process_id.load(std::memory_order_relaxed);
    if (id == 0) {
        static const int registered = pthread_atfork(nullptr, nullptr, [] { known_process_id = 0; });
        (void)registered;
        id = getpid();
        known_process_id.store(id, std::memory_order_relaxed);
    }
    return id;
}

std::chrono::system_clock::time_point process_start() {
    using namespace std::chrono;
#ifdef __APPLE__
    std::array<int, 4> name{CTL_KERN, KERN_PROC, KERN_PROC_PID, getpid()};
    kinfo_proc found{};
    std::size_t size = sizeof found;
    sysctl(name.data(), name.size(), &found, &size, nullptr, 0);
    const timeval start = found.kp_proc.p_starttime;
    return system_clock::time_point(seconds(start.tv_sec) + microseconds(start.tv_usec));
#else
    // The program's name, in parentheses, may contain any letter; the start is the 20th field after it.
    std::ifstream file("/proc/self/stat");
    std::string line;
    std::getline(file, line);
    std::istringstream fields(line.substr(line.rfind(')') + 1));
    std::string skipped;
    for (int i = 0; i < 19; ++i) fields >> skipped;
    long long ticks = 0;
    if (!(fields >> ticks)) return system_clock::now();
    timespec since_boot{};
    clock_gettime(CLOCK_BOOTTIME, &since_boot);
    const auto age = seconds(since_boot.tv_sec) + nanoseconds(since_boot.tv_nsec) -
                     ticks * nanoseconds(std::nano::den / sysconf(_SC_CLK_TCK));
    return system_clock::now() - duration_cast<system_clock::duration>(age);
#endif
}

void at_fork(void (*prepare)(), void (*parent)(), void (*child)()) {
    if (const int error = pthread_atfork(prepare, parent, child)) {
        throw std::system_error(error, std::system_category(), "pthread_atfork");
    }
}

std::optional<std::string> variable(const char* name) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
}

fs::path path_variable(const char* name) { return variable(name).value_or(""); }

fs::path executable_directory() {
#ifdef __APPLE__
    std::uint32_t size = PATH_MAX;
    std::string name(size, '\0');
    if (_NSGetExecutablePath(name.data(), &size) != 0) return {};
    name.resize(name.find('\0'));
    std::error_code ignored;
    return fs::canonical(name, ignored).parent_path();
#else
    std::error_code ignored;
    return fs::read_symlink("/proc/self/exe", ignored).parent_path();
#endif
}

fs::path home_directory() {
    if (const auto home = variable("HOME"); home && home->front() == '/') return *home;
    const long most = sysconf(_SC_GETPW_R_SIZE_MAX);
    std::vector<char> buffer(most > 0 ? static_cast<std::size_t>(most) : 16384);
    passwd entry{};
    passwd* found = nullptr;
    if (getpwuid_r(getuid(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return {};
    return found->pw_dir;
}

fs::path application_data_directory() { return {}; }

std::string user_id() { return std::to_string(geteuid()); }

std::string to_utf8(const fs::path& path) { return path.string(); }

// Folders

namespace {

void make_directory(const fs::path& directory) {
    if (mkdir(directory.c_str(), S_IRWXU) == 0) return;
    if (errno == ENOENT && directory.has_relative_path()) {
        make_directory(directory.parent_path());
        if (mkdir(directory.c_str(), S_IRWXU) == 0) return;
    }
    const std::error_code error = last_error();
    std::error_code ignored;
    if (fs::is_directory(directory, ignored)) return;
    // A file that stands where the folder should be says "File exists" to mkdir, which would explain nothing.
    throw fs::filesystem_error(
        "cannot create the log folder", directory,
        error == std::errc::file_exists ? std::make_error_code(std::errc::not_a_directory) : error);
}

bool belongs_to_this_user_alone(const fs::path& directory) {
    struct stat found {};
    return lstat(directory.c_str(), &found) == 0 && S_ISDIR(found.st_mode) && found.st_uid == geteuid() &&
           (found.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

}  // namespace

void make_directories(const fs::path& directory, sharing sharing) {
    if (sharing == sharing::none) return make_directory(directory);
    for (const fs::path& each : {directory.parent_path(), directory}) {
        make_directory(each);
        if (!belongs_to_this_user_alone(each)) {
            throw fs::filesystem_error("another user owns or can change the log folder", each,
                                       std::make_error_code(std::errc::operation_not_permitted));
        }
    }
}

std::error_code check_usable(const fs::path& directory, sharing sharing) {
    fs::path existing = directory;
    struct stat found {};
    while (lstat(existing.c_str(), &found) != 0) {
        if (errno != ENOENT || !existing.has_relative_path()) return last_error();
        existing = existing.parent_path();
    }
    if (sharing == sharing::parent_is_shared) {
        for (const fs::path& each : {directory.parent_path(), directory}) {
            if (lstat(each.c_str(), &found) == 0 && !belongs_to_this_user_alone(each)) {
                return std::make_error_code(std::errc::operation_not_permitted);
            }
        }
    }
    std::error_code ignored;
    if (!fs::is_directory(existing, ignored)) return std::make_error_code(std::errc::not_a_directory);
    return faccessat(AT_FDCWD, existing.c_str(), W_OK | X_OK, AT_EACCESS) == 0 ? std::error_code() : last_error();
}

// Log files

descriptor::~descriptor() {
    if (number_ >= 0) close(number_);
}

descriptor open_log_file(const fs::path& path, open_mode mode) {
    const auto fail = [&path](std::error_code error) {
        throw fs::filesystem_error("cannot open the log file", path, error);
    };
    const int if_new = mode == open_mode::create_new ? O_EXCL : 0;
    while (true) {
        // O_NONBLOCK is for a FIFO that stands in the place of the file; a regular file takes no notice of it.
        descriptor file(open(path.c_str(),
                             O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | if_new,
                             S_IRUSR | S_IWUSR));
        if (!file) fail(last_error());
        struct stat opened {};
        if (fstat(file.number(), &opened) != 0) fail(last_error());
        // A second name of a file is how another user could make us write into it where links are refused.
        if (!S_ISREG(opened.st_mode) || opened.st_nlink > 1)
            fail(std::make_error_code(std::errc::operation_not_permitted));
        // Any other failure than this one means a file system without locks, which must not stop the logger.
        if (flock(file.number(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) fail(no_room());
        // Who held the lock until now may have rotated the file away since it was opened, or written to a new one.
        const bool is_in_place = placement_of(file.number(), path) == placement::in_place;
        if (is_in_place && (mode == open_mode::create_or_append || file_size(file.number()) == 0)) return file;
        if (mode == open_mode::create_new) fail(no_room());
    }
}

descriptor lock_directory(const fs::path& directory) {
    descriptor folder(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder && (errno == EMFILE || errno == ENFILE)) {
        throw fs::filesystem_error("cannot lock the log folder", directory, last_error());
    }
    // It takes others microseconds, if they were not stopped meanwhile: that must not stop this process.
    for (int tries = 100; tries > 0 && flock(folder.number(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
         --tries) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return folder;
}

void remove_open_file(const fs::path& path) { fs::remove(path); }

int redirect(std::FILE* stream, const descriptor& file) {
    const int number = fileno(stream);
#ifdef __APPLE__
    const bool done = dup2(file.number(), number) >= 0 && fcntl(number, F_SETFD, FD_CLOEXEC) == 0;
#else
    const bool done = dup3(file.number(), number, O_CLOEXEC) >= 0;
#endif
    if (!done) throw std::system_error(last_error(), "cannot redirect the log file's stream");
    return number;
}

spdlog::filename_t spdlog_filename(const fs::path& path) { return path.string(); }

std::size_t write(int file, std::string_view text, std::error_code& error) noexcept {
    std::size_t written = 0;
    error.clear();
    while (written < text.size()) {
        const ssize_t count = ::write(file, text.data() + written, text.size() - written);
        if (count >= 0) {
            written += static_cast<std::size_t>(count);
        } else if (errno != EINTR) {
            error = last_error();
            break;
        }
    }
    return written;
}

std::uintmax_t file_size(int file) noexcept {
    struct stat found {};
    return fstat(file, &found) == 0 ? static_cast<std::uintmax_t>(found.st_size) : 0;
}

std::size_t read_end(int file, char* to, std::size_t size) noexcept {
    const std::uintmax_t whole = file_size(file);
    size = static_cast<std::size_t>(std::min<std::uintmax_t>(size, whole));
    const ssize_t count = pread(file, to, size, static_cast<off_t>(whole - size));
    return count > 0 ? static_cast<std::size_t>(count) : 0;
}

bool ends_in_line_feed(int file) noexcept {
    char last = '\n';
    read_end(file, &last, 1);
    return last == '\n';
}

placement placement_of(int file, const fs::path& path) noexcept {
    struct stat opened {};
    struct stat named {};
    if (fstat(file, &opened) != 0 || opened.st_nlink == 0) return placement::removed;
    if (lstat(path.c_str(), &named) == 0 && same_file(opened, named)) return placement::in_place;
    return placement::moved;
}

// The console

namespace {

// Read before main: later the number may belong to a file that the program has opened. What a process inherits is not
// closed on exec, which tells it from such a file where this library is loaded late.
const bool stderr_was_open = [] {
    const int flags = fcntl(STDERR_FILENO, F_GETFD);
    return flags != -1 && (flags & FD_CLOEXEC) == 0;
}();

/// Keeps a SIGPIPE that the calling thread raises while it lives from being delivered.
class without_sigpipe {
public:
    without_sigpipe() noexcept {
        sigemptyset(&sigpipe_);
        sigaddset(&sigpipe_, SIGPIPE);
        sigset_t pending;
        sigpending(&pending);
        was_pending_ = sigismember(&pending, SIGPIPE) == 1;
        pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
    }
    ~without_sigpipe() {
        const int error = errno;
        sigset_t pending;
        // One that was pending before is another's, and stays.
        if (error == EPIPE && !was_pending_ && sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1) {
            int taken = 0;
            sigwait(&sigpipe_, &taken);
        }
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
        errno = error;
    }
    without_sigpipe(const without_sigpipe&) = delete;
    without_sigpipe& operator=(const without_sigpipe&) = delete;

private:
    sigset_t sigpipe_;
    sigset_t before_;
    bool was_pending_;
};

/// What a kernel, a kind of file or a container's filter answers to a call, or a flag, that it does not know.
bool is_unsupported(int error) noexcept {
    return error == EOPNOTSUPP || error == ENOTSUP || error == ENOSYS || error == EINVAL || error == EPERM;
}

enum class waiting { as_opened, never };

/// Raises no signal. `waiting::never` is not supported for every kind of file.
ssize_t write_without_signal(int file, std::string_view text, waiting waiting) noexcept {
#ifdef __APPLE__
    if (waiting == waiting::never) {
        errno = EOPNOTSUPP;
        return -1;
    }
    const without_sigpipe guard;
    return ::write(file, text.data(), text.size());
#else
    constexpr int no_signal = 0x100;  // RWF_NOSIGNAL, Linux 6.18; older headers and kernels do not know it
    static std::atomic<bool> knows_no_signal{true};
    const int flags = waiting == waiting::never ? RWF_NOWAIT : 0;
    const iovec piece{const_cast<char*>(text.data()), text.size()};
    if (knows_no_signal.load(std::memory_order_relaxed)) {
        const ssize_t count = pwritev2(file, &piece, 1, -1, flags | no_signal);
        if (count >= 0 || !is_unsupported(errno)) return count;
    }
    const without_sigpipe guard;
    const ssize_t count = flags == 0 ? writev(file, &piece, 1) : pwritev2(file, &piece, 1, -1, flags);
    if (count >= 0) knows_no_signal.store(false, std::memory_order_relaxed);
    return count;
#endif
}

/// What poll() knows of writing to stderr; 0: there is no room.
short readiness() noexcept {
    pollfd request{STDERR_FILENO, POLLOUT, 0};
    poll(&request, 1, 0);
    return request.revents;
}

ssize_t send_to_socket(std::string_view text) noexcept {
#ifdef __APPLE__
    // SO_NOSIGPIPE would change the socket for all who hold it.
    const without_sigpipe guard;
    return send(STDERR_FILENO, text.data(), text.size(), MSG_DONTWAIT);
#else
    return send(STDERR_FILENO, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
#endif
}

/// For what can neither be asked not to wait nor be opened again: no more than what something writable surely takes.
ssize_t write_when_ready(std::string_view text, bool is_terminal) noexcept {
    if (readiness() == 0) {
        errno = EAGAIN;
        return -1;
    }
    std::size_t most = PIPE_BUF;
    if (is_terminal) {
        // It promises room for little, and a line feed that becomes two characters may find that little used up.
        constexpr std::size_t little = 128;
        most = std::clamp<std::size_t>(text.find('\n'), 1, little);
    }
    return write_without_signal(STDERR_FILENO, text.substr(0, most), waiting::as_opened);
}

/// A description of our own, so that nobody else's becomes non-blocking.
descriptor reopen_without_waiting() noexcept {
#ifdef __APPLE__
    char name[PATH_MAX];
    if (ttyname_r(STDERR_FILENO, name, sizeof name) != 0) return {};
#else
    const char* name = "/proc/self/fd/2";
#endif
    return descriptor(open(name, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

class posix_console final : public console {
public:
    bool follow() noexcept override;
    bool is_terminal() const noexcept override { return is_terminal_; }
    std::size_t write(std::string_view text, std::error_code& error) noexcept override;
    bool is_ready() const noexcept override;
    std::size_t unread() const noexcept override;

private:
    enum class way { unknown, off, socket, at_once, reopened, when_ready, plainly };
    struct identity {
        dev_t device = 0;
        ino_t index = 0;
        bool operator==(const identity& other) const noexcept { return device == other.device && index == other.index; }
    };
    void reopen() noexcept;
    bool fall_back() noexcept;

    way way_ = way::unknown;
    bool has_failed_ = false;
    identity identity_;
    bool is_pipe_ = false;
    bool is_terminal_ = false;
    descriptor reopened_;
};

bool posix_console::follow() noexcept {
    const bool fails_once_replaced = way_ == way::socket || way_ == way::at_once;
    if (way_ == way::off || (fails_once_replaced && !has_failed_)) return false;
    struct stat found {};
    if (!stderr_was_open || fstat(STDERR_FILENO, &found) != 0) {
        way_ = way::off;
        return false;
    }
    const identity now{found.st_dev, found.st_ino};
    if (way_ != way::unknown && now == identity_) return false;
    identity_ = now;
    is_pipe_ = S_ISFIFO(found.st_mode);
    is_terminal_ = S_ISCHR(found.st_mode) && isatty(STDERR_FILENO) == 1;
    reopened_ = descriptor();
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
    reopened_ = reopen_without_waiting();
    way_ = reopened_ ? way::reopened : way::when_ready;
}

/// To the next best way, unless the best one failed because stderr has been replaced.
bool posix_console::fall_back() noexcept {
    struct stat found {};
    if (way_ != way::at_once || fstat(STDERR_FILENO, &found) != 0) return false;
    if (!(identity{found.st_dev, found.st_ino} == identity_)) return false;
    if (is_pipe_) {
        reopen();
    } else {
        way_ = way::plainly;
    }
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
                return send_to_socket(text);
            case way::at_once:
                return write_without_signal(STDERR_FILENO, text, waiting::never);
            case way::reopened:
                return write_without_signal(reopened_.number(), text, waiting::as_opened);
            case way::when_ready:
                return write_when_ready(text, is_terminal_);
            case way::plainly:
                return ::write(STDERR_FILENO, text.data(), text.size());
        }
        return -1;
    };
    ssize_t count = try_once();
    while (count < 0 && (errno == EINTR || (is_unsupported(errno) && fall_back()))) count = try_once();
    has_failed_ = count < 0;
    error = has_failed_ ? last_error() : std::error_code();
    return has_failed_ ? 0 : static_cast<std::size_t>(count);
}

bool posix_console::is_ready() const noexcept { return way_ != way::off && readiness() == POLLOUT; }

std::size_t posix_console::unread() const noexcept {
    int count = 0;
    ioctl(STDERR_FILENO, is_pipe_ ? FIONREAD : TIOCOUTQ, &count);
    return static_cast<std::size_t>(count);
}

}  // namespace

std::unique_ptr<console> make_console() { return std::make_unique<posix_console>(); }

}  // namespace chainner::platform
