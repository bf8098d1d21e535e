#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chainner/logger.hpp>
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "support/files.hpp"
#include "support/matchers.hpp"
#include "support/records.hpp"
#include "support/system.hpp"

namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

const auto says_that_it_was_left_open = StartsWith("The previous session of this log ended without a closing record");

/// What the files themselves say about where they come from, and how a session ended.
class SessionInFiles : public testing::Test {
protected:
    chainner::logger_options options() const {
        chainner::logger_options silent;
        silent.log_dir = directory.path();
        silent.to_console = false;
        return silent;
    }
    std::vector<std::string> texts(const fs::path& file) const {
        return test::texts(test::parse_whole_log(test::read_file(file)));
    }
    std::vector<std::string> texts() const { return texts(directory / "worker.log"); }

    int run_program(const std::string& setting = "width=1") const {
        return test::child_process("log_records", {"worker", directory.path().string(), "3", setting}).wait();
    }
    void kill_program() const {
        const test::temporary_directory other;
        const test::shared_counter counter(other / "counter");
        test::child_process program(
            "log_records", {"worker", directory.path().string(), "0", "counter=" + (other / "counter").string()});
        ASSERT_TRUE(test::wait_until([&] { return counter.get() >= 1; }));
        program.kill();
        program.wait();
    }

    const test::temporary_directory directory;
};

TEST_F(SessionInFiles, FirstRecordsSayWhoWrites) {
    chainner::logger_options of_application = options();
    of_application.application_version = "0.24.1-beta";
    chainner::setup_logger("worker", of_application);
    ASSERT_THAT(texts(), SizeIs(2));
    EXPECT_THAT(texts()[0], StartsWith("Logger initialized for worker process. Log file: "));
    EXPECT_THAT(texts()[1],
                test::MatchesPattern("Role: worker, process: " + std::to_string(test::current_process_id()) +
                                     ", started: [0-9-]+ [0-9:]+\\.[0-9]{3}[+-][0-9:]+, application: 0\\.24\\.1-beta, "
                                     "chaiNNer logger: [0-9]+\\.[0-9]+\\.[0-9]+, "
                                     "system: [A-Za-z]+ .+, UTC offset: [+-][0-9]+:[0-9]+"));
}

TEST_F(SessionInFiles, TellsWhenTheProcessStarted) {
    run_program();
    const auto records = test::parse_whole_log(test::read_file(directory / "worker.log"));
    const std::string& origin = records.at(1).text;
    const std::string started = origin.substr(origin.find("started: ") + 9, 23);
    EXPECT_LE(started, records[1].time);
    EXPECT_LT(test::seconds_between(started, records[1].time), 60);
}

TEST_F(SessionInFiles, TellsTheUtcOffsetOfItsTimes) {
    const test::scoped_variable zone("TZ", "XST-5:30");
    run_program();
    EXPECT_THAT(texts()[1], HasSubstr("UTC offset: +05:30"));
}

TEST_F(SessionInFiles, NoVersionIsNotMentioned) {
    chainner::setup_logger("worker", options());
    EXPECT_THAT(texts()[1], Not(HasSubstr("application")));
}

TEST_F(SessionInFiles, VersionCannotForgeARecord) {
    chainner::logger_options of_application = options();
    of_application.application_version = "1\n2025-10-19 05:52:25.123 [1] [INFO] forged";
    chainner::setup_logger("worker", of_application);
    EXPECT_THAT(texts(), SizeIs(2));
}

TEST_F(SessionInFiles, RotatedFilesSayItAgainAndThatTheyContinue) {
    chainner::logger_options small = options();
    small.max_file_size = 1000;
    const auto logger = chainner::setup_logger("worker", small);
    for (int i = 0; i < 20; ++i) logger->info("record {}", std::string(100, 'x'));
    const auto files = test::rotated_files(directory.path(), "worker");
    ASSERT_THAT(files, SizeIs(5));
    const std::string origin = texts(files[0])[1];
    for (std::size_t i = 1; i < files.size(); ++i) {
        EXPECT_EQ(texts(files[i])[0], "Continues an older file. " + origin) << files[i];
    }
}

TEST_F(SessionInFiles, AFileThatBeginsWithASecondSetUpSaysItToo) {
    chainner::logger_options small = options();
    small.max_file_size = 1000;
    for (int i = 0; i < 20; ++i) chainner::setup_logger("worker", small);
    const auto files = test::rotated_files(directory.path(), "worker");
    ASSERT_THAT(files, SizeIs(6));
    for (const fs::path& file : files) EXPECT_THAT(texts(file)[0], StartsWith("Continues an older file. Role: "));
}

