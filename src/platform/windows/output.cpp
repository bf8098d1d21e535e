#include "platform/output.hpp"

#include <fcntl.h>
#include <io.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "platform/windows/handle.hpp"

namespace chainner::platform {

namespace {

using std::chrono::steady_clock;

[[noreturn]] void fail() { throw std::system_error(last_error(), "cannot capture output"); }

/// Throws `std::system_error`.
owned_handle make_event() {
    owned_handle made(CreateEventW(nullptr, TRUE, FALSE, nullptr));
    if (!made) fail();
    return made;
}

DWORD milliseconds_until(deadline end) noexcept {
    if (end == deadline::max()) return INFINITE;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - steady_clock::now()).count();
    return static_cast<DWORD>(std::clamp<decltype(left)>(left, 0, INFINITE - 1));
}

/// Handles of one open file have different numbers.
bool is_same_file(HANDLE one, HANDLE other) noexcept {
    using function = BOOL WINAPI(HANDLE, HANDLE);  // since Windows 10
    static function* const compare = system_function<function>(L"kernelbase.dll", "CompareObjectHandles");
    return compare == nullptr ? one == other : compare(one, other) != 0;
}

/// A stream, and the pipe that it can be led into.
class led_stream {
public:
    explicit led_stream(standard_stream stream) noexcept : stream_(stream) {}
    led_stream(const led_stream&) = delete;
    led_stream& operator=(const led_stream&) = delete;

    void open();
    void capture();
    void give_back() noexcept;
    bool is_in_place() const noexcept {
        return write_end_ && is_valid(standard_handle(stream_)) &&
               is_same_file(standard_handle(stream_), write_end_.get());
    }
    std::size_t read(char* to, std::size_t size) noexcept;
    bool has_unread() const noexcept;
    void flush_buffer() const noexcept { std::fflush(stream_ == standard_stream::output ? stdout : stderr); }

    /// Set once there is something to read, if `read` has found nothing.
    HANDLE event() const noexcept { return has_read_first_.get(); }
    bool is_expecting() const noexcept { return is_expecting_; }

private:
    void show_original() noexcept;
    bool lead_to(HANDLE handle) noexcept;
    std::size_t available() const noexcept;
    void expect() noexcept;

    standard_stream stream_;
    owned_handle read_end_;
    owned_handle write_end_;
    owned_handle original_;  // what the stream was before
    owned_handle first_;     // what it was before the program redirected it, which may put back the pipe
    bool is_led_ = false;    // since the last `capture`, and not yet given back

