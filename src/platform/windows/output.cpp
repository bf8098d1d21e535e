#include "platform/output.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <string>

#include "platform/redirected_stream.hpp"
#include "platform/windows/handle.hpp"

namespace chainner::platform {

namespace {

/// Is set once there may be something to read, if `read` has found nothing. Never destroyed, as the system sets it.
struct arrival {
    OVERLAPPED of_read{};  // of nothing, which ends when something comes
    owned_handle event{CreateEventW(nullptr, TRUE, TRUE, nullptr)};
};

arrival& arrival_at(standard_stream stream) {
    static auto& made = *new std::array<arrival, 2>;
    return made.at(static_cast<std::size_t>(stream));
}

HANDLE pipe_of(standard_stream stream) noexcept { return handle_of(redirected(stream).pipe.read.number()); }

bool is_set(HANDLE event) noexcept { return WaitForSingleObject(event, 0) == WAIT_OBJECT_0; }

/// Throws `std::system_error`.
pipe_ends make_pipe() {
    static std::atomic<int> count{0};
    const std::wstring name =
        L"\\\\.\\pipe\\chainner-output-" + std::to_wstring(GetCurrentProcessId()) + L'-' + std::to_wstring(++count);
    constexpr DWORD size = 64 * 1024;
    const HANDLE made = CreateNamedPipeW(
        name.c_str(), PIPE_ACCESS_INBOUND | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
        PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS, 1, size, size, 0, nullptr);
    pipe_ends ends{file(reinterpret_cast<file_number>(made)), {}};
    if (!ends.read) fail_to_capture();
    ends.write = adopt_handle(open_handle(name, GENERIC_WRITE, 0, OPEN_EXISTING, 0));
    if (!ends.write) fail_to_capture();
    return ends;
}

std::size_t available(standard_stream stream) noexcept {
    DWORD count = 0;
    return PeekNamedPipe(pipe_of(stream), nullptr, 0, nullptr, &count, nullptr) != 0 ? count : 0;
}

}  // namespace

namespace captured_streams {

void open() {
    for (redirected_stream& each : redirected_streams()) {
        if (!arrival_at(each.stream).event) fail_to_capture();
        if (!each.pipe.read) each.pipe = make_pipe();
    }
}

std::size_t read(standard_stream stream, char* to, std::size_t size) noexcept {
    auto& [of_read, event] = arrival_at(stream);
    const HANDLE pipe = pipe_of(stream);
    size = std::min(size, available(stream));
    if (size == 0) {
        if (is_set(event.get())) {
            of_read = OVERLAPPED{};
            of_read.hEvent = event.get();
            if (ReadFile(pipe, to, 0, nullptr, &of_read) == 0 && GetLastError() != ERROR_IO_PENDING)
                SetEvent(event.get());
        }
        return 0;
    }
    OVERLAPPED whole{};
    const owned_handle done(CreateEventW(nullptr, TRUE, FALSE, nullptr));
    whole.hEvent = done.get();
    DWORD count = 0;
    const bool is_begun =
        ReadFile(pipe, to, static_cast<DWORD>(size), nullptr, &whole) != 0 || GetLastError() == ERROR_IO_PENDING;
    return is_begun && GetOverlappedResult(pipe, &whole, &count, TRUE) != 0 ? count : 0;
}

void wait(const std::array<bool, 2>& wanted, deadline end) noexcept {
    std::array<HANDLE, 2> events{};
    DWORD count = 0;
    for (const standard_stream each : standard_streams) {
        if (wanted.at(static_cast<std::size_t>(each))) events.at(count++) = arrival_at(each).event.get();
    }
    const auto longest = static_cast<DWORD>(milliseconds_until(end));
    if (count == 0) Sleep(longest);
    if (count > 0) WaitForMultipleObjects(count, events.data(), FALSE, longest);
}

bool has_unread() noexcept {
    return std::any_of(standard_streams.begin(), standard_streams.end(),
                       [](standard_stream each) { return available(each) > 0; });
}

void leave_to_parent() noexcept {}  // no fork exists here

bool is_orphaned() noexcept { return false; }

}  // namespace captured_streams

// Since Windows 8
void wait_while(const std::atomic<int>& word, int value, deadline end) noexcept {
    using function = BOOL WINAPI(volatile void*, void*, SIZE_T, DWORD);
    static function* const wait = system_function<function>(L"kernelbase.dll", "WaitOnAddress");
    auto* const address = const_cast<std::atomic<int>*>(&word);
    if (wait != nullptr) wait(address, &value, sizeof value, static_cast<DWORD>(milliseconds_until(end)));
}

void wake_all(const std::atomic<int>& word) noexcept {
    using function = void WINAPI(void*);
    static function* const wake = system_function<function>(L"kernelbase.dll", "WakeByAddressAll");
    if (wake != nullptr) wake(const_cast<std::atomic<int>*>(&word));
}

}  // namespace chainner::platform
