// Needs what only POSIX has: fork, signals, descriptors, a shell.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <iostream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "support/console.hpp"
#include "support/faults.hpp"
#include "support/files.hpp"
#include "support/records.hpp"
#include "support/system.hpp"

namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

const std::string speak = TEST_PROGRAM_DIRECTORY "/speak";

class OutputCaptureOfAProcess : public testing::Test {
protected:
    std::vector<test::record> found(const std::string& name = "worker") const {
        return test::parse_log(test::without_cut_record(test::read_role(logs, name)));
    }

    /// What stands after `prefix` in the records that begin with it.
    std::vector<std::string> found_after(const std::string& prefix, const std::string& name = "worker") const {
        std::vector<std::string> texts;
        for (const test::record& each : found(name)) {
            if (each.text.rfind(prefix, 0) == 0) texts.push_back(each.text.substr(prefix.size()));
        }
        return texts;
    }

    const test::temporary_directory directory;
    const fs::path logs = directory / "logs";
    const std::string counter = (directory / "counter").string();
    const test::scoped_variable tsan{"TSAN_OPTIONS", "report_signal_unsafe=0"};
};

std::vector<std::string> numbers_to(std::size_t last) {
    std::vector<std::string> numbers;
    for (std::size_t i = 1; i <= last; ++i) numbers.push_back(std::to_string(i));
    return numbers;
}

class EndBySignal : public OutputCaptureOfAProcess, public testing::WithParamInterface<int> {};

