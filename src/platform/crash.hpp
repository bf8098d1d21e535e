#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

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

/// Has `handler` called with each fault of each thread, before what would have happened without it.
void handle_faults(void (*handler)(const fault&) noexcept);

/// Gives the calling thread a stack for the handler, in case that its own one is full.
void provide_handler_stack();

/// Where an instruction is, as `addr2line -e MODULE OFFSET` wants it.
struct code_place {
    std::string_view module;  // empty: unknown, and the offset is an address
    std::uintptr_t offset = 0;
    int times = 1;  // in a row: a function that calls itself
};

/// The calls that led here, innermost first, or those that led to the fault with this context. Returns how many places
/// are filled.
std::size_t stack_trace(std::array<code_place, 64>& places, const void* context = nullptr) noexcept;

/// Of the exception that is being handled, empty if there is none.
std::string current_exception_type();

/// See `chainner::describe_exit`.
std::string describe_exit(std::int64_t status);

}  // namespace chainner::platform
