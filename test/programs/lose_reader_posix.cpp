// Loses the reader of its console, and looks at what this does to its signals.
//
//     lose_reader_posix FOLDER DISPOSITION
//
// DISPOSITION: what SIGPIPE does, `default`, `ignored` or `handled`. Once 10 records are logged it waits for a file
// named `closed` in FOLDER, logs on, and says in a file named `verdict` what it found.

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chainner/logger.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "support/files.hpp"
#include "support/records.hpp"

namespace {

std::atomic<int> handled{0};

void count_signal(int) { ++handled; }

sigset_t only_sigpipe() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    return set;
}

bool is_blocked() {
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    return sigismember(&mask, SIGPIPE) == 1;
}

bool is_pending() {
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, SIGPIPE) == 1;
}

std::string judge(spdlog::logger& logger, void (*disposition)(int)) {
    std::atomic<bool> is_over{false};
    std::atomic<bool> was_blocked_elsewhere{false};
    std::thread other([&] {
        while (!is_over) was_blocked_elsewhere = was_blocked_elsewhere || is_blocked();
    });
    for (int i = 11; i <= 500; ++i) logger.info("record {}", i);
    is_over = true;
    other.join();
    struct sigaction now {};
    sigaction(SIGPIPE, nullptr, &now);
    if (handled != 0) return "a signal was delivered";
    if (now.sa_handler != disposition) return "the disposition was changed";
    if (is_blocked()) return "the signal is blocked";
    if (is_pending()) return "the signal is pending";
    if (was_blocked_elsewhere) return "the signal was blocked in another thread";

    const sigset_t sigpipe = only_sigpipe();
    pthread_sigmask(SIG_BLOCK, &sigpipe, nullptr);
    raise(SIGPIPE);
    for (int i = 501; i <= 1000; ++i) logger.info("record {}", i);
    if (!is_blocked()) return "the program's own blocking was undone";
    if (!is_pending()) return "the program's own signal was taken away";
    return "no signal, nothing changed";
}

}  // namespace

int main(int count, char** words) {
    if (count != 3) return 2;
    const std::filesystem::path folder = words[1];
    const std::string wanted = words[2];
    void (*const disposition)(int) = wanted == "ignored" ? SIG_IGN : wanted == "handled" ? count_signal : SIG_DFL;
    std::signal(SIGPIPE, disposition);

    chainner::logger_options options;
    options.log_dir = folder / "logs";
    const auto logger = chainner::setup_logger("worker", options);
    for (int i = 1; i <= 10; ++i) logger->info("record {}", i);
    test::write_file(folder / "ready", "");
    if (!test::wait_until([&] { return std::filesystem::exists(folder / "closed"); })) return 3;
    test::write_file(folder / "verdict", judge(*logger, disposition));
}
