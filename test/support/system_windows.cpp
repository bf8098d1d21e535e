#include <windows.h>
// after windows.h, which it needs
#include <io.h>

#include <csignal>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "support/system.hpp"

namespace test {

namespace fs = std::filesystem;

namespace {

void check(bool succeeded, const std::string& what) {
    if (!succeeded) throw std::system_error(static_cast<int>(GetLastError()), std::system_category(), what);
}

std::wstring wide(const std::string& text) { return fs::u8path(text).native(); }

// A program gets one string and splits it itself, by the rules of CommandLineToArgvW. The tests need no quotation
// marks.
std::wstring quoted(const std::string& word) { return L'"' + wide(word) + L'"'; }

HANDLE handle(std::intptr_t number) {
    return reinterpret_cast<HANDLE>(number);  // NOLINT(performance-no-int-to-ptr)
}

}  // namespace

bool is_posix() { return false; }

std::optional<std::string> get_variable(const std::string& name) {
    std::wstring value(GetEnvironmentVariableW(wide(name).c_str(), nullptr, 0), L'\0');
    if (value.empty()) return std::nullopt;
    value.resize(GetEnvironmentVariableW(wide(name).c_str(), value.data(), static_cast<DWORD>(value.size())));
    return fs::path(value).u8string();
}

void set_variable(const std::string& name, const std::optional<std::string>& value) {
    SetEnvironmentVariableW(wide(name).c_str(), value ? wide(*value).c_str() : nullptr);
}

int current_process_id() { return static_cast<int>(GetCurrentProcessId()); }

child_process::child_process(const std::string& program, const std::vector<std::string>& arguments, int output) {
    std::wstring command_line = quoted((fs::path(TEST_PROGRAM_DIRECTORY) / program).u8string() + ".exe");
    for (const std::string& argument : arguments) command_line += L' ' + quoted(argument);

    SECURITY_ATTRIBUTES inheritable{sizeof(SECURITY_ATTRIBUTES), nullptr, TRUE};
    HANDLE stream = nullptr;
    if (output < 0) {
        stream = CreateFileW(L"NUL", GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, &inheritable, OPEN_EXISTING, 0,
                             nullptr);
        check(stream != INVALID_HANDLE_VALUE, "NUL");
    } else {
        check(DuplicateHandle(GetCurrentProcess(), handle(_get_osfhandle(output)), GetCurrentProcess(), &stream, 0,
                              TRUE, DUPLICATE_SAME_ACCESS) != 0,
              "DuplicateHandle");
    }
    STARTUPINFOW startup{};
    startup.cb = sizeof startup;
    startup.dwFlags = STARTF_USESTDHANDLES;
    startup.hStdOutput = stream;
    startup.hStdError = stream;
    PROCESS_INFORMATION process{};
    const auto start = [&] {
        return CreateProcessW(nullptr, command_line.data(), nullptr, nullptr, TRUE, 0, nullptr, nullptr, &startup,
                              &process) != 0;
    };
    bool started = start();
    // Wine fails so now and then, on a busy machine.
    for (int tries = 5; !started && GetLastError() == ERROR_INTERNAL_ERROR && tries > 0; --tries) started = start();
    const DWORD error = GetLastError();
    CloseHandle(stream);
    SetLastError(error);
    check(started, program);
    CloseHandle(process.hThread);
    id_ = static_cast<int>(process.dwProcessId);
    handle_ = reinterpret_cast<std::intptr_t>(process.hProcess);
}

child_process::~child_process() {
    if (id_ < 0) return;
    if (!status_) {
        kill();
        wait();
    }
    CloseHandle(handle(handle_));
}

child_process::child_process(child_process&& other) noexcept
    : id_(std::exchange(other.id_, -1)), handle_(other.handle_), status_(other.status_) {}

int child_process::wait() {
    DWORD status = 0;
    check(WaitForSingleObject(handle(handle_), INFINITE) == WAIT_OBJECT_0 &&
              GetExitCodeProcess(handle(handle_), &status) != 0,
          "waiting for a process");
    status_ = static_cast<int>(status);
    return *status_;
}

void child_process::kill(int signal) {
    if (!status_) TerminateProcess(handle(handle_), static_cast<UINT>(128 + signal));
}

std::string output_of(const std::string& command) { throw std::logic_error("there is no shell to run " + command); }

std::vector<int> fault_signals() { return {SIGSEGV, SIGABRT, SIGFPE, SIGILL}; }

void execute_illegal_instruction() { RaiseException(EXCEPTION_ILLEGAL_INSTRUCTION, 0, 0, nullptr); }

void read_behind_end_of_mapped_file() {}

shared_counter::shared_counter(const fs::path& file) {
    const HANDLE opened = CreateFileW(file.c_str(), GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE,
                                      nullptr, OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr);
    check(opened != INVALID_HANDLE_VALUE, file.u8string());
    const HANDLE mapping = CreateFileMappingW(opened, nullptr, PAGE_READWRITE, 0, sizeof(std::uint64_t), nullptr);
    CloseHandle(opened);
    check(mapping != nullptr, file.u8string());
    memory_ = MapViewOfFile(mapping, FILE_MAP_ALL_ACCESS, 0, 0, 0);
    CloseHandle(mapping);
    check(memory_ != nullptr, file.u8string());
}

shared_counter::~shared_counter() { UnmapViewOfFile(memory_); }

void shared_counter::set(std::uint64_t value) {
    InterlockedExchange64(static_cast<LONG64*>(memory_), static_cast<LONG64>(value));
}

std::uint64_t shared_counter::get() const {
    return static_cast<std::uint64_t>(InterlockedCompareExchange64(static_cast<LONG64*>(memory_), 0, 0));
}

}  // namespace test
