#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <chainner/logger.hpp>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "console_sink.hpp"
#include "directory_candidates.hpp"
#include "file_sink.hpp"
#include "platform.hpp"
#include "process_log.hpp"
#include "record_format.hpp"

namespace chainner {

namespace fs = std::filesystem;
using spdlog::fmt_lib::format;

namespace {

constexpr std::size_t most_files = 200'000;  // spdlog's limit

constexpr std::array<std::string_view, 2> role_names{"host", "worker"};

std::string name_of(role process_role) { return std::string(role_names.at(static_cast<std::size_t>(process_role))); }

/// A role's logger and its two sinks. Set up again, the sinks change and the logger stays.
struct role_logger {
    explicit role_logger(role process_role)
        : name("chaiNNer." + name_of(process_role)),
          file(std::make_shared<detail::file_sink>(name)),
          console(std::make_shared<detail::console_sink>(name,
                                                         [sink = file.get()] {
                                                             const fs::path path = sink->path();
                                                             return path.empty()
                                                                        ? std::string("they are in no file")
                                                                        : "they are in " + platform::to_utf8(path);
                                                         })),
          logger(std::make_shared<spdlog::logger>(name, spdlog::sinks_init_list{file, console})) {
        // spdlog's own handler writes to stderr, where an unread pipe would stop us.
        logger->set_error_handler([log = logger.get()](const std::string& reason) {
            log->log(spdlog::level::err, spdlog::string_view_t(format("A record could not be formatted: {}", reason)));
        });
    }

