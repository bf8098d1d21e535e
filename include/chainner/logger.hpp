#pragma once

#include <spdlog/logger.h>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

/// Logs for chaiNNer's backend processes: each process writes its own file, `host.log` or `worker.log`, and a
/// coloured console (stderr) beside it.
///
///     #include <chainner/logger.hpp>
///
///     int main() {
///         auto logger = chainner::setup_logger("worker");
///         logger->info("loaded {} models in {:.1f} s", 3, 0.8);
///     }
///
/// When a logging call returns, its record has been handed to the kernel: it survives any death of the process, though
/// not a loss of power. Logging calls never throw because of the file or the console. They wait for a console that
/// nobody reads once, for 100 ms, and for a slow one no longer than a second a call.
///
/// A signal handler may interrupt any call of this library, and then call `exit` or `fork`, log, or get the logger.
/// What it logs in the midst of a call is dropped. It must not take memory, though, if it may have interrupted the
/// program's `malloc`; a message of more than 250 bytes takes some inside of spdlog.
///
/// These are ordinary spdlog loggers, so what other code does to all of spdlog's loggers reaches them as well:
/// `spdlog::set_level(off)` silences them.
namespace chainner {

/// The part that a process plays in the backend. It names the logger (`chaiNNer.host`) and the file (`host.log`).
enum class role { host, worker };

/// `2025-10-19 05:52:25.123 [1234] [INFO] message`
inline constexpr char default_file_pattern[] = "%Y-%m-%d %H:%M:%S.%e [%P] [%l] %v";

/// `[05:52:25] [1234] [INFO] message`, the level coloured
inline constexpr char default_console_pattern[] = "[%H:%M:%S] [%P] [%^%l%$] %v";

/// How a role's logger is set up. The defaults are what chaiNNer's backend uses in production.
///
///     chainner::logger_options options;
///     options.log_dir = "/var/log/upscaler";
///     options.level = spdlog::level::debug;
///     auto logger = chainner::setup_logger(chainner::role::host, options);
struct logger_options {
    /// Folder of the files, created if missing, private to this user. It wins over the variable `CHAINNER_LOG_DIR`.
    /// Empty: `log_directory()` decides, which asks that variable first.
    std::filesystem::path log_dir;

    /// Records below this level are dropped, but for those that mark the beginning and the end of a session in the
    /// file. The variable `CHAINNER_LOG_LEVEL` wins over it, so that a user can be asked for more detail: `trace`,
    /// `debug`, `info`, `warning`, `error`, `critical` or `off`, in any case, and for one role as in
    /// `info,worker=debug`.
    spdlog::level::level_enum level = spdlog::level::info;

    /// false: no file, console only (the backend's `--dev`).
    bool to_file = true;

    /// false: nothing on stderr.
    bool to_console = true;

    /// Bytes. A record that would take the file past this size starts a new file; at least 1. A record larger
    /// than this stays whole, in a file of its own. Less where this process may not write so large files
    /// (RLIMIT_FSIZE); a WARNING then says so.
    std::size_t max_file_size = 10 * 1024 * 1024;

    /// Rotated files kept beside the live one (`host.1.log` is the newest of them), 0 to 200,000. When the file is
    /// opened, those beyond are deleted, and so are all but as many files of other instances that have ended.
    std::size_t max_files = 5;

    /// Any spdlog pattern. `%l` is the level in capitals (`WARNING`), `%P` the process id, `%z` the UTC offset of the
    /// record's time (`+02:00`), `%n` the name of the logger. Whatever the pattern, line breaks in a message are
    /// followed by a tab and its control characters become visible escapes (`\x1b`). The first letter of a message that
    /// begins like one of the logger's own records about a session is escaped as well (`\x4c`).
    ///
    /// The readers of logs (`show`, the report, lnav, the collector) know `default_file_pattern` only, with or without
    /// the UTC offset. In another pattern, JSON say, they find lines without a time and a level, nothing tells a
    /// session that was killed, and quotes and line breaks in a message are not escaped as JSON wants it.
    std::string file_pattern = default_file_pattern;

