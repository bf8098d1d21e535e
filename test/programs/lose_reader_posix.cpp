// Loses the reader of its console, and looks at what this does to its signals.
//
//     lose_reader_posix FOLDER DISPOSITION [STATE]
//
// DISPOSITION: what SIGPIPE does, `default`, `ignored` or `handled`. Once 10 records are logged it waits for a file
// named `closed` in FOLDER, logs on, and says in a file named `verdict` what it found. STATE: what SIGPIPE is in the
// thread that logs when it loses the reader, `blocked`, `raised`: blocked and raised by the program, or `written`:
// blocked and raised by the kernel, for a write of the program's.

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chainner/logger.hpp>
#include <csignal>
#include <cstdlib>
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

void prepare(const std::string& state) {
    const sigset_t sigpipe = only_sigpipe();
    if (!state.empty()) pthread_sigmask(SIG_BLOCK, &sigpipe, nullptr);
    if (state == "raised") raise(SIGPIPE);
    if (state != "written") return;
    int ends[2];
    if (pipe(ends) != 0 || close(ends[0]) != 0 || write(ends[1], "x", 1) != -1) std::abort();
    close(ends[1]);
}

std::string judge(spdlog::logger& logger, void (*disposition)(int), const std::string& state) {
    std::atomic<bool> is_over{false};
    std::atomic<bool> was_blocked_elsewhere{false};
    std::thread other([&] {
        while (!is_over) was_blocked_elsewhere = was_blocked_elsewhere || is_blocked();
    });
    prepare(state);
    for (int i = 11; i <= 500; ++i) logger.info("record {}", i);
    is_over = true;
    other.join();
    struct sigaction now {};
    sigaction(SIGPIPE, nullptr, &now);
    if (handled != 0) return "a signal was delivered";
    if (now.sa_handler != disposition) return "the disposition was changed";
    if (is_blocked() != !state.empty()) return "the signal is blocked, or no longer";
    if (is_pending() != (state == "raised" || state == "written")) return "the signal is pending, or no longer";
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
    if (count < 3) return 2;
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
    test::write_file(folder / "verdict", judge(*logger, disposition, count > 3 ? words[3] : ""));
}
