#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

/// Real faults of the system, and real other users. For tests named `_posix`, or `_linux` where it says so.
namespace test {

/// Whether this process may mount file systems and become another user.
bool is_root();

/// Lets this process act as another user, for as long as it lives.
class other_user {
public:
    explicit other_user(const std::string& name);
    ~other_user();
    other_user(const other_user&) = delete;
    other_user& operator=(const other_user&) = delete;
};

unsigned user_id(const std::string& name);

/// This process belongs from now on to a user who has no entry in passwd, as in a container.
void become_nobody_known();

/// Linux. A file system of its own, in memory, at a folder that is created for it.
class small_disk {
public:
    /// `files`: how many it can hold, folders among them; 0: any number.
    small_disk(std::filesystem::path directory, std::size_t bytes, std::size_t files = 0);
    ~small_disk();
    small_disk(const small_disk&) = delete;
    small_disk& operator=(const small_disk&) = delete;

    /// Leaves no byte free.
    void fill();
    void make_room();
    void set_read_only(bool read_only);

private:
    std::filesystem::path directory_;
};

/// Lets this process open no further file, for as long as it lives.
class no_free_descriptor {
public:
    /// false where the undefined behaviour sanitizer needs descriptors itself: it looks at objects through a pipe.
    static bool is_possible();

    no_free_descriptor();
    ~no_free_descriptor();
    no_free_descriptor(const no_free_descriptor&) = delete;
    no_free_descriptor& operator=(const no_free_descriptor&) = delete;

private:
    std::size_t before_;
};

/// From now on this process may not write to files past so many bytes; it is killed by SIGXFSZ if it tries.
void limit_file_size(std::size_t bytes);

/// Linux. From now on, and in all children, `flock` fails as it does on a file system without locks.
void lose_locks();

/// Empty, or why a child that is forked beside threads may wait for ever here, with us or without.
#ifdef __SANITIZE_ADDRESS__
inline constexpr std::string_view no_fork_beside_threads =
    "a thread may hold a lock of AddressSanitizer's allocator at a fork, and the child then waits for it";
#else
inline constexpr std::string_view no_fork_beside_threads;
#endif

/// A copy of this process that runs `work` and ends, without the end of the program: as `_exit` ends it. Killed, if it
/// still runs, when this goes.
class forked_process {
public:
    explicit forked_process(const std::function<void()>& work);
    ~forked_process();
    forked_process(forked_process&& other) noexcept;
    forked_process& operator=(forked_process&&) = delete;

    int id() const { return id_; }

    /// Waits for its end: 0 after `work`, 1 if it threw, 128 and the signal's number if a signal ended it.
    int wait();
    void kill();

private:
    int id_;
    std::optional<int> status_;
};

/// What a file is to the system.
unsigned mode_of(const std::filesystem::path& path);
void make_fifo(const std::filesystem::path& path);

/// Sets the mask of this process, for as long as it lives.
class scoped_umask {
public:
    explicit scoped_umask(unsigned mask);
    ~scoped_umask();
    scoped_umask(const scoped_umask&) = delete;
    scoped_umask& operator=(const scoped_umask&) = delete;

private:
    unsigned before_;
};

}  // namespace test
