#include <windows.h>
// after windows.h, which they need
#include <fcntl.h>
#include <io.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "support/console.hpp"

namespace test {

namespace {

constexpr int stderr_number = 2;

int check(int result, const std::string& what) {
    if (result < 0) throw std::system_error(errno, std::generic_category(), what);
    return result;
}

HANDLE handle_of(int descriptor) {
    return reinterpret_cast<HANDLE>(_get_osfhandle(descriptor));  // NOLINT(performance-no-int-to-ptr)
}

descriptor as_descriptor(HANDLE handle) {
    return descriptor(
        check(_open_osfhandle(reinterpret_cast<std::intptr_t>(handle), _O_BINARY | _O_NOINHERIT), "_open_osfhandle"));
}

descriptor copy_of_stderr() { return descriptor(check(_dup(stderr_number), "_dup")); }

}  // namespace

// The terminal is one of MSYS: a pipe that is named so.
std::vector<channel_kind> readable_kinds() { return {channel_kind::pipe, channel_kind::terminal}; }

std::vector<channel_kind> all_kinds() { return readable_kinds(); }

std::string name_of(channel_kind kind) { return kind == channel_kind::pipe ? "Pipe" : "Terminal"; }

channel::channel(channel_kind kind) {
    static int number = 0;
    const std::wstring name = L"\\\\.\\pipe\\" + std::wstring(kind == channel_kind::pipe ? L"test" : L"msys") + L"-" +
                              std::to_wstring(GetCurrentProcessId()) + L"-pty" + std::to_wstring(++number) +
                              L"-to-master";
    const HANDLE reader = CreateNamedPipeW(name.c_str(), PIPE_ACCESS_INBOUND, 0, 1, 0, 64 * 1024, 0, nullptr);
    const HANDLE writer = CreateFileW(name.c_str(), GENERIC_WRITE, 0, nullptr, OPEN_EXISTING, 0, nullptr);
    reader_ = as_descriptor(reader);
    writer_ = as_descriptor(writer);
}

std::string channel::read(std::size_t most) {
    DWORD size = 0;
    if (PeekNamedPipe(handle_of(reader_.number()), nullptr, 0, nullptr, &size, nullptr) == 0) return {};
    std::string all(std::min<std::size_t>(size, most), '\0');
    if (all.empty()) return all;
    all.resize(static_cast<std::size_t>(
        check(_read(reader_.number(), all.data(), static_cast<unsigned>(all.size())), "read")));
    all.erase(std::remove(all.begin(), all.end(), '\r'), all.end());
    return all;
}

void channel::start() {}

std::string channel::shared_state() const {
    DWORD mode = 0;
    GetNamedPipeHandleStateW(handle_of(writer()), &mode, nullptr, nullptr, nullptr, nullptr, 0);
    return "mode " + std::to_string(mode);
}

scoped_stderr::scoped_stderr(int number) : before_(copy_of_stderr()) { replace(number); }

scoped_stderr::scoped_stderr(const std::filesystem::path& file) : before_(copy_of_stderr()) { replace(file); }

scoped_stderr::~scoped_stderr() { _dup2(before_.number(), stderr_number); }

void scoped_stderr::close() { _close(stderr_number); }

void scoped_stderr::replace(int number) { check(_dup2(number, stderr_number), "dup2"); }

void scoped_stderr::replace(const std::filesystem::path& file) {
    const int flags = _O_WRONLY | _O_CREAT | _O_APPEND | _O_BINARY | _O_NOINHERIT;
    replace(descriptor(check(_wopen(file.c_str(), flags, _S_IREAD | _S_IWRITE), "_wopen")).number());
}

std::optional<std::filesystem::path> find_program(const std::string&) { return std::nullopt; }

int run_in_shell(const std::string& line) { return std::system(line.c_str()); }

}  // namespace test
