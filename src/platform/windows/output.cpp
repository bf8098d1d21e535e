#include "platform/output.hpp"

#include <fcntl.h>
#include <io.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "platform/windows/handle.hpp"

namespace chainner::platform {

namespace {

[[noreturn]] void fail(standard_stream stream) {
    throw std::system_error(last_error(),
                            stream == standard_stream::output ? "cannot capture stdout" : "cannot capture stderr");
}

owned_handle make_event() noexcept { return owned_handle(CreateEventW(nullptr, TRUE, FALSE, nullptr)); }

/// Handles of one open file have different numbers.
bool is_same_file(HANDLE one, HANDLE other) noexcept {
    using function = BOOL WINAPI(HANDLE, HANDLE);  // since Windows 10
    static function* const compare = system_function<function>(L"kernelbase.dll", "CompareObjectHandles");
    return compare == nullptr ? one == other : compare(one, other) != 0;
}

class windows_captured_stream final : public captured_stream {
public:
    explicit windows_captured_stream(standard_stream stream) noexcept : stream_(stream) {}
    windows_captured_stream(const windows_captured_stream&) = delete;
    windows_captured_stream& operator=(const windows_captured_stream&) = delete;

    bool is_captured() const noexcept override {
        return write_end_ && is_valid(standard_handle(stream_)) &&
               is_same_file(standard_handle(stream_), write_end_.get());
    }
    void capture() override;
    void release() noexcept override;
    void follow() noexcept override;
    std::size_t read(char* to, std::size_t size) noexcept override;
    void wait(std::optional<deadline> end) noexcept override;
    void flush_buffer() const noexcept override;
    void wake() const noexcept override { SetEvent(bell_.get()); }
    bool has_unread() const noexcept override;
    std::unique_ptr<captured_stream> clone_for_child() const override { return nullptr; }
    void detach_in_child() noexcept override {}

private:
    void make_pipe();
    void show_original() noexcept;
    bool lead_to(HANDLE handle) noexcept;
    std::size_t available() const noexcept;
    void expect() noexcept;

    standard_stream stream_;
    owned_handle read_end_;
    owned_handle write_end_;
    owned_handle bell_;
    std::vector<owned_handle> originals_;  // what the stream was before, and what the program has then put in its place

