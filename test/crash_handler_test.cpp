#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chainner/crash_handler.hpp>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "support/files.hpp"
#include "support/matchers.hpp"
#include "support/records.hpp"
#include "support/system.hpp"

namespace {

using testing::AnyOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

// Regular expressions
const std::string in_program = ".+[/\\\\]crash(\\.exe)?\\+0x[0-9a-f]+";
const std::string bad_access = "(SIGSEGV \\(11\\)|access violation \\(0xc0000005\\)) at address 0x";

struct crash {
    std::string way;     // a function of programs/crash.cpp
    std::string reason;  // a regular expression for the first line of the record, behind `Crashed: `
};

std::ostream& operator<<(std::ostream& out, const crash& each) { return out << each.way; }

/// How the program ended and what it left.
struct outcome {
    int status;
    std::vector<test::record> records;

    const test::record& last() const { return records.back(); }
};

class CrashHandler : public testing::TestWithParam<crash> {
protected:
    void SetUp() override {
        const bool has_way = testing::UnitTest::GetInstance()->current_test_info()->value_param() != nullptr;
        if (test::is_posix() || !has_way) return;
        if (GetParam().way == "read_behind_end_of_mapped_file") GTEST_SKIP() << "there is no SIGBUS on this system";
        if (GetParam().way == "overflow_stack") GTEST_SKIP() << "Wine ends a program whose stack is full at once";
    }

    // A sanitizer has handlers of its own, and what it finds ends in an exit code, unless it's told otherwise.
    test::scoped_variable asan{
        "ASAN_OPTIONS",
        "abort_on_error=1:handle_segv=0:handle_abort=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0"};
    test::scoped_variable tsan{"TSAN_OPTIONS",
                               "handle_segv=0:handle_abort=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0"};
    // Half an hour away from the hours that a wrong offset would be off by.
    test::scoped_variable time_zone{"TZ", "XST-5:30"};

