#include "platform/process.hpp"

#include "platform/windows/handle.hpp"
// after windows.h, which it needs
#include <shlobj.h>

#include <cstdlib>
#include <cstring>
#include <ctime>

namespace chainner::platform {

namespace fs = std::filesystem;

operating_system current_system() noexcept { return operating_system::windows; }

std::string system_name() {
    // GetVersionEx() tells a program that has no manifest about Windows 10 that this is Windows 8.
    auto* const get_version = system_function<LONG WINAPI(OSVERSIONINFOW*)>(L"ntdll.dll", "RtlGetVersion");
    OSVERSIONINFOW version{};
    version.dwOSVersionInfoSize = sizeof version;
    get_version(&version);
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

void keep_loaded() noexcept {
    HMODULE own = nullptr;
    GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                       reinterpret_cast<const wchar_t*>(&keep_loaded), &own);
}

void cancellation_point() {}  // no thread can be cancelled here

std::uintptr_t time_zone() noexcept { return static_cast<std::uintptr_t>(_timezone); }

no_cancellation::no_cancellation() noexcept = default;

no_cancellation::~no_cancellation() = default;

signal_mask block_signals() noexcept { return {}; }

void set_signal_mask(const signal_mask&) noexcept {}

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
    return value.empty() ? std::nullopt : std::optional(to_utf8(value));
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

std::string to_utf8(const fs::path& path) {
    const std::wstring& text = path.native();
    const auto convert = [&](char* result, int size) {
        return WideCharToMultiByte(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), result, size, nullptr,
                                   nullptr);
    };
    std::string result(static_cast<std::size_t>(convert(nullptr, 0)), '\0');
    convert(result.data(), static_cast<int>(result.size()));
    return result;
}

}  // namespace chainner::platform
