// Captures its output, and forks children that speak while eight threads speak as well.
//
//     speak_beside_forks_posix FOLDER CHILDREN LINES

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chainner/logger.hpp>
#include <chainner/output_capture.hpp>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace {

void write_line(const std::string& text) {
    const std::string line = text + '\n';
    if (::write(1, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::abort();
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
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([=] {
            for (int n = 0; n < lines; ++n) write_line("thread " + std::to_string(i) + ' ' + std::to_string(n));
        });
    }
    for (int i = 0; i < children; ++i) {
        const pid_t child = fork();
        if (child == 0) {
            alarm(60);  // what is stuck dies of it
            write_line("child " + std::to_string(i) + " is there");
            logger->info("child {} logs", i);
            for (int n = 0; n < lines / 100; ++n) write_line("child " + std::to_string(i) + ' ' + std::to_string(n));
            _exit(0);
        }
        int status = 0;
        if (waitpid(child, &status, 0) != child || status != 0) std::abort();
    }
    for (std::thread& each : threads) each.join();
}
