#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/formatter.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "record/record_format.hpp"
#include "support/files.hpp"
#include "support/matchers.hpp"
#include "support/numbered_records.hpp"
#include "support/records.hpp"
#include "support/system.hpp"

namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::AnyOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

using FileSink = test::NumberedRecords;

class RemovedFolder : public test::NumberedRecords {
protected:
    void SetUp() override {
        if (!test::is_posix()) GTEST_SKIP() << "an open file keeps its folder on this system";
    }
};

// Names

TEST_F(FileSink, TheSecondProcessHasNamesOfItsOwnAndTheFirstOnesAreFreeWhenItWasKilled) {
    const test::shared_counter first_count(directory / "first");
    const test::shared_counter second_count(directory / "second");
    const auto start = [&](const std::string& count) {
        return test::child_process("log_records", {"host", logs.string(), "0", "size=20000", "files=3", "width=400",
                                                   "counter=" + (directory / count).string()});
    };
    auto first = start("first");
    ASSERT_TRUE(test::wait_until([&] { return first_count.get() > 200; }));
    auto second = start("second");
    ASSERT_TRUE(test::wait_until([&] { return second_count.get() > 200; }));
    first.kill();
    first.wait();

    set_up();
    EXPECT_THAT(found().back().text, HasSubstr("Log file: " + (logs / "host.log").string()));
    for (const auto& each : found()) EXPECT_THAT(each.pid, AnyOf(first.id(), test::current_process_id()));

    second.kill();
    second.wait();
    EXPECT_GT(test::rotated_files(logs, "host-2").size(), 1U);
    const std::string log = test::without_cut_record(test::read_role(logs, "host-2"));
    for (const auto& each : test::parse_log(log)) EXPECT_EQ(each.pid, second.id());
}

TEST_F(FileSink, WhatIsNoLogFileOfOursIsPassedOver) {
    fs::create_directories(logs / "host.log");
    set_up();
    log(3);
    EXPECT_EQ(found_numbers("host-2"), logged_numbers());
}

// Files as they were left

TEST_F(FileSink, ATornLastLineOfAnEarlierSessionGetsItsEnd) {
    fs::create_directories(logs);
    test::write_file(logs / "host.log", "2025-10-19 05:52:25.123 [1234] [INFO] torn");
    set_up();
    log(2);
    EXPECT_EQ(found().at(0).text, "torn");
    EXPECT_EQ(found_numbers(), logged_numbers());
    EXPECT_THAT(found(), SizeIs(4));
}

TEST_F(FileSink, AFileThatIsFullAlreadyIsRotatedAtTheNextRecord) {
    fs::create_directories(logs);
    const std::string before = "2025-10-19 05:52:25.123 [1234] [INFO] before " + std::string(2000, 'x') + "\n";
    test::write_file(logs / "host.log", before);
    set_up(1000);
    log(2);
    EXPECT_EQ(test::read_file(logs / "host.1.log"), before);
    EXPECT_EQ(found_numbers(), logged_numbers());
}

// The clock

TEST_F(FileSink, AClockThatJumpsCostsNoRecordAndNoOrder) {
    using namespace std::chrono_literals;
    set_up(1000);
    for (const auto jump : {0h, -1h, 24h * 365, -24h * 365, 0h}) {
        for (int i = 0; i < 50; ++i) log_at(moment + jump);
    }
    EXPECT_EQ(found_numbers(), logged_numbers());
    for (const auto& file : test::rotated_files(logs, "host")) EXPECT_LE(fs::file_size(file), 1000U);
}

TEST_F(FileSink, ARemovedFileIsNoticedThoughTheClockWasSetBack) {
    if (!test::is_posix()) GTEST_SKIP() << "Wine does not tell that an open file was removed";
    set_up();
    log(10);
    fs::remove(logs / "host.log");
    log_at(moment - std::chrono::hours(1));
    ASSERT_TRUE(fs::exists(logs / "host.log"));
    EXPECT_EQ(found_numbers(), logged_numbers());
}

