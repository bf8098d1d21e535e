#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <thread>

#include "support/files.hpp"
#include "support/records.hpp"
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
        std::string log = test::read_role(directory / "logs", "worker");
        log.resize(log.rfind('\n') + 1);  // the kernel may cut short the write that it kills
        const auto numbers = record_numbers(test::parse_log(log));
        ASSERT_GE(numbers.size(), returned);
        ASSERT_LE(numbers.size(), returned + 1);  // the last one was written, and its call was killed
        ASSERT_EQ(*numbers.rbegin(), numbers.size()) << "a record is missing or doubled";
    }
}

}  // namespace
