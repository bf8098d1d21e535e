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
