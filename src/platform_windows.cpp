#define NOMINMAX
#include <windows.h>
// after windows.h, which they need
#include <fcntl.h>
#include <io.h>
#include <shlobj.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>
#include <type_traits>

#include "platform.hpp"

namespace chainner::platform {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

std::error_code no_room() noexcept { return std::make_error_code(std::errc::resource_unavailable_try_again); }

/// Standard libraries do not agree what a file that another process holds means to the callers of POSIX.
std::error_code last_error() noexcept {
    const DWORD error = GetLastError();
    if (error == ERROR_SHARING_VIOLATION || error == ERROR_LOCK_VIOLATION) return no_room();
    return {static_cast<int>(error), std::system_category()};
}

struct handle_closer {
    void operator()(HANDLE handle) const noexcept { CloseHandle(handle); }
};
using owned_handle = std::unique_ptr<void, handle_closer>;

constexpr DWORD share_all = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

/// Empty if it cannot be opened. A link is opened itself, not what it leads to. Children do not inherit it.
owned_handle open_handle(const fs::path& path, DWORD access, DWORD share, DWORD how, DWORD flags) noexcept {
    const HANDLE handle =
        CreateFileW(path.c_str(), access, share, nullptr, how, flags | FILE_FLAG_OPEN_REPARSE_POINT, nullptr);
    return owned_handle(handle == INVALID_HANDLE_VALUE ? nullptr : handle);
}

/// Folders too.
owned_handle open_existing(const fs::path& path, DWORD access, DWORD share = share_all) noexcept {
    return open_handle(path, access, share, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS);
}

HANDLE handle_of(int file) noexcept {
    return reinterpret_cast<HANDLE>(_get_osfhandle(file));  // NOLINT(performance-no-int-to-ptr)
}

std::string narrow(std::wstring_view text, UINT code_page) {
    const auto convert = [&](char* result, int size) {
        return WideCharToMultiByte(code_page, 0, text.data(), static_cast<int>(text.size()), result, size, nullptr,
                                   nullptr);
    };
    std::string result(static_cast<std::size_t>(convert(nullptr, 0)), '\0');
    convert(result.data(), static_cast<int>(result.size()));
    return result;
}

std::wstring widen(std::string_view text, UINT code_page) {
    const auto convert = [&](wchar_t* result, int size) {
        return MultiByteToWideChar(code_page, 0, text.data(), static_cast<int>(text.size()), result, size);
    };
    std::wstring result(static_cast<std::size_t>(convert(nullptr, 0)), L'\0');
    convert(result.data(), static_cast<int>(result.size()));
    return result;
}

}  // namespace

operating_system current_system() noexcept { return operating_system::windows; }

std::string system_name() {
    // GetVersionEx() tells a program that has no manifest about Windows 10 that this is Windows 8.
    using get_version = LONG(WINAPI*)(OSVERSIONINFOW*);
    void* const found = reinterpret_cast<void*>(GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "RtlGetVersion"));
    OSVERSIONINFOW version{};
    version.dwOSVersionInfoSize = sizeof version;
    reinterpret_cast<get_version>(found)(&version);
    SYSTEM_INFO system{};
    GetNativeSystemInfo(&system);
    const bool is_arm = system.wProcessorArchitecture == PROCESSOR_ARCHITECTURE_ARM64;
    const bool is_intel = system.wProcessorArchitecture == PROCESSOR_ARCHITECTURE_AMD64;
    return "Windows " + std::to_string(version.dwMajorVersion) + '.' + std::to_string(version.dwMinorVersion) + '.' +
           std::to_string(version.dwBuildNumber) +
           (is_intel ? " x86_64"
            : is_arm ? " arm64"
                     : "");
}

// The process

int process_id() noexcept { return static_cast<int>(GetCurrentProcessId()); }

