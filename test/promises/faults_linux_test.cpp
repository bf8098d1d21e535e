// Needs what only Linux has: file systems in memory, /proc, seccomp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>

#include "support/console.hpp"
#include "support/faults.hpp"
#include "support/files.hpp"
#include "support/numbered_records.hpp"
#include "support/records.hpp"
#include "support/system.hpp"

namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class DiskFault : public test::NumberedRecords {
protected:
    void SetUp() override {
        if (!test::is_root()) GTEST_SKIP() << "mounts a file system, which takes root";
        logs = directory / "disk" / "logs";
        disk.emplace(directory / "disk", 4 * 1024 * 1024);
    }

    /// Joins what the disk cut short with what was then written whole, on the line after it.
    void expect_whole_after_torn() {
        for (const auto& file : test::rotated_files(logs, "host")) {
            const auto lines = test::lines(test::read_file(file));
            std::string whole;
            for (std::size_t i = 0; i < lines.size(); ++i) {
                const bool is_torn = i + 1 < lines.size() && lines[i + 1].rfind(lines[i], 0) == 0;
                torn += is_torn ? 1 : 0;
                if (!is_torn) whole += lines[i] + "\n";
            }
            test::write_file(file, whole);
        }
    }

    std::optional<test::small_disk> disk;
    int torn = 0;
};

TEST_F(DiskFault, AFullDiskHoldsRecordsBackUntilThereIsRoom) {
    set_up();
    log(10);
    disk->fill();
    log(2000, std::string(151, 'x'));  // what is left of the last block takes some of them, and cuts one short
    disk->make_room();
    ASSERT_TRUE(has_recovered());
    log(10);
    expect_whole_after_torn();
    EXPECT_EQ(torn, 1);
    EXPECT_EQ(found_numbers(), logged_numbers());
    EXPECT_THAT(warnings(), ElementsAre(AllOf(HasSubstr("host.log could not be written (No space left on device); it "
                                                        "works again after "),
                                              HasSubstr("no record was lost"))));
    EXPECT_EQ(found().at(found().size() - 11).level, "WARNING") << "it does not follow what was held back";
}

