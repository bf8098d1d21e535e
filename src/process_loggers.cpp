#include "process_loggers.hpp"

#include <spdlog/fmt/fmt.h>

#include <atomic>
#include <cstdlib>
#include <exception>

#include "platform/ending.hpp"
#include "platform/process.hpp"
#include "record/record_format.hpp"

// The hooks of the process. None waits without end for a lock that its own thread, or one that is dead, may hold: a
// thread notes its locks (see `lock_note`), and each of the others is waited for no longer than `lock_patience`.
//
// - The end of the process (see `platform::at_end`): leaves out the closing record where it got no lock. A signal
//   handler may have called `exit` in the midst of a logging call, or of the C library's local time; on Windows, where
//   a DLL learns of the end last, the thread that holds the lock may be dead.
// - Fork: the child goes on behind new locks, whether or not it has waited in vain.
// - A crash (crash_handler.cpp): needs none of these locks, and waits no longer than a second for another crash, and as
//   long for the reader of captured output.
// - SIGTERM and its like, `quick_exit` (output_capture.cpp): wait no longer for that reader either.
// - A signal handler that logs: what it logs in the midst of a call of ours is dropped, see `guarded_sink`.
// - The cancellation of a thread: comes after the lock is released, see `guarded::access`.
// - The unloading of the library that this is a part of: is prevented, see `platform::keep_loaded`.

namespace chainner::detail {

namespace {

template <class Action>
void for_each_lock(Action action) {
    process_loggers& all = loggers_of_process();
    action(all.setup);
    // A console asks its file for the path, so this is the order in which one thread can come to hold both.
    for (role_logger& each : all.loggers) action(*each.console);
    for (role_logger& each : all.loggers) action(*each.file);
}

thread_local int forks = 0;  // one in another's hooks
thread_local platform::signal_mask signals_before_forks;

void let_signals() noexcept {
    if (--forks == 0) platform::set_signal_mask(signals_before_forks);
}

void before_fork() {
    const platform::signal_mask before = platform::block_signals();  // a handler must not fork in the midst of a fork
    if (forks++ == 0) signals_before_forks = before;
    for_each_lock([](auto& each) { each.before_fork(lock_patience); });
}

void after_fork_in_parent() {
    for_each_lock([](auto& each) { each.after_fork_in_parent(); });
    let_signals();
}

std::string path_of(file_sink& file) {
    const auto access = file.lock_for(lock_patience);
    return access ? platform::to_utf8(access->path()) : "the log";
}

/// Before the first record that a child shows: whoever captures it learns so that it has a log of its own.
file_sink::time_point show_opening(file_sink::time_point time) noexcept try {
    const role_logger& own = *loggers_of_process().own.load();
    own.console->before_record = nullptr;
    const std::string path = path_of(*own.file);
    if (path.empty() || !own.logger->should_log(spdlog::level::info)) return time;
    const std::string opening = session::opening_of_child(path);
    own.console->log({internal_source, own.logger->name(), spdlog::level::info, opening});
    return time;
} catch (const std::exception&) {
    return time;  // no memory
}

void after_fork_in_child() {
    lock_note::postpone(nullptr);  // that is the parent's
    for_each_lock([](auto& each) { each.after_fork_in_child(); });
    if (const role_logger* const own = loggers_of_process().own) own->console->before_record = show_opening;
    let_signals();
}

}  // namespace

std::string describe_missing(std::size_t records, file_sink& file) {
    const std::string path = path_of(file);
    return spdlog::fmt_lib::format("{} records were not shown here; they are in {}", records,
                                   path.empty() ? "no file" : path);
}

role_logger::role_logger(std::string_view name_of_role)
    : role_name(name_of_role),
      file(std::make_shared<file_sink>("chaiNNer." + role_name)),
      console(std::make_shared<console_sink>(
          "chaiNNer." + role_name,
          [sink = file.get()](std::size_t missing) { return describe_missing(missing, *sink); })),
      logger(std::make_shared<spdlog::logger>("chaiNNer." + role_name, spdlog::sinks_init_list{file, console})) {
    // spdlog's own handler writes to stderr, where an unread pipe would stop us.
    logger->set_error_handler([log = logger.get()](const std::string& reason) {
        // A cancelled thread unwinds by an exception that is none of C++, for which current_exception() is null.
        static thread_local bool is_handling = false;
        if (is_handling || !std::current_exception()) return;
        is_handling = true;
        log->error("A record could not be formatted: {}", reason);
        is_handling = false;
    });
}

process_loggers& loggers_of_process() {
    static std::atomic<process_loggers*> created{nullptr};
    if (process_loggers* const all = created) return *all;
    // A handler that interrupts this would wait for its own thread.
    const platform::blocked_signals uninterrupted;
    static platform::once hooks;
    hooks([] {
        platform::keep_loaded();
        platform::process_id();  // of a fork's hooks, only those run in the child that were there when it began
        platform::at_fork(before_fork, after_fork_in_parent, after_fork_in_child);
        platform::at_end(end_sessions);
    });
    auto made = std::make_unique<process_loggers>();
    process_loggers* found = nullptr;
    return created.compare_exchange_strong(found, made.get()) ? *made.release() : *found;
}

void settle_output() noexcept {
    if (const output_hooks* const output = loggers_of_process().output) output->settle();
}

namespace {

/// Returns what is lost, where a fault lasts until the end.
std::string end_session_of(const role_logger& log) {
    const auto file = log.file->lock_for(lock_patience);
    return file ? file->end_session() : "";
}

}  // namespace

void end_sessions() {
    if (const output_hooks* const output = loggers_of_process().output) output->finish();
    if (!may_ask_local_time()) return;
    for (role_logger& each : loggers_of_process().loggers) {
        try {
            const std::string lost = end_session_of(each);
            if (!lost.empty()) each.console->log({internal_source, each.logger->name(), spdlog::level::warn, lost});
        } catch (const std::exception&) {
            // No memory: the session has no closing record.
        }
    }
}

}  // namespace chainner::detail