TEST_F(RemovedFolder, AFaultEndsWhateverTheClockSays) {
    using namespace std::chrono_literals;
    set_up();
    log(1);
    fs::remove_all(logs);
    test::write_file(logs, "in the way");
    log_at(moment + 1h);  // notices it
    fs::remove(logs);
    ASSERT_TRUE(test::wait_until([&] {
        log(1);
        return fs::exists(logs / "host.log");
    }));
    const auto numbers = found_numbers();
    ASSERT_GE(numbers.size(), 2U);
    EXPECT_EQ(numbers.front(), 1) << "the record that the removed file took";
    EXPECT_EQ(numbers, logged_numbers());
    EXPECT_THAT(warnings(), SizeIs(1));
}

TEST_F(FileSink, WhatItSaysOfAFaultBearsThePresentTimeWhateverTheLastRecordDoes) {
    using namespace std::chrono_literals;
    set_up();
    const std::string begin = found().front().time;
    log_at(moment - 24h);
    fs::rename(logs / "host.log", logs / "saved");
    ASSERT_TRUE(has_recovered());
    EXPECT_EQ(found().back().level, "WARNING");
    EXPECT_GE(test::seconds_between(begin, found().back().time), 0);
}

TEST_F(RemovedFolder, WhatASetUpElsewhereSaysOfAFaultBearsThePresentTimeWhateverTheLastRecordDoes) {
    using namespace std::chrono_literals;
    set_up();
    const std::string begin = found().front().time;
    log_at(moment - 24h);
    fs::remove(logs / "host.log");
    logs = directory / "elsewhere";
    set_up();
    ASSERT_THAT(warnings(), SizeIs(1));
    for (const auto& each : found()) {
        if (each.text != "record 1") {
            EXPECT_GE(test::seconds_between(begin, each.time), 0) << each.text;
        }
    }
}

TEST_F(FileSink, TimesFollowTheRulesOfTheZone) {
    if (!test::is_posix()) GTEST_SKIP() << "the rules of a zone are not read from TZ on this system";
    const test::scoped_variable zone("TZ", "CET-1CEST,M3.5.0,M10.5.0/3");
    using namespace std::chrono_literals;
    set_up();
    // Summer time ends on 2025-10-26 at 01:00 UTC.
    const spdlog::log_clock::time_point end{std::chrono::duration_cast<spdlog::log_clock::duration>(1761440400s)};
    for (const auto offset : {-1ms, 0ms, 3600000ms}) logger->log(end + offset, {}, spdlog::level::info, "moment");
    const auto records = found();
    ASSERT_THAT(records, SizeIs(4));
    EXPECT_EQ(records[1].time, "2025-10-26 02:59:59.999");
    EXPECT_EQ(records[2].time, "2025-10-26 02:00:00.000");
    EXPECT_EQ(records[3].time, "2025-10-26 03:00:00.000");
}

// Faults that any user can cause

TEST_F(FileSink, RecordsOfARemovedFileAreWrittenAgain) {
    if (!test::is_posix()) GTEST_SKIP() << "Wine does not tell that an open file was removed";
    set_up();
    log(10);
    fs::remove(logs / "host.log");
    log(10);
    ASSERT_TRUE(has_recovered());
    log(10);
    EXPECT_EQ(found_numbers(), logged_numbers());
    EXPECT_THAT(warnings(),
                ElementsAre(test::MatchesPattern(
                    "Log file .*host.log was removed by somebody, with all but its last records; it works again after "
                    "[0-9.]+ s, no record was lost")));
}

TEST_F(RemovedFolder, ARemovedFolderIsMadeAgain) {
    set_up();
    log(10);
    fs::remove_all(logs);
    log(10);
    ASSERT_TRUE(has_recovered());
    log(10);
    EXPECT_EQ(found_numbers(), logged_numbers());
    EXPECT_THAT(warnings(), SizeIs(1));
}

