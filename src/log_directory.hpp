#pragma once

// Where the files live: a pure function of its input.

#include <filesystem>
#include <string>
#include <vector>

#include "platform/directory.hpp"
#include "platform/process.hpp"

namespace chainner::detail {

/// All that the choice of the log folder depends on.
struct directory_input {
    platform::operating_system system;
    std::filesystem::path chainner_log_dir;
    std::string chainner_env;
    std::filesystem::path appdata;
    std::filesystem::path xdg_config_home;
    std::filesystem::path home;
    std::filesystem::path temporary;
    std::string temporary_problem;  // why there is none
    std::filesystem::path executable_directory;
    bool is_portable = false;  // something named `portable` lies next to the executable
    std::string user_id;
};

struct directory_candidate {
    std::filesystem::path directory;
    std::string reason;  // why here
    platform::sharing sharing = platform::sharing::none;
    std::string problem;  // why it is passed over; empty if it is to be tried
};

/// Reads the environment.
directory_input current_directory_input();

/// The folders to be tried, best first. Pure, so that each system's choice can be tested on any system.
std::vector<directory_candidate> directory_candidates(const directory_input& input);

/// Why it cannot be used now; empty if it can. Changes nothing.
std::string problem_of(const directory_candidate& candidate);

/// The frontend's folder, empty if there is none. Pure.
std::filesystem::path platform_log_directory(const directory_input& input);

}  // namespace chainner::detail
