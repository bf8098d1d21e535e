#pragma once

#include <windows.h>

#include <filesystem>
#include <memory>
#include <system_error>

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

/// Empty if that is.
inline file adopt_handle(owned_handle handle) noexcept {
    return handle ? file(reinterpret_cast<file_number>(handle.release())) : file();
}

inline HANDLE handle_of(file_number number) noexcept {
    return reinterpret_cast<HANDLE>(number);  // NOLINT(performance-no-int-to-ptr)
}

}  // namespace chainner::platform
