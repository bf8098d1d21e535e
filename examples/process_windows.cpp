#include <windows.h>
// after windows.h, which it needs
#include <shellapi.h>

#include <system_error>

#include "process.hpp"

namespace example {

namespace {

[[noreturn]] void throw_last_error(const std::string& what) {
    throw std::system_error(static_cast<int>(GetLastError()), std::system_category(), what);
}

// A program gets one string and splits it itself, by the rules of CommandLineToArgvW: a backslash is an ordinary
// letter, except in front of a quotation mark.
std::wstring quoted(const std::wstring& argument) {
    std::wstring result = L"\"";
    std::size_t backslashes = 0;
    for (const wchar_t letter : argument) {
        if (letter == L'"') result.append(backslashes + 1, L'\\');
        backslashes = letter == L'\\' ? backslashes + 1 : 0;
        result += letter;
    }
    return result.append(backslashes, L'\\') + L'"';
}

}  // namespace

// The arguments of main are in the code page of the system, which cannot express every path.
std::vector<std::filesystem::path> arguments_as_paths(int, char**) {
    int count = 0;
    wchar_t** const arguments = CommandLineToArgvW(GetCommandLineW(), &count);
    if (arguments == nullptr) throw_last_error("CommandLineToArgvW");
    std::vector<std::filesystem::path> result(arguments, arguments + count);
    LocalFree(arguments);
    return result;
}

std::vector<std::filesystem::path> free_space_command(const std::filesystem::path& folder) {
    return {"cmd", "/c", "dir", folder};
}

child_process::child_process(const std::filesystem::path& program,
                             const std::vector<std::filesystem::path>& arguments) {
    std::wstring command_line = quoted(program.wstring() + L".exe");
    for (const auto& argument : arguments) command_line += L' ' + quoted(argument.wstring());

    STARTUPINFOW startup{};
    startup.cb = sizeof startup;
    startup.dwFlags = STARTF_USESTDHANDLES;
    startup.hStdInput = GetStdHandle(STD_INPUT_HANDLE);
    startup.hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE);
    startup.hStdError = GetStdHandle(STD_ERROR_HANDLE);
    PROCESS_INFORMATION process{};
    const BOOL started =
        CreateProcessW(nullptr, command_line.data(), nullptr, nullptr, TRUE, 0, nullptr, nullptr, &startup, &process);
    if (started == 0) throw_last_error(program.u8string());

    CloseHandle(process.hThread);
    process_ = reinterpret_cast<std::intptr_t>(process.hProcess);
}

child_process::~child_process() { CloseHandle(reinterpret_cast<HANDLE>(process_)); }

unsigned long child_process::id() const { return GetProcessId(reinterpret_cast<HANDLE>(process_)); }

std::int64_t child_process::wait() {
    const auto process = reinterpret_cast<HANDLE>(process_);
    DWORD code = 0;
    if (WaitForSingleObject(process, INFINITE) != WAIT_OBJECT_0 || GetExitCodeProcess(process, &code) == 0) {
        throw_last_error("waiting for a process");
    }
    return code;
}

}  // namespace example
