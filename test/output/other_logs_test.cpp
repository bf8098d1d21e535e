#include "output/other_logs.hpp"

#include <gtest/gtest.h>

namespace {

using chainner::detail::other_logs;

TEST(OtherLogs, HaveTheRecordsOfAProcessThatHasToldOfItsLog) {
    other_logs others(1);
    EXPECT_FALSE(others.have("[05:52:25] [1234] [INFO] before it has told"));
    EXPECT_TRUE(
        others.have("[05:52:25] [1234] [INFO] Logger initialized for worker process. Log file: /logs/worker.log"));
    EXPECT_TRUE(others.have("[05:52:26] [1234] [ERROR] failed:"));
    EXPECT_TRUE(others.have("\tin a further line"));
    EXPECT_FALSE(others.have("printed"));
    EXPECT_FALSE(others.have("\tprinted"));
    EXPECT_FALSE(others.have("[05:52:26] [123] [INFO] of another process"));
    EXPECT_FALSE(
        others.have("[05:52:26] [1234] [INFO] Logger initialized for worker process (dev mode - no file logging)"));
    EXPECT_FALSE(others.have("[05:52:26] [1234] [INFO] in no file any more"));
}

TEST(OtherLogs, DoNotHaveWhatIsPrintedLaterAndOnlyLooksLikeAFurtherLine) {
    other_logs others(1);
    EXPECT_TRUE(others.have("[05:52:25] [1] [ERROR] failed"));
    others.pause();
    EXPECT_FALSE(others.have("\tat a place, says another"));
    EXPECT_FALSE(others.have("\tand at a second one"));
    EXPECT_TRUE(others.have("[05:52:25] [1] [ERROR] failed again"));
    EXPECT_TRUE(others.have("\tin two lines"));
}

TEST(OtherLogs, HaveARecordThatIsTooLargeToBeShownAtOnce) {
    other_logs others(1);
    const std::string line = '\t' + std::string(998, 'x');  // 1000 bytes with its end
    EXPECT_TRUE(others.have("[05:52:25] [1] [ERROR] failed"));
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(others.have(line));
    for (int pieces = 0; pieces < 3; ++pieces) {
        others.pause();
        for (int i = 0; i < 4; ++i) EXPECT_TRUE(others.have(line)) << pieces;
    }
    EXPECT_TRUE(others.have("\tthe last"));
    others.pause();
    EXPECT_FALSE(others.have("\tprinted"));
}

TEST(OtherLogs, HaveTheRecordsOfThisProcess) {
    other_logs others(1);
    EXPECT_TRUE(others.have("[05:52:25] [1] [WARNING] by a handler that writes to stdout"));
}

TEST(OtherLogs, DoNotHaveWhatIsInNoFile) {
    other_logs others(1);
    EXPECT_FALSE(
        others.have("[05:52:25] [1234] [INFO] Logger initialized for worker process (dev mode - no file logging)"));
    EXPECT_FALSE(others.have("[05:52:25] [1234] [INFO] a record"));
    EXPECT_FALSE(
        others.have("[05:52:25] [1234] [INFO] no Logger initialized for worker process. Log file: /logs/worker.log"));
}

TEST(OtherLogs, DoNotHaveWhatIsNoRecord) {
    other_logs others(1);
    for (const std::string_view each : {"", "[", "[05:52:25] [", "[05:52:25] [1", "[05:52:25] [1] [",
                                        "[05:52:25] [1] [INFO]", "05:52:25 [1] [INFO] no"}) {
        EXPECT_FALSE(others.have(each)) << each;
    }
}

}  // namespace
