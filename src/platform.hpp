#pragma once

#include <spdlog/common.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

/// The only place that knows the operating system. Each function is written once for POSIX and once for Windows.
namespace chainner::platform {

enum class operating_system { windows, macos, other_unix };

operating_system current_system() noexcept;

/// Name, version and processor: `Linux 6.1.0-18-amd64 x86_64`.
std::string system_name();

// The process

/// Asks the kernel once, and again in a child by `fork`.
int process_id() noexcept;

/// When this process began.
std::chrono::system_clock::time_point process_start();

/// Runs `prepare` before each `fork`, then `parent` and `child` in the two processes. Nothing where no `fork` exists.
void at_fork(void (*prepare)(), void (*parent)(), void (*child)());

/// UTF-8; nothing if the variable is unset or empty.
std::optional<std::string> variable(const char* name);

/// As `variable`, without loss for names that are not valid text.
std::filesystem::path path_variable(const char* name);

// Each of these is empty if the system does not tell.
std::filesystem::path executable_directory();
std::filesystem::path home_directory();
std::filesystem::path application_data_directory();  // %APPDATA%

/// The number of this user, where users have one, else empty.
std::string user_id();

/// For people to read. `path::string()` throws on Windows where the code page has no such letter.
std::string to_utf8(const std::filesystem::path& path);

// Folders

/// Whether other users can create files beside the folder `chaiNNer`, as they can in the system's temporary folder.
enum class sharing { none, parent_is_shared };

/// Creates what is missing, for this user alone. Throws `std::filesystem::filesystem_error`: also if the parent is
/// shared and `chaiNNer` or `logs` in it is a link, belongs to another user, or can be written by others.
void make_directories(const std::filesystem::path& directory, sharing sharing = sharing::none);

/// Whether files can be created and renamed in it once `make_directories` has created it. Changes nothing.
std::error_code check_usable(const std::filesystem::path& directory, sharing sharing);

// Log files

/// An open file. Closes it.
class descriptor {
public:
    descriptor() = default;
    explicit descriptor(int number) noexcept : number_(number) {}
    descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    descriptor& operator=(descriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    ~descriptor();

    explicit operator bool() const noexcept { return number_ >= 0; }
    int number() const noexcept { return number_; }
    int release() noexcept { return std::exchange(number_, -1); }

private:
    int number_ = -1;
};

enum class open_mode { create_or_append, create_new };

/// Opens a log file for appending and locks it until it is closed, however this process ends. The file is private to
/// this user, is not inherited by other programs, and is never reached through a link. Throws
/// `std::filesystem::filesystem_error`: with `std::errc::resource_unavailable_try_again` if another process has
/// locked it.
descriptor open_log_file(const std::filesystem::path& path, open_mode mode);

/// Keeps other processes from opening or renaming log files in the folder for as long as the result lives, as far as
/// its file system knows locks. Throws `std::filesystem::filesystem_error` if this process can open no further file.
descriptor lock_directory(const std::filesystem::path& directory);

/// Its name is free at once, also while the file is open. Throws `std::filesystem::filesystem_error`.
void remove_open_file(const std::filesystem::path& path);

/// Lets a stream write to `file`, whatever it was opened on. Returns the descriptor's number within the stream.
int redirect(std::FILE* stream, const descriptor& file);

/// The name by which spdlog can open the file, also where spdlog was built for narrow names.
spdlog::filename_t spdlog_filename(const std::filesystem::path& path);

/// One system call where the system takes all at once. Returns how much was written; `error` tells why it is not all.
std::size_t write(int file, std::string_view text, std::error_code& error) noexcept;

/// Bytes, as it stands on the disk.
std::uintmax_t file_size(int file) noexcept;

/// Reads up to `size` of its last bytes. Returns how many.
std::size_t read_end(int file, char* to, std::size_t size) noexcept;

/// false if the file has content that does not end in a line feed.
bool ends_in_line_feed(int file) noexcept;

enum class placement { in_place, moved, removed };

/// Whether `path` still leads to the open file.
placement placement_of(int file, const std::filesystem::path& path) noexcept;

// The console

/// stderr, written to without ever waiting and without a signal. Changes nothing that other holders of the same
/// terminal, pipe or socket could see. Off for good once stderr is closed, as it may be when the process starts.
class console {
public:
    virtual ~console() = default;

    /// To be called before each record and after a failed `write`: whether stderr is another file than it was, as
    /// `dup2` makes it. Costs nothing where `write` would fail if it were.
    virtual bool follow() noexcept = 0;

    virtual bool is_terminal() const noexcept = 0;

    /// Returns how much of `text` was taken. `error` is `std::errc::resource_unavailable_try_again` if there is no room
    /// now.
    virtual std::size_t write(std::string_view text, std::error_code& error) noexcept = 0;

    /// Whether there is a reader, and room for something.
    virtual bool is_ready() const noexcept = 0;

    /// Bytes that the reader has still to take, where the system tells, else 0.
    virtual std::size_t unread() const noexcept = 0;
};

std::unique_ptr<console> make_console();

}  // namespace chainner::platform
