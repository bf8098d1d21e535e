// Needs what only POSIX has: fork, signals, descriptors, a shell.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support/console.hpp"
#include "support/faults.hpp"
#include "support/files.hpp"
#include "support/records.hpp"
#include "support/system.hpp"

namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;

/// What a program does that captures its output, by `programs/disturb_capture_posix.cpp`, is what it would do without.
class DisturbedCapture : public testing::Test {
protected:
    /// Runs it as often as a race may need, until it fails.
    void disturb(const std::string& way, int runs = 1) {
        for (int run = 0; run < runs; ++run) {
            fs::remove_all(logs);
            fs::remove(shown_file);
            const test::scoped_stderr as_output(shown_file);
            test::child_process program("disturb_capture_posix", {logs.string(), way, other_file.string()}, 2);
            ASSERT_EQ(program.wait(), expected_status) << way << ", run " << run << '\n'
                                                       << test::read_role(logs, "worker").substr(0, 4096);
            if (HasFatalFailure() || !check) return;
            check();
        }
    }

    std::string log(const std::string& name = "worker") const { return test::read_role(logs, name); }
    std::vector<std::string> texts(const std::string& name = "worker") const {
        return test::texts(test::parse_log(log(name)));
    }
    std::string shown() const { return test::read_file(shown_file); }

    const test::temporary_directory directory;
    const fs::path logs = directory / "logs";
    const fs::path shown_file = directory / "shown";
    const fs::path other_file = directory / "other";
    int expected_status = 0;
    std::function<void()> check;
    const test::scoped_variable tsan{"TSAN_OPTIONS", "report_signal_unsafe=0 handle_abort=0 report_thread_leaks=0"};
    const test::scoped_variable asan{"ASAN_OPTIONS", "handle_abort=0:detect_leaks=0"};
};

TEST_F(DisturbedCapture, FreesAThreadThatIsStuckInPrintf) {
    disturb("capture_beside_stuck_printf", 3);
    // The thread prints until the system ends it, and the reader with it, which may be in the midst of a record.
    EXPECT_THAT(test::texts(test::parse_log(test::without_cut_record(log()))),
                IsSupersetOf({"captured", "stdout: a line of a thread"}));
}

TEST_F(DisturbedCapture, BeginsLaterWhereThereIsNoDescriptor) {
    if (!test::no_free_descriptor::is_possible()) GTEST_SKIP() << "the sanitizer needs descriptors itself";
    disturb("capture_without_a_descriptor");
    EXPECT_THAT(texts(), Contains("stdout: after"));
    EXPECT_THAT(texts(), Not(Contains("stdout: before")));
    EXPECT_THAT(shown(), HasSubstr("before\nafter\n"));
}

TEST_F(DisturbedCapture, ReadsWhatAFormatterPrintsThatMakesItsRecords) { disturb("print_in_a_formatter"); }

TEST_F(DisturbedCapture, LeavesSignalsToTheThreadsOfTheProgram) { disturb("wait_for_signals"); }

TEST_F(DisturbedCapture, IsReleasedThoughNobodyReadsWhatCHasInItsBuffer) {
    disturb("release_with_unfinished_line_unread");
    EXPECT_THAT(texts(), IsSupersetOf({"stdout: unfinished", "released"}));
}

TEST_F(DisturbedCapture, ShowsWhatWasWrittenBeforeTheReleaseBeforeWhatComesAfter) {
    check = [this] {
        EXPECT_THAT(shown(), HasSubstr("a line\nunfinished, finished\n"));
        EXPECT_THAT(texts(), IsSupersetOf({"stdout: a line", "stdout: unfinished"}));
    };
    disturb("release_with_unfinished_line", 20);
}

TEST_F(DisturbedCapture, TakesAndShowsWhatIsWrittenWhileTheProcessEnds) {
    check = [this] {
        for (const std::string text : {"in the buffer of cout", "last words of a static object"}) {
            EXPECT_THAT(texts(), Contains("stdout: " + text));
            EXPECT_THAT(shown(), HasSubstr(text + "\n"));
        }
        EXPECT_THAT(log(), EndsWith("] Logger closed for worker process\n"));
    };
    disturb("write_while_ending", 20);
}

TEST_F(DisturbedCapture, LetsTheProcessEndThoughAThreadHoldsStdout) {
#ifdef __SANITIZE_THREAD__
    GTEST_SKIP() << "ThreadSanitizer waits for the lock of stdout when the process ends";
#endif
    disturb("exit_beside_locked_stdout");
    EXPECT_THAT(texts(), Contains("stdout: last words"));
}

