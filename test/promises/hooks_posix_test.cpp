// Needs what only POSIX has: signals, fork, the cancellation of threads, descriptors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "support/console.hpp"
#include "support/files.hpp"
#include "support/records.hpp"
#include "support/system.hpp"

namespace {

namespace fs = std::filesystem;

class InterruptedCall : public testing::Test {
protected:
    int interrupt(const std::string& what, int count) const {
        return test::child_process("interrupt_posix", {logs.string(), what, std::to_string(count)}, 2).wait();
    }
    int interrupt_call(const std::string& what, int count, const std::string& call) const {
        return test::child_process("interrupt_posix", {logs.string(), what, std::to_string(count), call}).wait();
    }

    std::vector<test::record> records() const { return test::parse_log(test::read_role(logs, "worker")); }
    /// Each process begins with `Logger initialized` and then has each of its records, once and whole. How many
    /// processes there were.
    static int expect_whole_sessions(const std::vector<test::record>& records) {
        int last = 0;
        int sessions = 0;
        for (const test::record& each : records) {
            if (each.text.rfind("Logger initialized for", 0) == 0) {
                last = 0;
                ++sessions;
            }
            if (each.text.rfind("record ", 0) == 0) {
                EXPECT_EQ(std::stoi(each.text.substr(7)), ++last);
            }
        }
        return sessions;
    }
    /// The same of threads, each of which logs `record THREAD.1`, `record THREAD.2`, ... How many there were.
    std::size_t expect_whole_threads() const {
        std::map<std::string, int> last;
        std::string end;
        for (const test::record& each : records()) {
            end = each.text;
            if (end.rfind("record ", 0) != 0) continue;
            const std::size_t dot = end.find('.');
            EXPECT_EQ(std::stoi(end.substr(dot + 1)), ++last[end.substr(7, dot - 7)]) << end;
        }
        EXPECT_EQ(end, "all are cancelled");
        return last.size();
    }