    outcome run(const std::string& way, const std::vector<std::string>& settings) const {
        const test::temporary_directory directory;
        std::vector<std::string> arguments{directory.path().string(), way};
        arguments.insert(arguments.end(), settings.begin(), settings.end());
        const int status = test::child_process("crash", arguments).wait();
        const std::string log = test::read_role(directory.path(), "worker");
        return {status, test::parse_log(test::without_cut_record(log))};
    }
};

/// Waits until the program has said so in the file, which is the only one then.
bool is_about_to_crash(const std::filesystem::path& file) {
    return test::wait_until([&] {
        return test::file_names(file.parent_path()).size() == 1 &&
               test::read_file(file).find("about to crash\n") != std::string::npos;
    });
}

std::string first_line(const test::record& record) { return test::lines(record.text).front(); }

std::vector<std::string> stack(const test::record& record) {
    std::vector<std::string> calls;
    for (const std::string& line : test::lines(record.text)) {
        if (line.rfind("at ", 0) == 0) calls.push_back(line.substr(3, line.find(',') - 3));
    }
    return calls;
}

/// What `addr2line` says about a line of a stack, or all that it says if that is an error.
std::string resolve(const std::string& call) {
    const std::size_t plus = call.rfind('+');
    return test::output_of("addr2line -Cfie '" + call.substr(0, plus) + "' " + call.substr(plus + 1) + " 2>&1");
}

TEST_P(CrashHandler, RecordsTheReasonAndLeavesTheExitStatus) {
    const outcome without = run(GetParam().way, {});
    const outcome with = run(GetParam().way, {"handler"});
    EXPECT_NE(without.status, 0);
    EXPECT_EQ(with.status, without.status);
    EXPECT_EQ(without.last().text, "about to crash");

    ASSERT_THAT(with.records, SizeIs(without.records.size() + 1));
    const test::record& before = with.records[with.records.size() - 2];
    EXPECT_EQ(before.text, "about to crash");
    EXPECT_EQ(with.last().level, "CRITICAL");
    EXPECT_EQ(with.last().pid, before.pid);
    EXPECT_GE(with.last().time, before.time);
    EXPECT_LT(test::seconds_between(before.time, with.last().time), 60);
    EXPECT_THAT(first_line(with.last()), test::MatchesPattern("Crashed: " + GetParam().reason));
}

TEST_P(CrashHandler, RecordsItInAnotherThread) {
    const outcome without = run(GetParam().way, {"thread"});
    const outcome with = run(GetParam().way, {"thread", "handler"});
    EXPECT_EQ(with.status, without.status);
    ASSERT_THAT(with.records, SizeIs(without.records.size() + 1));
    EXPECT_THAT(first_line(with.last()), test::MatchesPattern("Crashed: " + GetParam().reason));
}

TEST_P(CrashHandler, LeavesTheFaultToTheHandlerBeforeIt) {
    const outcome without = run(GetParam().way, {"before"});
    const outcome with = run(GetParam().way, {"before", "handler"});
    // Neither has that one a stack to run on when the thread's is full.
    if (GetParam().way != "overflow_stack") {
        EXPECT_THAT(without.status, AnyOf(42, 43));
    }
    EXPECT_EQ(with.status, without.status);
    // std::terminate cannot be repaired, and on Windows an abort is recorded first: see `install_crash_handler`.
    const bool is_abort = without.status == 42 && GetParam().reason.find("SIGABRT") != std::string::npos;
    if (with.status == 43 || (is_abort && !test::is_posix())) {
        EXPECT_THAT(first_line(with.last()), test::MatchesPattern("Crashed: " + GetParam().reason));
    } else {
        EXPECT_EQ(with.last().text, "about to crash");
    }
}

TEST_P(CrashHandler, RecordsWhatIsHandedOnByItsNumberAlone) {
    if (!test::is_posix()) GTEST_SKIP() << "on this system an abort comes to it first, and no other fault by a number";
    if (GetParam().way == "overflow_stack") GTEST_SKIP() << "that handler has no stack to run on";
    if (GetParam().way == "corrupt_heap") GTEST_SKIP() << "that handler takes memory";
    const outcome without = run(GetParam().way, {"after"});
    const outcome with = run(GetParam().way, {"after", "handler"});
    EXPECT_EQ(with.status, without.status);
    ASSERT_THAT(with.records, SizeIs(without.records.size() + 1));
    const std::string reason = GetParam().reason.substr(0, GetParam().reason.find(" at address"));
    EXPECT_THAT(first_line(with.last()), test::MatchesPattern("Crashed: " + reason));
}

TEST_P(CrashHandler, RecordsAStackThatLeadsToTheFunction) {
    const outcome with = run(GetParam().way, {"handler"});
    const std::vector<std::string> calls = stack(with.last());
    ASSERT_THAT(calls, Contains(test::MatchesPattern(in_program)));
    if (!test::is_posix()) GTEST_SKIP() << "addr2line runs on POSIX only";
    std::string resolved;
    for (const std::string& call : calls) resolved += resolve(call);
    EXPECT_THAT(resolved, HasSubstr(GetParam().way));
    EXPECT_THAT(resolved, HasSubstr("crash.cpp:"));
    EXPECT_THAT(resolved, Not(HasSubstr("crash_handler.cpp"))) << "the handler's own calls are of no interest";
}

INSTANTIATE_TEST_SUITE_P(
    Each, CrashHandler,
    testing::Values(crash{"write_to_bad_address", bad_access + "10"},
                    crash{"divide_by_zero", "(SIGFPE \\(8\\)|integer division by zero \\(0xc0000094\\)).*"},
                    crash{"execute_illegal_instruction",
                          "(SIGILL \\(4\\)|illegal instruction \\(0xc000001d\\)) at address 0x[0-9a-f]+"},
                    crash{"read_behind_end_of_mapped_file", "SIGBUS \\([0-9]+\\) at address 0x[0-9a-f]+"},
                    crash{"call_abort", "SIGABRT \\([0-9]+\\)"}, crash{"overflow_stack", bad_access + "[0-9a-f]+"},
                    crash{"corrupt_heap", "SIGABRT \\([0-9]+\\)"},
                    crash{"throw_exception", "unhandled exception std::runtime_error: no such model"},
                    crash{"throw_something_else", "unhandled exception \\(anonymous namespace\\)::plain_struct"},
                    crash{"call_terminate", "std::terminate"}),
    [](const auto& each) { return each.param.way; });

TEST_F(CrashHandler, NamesTheSenderOfASignal) {
    if (!test::is_posix()) GTEST_SKIP() << "nobody sends signals on this system";
    const test::temporary_directory directory;
    test::child_process program("crash", {directory.path().string(), "wait_for_signal", "handler"});
    const auto records = [&] { return test::parse_log(test::read_role(directory.path(), "worker")); };
    ASSERT_TRUE(test::wait_until([&] {
        return test::file_names(directory.path()).size() == 1 && !records().empty() &&
               records().back().text == "about to crash";
    }));
    program.kill(SIGSEGV);
    EXPECT_EQ(program.wait(), 128 + SIGSEGV);
    EXPECT_EQ(first_line(records().back()), "Crashed: SIGSEGV (" + std::to_string(SIGSEGV) + "), sent by process " +
                                                std::to_string(test::current_process_id()));
}

TEST_F(CrashHandler, BeginsALineOfItsOwnBehindARecordThatWasCutShort) {
    if (!test::is_posix()) GTEST_SKIP() << "nobody sends signals on this system";
    const test::temporary_directory directory;
    const auto file = directory / "worker.log";
    test::child_process program("crash", {directory.path().string(), "wait_for_signal", "handler"});
    ASSERT_TRUE(is_about_to_crash(file));
    std::ofstream(file, std::ios::app) << "cut short";
    program.kill(SIGSEGV);
    program.wait();
    const std::vector<std::string> lines = test::lines(test::read_file(file));
    ASSERT_THAT(lines, Contains("cut short"));
    EXPECT_THAT(*std::next(std::find(lines.begin(), lines.end(), "cut short")), HasSubstr("[CRITICAL] Crashed: "));
}

TEST_F(CrashHandler, WritesToAFileOfItsOwnWhereTheLogIsGone) {
    if (!test::is_posix()) GTEST_SKIP() << "nobody sends signals on this system";
    for (const bool is_name_taken : {false, true}) {
        const test::temporary_directory directory;
        const auto file = directory / "worker.log";
        test::child_process program("crash", {directory.path().string(), "wait_for_signal", "handler"});
        ASSERT_TRUE(is_about_to_crash(file));
        std::filesystem::remove(file);
        if (is_name_taken) test::write_file(file, "of another\n");
        program.kill(SIGSEGV);
        EXPECT_EQ(program.wait(), 128 + SIGSEGV);
        EXPECT_THAT(test::read_file(directory / (is_name_taken ? "worker-2.log" : "worker.log")),
                    HasSubstr("[CRITICAL] Crashed: SIGSEGV"));
    }
}

TEST_F(CrashHandler, SeveralThreadsThatCrashAtOnceSpoilNothing) {
    const int status = run("write_to_bad_address", {}).status;
    for (int round = 0; round < 10; ++round) {
        const outcome with = run("crash_in_many_threads", {"handler"});
        EXPECT_EQ(with.status, status);
        EXPECT_EQ(with.last().level, "CRITICAL");
        for (const test::record& each : with.records) {
            if (each.level != "CRITICAL") continue;
            EXPECT_THAT(first_line(each), test::MatchesPattern("Crashed: " + bad_access + "10"));
            EXPECT_THAT(stack(each), Contains(test::MatchesPattern(in_program)));
        }
    }
}

TEST_F(CrashHandler, RecordsAFaultOfTheTerminateHandlerBeforeItAsWell) {
    if (!test::is_posix()) GTEST_SKIP() << "not tried on this system";
    const outcome with = run("throw_exception", {"handler", "faulty"});
    EXPECT_EQ(with.status, 128 + SIGSEGV);
    ASSERT_THAT(with.records, SizeIs(4));
    EXPECT_EQ(first_line(with.records[2]), "Crashed: unhandled exception std::runtime_error: no such model");
    EXPECT_THAT(first_line(with.last()), test::MatchesPattern("Crashed: " + bad_access + "10"));
}

TEST_F(CrashHandler, TellsARecursionInOneLine) {
    const outcome with = run("crash_in_a_recursion", {"handler"});
    EXPECT_THAT(test::lines(with.last().text), Contains(test::MatchesPattern("at " + in_program + ", [0-9]+ times")));
    if (!test::is_posix()) GTEST_SKIP() << "addr2line runs on POSIX only";
    EXPECT_THAT(resolve(stack(with.last()).back()), HasSubstr("_start")) << "what began it is missing";
}

TEST_F(CrashHandler, SaysTheUtcOffsetWhereTheRecordsDo) {
    const test::scoped_variable zone("TZ", "XST3:30");
    for (const std::string wanted : {"0", "1"}) {
        const test::scoped_variable variable("CHAINNER_LOG_UTC_OFFSET", wanted);
        const outcome with = run("write_to_bad_address", {"handler"});
        const test::record& before = with.records[with.records.size() - 2];
        EXPECT_EQ(before.offset, wanted == "1" ? "-03:30" : "");
        EXPECT_EQ(with.last().offset, before.offset);
        EXPECT_GE(with.last().time, before.time);
        EXPECT_LT(test::seconds_between(before.time, with.last().time), 60);
        EXPECT_THAT(first_line(with.last()), test::MatchesPattern("Crashed: " + bad_access + "10"));
    }
}

TEST_F(CrashHandler, ExceptionCannotForgeARecord) {
    const outcome with = run("throw_exception", {"handler"});
    EXPECT_THAT(with.last().text, HasSubstr("\n2025-10-19 05:52:25.123 [1] [INFO] forged\n"));
}

TEST_F(CrashHandler, ALongTextIsCutAtALetterAndLeavesRoomForTheStack) {
    const outcome with = run("throw_long_text", {"handler"});
    EXPECT_THAT(first_line(with.last()), testing::AllOf(testing::StartsWith("Crashed: unhandled exception "),
                                                        testing::EndsWith("\u00e4\u00e4...")));
    EXPECT_THAT(stack(with.last()), Contains(test::MatchesPattern(in_program)));
}

TEST(DescribeExit, NamesWhatEndedAProcess) {
    EXPECT_EQ(chainner::describe_exit(0), "exit code 0");
    EXPECT_EQ(chainner::describe_exit(3), "exit code 3");
    EXPECT_EQ(chainner::describe_exit(137), "exit code 137");
}

TEST(DescribeExit, TakesEveryNumber) {
    constexpr auto least = std::numeric_limits<std::int64_t>::min();
    EXPECT_EQ(chainner::describe_exit(least), test::is_posix() ? "exit code -9223372036854775808" : "exit code 0");
}

TEST(DescribeExit, KnowsAWaitStatusFromAnExitCode) {
    using chainner::wait_status;
    EXPECT_EQ(chainner::describe_exit(wait_status{0}), "exit code 0");
    EXPECT_EQ(chainner::describe_exit(wait_status{std::system("exit 3")}), "exit code 3");
    if (!test::is_posix()) GTEST_SKIP() << "the two are the same on this system";
    EXPECT_EQ(chainner::describe_exit(wait_status{std::system("kill -KILL $$")}),
              "killed by SIGKILL (9), as the OOM killer does");
    EXPECT_EQ(chainner::describe_exit(wait_status{11 + 128}), "killed by SIGSEGV (11)") << "with a core dump";
}

TEST(DescribeExit, NamesWhatTheSystemEndedItFor) {
    if (test::is_posix()) {
        EXPECT_EQ(chainner::describe_exit(-11), "killed by SIGSEGV (11)");
        EXPECT_EQ(chainner::describe_exit(-9), "killed by SIGKILL (9), as the OOM killer does");
        EXPECT_EQ(chainner::describe_exit(-10), "killed by SIGUSR1 (10)");
        EXPECT_EQ(chainner::describe_exit(-25), "killed by SIGXFSZ (25)");
        EXPECT_EQ(chainner::describe_exit(-37), "killed by SIGRTMIN+3 (37)");
        EXPECT_EQ(chainner::describe_exit(-33), "killed by signal 33");
    } else {
        EXPECT_EQ(chainner::describe_exit(0xc0000005), "exit code 0xc0000005 (access violation)");
        EXPECT_EQ(chainner::describe_exit(-1073741819), "exit code 0xc0000005 (access violation)");
        EXPECT_EQ(chainner::describe_exit(0x7fffffff), "exit code 2147483647");
        EXPECT_EQ(chainner::describe_exit(0xc0000135), "exit code 0xc0000135");
        EXPECT_EQ(chainner::describe_exit(0xc000013a), "exit code 0xc000013a (Ctrl-C)");
    }
}

}  // namespace
