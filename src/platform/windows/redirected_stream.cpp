#include "platform/redirected_stream.hpp"

#include <fcntl.h>
#include <io.h>

#include <cstdint>
#include <cstdio>
#include <exception>
#include <future>
#include <memory>
#include <system_error>
#include <utility>

#include "platform/output.hpp"
#include "platform/windows/handle.hpp"

namespace chainner::platform {

namespace {

/// Which the C runtime tells of what `dup2` and `close` make of its streams.
HANDLE standard_handle(standard_stream stream) noexcept { return handle_of(number_of(stream)); }

int descriptor_of(standard_stream stream) noexcept { return stream == standard_stream::output ? 1 : 2; }

DWORD name_of(standard_stream stream) noexcept {
    return stream == standard_stream::output ? STD_OUTPUT_HANDLE : STD_ERROR_HANDLE;
}

}  // namespace

void fail_to_capture() { throw std::system_error(last_error(), "cannot capture output"); }

bool is_open(standard_stream stream) noexcept { return is_valid(standard_handle(stream)); }

bool is_inherited(standard_stream stream) noexcept { return is_open(stream); }

file_number number_of(standard_stream stream) noexcept {
    return reinterpret_cast<file_number>(GetStdHandle(name_of(stream)));
}

file duplicate_of(standard_stream stream) noexcept { return adopt_handle(duplicate(standard_handle(stream))); }

/// Handles of one open file have different numbers.
bool leads_to(standard_stream stream, known_file file) noexcept {
    using function = BOOL WINAPI(HANDLE, HANDLE);  // since Windows 10
    static function* const is_same = system_function<function>(L"kernelbase.dll", "CompareObjectHandles");
    const HANDLE present = standard_handle(stream);
    const HANDLE handle = handle_of(file.number);
    return is_valid(present) && (is_same == nullptr ? present == handle : is_same(present, handle) != 0);
}

/// Both for the C runtime and for the system, and for the programs that this one starts.
bool lead(standard_stream stream, const file& to) noexcept {
    const int descriptor = descriptor_of(stream);
    // What the C runtime makes of line feeds stays as it was.
    const int mode = is_open(stream) ? _setmode(descriptor, _O_BINARY) : _O_BINARY;
    owned_handle copy = duplicate(handle_of(to.number()));
    if (!copy) return false;
    const int source = _open_osfhandle(reinterpret_cast<std::intptr_t>(copy.get()), mode == -1 ? _O_BINARY : mode);
    if (source < 0) return false;
    copy.release();  // it is the descriptor's now
    // Where the stream was closed, its number may be the one that was free.
    const bool is_led = source == descriptor || _dup2(source, descriptor) == 0;
    if (source != descriptor) _close(source);
    if (is_led) SetStdHandle(name_of(stream), reinterpret_cast<HANDLE>(_get_osfhandle(descriptor)));
    return is_led;
}

void close_stream(standard_stream stream) noexcept {
    _close(descriptor_of(stream));
    SetStdHandle(name_of(stream), nullptr);
}

void go_on_captured(const redirected_stream&) noexcept {}

namespace captured_streams {

void release_at_end() noexcept { release(); }

/// The C runtime tells nobody whether the lock of a stream is to be had, so another thread waits for it.
void flush_buffers(deadline end) noexcept try {
    auto flushed = std::make_shared<std::promise<void>>();
    const std::future<void> done = flushed->get_future();
    start_thread([flushed] {
        for (const redirected_stream& each : redirected_streams()) {
            if (each.is_captured()) std::fflush(each.stream == standard_stream::output ? stdout : stderr);
        }
        flushed->set_value();
    });
    done.wait_until(end);
} catch (const std::exception&) {
    // No thread is to be had.
}

}  // namespace captured_streams

}  // namespace chainner::platform