TEST_F(DisturbedCapture, TakesWhatCHasInItsBufferOnceThoughAHandlerEndsTheProcessMeanwhile) {
    disturb("exit_in_a_handler_while_the_buffer_is_flushed");
    std::vector<std::string> lines = test::lines(log());
    lines.erase(std::remove_if(lines.begin(), lines.end(),
                               [](const std::string& each) { return each.rfind("stdout: line ", 0) != 0; }),
                lines.end());
    ASSERT_EQ(lines.size(), 20'000U);
    for (std::size_t i = 0; i < lines.size(); ++i) ASSERT_EQ(lines[i], "stdout: line " + std::to_string(i));
}

TEST_F(DisturbedCapture, GoesOnOnceTheProgramHasClosedAllDescriptors) {
#ifdef __SANITIZE_THREAD__
    GTEST_SKIP() << "to close what a thread writes to is a race, as ThreadSanitizer says";
#endif
#ifndef __linux__
    GTEST_SKIP() << "there a pipe cannot be opened again";
#endif
    check = [this] { EXPECT_THAT(texts(), IsSupersetOf({"stdout: line 0", "stdout: line 999", "after"})); };
    disturb("close_all_descriptors", 20);
}

TEST_F(DisturbedCapture, ReadsAndWritesNoFileThatHasTheNumberOfOneOfOurs) {
#ifdef __SANITIZE_THREAD__
    GTEST_SKIP() << "to close what a thread writes to is a race, as ThreadSanitizer says";
#endif
    check = [this] {
        EXPECT_EQ(test::read_file(other_file), "mine");
        EXPECT_THAT(texts(), IsSupersetOf({"stdout: after", "after"}));
        fs::remove(other_file);
    };
    disturb("put_files_in_place_of_all_descriptors", 5);
}

TEST_F(DisturbedCapture, TakesTheLastWordsOfAnAbortInTheMidstOfALoggingCall) {
    expected_status = 128 + 6;
    check = [this] { EXPECT_THAT(log(), HasSubstr("] stdout: malloc(): broken\n")); };
    disturb("abort_in_logging_call", 5);
}

TEST_F(DisturbedCapture, GivesAChildThatReleasesItTheStreamsOfItsParent) {
    if (!test::no_fork_beside_threads.empty()) GTEST_SKIP() << test::no_fork_beside_threads;
    disturb("release_in_child_and_execute", 3);
    EXPECT_THAT(shown(), HasSubstr("by the tool\n"));
    EXPECT_THAT(log(), Not(HasSubstr("by the tool")));
}

TEST_F(DisturbedCapture, GoesOnForAChildThatLogsAndForWhatItExecutes) {
    if (!test::no_fork_beside_threads.empty()) GTEST_SKIP() << test::no_fork_beside_threads;
    disturb("log_in_child_and_execute", 3);
    EXPECT_THAT(shown(), HasSubstr("by the tool\n"));
    EXPECT_THAT(texts(), Contains("stdout: by the tool"));
    EXPECT_THAT(texts("worker-2"), Contains("starting the tool"));
}

TEST_F(DisturbedCapture, IsNotTouchedByChildrenThatEnd) {
    if (!test::no_fork_beside_threads.empty()) GTEST_SKIP() << test::no_fork_beside_threads;
    disturb("end_children_in_midst_of_line");
    const std::vector<std::string> all = texts();
    EXPECT_EQ(std::count(all.begin(), all.end(), "stdout: one line"), 20);
}

TEST_F(DisturbedCapture, BeginsInAChildThatLogsAfterItsParentHasEnded) {
    if (!test::no_fork_beside_threads.empty()) GTEST_SKIP() << test::no_fork_beside_threads;
#ifdef __SANITIZE_THREAD__
    GTEST_SKIP() << "ThreadSanitizer knows no threads that begin in a child by fork";
#endif
    disturb("outlive_parent");
    // The name of the parent's file may be free again.
    EXPECT_TRUE(
        test::wait_until([&] { return (log() + log("worker-2")).find("] stdout: heard\n") != std::string::npos; }));
}

TEST_F(DisturbedCapture, KeepsNoDescriptorOfARedirection) {
#ifndef __linux__
    GTEST_SKIP() << "counts in /proc";
#endif
    disturb("redirect_again_and_again");
    EXPECT_THAT(test::read_file(other_file), HasSubstr("captured\n"));
    EXPECT_THAT(test::read_file(other_file), Not(HasSubstr("for the first stream")));
}

TEST_F(DisturbedCapture, LetsTheConsoleFollowWhereTheProgramRedirectsStderr) {
    disturb("redirect_stderr");
    const std::string redirected = test::read_file(other_file);
    EXPECT_THAT(redirected, HasSubstr("to the file\n"));
    EXPECT_THAT(redirected, Not(HasSubstr("of the start")));
    EXPECT_THAT(shown(), Not(HasSubstr("to the file")));
    EXPECT_THAT(shown(), HasSubstr("to the stderr of the start again\n"));
}

TEST_F(DisturbedCapture, LetsNoTimeRunBackInTheFile) {
    disturb("print_and_log");
    const std::vector<std::string> lines = test::lines(log());
    std::string latest;
    for (const std::string& line : lines) {
        const std::string time = line.substr(0, std::string("2025-10-19 05:52:25.123").size());
        ASSERT_GE(time, latest) << line;
        latest = time;
    }
    EXPECT_GE(lines.size(), 10'000U);
}

}  // namespace
