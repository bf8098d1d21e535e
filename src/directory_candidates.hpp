#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "platform.hpp"

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
    std::filesystem::path executable_directory;
    bool is_portable = false;  // something named `portable` lies next to the executable
    std::string user_id;
};

struct directory_candidate {
    std::filesystem::path directory;
    std::string reason;
    platform::sharing sharing;
};

/// Reads the environment.
directory_input current_directory_input();

/// The folders to be tried, best first. Pure, so that each system's choice can be tested on any system.
std::vector<directory_candidate> directory_candidates(const directory_input& input);

/// The frontend's folder, empty if there is none. Pure.
std::filesystem::path platform_log_directory(const directory_input& input);

}  // namespace chainner::detail
