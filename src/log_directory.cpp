#include "log_directory.hpp"

#include <chainner/log_directory.hpp>
#include <utility>

namespace chainner {

namespace fs = std::filesystem;

namespace detail {

directory_input current_directory_input() {
    directory_input input;
    input.system = platform::current_system();
    input.chainner_log_dir = platform::path_variable("CHAINNER_LOG_DIR");
    input.chainner_env = platform::variable("CHAINNER_ENV").value_or("");
    input.appdata = platform::application_data_directory();
    input.xdg_config_home = platform::path_variable("XDG_CONFIG_HOME");
    input.home = platform::home_directory();
    input.executable_directory = platform::executable_directory();
    std::error_code error;
    input.temporary = fs::temp_directory_path(error);
    if (error) input.temporary_problem = error.message() + "; set CHAINNER_LOG_DIR, or TMPDIR to a folder";
    std::error_code ignored;
    input.is_portable =
        !input.executable_directory.empty() && fs::exists(input.executable_directory / "portable", ignored);
    input.user_id = platform::user_id();
    return input;
}

fs::path platform_log_directory(const directory_input& input) {
    using platform::operating_system;
    const bool is_macos = input.system == operating_system::macos;
    fs::path base =
        input.home.empty() ? fs::path() : input.home / (is_macos ? "Library/Application Support" : ".config");
    // The XDG standard has relative paths ignored.
    if (input.system == operating_system::other_unix && input.xdg_config_home.has_root_directory()) {
        base = input.xdg_config_home;
    }
    if (input.system == operating_system::windows) base = input.appdata;
    return base.empty() ? base : base / "chaiNNer" / "logs";
}

std::vector<directory_candidate> directory_candidates(const directory_input& input) {
    using platform::sharing;
    std::vector<directory_candidate> candidates;
    const auto add = [&candidates](fs::path directory, std::string reason, sharing sharing, std::string problem = "") {
        candidates.push_back({std::move(directory), std::move(reason), sharing, std::move(problem)});
    };
    if (!input.chainner_log_dir.empty()) add(input.chainner_log_dir, "CHAINNER_LOG_DIR", sharing::none);
    if (input.is_portable) add(input.executable_directory / "logs", "portable installation", sharing::none);
    if (input.chainner_env == "production") {
        const fs::path directory = platform_log_directory(input);
        add(directory, "CHAINNER_ENV=production", sharing::none,
            directory.empty() ? "this user has no home folder; set HOME or CHAINNER_LOG_DIR" : "");
    }
    add(input.temporary / "chaiNNer" / "logs", "temporary folder", sharing::parent_is_shared, input.temporary_problem);
    // Not `chaiNNer-`: the frontend deletes what is named so when it quits.
    if (!input.temporary.empty() && !input.user_id.empty()) {
        add(input.temporary / ("chaiNNer." + input.user_id) / "logs", "temporary folder, this user's own",
            sharing::parent_is_shared);
    }
    return candidates;
}

std::string problem_of(const directory_candidate& candidate) {
    if (!candidate.problem.empty()) return candidate.problem;
    std::error_code error;
    const fs::path directory = fs::absolute(candidate.directory, error);
    if (!error) error = platform::check_usable(directory, candidate.sharing);
    return error ? error.message() : "";
}

}  // namespace detail

fs::path log_directory() {
    for (const auto& candidate : detail::directory_candidates(detail::current_directory_input())) {
        std::error_code ignored;
        if (detail::problem_of(candidate).empty()) return fs::absolute(candidate.directory, ignored);
    }
    return {};
}

fs::path platform_log_directory() { return detail::platform_log_directory(detail::current_directory_input()); }

}  // namespace chainner
