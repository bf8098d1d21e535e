#include "platform/file.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <thread>
#include <type_traits>

#include "platform/windows/handle.hpp"
// after windows.h
#include <fcntl.h>
#include <io.h>

namespace chainner::platform {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// Folders

// The temporary folder is each user's own here, so that no folder of another user can stand in it.

void make_directories(const fs::path& directory, sharing) {
    std::error_code error;
    fs::create_directories(directory, error);
    std::error_code ignored;
    if (fs::is_directory(directory, ignored)) return;
    throw fs::filesystem_error("cannot create the log folder", directory, error);
}

std::error_code check_usable(const fs::path& directory, sharing) {
    fs::path existing = directory;
    std::error_code ignored;
    while (fs::symlink_status(existing, ignored).type() == fs::file_type::not_found && existing.has_relative_path()) {
        existing = existing.parent_path();
    }
    if (!fs::is_directory(existing, ignored)) return std::make_error_code(std::errc::not_a_directory);
    // Another logger that has locked the folder keeps it no longer than a moment.
    if (open_existing(existing, FILE_ADD_FILE | FILE_ADD_SUBDIRECTORY) || last_error() == no_room()) return {};
    return last_error();
}

// Open files

namespace {

HANDLE handle_of(file_number number) noexcept {
    return reinterpret_cast<HANDLE>(number);  // NOLINT(performance-no-int-to-ptr)
}

file adopt_handle(owned_handle handle) noexcept { return file(reinterpret_cast<file_number>(handle.release())); }

}  // namespace

file::file(file&& other) noexcept : number_(std::exchange(other.number_, no_file)) {}

file& file::operator=(file&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
}

file::~file() {
    if (number_ != no_file) CloseHandle(handle_of(number_));
}

namespace {

/// A lock on a byte keeps others from reading that byte, so it is one that no file ever reaches.
bool is_locked_by_another(HANDLE file) noexcept {
    OVERLAPPED place{};
    place.Offset = MAXDWORD - 1;
    place.OffsetHigh = MAXLONG;
    // Any other failure than this one means a file system without locks, which must not stop the logger.
    return LockFileEx(file, LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &place) == 0 &&
           GetLastError() == ERROR_LOCK_VIOLATION;
}

}  // namespace

void make_unwritable(file_number) noexcept {}  // no fork exists here

file open_log_file(const fs::path& path, open_mode mode) {
    const auto fail = [&path](std::error_code error, const char* what = "cannot open the log file") {
        throw fs::filesystem_error(what, path, error);
    };
    const DWORD how = mode == open_mode::existing     ? OPEN_EXISTING
                      : mode == open_mode::create_new ? CREATE_NEW
                                                      : OPEN_ALWAYS;
    while (true) {
        owned_handle handle = open_handle(path, FILE_APPEND_DATA | FILE_READ_DATA | FILE_READ_ATTRIBUTES | SYNCHRONIZE,
                                          share_all, how, FILE_ATTRIBUTE_NORMAL);
        if (!handle) fail(last_error());
        BY_HANDLE_FILE_INFORMATION opened{};
        if (GetFileInformationByHandle(handle.get(), &opened) == 0) fail(last_error());
        const auto not_permitted = std::make_error_code(std::errc::operation_not_permitted);
        if ((opened.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0)
            fail(not_permitted, "the log file is a link");
        // A second name of a file is how another user could make us write into it where links are refused.
        if (opened.nNumberOfLinks > 1) fail(not_permitted, "the log file has a second name (a hard link)");
        if (is_locked_by_another(handle.get())) fail(no_room());
        file result = adopt_handle(std::move(handle));
        // Who held the lock until now may have rotated the file away since it was opened.
        if (state_of(result, path).placement == placement::in_place) return result;
        if (mode == open_mode::create_new) fail(no_room());
    }
}

std::error_code let_group_read(const file&) noexcept { return {}; }

int to_descriptor(file file) {
    const reserved_standard_streams reserved;
    return _open_osfhandle(file.release(), _O_APPEND | _O_BINARY | _O_NOINHERIT);
}

directory_lock::directory_lock(const fs::path& directory) {
    // Nobody but a logger asks for this kind of access to a folder, and files in it are opened without. It takes others
    // milliseconds, and on a busy machine their turn to run. If they were stopped meanwhile, that must not stop this
    // process as well.
    for (int tries = 250; tries > 0; --tries) {
        owned_handle folder = open_existing(directory, FILE_ADD_FILE, FILE_SHARE_READ | FILE_SHARE_DELETE);
        if (folder) folder_ = adopt_handle(std::move(folder));
        if (folder_ || last_error() != no_room()) break;
        std::this_thread::sleep_for(1ms);
    }
}

directory_lock::~directory_lock() = default;

void remove_open_file(const fs::path& path) {
    // A file that is open keeps its name, before Windows 10 and on other disks than NTFS, until it is closed.
    fs::path unused = path;
    unused += ".removed";
    fs::rename(path, unused);
    fs::remove(unused);
}

// Numbers of the C runtime, which `to_descriptor` and spdlog ask for one. It gives the lowest that is free.
reserved_standard_streams::reserved_standard_streams() noexcept {
    int number = -1;
    while ((number = _open("NUL", _O_RDWR | _O_NOINHERIT)) >= 0 && number <= 2) opened_ |= 1 << number;
    if (number > 2) _close(number);
}

reserved_standard_streams::~reserved_standard_streams() {
    for (int number = 0; number <= 2; ++number) {
        if ((opened_ & 1 << number) != 0) _close(number);
    }
}

namespace {

template <typename Name>
Name name_for_spdlog(const fs::path& path) {
    if constexpr (std::is_same_v<Name, std::wstring>) {
        return path.native();
    } else {
        Name name;
        const auto fits = [&name](const std::wstring& wide) {
            name = narrow(wide, CP_ACP);
            return widen(name, CP_ACP) == wide;
        };
        if (fits(path.native())) return name;
        // Most disks give each folder a second name, of eight letters that every code page has.
        const std::wstring directory = path.parent_path().native();
        std::wstring other(GetShortPathNameW(directory.c_str(), nullptr, 0), L'\0');
        other.resize(GetShortPathNameW(directory.c_str(), other.data(), static_cast<DWORD>(other.size())));
        if (!other.empty() && fits((other / path.filename()).native())) return name;
        throw fs::filesystem_error(
            "the log folder's name has letters that this system's code page lacks; choose another folder, or build "
            "spdlog with SPDLOG_WCHAR_FILENAMES",
            path, std::make_error_code(std::errc::illegal_byte_sequence));
    }
}

}  // namespace

spdlog::filename_t spdlog_filename(const fs::path& path) { return name_for_spdlog<spdlog::filename_t>(path); }

std::size_t write(file_number number, std::string_view text, std::error_code& error) noexcept {
    constexpr std::size_t most_at_once = 1 << 30;
    std::size_t written = 0;
    error.clear();
    while (written < text.size()) {
        const auto size = static_cast<DWORD>(std::min(text.size() - written, most_at_once));
        DWORD count = 0;
        if (WriteFile(handle_of(number), text.data() + written, size, &count, nullptr) == 0) {
            error = last_error();
            break;
        }
        written += count;
    }
    return written;
}

std::uintmax_t file_size_limit() noexcept { return std::numeric_limits<std::uintmax_t>::max(); }

namespace {

std::uintmax_t size_of(HANDLE handle) noexcept {
    LARGE_INTEGER size{};
    return GetFileSizeEx(handle, &size) != 0 ? static_cast<std::uintmax_t>(size.QuadPart) : 0;
}

}  // namespace

std::size_t read_end(file_number number, char* to, std::size_t size) noexcept {
    const HANDLE handle = handle_of(number);
    const std::uintmax_t whole = size_of(handle);
    size = static_cast<std::size_t>(std::min<std::uintmax_t>(size, whole));
    OVERLAPPED place{};
    place.Offset = static_cast<DWORD>(whole - size);
    place.OffsetHigh = static_cast<DWORD>((whole - size) >> 32);
    DWORD count = 0;
    return ReadFile(handle, to, static_cast<DWORD>(size), &count, &place) != 0 ? count : 0;
}

file_state state_of(const file& file, const fs::path& path) noexcept {
    const HANDLE handle = handle_of(file.number());
    const std::uintmax_t size = size_of(handle);
    FILE_STANDARD_INFO state{};
    BY_HANDLE_FILE_INFORMATION opened{};
    if (GetFileInformationByHandleEx(handle, FileStandardInfo, &state, sizeof state) == 0 ||
        GetFileInformationByHandle(handle, &opened) == 0 || state.DeletePending != 0 || state.NumberOfLinks == 0) {
        return {placement::removed, size};
    }
    BY_HANDLE_FILE_INFORMATION named{};
    const owned_handle other = open_existing(path, FILE_READ_ATTRIBUTES);
    // So says CreateFile() of a file that goes as soon as it is closed.
    if (!other && GetLastError() == ERROR_ACCESS_DENIED) return {placement::removed, size};
    const bool is_same = other && GetFileInformationByHandle(other.get(), &named) != 0 &&
                         opened.dwVolumeSerialNumber == named.dwVolumeSerialNumber &&
                         opened.nFileIndexHigh == named.nFileIndexHigh && opened.nFileIndexLow == named.nFileIndexLow;
    return {is_same ? placement::in_place : placement::moved, size};
}

}  // namespace chainner::platform
