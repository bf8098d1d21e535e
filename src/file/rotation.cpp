#include "file/rotation.hpp"

#include <spdlog/common.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/sinks/rotating_file_sink.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <iterator>

#include "platform/file.hpp"
#include "platform/process.hpp"

namespace chainner::detail {

namespace fs = std::filesystem;

namespace {

/// Only the last part of the name goes through spdlog, which may have been built for narrow names: it is of ASCII.
fs::path rotated_name(const fs::path& path, std::size_t rotation) {
    const std::string name = path.filename().string();
    return path.parent_path() /
           spdlog::sinks::rotating_file_sink_mt::calc_filename(spdlog::filename_t(name.begin(), name.end()), rotation);
}

/// Takes a separator and the number after it off the beginning of `text`.
std::optional<int> take_number(std::string_view& text, char separator) {
    int number = 0;
    if (text.empty() || text.front() != separator) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), number);
    if (error != std::errc() || number < 1 || text[1] == '0') return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

/// Whether so many newer ones of its instance are missing that it cannot be ours.
bool is_apart(const role_file& file, const std::vector<role_file>& files) {
    constexpr std::ptrdiff_t most_missing = 2;  // a kill in the midst of a rotation leaves a gap
    const auto newer = std::count_if(files.begin(), files.end(), [&file](const role_file& other) {
        return other.instance == file.instance && other.rotation > 0 && other.rotation < file.rotation;
    });
    return file.rotation - 1 - newer > most_missing;
}

/// Whether a process writes to the file of an instance. `ended` holds the file of one that has ended, so that no
/// process takes it before its files are deleted.
bool is_live(const fs::path& path, std::vector<platform::file>& ended) {
    try {
        ended.push_back(platform::open_log_file(path, platform::open_mode::existing).opened);
        return false;
    } catch (const fs::filesystem_error&) {
        return true;
    }
}

}  // namespace

fs::path log_location::file(int instance) const {
    return directory / (instance == 1 ? role + ".log" : spdlog::fmt_lib::format("{}-{}.log", role, instance));
}

void rotate_files(const fs::path& path, std::size_t max_files) {
    if (max_files == 0) return platform::remove_open_file(path);
    std::error_code ignored;
    if (fs::exists(fs::symlink_status(rotated_name(path, max_files - 1), ignored))) {
        // To rename a file over another one makes some file systems write it to the disk first, for milliseconds.
        fs::remove(rotated_name(path, max_files), ignored);
    }
    for (std::size_t to = max_files; to > 0; --to) {
        const fs::path name = rotated_name(path, to - 1);
        const std::error_code error = platform::rename_file(name, rotated_name(path, to));
        const bool is_absent = error == std::errc::no_such_file_or_directory && to > 1;
        if (error && !is_absent) throw fs::filesystem_error("cannot rename the log file", name, error);
    }
}

std::optional<role_file> parse_file_name(const fs::path& path, std::string_view role) {
    const std::string name = platform::to_utf8(path.filename());
    if (name.compare(0, role.size(), role) != 0) return std::nullopt;
    std::string_view rest = std::string_view(name).substr(role.size());
    role_file found{path, take_number(rest, '-').value_or(1), 0, {}};
    const bool is_of_crash = rest == ".crash.txt";
    found.rotation = is_of_crash ? -1 : take_number(rest, '.').value_or(0);
    if ((!is_of_crash && rest != ".log") || found.instance > max_instances) return std::nullopt;
    return found;
}

std::vector<role_file> surplus_files(std::vector<role_file> files, int own_instance,
                                     const std::set<int>& live_instances, std::size_t max_files) {
    std::sort(files.begin(), files.end(), [](const role_file& left, const role_file& right) {
        return left.written != right.written ? left.written > right.written : left.rotation < right.rotation;
    });
    std::vector<role_file> surplus;
    std::set<int> kept_instances = live_instances;
    std::size_t left_by_ended = 0;
    for (const role_file& each : files) {
        if (each.rotation < 0 || is_apart(each, files)) continue;
        const bool is_live = live_instances.count(each.instance) != 0;  // others may be allowed more than we
        const bool is_surplus = each.instance == own_instance ? each.rotation > static_cast<int>(max_files)
                                                              : !is_live && left_by_ended++ > max_files;
        if (is_surplus) {
            surplus.push_back(each);
        } else {
            kept_instances.insert(each.instance);
        }
    }
    std::copy_if(files.begin(), files.end(), std::back_inserter(surplus),
                 [&](const role_file& each) { return each.rotation < 0 && kept_instances.count(each.instance) == 0; });
    return surplus;
}

void remove_surplus_files(const log_location& location, int own_instance) noexcept try {
    std::vector<role_file> files;
    std::vector<platform::file> ended;
    std::set<int> live;
    for (int instance = 1; instance <= own_instance; ++instance) live.insert(instance);
    for (const fs::path& name : platform::names_in(location.directory)) {
        std::optional<role_file> found = parse_file_name(location.directory / name, location.role);
        std::error_code ignored;
        if (!found || fs::symlink_status(found->path, ignored).type() != fs::file_type::regular) continue;
        const bool may_live = found->rotation == 0 && found->instance > own_instance;
        if (may_live && is_live(found->path, ended)) live.insert(found->instance);
        if (found->instance > own_instance) found->written = fs::last_write_time(found->path, ignored);
        files.push_back(*std::move(found));
    }
    for (const role_file& each : surplus_files(std::move(files), own_instance, live, location.max_files)) {
        // A process that could not open a new file goes on in the one that it has renamed.
        if (each.rotation > 0 && each.instance != own_instance && is_live(each.path, ended)) continue;
        std::error_code ignored;
        fs::remove(each.path, ignored);
    }
} catch (const std::exception&) {
    // A folder that cannot be listed keeps its files.
}

}  // namespace chainner::detail