    /// As `file_pattern`; what stands between `%^` and `%$` is coloured.
    std::string console_pattern = default_console_pattern;

    /// true: times in the file say their UTC offset, `2025-10-19 05:52:25.123+02:00`, for readers in other zones and
    /// for the hour that comes twice in autumn. The variable `CHAINNER_LOG_UTC_OFFSET` (`1`: true, `0`: false) wins
    /// over it. Both change `default_file_pattern` only: another `file_pattern` stays as it is, and has `%z` or not.
    bool utc_offset = false;

    /// true: the group of the log files may read them, as a collector may have to that runs as another user. false:
    /// they are created for this user alone, and one that is there already stays as it is. Nobody else may ever write
    /// to them. The variable `CHAINNER_LOG_GROUP_READABLE` (`1`: true, `0`: false) wins over it. The folder is not
    /// touched, and one that this library has created lets nobody else in: create it first. No effect on Windows, where
    /// a file may be read by those who may read its folder.
    bool group_readable = false;

    /// Of the program that logs, as its users know it: each file says which version wrote it.
    std::string application_version;

    /// `automatic`: `NO_COLOR` turns colour off, else `FORCE_COLOR` or `CLICOLOR_FORCE` turns it on, else it is on
    /// when stderr is a terminal and `TERM` is not `dumb`.
    spdlog::color_mode color = spdlog::color_mode::automatic;
};

/// Sets up the logger of a role and makes this role the process's own, the one that `get_logger_from_env()` returns.
///
/// Called again it changes the same logger in place: every pointer handed out earlier writes to the new place
/// from then on, also while other threads are logging. At any level, the first record in the file says where it is, the
/// second who writes it, and the last record of a process that ends in good order says so.
///
/// If another process already writes `host.log` in that folder, this one takes `host-2.log`, and so on; also, with a
/// WARNING, if `host.log` is a link, has a second name, belongs to another user, is locked by a program that reads it,
/// or cannot be opened by this user. A default folder that cannot be used is passed over for the next one, and a
/// WARNING record says so.
///
/// Throws `std::invalid_argument` for a limit or a level that makes no sense, and `std::filesystem::filesystem_error`
/// if `options.log_dir` cannot be used; the logger then goes on as it was. Throws `std::system_error` in a signal
/// handler that has interrupted a call of this library. Thread-safe.
std::shared_ptr<spdlog::logger> setup_logger(role process_role, const logger_options& options = {});

/// The logger of a role, set up with the default options if it is not yet set up. Throws as `setup_logger` does
/// without options: never because of files. Thread-safe; takes no lock once the role is set up. A signal handler that
/// has interrupted the set-up gets the logger as far as it is.
///
/// It is registered with spdlog as `chaiNNer.host` or `chaiNNer.worker`, until the program drops it there, and lives as
/// long as the process: logging is safe in static destructors and after `spdlog::shutdown()`.
std::shared_ptr<spdlog::logger> get_logger(role process_role);

/// The logger of this process: of the role that it has set up, else of the role in the variable
/// `CHAINNER_PROCESS_TYPE` (`host` or `worker`; unset or anything else: worker), set up with the default options.
/// Thread-safe, as `get_logger`.
std::shared_ptr<spdlog::logger> get_logger_from_env();

/// `"host"` or `"worker"`; throws `std::invalid_argument`, naming the value, for anything else. Thread-safe.
role parse_role(std::string_view name);

/// As above with the role by its name: `setup_logger("host")`. Throws also what `parse_role` throws.
inline std::shared_ptr<spdlog::logger> setup_logger(std::string_view role_name, const logger_options& options = {}) {
    return setup_logger(parse_role(role_name), options);
}

/// As above with the role by its name: `get_logger("worker")`. Throws also what `parse_role` throws.
inline std::shared_ptr<spdlog::logger> get_logger(std::string_view role_name) {
    return get_logger(parse_role(role_name));
}

}  // namespace chainner