TEST_P(EndBySignal, LeavesNothingUnsaidAndEndsTheProcessAsBefore) {
    for (const std::string way : {"numbered_lines_for_ever", "numbered_lines_and_records_for_ever"}) {
        for (int run = 0; run < 10; ++run) {
            fs::remove_all(logs);
            fs::remove(counter);
            test::child_process speaker("speak", {logs.string(), way, "0", counter});
            const test::shared_counter written(counter);
            ASSERT_TRUE(test::wait_until([&] { return written.get() > 100; }));
            speaker.kill(GetParam());
            ASSERT_EQ(speaker.wait(), 128 + GetParam()) << way;
            const std::vector<std::string> lines = found_after("stdout: line ");
            ASSERT_GE(lines.size(), written.get()) << way;
            ASSERT_EQ(lines, numbers_to(lines.size())) << way;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Of, EndBySignal,
                         testing::Values(SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGALRM, SIGPIPE, SIGXCPU),
                         [](const auto& each) { return "Signal" + std::to_string(each.param); });

#ifdef SIGRTMIN
INSTANTIATE_TEST_SUITE_P(OfRealTime, EndBySignal, testing::Values(SIGRTMIN, SIGRTMIN + 5, SIGRTMAX),
                         [](const auto& each) { return "Signal" + std::to_string(each.param); });
#endif

TEST_F(OutputCaptureOfAProcess, LosesNoMoreThanTheLatestLinesToSigkill) {
    std::uint64_t most_missing = 0;
    int runs_with_loss = 0;
    for (int run = 0; run < 100; ++run) {
        fs::remove_all(logs);
        fs::remove(counter);
        test::child_process speaker("speak", {logs.string(), "numbered_lines_for_ever", "0", counter});
        const test::shared_counter written(counter);
        ASSERT_TRUE(test::wait_until([&] { return written.get() > 1000; }));
        speaker.kill();
        speaker.wait();
        const std::vector<std::string> lines = found_after("stdout: line ");
        ASSERT_EQ(lines, numbers_to(lines.size())) << "there is a gap";
        const std::uint64_t missing = written.get() > lines.size() ? written.get() - lines.size() : 0;
        most_missing = std::max(most_missing, missing);
        if (missing > 0) ++runs_with_loss;
    }
    RecordProperty("most_missing_lines", std::to_string(most_missing));
    constexpr std::uint64_t pipe_and_hands = 2 * 64 * 1024;
    EXPECT_LE(most_missing, pipe_and_hands / std::string("line 1000\n").size());
    std::cout << "In " << runs_with_loss << " of 100 runs lines were missing, at most " << most_missing << '\n';
}

TEST_F(OutputCaptureOfAProcess, GivesEachForkedChildItsOwnOnceItAsksForIt) {
    if (!test::no_fork_beside_threads.empty()) GTEST_SKIP() << test::no_fork_beside_threads;
#ifdef __SANITIZE_THREAD__
    GTEST_SKIP() << "ThreadSanitizer knows no threads that begin in a child by fork";
#endif
    constexpr int children = 30;
    constexpr int lines = 2000;
    ASSERT_EQ(test::child_process("speak_beside_forks_posix",
                                  {logs.string(), std::to_string(children), std::to_string(lines)})
                  .wait(),
              0);
    std::map<int, int> next;
    int before_its_own = 0;
    for (const test::record& each : found()) {
        if (each.text.rfind("stdout: child ", 0) == 0) ++before_its_own;
        if (each.text.rfind("stdout: thread ", 0) != 0) continue;
        int& number = next[std::stoi(each.text.substr(15))];
        ASSERT_EQ(each.text.substr(17), std::to_string(number++));
    }
    EXPECT_EQ(before_its_own, 2 * children);
    EXPECT_EQ(next.size(), 8U);
    for (const auto& [thread, count] : next) EXPECT_EQ(count, lines) << thread;

    // One after the other, they take the same name.
    const std::vector<test::record> of_children = found("worker-2");
    std::map<int, int> by_child;
    for (const test::record& each : of_children) {
        if (each.text.rfind("stdout: child ", 0) == 0) ++by_child[each.pid];
    }
    EXPECT_EQ(by_child.size(), static_cast<std::size_t>(children));
    for (const auto& [pid, count] : by_child) EXPECT_EQ(count, lines / 100) << pid;
}

TEST_F(OutputCaptureOfAProcess, LetsLinesOfTheCLibraryComeBeforeTheNextRecord) {
#ifndef __linux__
    GTEST_SKIP() << "there one cannot ask whether a stream has a buffer";
#endif
    std::vector<std::string> expected;
    for (int i = 0; i < 100; ++i) {
        expected.push_back("stdout: line " + std::to_string(i));
        expected.push_back("record " + std::to_string(i));
    }
    expected.push_back("stdout: end");
    for (const char* const early : {"", "buffered", "flushed"}) {
        const test::scoped_variable variable("SPEAK_EARLY", early);
        fs::remove_all(logs);
        ASSERT_EQ(test::child_process("speak", {logs.string(), "lines_of_c_and_records", "100"}).wait(), 0);
        const std::vector<std::string> texts = test::texts(found());
        EXPECT_TRUE(std::search(texts.begin(), texts.end(), expected.begin(), expected.end()) != texts.end())
            << early << '\n'
            << test::read_role(logs, "worker");
    }
}

TEST_F(OutputCaptureOfAProcess, KeepsTheLogWholeAndInOrderBeforeASlowReader) {
    constexpr int lines = 300;  // of each of eight threads, 90 bytes: three times what a pipe holds
    test::write_file(directory / "go", "");
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe(ends.data()), 0);
    test::child_process speaker(
        "speak",
        {logs.string(), "eight_threads_until_file_is_there", std::to_string(lines), (directory / "go").string()},
        ends[1]);
    close(ends[1]);
    std::thread reader([&] {
        std::array<char, 90> line;
        while (read(ends[0], line.data(), line.size()) > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    });
    EXPECT_EQ(speaker.wait(), 0);
    reader.join();
    close(ends[0]);
    const std::vector<std::string> taken = found_after("stdout: ");
    ASSERT_EQ(taken.size(), 8U * lines + 1);
    EXPECT_EQ(taken.back(), "end");
}

TEST_F(OutputCaptureOfAProcess, TakesStreamsThatWereClosed) {
    ASSERT_EQ(test::run_in_shell(speak + " " + logs.string() + " lines_together >&- 2>&-"), 0);
    EXPECT_THAT(found_after("stdout: "), ElementsAre("one", "two", "", "four"));
}

TEST_F(OutputCaptureOfAProcess, TakesLittleMemoryForALineOfAnyLength) {
#if !defined(__linux__) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "asks Linux for the peak of the memory, which sanitizers make larger";
#endif
    ASSERT_EQ(test::child_process("speak", {logs.string(), "a_long_line_beside_its_memory", "200"}).wait(), 0);
    const int growth_in_kibibytes = std::stoi(found_after("grown by ").at(0));
    EXPECT_GT(growth_in_kibibytes, 0);
    EXPECT_LT(growth_in_kibibytes, 4096) << "the program itself takes one MiB, and the buffer up to two";
}

TEST_F(OutputCaptureOfAProcess, CapturesAStartedProgramAsLongAsTheProcessLives) {
    const fs::path go = directory / "go";
    const fs::path status = directory / "status";
    const test::scoped_variable command("SPEAK_COMMAND", "(sh -c 'echo early; until [ -e " + go.string() +
                                                             " ]; do sleep 0.01; done; echo late; exit 0'; echo $? > " +
                                                             status.string() + ") &");
    ASSERT_EQ(test::child_process("speak", {logs.string(), "a_started_program"}).wait(), 0);
    test::write_file(go, "");
    EXPECT_TRUE(test::wait_until([&] { return fs::exists(status) && test::read_file(status) == "141\n"; }))
        << "what speaks although nobody reads any more is told by SIGPIPE";
    EXPECT_EQ(found_after("stdout: "), std::vector<std::string>{"early"});
}

TEST_F(OutputCaptureOfAProcess, LosesNothingOnADiskThatGetsFull) {
#ifndef __linux__
    GTEST_SKIP() << "needs a file system of its own";
#endif
    if (!test::is_root()) GTEST_SKIP() << "only root may mount a file system";
    constexpr int lines = 200;  // of which each batch has so many, about 13 KiB
    test::small_disk disk(logs, 64 * 1024);
    test::write_file(logs / "filler", std::string(40 * 1024, 'f'));
    test::child_process speaker(
        "speak", {logs.string(), "batches_until_file_is_there", std::to_string(lines), (directory / "go").string()});
    ASSERT_TRUE(test::wait_until([&] { return test::read_role(logs, "worker").size() > 20 * 1024; }));
    disk.make_room();
    test::write_file(directory / "go", "");
    ASSERT_EQ(speaker.wait(), 0);
    std::vector<std::string> expected;
    for (int i = 0; i < 4 * lines; ++i) expected.push_back(std::to_string(i) + " whole");
    // The record that found room for its beginning only stands there a second time, so the log is no log of whole ones.
    std::vector<std::string> whole;
    for (const std::string& line : test::lines(test::read_role(logs, "worker"))) {
        const std::size_t begin = line.find("stdout: line ");
        if (begin != line.npos && line.find(" whole") != line.npos) whole.push_back(line.substr(begin + 13));
    }
    whole.erase(std::unique(whole.begin(), whole.end()), whole.end());  // if only its line feed found no room
    EXPECT_EQ(whole, expected);
}

TEST_F(OutputCaptureOfAProcess, CountsWhatAFullDiskLeavesNoRoomFor) {
#ifndef __linux__
    GTEST_SKIP() << "needs a file system of its own";
#endif
    if (!test::is_root()) GTEST_SKIP() << "only root may mount a file system";
    constexpr std::size_t size = 32 * 1024 * 1024;
    constexpr int lines = 4'000;
    test::small_disk disk(logs, size);
    disk.fill();
    const fs::path shown = directory / "shown";
    const test::scoped_stderr as_output(shown);
    test::child_process speaker(
        "speak",
        {logs.string(), "eight_threads_until_file_is_there", std::to_string(lines), (directory / "go").string()}, 2);
    // What is shown was recorded before.
    ASSERT_TRUE(test::wait_until([&] { return fs::file_size(shown) >= std::uintmax_t{8} * lines * 90; }));
    disk.make_room();
    test::write_file(directory / "go", "");
    ASSERT_EQ(speaker.wait(), 0);
    int lost = 0;
    for (const test::record& each : found()) {
        const std::size_t told = each.text.find(" records were lost");
        if (told != std::string::npos) lost += std::stoi(each.text.substr(each.text.rfind(' ', told - 1) + 1));
    }
    EXPECT_GT(lost, 0);
    EXPECT_EQ(found_after("stdout: ").size() + static_cast<std::size_t>(lost), 8U * lines + 1);
}

}  // namespace