TEST_F(FileSink, RecordsOfSeveralLinesAreWrittenAgainWhole) {
    if (!test::is_posix()) GTEST_SKIP() << "Wine does not tell that an open file was removed";
    set_up(500);
    log(2, "\nsecond line\n\nthird line");
    fs::remove(logs / "host.log");
    log(20, "\nsecond line\n" + std::string(100, 'x'));
    ASSERT_TRUE(has_recovered());
    EXPECT_EQ(found_numbers(), logged_numbers());
    for (const fs::path& file : test::rotated_files(logs, "host")) {
        const std::string log = test::read_file(file);
        EXPECT_NE(log.front(), '\t') << file;
        EXPECT_EQ(log.find(" Role: "), log.rfind(" Role: ")) << file;
    }
}

TEST_F(FileSink, TheEndOfATornLineIsNoRecord) {
    if (!test::is_posix()) GTEST_SKIP() << "Wine does not tell that an open file was removed";
    fs::create_directory(logs);
    test::write_file(logs / "host.log", "torn");
    chainner::logger_options options;
    options.log_dir = logs;
    options.to_console = false;
    logger = chainner::setup_logger("host", options);
    fs::remove(logs / "host.log");
    logger->flush();
    EXPECT_THAT(test::lines(test::read_file(logs / "host.log")), Not(Contains("")));
}

TEST_F(FileSink, WhatOthersWroteIsNoPartOfARecord) {
    if (!test::is_posix()) GTEST_SKIP() << "Wine does not tell that an open file was removed";
    set_up();
    log(5);
    std::ofstream(logs / "host.log", std::ios::app) << "foreign\n";
    log(5);
    fs::remove(logs / "host.log");
    ASSERT_TRUE(has_recovered());
    std::string log = test::read_file(logs / "host.log");
    log.erase(log.find("foreign\n"), 8);
    test::write_file(logs / "host.log", log);
    EXPECT_EQ(found_numbers(), logged_numbers());
}

TEST_F(FileSink, ARemovedFileIsNoticedWithinAHundredMilliseconds) {
    if (!test::is_posix()) GTEST_SKIP() << "Wine does not tell that an open file was removed";
    using namespace std::chrono_literals;
    set_up();
    log(10);
    fs::remove(logs / "host.log");
    log(10);
    EXPECT_FALSE(fs::exists(logs / "host.log"));
    log_at(moment + 100ms);
    ASSERT_TRUE(fs::exists(logs / "host.log"));
    EXPECT_EQ(found_numbers(), logged_numbers());
}

