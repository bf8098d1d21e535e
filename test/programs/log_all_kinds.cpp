// Logs records of all kinds at a steady rate: of all levels, of one line and of several, long and huge ones, each with
// its number.
//
//     log_all_kinds ROLE FOLDER COUNT RATE SIZE
//
// COUNT: records. RATE: of them in a second. SIZE: bytes of a file; all rotated files are kept. What else there is to
// choose is for the environment to decide.

#include <array>
#include <chainner/logger.hpp>
#include <chrono>
#include <cstdint>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

std::string message(std::uint64_t number, std::uint64_t count) {
    const std::string text = "record " + std::to_string(number);
    if (number == count / 2) return text + " is huge: " + std::string(1'500'000, 'h');
    if (number % 5'000 == 2'500)
        return text + " is long:\n" + std::string(100'000, 'x') + "\n" + std::string(100'000, 'y');
    if (number % 20 == 0) {
        return text +
               ", of several lines:\n  indented\n\tby a tab\n\n"
               "2025-10-19 05:52:25.123 [1] [INFO] is no record\nÜnïcödé 名前 \x1b[31m  \n";
    }
    if (number % 7 == 0) return "  " + text + "  ";
    return text + " " + std::string(number % 200, 'x');
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 6) throw std::invalid_argument("log_all_kinds ROLE FOLDER COUNT RATE SIZE");
    const std::uint64_t count = std::stoull(argv[3]);
    const std::uint64_t rate = std::stoull(argv[4]);
    chainner::logger_options options;
    options.log_dir = argv[2];
    options.level = spdlog::level::trace;
    options.to_console = false;
    options.max_file_size = std::stoul(argv[5]);
    options.max_files = 100'000;
    const auto logger = chainner::setup_logger(argv[1], options);
    const auto began = std::chrono::steady_clock::now();
    for (std::uint64_t number = 1; number <= count; ++number) {
        std::this_thread::sleep_until(began + std::chrono::microseconds(number * 1'000'000 / rate));
        logger->log(static_cast<spdlog::level::level_enum>(number % spdlog::level::off), message(number, count));
    }
} catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
}
