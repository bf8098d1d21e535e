#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace test {

/// A new, empty folder; removed with all that is in it.
class temporary_directory {
public:
    temporary_directory();
    ~temporary_directory();
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

/// Sets a variable of the environment, or unsets it, for as long as it lives.
class scoped_variable {
public:
    scoped_variable(std::string name, std::optional<std::string> value);
    ~scoped_variable();
    scoped_variable(const scoped_variable&) = delete;
    scoped_variable& operator=(const scoped_variable&) = delete;

private:
    std::string name_;
    std::optional<std::string> before_;
};

std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, std::string_view content);

/// The names of the files in a folder, sorted.
std::vector<std::string> file_names(const std::filesystem::path& directory);

/// The files of `role` in the order in which they were written: `host.5.log` ... `host.1.log`, `host.log`. `role` may
/// be a second instance: `host-2`.
std::vector<std::filesystem::path> rotated_files(const std::filesystem::path& directory, const std::string& role);

/// What they hold, one after the other.
std::string read_role(const std::filesystem::path& directory, const std::string& role);

}  // namespace test
