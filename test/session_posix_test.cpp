// Needs what only POSIX has: fork, and rules of the time zone in TZ.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chainner/logger.hpp>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <string>

#include "support/files.hpp"
#include "support/records.hpp"

namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class PosixSession : public testing::Test {
protected:
    std::shared_ptr<spdlog::logger> set_up() const {
        chainner::logger_options options;
        options.log_dir = directory.path();
        options.to_console = false;
        return chainner::setup_logger("worker", options);
    }
    std::vector<std::string> texts(const std::string& file) const {
        return test::texts(test::parse_whole_log(test::read_file(directory / file)));
    }

    const test::temporary_directory directory;
};

TEST_F(PosixSession, ForkedChildHasOneOfItsOwn) {
    const auto logger = set_up();
    const pid_t child = fork();
    if (child == 0) {
        logger->info("from the child");
        std::exit(0);
    }
    waitpid(child, nullptr, 0);
    const pid_t silent_child = fork();
    if (silent_child == 0) std::exit(0);
    waitpid(silent_child, nullptr, 0);

    EXPECT_THAT(texts("worker-2.log"), ElementsAre(StartsWith("Logger initialized for a forked process. Log file: "),
                                                   StartsWith("Role: worker, process: " + std::to_string(child) + ", "),
                                                   "from the child", "Logger closed for worker process"));
    EXPECT_THAT(texts("worker.log"), ElementsAre(StartsWith("Logger initialized"), StartsWith("Role: worker")));
    EXPECT_THAT(test::file_names(directory.path()), ElementsAre("worker-2.log", "worker.log"));
}

TEST_F(PosixSession, SaysThatTheUtcOffsetChanges) {
    // Summer time as in Central Europe, and winter time 3:30 west of Greenwich.
    const test::scoped_variable time_zone("TZ", "XST3:30XDT2:30,M3.5.0/2,M10.5.0/3");
    tzset();
    const auto logger = set_up();
    std::tm fields{};
    fields.tm_year = 2040 - 1900;
    fields.tm_mon = 2;
    fields.tm_mday = 25;  // the last Sunday
    fields.tm_hour = 5;
    fields.tm_min = 30;
    const auto change = std::chrono::system_clock::from_time_t(timegm(&fields));
    using namespace std::chrono_literals;
    const auto log_at = [&](std::chrono::system_clock::time_point time, const std::string& text) {
        logger->log(time, spdlog::source_loc{}, spdlog::level::info, text);
    };
    log_at(change - 30 * 24h, "in winter");
    log_at(change - 1ms, "just before");
    log_at(change, "just after");
    log_at(change + 1h, "in summer");

    const auto records = test::parse_whole_log(test::read_file(directory / "worker.log"));
    auto all = test::texts(records);
    const auto first = std::find(all.begin(), all.end(), "in winter");
    ASSERT_NE(first, all.end());
    const std::vector<std::string> later(first, all.end());
    EXPECT_THAT(later, ElementsAre("in winter", "just before", "Local time is UTC-02:30 from now on, it was UTC-03:30",
                                   "just after", "in summer"));
    EXPECT_EQ(records[records.size() - 4].time, "2040-03-25 01:59:59.999");
    EXPECT_EQ(records[records.size() - 2].time, "2040-03-25 03:00:00.000");
}

}  // namespace
