#include "platform/directory.hpp"

#include <chrono>
#include <thread>

#include "platform/windows/handle.hpp"

namespace chainner::platform {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// The temporary folder is each user's own here, so that no folder of another user can stand in it.

void make_directories(const fs::path& directory, sharing) {
    std::error_code error;
    fs::create_directories(directory, error);
    std::error_code ignored;
    if (fs::is_directory(directory, ignored)) return;
    throw fs::filesystem_error("cannot create the log folder", directory, error);
}

std::error_code check_usable(const fs::path& directory, sharing) {
    fs::path existing = directory;
    std::error_code ignored;
    while (fs::symlink_status(existing, ignored).type() == fs::file_type::not_found && existing.has_relative_path()) {
        existing = existing.parent_path();
    }
    if (!fs::is_directory(existing, ignored)) return std::make_error_code(std::errc::not_a_directory);
    // Another logger that has locked the folder keeps it no longer than a moment.
    if (open_existing(existing, FILE_ADD_FILE | FILE_ADD_SUBDIRECTORY) || last_error() == no_room()) return {};
    return last_error();
}

std::vector<fs::path> names_in(const fs::path& directory) {
    std::vector<fs::path> names;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(directory, ignored)) names.push_back(entry.path().filename());
    return names;
}

directory_lock::directory_lock(const fs::path& directory) {
    // Nobody but a logger asks for this kind of access to a folder, and files in it are opened without. It takes others
    // milliseconds, and on a busy machine their turn to run. If they were stopped meanwhile, that must not stop this
    // process as well.
    for (int tries = 250; tries > 0; --tries) {
        owned_handle folder = open_existing(directory, FILE_ADD_FILE, FILE_SHARE_READ | FILE_SHARE_DELETE);
        if (folder) folder_ = adopt_handle(std::move(folder));
        if (folder_ || last_error() != no_room()) break;
        std::this_thread::sleep_for(1ms);
    }
}

directory_lock::~directory_lock() = default;

}  // namespace chainner::platform
