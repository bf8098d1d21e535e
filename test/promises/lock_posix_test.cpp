// Needs a thread that is stopped while it holds a lock: by a handler, which POSIX has.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <semaphore.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/formatter.h>
#include <unistd.h>

#include <atomic>
#include <chainner/logger.hpp>
#include <csignal>
#include <thread>

#include "support/faults.hpp"
#include "support/files.hpp"
#include "support/records.hpp"

namespace {

/// A formatter that stops the thread that writes a certain record, for ever.
class stopping_formatter final : public spdlog::formatter {
public:
    explicit stopping_formatter(sem_t& stopped) : stopped_(stopped) {}
    void format(const spdlog::details::log_msg& record, spdlog::memory_buf_t& to) override {
        if (spdlog::fmt_lib::string_view(record.payload.data(), record.payload.size()) == "stop") {
            sem_post(&stopped_);
            while (true) pause();
        }
        to.append(record.payload.data(), record.payload.data() + record.payload.size());
    }
    std::unique_ptr<formatter> clone() const override { return std::make_unique<stopping_formatter>(stopped_); }

private:
    sem_t& stopped_;
};

TEST(ThreadThatIsStoppedWhileItLogs, CostsOthersNeitherTheirRecordsNorTheirEnd) {
    const test::temporary_directory directory;
    test::forked_process process([&] {
        chainner::logger_options options;
        options.log_dir = directory.path();
        options.to_console = false;
        const auto logger = chainner::setup_logger("host", options);
        static sem_t stopped;
        sem_init(&stopped, 0, 0);
        logger->set_formatter(std::make_unique<stopping_formatter>(stopped));
        std::thread([logger] { logger->info("stop"); }).detach();
        sem_wait(&stopped);
        for (int i = 1; i <= 3; ++i) logger->info("record {}", i);
        if (const pid_t child = fork(); child == 0) {
            logger->info("of a child");
            _exit(0);
        }
        std::exit(0);
    });
    EXPECT_EQ(process.wait(), 0);
    const std::string log = test::read_file(directory / "host.log");
    for (const char* text : {"[INFO] record 1\n", "[INFO] record 2\n", "[INFO] record 3\n"}) {
        EXPECT_THAT(log, testing::HasSubstr(text));
    }
    EXPECT_TRUE(test::wait_until(
        [&] { return test::read_file(directory / "host-2.log").find("of a child\n") != std::string::npos; }));
}

}  // namespace
