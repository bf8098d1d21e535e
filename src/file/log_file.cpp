#include "file/log_file.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <utility>

#include "platform/directory.hpp"
#include "platform/process.hpp"
#include "record/escaping.hpp"

namespace chainner::detail {

namespace fs = std::filesystem;
using spdlog::fmt_lib::format;

namespace {

/// Whether another name may do where this one did not: something that is no file of ours stands there.
bool is_occupied(const fs::filesystem_error& error, const fs::path& path) {
    const std::error_code& code = error.code();
    std::error_code ignored;
    return (code == std::errc::permission_denied || code == std::errc::operation_not_permitted ||
            code == std::errc::too_many_symbolic_link_levels || code == std::errc::is_a_directory ||
            code == std::errc::no_such_device_or_address) &&
           fs::exists(fs::symlink_status(path, ignored));
}

}  // namespace

log_file::log_file(fs::path path, platform::opened_file file)
    : path_(std::move(path)),
      file_(std::move(file.opened)),
      size_limit_(platform::file_size_limit()),
      size_(file.size),
      verified_size_(file.size),
      torn_size_(file.size == 0 || platform::ends_in_line_feed(file_.number()) ? 0 : 1) {}

std::unique_ptr<log_file> log_file::open_first_available(const log_location& location,
                                                         std::vector<std::string>& warnings) {
    const platform::directory_lock lock(location.directory);
    for (int instance = 1;; ++instance) {
        const fs::path path = location.file(instance);
        try {
            platform::opened_file opened = platform::open_log_file(path, platform::open_mode::create_or_append);
            if (opened.lock_error) {
                warnings.push_back(
                    format("Log file {} cannot be locked ({}): another process of this role would write to "
                           "it as well; choose a folder on a local disk",
                           platform::to_utf8(path), opened.lock_error.message()));
            }
            std::unique_ptr<log_file> joined(new log_file(path, std::move(opened)));
            joined->share(location, warnings);
            remove_surplus_files(location, instance);
            return joined;
        } catch (const fs::filesystem_error& error) {
            const bool is_locked = error.code() == std::errc::resource_unavailable_try_again;
            if ((!is_locked && !is_occupied(error, path)) || instance == max_instances) throw;
            if (!is_locked) warnings.push_back(format("Log file passed over: {}", error.what()));
        }
    }
}

std::unique_ptr<log_file> log_file::rotate(const log_location& location) {
    if (size_ < size_limit_) {
        if (const std::error_code error = end_torn_line()) throw fs::filesystem_error("cannot write", path_, error);
    }
    const platform::directory_lock lock(location.directory);
    rotate_files(path_, location.max_files);
    std::unique_ptr<log_file> rotated(
        new log_file(path_, platform::open_log_file(path_, platform::open_mode::create_new)));
    if (location.is_group_readable) platform::let_group_read(rotated->file_);  // why not, is told of the first one
    return rotated;
}

void log_file::share(const log_location& location, std::vector<std::string>& warnings) const {
    if (!location.is_group_readable) return;
    if (const std::error_code error = platform::let_group_read(file_)) {
        warnings.push_back(format("Its group cannot be allowed to read the log file {}: {}", platform::to_utf8(path_),
                                  error.message()));
    }
}

std::error_code log_file::append(std::string_view records) noexcept {
    appended_whole_ = 0;
    if (size_ + records.size() > size_limit_) return std::make_error_code(std::errc::file_too_large);
    if (torn_size_ != 0) {
        if (const std::error_code error = end_torn_line()) return error;
    }
    return write(records);
}

std::error_code log_file::end_torn_line() noexcept {
    if (torn_size_ == 0) return {};
    const std::error_code error = write("\n");
    if (!error) torn_size_ = 0;
    return error;
}

std::error_code log_file::write(std::string_view text) noexcept {
    std::error_code error;
    const std::size_t written = platform::write(file_.number(), text, error);
    size_ += written;
    if (written < text.size()) {
        std::size_t next = first_record(text).size();
        while (next <= written) {
            appended_whole_ = next;
            next += first_record(text.substr(next)).size();
        }
        torn_size_ += written - appended_whole_;
    }
    if (error && error == std::errc::file_too_large) size_limit_ = size_;  // of this process, or of the file system
    return error;
}

platform::placement log_file::verify() noexcept {
    const auto [placement, size] = platform::state_of(file_.known(), path_);
    size_limit_ = platform::file_size_limit();
    if (placement == platform::placement::closed) return placement;
    if (placement == platform::placement::unknown) return platform::placement::in_place;  // it can still be written
    if (size < size_) verified_size_ = 0;
    size_ = size;
    if (placement != platform::placement::removed) verified_size_ = size;
    return placement;
}

std::string log_file::read_back() const {
    std::string text = read_end(static_cast<std::size_t>(size_ - verified_size_));
    text.resize(text.size() - std::min(text.size(), torn_size_));
    text.erase(0, text.find_first_not_of('\n'));  // the end of a line that was cut short before
    return text;
}

std::string log_file::read_end(std::size_t most) const {
    std::string text(most, '\0');
    text.resize(platform::read_end(file_.number(), text.data(), text.size()));
    return text;
}

}  // namespace chainner::detail
