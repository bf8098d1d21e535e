#include "platform/crash.hpp"

#include <io.h>
#include <windows.h>

#include <csignal>
#include <tuple>
#include <utility>

#include "platform/windows/exception_name.hpp"

namespace chainner::platform {

// Faults

namespace {

void (*fault_handler)(const fault&) noexcept = nullptr;
LPTOP_LEVEL_EXCEPTION_FILTER filter_before = nullptr;
void (*abort_handler_before)(int) = SIG_DFL;

LONG WINAPI on_exception(EXCEPTION_POINTERS* pointers) {
    // GCC's runtime goes on to std::terminate, which is recorded.
    const LONG decision = filter_before != nullptr ? filter_before(pointers) : EXCEPTION_CONTINUE_SEARCH;
    if (decision == EXCEPTION_CONTINUE_EXECUTION) return decision;
    const EXCEPTION_RECORD& record = *pointers->ExceptionRecord;
    const std::string_view name = exception_name(record.ExceptionCode);
    const bool is_access = record.ExceptionCode == EXCEPTION_ACCESS_VIOLATION && record.NumberParameters >= 2;
    fault_handler(
        {name.empty() ? "exception" : name, record.ExceptionCode, 16,
         is_access ? record.ExceptionInformation[1] : reinterpret_cast<std::uintptr_t>(record.ExceptionAddress),
         std::nullopt, pointers->ContextRecord});
    return decision;
}

void on_abort(int number) {
    // The C library has set the default, and would have called the handler before once.
    std::signal(SIGABRT, on_abort);
    // First, as that handler may end the process, like the one of faulthandler.
    fault_handler({"SIGABRT", number, 10, std::nullopt, std::nullopt, nullptr});
    const auto before = std::exchange(abort_handler_before, SIG_DFL);
    if (before != SIG_DFL && before != SIG_IGN) before(number);
    std::signal(SIGABRT, SIG_DFL);  // abort() goes on by itself, in the way of its runtime
}

}  // namespace

void handle_faults(void (*handler)(const fault&) noexcept) {
    fault_handler = handler;
    filter_before = SetUnhandledExceptionFilter(on_exception);
    abort_handler_before = std::signal(SIGABRT, on_abort);
}

void handle_faults_again() noexcept {}

void (*displaced_handler(const std::function<void(int number)>&))(int) { return nullptr; }

void provide_handler_stack() {
    ULONG size = 64 * 1024;
    SetThreadStackGuarantee(&size);
}

// The stack

#ifdef _M_X64

namespace {

using module_name = std::array<char, 1024>;

code_place place_of(std::uintptr_t address, module_name& name) noexcept {
    static std::array<wchar_t, std::tuple_size_v<module_name> / 2> wide_name;
    HMODULE module = nullptr;
    constexpr DWORD by_address = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
    if (address == 0 || GetModuleHandleExW(by_address, reinterpret_cast<const wchar_t*>(address), &module) == 0)
        return {{}, address};
    const DWORD length = GetModuleFileNameW(module, wide_name.data(), static_cast<DWORD>(wide_name.size()));
    const int bytes = WideCharToMultiByte(CP_UTF8, 0, wide_name.data(), static_cast<int>(length), name.data(),
                                          static_cast<int>(name.size()), nullptr, nullptr);
    if (bytes == 0 || length == wide_name.size()) return {{}, address};  // too long
    return {{name.data(), static_cast<std::size_t>(bytes)}, address - reinterpret_cast<std::uintptr_t>(module)};
}

bool is_on_stack(DWORD64 address) noexcept {
    const auto& thread = *reinterpret_cast<const NT_TIB*>(NtCurrentTeb());
    const auto* const place = reinterpret_cast<const void*>(address);
    return place >= thread.StackLimit && place < thread.StackBase;
}

/// Goes on to the caller. false if there is none, or the stack is broken.
bool unwind(CONTEXT& context, bool is_fault) noexcept {
    if (!is_on_stack(context.Rsp)) return false;
    DWORD64 module = 0;
    if (PRUNTIME_FUNCTION const function = RtlLookupFunctionEntry(context.Rip, &module, nullptr)) {
        // RtlVirtualUnwind() reads where the frame register says, if the function has one.
        const unsigned frame_register =
            reinterpret_cast<const unsigned char*>(module + function->UnwindData)[3] & 0x0fU;
        if (frame_register != 0 && !is_on_stack((&context.Rax)[frame_register])) return false;
        void* unused = nullptr;
        DWORD64 frame = 0;
        RtlVirtualUnwind(UNW_FLAG_NHANDLER, module, context.Rip, function, &context, &unused, &frame, nullptr);
    } else if (is_fault) {
        // It calls nothing and saves nothing, or a call led to where no code is.
        context.Rip = *reinterpret_cast<const DWORD64*>(context.Rsp);
        context.Rsp += sizeof context.Rip;
    } else {
        return false;
    }
    return context.Rip != 0;
}

bool is_in(const CONTEXT& context, void (*function)()) noexcept {
    DWORD64 module = 0;
    const auto* const found = RtlLookupFunctionEntry(context.Rip, &module, nullptr);
    return found != nullptr && module + found->BeginAddress == reinterpret_cast<DWORD64>(function);
}

constexpr int most_frames = 100'000;

}  // namespace

std::size_t stack_trace(std::array<code_place, 64>& places, const void* of_fault, void (*handler)()) noexcept {
    static std::array<module_name, 64> names;
    CONTEXT context;
    if (of_fault != nullptr) {
        context = *static_cast<const CONTEXT*>(of_fault);
    } else {
        RtlCaptureContext(&context);
    }
    std::size_t count = 0;
    DWORD64 previous = 0;
    bool is_fault = of_fault != nullptr;
    for (int frames = 0; frames < most_frames; ++frames) {
        if (is_in(context, handler)) {
            count = 0;
        } else if (count > 0 && context.Rip == previous) {
            ++places[count - 1].times;
        } else {
            if (count == places.size()) break;
            // A call returns to the instruction after it, which may belong to another line.
            places[count] = place_of(context.Rip - (is_fault ? 0 : 1), names[count]);
            ++count;
        }
        previous = context.Rip;
        if (!unwind(context, std::exchange(is_fault, false))) break;
    }
    return count;
}

#else

// Only this processor has been tried.
std::size_t stack_trace(std::array<code_place, 64>&, const void*, void (*)()) noexcept { return 0; }

#endif

// The file

file_number number_of(int descriptor) noexcept { return _get_osfhandle(descriptor); }

file_number create_last_log_file(const std::filesystem::path&, const char*, bool, std::error_code& error) noexcept {
    error = std::make_error_code(std::errc::function_not_supported);
    return no_file;
}

}  // namespace chainner::platform
