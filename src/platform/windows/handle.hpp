#pragma once

#include <windows.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include "platform/console.hpp"
#include "platform/file.hpp"

namespace chainner::platform {

inline std::error_code no_room() noexcept { return std::make_error_code(std::errc::resource_unavailable_try_again); }

/// Standard libraries do not agree what a file that another process holds means to the callers of POSIX.
inline std::error_code last_error() noexcept {
    const DWORD error = GetLastError();
    if (error == ERROR_SHARING_VIOLATION || error == ERROR_LOCK_VIOLATION) return no_room();
    return {static_cast<int>(error), std::system_category()};
}

/// For a function that the import library has not, or an older Windows; null if it is missing.
template <class Function>
Function* system_function(const wchar_t* library, const char* name) noexcept {
    return reinterpret_cast<Function*>(reinterpret_cast<void*>(GetProcAddress(GetModuleHandleW(library), name)));
}

struct handle_closer {
    void operator()(HANDLE handle) const noexcept { CloseHandle(handle); }
};
using owned_handle = std::unique_ptr<void, handle_closer>;

inline bool is_valid(HANDLE handle) noexcept { return handle != nullptr && handle != INVALID_HANDLE_VALUE; }

/// Which children do not inherit. Empty if there is none.
inline owned_handle duplicate(HANDLE handle) noexcept {
    HANDLE copy = nullptr;
    if (is_valid(handle)) {
        DuplicateHandle(GetCurrentProcess(), handle, GetCurrentProcess(), &copy, 0, FALSE, DUPLICATE_SAME_ACCESS);
    }
    return owned_handle(copy);
}

inline DWORD number_of(standard_stream stream) noexcept {
    return stream == standard_stream::output ? STD_OUTPUT_HANDLE : STD_ERROR_HANDLE;
}

/// The C runtime tells the system what `dup2` and `close` make of its streams.
inline HANDLE standard_handle(standard_stream stream) noexcept { return GetStdHandle(number_of(stream)); }

/// What a console writes to while its stream is captured: what the stream was before, INVALID_HANDLE_VALUE if it was
/// closed. Else null.
inline std::atomic<HANDLE>& console_target(standard_stream stream) noexcept {
    static std::array<std::atomic<HANDLE>, 2> targets{nullptr, nullptr};
    return targets.at(static_cast<std::size_t>(stream));
}

/// Whether the process was started with it: later it may be a file that the program has opened.
bool was_open_at_start(standard_stream stream) noexcept;

inline constexpr DWORD share_all = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

/// Empty if it cannot be opened. A link is opened itself, not what it leads to. Children do not inherit it.
inline owned_handle open_handle(const std::filesystem::path& path, DWORD access, DWORD share, DWORD how,
                                DWORD flags) noexcept {
    const HANDLE handle =
        CreateFileW(path.c_str(), access, share, nullptr, how, flags | FILE_FLAG_OPEN_REPARSE_POINT, nullptr);
    return owned_handle(handle == INVALID_HANDLE_VALUE ? nullptr : handle);
}

/// Folders too.
inline owned_handle open_existing(const std::filesystem::path& path, DWORD access, DWORD share = share_all) noexcept {
    return open_handle(path, access, share, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS);
}

inline file adopt_handle(owned_handle handle) noexcept { return file(reinterpret_cast<file_number>(handle.release())); }

inline std::string narrow(std::wstring_view text, UINT code_page) {
    const auto convert = [&](char* result, int size) {
        return WideCharToMultiByte(code_page, 0, text.data(), static_cast<int>(text.size()), result, size, nullptr,
                                   nullptr);
    };
    std::string result(static_cast<std::size_t>(convert(nullptr, 0)), '\0');
    convert(result.data(), static_cast<int>(result.size()));
    return result;
}

inline std::wstring widen(std::string_view text, UINT code_page) {
    const auto convert = [&](wchar_t* result, int size) {
        return MultiByteToWideChar(code_page, 0, text.data(), static_cast<int>(text.size()), result, size);
    };
    std::wstring result(static_cast<std::size_t>(convert(nullptr, 0)), L'\0');
    convert(result.data(), static_cast<int>(result.size()));
    return result;
}

}  // namespace chainner::platform