std::chrono::system_clock::time_point process_start() {
    using namespace std::chrono;
    using intervals = duration<std::int64_t, std::ratio<1, 10'000'000>>;
    constexpr intervals from_1601_to_1970{116'444'736'000'000'000};
    FILETIME start{};
    FILETIME unused{};
    GetProcessTimes(GetCurrentProcess(), &start, &unused, &unused, &unused);
    const intervals since_1601{static_cast<std::int64_t>(start.dwHighDateTime) << 32 | start.dwLowDateTime};
    return system_clock::time_point(duration_cast<system_clock::duration>(since_1601 - from_1601_to_1970));
}

void at_fork(void (*)(), void (*)(), void (*)()) {}

namespace {

/// Empty if the variable is unset.
std::wstring wide_variable(const char* name) {
    const std::wstring wide_name(name, name + std::strlen(name));
    std::wstring value(GetEnvironmentVariableW(wide_name.c_str(), nullptr, 0), L'\0');
    value.resize(GetEnvironmentVariableW(wide_name.c_str(), value.data(), static_cast<DWORD>(value.size())));
    return value;
}

}  // namespace

std::optional<std::string> variable(const char* name) {
    const std::wstring value = wide_variable(name);
    return value.empty() ? std::nullopt : std::optional(narrow(value, CP_UTF8));
}

fs::path path_variable(const char* name) { return wide_variable(name); }

fs::path executable_directory() {
    std::wstring name(MAX_PATH, L'\0');
    while (true) {
        const DWORD length = GetModuleFileNameW(nullptr, name.data(), static_cast<DWORD>(name.size()));
        if (length < name.size()) return fs::path(name.substr(0, length)).parent_path();
        name.resize(2 * name.size());
    }
}

fs::path home_directory() { return path_variable("USERPROFILE"); }

fs::path application_data_directory() {
    if (fs::path directory = path_variable("APPDATA"); !directory.empty()) return directory;
    wchar_t* name = nullptr;
    const HRESULT result = SHGetKnownFolderPath(FOLDERID_RoamingAppData, 0, nullptr, &name);
    const std::unique_ptr<wchar_t, decltype(&CoTaskMemFree)> owner(name, CoTaskMemFree);
    return SUCCEEDED(result) ? fs::path(name) : fs::path();
}

std::string user_id() { return {}; }

std::string to_utf8(const fs::path& path) { return narrow(path.native(), CP_UTF8); }

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

// Log files

descriptor::~descriptor() {
    if (number_ >= 0) _close(number_);
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

/// Throws `std::filesystem::filesystem_error`.
descriptor as_descriptor(owned_handle handle, const fs::path& path) {
    descriptor file(
        _open_osfhandle(reinterpret_cast<std::intptr_t>(handle.get()), _O_APPEND | _O_BINARY | _O_NOINHERIT));
    if (!file) {
        throw fs::filesystem_error("cannot open", path, std::make_error_code(std::errc::too_many_files_open));
    }
    (void)handle.release();
    return file;
}

}  // namespace

descriptor open_log_file(const fs::path& path, open_mode mode) {
    const auto fail = [&path](std::error_code error) {
        throw fs::filesystem_error("cannot open the log file", path, error);
    };
    const DWORD how = mode == open_mode::create_new ? CREATE_NEW : OPEN_ALWAYS;
    while (true) {
        owned_handle handle = open_handle(path, FILE_APPEND_DATA | FILE_READ_DATA | FILE_READ_ATTRIBUTES | SYNCHRONIZE,
                                          share_all, how, FILE_ATTRIBUTE_NORMAL);
        if (!handle) fail(last_error());
        BY_HANDLE_FILE_INFORMATION opened{};
        if (GetFileInformationByHandle(handle.get(), &opened) == 0) fail(last_error());
        // A second name of a file is how another user could make us write into it where links are refused.
        if ((opened.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0 || opened.nNumberOfLinks > 1) {
            fail(std::make_error_code(std::errc::operation_not_permitted));
        }
        if (is_locked_by_another(handle.get())) fail(no_room());
        descriptor file = as_descriptor(std::move(handle), path);
        // Who held the lock until now may have rotated the file away since it was opened.
        if (placement_of(file.number(), path) == placement::in_place) return file;
        if (mode == open_mode::create_new) fail(no_room());
    }
}

descriptor lock_directory(const fs::path& directory) {
    // Nobody but a logger asks for this kind of access to a folder, and files in it are opened without. It takes others
    // milliseconds, if they were not stopped meanwhile: that must not stop this process.
    for (int tries = 100; tries > 0; --tries) {
        owned_handle folder = open_existing(directory, FILE_ADD_FILE, FILE_SHARE_READ | FILE_SHARE_DELETE);
        if (folder) return as_descriptor(std::move(folder), directory);
        if (last_error() != no_room()) break;
        std::this_thread::sleep_for(1ms);
    }
    return {};
}

void remove_open_file(const fs::path& path) {
    // A file that is open keeps its name, before Windows 10 and on other disks than NTFS, until it is closed.
    fs::path unused = path;
    unused += ".removed";
    fs::rename(path, unused);
    fs::remove(unused);
}

int redirect(std::FILE* stream, const descriptor& file) {
    const int number = _fileno(stream);
    if (_dup2(file.number(), number) != 0) {
        throw std::system_error(errno, std::generic_category(), "cannot redirect the log file's stream");
    }
    SetHandleInformation(handle_of(number), HANDLE_FLAG_INHERIT, 0);
    return number;
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

std::size_t write(int file, std::string_view text, std::error_code& error) noexcept {
    constexpr std::size_t most_at_once = 1 << 30;
    std::size_t written = 0;
    error.clear();
    while (written < text.size()) {
        const auto size = static_cast<DWORD>(std::min(text.size() - written, most_at_once));
        DWORD count = 0;
        if (WriteFile(handle_of(file), text.data() + written, size, &count, nullptr) == 0) {
            error = last_error();
            break;
        }
        written += count;
    }
    return written;
}

std::uintmax_t file_size(int file) noexcept {
    LARGE_INTEGER size{};
    return GetFileSizeEx(handle_of(file), &size) != 0 ? static_cast<std::uintmax_t>(size.QuadPart) : 0;
}

std::size_t read_end(int file, char* to, std::size_t size) noexcept {
    const std::uintmax_t whole = file_size(file);
    size = static_cast<std::size_t>(std::min<std::uintmax_t>(size, whole));
    OVERLAPPED place{};
    place.Offset = static_cast<DWORD>(whole - size);
    place.OffsetHigh = static_cast<DWORD>((whole - size) >> 32);
    DWORD count = 0;
    return ReadFile(handle_of(file), to, static_cast<DWORD>(size), &count, &place) != 0 ? count : 0;
}

bool ends_in_line_feed(int file) noexcept {
    char last = '\n';
    read_end(file, &last, 1);
    return last == '\n';
}

placement placement_of(int file, const fs::path& path) noexcept {
    FILE_STANDARD_INFO state{};
    BY_HANDLE_FILE_INFORMATION opened{};
    if (GetFileInformationByHandleEx(handle_of(file), FileStandardInfo, &state, sizeof state) == 0 ||
        GetFileInformationByHandle(handle_of(file), &opened) == 0 || state.DeletePending != 0 ||
        state.NumberOfLinks == 0) {
        return placement::removed;
    }
    BY_HANDLE_FILE_INFORMATION named{};
    const owned_handle other = open_existing(path, FILE_READ_ATTRIBUTES);
    // So says CreateFile() of a file that goes as soon as it is closed.
    if (!other && GetLastError() == ERROR_ACCESS_DENIED) return placement::removed;
    const bool is_same = other && GetFileInformationByHandle(other.get(), &named) != 0 &&
                         opened.dwVolumeSerialNumber == named.dwVolumeSerialNumber &&
                         opened.nFileIndexHigh == named.nFileIndexHigh && opened.nFileIndexLow == named.nFileIndexLow;
    return is_same ? placement::in_place : placement::moved;
}

// The console

namespace {

enum class stream_kind { unknown, terminal, pipe, other };

/// Writes to stderr, and asks what it is, in a thread of its own.
///
/// Windows can make a thread wait there without end, and knows no way to ask before: while nobody reads the pipe, while
/// the user has text selected in the console, or while another thread waits there (even for GetFileType). So others
/// wait for this thread, and only so long.
class console_thread {
public:
    console_thread() = default;
    console_thread(const console_thread&) = delete;
    console_thread& operator=(const console_thread&) = delete;

    bool wait_until_idle(std::chrono::milliseconds longest) const noexcept {
        return WaitForSingleObject(idle_.get(), static_cast<DWORD>(longest.count())) == WAIT_OBJECT_0;
    }

    // To be called while it is idle.

    /// Returns how much of `text` it takes upon itself. Closes `stream`.
    std::size_t start(owned_handle stream, std::string_view text) noexcept {
        stream_ = std::move(stream);
        text_size_ = std::min(text.size(), text_.size());
        // Between two letters of UTF-8, as the console does not put halves of letters together.
        while (text_size_ < text.size() && text_size_ > text_.size() - 4 && (text[text_size_] & 0xc0) == 0x80)
            --text_size_;
        std::copy_n(text.begin(), text_size_, text_.begin());
        ResetEvent(idle_.get());
        SetEvent(work_.get());
        return text_size_;
    }
    std::error_code error() const noexcept { return error_; }

    // To be called at any time.

    stream_kind kind() const noexcept { return kind_; }

    /// Serves until `end`.
    void run() noexcept {
        while (WaitForSingleObject(work_.get(), INFINITE) == WAIT_OBJECT_0 && !is_ended_) {
            const std::string_view text(text_.data(), text_size_);
            if (text.empty()) {
                kind_ = kind_of(stream_.get());
            } else {
                error_ = write(text);
            }
            stream_.reset();
            SetEvent(idle_.get());
        }
    }

    void end() noexcept {
        is_ended_ = true;
        SetEvent(work_.get());
    }

private:
    static stream_kind kind_of(HANDLE stream) noexcept {
        if (shows_colours(stream) || is_msys_terminal(stream)) return stream_kind::terminal;
        return GetFileType(stream) == FILE_TYPE_PIPE ? stream_kind::pipe : stream_kind::other;
    }

    /// Colours stay on once they are: to take them back would take them from the other programs that write here. Shells
    /// set the console up anew after each program.
    static bool shows_colours(HANDLE console) noexcept {
        constexpr DWORD needed = ENABLE_PROCESSED_OUTPUT | ENABLE_VIRTUAL_TERMINAL_PROCESSING;
        DWORD mode = 0;
        return GetConsoleMode(console, &mode) != 0 &&
               ((mode & needed) == needed || SetConsoleMode(console, mode | needed) != 0);
    }

    /// The terminals of MSYS and Cygwin are pipes with a name that tells.
    static bool is_msys_terminal(HANDLE pipe) noexcept {
        if (GetFileType(pipe) != FILE_TYPE_PIPE) return false;
        struct {
            FILE_NAME_INFO info;
            std::array<wchar_t, MAX_PATH> rest;
        } name{};
        if (GetFileInformationByHandleEx(pipe, FileNameInfo, &name, sizeof name) == 0) return false;
        const std::wstring_view text(name.info.FileName, name.info.FileNameLength / sizeof(wchar_t));
        const bool is_theirs = text.rfind(L"\\msys-", 0) == 0 || text.rfind(L"\\cygwin-", 0) == 0;
        return is_theirs && text.find(L"-pty") != std::wstring_view::npos;
    }

    std::error_code write(std::string_view text) const noexcept {
        DWORD mode = 0;
        DWORD count = 0;
        if (GetConsoleMode(stream_.get(), &mode) == 0) {
            // The C runtime, not the handle, knows that a file is open for appending.
            OVERLAPPED end{};
            end.Offset = end.OffsetHigh = MAXDWORD;
            const bool is_file = GetFileType(stream_.get()) == FILE_TYPE_DISK;
            const bool done = WriteFile(stream_.get(), text.data(), static_cast<DWORD>(text.size()), &count,
                                        is_file ? &end : nullptr) != 0;
            return done ? std::error_code() : last_error();
        }
        if (text.find('\033') != std::string_view::npos) shows_colours(stream_.get());
        std::array<wchar_t, text_capacity> letters;
        const int size = MultiByteToWideChar(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), letters.data(),
                                             static_cast<int>(letters.size()));
        const bool done = WriteConsoleW(stream_.get(), letters.data(), static_cast<DWORD>(size), &count, nullptr) != 0;
        return done ? std::error_code() : last_error();
    }

    static constexpr std::size_t text_capacity = 4096;

    owned_handle work_{CreateEventW(nullptr, FALSE, FALSE, nullptr)};
    owned_handle idle_{CreateEventW(nullptr, TRUE, TRUE, nullptr)};
    std::atomic<bool> is_ended_{false};

    owned_handle stream_;
    std::array<char, text_capacity> text_;
    std::size_t text_size_ = 0;
    std::error_code error_;
    std::atomic<stream_kind> kind_{stream_kind::unknown};
};

/// Empty if there is none. The C runtime tells the system what `dup2` and `close` make of its stderr.
owned_handle duplicate_of_stderr() noexcept {
    const HANDLE standard_error = GetStdHandle(STD_ERROR_HANDLE);
    if (standard_error == nullptr || standard_error == INVALID_HANDLE_VALUE) return nullptr;
    HANDLE copy = nullptr;
    DuplicateHandle(GetCurrentProcess(), standard_error, GetCurrentProcess(), &copy, 0, FALSE, DUPLICATE_SAME_ACCESS);
    return owned_handle(copy);
}

// Known before main: later stderr may be a file that the program has opened.
const bool stderr_was_open = duplicate_of_stderr() != nullptr;

class windows_console final : public console {
public:
    windows_console() = default;
    windows_console(const windows_console&) = delete;
    windows_console& operator=(const windows_console&) = delete;
    ~windows_console() override {
        if (thread_) thread_->end();
    }

    /// Tells only one kind of file from another.
    bool follow() noexcept override {
        const auto before = kind();
        std::error_code error;
        start({}, error);
        if (!error) thread_->wait_until_idle(patience);
        return kind() != before;
    }

    bool is_terminal() const noexcept override { return kind() == stream_kind::terminal; }

    std::size_t write(std::string_view text, std::error_code& error) noexcept override {
        const std::size_t taken = start(text, error);
        if (!error && thread_->wait_until_idle(patience)) error = thread_->error();
        return error ? 0 : taken;
    }

    bool is_ready() const noexcept override { return !is_closed_ && thread_ && thread_->wait_until_idle(0ms); }

    std::size_t unread() const noexcept override { return 0; }

private:
    // So long a record waits to be shown, for the order with what others write to stderr.
    static constexpr auto patience = 50ms;

    stream_kind kind() const noexcept { return thread_ ? thread_->kind() : stream_kind::unknown; }

    std::size_t start(std::string_view text, std::error_code& error) noexcept try {
        if (!thread_ && !is_closed_) {
            thread_ = std::make_shared<console_thread>();
            std::thread([thread = thread_] { thread->run(); }).detach();
        }
        error = no_room();
        if (thread_ && !thread_->wait_until_idle(0ms)) return 0;
        owned_handle stream = is_closed_ ? nullptr : duplicate_of_stderr();
        is_closed_ = stream == nullptr;
        error = is_closed_ ? std::make_error_code(std::errc::bad_file_descriptor) : std::error_code();
        return is_closed_ ? 0 : thread_->start(std::move(stream), text);
    } catch (const std::exception&) {
        // Nothing can be shown without a thread.
        thread_.reset();
        error = no_room();
        return 0;
    }

    std::shared_ptr<console_thread> thread_;
    bool is_closed_ = !stderr_was_open;
};

}  // namespace

std::unique_ptr<console> make_console() { return std::make_unique<windows_console>(); }

}  // namespace chainner::platform