    // The system tells of what has come only by a read that has begun: of one byte, which comes first.
    OVERLAPPED first_read_{};
    owned_handle has_read_first_;
    char first_ = 0;
    std::atomic<bool> is_expecting_{false};
};

void windows_captured_stream::capture() {
    follow();
    if (is_captured()) return;
    const HANDLE present = standard_handle(stream_);
    if (is_valid(present) && !was_open_at_start(stream_)) return;
    if (!read_end_) make_pipe();
    owned_handle original = duplicate(present);
    if (is_valid(present) && !original) fail(stream_);
    if (console_target(stream_) == nullptr) originals_.clear();
    originals_.push_back(std::move(original));
    show_original();
    if (!lead_to(write_end_.get())) {
        console_target(stream_) = nullptr;
        fail(stream_);
    }
}

void windows_captured_stream::make_pipe() {
    static std::atomic<int> count{0};
    const std::wstring name =
        L"\\\\.\\pipe\\chainner-output-" + std::to_wstring(GetCurrentProcessId()) + L'-' + std::to_wstring(++count);
    constexpr DWORD size = 64 * 1024;
    const HANDLE made = CreateNamedPipeW(
        name.c_str(), PIPE_ACCESS_INBOUND | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
        PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS, 1, size, size, 0, nullptr);
    owned_handle read_end(made == INVALID_HANDLE_VALUE ? nullptr : made);
    if (!read_end) fail(stream_);
    owned_handle write_end = open_handle(name, GENERIC_WRITE, 0, OPEN_EXISTING, 0);
    owned_handle bell = make_event();
    owned_handle has_read_first = make_event();
    if (!write_end || !bell || !has_read_first) fail(stream_);
    read_end_ = std::move(read_end);
    write_end_ = std::move(write_end);
    bell_ = std::move(bell);
    has_read_first_ = std::move(has_read_first);
}

/// Both for the C runtime and for the system, and for the programs that this one starts.
bool windows_captured_stream::lead_to(HANDLE handle) noexcept {
    const int descriptor = stream_ == standard_stream::output ? 1 : 2;
    // What the C runtime makes of line feeds stays as it was.
    const int mode = is_valid(standard_handle(stream_)) ? _setmode(descriptor, _O_BINARY) : _O_BINARY;
    owned_handle copy = duplicate(handle);
    if (!copy) return false;
    const int source = _open_osfhandle(reinterpret_cast<std::intptr_t>(copy.get()), mode == -1 ? _O_BINARY : mode);
    if (source < 0) return false;
    copy.release();  // it is the descriptor's now
    // Where the stream was closed, its number may be the one that was free.
    const bool is_led = source == descriptor || _dup2(source, descriptor) == 0;
    if (source != descriptor) _close(source);
    if (is_led) SetStdHandle(number_of(stream_), reinterpret_cast<HANDLE>(_get_osfhandle(descriptor)));
    return is_led;
}

void windows_captured_stream::release() noexcept {
    if (!is_captured()) return;
    if (const owned_handle& original = originals_.back()) {
        lead_to(original.get());
    } else {
        _close(stream_ == standard_stream::output ? 1 : 2);
        SetStdHandle(number_of(stream_), nullptr);
    }
    if (originals_.size() > 1) {
        originals_.pop_back();
        show_original();
    } else {
        console_target(stream_) = nullptr;  // and the original stays, for `follow`
    }
}

void windows_captured_stream::follow() noexcept {
    if (console_target(stream_) == nullptr && is_captured()) show_original();
}

void windows_captured_stream::show_original() noexcept {
    const owned_handle& original = originals_.back();
    console_target(stream_) = original ? original.get() : INVALID_HANDLE_VALUE;
}

std::size_t windows_captured_stream::available() const noexcept {
    DWORD count = 0;
    return PeekNamedPipe(read_end_.get(), nullptr, 0, nullptr, &count, nullptr) != 0 ? count : 0;
}

/// Begins to read the first byte of what comes next.
void windows_captured_stream::expect() noexcept {
    first_read_ = OVERLAPPED{};
    first_read_.hEvent = has_read_first_.get();
    is_expecting_ =
        ReadFile(read_end_.get(), &first_, 1, nullptr, &first_read_) != 0 || GetLastError() == ERROR_IO_PENDING;
}

std::size_t windows_captured_stream::read(char* to, std::size_t size) noexcept {
    std::size_t taken = 0;
    if (is_expecting_) {
        // Waits for no byte to come, but for one that has come and is on its way to us.
        CancelIoEx(read_end_.get(), &first_read_);
        // Not without end: its thread may be dead.
        if (WaitForSingleObject(has_read_first_.get(), 100) != WAIT_OBJECT_0) return 0;
        DWORD count = 0;
        if (GetOverlappedResult(read_end_.get(), &first_read_, &count, FALSE) != 0) {
            to[0] = first_;
            taken = count;
        }
        is_expecting_ = false;
        ResetEvent(has_read_first_.get());
    }
    if (const std::size_t more = std::min(available(), size - taken); more > 0) {
        OVERLAPPED rest{};
        const owned_handle done = make_event();
        rest.hEvent = done.get();
        DWORD count = 0;
        if (ReadFile(read_end_.get(), to + taken, static_cast<DWORD>(more), nullptr, &rest) != 0 ||
            GetLastError() == ERROR_IO_PENDING) {
            if (GetOverlappedResult(read_end_.get(), &rest, &count, TRUE) != 0) taken += count;
        }
    }
    if (taken == 0) expect();
    return taken;
}

void windows_captured_stream::wait(std::optional<deadline> end) noexcept {
    using namespace std::chrono;
    const auto left = end ? ceil<milliseconds>(*end - steady_clock::now()).count() : 0;
    const std::array<HANDLE, 2> events{bell_.get(), has_read_first_.get()};
    const DWORD longest = !end ? INFINITE : left > 0 ? static_cast<DWORD>(left) : 0;
    if (WaitForMultipleObjects(2, events.data(), FALSE, longest) == WAIT_OBJECT_0) ResetEvent(bell_.get());
}

/// While the process ends, a thread that is dead may hold the lock of the buffer.
void windows_captured_stream::flush_buffer() const noexcept {
    using function = BOOLEAN NTAPI();
    static function* const is_process_ending = system_function<function>(L"ntdll.dll", "RtlDllShutdownInProgress");
    if (is_process_ending != nullptr && is_process_ending() != FALSE) return;
    std::fflush(stream_ == standard_stream::output ? stdout : stderr);
}

bool windows_captured_stream::has_unread() const noexcept {
    if (!read_end_) return false;
    return is_expecting_ ? WaitForSingleObject(has_read_first_.get(), 0) == WAIT_OBJECT_0 : available() > 0;
}

}  // namespace

std::unique_ptr<captured_stream> make_captured_stream(standard_stream stream) {
    return std::make_unique<windows_captured_stream>(stream);
}

void start_reader(std::function<void()> read) { std::thread(std::move(read)).detach(); }

/// Windows tells a program of none: the signals of POSIX are not sent here, and `_exit` ends the other threads first.
void handle_sudden_end(void (* /*before*/)() noexcept) noexcept {}

}  // namespace chainner::platform
