#pragma once

/// What a process says past its logger: `print`, C libraries, the last words of the C++ runtime, programs that it
/// starts.
namespace chainner {

/// From now on each line that is written to the stdout or stderr of this process is a record of its role as well: at
/// level info, with `stdout: ` or `stderr: ` before its text. That goes for whoever writes, C++, C or a program that
/// this one starts, as what stands behind the streams is now a pipe, which a thread of this library reads.
///
///     chainner::setup_logger("worker");
///     chainner::capture_output();
///     std::puts("loading the model");  // 2025-10-19 05:52:25.123 [1234] [INFO] stdout: loading the model
///
/// - Whoever writes waits for that thread at most, so no longer for a reader of stdout or stderr that hangs.
/// - The streams show what they did before, unchanged and at once, also what is no whole line yet. A reader that takes
///   nothing for 100 ms misses lines, as it does with records on the console, and is told how many.
/// - Each whole line that a thread has written before it logs stands before its record.
/// - A signal that comes in the midst of a logging call is handled after it, so its handler may write to the streams.
///   One that writes more than 64 KiB at once must not interrupt the program's own `malloc`: the thread needs it.
/// - What was written before a crash, `abort` or `exit` is in the log. So it is on POSIX systems before a signal that
///   ends the program, like SIGTERM or SIGUSR1, and on Linux before `quick_exit` and `_exit`, in the place of which a
///   program that is linked with this library has one that waits for the thread. For all that it calls
///   `install_crash_handler`, and handles those of these signals that the program does not. After SIGKILL, or
///   `TerminateProcess` on Windows, what the thread had not yet read is missing.
/// - What C or C++ still holds in a buffer of its own is not written yet. On Linux, C's stdout is written by lines from
///   now on, unless it has no buffer; elsewhere `std::fflush` does it. `exit` and `release_output` write what is left.
///
/// A line without an end becomes a record after a second, and then goes on in another one. Of a progress bar (`\r`) the
/// last state is a record, and on the way at most one a second. A line of more than 64 KiB is several records. No more
/// than 1.5 MiB of each stream are held in memory, and 256 KiB where nobody logs meanwhile.
///
/// Neither stream is a terminal any more for whoever asks, so that no colours get into the log. A child by `fork`
/// speaks into a capture of its own from its first record on. A program that this process has started is captured as
/// long as this process lives; afterwards its writes fail, as on any pipe without a reader. Before `exec` in place of
/// this process, call `release_output`.
///
/// A stream that was closed when the process started is captured too, unless it is now a file that the program has
/// opened. Without a role that is set up, this sets up that of `get_logger_from_env()`. Called again, it captures
/// what has been redirected meanwhile, and handles those signals again that the program has set back to their default.
/// Throws `std::system_error` if there is no descriptor or thread to be had; both streams are then as they were.
/// Thread-safe.
void capture_output();

/// Gives the streams back, once what was written until now is in the log. A stream that the program has redirected
/// stays as it is. Programs that were started meanwhile are still captured. Without a capture nothing happens.
/// Thread-safe; throws nothing.
void release_output() noexcept;

}  // namespace chainner
