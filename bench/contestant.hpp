#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>

/// What each contestant does. Each is a program of its own: `main.cpp` linked with one file of `contestants/`.
namespace bench {

struct options {
    std::filesystem::path directory;  // exists
    bool to_console;                  // stderr, besides the file
    std::size_t max_file_size;        // bytes
};

inline constexpr int max_files = 5;

/// Called once. From then on records from INFO up are written with time, process id and level, and each has been given
/// to the kernel when its call returns.
void set_up(const options& chosen);

/// Logs `tile <number>: <text>` at INFO, formatted in the contestant's own way.
void log(std::uint64_t number, std::string_view text);

/// The same at a level that is not logged.
void log_disabled(std::uint64_t number, std::string_view text);

/// What is written to stdout and stderr is logged too, by a contestant that can do that. Else nothing happens.
void capture_output();

}  // namespace bench