TEST_F(DiskFault, WhatAFullDiskCostsIsCounted) {
    set_up(100'000);
    log(10);
    disk->fill();
    log(20'000, std::string(100, 'x'));  // about 3 MB
    disk->make_room();
    ASSERT_TRUE(has_recovered());
    log(10);
    expect_whole_after_torn();
    const auto numbers = found_numbers();
    EXPECT_GT(numbers.size(), 5000U) << "less was kept than what fits into 1 MiB";
    EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
    EXPECT_THAT(warnings(),
                ElementsAre(HasSubstr(", " + std::to_string(static_cast<std::size_t>(logged) - numbers.size()) +
                                      " records were lost")));
}

TEST_F(DiskFault, ALogThatIsRemovedToMakeRoomIsWrittenAgain) {
    set_up();
    log(10);
    disk->fill();
    std::string lines;
    for (int i = 0; i < 10; ++i) lines += "\n" + std::string(14, 'x');
    log(200, lines);
    fs::remove(logs / "host.log");
    disk->make_room();
    ASSERT_TRUE(has_recovered());
    log(10);
    // The removed log takes with it what has stood in it for longer than 100 ms; most records found no room there.
    const auto found = found_numbers();
    auto expected = logged_numbers();
    ASSERT_GT(found.size(), expected.size() / 2);
    expected.erase(expected.begin(), expected.end() - static_cast<std::ptrdiff_t>(found.size()));
    EXPECT_EQ(found, expected);
    EXPECT_THAT(warnings(), ElementsAre(HasSubstr("no record was lost")));
}

TEST_F(DiskFault, ARecordThatIsTooLargeToBeHeldIsCountedAtOnce) {
    set_up();
    disk->fill();
    log(1, std::string(2 * 1024 * 1024, 'x'));
    disk->make_room();
    log(1);
    EXPECT_THAT(warnings(), ElementsAre(HasSubstr(", 1 record was lost")));
}

TEST_F(DiskFault, AFullDiskAtRotationLosesNothing) {
    set_up(100'000);
    log(650, std::string(100, 'x'));
    disk->fill();
    log(3000, std::string(100, 'x'));
    disk->make_room();
    ASSERT_TRUE(has_recovered());
    log(10);
    expect_whole_after_torn();
    EXPECT_EQ(found_numbers(), logged_numbers());
    EXPECT_THAT(warnings(), SizeIs(1));
}

TEST_F(DiskFault, OnAReadOnlyDiskTheFileGrowsUntilItCanBeRotated) {
    set_up(20'000);
    log(100, std::string(100, 'x'));
    disk->set_read_only(true);
    log(1000, std::string(100, 'x'));
    disk->set_read_only(false);
    ASSERT_TRUE(test::wait_until([&] {
        log(1);
        return !warnings().empty();
    }));
    EXPECT_EQ(found_numbers(), logged_numbers());
    EXPECT_THAT(warnings(), ElementsAre(AllOf(HasSubstr("host.log could not be rotated (Read-only file system)"),
                                              HasSubstr("no record was lost"))));
}

TEST_F(DiskFault, WithoutAFreeInodeTheRenamedFileGoesOnAndSaysSoOnce) {
    disk.emplace(directory / "disk", 4 * 1024 * 1024, 5);  // itself, logs, host.log, filler, one more
    set_up(20'000);
    disk->fill();
    disk->make_room();
    test::write_file(logs / "one", "");
    test::write_file(logs / "two", "");
    log(300, std::string(100, 'x'));
    const auto has_warned = [&](std::size_t times) {
        return test::wait_until([&] {
            logger->flush();
            return warnings().size() == times;
        });
    };
    ASSERT_TRUE(has_warned(1));
    log(300, std::string(100, 'x'));
    EXPECT_FALSE(fs::exists(logs / "host.log"));
    EXPECT_THAT(warnings(), ElementsAre(AllOf(HasSubstr("host.log could not be rotated (No space left on device)"),
                                              HasSubstr("records go on in it"))));
    fs::remove(logs / "one");
    fs::remove(logs / "two");
    ASSERT_TRUE(has_warned(2));
    log(10);
    EXPECT_EQ(found_numbers(), logged_numbers());
    EXPECT_THAT(warnings().back(), HasSubstr("it works again after"));
}

// Programs that are started

using StartedProgram = test::NumberedRecords;

TEST_F(StartedProgram, HasNoLogFileOpen) {
    set_up();
    std::atomic<bool> done{false};
    std::thread other([&] {
        while (!done) log(1);
    });
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(test::child_process("check_open_files_linux", {logs.string()}).wait(), 0);
    }
    done = true;
    other.join();
    EXPECT_EQ(found_numbers(), logged_numbers());
}

// Locks

TEST(Locks, AFileSystemWithoutThemDoesNotStopTheLogger) {
    const test::temporary_directory directory;
    test::forked_process process([&] {
        test::lose_locks();
        chainner::logger_options options;
        options.log_dir = directory.path();
        options.to_console = false;
        options.max_file_size = 1000;
        const auto logger = chainner::setup_logger("host", options);
        for (int i = 1; i <= 30; ++i) logger->info("record {}", i);
    });
    ASSERT_EQ(process.wait(), 0);
    const auto records = test::parse_log(test::read_role(directory.path(), "host"));
    EXPECT_EQ(records.size(), 32U);
    EXPECT_EQ(std::count_if(records.begin(), records.end(),
                            [](const auto& each) { return each.text.find("cannot be locked (") != std::string::npos; }),
              1);
}

TEST(SetUpWithoutAFileAfterAFault, WritesWhatWasHeldBack) {
    if (!test::is_root()) GTEST_SKIP() << "mounts a file system, which takes root";
    const test::temporary_directory directory;
    test::small_disk disk(directory / "disk", 64 * 1024);
    chainner::logger_options options;
    options.log_dir = directory / "disk" / "logs";
    options.to_console = false;
    const auto logger = chainner::setup_logger("host", options);
    disk.fill();
    for (int i = 1; i <= 200; ++i) logger->info("record {} {}", i, std::string(100, 'x'));
    disk.make_room();
    options.to_file = false;
    chainner::setup_logger("host", options);
    EXPECT_THAT(test::read_file(directory / "disk" / "logs" / "host.log"), testing::HasSubstr("] record 200 "));
}

TEST(SetUpWithoutAFileInAFault, SaysHowManyRecordsAreLost) {
    if (!test::is_root()) GTEST_SKIP() << "mounts a file system, which takes root";
    const test::temporary_directory directory;
    test::small_disk disk(directory / "disk", 64 * 1024);
    chainner::logger_options options;
    options.log_dir = directory / "disk" / "logs";
    options.to_console = false;
    const auto logger = chainner::setup_logger("host", options);
    disk.fill();
    while (test::read_file(options.log_dir / "host.log").size() % 4096 != 0) logger->info("x");
    for (int i = 1; i <= 3; ++i) logger->info("record {}", i);
    options.to_file = false;
    options.to_console = true;
    testing::internal::CaptureStderr();
    chainner::setup_logger("host", options);
    EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("records were lost"));
}

/// How often a program that logs tries to end a fault, told by its system calls.
class TriesToEndAFault : public testing::Test {
protected:
    void SetUp() override {
        if (test::run_in_shell("strace -o /dev/null true 2> /dev/null") != 0)
            GTEST_SKIP() << "strace cannot trace here";
        fs::create_directory(logs);
    }

    /// Logs 20,000 records, during all but the first of which there is the fault. A try makes one such `call`.
    void log_with(const std::string& call, const std::function<void()>& begin_fault) const {
        // What a sanitizer does at the end of a program fails where the program is traced.
        const test::scoped_variable asan("ASAN_OPTIONS", "detect_leaks=0");
        test::shared_counter most(directory / "most");
        most.set(100);
        const auto began = std::chrono::steady_clock::now();
        test::child_process program(
            test::find_program("strace")->string(),
            {"-f", "-e", "trace=%file", "-o", calls, fs::path(TEST_PROGRAM_DIRECTORY) / "log_records", "host", logs,
             std::to_string(records), "size=20000", "files=1", "most=" + (directory / "most").string(),
             "counter=" + (directory / "counter").string()});
        const test::shared_counter counter(directory / "counter");
        ASSERT_TRUE(test::wait_until([&] { return counter.get() >= 100; }));
        begin_fault();
        most.set(records);
        EXPECT_EQ(program.wait(), 0);
        const auto most_tries = 10 + (std::chrono::steady_clock::now() - began) / std::chrono::milliseconds(100);
        const auto lines = test::lines(test::read_file(calls));
        const auto tries = std::count_if(lines.begin(), lines.end(), [&](const std::string& line) {
            return line.find('"' + logs.string()) != std::string::npos && line.find(call) != std::string::npos;
        });
        EXPECT_GT(tries, 0);
        EXPECT_LT(tries, most_tries) << "it takes more than a tenth of the time";
    }

    static constexpr std::uint64_t records = 20'000;
    const test::temporary_directory directory;
    const fs::path logs = directory / "logs";
    const fs::path calls = directory / "calls";
};

TEST_F(TriesToEndAFault, AreFewWhereTheFileCannotBeRotated) {
    fs::create_directories(logs / "host.1.log" / "in the way");
    log_with("rename(", [] {});
}

TEST_F(TriesToEndAFault, AreFewWhereNoFileCanBeOpened) {
    log_with("mkdir(", [&] {
        fs::remove_all(logs);
        test::write_file(logs, "in the way");
    });
}

}  // namespace
