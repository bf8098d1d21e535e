#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

/// What the examples need of the system and C++ does not offer: written once for POSIX and once for Windows.
namespace example {

/// The arguments of `main`, the program itself first, as paths: these keep every letter on every system.
std::vector<std::filesystem::path> arguments_as_paths(int argument_count, char** arguments);

/// A program of the system, and its arguments, that prints how much space there is.
std::vector<std::filesystem::path> free_space_command(const std::filesystem::path& folder);

/// A program running in a process of its own, with the environment and the console of this one.
class child_process {
public:
    /// `program` is a path without `.exe`; without a folder it is searched for as a shell would. Throws
    /// `std::system_error`.
    child_process(const std::filesystem::path& program, const std::vector<std::filesystem::path>& arguments);

    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;
    ~child_process();

    unsigned long id() const;

    /// Waits for the end, and returns the exit code; on POSIX, if a signal ended it, the signal's number with a minus
    /// sign. To be called once. Throws `std::system_error`.
    std::int64_t wait();

private:
    std::intptr_t process_;  // a process id, on Windows a handle
};

}  // namespace example
