#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "support/console.hpp"
#include "support/files.hpp"
#include "support/records.hpp"
#include "support/system.hpp"

namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(_WIN32)  // Wine is slow
constexpr int fewer = 20;
#else
constexpr int fewer = 1;
#endif

/// Speaks by `programs/speak.cpp`.
class OutputCapture : public testing::Test {
protected:
    int speak(const std::string& way, int count = 0, int output = -1) const {
        return test::child_process("speak", {logs.string(), way, std::to_string(count)}, output).wait();
    }

    /// Without what the logger says about itself.
    std::vector<std::string> found(const std::string& name = "worker") const {
        std::vector<std::string> texts = test::texts(test::parse_log(test::read_role(logs, name)));
        texts.erase(std::remove_if(texts.begin(), texts.end(),
                                   [](const auto& text) { return text.rfind("Logger initialized for ", 0) == 0; }),
                    texts.end());
        return texts;
    }

    const test::temporary_directory directory;
    const fs::path logs = directory / "logs";
};

TEST_F(OutputCapture, TakesWhatCAndCppAndAStartedProgramWrite) {
    ASSERT_EQ(speak("by_every_writer"), 0);
    EXPECT_THAT(found(), UnorderedElementsAre("stdout: by C", "stderr: by C, to stderr", "stdout: by C++",
                                              "stderr: by C++, to stderr", "stdout: by a program"));
}

TEST_F(OutputCapture, LosesNoOtherLineThanOneThatCannotBeFormatted) {
    ASSERT_EQ(speak("by_a_formatter_that_throws"), 0);
    EXPECT_THAT(found(), ElementsAre("stdout: one", "stdout: two"));
}

TEST_F(OutputCapture, SetsUpTheRoleOfTheEnvironmentWhereThereIsNone) {
    const test::scoped_variable log_dir("CHAINNER_LOG_DIR", logs.u8string());
    const test::scoped_variable role("CHAINNER_PROCESS_TYPE", "host");
    ASSERT_EQ(test::child_process("speak", {"-", "lines_together"}).wait(), 0);
    EXPECT_THAT(found("host"), ElementsAre("stdout: one", "stdout: two", "stdout: ", "stdout: four"));
}

TEST_F(OutputCapture, WaitsForAThreadThatLogs) {
    ASSERT_EQ(speak("lines_while_a_thread_logs"), 0);
    const std::vector<std::string> texts = found();
    EXPECT_GE(std::count(texts.begin(), texts.end(), "by the formatter: stdout: line"), 10)
        << "those of 20 for which the thread was not stopped too long";
}

TEST_F(OutputCapture, KeepsLinesThatArriveTogetherApart) {
    ASSERT_EQ(speak("lines_together"), 0);
    EXPECT_THAT(found(), ElementsAre("stdout: one", "stdout: two", "stdout: ", "stdout: four"));
}

TEST_F(OutputCapture, EscapesWhatIsNoTextAndWhatReadsLikeARecordOfTheLogger) {
    ASSERT_EQ(speak("what_is_no_text"), 0);
    EXPECT_THAT(found(),
                ElementsAre("stdout: \\x1b[31mred\\x00\\xff\u00e9", "stdout: Logger closed for worker process"));
}

TEST_F(OutputCapture, MakesSeveralRecordsOfAVeryLongLine) {
    ASSERT_EQ(speak("a_long_line", 20), 0);
    std::size_t size = 0;
    for (const std::string& each : found()) {
        ASSERT_EQ(each.find_first_not_of('x', 8), std::string::npos);
        size += each.size() - 8;
    }
    EXPECT_EQ(size, 20U * 1024 * 1024);
}

TEST_F(OutputCapture, MakesARecordOfEachOfAMillionEmptyLines) {
    ASSERT_EQ(speak("empty_lines", 1'000'000 / fewer), 0);
    const std::string log = test::read_role(logs, "worker");
    EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1'000'000 / fewer + 3) << "and three records of the session";
}

TEST_F(OutputCapture, MakesARecordOfTheLastStateOfAProgressBar) {
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_EQ(speak("a_progress_bar"), 0);
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(std::chrono::steady_clock::now() - begin).count();
    std::vector<std::string> said = found();
    ASSERT_GE(said.size(), 2U);
    EXPECT_THAT(std::vector(said.end() - 2, said.end()), ElementsAre("stdout: 100%", "stdout: done"));
    EXPECT_LE(said.size() - 2, static_cast<std::size_t>(seconds - 1)) << "at most one a second on the way";
}

TEST_F(OutputCapture, PutsWhatAThreadHasWrittenBeforeItLogsBeforeItsRecord) {
    if (!test::is_posix()) GTEST_SKIP() << "Wine ends a read a moment later than the write that it waits for";
    ASSERT_EQ(speak("lines_and_records", 2000), 0);
    std::vector<std::string> expected;
    for (int i = 0; i < 2000; ++i) {
        expected.push_back("stdout: line " + std::to_string(i));
        expected.push_back("record " + std::to_string(i));
    }
    EXPECT_THAT(found(), ElementsAreArray(expected));
}

TEST_F(OutputCapture, TakesWhatTheCLibraryHasInABuffer) {
    ASSERT_EQ(speak("lines_of_c_and_records", 1), 0);
    EXPECT_THAT(found(), UnorderedElementsAre("stdout: line 0", "record 0", "stdout: end"));
}

