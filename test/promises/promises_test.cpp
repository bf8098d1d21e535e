#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chainner/logger.hpp>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/files.hpp"
#include "support/records.hpp"
#include "support/round_trip.hpp"
#include "support/system.hpp"

namespace {

/// The numbers of `record 1 xxx` and its like.
std::multiset<std::uint64_t> record_numbers(const std::vector<test::record>& records) {
    std::multiset<std::uint64_t> numbers;
    for (const auto& each : records) {
        if (each.text.rfind("record ", 0) == 0) numbers.insert(std::stoull(each.text.substr(7)));
    }
    return numbers;
}

TEST(WrittenMeansWritten, EachRecordWhoseCallReturnedSurvivesAKillAtAnyMoment) {
    std::mt19937 random(std::random_device{}());
    std::uniform_int_distribution<int> milliseconds(1, 40);
    for (int round = 0; round < 20; ++round) {
        const test::temporary_directory directory;
        const auto counter_file = directory / "counter";
        const test::shared_counter counter(counter_file);
        test::child_process program("log_records", {"worker", (directory / "logs").string(), "0", "size=200000",
                                                    "files=1000", "counter=" + counter_file.string()});
        ASSERT_TRUE(test::wait_until([&] { return counter.get() >= 100; }));
        // Not to wait for anything, but to be killed at a moment that nobody chose.
        std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds(random)));
        program.kill();
        program.wait();

        const std::uint64_t returned = counter.get();
        const std::string log = test::without_cut_record(test::read_role(directory / "logs", "worker"));
        const auto numbers = record_numbers(test::parse_log(log));
        ASSERT_GE(numbers.size(), returned);
        ASSERT_LE(numbers.size(), returned + 1);  // the last one was written, and its call was killed
        ASSERT_EQ(*numbers.rbegin(), numbers.size()) << "a record is missing or doubled";
    }
}

/// A message of any bytes, in which those that matter are frequent.
std::string any_message(std::mt19937& random) {
    constexpr std::array<std::string_view, 16> pieces{"\n",
                                                      "\t",
                                                      "\r",
                                                      "\x1b[31m",
                                                      "\n2025-10-19 05:52:25.123 [1] [ERROR] forged",
                                                      std::string_view("\0", 1),
                                                      "\u0085",
                                                      "\u2028",
                                                      "\u2029",
                                                      "\u009b",
                                                      "名",
                                                      "\xe5\x90",
                                                      "\xed\xa0\x80",
                                                      "\xc0\x8a",
                                                      "\xf4\x90\x80\x80",
                                                      "plain text of more than thirty-two characters"};
    std::string message;
    const std::size_t parts = std::uniform_int_distribution<std::size_t>(0, 12)(random);
    for (std::size_t i = 0; i < parts; ++i) {
        if (std::bernoulli_distribution(0.5)(random)) {
            message += pieces.at(std::uniform_int_distribution<std::size_t>(0, pieces.size() - 1)(random));
        } else {
            message += static_cast<char>(std::uniform_int_distribution<int>(-128, 127)(random));
        }
    }
    return message;
}

TEST(ARecordIsALine, AnyMessagesReadBackAsWhatWasLogged) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    for (int round = 0; round < 200; ++round) {
        std::vector<test::logged_record> records;
        for (int i = 0; i < 100; ++i) {
            const int level = std::uniform_int_distribution<int>(spdlog::level::trace, spdlog::level::critical)(random);
            records.emplace_back(static_cast<spdlog::level::level_enum>(level), any_message(random));
        }
        ASSERT_EQ(test::round_trip_error(records), "");
    }
}

TEST(OneFileOneWriter, SixteenProcessesAtOnceLoseAndMixNothing) {
    constexpr std::size_t records = 100'000;
    const test::temporary_directory directory;
    std::vector<test::child_process> programs;
    for (int i = 0; i < 16; ++i) {
        programs.emplace_back("log_records",
                              std::vector<std::string>{"host", directory.path().string(), std::to_string(records),
                                                       "size=500000", "files=1000"});
    }
    std::set<int> ids;
    for (auto& each : programs) {
        EXPECT_EQ(each.wait(), 0);
        ids.insert(each.id());
    }

    std::set<std::string> names;
    for (const std::string& file : test::file_names(directory.path())) names.insert(file.substr(0, file.find('.')));
    std::map<int, std::size_t> found;
    for (const std::string& name : names) {
        const std::string log = test::read_role(directory.path(), name);
        // 1.6 million records: test::parse_log would take its time.
        for (std::string_view rest = log; !rest.empty();) {
            const std::string_view line = rest.substr(0, rest.find('\n'));
            rest.remove_prefix(line.size() + 1);
            const auto says = [line](const char* text) { return line.find(text) != std::string_view::npos; };
            // On a machine that is too busy, a process may wait in vain for its turn to rotate, and say so.
            if (says("] [INFO] Logger ") || says(" Role: host, process: ") || says(", no record was lost")) continue;
            const std::size_t pid = line.find('[') + 1;
            std::size_t& count = found[std::atoi(line.data() + pid)];
            const std::string expected = "] [INFO] record " + std::to_string(++count) + " " + std::string(40, 'x');
            ASSERT_EQ(line.substr(line.find(']')), expected) << name;
        }
    }
    EXPECT_EQ(found.size(), programs.size());
    for (const auto& [id, count] : found) {
        EXPECT_EQ(ids.count(id), 1U);
        EXPECT_EQ(count, records) << id;
    }
}

TEST(AnyFolder, CanHaveAnyNameAlsoForRotation) {
    const test::temporary_directory directory;
    chainner::logger_options options;
    options.log_dir = directory / std::filesystem::u8path("Ünïcödé 名前");
    options.to_console = false;
    options.max_file_size = 1000;
    const auto logger = chainner::setup_logger("host", options);
    for (int i = 0; i < 30; ++i) logger->info("record {}", i);

    EXPECT_THAT(test::file_names(options.log_dir), testing::Contains("host.1.log"));
    const auto records = test::parse_log(test::read_role(options.log_dir, "host"));
    ASSERT_THAT(records, testing::SizeIs(31));
    EXPECT_THAT(records.front().text, testing::HasSubstr("Ünïcödé 名前"));
}

TEST(OneFileOneWriter, AProgramThatIsStartedHoldsNeitherFileNorLock) {
    const test::temporary_directory directory;
    chainner::logger_options options;
    options.log_dir = directory / "first";
    options.to_console = false;
    chainner::setup_logger("host", options);
    test::child_process started("log_records", {"host", (directory / "other").string(), "0"});

    options.log_dir = directory / "second";
    chainner::setup_logger("host", options);
    ASSERT_EQ(test::child_process("log_records", {"host", (directory / "first").string(), "1"}).wait(), 0);
    EXPECT_THAT(test::file_names(directory / "first"), testing::ElementsAre("host.log"));
}

}  // namespace
