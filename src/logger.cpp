#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <chainner/logger.hpp>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include "log_directory.hpp"
#include "platform/process.hpp"
#include "process_loggers.hpp"
#include "record/escaping.hpp"
#include "record/record_format.hpp"

namespace chainner {

namespace fs = std::filesystem;
using spdlog::fmt_lib::format;

namespace {

using detail::role_logger;

constexpr std::size_t most_files = 200'000;  // spdlog's limit

role_logger& logger_of(role process_role) {
    return detail::loggers_of_process().loggers.at(static_cast<std::size_t>(process_role));
}

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

std::optional<role> find_role(std::string_view name) {
    const auto* const found = std::find(detail::role_names.begin(), detail::role_names.end(), name);
    if (found == detail::role_names.end()) return std::nullopt;
    return static_cast<role>(found - detail::role_names.begin());
}

/// By the names that spdlog knows, in any case.
std::optional<spdlog::level::level_enum> parse_level(std::string name) {
    // Not as the program's language has it: the small letter of I has no dot in Turkish.
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    const auto found = spdlog::level::from_str(name);
    return found == spdlog::level::off && name != "off" ? std::nullopt : std::optional(found);
}

/// What `text`, like `info` or `info,worker=debug`, says of a role: `by_program` if nothing. Nothing if it makes no
/// sense.
std::optional<spdlog::level::level_enum> parse_levels(std::string_view text, std::string_view role_name,
                                                      spdlog::level::level_enum by_program) {
    std::optional<spdlog::level::level_enum> for_all, for_role;
    for (std::size_t end = 0; end != text.npos; text.remove_prefix(std::min(end + 1, text.size()))) {
        end = text.find(',');
        const std::string_view part = text.substr(0, end);
        const std::size_t equal = part.find('=');
        const auto level = parse_level(std::string(part.substr(equal + 1)));  // npos + 1 is 0
        const std::string_view name = part.substr(0, equal == part.npos ? 0 : equal);
        if (!level || (equal != part.npos && !find_role(name))) return std::nullopt;
        if (equal == part.npos) for_all = level;
        if (name == role_name) for_role = level;
    }
    return for_role.value_or(for_all.value_or(by_program));
}

/// What the environment says, if it says it in a way that is understood, else what the program says.
bool is_wanted(const char* variable, bool by_program, std::vector<std::string>& warnings) {
    const auto value = platform::variable(variable);
    if (!value) return by_program;
    if (value == "0" || value == "1") return value == "1";
    warnings.push_back(format("{}={} is ignored: it must be 0 or 1", variable, *value));
    return by_program;
}

/// Opens the file where the options, else the environment, want it. false if no folder can be used.
bool open_file(role_logger& log, const logger_options& options, std::vector<std::string>& warnings) {
    const bool is_group_readable = is_wanted("CHAINNER_LOG_GROUP_READABLE", options.group_readable, warnings);
    const bool has_utc_offset = is_wanted("CHAINNER_LOG_UTC_OFFSET", options.utc_offset, warnings) &&
                                options.file_pattern == default_file_pattern;
    const auto open_in = [&](const fs::path& directory, platform::sharing sharing) {
        log.file->lock()->open(
            {fs::absolute(directory), sharing, log.role_name, options.max_file_size, options.max_files,
             is_group_readable},
            options.application_version,
            detail::make_formatter(has_utc_offset ? detail::file_pattern_with_utc_offset : options.file_pattern),
            warnings);
        log.has_utc_offset = has_utc_offset;
        return true;
    };
    if (!options.log_dir.empty()) return open_in(options.log_dir, platform::sharing::none);
    for (const auto& [directory, reason, sharing, known_problem] :
         detail::directory_candidates(detail::current_directory_input())) {
        std::string problem = known_problem;
        try {
            if (problem.empty()) return open_in(directory, sharing);
        } catch (const fs::filesystem_error& error) {
            problem = error.what();
        }
        warnings.push_back(format("Log folder passed over ({}): {}", reason, problem));
    }
    return false;
}

/// Sets the level, for which the environment has the last word.
void set_level(role_logger& log, spdlog::level::level_enum level, std::vector<std::string>& warnings) {
    const auto wanted = platform::variable("CHAINNER_LOG_LEVEL");
    const auto found = wanted ? parse_levels(*wanted, log.role_name, level) : level;
    log.logger->set_level(found.value_or(level));
    if (found) return;
    warnings.push_back(
        format("CHAINNER_LOG_LEVEL={} is ignored: it must be trace, debug, info, warning, error, critical or off, "
               "or one of them for a role (host or worker), as in info,worker=debug",
               *wanted));
}

/// Writes a record of our own, which may read as no message may.
void log_internal(role_logger& log, spdlog::level::level_enum level, const std::string& text) {
    log.logger->log(detail::internal_source, level, spdlog::string_view_t(text));
}

/// For whoever has locked `setup`.
void set_up(role_logger& log, const logger_options& options, std::vector<std::string> warnings) {
    check(options);
    if (!options.to_file || !open_file(log, options, warnings)) log.file->lock()->close(warnings);
    if (options.to_console) {
        log.console->lock()->open(detail::make_formatter(options.console_pattern), options.color);
    } else {
        log.console->lock()->close();
    }
    log.console->before_record = nullptr;  // a child that is set up anew tells of itself below
    set_level(log, options.level, warnings);
    if (!log.is_set_up) {
        const platform::blocked_signals uninterrupted;  // who calls `exit` there would wait for the registry's locks
        spdlog::drop(log.logger->name());
        spdlog::register_logger(log.logger);
    }

    const fs::path path = log.file->lock()->path();
    const std::string where = !path.empty()     ? ". Log file: " + platform::to_utf8(path)
                              : options.to_file ? " (no folder can be used - no file logging)"
                                                : " (dev mode - no file logging)";
    const std::string opening = format("{}{} process{}", detail::session_opening, log.role_name, where);
    if (log.logger->should_log(spdlog::level::info)) {
        log_internal(log, spdlog::level::info, opening);
    } else {
        // Readers tell the sessions of a file by these records, whatever the level.
        log.file->log({detail::internal_source, log.logger->name(), spdlog::level::info, opening});
    }
    log.file->lock()->begin_session();
    for (const std::string& each : warnings) log_internal(log, spdlog::level::warn, each);
    log.is_set_up = true;
}

/// Where the role is set up, nothing is waited for. A signal handler that has interrupted a set-up gets the logger as
/// far as it is.
std::shared_ptr<spdlog::logger> set_up_once(role_logger& log, std::vector<std::string> warnings) {
    detail::process_loggers& process = detail::loggers_of_process();
    if (!log.is_set_up) {
        if (detail::lock_note::is_any_noted()) return log.logger;
        const auto setup = process.setup.lock();
        if (!log.is_set_up) set_up(log, {}, std::move(warnings));
    }
    role_logger* none = nullptr;
    process.own.compare_exchange_strong(none, &log);
    return log.logger;
}

}  // namespace

std::shared_ptr<spdlog::logger> setup_logger(role process_role, const logger_options& options) {
    if (detail::lock_note::is_any_noted()) {
        throw std::system_error(std::make_error_code(std::errc::resource_deadlock_would_occur),
                                "setup_logger was called in a signal handler that has interrupted a logging call");
    }
    detail::process_loggers& process = detail::loggers_of_process();
    role_logger& log = logger_of(process_role);
    const auto setup = process.setup.lock();
    set_up(log, options, {});
    process.own = &log;
    return log.logger;
}

std::shared_ptr<spdlog::logger> get_logger(role process_role) { return set_up_once(logger_of(process_role), {}); }

std::shared_ptr<spdlog::logger> get_logger_from_env() {
    if (const role_logger* own = detail::loggers_of_process().own) return own->logger;
    const std::string name = platform::variable("CHAINNER_PROCESS_TYPE").value_or("worker");
    if (const auto found = find_role(name)) return get_logger(*found);
    return set_up_once(logger_of(role::worker),
                       {format("CHAINNER_PROCESS_TYPE={} is no role: it must be host or worker", name)});
}

role parse_role(std::string_view name) {
    if (const auto found = find_role(name)) return *found;
    throw std::invalid_argument(format("\"{}\" is no role; it must be \"host\" or \"worker\"", name));
}

}  // namespace chainner
