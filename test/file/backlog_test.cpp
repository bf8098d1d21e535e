#include "file/backlog.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "support/matchers.hpp"

namespace {

using chainner::detail::backlog;
using testing::ElementsAre;

std::vector<std::string> drain(backlog& held) {
    std::vector<std::string> records;
    while (!held.empty()) {
        records.emplace_back(held.front());
        held.pop_front();
    }
    return records;
}

TEST(Backlog, GivesRecordsBackInOrderEachWithItsFurtherLines) {
    backlog held;
    EXPECT_TRUE(held.empty());
    EXPECT_EQ(held.front(), "");
    for (const char* each : {"one\n", "two\n\tlines\n\t\n", "three\n"}) held.add(each);
    EXPECT_EQ(held.front(), "one\n");
    held.prepend("zero\n\tfirst of all\n");
    EXPECT_THAT(drain(held), ElementsAre("zero\n\tfirst of all\n", "one\n", "two\n\tlines\n\t\n", "three\n"));
}

TEST(Backlog, IsBoundedAlsoWhileItIsEmptiedAndFilled) {
    backlog held;
    const std::string record = std::string(1023, 'x') + "\n";
    for (int i = 0; i < 1024; ++i) held.add(record);
    EXPECT_FALSE(held.has_dropped());
    held.add("one more\n");
    EXPECT_TRUE(held.has_dropped());
    held.pop_front();
    held.add("in its place\n");
    std::vector<std::string> records = drain(held);
    EXPECT_EQ(records.size(), 1024U);
    EXPECT_EQ(records.back(), "in its place\n");
}

TEST(Backlog, TellsTheFirstFaultAndWhatItCost) {
    backlog held;
    held.begin_fault("/logs/host.log", "could not be written", "No space left on device");
    held.begin_fault("/logs/host.log", "was renamed by somebody");
    held.add(std::string(2 * 1024 * 1024, 'x') + "\n");
    EXPECT_THAT(held.end_fault("/logs/host.log"),
                test::MatchesPattern("Log file /logs/host\\.log could not be written \\(No space left on device\\); it "
                                     "works again after [0-9.]+ s, 1 record was lost"));
    EXPECT_FALSE(held.has_fault());
    EXPECT_FALSE(held.has_dropped());

    held.begin_fault("/logs/host.log", "was closed by the program");
    EXPECT_THAT(held.end_fault("/logs/host-2.log"),
                test::MatchesPattern(".*, no record was lost, and goes on in /logs/host-2\\.log"));
}

TEST(Backlog, TellsAFaultThatLastsOnce) {
    backlog held;
    EXPECT_EQ(held.describe_once(), "");
    held.begin_fault("/logs/host.log", "was renamed by somebody");
    EXPECT_EQ(held.describe_once(), "Log file /logs/host.log was renamed by somebody");
    EXPECT_EQ(held.describe_once(), "");
}

TEST(Backlog, TriesAgainAfterAPauseOfTenTimesWhatATryTook) {
    using namespace std::chrono_literals;
    backlog held;
    EXPECT_TRUE(held.is_retry_due());
    const backlog::clock::time_point began(1h);
    for (const auto& [took, pause] : {std::pair(0ms, 100ms), std::pair(10ms, 100ms), std::pair(3000ms, 30'000ms)}) {
        const auto end = began + took;
        held.retry_later(began, end);
        EXPECT_FALSE(held.is_retry_due(end + pause - 1ns));
        EXPECT_TRUE(held.is_retry_due(end + pause));
    }
    held.retry_later(began, began);
    held.retry_at_once();
    EXPECT_TRUE(held.is_retry_due(began));
}

TEST(Backlog, TellsWhatWouldBeLost) {
    backlog held;
    held.add("record\n");
    EXPECT_EQ(held.describe_loss(), "") << "without a fault";
    held.begin_fault("/logs/host.log", "was renamed by somebody");
    EXPECT_EQ(held.describe_loss(), "Log file /logs/host.log was renamed by somebody; 1 record was lost");
    held.pop_front();
    EXPECT_EQ(held.describe_loss(), "");
    held.add("record\nof two\n\tlines\n");
    held.count_dropped();
    EXPECT_EQ(held.describe_loss(), "Log file /logs/host.log was renamed by somebody; 3 records were lost");
    EXPECT_EQ(held.front(), "record\n") << "it may still be written";
}

TEST(Backlog, ForgetsAllOnceItIsCleared) {
    backlog held;
    held.begin_fault("/logs/host.log", "was renamed by somebody");
    held.add("record\n");
    held.count_dropped();
    held.retry_later(backlog::clock::now());
    held.clear();
    EXPECT_FALSE(held.has_fault());
    EXPECT_FALSE(held.has_dropped());
    EXPECT_TRUE(held.empty());
    EXPECT_TRUE(held.is_retry_due(backlog::clock::time_point())) << "there is no fault that would have to pause";
}

}  // namespace
