#pragma once

#include <cstdint>
#include <string>

/// Why a process ended: told by the process itself, and by the one that waits for it.
namespace chainner {

/// From now on a crash of this process is the last record in the file of its role: a CRITICAL one in
/// `default_file_pattern` that names SIGSEGV, SIGBUS, SIGFPE, SIGILL or SIGABRT with the address, or an unhandled C++
/// exception with its type and `what()`, and the stack. Without a file nothing is written.
///
///     2025-10-19 05:52:25.123 [1234] [CRITICAL] Crashed: SIGSEGV (11) at address 0x10
///         at /usr/bin/upscaler+0x1a2b
///
/// `addr2line -Cfie /usr/bin/upscaler 0x1a2b` then names the function and the line.
///
/// On Windows it names the exception: `Crashed: access violation (0xc0000005) at address 0x10`. What C's signal
/// handlers take, and heap corruption and fail-fast, which Windows lets nobody see, is not recorded there; the stack is
/// that of x86-64, with offsets from the image base as debuggers count them.
///
/// Afterwards the handler that stood there before takes over, or the system's default, so that exit status and core
/// dump are what they would have been. Only what is safe in a signal handler is used: no memory is taken from the heap.
///
/// Each call gives the calling thread a stack of its own for the handler, unless it has one. A stack overflow is
/// recorded in these threads only, every other crash in each thread. Thread-safe; throws `std::bad_alloc` only.
void install_crash_handler();

/// `exit code 3`, or `killed by SIGKILL (9), as the OOM killer does`; on Windows also
/// `exit code 0xc0000005 (access violation)`.
///
/// `status` is an exit code, or a signal's number with a minus sign: what Python's `subprocess` calls `returncode`.
/// Thread-safe; throws `std::bad_alloc` only.
std::string describe_exit(std::int64_t status);

}  // namespace chainner
