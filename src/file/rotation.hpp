#pragma once

// Which files of a role are deleted.

#include <cstddef>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "file/log_file.hpp"

namespace chainner::detail {

struct role_file {
    std::filesystem::path path;
    int instance = 1;  // `host-2.log`, `host-2.1.log`: 2
    int rotation = 0;  // `host.log`: 0; `host.1.log`: 1; `host.crash.txt`, which goes with the others: -1
    std::filesystem::file_time_type written;
};

/// What the name of a file tells; nothing if the file is not of that role.
std::optional<role_file> parse_file_name(const std::filesystem::path& path, std::string_view role);

/// Those of the files that are too many. Our own instance keeps its file and `max_files` rotated ones, others that live
/// keep theirs. Of all that ended instances have left together, the newest are kept, as many as one instance may have.
std::vector<role_file> surplus_files(std::vector<role_file> files, int own_instance,
                                     const std::set<int>& live_instances, std::size_t max_files);

/// Deletes them, for the process that has opened the file of `own_instance`, the first that was to be had, and that has
/// locked the folder. What cannot be deleted stays.
void remove_surplus_files(const log_location& location, int own_instance) noexcept;

}  // namespace chainner::detail
