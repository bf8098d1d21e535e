#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

/// Log files, as the system has them.
namespace chainner::platform {

/// A descriptor; on Windows a handle.
using file_number = std::intptr_t;
inline constexpr file_number no_file = -1;

/// How the system knows an open file, whatever its name.
struct file_identity {
    std::uint64_t device = 0;
    std::uint64_t index = 0;

    bool operator==(const file_identity& other) const noexcept {
        return device == other.device && index == other.index;
    }
};

/// An open file, and what it is known by.
struct known_file {
    file_number number = no_file;
    file_identity identity;
};

/// Of the file that the number stands for; nothing if it stands for none, or for one that was removed. May be called in
/// a signal handler. Windows, where no handle gets another file by mistake, answers for each number.
std::optional<file_identity> identity_of(file_number number) noexcept;

/// Whether the number still stands for the file: a program that has closed all may have opened one of its own there.
/// Windows, as above, answers so for each.
bool is_in_place(known_file file) noexcept;

/// An open file. Closes it, unless the program has closed it: the number may then stand for a file of the program's.
class file {
public:
    file() = default;
    explicit file(file_number number, file_identity identity = {}) noexcept : known_{number, identity} {}
    file(file&& other) noexcept : known_(std::exchange(other.known_, known_file())) {}
    file& operator=(file&& other) noexcept {
        std::swap(known_, other.known_);
        return *this;
    }
    ~file();

    explicit operator bool() const noexcept { return number() != no_file; }
    file_number number() const noexcept { return known_.number; }
    file_number release() noexcept { return std::exchange(known_.number, no_file); }
    known_file known() const noexcept { return known_; }

private:
    known_file known_;
};

inline bool is_in_place(const file& file) noexcept { return is_in_place(file.known()); }

/// A file that somebody else opens and closes. May be asked at any moment, also in a signal handler.
class remembered_file {
public:
    void remember(file_number number) noexcept {
        remember(known_file{number, identity_of(number).value_or(file_identity{})});
    }
    void remember(known_file file) noexcept {
        const std::size_t other = 1 - latest_;  // the one before is answered until this one is whole
        entries_[other].number = no_file;
        entries_[other].device = file.identity.device;
        entries_[other].index = file.identity.index;
        entries_[other].number = file.number;
        latest_ = other;
    }

    file_number number() const noexcept { return entries_[latest_].number.load(std::memory_order_relaxed); }
    known_file latest() const noexcept {
        const entry& latest = entries_[latest_];
        return {latest.number, {latest.device, latest.index}};
    }

    /// `no_file` if the number stands for another file by now, or the file was removed.
    file_number verified_number() const noexcept {
        const auto [number, identity] = latest();
        return number != no_file && identity_of(number) == identity ? number : no_file;
    }

private:
    struct entry {
        std::atomic<file_number> number{no_file};
        std::atomic<std::uint64_t> device{0};
        std::atomic<std::uint64_t> index{0};
    };

    std::array<entry, 2> entries_;
    std::atomic<std::size_t> latest_{0};
};

/// From now on whoever writes to it fails, also by a call that has begun: in a child by `fork`, which leaves the file
/// to its parent.
void make_unwritable(file_number number) noexcept;

/// `create_or_share` is for a file that a child by `fork` goes on with: its lock lets others open it in this mode too.
/// Windows has no `fork`, and the lock is as for the others.
enum class open_mode { create_or_append, create_new, existing, create_or_share };

struct opened_file {
    file opened;
    std::uintmax_t size = 0;     // bytes
    std::error_code lock_error;  // why it has no lock, if its file system knows none
};

/// Opens a log file for appending and locks it until it is closed, however this process ends. The file is private to
/// this user, is not inherited by other programs, and is never reached through a link. One that is there already must
/// belong to this user, and loses the right of others to write to it. Its descriptor lies far above those that a
/// program is given. Throws `std::filesystem::filesystem_error`: with `std::errc::resource_unavailable_try_again` if
/// another process has locked it.
opened_file open_log_file(const std::filesystem::path& path, open_mode mode);

/// Adds to the rights of the file's group that of reading it. Does nothing on Windows, where the folder decides.
std::error_code let_group_read(const file& file) noexcept;

/// Locks a file that was opened by `create_or_share`, so that nobody else can open it. false: another process has it
/// open, or `path` leads to it no longer. The number stays, and has no lock then. May be called in a signal handler.
bool claim_file(file_number number, const std::filesystem::path& path) noexcept;

/// Gives the file to the C library, as a descriptor that it closes.
int to_descriptor(file file);

/// Takes the place of a file that is there. `std::errc::no_such_file_or_directory`: there was nothing to rename. What
/// keeps a file from being renamed for a moment only, as a virus scanner does on Windows, is waited for, up to 200 ms.
std::error_code rename_file(const std::filesystem::path& from, const std::filesystem::path& to) noexcept;

/// Its name is free at once, also while the file is open. Throws `std::filesystem::filesystem_error`.
void remove_open_file(const std::filesystem::path& path);

/// One system call, which may not take all. Returns how much was written; without an error it is something.
std::size_t write_some(file_number number, std::string_view text, std::error_code& error) noexcept;

/// Bytes; 0 if the system does not tell.
std::uintmax_t size_of(file_number number) noexcept;

/// Returns how much was read.
std::size_t read_at(std::uintmax_t place, file_number number, char* to, std::size_t size) noexcept;

/// Bytes: the size up to which this process may write to files.
std::uintmax_t file_size_limit() noexcept;

/// Whether so many bytes can be added to it: to write them would raise a signal at the limit that this process has for
/// files.
inline bool has_room(file_number number, std::size_t bytes) noexcept {
    return size_of(number) + bytes <= file_size_limit();
}

/// One system call where the system takes all at once. Returns how much was written; `error` tells why it is not all:
/// `std::errc::file_too_large` at the limit that this process has for files, without the signal that the next call
/// would raise.
inline std::size_t write(file_number number, std::string_view text, std::error_code& error) noexcept {
    error.clear();
    std::size_t written = 0;
    while (!error && written < text.size()) {
        if (written > 0 && !has_room(number, 1)) {
            error = std::make_error_code(std::errc::file_too_large);
        } else {
            written += write_some(number, text.substr(written), error);
        }
    }
    return written;
}

/// Reads up to `size` of its last bytes. Returns how many.
inline std::size_t read_end(file_number number, char* to, std::size_t size) noexcept {
    const std::uintmax_t whole = size_of(number);
    const auto most = static_cast<std::size_t>(std::min<std::uintmax_t>(size, whole));
    return read_at(whole - most, number, to, most);
}

/// false if the file has content that does not end in a line feed.
inline bool ends_in_line_feed(file_number number) noexcept {
    char last = '\n';
    read_end(number, &last, 1);
    return last == '\n';
}

enum class placement { in_place, moved, removed, closed, unknown };

struct file_state {
    platform::placement placement;
    std::uintmax_t size;  // bytes
};

/// Whether `path` still leads to the open file; `closed`: the program has closed it; `unknown`: the system does not
/// say.
file_state state_of(known_file file, const std::filesystem::path& path) noexcept;

}  // namespace chainner::platform
