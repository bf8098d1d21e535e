#pragma once

#include <cstdint>
#include <string>

/// How this process ends, and how another one has ended.
namespace chainner::platform {

/// Runs it when the process ends in an orderly way, as late as the system lets one: on POSIX systems after static
/// objects are destroyed.
void at_end(void (*last)());

/// Calls `before` before an end of the process that no hook at its end sees, as far as the system lets one know:
/// `quick_exit`, and a signal like SIGTERM that the program does not handle itself, in whose handler it is then called.
void handle_sudden_end(void (*before)() noexcept) noexcept;

/// Has `handler` called, with number and name, before SIGTERM or SIGHUP ends the process by default; it then ends as it
/// would have, within seconds. Where `postpone` returns true, the signal comes again once the function that it was
/// given is called. Not for the first process of a system or a container, which no signal ends by default. Again where
/// another handler has come and gone. On Windows that is SIGTERM alone, which only the process itself can raise.
void handle_requests_to_end(void (*handler)(int number, const char* name) noexcept,
                            bool (*postpone)(void (*come_again)()) noexcept) noexcept;

/// Whether the system has ended all other threads, as Windows does before it unloads a DLL at the end.
bool has_ended_threads() noexcept;

// See `chainner::describe_exit`
std::string describe_exit(std::int64_t status);
std::string describe_wait_status(int status);

}  // namespace chainner::platform
