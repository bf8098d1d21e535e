#pragma once

// One open file of a role: joined, appended to, rotated, and checked to be still the file of that name.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "file/rotation.hpp"
#include "platform/file.hpp"

namespace chainner::detail {

/// A log file that this process alone writes to. It is locked as long as it is open, and `host.log` that another
/// process has locked is passed over for `host-2.log`, and so on. Records are written to a descriptor: a stream does
/// not tell how much of a record a full disk took.
class log_file {
public:
    /// Opens the first file that no other process has. Where something else than that keeps it from a name, `warnings`
    /// gets the reason. Throws `std::filesystem::filesystem_error`.
    static std::unique_ptr<log_file> open_first_available(const log_location& location,
                                                          std::vector<std::string>& warnings);

    /// Renames the file and opens a new one of its name. Throws `std::filesystem::filesystem_error`.
    std::unique_ptr<log_file> rotate(const log_location& location);

    /// Lets the group of the file read it, if the location wants that; `warnings` gets the reason why it cannot.
    void share(const log_location& location, std::vector<std::string>& warnings) const;

    /// Writes the whole record, or several, by one system call, after the end of a line that was cut short before it.
    std::error_code append(std::string_view records) noexcept;

    /// Bytes of the last failed `append` that are in the file for good, as they are whole records.
    std::size_t appended_whole() const noexcept { return appended_whole_; }

    /// Whether it is still the file of that name; takes note of its size, as others may have written to it.
    platform::placement verify() noexcept;

    /// What it took since the last `verify`, without a record that was cut short: all that can be told of a removed
    /// file.
    std::string read_back() const;

    /// Its last bytes.
    std::string read_end(std::size_t most) const;

    /// Up to which size it may grow if `max_size` is what is wanted.
    std::uintmax_t limit(std::size_t max_size) const noexcept {
        return std::min<std::uintmax_t>(max_size, size_limit_);
    }

    const std::filesystem::path& path() const noexcept { return path_; }
    const platform::file& file() const noexcept { return file_; }
    std::uintmax_t size() const noexcept { return size_; }
    std::uintmax_t size_since_verified() const noexcept { return size_ - verified_size_; }

private:
    log_file(std::filesystem::path path, platform::opened_file file);

    std::error_code end_torn_line() noexcept;
    std::error_code write(std::string_view text) noexcept;

    std::filesystem::path path_;
    platform::file file_;
    std::uintmax_t size_limit_;  // of this process
    std::uintmax_t size_;
    std::uintmax_t verified_size_;
    std::size_t torn_size_;  // of a line without an end, after the last whole record
    std::size_t appended_whole_ = 0;
};

}  // namespace chainner::detail