TEST_F(FileSink, ARemovedFileIsNoticedWithinAQuarterOfAMebibyte) {
    if (!test::is_posix()) GTEST_SKIP() << "Wine does not tell that an open file was removed";
    set_up();
    log(10);
    fs::remove(logs / "host.log");
    log(2'800, std::string(100, 'x'));
    ASSERT_TRUE(fs::exists(logs / "host.log"));
    EXPECT_EQ(found_numbers(), logged_numbers());
}

TEST_F(FileSink, WhatWasRenamedKeepsItsRecords) {
    set_up();
    log(10);
    fs::rename(logs / "host.log", logs / "saved");
    ASSERT_TRUE(has_recovered());
    log(10);
    const auto saved = test::parse_log(test::read_file(logs / "saved"));
    EXPECT_THAT(saved, SizeIs(11));
    EXPECT_EQ(found_numbers().size(), 10U);
    EXPECT_THAT(warnings(), ElementsAre(HasSubstr("host.log was renamed by somebody; it works again")));
}

TEST_F(RemovedFolder, AFileInThePlaceOfTheFolderIsWaitedOut) {
    set_up();
    log(10);
    fs::remove_all(logs);
    test::write_file(logs, "in the way");
    log(1000, std::string(100, 'x'));  // more than what it takes to notice
    fs::remove(logs);
    ASSERT_TRUE(has_recovered());
    log(10);
    EXPECT_EQ(found_numbers(), logged_numbers());
    EXPECT_THAT(warnings(), ElementsAre(HasSubstr("no record was lost")));
}

TEST_F(RemovedFolder, WhatAFaultCostsIsCounted) {
    set_up();
    log(10);
    fs::remove_all(logs);
    test::write_file(logs, "in the way");
    log(20'000, std::string(100, 'x'));  // about 3 MB
    fs::remove(logs);
    ASSERT_TRUE(has_recovered());
    log(10);
    const auto numbers = found_numbers();
    const std::size_t lost = static_cast<std::size_t>(logged) - numbers.size();
    EXPECT_GT(numbers.size(), 5000U) << "less was kept than what fits into 1 MiB";
    EXPECT_GT(lost, 0U);
    EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
    EXPECT_THAT(warnings(), ElementsAre(HasSubstr(", " + std::to_string(lost) + " records were lost")));
}

TEST_F(RemovedFolder, SetUpAgainEndsAFault) {
    set_up();
    log(10);
    fs::remove_all(logs);
    test::write_file(logs, "in the way");
    log(1000, std::string(100, 'x'));
    logs = directory / "elsewhere";
    set_up();
    log(10);
    EXPECT_EQ(found_numbers(), logged_numbers());
    EXPECT_THAT(warnings(), ElementsAre(HasSubstr("and goes on in " + (logs / "host.log").string())));
}

TEST_F(RemovedFolder, WhatTheNewFileSaysOfItsSessionTakesNoRoomFromTheRecordsThatWereHeldBack) {
    set_up(400);
    log(1, std::string(300, 'x'));
    fs::remove_all(logs);
    test::write_file(logs, "in the way");
    log_at(moment + std::chrono::seconds(1), std::string(300, 'x'));
    fs::remove(logs);
    ASSERT_TRUE(has_recovered());
    for (const fs::path& file : test::rotated_files(logs, "host")) {
        EXPECT_THAT(test::parse_log(test::read_file(file)), Not(testing::IsEmpty())) << file;
    }
    EXPECT_EQ(found_numbers(), logged_numbers());
}

TEST_F(FileSink, SetUpElsewhereForgetsAFaultThatCostsNothing) {
    chainner::logger_options options;
    options.log_dir = logs;
    options.to_console = false;
    options.max_file_size = 500;
    options.max_files = 1;
    logger = chainner::setup_logger("host", options);
    fs::create_directories(logs / "host.1.log" / "in the way");
    log(20);
    EXPECT_GT(fs::file_size(logs / "host.log"), 500U);
    logs = options.log_dir = directory / "elsewhere";
    options.max_files = 100;
    chainner::setup_logger("host", options);
    log(20);
    EXPECT_THAT(warnings(), testing::IsEmpty());
    EXPECT_GT(test::rotated_files(logs, "host").size(), 1U);
}

/// Waits for `go_on` in the midst of a record, and so with the lock of the file.
struct slow_formatter final : spdlog::formatter {
    slow_formatter(std::atomic<bool>& has_begun_, std::atomic<bool>& go_on_) : has_begun(has_begun_), go_on(go_on_) {}
    void format(const spdlog::details::log_msg& record, spdlog::memory_buf_t& out) override {
        if (std::string_view(record.payload.data(), record.payload.size()) == "slow") {
            has_begun = true;
            test::wait_until([this] { return go_on.load(); });
        }
        chainner::detail::make_formatter(chainner::default_file_pattern)->format(record, out);
    }
    std::unique_ptr<formatter> clone() const override { return std::make_unique<slow_formatter>(has_begun, go_on); }

    std::atomic<bool>& has_begun;
    std::atomic<bool>& go_on;
};

TEST_F(RemovedFolder, CountsWhatOthersLogWhileAThreadHoldsTheFileForLong) {
    set_up();
    fs::remove_all(logs);
    test::write_file(logs, "");  // so that no folder can be there
    logger->flush();
    log(1);
    std::atomic<bool> has_begun{false}, go_on{false};
    logger->set_formatter(std::make_unique<slow_formatter>(has_begun, go_on));
    std::thread slow([this] { logger->info("slow"); });
    EXPECT_TRUE(test::wait_until([&] { return has_begun.load(); }));
    for (int i = 0; i < 5; ++i) logger->info("lost");
    go_on = true;
    slow.join();
    fs::remove(logs);
    EXPECT_TRUE(has_recovered());
    logger->info("after it");
    EXPECT_THAT(test::read_role(logs, "host"),
                AllOf(HasSubstr("] slow\n"), HasSubstr(", 5 records were lost"), Not(HasSubstr("] lost"))));
}

}  // namespace
