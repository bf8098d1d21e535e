#include "platform/ending.hpp"

#include <spdlog/common.h>
#include <spdlog/fmt/fmt.h>
#include <windows.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string_view>

#include "platform/windows/exception_name.hpp"
#include "platform/windows/handle.hpp"

namespace chainner::platform {

void at_end(void (*last)()) { std::atexit(last); }

/// Windows tells a program of none: the signals of POSIX are not sent here, and `_exit` ends the other threads first.
void handle_sudden_end(void (* /*before*/)() noexcept) noexcept {}

namespace {

std::atomic<void (*)(int, const char*) noexcept> on_request{nullptr};
std::atomic<bool (*)(void (*)()) noexcept> postpone_request{nullptr};

void on_request_to_end(int number) {
    std::signal(number, on_request_to_end);  // the C library has set the default
    if (postpone_request.load()([] { std::raise(SIGTERM); })) return;
    on_request.load()(number, "SIGTERM");
    std::signal(number, SIG_DFL);
    std::raise(number);
}

}  // namespace

void handle_requests_to_end(void (*handler)(int number, const char* name) noexcept,
                            bool (*postpone)(void (*come_again)()) noexcept) noexcept {
    postpone_request = postpone;
    on_request = handler;
    const auto before = std::signal(SIGTERM, on_request_to_end);
    if (before != SIG_DFL && before != on_request_to_end) std::signal(SIGTERM, before);
}

bool has_ended_threads() noexcept {
    using function = BOOLEAN NTAPI();
    static function* const is_process_ending = system_function<function>(L"ntdll.dll", "RtlDllShutdownInProgress");
    return is_process_ending != nullptr && is_process_ending() != FALSE;
}

// Words

std::string describe_exit(std::int64_t status) {
    // Some take the 32 bits for a signed number.
    const auto code = static_cast<std::uint32_t>(status);
    if (code < 0x8000'0000) return "exit code " + std::to_string(code);
    std::string words = spdlog::fmt_lib::format("exit code {:#x}", code);
    if (const std::string_view name = exception_name(code); !name.empty()) words += " (" + std::string(name) + ")";
    return words;
}

std::string describe_wait_status(int status) { return describe_exit(status); }

}  // namespace chainner::platform