    const test::temporary_directory directory;
    const fs::path logs = directory / "logs";
    // A signal handler that does what it may not do is just what is tried.
    const test::scoped_variable tsan{"TSAN_OPTIONS", "report_signal_unsafe=0 atexit_sleep_ms=0"};
};

TEST_F(InterruptedCall, LetsAHandlerEndTheProcess) {
    EXPECT_EQ(interrupt("exit", 500), 0);
    EXPECT_EQ(expect_whole_sessions(records()), 500);
}

TEST_F(InterruptedCall, LetsAHandlerLogThoughItsRecordMayBeDropped) {
    EXPECT_EQ(interrupt("log", 200), 0);
    const auto found = records();
    EXPECT_EQ(expect_whole_sessions(found), 200);
    const auto texts = test::texts(found);
    EXPECT_EQ(std::count(texts.begin(), texts.end(), "after the handler"), 200);
    EXPECT_LE(std::count(texts.begin(), texts.end(), "from the handler"), 200);
}

TEST_F(InterruptedCall, LetsAHandlerForkAndTheChildLogToAFileOfItsOwn) {
    EXPECT_EQ(interrupt("fork", 500), 0);
    const auto found = records();
    EXPECT_EQ(expect_whole_sessions(found), 500);
    for (const test::record& each : found) {
        EXPECT_NE(each.text, "from the handler") << "a child has logged to the file of its parent";
    }
    int from_handlers = 0;
    for (const test::record& each : test::parse_log(test::read_role(logs, "worker-2"))) {
        EXPECT_EQ(each.text.rfind("record ", 0), each.text.npos) << "a child has logged a record of its parent";
        from_handlers += each.text == "from the handler" ? 1 : 0;
    }
    EXPECT_GT(from_handlers, 400) << "no more than those that have interrupted the C library are dropped";
}

TEST_F(InterruptedCall, LetsAHandlerGetTheLoggerAndLogWhateverTheCall) {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "the handler may interrupt AddressSanitizer's allocator, which then waits for itself";
#endif
    for (const char* call : {"get", "set_up", "pattern"}) {
        EXPECT_EQ(interrupt_call("get", 300, call), 0) << call;
        EXPECT_EQ(interrupt_call("log", 300, call), 0) << call;
        EXPECT_EQ(interrupt_call("exit", 100, call), 0) << call;
    }
    EXPECT_FALSE(records().empty()) << "nothing else is in the file than whole records";
}

TEST_F(InterruptedCall, LetsAHandlerCaptureWhateverTheCall) {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "the handler may interrupt AddressSanitizer's allocator, which then waits for itself";
#endif
    for (const char* call : {"get", "capture", "release"}) EXPECT_EQ(interrupt_call("capture", 300, call), 0) << call;
}

TEST_F(InterruptedCall, LetsAHandlerForkAgainAndAgain) {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "the handler may interrupt AddressSanitizer's allocator, which then waits for itself";
#endif
    EXPECT_EQ(interrupt("forks", 10), 0);
    EXPECT_EQ(expect_whole_sessions(records()), 10);
}

TEST_F(InterruptedCall, LetsAHandlerWriteMoreToACapturedStreamThanAPipeHolds) {
    EXPECT_EQ(interrupt_call("write", 200, "log"), 0);
    int lines = 0;
    for (const test::record& each : test::parse_log(test::read_role(logs, "worker"))) {
        lines += each.text == "stdout: " + std::string(1000, 'x') ? 1 : 0;
    }
    EXPECT_EQ(lines, 200 * 200);
}

TEST_F(InterruptedCall, LetsAHandlerWriteOrExitWhateverTheCallWhileOutputIsCaptured) {
    // AddressSanitizer stops all threads, also the one that a handler waits for, while it looks for leaks at the end.
    const test::scoped_variable asan("ASAN_OPTIONS", "detect_leaks=0");
    for (const char* call : {"capture", "release", "end"}) EXPECT_EQ(interrupt_call("write", 100, call), 0) << call;
    for (const char* call : {"log", "capture", "release"}) EXPECT_EQ(interrupt_call("exit", 100, call), 0) << call;
}

TEST_F(InterruptedCall, IsFinishedBeforeItsThreadIsCancelledWhileOutputIsCaptured) {
    EXPECT_EQ(interrupt_call("cancel", 100, "log"), 0);
    EXPECT_GT(expect_whole_threads(), 50U) << "most threads were cancelled before they logged";
}

TEST_F(InterruptedCall, IsFinishedBeforeItsThreadIsCancelled) {
    EXPECT_EQ(interrupt("cancel", 500), 0);
    EXPECT_GT(expect_whole_threads(), 400U) << "most threads were cancelled before they logged";
}

class ClosedDescriptors : public testing::TestWithParam<int> {};

TEST_P(ClosedDescriptors, CostNoRecordAndNoFileOfTheProgram) {
    // To close what others use is the race that is tried.
    const test::scoped_variable tsan("TSAN_OPTIONS", "report_bugs=0");
    const test::temporary_directory directory;
    const int most = GetParam();
    const std::string program = fs::path(TEST_PROGRAM_DIRECTORY) / "close_descriptors_posix";
    ASSERT_EQ(test::run_in_shell("ulimit -n " + std::to_string(most) + " && '" + program + "' '" +
                                 directory.path().string() + "' 4 20000 2>/dev/null"),
              0);
    std::map<std::string, int> last;
    for (const std::string& name : test::file_names(directory / "logs")) {
        for (const auto& each : test::parse_log(test::read_file(directory / "logs" / name))) {
            if (each.text.rfind("record ", 0) != 0) continue;
            EXPECT_EQ(std::stoi(each.text.substr(9)), ++last[each.text.substr(7, 1)]);
        }
    }
    EXPECT_EQ(last, (std::map<std::string, int>{{"0", 20000}, {"1", 20000}, {"2", 20000}, {"3", 20000}}));
    EXPECT_GT(test::file_names(directory / "own").size(), 100U);
    for (const std::string& name : test::file_names(directory / "own")) {
        EXPECT_EQ(test::read_file(directory / "own" / name), "mine");
    }
}

INSTANTIATE_TEST_SUITE_P(Limits, ClosedDescriptors, testing::Values(1024, 4096),
                         [](const auto& each) { return "Of" + std::to_string(each.param); });

TEST(StandardStreams, AreNoFilesOfOursThoughTheyWereClosedAtTheStart) {
    const test::temporary_directory directory;
    const std::string program = fs::path(TEST_PROGRAM_DIRECTORY) / "log_records";
    ASSERT_EQ(test::run_in_shell("'" + program + "' worker '" + directory.path().string() +
                                 "' 20000 size=20000 files=1000 console=1 threads=2 noise=1 <&- >&- 2>&-"),
              0);
    EXPECT_EQ(test::parse_log(test::read_role(directory.path(), "worker")).size(), 40'001U);
}

}  // namespace