TEST_F(OutputCapture, MakesARecordOfALineWithoutAnEndWhileTheProcessLives) {
    const test::child_process program("speak", {logs.string(), "a_prompt"});
    EXPECT_TRUE(test::wait_until([&] {
        return fs::exists(logs / "worker.log") &&
               test::read_file(logs / "worker.log").find("stdout: Name: \n") != std::string::npos;
    }));
}

TEST_F(OutputCapture, StopsWhenReleasedAndGoesOnWhenCapturedAgain) {
    test::channel streams(test::channel_kind::pipe);
    ASSERT_EQ(speak("after_the_release", 0, streams.writer()), 0);
    EXPECT_THAT(found(), ElementsAre("stdout: captured", "stdout: captured again"));
    const std::string shown = streams.read();
    EXPECT_THAT(shown, HasSubstr("captured\nnot captured\ncaptured again\n"));
}

TEST_F(OutputCapture, LosesNothingWhileItIsReleasedAndOthersWrite) {
    if (!test::is_posix()) GTEST_SKIP() << "on this system dup2 lets go of the old file before it has the new one";
    const int each = 20'000 / fewer;
    const fs::path shown = directory / "shown";
    {
        const test::scoped_stderr as_output(shown);
        ASSERT_EQ(speak("release_beside_eight_threads", each, 2), 0);
    }
    const std::vector<std::string> lines = test::lines(test::read_file(shown));
    EXPECT_EQ(std::count_if(lines.begin(), lines.end(), [](const auto& line) { return line.rfind("thread ", 0) == 0; }),
              8 * each);
}

TEST_F(OutputCapture, KeepsWritersGoingThoughNobodyReadsTheStreams) {
    for (const auto kind : test::readable_kinds()) {
        SCOPED_TRACE(test::name_of(kind));
        fs::remove_all(logs);
        test::channel streams(kind);
        const int each = 280'000 / fewer / (kind == test::channel_kind::pipe ? 1 : 40);  // of the pipe, 200 MB
        ASSERT_EQ(speak("eight_threads", each, streams.writer()), 0);
        std::map<char, int> next;
        for (const std::string& text : found()) {
            if (text.rfind("stdout: thread ", 0) != 0) continue;
            int& number = next[text[15]];
            ASSERT_EQ(text.substr(17, text.find(' ', 17) - 17), std::to_string(number++));
        }
        EXPECT_EQ(next.size(), 8U);
        for (const auto& [thread, count] : next) EXPECT_EQ(count, each) << thread;
    }
}

TEST_F(OutputCapture, ShowsOnTheStreamsWhatWasWrittenAtOnceAndUnchanged) {
    test::channel streams(test::channel_kind::pipe);
    test::child_process program("speak", {logs.string(), "a_prompt"}, streams.writer());
    std::string shown;
    EXPECT_TRUE(test::wait_until([&] {
        shown += streams.read();
        return shown.size() >= 6 && shown.substr(shown.size() - 6) == "Name: ";
    })) << shown;
}

// Ends

class EndOfACapture : public OutputCapture, public testing::WithParamInterface<std::string> {
protected:
    // As for the crash handler.
    test::scoped_variable asan{
        "ASAN_OPTIONS",
        "abort_on_error=1:handle_segv=0:handle_abort=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0"};
    test::scoped_variable tsan{"TSAN_OPTIONS", "handle_segv=0:handle_abort=0:report_signal_unsafe=0"};
};

TEST_P(EndOfACapture, LeavesNothingUnsaid) {
    if (!test::is_posix() && GetParam() == "raise_sigterm") {
        GTEST_SKIP() << "nothing tells a program of this end on this system";
    }
    speak(GetParam());
    std::vector<std::string> said = found();
    EXPECT_THAT(said, Contains("stderr: an error"));
    // The one stream is read beside the other.
    said.erase(
        std::remove_if(said.begin(), said.end(), [](const auto& text) { return text.rfind("stderr: ", 0) == 0; }),
        said.end());
    said.resize(std::min<std::size_t>(said.size(), 3));
    if (test::is_posix()) {
        EXPECT_THAT(said, ElementsAre("stdout: before", "a record", "stdout: last words"));
    } else {
        EXPECT_THAT(said, UnorderedElementsAre("stdout: before", "a record", "stdout: last words")) << "see above";
    }
}

INSTANTIATE_TEST_SUITE_P(By, EndOfACapture,
                         testing::Values("return_from_main", "call_exit", "call_quick_exit", "call_abort",
                                         "throw_exception", "write_to_bad_address", "free_twice", "raise_sigterm"),
                         [](const auto& each) { return each.param; });

class LastWordsOfTheRuntime : public EndOfACapture {};

TEST_F(LastWordsOfTheRuntime, AreInTheLogWhenAnExceptionIsUncaught) {
    speak("throw_exception");
    EXPECT_THAT(found(), Contains(HasSubstr("Crashed: unhandled exception std::runtime_error: thrown")));
    EXPECT_THAT(found(), Contains(HasSubstr("stderr: terminate called after throwing an instance of")));
    EXPECT_THAT(found(), Contains("stderr:   what():  thrown"));
}

}  // namespace
