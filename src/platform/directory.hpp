#pragma once

#include <filesystem>
#include <system_error>
#include <vector>

#include "platform/file.hpp"
#include "platform/process.hpp"

/// Log folders, as the system has them.
namespace chainner::platform {

/// Whether other users can create files beside the folder `chaiNNer`, as they can in the system's temporary folder.
enum class sharing { none, parent_is_shared };

/// Creates what is missing, for this user alone. Throws `std::filesystem::filesystem_error`: also if the parent is
/// shared and `chaiNNer` or `logs` in it is a link, belongs to another user, or can be written by others.
void make_directories(const std::filesystem::path& directory, sharing sharing = sharing::none);

/// Whether files can be created and renamed in it once `make_directories` has created it. Changes nothing.
std::error_code check_usable(const std::filesystem::path& directory, sharing sharing);

/// The names of what is in it; as many as could be read. `std::filesystem` ends the process where it gets no memory.
std::vector<std::filesystem::path> names_in(const std::filesystem::path& directory);

/// While it lives, no other process opens or renames log files in the folder, as far as its file system knows locks,
/// and no signal handler interrupts this thread: its `fork` would leave a child in the midst of a rotation.
class directory_lock {
public:
    /// Throws `std::filesystem::filesystem_error` if this process can open no further file.
    explicit directory_lock(const std::filesystem::path& directory);
    ~directory_lock();

private:
    blocked_signals signals_;
    file folder_;
};

}  // namespace chainner::platform