    // The system tells of what has come only by a read that has begun: of one byte, which comes first.
    OVERLAPPED first_read_{};
    owned_handle has_read_first_;
    char first_byte_ = 0;
    std::atomic<bool> is_expecting_{false};
};

void led_stream::open() {
    static std::atomic<int> count{0};
    if (read_end_) return;
    const std::wstring name =
        L"\\\\.\\pipe\\chainner-output-" + std::to_wstring(GetCurrentProcessId()) + L'-' + std::to_wstring(++count);
    constexpr DWORD size = 64 * 1024;
    const HANDLE made = CreateNamedPipeW(
        name.c_str(), PIPE_ACCESS_INBOUND | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
        PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS, 1, size, size, 0, nullptr);
    owned_handle read_end(made == INVALID_HANDLE_VALUE ? nullptr : made);
    if (!read_end) fail();
    write_end_ = open_handle(name, GENERIC_WRITE, 0, OPEN_EXISTING, 0);
    if (!write_end_) fail();
    has_read_first_ = make_event();
    read_end_ = std::move(read_end);
}

void led_stream::capture() {
    if (is_in_place()) return;
    const HANDLE present = standard_handle(stream_);
    if (is_valid(present) && !was_open_at_start(stream_)) return;
    owned_handle original = duplicate(present);
    if (is_valid(present) && !original) fail();
    if (is_led_ && !first_) first_ = std::move(original_);
    original_ = std::move(original);
    show_original();
    if (!lead_to(write_end_.get())) {
        console_target(stream_) = nullptr;
        fail();
    }
    is_led_ = true;
}

/// Both for the C runtime and for the system, and for the programs that this one starts.
bool led_stream::lead_to(HANDLE handle) noexcept {
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

void led_stream::give_back() noexcept {
    if (!is_led_ || !is_in_place()) return;
    if (original_) {
        lead_to(original_.get());
    } else {
        _close(stream_ == standard_stream::output ? 1 : 2);
        SetStdHandle(number_of(stream_), nullptr);
    }
    is_led_ = false;
    console_target(stream_) = nullptr;
    if (first_) original_ = std::move(first_);
}

void led_stream::show_original() noexcept {
    console_target(stream_) = original_ ? original_.get() : INVALID_HANDLE_VALUE;
}

std::size_t led_stream::available() const noexcept {
    DWORD count = 0;
    return PeekNamedPipe(read_end_.get(), nullptr, 0, nullptr, &count, nullptr) != 0 ? count : 0;
}

/// Begins to read the first byte of what comes next.
void led_stream::expect() noexcept {
    first_read_ = OVERLAPPED{};
    first_read_.hEvent = has_read_first_.get();
    is_expecting_ =
        ReadFile(read_end_.get(), &first_byte_, 1, nullptr, &first_read_) != 0 || GetLastError() == ERROR_IO_PENDING;
}

std::size_t led_stream::read(char* to, std::size_t size) noexcept {
    // A program that has kept the pipe may have put it back after the release: no console is to write to it.
    if (console_target(stream_) == nullptr && is_in_place()) show_original();
    std::size_t taken = 0;
    if (size == 0) return 0;
    if (is_expecting_) {
        // Waits for no byte to come, but for one that has come and is on its way to us.
        CancelIoEx(read_end_.get(), &first_read_);
        // Not without end: its thread may be dead.
        if (WaitForSingleObject(has_read_first_.get(), 100) != WAIT_OBJECT_0) return 0;
        DWORD count = 0;
        if (GetOverlappedResult(read_end_.get(), &first_read_, &count, FALSE) != 0) {
            to[0] = first_byte_;
            taken = count;
        }
        is_expecting_ = false;
        ResetEvent(has_read_first_.get());
    }
    if (const std::size_t more = std::min(available(), size - taken); more > 0) {
        OVERLAPPED rest{};
        const owned_handle done(CreateEventW(nullptr, TRUE, FALSE, nullptr));
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

bool led_stream::has_unread() const noexcept {
    if (!read_end_) return false;
    // Wine tells of the first byte once the thread that asked for it has run; the others can be seen at once.
    return available() > 0 || (is_expecting_ && WaitForSingleObject(has_read_first_.get(), 0) == WAIT_OBJECT_0);
}

/// Never destroyed.
std::array<led_stream, 2>& streams() noexcept {
    static auto& made =
        *new std::array<led_stream, 2>{led_stream(standard_stream::output), led_stream(standard_stream::error)};
    return made;
}

}  // namespace

namespace captured_streams {

void open() {
    for (led_stream& each : streams()) each.open();
}

void capture(choice) try {
    for (led_stream& each : streams()) each.capture();
} catch (...) {
    release();
    throw;
}

void release() noexcept {
    for (led_stream& each : streams()) each.give_back();
}

void release_at_end() noexcept { release(); }

bool is_captured(standard_stream stream) noexcept {
    return streams().at(static_cast<std::size_t>(stream)).is_in_place();
}

/// The C runtime tells nobody whether the lock of a stream is to be had, so another thread waits for it.
void flush_buffers(deadline end) noexcept try {
    auto flushed = std::make_shared<std::promise<void>>();
    const std::future<void> done = flushed->get_future();
    std::thread([flushed] {
        for (const led_stream& each : streams()) {
            if (each.is_in_place()) each.flush_buffer();
        }
        flushed->set_value();
    }).detach();
    done.wait_until(end);
} catch (const std::exception&) {
    // No thread is to be had.
}

std::size_t read(standard_stream stream, char* to, std::size_t size) noexcept {
    return streams().at(static_cast<std::size_t>(stream)).read(to, size);
}

void wait(const std::array<bool, 2>& wanted, deadline end) noexcept {
    std::array<HANDLE, 2> events{};
    DWORD count = 0;
    for (std::size_t i = 0; i < events.size(); ++i) {
        const led_stream& from = streams().at(i);
        if (!wanted.at(i)) continue;
        if (!from.is_expecting()) return;  // there may be more
        events.at(count++) = from.event();
    }
    if (count == 0) Sleep(milliseconds_until(end));
    if (count > 0) WaitForMultipleObjects(count, events.data(), FALSE, milliseconds_until(end));
}

std::unique_ptr<console> make_console(standard_stream stream) { return platform::make_console(stream); }

bool has_unread() noexcept {
    return std::any_of(streams().begin(), streams().end(), [](const led_stream& each) { return each.has_unread(); });
}

void leave_to_parent() noexcept {}  // no fork exists here

bool is_orphaned() noexcept { return false; }

}  // namespace captured_streams

void start_reader(std::function<void()> read) { std::thread(std::move(read)).detach(); }

// Since Windows 8
void wait_while(const std::atomic<int>& word, int value, deadline end) noexcept {
    using function = BOOL WINAPI(volatile void*, void*, SIZE_T, DWORD);
    static function* const wait = system_function<function>(L"kernelbase.dll", "WaitOnAddress");
    auto* const address = const_cast<std::atomic<int>*>(&word);
    if (wait != nullptr) wait(address, &value, sizeof value, milliseconds_until(end));
}

void wake_all(const std::atomic<int>& word) noexcept {
    using function = void WINAPI(void*);
    static function* const wake = system_function<function>(L"kernelbase.dll", "WakeByAddressAll");
    if (wake != nullptr) wake(const_cast<std::atomic<int>*>(&word));
}

}  // namespace chainner::platform