    std::string name;
    std::shared_ptr<detail::file_sink> file;  // first, so that a console never comes before it
    std::shared_ptr<detail::console_sink> console;
    std::shared_ptr<spdlog::logger> logger;
    bool is_set_up = false;
};

/// Lives as long as the process: loggers are used in static destructors, and by threads that outlive `main`.
struct process_state {
    std::mutex mutex;
    std::array<role_logger, 2> loggers{role_logger(role::host), role_logger(role::worker)};
    std::atomic<role_logger*> process_logger{nullptr};  // of the role that the process has set up
};

process_state* to_end = nullptr;

process_state& state();

void lock_all() {
    process_state& all = state();
    all.mutex.lock();
    // A console asks its file for the path, so this is the order in which one thread can come to hold both.
    for (role_logger& each : all.loggers) each.console->lock();
    for (role_logger& each : all.loggers) each.file->lock();
}

void unlock_all() {
    process_state& all = state();
    for (role_logger& each : all.loggers) each.file->unlock();
    for (role_logger& each : all.loggers) each.console->unlock();
    all.mutex.unlock();
}

void unlock_all_in_child() {
    for (role_logger& each : state().loggers) {
        each.file->leave_to_parent();
        each.console->leave_to_parent();
    }
    unlock_all();
}

process_state& state() {
    static process_state& instance = [&]() -> process_state& {
        auto* created = to_end = new process_state;
        platform::at_fork(lock_all, unlock_all, unlock_all_in_child);
        std::atexit([] {
            // By a pointer: a thread that has died in the middle of the initialisation would hold up the static one.
            for (role_logger& each : to_end->loggers) each.file->end();
        });
        return *created;
    }();
    return instance;
}

role_logger& logger_of(role process_role) { return state().loggers.at(static_cast<std::size_t>(process_role)); }

void check(const logger_options& options) {
    if (options.max_file_size == 0) throw std::invalid_argument("max_file_size is 0; it must be at least 1 byte");
    if (options.max_files > most_files) {
        throw std::invalid_argument(format("max_files is {}; it must be at most {}", options.max_files, most_files));
    }
    if (options.level < spdlog::level::trace || options.level > spdlog::level::off) {
        throw std::invalid_argument(
            format("level is {}; it must be one of spdlog::level", static_cast<int>(options.level)));
    }
}

std::string lower_case(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

std::optional<spdlog::level::level_enum> parse_level(const std::string& name) {
    constexpr std::array<std::string_view, spdlog::level::n_levels> names{"trace", "debug",    "info", "warning",
                                                                          "error", "critical", "off"};
    const auto found = std::find(names.begin(), names.end(), lower_case(name));
    if (found == names.end()) return std::nullopt;
    return static_cast<spdlog::level::level_enum>(found - names.begin());
}

/// Opens the file where the options, else the environment, want it. What had to be passed over becomes a warning.
void open_file(role_logger& log, role process_role, const logger_options& options, std::vector<std::string>& warnings) {
    const auto open_in = [&](const fs::path& directory, platform::sharing sharing) {
        log.file->open({fs::absolute(directory), sharing, name_of(process_role), options.max_file_size,
                        options.max_files, options.application_version},
                       detail::make_formatter(options.file_pattern));
    };
    if (!options.log_dir.empty()) return open_in(options.log_dir, platform::sharing::none);
    for (const auto& candidate : detail::directory_candidates(detail::current_directory_input())) {
        try {
            return open_in(candidate.directory, candidate.sharing);
        } catch (const fs::filesystem_error& error) {
            warnings.push_back(format("Log folder passed over ({}): {}", candidate.reason, error.what()));
        }
    }
    log.file->close();
}

void set_up(role process_role, const logger_options& options, std::vector<std::string> warnings) {
    check(options);
    role_logger& log = logger_of(process_role);
    if (options.to_file) {
        open_file(log, process_role, options, warnings);
    } else {
        log.file->close();
    }
    if (options.to_console) {
        log.console->open(detail::make_formatter(options.console_pattern), options.color);
    } else {
        log.console->close();
    }
    log.logger->set_level(options.level);
    if (const auto name = platform::variable("CHAINNER_LOG_LEVEL")) {
        if (const auto level = parse_level(*name)) {
            log.logger->set_level(*level);
        } else {
            warnings.push_back(
                format("CHAINNER_LOG_LEVEL={} is ignored: it must be trace, debug, info, warning, error, "
                       "critical or off",
                       *name));
        }
    }
    if (!std::exchange(log.is_set_up, true)) {
        spdlog::drop(log.name);
        spdlog::register_logger(log.logger);
    }

    const fs::path path = log.file->path();
    const std::string where = !path.empty()     ? ". Log file: " + platform::to_utf8(path)
                              : options.to_file ? " (no folder can be used - no file logging)"
                                                : " (dev mode - no file logging)";
    log.logger->info("Logger initialized for {} process{}", name_of(process_role), where);
    if (log.logger->should_log(spdlog::level::info)) log.file->begin_session();
    for (const std::string& each : warnings) log.logger->warn(each);
}

std::shared_ptr<spdlog::logger> set_up_once(role process_role, std::vector<std::string> warnings) {
    role_logger& log = logger_of(process_role);
    if (!log.is_set_up) set_up(process_role, {}, std::move(warnings));
    if (state().process_logger == nullptr) state().process_logger = &log;
    return log.logger;
}

}  // namespace

detail::process_log detail::current_process_log() noexcept {
    const role_logger* const own = state().process_logger;
    return own == nullptr ? process_log() : process_log{own->file->number(), own->file->utc_offset()};
}

std::shared_ptr<spdlog::logger> setup_logger(role process_role, const logger_options& options) {
    const std::lock_guard lock(state().mutex);
    set_up(process_role, options, {});
    state().process_logger = &logger_of(process_role);
    return logger_of(process_role).logger;
}

std::shared_ptr<spdlog::logger> get_logger(role process_role) {
    const std::lock_guard lock(state().mutex);
    return set_up_once(process_role, {});
}

std::shared_ptr<spdlog::logger> get_logger_from_env() {
    const std::lock_guard lock(state().mutex);
    if (const role_logger* own = state().process_logger) return own->logger;
    const std::string name = platform::variable("CHAINNER_PROCESS_TYPE").value_or("worker");
    if (name == "host") return set_up_once(role::host, {});
    if (name == "worker") return set_up_once(role::worker, {});
    return set_up_once(role::worker, {format("CHAINNER_PROCESS_TYPE={} is no role: it must be host or worker", name)});
}

role parse_role(std::string_view name) {
    const auto found = std::find(role_names.begin(), role_names.end(), name);
    if (found == role_names.end()) {
        throw std::invalid_argument(format("\"{}\" is no role; it must be \"host\" or \"worker\"", name));
    }
    return static_cast<role>(found - role_names.begin());
}

}  // namespace chainner
