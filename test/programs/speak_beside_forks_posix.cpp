// Captures its output, and forks children that speak while eight threads speak as well.
//
//     speak_beside_forks_posix FOLDER CHILDREN LINES

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chainner/logger.hpp>
#include <chainner/output_capture.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace {

void write_line(const char* format, int a, int b = 0) {
    std::array<char, 64> line{};
    const int length = std::snprintf(line.data(), line.size(), format, a, b);
    if (::write(1, line.data(), static_cast<std::size_t>(length)) != length) std::abort();
}

}  // namespace

int main(int /*count*/, char** words) {
    const int children = std::stoi(words[2]);
    const int lines = std::stoi(words[3]);
    chainner::logger_options options;
    options.log_dir = words[1];
    options.max_files = 1000;
    const auto logger = chainner::setup_logger("worker", options);
    chainner::capture_output();
    std::vector<std::thread> threads;
    std::atomic<int> running{0};
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([=, &running] {
            ++running;
            for (int n = 0; n < lines; ++n) write_line("thread %d %d\n", i, n);
        });
    }
    while (running < 8) std::this_thread::yield();
    for (int i = 0; i < children; ++i) {
        const pid_t child = fork();
        if (child == 0) {
            alarm(60);  // what is stuck dies of it
            write_line("child %d is there\n", i);
            logger->info("child {} logs", i);
            write_line("child %d is still there\n", i);
            chainner::capture_output();
            for (int n = 0; n < lines / 100; ++n) write_line("child %d %d\n", i, n);
            chainner::release_output();  // nothing sees `_exit`
            _exit(0);
        }
        int status = 0;
        if (waitpid(child, &status, 0) != child || status != 0) std::abort();
    }
    for (std::thread& each : threads) each.join();
}
