#pragma once

/// What a process says past its logger: `print`, C libraries, the last words of the C++ runtime, programs that it
/// starts.
namespace chainner {

/// From now on each line that is written to the stdout or stderr of this process is a record of its role as well: at
/// level info, with `stdout: ` or `stderr: ` before its text. That goes for whoever writes, C++, C or a program that
/// this one starts: behind the streams there is now a pipe, which a thread of this library reads.
///
///     chainner::setup_logger("worker");
///     chainner::capture_output();
///     std::puts("loading the model");  // 2025-10-19 05:52:25.123 [1234] [INFO] stdout: loading the model
///
/// - Whoever writes waits for that thread at most, so no longer for a reader of stdout or stderr that hangs. It needs
///   no lock and no memory to empty the pipe: also a signal handler may write, whatever it has interrupted.
/// - The streams show what they did before, unchanged and at once, also what is no whole line yet; where both lead to
///   one place, what comes on both within milliseconds may change places. A reader that takes nothing for 100 ms misses
///   lines, and is told how many.
/// - Each whole line that a thread has written before it logs stands before its record.
/// - What was written before a crash, `abort`, `exit`, on Linux `quick_exit`, and on POSIX systems before a signal that
///   ends the program, is in the log; on POSIX systems also what static objects write when they are destroyed. For that
///   it calls `install_crash_handler`, and handles those of these signals that the program does not. After SIGKILL,
///   `_exit`, or `TerminateProcess` on Windows, what was not yet taken is missing.
/// - What C or C++ still holds in a buffer of its own is not written yet. On Linux, C's stdout is written by lines from
///   now on, unless it has no buffer; elsewhere `std::fflush` does it. `exit` and `release_output` write what is left,
///   unless a thread holds the stream for more than 100 ms.
/// - What a program that is started has in a log of its own, as its console tells, is not recorded once more.
///
/// A line without an end becomes a record after a second, and then goes on in another one. Of a progress bar (`\r`), or
/// several below each other (`\x1b[A`), the last state is a record, and on the way at most one a second. A line of more
/// than 64 KiB is several records. Of each stream 2 MiB are held in memory at most, and 64 KiB while nothing hinders.
///
/// The threads of the capture live as long as the process: one whose `main` ends by `pthread_exit` ends by `exit` only.
///
/// Neither stream is a terminal any more for whoever asks. A program that this process has started is captured as long
/// as this process lives; afterwards its writes fail. Before `exec` in place of this process, call `release_output`.
///
/// A child by `fork` goes on in the pipes of its parent, which reads them, and so does what it executes. It speaks into
/// its own log once it calls this, and from the first record on that it writes after its parent has ended.
///
/// A stream that was closed when the process started is captured too, unless it is now a file that the program has
/// opened. Where the program redirects a stream, what is written there is not captured. Called again, this captures it
/// there, and handles those signals again that the program has set back to their default. Without a role that is set
/// up, it sets up that of `get_logger_from_env()`.
///
/// Throws `std::system_error` if there is no descriptor or thread to be had; both streams are then as they were.
/// Thread-safe. In a signal handler that has interrupted such a call, it does nothing.
void capture_output();

/// Gives the streams back, once what was written until now is in the log; to a child by `fork`, those that its parent
/// had. A stream that the program has redirected stays as it is. Programs that were started meanwhile are still
/// captured. Without a capture nothing happens. The end of the process does it as well, so that nothing is lost that
/// comes still later. Thread-safe; throws nothing.
void release_output() noexcept;

}  // namespace chainner
