#pragma once

// The files of a role: their names, how they are rotated, and which of them are deleted.

#include <cstddef>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "platform/directory.hpp"

namespace chainner::detail {

/// Where a role's files are, and how many.
struct log_location {
    std::filesystem::path directory;  // created if missing
    platform::sharing sharing = platform::sharing::none;
    std::string role;           // the file's name without `.log`
    std::size_t max_size = 0;   // bytes
    std::size_t max_files = 0;  // rotated ones
    bool is_group_readable = false;

    std::filesystem::path file(int instance = 1) const;
};

constexpr int max_instances = 1000;

/// Renames `host.log` to `host.1.log`, that one to `host.2.log`, and so on, in the order and to the names that
/// `spdlog::sinks::rotating_file_sink_mt` uses. It is not that sink which does it: where the system cannot tell whether
/// a file is there, the sink takes it for absent, and renames the next one over it. Throws
/// `std::filesystem::filesystem_error`; whatever could not be renamed is there under its name, and so is what is newer.
void rotate_files(const std::filesystem::path& path, std::size_t max_files);

struct role_file {
    std::filesystem::path path;
    int instance = 1;  // `host-2.log`, `host-2.1.log`: 2
    int rotation = 0;  // `host.log`: 0; `host.1.log`: 1; `host.crash.txt`, which goes with the others: -1
    std::filesystem::file_time_type written;
};

/// What the name of a file tells; nothing if it cannot be a file of that role.
std::optional<role_file> parse_file_name(const std::filesystem::path& path, std::string_view role);

/// Those of the files that are too many. A rotated file counts only if the newer ones of its instance are there:
/// nothing else tells it from somebody's `host.2024.log`. Of those that live, our own instance keeps its file and
/// `max_files` rotated ones, others keep theirs. Of all that ended instances have left together, the newest are kept,
/// as many as one instance may have.
std::vector<role_file> surplus_files(std::vector<role_file> files, int own_instance,
                                     const std::set<int>& live_instances, std::size_t max_files);

/// Deletes them, for the process that has opened the file of `own_instance`, the first that was to be had, and that has
/// locked the folder. What cannot be deleted stays.
void remove_surplus_files(const log_location& location, int own_instance) noexcept;

}  // namespace chainner::detail
