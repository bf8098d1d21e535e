#include <fcntl.h>
#include <spdlog/common.h>
#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <chrono>
#include <iterator>
#include <string>
#include <system_error>

#include "../contestant.hpp"

// What nobody can do without who keeps each record: the clock, the message, and one `write` for each place. No time is
// formatted, nothing is locked, rotated or checked.
namespace bench {

namespace {

constexpr std::string_view file_prefix = "2025-10-19 05:52:25.123 [12345] [INFO] ";
constexpr std::string_view console_prefix = "[05:52:25] [12345] [INFO] ";

int file = -1;
bool to_console = false;
volatile int lowest_level = 2;
thread_local std::chrono::system_clock::time_point last_time;

void write_record(int place, std::string_view prefix, std::string_view message) {
    thread_local spdlog::memory_buf_t line;
    line.clear();
    for (const std::string_view part : {prefix, message, std::string_view("\n")}) {
        line.append(part.data(), part.data() + part.size());
    }
    if (write(place, line.data(), line.size()) < 0) throw std::system_error(errno, std::system_category(), "write");
}

}  // namespace

void set_up(const options& chosen) {
    to_console = chosen.to_console;
    // A file of its own in each process: whoever appends to the file of another waits for it.
    const std::string name = spdlog::fmt_lib::format("worker-{}.log", getpid());
    file = open((chosen.directory / name).c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) throw std::system_error(errno, std::system_category(), "open");
}

void log(std::uint64_t number, std::string_view text) {
    last_time = std::chrono::system_clock::now();
    spdlog::memory_buf_t message;
    spdlog::fmt_lib::format_to(std::back_inserter(message), "tile {}: {}", number, text);
    write_record(file, file_prefix, {message.data(), message.size()});
    if (to_console) write_record(STDERR_FILENO, console_prefix, {message.data(), message.size()});
}

void log_disabled(std::uint64_t number, std::string_view text) {
    if (lowest_level <= 1) log(number, text);
}

}  // namespace bench
