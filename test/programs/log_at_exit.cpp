// Logs while the program ends: in main, in atexit, in a static destructor.
//
//     log_at_exit FOLDER HOW [COUNTER]
//
// HOW: return; shutdown, drop_all: calls spdlog's function of that name at the end of main; fault: the record of main
// is logged to a file that was removed; thread: a thread goes on with `record 1`, `record 2`, ..., and publishes each
// number at COUNTER (a test::shared_counter) when its call has returned.

#include <spdlog/spdlog.h>

#include <chainner/logger.hpp>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

#include "support/records.hpp"
#include "support/system.hpp"

namespace {

std::shared_ptr<spdlog::logger> logger;  // NOLINT: destroyed before the object below

struct last_words {
    ~last_words() { spdlog::logger(*kept).info("in a static destructor"); }
    std::shared_ptr<spdlog::logger> kept;
};

last_words at_the_end;

}  // namespace

int main(int count, char** words) try {
    if (count < 3) throw std::invalid_argument("log_at_exit FOLDER HOW [COUNTER]");
    const std::string how = words[2];
    std::atexit([] { chainner::get_logger("host")->info("in atexit"); });
    chainner::logger_options options;
    options.log_dir = words[1];
    options.to_console = false;
    logger = chainner::setup_logger("host", options);
    at_the_end.kept = logger;

    if (how == "fault") std::filesystem::remove(options.log_dir / "host.log");
    if (how == "thread") {
        const std::shared_ptr<test::shared_counter> counter = std::make_shared<test::shared_counter>(words[3]);
        std::thread([counter] {
            for (std::uint64_t i = 1;; ++i) {
                chainner::get_logger("host")->info("record {}", i);
                counter->set(i);
            }
        }).detach();
        test::wait_until([&] { return counter->get() > 100; });
    }
    logger->info("in main");
    if (how == "shutdown") spdlog::shutdown();
    if (how == "drop_all") spdlog::drop_all();
} catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
}
