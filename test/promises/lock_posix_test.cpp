// Needs a thread that is stopped while it holds a lock: by a handler, which POSIX has.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <semaphore.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/formatter.h>
#include <sys/file.h>
#include <unistd.h>

#include <atomic>
#include <chainner/logger.hpp>
#include <csignal>
#include <string>
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

TEST(FolderThatAStoppedProcessHasLocked, StopsNoOther) {
    const test::temporary_directory directory;
    const int folder = open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ASSERT_EQ(flock(folder, LOCK_EX), 0);
    chainner::logger_options options;
    options.log_dir = directory.path();
    options.to_console = false;
    options.max_file_size = 500;
    options.max_files = 100;
    const auto logger = chainner::setup_logger("host", options);
    for (int i = 1; i <= 10; ++i) logger->info("record {}", i);
    close(folder);
    const auto records = test::texts(test::parse_log(test::read_role(directory.path(), "host")));
    EXPECT_GT(test::rotated_files(directory.path(), "host").size(), 1U);
    ASSERT_EQ(records.size(), 11U);
    for (std::size_t i = 1; i <= 10; ++i) EXPECT_EQ(records[i], "record " + std::to_string(i));
}

}  // namespace
