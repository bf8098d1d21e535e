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
/// A fault belongs first to whoever handled that signal before this call, or has taken it since: the runtime of a
/// language that repairs its own faults, another crash handler. Those are called as without this library, each time,
/// and a fault is recorded only if they let the process end of it; on Windows an abort is recorded before they are
/// called. Exit status and core dump are what they would have been. This costs a record in three cases:
/// - A handler from before ends the process itself, by `_exit`, or by a signal that is not blocked meanwhile, as glog's
///   is in a process with further threads.
/// - One that came later does not hand on what it does not want.
/// - The signal was given back to the system, as `faulthandler.disable()` does. It is taken again by the next record
///   that is logged 100 ms later, by `flush`, and by another call of this.
///
/// And a Java VM that came later hands a crash on to this handler instead of writing its own report.
///
/// Where the file of the role is gone, or may not grow any more (`ulimit -f`), and in a child by `fork` that has logged
/// nothing yet, the record is in a file of its own, beside the others.
///
/// Only what is safe in a signal handler is used: no memory is taken from the heap.
///
/// Each call gives the calling thread a stack of its own for the handler, unless it has one. A stack overflow is
/// recorded in these threads only, every other crash in each thread. Thread-safe; throws `std::bad_alloc` only.
void install_crash_handler();

/// What `waitpid`, `std::system` and `pclose` give: on POSIX no exit code, but one with the signal in a single number.
/// On Windows it is the exit code.
struct wait_status {
    int value;
};

/// `exit code 3`, or `killed by SIGKILL (9), as the OOM killer does`; on Windows also
/// `exit code 0xc0000005 (access violation)`.
///
///     int status = 0;
///     waitpid(worker, &status, 0);
///     logger->log(status == 0 ? spdlog::level::info : spdlog::level::err, "Worker process {} ended: {}", worker,
///                 chainner::describe_exit(chainner::wait_status{status}));
///
/// Thread-safe; throws `std::bad_alloc` only.
std::string describe_exit(wait_status status);

/// The same for an exit code, or a signal's number with a minus sign: what Python's `subprocess` calls `returncode`,
/// and `GetExitCodeProcess` gives on Windows. Not for what `waitpid` gives.
std::string describe_exit(std::int64_t status);

}  // namespace chainner