TEST_F(SessionInFiles, TakesNoRoomFromTheRecords) {
    for (const std::size_t limit : {1U, 60U, 150U, 200U, 250U, 300U, 400U, 1000U}) {
        const fs::path folder = directory / std::to_string(limit);
        chainner::logger_options small = options();
        small.log_dir = folder;
        small.max_file_size = limit;
        small.max_files = 100;
        const auto logger = chainner::setup_logger("worker", small);
        for (int i = 0; i < 30; ++i) logger->info("record {}", std::string(static_cast<std::size_t>(i) * 7, 'x'));
        const auto files = test::rotated_files(folder, "worker");
        for (const fs::path& file : files) {
            EXPECT_THAT(texts(file), testing::Not(IsEmpty())) << file;
            EXPECT_TRUE(fs::file_size(file) <= limit || texts(file).size() == 1) << file;
        }
        EXPECT_THAT(test::parse_log(test::read_role(folder, "worker")), SizeIs(31));
        EXPECT_LE(files.size(), 31U);
    }
}

TEST_F(SessionInFiles, IsToldAtAnyLevel) {
    chainner::logger_options quiet = options();
    quiet.level = spdlog::level::warn;
    const auto logger = chainner::setup_logger("worker", quiet);
    logger->info("dropped");
    logger->warn("record");
    EXPECT_THAT(test::texts(test::parse_whole_log(test::read_role(directory.path(), "worker"))),
                ElementsAre(StartsWith("Logger initialized for worker process"), StartsWith("Role: worker"), "record"));
}

TEST_F(SessionInFiles, OrderlyEndIsTheLastRecord) {
    run_program();
    EXPECT_EQ(texts().back(), "Logger closed for worker process");
    run_program();
    EXPECT_THAT(texts(), Not(Contains(says_that_it_was_left_open)));
}

TEST_F(SessionInFiles, EndComesAfterTheRecordsOfStaticDestructors) {
    run_program("last=1");
    const std::vector<std::string> found = texts();
    ASSERT_GE(found.size(), 2U);
    if (test::is_posix()) {
        EXPECT_EQ(found[found.size() - 2], "record in a static destructor");
        EXPECT_EQ(found.back(), "Logger closed for worker process");
    }
    run_program();
    EXPECT_THAT(texts(), Not(Contains(says_that_it_was_left_open)));
}

TEST_F(SessionInFiles, NextOneSaysThatThereWasNoEnd) {
    kill_program();
    chainner::setup_logger("worker", options());
    const auto records = test::parse_whole_log(test::read_file(directory / "worker.log"));
    EXPECT_THAT(records.back().text, says_that_it_was_left_open);
    EXPECT_EQ(records.back().level, "INFO");
    EXPECT_EQ(records.back().pid, test::current_process_id());

    chainner::setup_logger("worker", options());
    EXPECT_THAT(test::texts(test::parse_whole_log(test::read_file(directory / "worker.log"))).back(),
                StartsWith("Role: "))
        << "that was the same session";
}

TEST_F(SessionInFiles, NewFileHasNoPreviousSession) {
    chainner::setup_logger("worker", options());
    EXPECT_THAT(texts(), Not(Contains(says_that_it_was_left_open)));
}

TEST_F(SessionInFiles, EndsInTheFolderThatIsLeft) {
    chainner::setup_logger("worker", options());
    chainner::logger_options elsewhere = options();
    elsewhere.log_dir = directory / "elsewhere";
    chainner::setup_logger("worker", elsewhere);
    EXPECT_EQ(texts().back(), "Logger closed for worker process");
    elsewhere.to_file = false;
    chainner::setup_logger("worker", elsewhere);
    EXPECT_EQ(texts(directory / "elsewhere" / "worker.log").back(), "Logger closed for worker process");
    chainner::setup_logger("worker", options());
    EXPECT_THAT(texts(), Not(Contains(says_that_it_was_left_open)));
}

TEST_F(SessionInFiles, BeginsAgainInAFileThatWasEmptied) {
    const auto logger = chainner::setup_logger("worker", options());
    logger->info("copied, as logrotate does");
    fs::resize_file(directory / "worker.log", 0);
    logger->flush();
    EXPECT_THAT(texts(), ElementsAre(StartsWith("Continues an older file. Role: worker")));
    logger->info("later");
    EXPECT_THAT(texts(), ElementsAre(StartsWith("Continues an older file. Role: worker"), "later"));
}

TEST_F(SessionInFiles, TimeOfARecordIsNoChangeOfTheUtcOffset) {
    const test::scoped_variable zone("TZ", "XST3:30XDT2:30,M3.5.0/2,M10.5.0/3");
    const auto logger = chainner::setup_logger("worker", options());
    for (int months = 1; months <= 12; ++months) {
        logger->log(std::chrono::system_clock::now() + std::chrono::hours(24 * 30 * months), {}, spdlog::level::info,
                    "in the future");
    }
    EXPECT_THAT(texts(), Not(Contains(StartsWith("Local time"))));
}

TEST_F(SessionInFiles, SecondInstanceHasASessionOfItsOwn) {
    chainner::setup_logger("worker", options());
    run_program();
    run_program();
    EXPECT_THAT(texts(directory / "worker-2.log"), AllOf(Contains("Logger closed for worker process").Times(2),
                                                         Not(Contains(says_that_it_was_left_open))));
    EXPECT_THAT(texts(), Not(Contains("Logger closed for worker process")));
}

}  // namespace
