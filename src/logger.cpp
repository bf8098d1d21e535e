#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chainner/logger.hpp>
#include <optional>
#include <stdexcept>
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

std::size_t index_of(role process_role) { return static_cast<std::size_t>(process_role); }

role_logger& logger_of(role process_role) { return detail::loggers_of_process().loggers.at(index_of(process_role)); }

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

/// What the environment says, if it says it in a way that is understood, else what the program says.
bool is_wanted(const char* variable, bool by_program, std::vector<std::string>& warnings) {
    const auto value = platform::variable(variable);
    if (!value) return by_program;
    if (value == "0" || value == "1") return value == "1";
    warnings.push_back(format("{}={} is ignored: it must be 0 or 1", variable, *value));
    return by_program;
}

/// Opens the file where the options, else the environment, want it. Returns what is to be warned of.
std::vector<std::string> open_file(role_logger& log, const logger_options& options) {
    std::vector<std::string> warnings;
    const bool is_group_readable = is_wanted("CHAINNER_LOG_GROUP_READABLE", options.group_readable, warnings);
    const bool has_utc_offset = is_wanted("CHAINNER_LOG_UTC_OFFSET", options.utc_offset, warnings) &&
                                options.file_pattern == default_file_pattern;
    const auto open_in = [&](const fs::path& directory, platform::sharing sharing) {
        const std::vector<std::string> more = log.file->lock()->open(
            {fs::absolute(directory), sharing, log.role_name, options.max_file_size, options.max_files,
             is_group_readable},
            options.application_version,
            detail::make_formatter(has_utc_offset ? detail::file_pattern_with_utc_offset : options.file_pattern));
        warnings.insert(warnings.end(), more.begin(), more.end());
        log.has_utc_offset = has_utc_offset;
    };
    if (!options.log_dir.empty()) {
        open_in(options.log_dir, platform::sharing::none);
        return warnings;
    }
    const auto pass_over = [&](const detail::directory_candidate& candidate, const std::string& problem) {
        warnings.push_back(format("Log folder passed over ({}): {}", candidate.reason, problem));
    };
    for (const auto& candidate : detail::directory_candidates(detail::current_directory_input())) {
        if (!candidate.problem.empty()) {
            pass_over(candidate, candidate.problem);
            continue;
        }
        try {
            open_in(candidate.directory, candidate.sharing);
            return warnings;
        } catch (const fs::filesystem_error& error) {
            pass_over(candidate, error.what());
        }
    }
    log.file->lock()->close();
    return warnings;
}

/// Sets the level, for which the environment has the last word. Returns what is to be warned of.
std::vector<std::string> set_level(spdlog::logger& logger, spdlog::level::level_enum level) {
    logger.set_level(level);
    const auto name = platform::variable("CHAINNER_LOG_LEVEL");
    if (!name) return {};
    if (const auto wanted = parse_level(*name)) {
        logger.set_level(*wanted);
        return {};
    }
    return {format("CHAINNER_LOG_LEVEL={} is ignored: it must be trace, debug, info, warning, error, critical or off",
                   *name)};
}

/// Writes records of our own, which may read as no message may.
void log_internal(spdlog::logger& logger, spdlog::level::level_enum level, const std::string& text) {
    logger.log(detail::internal_source, level, spdlog::string_view_t(text));
}

void set_up(role process_role, const logger_options& options, detail::setup_state& state,
            std::vector<std::string> warnings) {
    check(options);
    role_logger& log = logger_of(process_role);
    const auto warn = [&warnings](std::vector<std::string> more) {
        warnings.insert(warnings.end(), more.begin(), more.end());
    };
    if (options.to_file) {
        warn(open_file(log, options));
    } else {
        log.file->lock()->close();
    }
    if (options.to_console) {
        log.console->lock()->open(detail::make_formatter(options.console_pattern), options.color);
    } else {
        log.console->lock()->close();
    }
    warn(set_level(*log.logger, options.level));
    if (!std::exchange(state.is_set_up.at(index_of(process_role)), true)) {
        spdlog::drop(log.logger->name());
        spdlog::register_logger(log.logger);
    }

    const fs::path path = log.file->lock()->path();
    const std::string where = !path.empty()     ? ". Log file: " + platform::to_utf8(path)
                              : options.to_file ? " (no folder can be used - no file logging)"
                                                : " (dev mode - no file logging)";
    log_internal(*log.logger, spdlog::level::info,
                 format("{}{} process{}", detail::session_opening, log.role_name, where));
    if (log.logger->should_log(spdlog::level::info)) log.file->lock()->begin_session();
    for (const std::string& each : warnings) log_internal(*log.logger, spdlog::level::warn, each);
}

std::shared_ptr<spdlog::logger> set_up_once(role process_role, detail::setup_state& state,
                                            std::vector<std::string> warnings) {
    role_logger& log = logger_of(process_role);
    if (!state.is_set_up.at(index_of(process_role))) set_up(process_role, {}, state, std::move(warnings));
    if (detail::loggers_of_process().own == nullptr) detail::loggers_of_process().own = &log;
    return log.logger;
}

}  // namespace

std::shared_ptr<spdlog::logger> setup_logger(role process_role, const logger_options& options) {
    detail::process_loggers& process = detail::loggers_of_process();
    const auto state = process.setup.lock();
    set_up(process_role, options, *state, {});
    process.own = &logger_of(process_role);
    return logger_of(process_role).logger;
}

std::shared_ptr<spdlog::logger> get_logger(role process_role) {
    const auto state = detail::loggers_of_process().setup.lock();
    return set_up_once(process_role, *state, {});
}

std::shared_ptr<spdlog::logger> get_logger_from_env() {
    detail::process_loggers& process = detail::loggers_of_process();
    const auto state = process.setup.lock();
    if (const role_logger* own = process.own) return own->logger;
    const std::string name = platform::variable("CHAINNER_PROCESS_TYPE").value_or("worker");
    if (name == "host") return set_up_once(role::host, *state, {});
    if (name == "worker") return set_up_once(role::worker, *state, {});
    return set_up_once(role::worker, *state,
                       {format("CHAINNER_PROCESS_TYPE={} is no role: it must be host or worker", name)});
}

role parse_role(std::string_view name) {
    const auto found = std::find(detail::role_names.begin(), detail::role_names.end(), name);
    if (found == detail::role_names.end()) {
        throw std::invalid_argument(format("\"{}\" is no role; it must be \"host\" or \"worker\"", name));
    }
    return static_cast<role>(found - detail::role_names.begin());
}

}  // namespace chainner
