#include "platform/directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <thread>

#include "platform/posix/descriptor.hpp"

namespace chainner::platform {

namespace fs = std::filesystem;

namespace {

void make_directory(const fs::path& directory) {
    if (mkdir(directory.c_str(), S_IRWXU) == 0) return;
    if (errno == ENOENT && directory.has_relative_path()) {
        make_directory(directory.parent_path());
        if (mkdir(directory.c_str(), S_IRWXU) == 0) return;
    }
    const std::error_code error = last_error();
    std::error_code ignored;
    if (fs::is_directory(directory, ignored)) return;
    // A file that stands where the folder should be says "File exists" to mkdir, which would explain nothing.
    throw fs::filesystem_error(
        "cannot create the log folder", directory,
        error == std::errc::file_exists ? std::make_error_code(std::errc::not_a_directory) : error);
}

bool belongs_to_this_user_alone(const fs::path& directory) {
    struct stat found {};
    return lstat(directory.c_str(), &found) == 0 && S_ISDIR(found.st_mode) && found.st_uid == geteuid() &&
           (found.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

}  // namespace

void make_directories(const fs::path& directory, sharing sharing) {
    if (sharing == sharing::none) return make_directory(directory);
    for (const fs::path& each : {directory.parent_path(), directory}) {
        make_directory(each);
        if (!belongs_to_this_user_alone(each)) {
            throw fs::filesystem_error("another user owns or can change the log folder", each,
                                       std::make_error_code(std::errc::operation_not_permitted));
        }
    }
}

std::error_code check_usable(const fs::path& directory, sharing sharing) {
    fs::path existing = directory;
    struct stat found {};
    while (lstat(existing.c_str(), &found) != 0) {
        if (errno != ENOENT || !existing.has_relative_path()) return last_error();
        existing = existing.parent_path();
    }
    if (sharing == sharing::parent_is_shared) {
        for (const fs::path& each : {directory.parent_path(), directory}) {
            if (lstat(each.c_str(), &found) == 0 && !belongs_to_this_user_alone(each)) {
                return std::make_error_code(std::errc::operation_not_permitted);
            }
        }
    }
    std::error_code ignored;
    if (!fs::is_directory(existing, ignored)) return std::make_error_code(std::errc::not_a_directory);
    return faccessat(AT_FDCWD, existing.c_str(), W_OK | X_OK, AT_EACCESS) == 0 ? std::error_code() : last_error();
}

std::vector<fs::path> names_in(const fs::path& directory) {
    const std::unique_ptr<DIR, int (*)(DIR*)> opened(opendir(directory.c_str()), closedir);
    std::vector<fs::path> names;
    while (const dirent* const entry = opened ? readdir(opened.get()) : nullptr) names.emplace_back(entry->d_name);
    return names;
}

directory_lock::directory_lock(const fs::path& directory)
    : folder_(adopt_descriptor(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC))) {
    if (!folder_ && (errno == EMFILE || errno == ENFILE)) {
        throw fs::filesystem_error("cannot lock the log folder", directory, last_error());
    }
    // It takes others microseconds, and on a busy machine their turn to run. If they were stopped meanwhile, that must
    // not stop this process as well.
    const auto descriptor = descriptor_of(folder_);
    for (int tries = 250; tries > 0 && flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK; --tries) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

// To close it is not enough: a child by `fork` of another thread may have inherited the descriptor, and the lock with
// it.
directory_lock::~directory_lock() { flock(descriptor_of(folder_), LOCK_UN); }

}  // namespace chainner::platform
