#include "platform/file.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <thread>

#include "platform/windows/handle.hpp"
// after windows.h
#include <fcntl.h>
#include <io.h>

namespace chainner::platform {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

file::~file() {
    if (*this) CloseHandle(handle_of(number()));
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

std::optional<file_identity> identity_of(file_number) noexcept { return file_identity{}; }

bool is_in_place(known_file) noexcept { return true; }

void make_unwritable(file_number) noexcept {}  // no fork exists here

opened_file open_log_file(const fs::path& path, open_mode mode) {
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
        const file_state state = state_of(result.known(), path);
        if (state.placement == placement::in_place) return {std::move(result), state.size, {}};
        if (mode == open_mode::create_new) fail(no_room());
    }
}

std::error_code let_group_read(const file&) noexcept { return {}; }

bool claim_file(file_number, const fs::path&) noexcept { return true; }  // it has been since it was opened

int to_descriptor(file file) {
    int number = _open_osfhandle(file.release(), _O_APPEND | _O_BINARY | _O_NOINHERIT);
    // The C runtime gives the lowest number that is free, which may be that of a closed stream.
    std::array<int, 3> streams{};
    std::size_t count = 0;
    for (; number >= 0 && number <= 2; number = _dup(number)) streams.at(count++) = number;
    while (count > 0) _close(streams.at(--count));
    return number;
}

std::error_code rename_file(const fs::path& from, const fs::path& to) noexcept {
    for (int tries = 20;; --tries) {
        if (MoveFileExW(from.c_str(), to.c_str(), MOVEFILE_REPLACE_EXISTING) != 0) return {};
        const std::error_code error = last_error();
        const bool may_pass = error == no_room() || error == std::errc::permission_denied;
        if (!may_pass || tries == 1) return error;
        std::this_thread::sleep_for(10ms);
    }
}

void remove_open_file(const fs::path& path) {
    // A file that is open keeps its name, before Windows 10 and on other disks than NTFS, until it is closed.
    fs::path unused = path;
    unused += ".removed";
    fs::rename(path, unused);
    fs::remove(unused);
}

std::size_t write_some(file_number number, std::string_view text, std::error_code& error) noexcept {
    constexpr std::size_t most_at_once = 1 << 30;
    const auto size = static_cast<DWORD>(std::min(text.size(), most_at_once));
    DWORD count = 0;
    if (WriteFile(handle_of(number), text.data(), size, &count, nullptr) == 0) error = last_error();
    return count;
}

std::uintmax_t file_size_limit() noexcept { return std::numeric_limits<std::uintmax_t>::max(); }

std::uintmax_t size_of(file_number number) noexcept {
    LARGE_INTEGER size{};
    return GetFileSizeEx(handle_of(number), &size) != 0 ? static_cast<std::uintmax_t>(size.QuadPart) : 0;
}

std::size_t read_at(std::uintmax_t place, file_number number, char* to, std::size_t size) noexcept {
    OVERLAPPED from{};
    from.Offset = static_cast<DWORD>(place);
    from.OffsetHigh = static_cast<DWORD>(place >> 32);
    DWORD count = 0;
    return ReadFile(handle_of(number), to, static_cast<DWORD>(size), &count, &from) != 0 ? count : 0;
}

file_state state_of(known_file file, const fs::path& path) noexcept {
    const HANDLE handle = handle_of(file.number);
    const std::uintmax_t size = size_of(file.number);
    FILE_STANDARD_INFO state{};
    BY_HANDLE_FILE_INFORMATION opened{};
    if (GetFileInformationByHandleEx(handle, FileStandardInfo, &state, sizeof state) == 0 ||
        GetFileInformationByHandle(handle, &opened) == 0 || state.DeletePending != 0 || state.NumberOfLinks == 0) {
        return {placement::removed, size};
    }
    BY_HANDLE_FILE_INFORMATION named{};
    const owned_handle other = open_existing(path, FILE_READ_ATTRIBUTES);
    const DWORD error = other ? ERROR_SUCCESS : GetLastError();
    // So says CreateFile() of a file that goes as soon as it is closed.
    if (error == ERROR_ACCESS_DENIED) return {placement::removed, size};
    if (!other && error != ERROR_FILE_NOT_FOUND && error != ERROR_PATH_NOT_FOUND) return {placement::unknown, size};
    const bool is_same = other && GetFileInformationByHandle(other.get(), &named) != 0 &&
                         opened.dwVolumeSerialNumber == named.dwVolumeSerialNumber &&
                         opened.nFileIndexHigh == named.nFileIndexHigh && opened.nFileIndexLow == named.nFileIndexLow;
    return {is_same ? placement::in_place : placement::moved, size};
}

}  // namespace chainner::platform
