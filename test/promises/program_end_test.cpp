#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/files.hpp"
#include "support/records.hpp"
#include "support/system.hpp"

namespace {

using testing::Contains;
using testing::ElementsAre;

/// How `test/programs/log_at_exit` ends, and what it has logged after its first record.
std::vector<std::string> logged_at_the_end(const std::string& how) {
    const test::temporary_directory directory;
    test::child_process program("log_at_exit", {directory.path().string(), how});
    EXPECT_EQ(program.wait(), 0) << how;
    auto found = test::texts(test::parse_log(test::read_role(directory.path(), "host")));
    found.erase(found.begin());
    return found;
}

TEST(ProgramEnd, StaticDestructorsAndAtexitCanLog) {
    EXPECT_THAT(logged_at_the_end("return"), ElementsAre("in main", "in atexit", "in a static destructor"));
}

TEST(ProgramEnd, SpdlogCanBeShutDownBefore) {
    EXPECT_THAT(logged_at_the_end("shutdown"), ElementsAre("in main", "in atexit", "in a static destructor"));
    EXPECT_THAT(logged_at_the_end("drop_all"), ElementsAre("in main", "in atexit", "in a static destructor"));
}

TEST(ProgramEnd, WhatAFaultHeldBackIsWritten) {
    if (!test::is_posix()) GTEST_SKIP() << "Wine does not tell that an open file was removed";
    EXPECT_THAT(logged_at_the_end("fault"), Contains("in main"));
}

TEST(ProgramEnd, AThreadThatOutlivesMainLosesNothing) {
    for (int round = 0; round < 5; ++round) {
        const test::temporary_directory directory;
        const test::shared_counter counter(directory / "counter");
        test::child_process program("log_at_exit",
                                    {(directory / "logs").string(), "thread", (directory / "counter").string()});
        EXPECT_EQ(program.wait(), 0);
        // The end of the process kills the thread in the middle of a record whose call has not returned.
        const std::string log = test::without_cut_record(test::read_role(directory / "logs", "host"));
        std::uint64_t next = 1;
        for (const auto& text : test::texts(test::parse_log(log))) {
            if (text.rfind("record ", 0) != 0) continue;
            ASSERT_EQ(text, "record " + std::to_string(next)) << "one is missing, or is there twice";
            ++next;
        }
        EXPECT_GT(next, counter.get());
        EXPECT_GT(next, 100U);
    }
}

}  // namespace
