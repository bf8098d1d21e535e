// Logs numbered records as fast as it can: `record 1 xxx...`, `record 2 xxx...`, ...
//
//     log_records ROLE FOLDER COUNT [name=value ...]
//
// COUNT 0: until it is killed. counter=FILE: after each call that returned its number is published there (a
// test::shared_counter). size=BYTES, files=NUMBER: the options of rotation. console=1: to the console as well.
// threads=NUMBER: each logs COUNT records (`record THREAD.1 xxx`). width=BYTES: of the x. most=FILE: none whose number
// is larger than what is published there is logged yet. last=1: one more, `record in a static destructor`. noise=1:
// each record is followed by a line on stderr, past the logger.

#include <chainner/logger.hpp>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/system.hpp"

namespace {

struct last_words {
    std::shared_ptr<spdlog::logger> logger;
    ~last_words() {
        if (logger) logger->info("record in a static destructor");
    }
} last;

}  // namespace

int main(int count, char** words) try {
    if (count < 4) throw std::invalid_argument("log_records ROLE FOLDER COUNT [name=value ...]");
    std::map<std::string, std::string> settings{{"console", "0"}, {"threads", "1"}, {"width", "40"}};
    for (int i = 4; i < count; ++i) {
        const std::string word = words[i];
        settings[word.substr(0, word.find('='))] = word.substr(word.find('=') + 1);
    }
    std::ofstream kept_open;
    if (settings.count("open") != 0) kept_open.open(settings["open"]);

    chainner::logger_options options;
    options.log_dir = words[2];
    options.to_console = settings["console"] == "1";
    if (settings.count("size") != 0) options.max_file_size = std::stoul(settings["size"]);
    if (settings.count("files") != 0) options.max_files = std::stoul(settings["files"]);
    const auto logger = chainner::setup_logger(words[1], options);

    if (settings.count("last") != 0) last.logger = logger;

    std::unique_ptr<test::shared_counter> counter;
    if (settings.count("counter") != 0) counter = std::make_unique<test::shared_counter>(settings["counter"]);
    const std::string filling(std::stoul(settings["width"]), 'x');
    const std::uint64_t records = std::stoull(words[3]);
    const unsigned long threads = std::stoul(settings["threads"]);
    std::unique_ptr<test::shared_counter> most;
    if (settings.count("most") != 0) most = std::make_unique<test::shared_counter>(settings["most"]);
    const bool is_noisy = settings.count("noise") != 0;
    const auto log = [&](unsigned long thread) {
        const std::string prefix = threads > 1 ? std::to_string(thread) + "." : "";
        for (std::uint64_t i = 1; records == 0 || i <= records; ++i) {
            while (most && most->get() < i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
            logger->info("record {}{} {}", prefix, i, filling);
            if (counter) counter->set(i);
            if (is_noisy) std::cerr << "noise\n" << std::flush;
        }
    };
    std::vector<std::thread> others;
    for (unsigned long i = 1; i < threads; ++i) others.emplace_back(log, i);
    log(0);
    for (std::thread& each : others) each.join();
} catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
}
