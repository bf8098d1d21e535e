// Closes descriptors that are not its own while it logs, as daemons do, and opens files of its own in their place.
//
//     close_descriptors_posix FOLDER THREADS COUNT
//
// Each thread logs COUNT records, `record THREAD.1`, `record THREAD.2`, ..., to FOLDER/logs. Meanwhile descriptors from
// 3 to 1,023 are closed at random, and files opened in FOLDER/own, each of which is to hold `mine` and nothing else.

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <chainner/logger.hpp>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <random>
#include <string>
#include <thread>
#include <vector>

int main(int count, char** words) try {
    if (count != 4) throw std::invalid_argument("close_descriptors_posix FOLDER THREADS COUNT");
    const std::filesystem::path folder = words[1];
    chainner::logger_options options;
    options.log_dir = folder / "logs";
    options.max_files = 1000;
    const auto logger = chainner::setup_logger("worker", options);
    std::filesystem::create_directory(folder / "own");

    std::atomic<int> running{std::atoi(words[2])};
    const int records = std::atoi(words[3]);
    std::vector<std::thread> threads;
    for (int thread = 0; thread < std::atoi(words[2]); ++thread) {
        threads.emplace_back([&, thread] {
            for (int i = 1; i <= records; ++i) logger->info("record {}.{}", thread, i);
            --running;
        });
    }
    std::mt19937 random(std::random_device{}());
    std::uniform_int_distribution<int> numbers(3, 1023);
    for (int file = 0; running > 0 || file <= 100; ++file) {
        const int first = numbers(random);
        for (int number = first; number < first + 100 && number <= 1023; ++number) close(number);
        for (int number = 3; number < 10; ++number) close(number);
        const auto own = folder / "own" / std::to_string(file);
        const int number = open(own.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
        if (number < 0 || write(number, "mine", 4) != 4) throw std::runtime_error("cannot write " + own.string());
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    for (std::thread& each : threads) each.join();
} catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
}
