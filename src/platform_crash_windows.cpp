#include <windows.h>

#include <csignal>
#include <exception>
#include <typeinfo>

#include "platform.hpp"
#include "platform_crash.hpp"

namespace chainner::platform {

// Faults

namespace {

std::string_view exception_name(std::int64_t code) noexcept {
    switch (code) {
        case EXCEPTION_ACCESS_VIOLATION:
            return "access violation";
        case EXCEPTION_STACK_OVERFLOW:
            return "stack overflow";
        case EXCEPTION_ILLEGAL_INSTRUCTION:
            return "illegal instruction";
        case EXCEPTION_INT_DIVIDE_BY_ZERO:
            return "integer division by zero";
        case EXCEPTION_IN_PAGE_ERROR:
            return "page that could not be read";
        case 0xC0000374:
            return "heap corruption";
        case 0xC0000409:
            return "fail fast";
        default:
            return "";
    }
}

void (*fault_handler)(const fault&) noexcept = nullptr;
LPTOP_LEVEL_EXCEPTION_FILTER filter_before = nullptr;
void (*abort_handler_before)(int) = SIG_DFL;

LONG WINAPI on_exception(EXCEPTION_POINTERS* pointers) {
    const EXCEPTION_RECORD& record = *pointers->ExceptionRecord;
    const std::string_view name = exception_name(record.ExceptionCode);
    const bool is_access = record.ExceptionCode == EXCEPTION_ACCESS_VIOLATION && record.NumberParameters >= 2;
    fault_handler(
        {name.empty() ? "exception" : name, record.ExceptionCode,
         is_access ? record.ExceptionInformation[1] : reinterpret_cast<std::uintptr_t>(record.ExceptionAddress),
         std::nullopt});
    return filter_before != nullptr ? filter_before(pointers) : EXCEPTION_CONTINUE_SEARCH;
}

void on_abort(int number) {
    fault_handler({"SIGABRT", number, std::nullopt, std::nullopt});
    ignore_abort();
    std::raise(number);
}

}  // namespace

void handle_faults(void (*handler)(const fault&) noexcept) {
    fault_handler = handler;
    filter_before = SetUnhandledExceptionFilter(on_exception);
    abort_handler_before = std::signal(SIGABRT, on_abort);
}

void ignore_abort() noexcept { std::signal(SIGABRT, abort_handler_before); }

void provide_handler_stack() {
    ULONG size = 64 * 1024;
    SetThreadStackGuarantee(&size);
}

// The stack

std::size_t stack_trace(std::array<code_place, 64>& places) noexcept {
    static std::array<std::array<char, MAX_PATH>, 64> names;
    std::array<void*, 64> addresses;
    const std::size_t count = CaptureStackBackTrace(0, static_cast<DWORD>(addresses.size()), addresses.data(), nullptr);
    for (std::size_t i = 0; i < count; ++i) {
        const auto address = reinterpret_cast<std::uintptr_t>(addresses[i]);
        HMODULE module = nullptr;
        if (GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                               static_cast<const char*>(addresses[i]), &module) == 0) {
            places[i] = {{}, address, 1};
            continue;
        }
        const DWORD length = GetModuleFileNameA(module, names[i].data(), static_cast<DWORD>(names[i].size()));
        places[i] = {{names[i].data(), length}, address - reinterpret_cast<std::uintptr_t>(module), 1};
    }
    return count;
}

// Words

std::string current_exception_type() {
    if (!std::current_exception()) return "";
    try {
        throw;
    } catch (const std::exception& error) {
        return typeid(error).name();
    } catch (...) {
        return "of an unknown type";
    }
}

std::string describe_exit(std::int64_t status) {
    const std::string_view name = exception_name(status);
    std::string words = "exit code " + std::to_string(status);
    if (!name.empty()) words += " (" + std::string(name) + ")";
    return words;
}

}  // namespace chainner::platform
