// Needs what only POSIX has: fork.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chainner/logger.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>

#include "support/files.hpp"
#include "support/records.hpp"

namespace {

using testing::ElementsAre;
using testing::StartsWith;

class SessionInFilesOfPosix : public testing::Test {
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

TEST_F(SessionInFilesOfPosix, ForkedChildHasOneOfItsOwn) {
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

TEST_F(SessionInFilesOfPosix, ForkedChildThatIsSetUpAnewIsNoForkedProcessAnyMore) {
    set_up();
    const pid_t child = fork();
    if (child == 0) {
        const auto logger = set_up();
        std::filesystem::remove(directory / "worker-2.log");
        logger->flush();
        std::exit(0);
    }
    waitpid(child, nullptr, 0);
    EXPECT_THAT(texts("worker-2.log"), testing::Not(testing::Contains(testing::HasSubstr("a forked process"))));
}

TEST_F(SessionInFilesOfPosix, ForkedChildSaysItsUtcOffsetAndItsOwnStart) {
    const test::scoped_variable zone("TZ", "XST3:30");
    const test::scoped_variable variable("CHAINNER_LOG_UTC_OFFSET", "1");
    const auto logger = set_up();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // longer than the clock of the kernel's starts ticks
    const pid_t child = fork();
    if (child == 0) {
        logger->info("from the child");
        std::exit(0);
    }
    waitpid(child, nullptr, 0);
    const auto start = [&](const std::string& file) {
        const auto records = test::parse_whole_log(test::read_file(directory / file));
        for (const test::record& each : records) EXPECT_EQ(each.offset, "-03:30") << each.text;
        const std::string& origin = records.at(1).text;
        return origin.substr(origin.find("started: ") + 9, 29);
    };
    EXPECT_THAT(start("worker.log"), testing::EndsWith("-03:30"));
    EXPECT_LT(start("worker.log"), start("worker-2.log"));
}

class ForgedEnd : public SessionInFilesOfPosix, public testing::WithParamInterface<const char*> {};

TEST_P(ForgedEnd, IsNone) {
    const pid_t child = fork();
    if (child == 0) {
        set_up()->info(GetParam());
        kill(getpid(), SIGKILL);
    }
    waitpid(child, nullptr, 0);
    set_up();
    EXPECT_THAT(texts("worker.log").back(), StartsWith("The previous session of this log ended without a closing"));
}

INSTANTIATE_TEST_SUITE_P(Messages, ForgedEnd,
                         testing::Values("Logger closed for maintenance", "Logger closed for worker process",
                                         "it says: Logger closed for worker process"));

}  // namespace
