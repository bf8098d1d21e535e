#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "platform/file.hpp"

/// What a crash handler needs of the operating system and of the compiler's runtime. What is `noexcept`
/// here may be called in a signal handler.
namespace chainner::platform {

/// What is about to end this process.
struct fault {
    std::string_view name;  // "SIGSEGV"
    std::int64_t number;
    int base;  // in which people know the number
    std::optional<std::uintptr_t> address;
    std::optional<int> sender;  // the process that sent it
    const void* context;        // for `stack_trace`
};

/// Has `handler` called with each fault, of any thread, that this process is about to end of: after those handlers that
/// stood there before, which may repair what has happened, or jump away. An abort on Windows comes before them: there
/// such a handler may end the process with nobody told.
void handle_faults(void (*handler)(const fault&) noexcept);

/// Does it again where nobody handles faults any more: whoever gives them back to the system, as
/// `faulthandler.disable()` does, takes our handler away with his own. Nothing if they are not to be handled.
void handle_faults_again() noexcept;

/// Gives the calling thread a stack for the handler, in case that its own one is full.
void provide_handler_stack();

/// Where an instruction is, as `addr2line -e MODULE OFFSET` wants it.
struct code_place {
    std::string_view module;  // empty: unknown, and the offset is an address
    std::uintptr_t offset = 0;
    int times = 1;  // in a row: a function that calls itself
};

/// The calls that led here, innermost first, or those that led to the fault with this context; without `handler`, if it
/// is among them, and what it has called. Returns how many places are filled.
std::size_t stack_trace(std::array<code_place, 64>& places, const void* context = nullptr,
                        void (*handler)() = nullptr) noexcept;

/// Of the exception that is being handled, empty if there is none.
std::string current_exception_type();

/// Calls `install` with the number of a signal that nobody uses, puts back the handler that stood there before, and
/// returns the one that `install` left, to be called by its address. Null on Windows, which has no signals.
void (*displaced_handler(const std::function<void(int number)>& install))(int);

/// Creates a log file for the last record of this process, in a signal handler. Returns `no_file`, and tells why in
/// `error`, if there is one of that name. Nothing on Windows, where a log that is open keeps its name.
file_number create_last_log_file(const std::filesystem::path& directory, const char* name, bool is_group_readable,
                                 std::error_code& error) noexcept;

/// Of a descriptor of the C library.
file_number number_of(int descriptor) noexcept;

}  // namespace chainner::platform
