#pragma once

#include <filesystem>

namespace chainner {

/// The folder in which a logger without `logger_options::log_dir` writes, absolute.
///
/// The first of these that can be used (see doc/folders.md):
///
/// 1. the folder that `CHAINNER_LOG_DIR` names;
/// 2. `logs` next to the executable, if a file or folder named `portable` lies there;
/// 3. `platform_log_directory()`, if `CHAINNER_ENV` is `production`;
/// 4. `chaiNNer/logs` in the system's temporary folder, if it belongs to this user alone, else
///    `chaiNNer.<user id>/logs` there.
///
/// Asks the environment anew at each call and creates nothing. Empty if none of them can be used; a logger then
/// writes to the console only. Thread-safe as long as no other thread changes the environment. Throws
/// `std::bad_alloc` only.
std::filesystem::path log_directory();

/// The folder in which the frontend of an installed chaiNNer keeps its logs, whether or not it exists:
///
/// - Windows: `%APPDATA%\chaiNNer\logs`
/// - macOS: `~/Library/Application Support/chaiNNer/logs`
/// - Linux: `$XDG_CONFIG_HOME/chaiNNer/logs`, else `~/.config/chaiNNer/logs`
///
/// Empty if this user has no home folder. Thread-safe as long as no other thread changes the environment. Throws
/// `std::bad_alloc` only.
std::filesystem::path platform_log_directory();

}  // namespace chainner
