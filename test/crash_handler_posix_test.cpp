// Needs what only POSIX has: signals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <chainner/crash_handler.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/files.hpp"
#include "support/records.hpp"
#include "support/system.hpp"

namespace {

using testing::AnyOf;
using testing::Contains;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::SizeIs;

struct crash {
    std::string way;     // a function of programs/crash_posix.cpp
    std::string reason;  // a regular expression for the first line of the record
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
        const int status = test::child_process("crash_posix", arguments).wait();
        return {status, test::parse_log(test::read_role(directory.path(), "worker"))};
    }
};

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
    const std::string command = "addr2line -Cfie '" + call.substr(0, plus) + "' " + call.substr(plus + 1) + " 2>&1";
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> output(popen(command.c_str(), "r"), pclose);
    std::string text;
    std::array<char, 256> part;
    while (std::fgets(part.data(), part.size(), output.get()) != nullptr) text += part.data();
    return text;
}

TEST_P(CrashHandler, RecordsTheReasonAndLeavesTheExitStatus) {
    const outcome without = run(GetParam().way, {});
    const outcome with = run(GetParam().way, {"handler"});
    EXPECT_GT(without.status, 128) << "it does not end by a signal";
    EXPECT_EQ(with.status, without.status);
    EXPECT_EQ(without.last().text, "about to crash");

    ASSERT_THAT(with.records, SizeIs(without.records.size() + 1));
    const test::record& before = with.records[with.records.size() - 2];
    EXPECT_EQ(before.text, "about to crash");
    EXPECT_EQ(with.last().level, "CRITICAL");
    EXPECT_EQ(with.last().pid, before.pid);
    EXPECT_GE(with.last().time, before.time);
    EXPECT_LT(test::seconds_between(before.time, with.last().time), 60);
    EXPECT_THAT(first_line(with.last()), MatchesRegex(GetParam().reason));
}

TEST_P(CrashHandler, RecordsItInAnotherThread) {
    const outcome without = run(GetParam().way, {"thread"});
    const outcome with = run(GetParam().way, {"thread", "handler"});
    EXPECT_EQ(with.status, without.status);
    ASSERT_THAT(with.records, SizeIs(without.records.size() + 1));
    EXPECT_THAT(first_line(with.last()), MatchesRegex(GetParam().reason));
}

TEST_P(CrashHandler, LeavesTheLastWordToTheHandlerBeforeIt) {
    const outcome without = run(GetParam().way, {"before"});
    const outcome with = run(GetParam().way, {"before", "handler"});
    // Neither has that one a stack to run on when the thread's is full.
    EXPECT_THAT(without.status, AnyOf(42, 43, 128 + SIGSEGV));
    EXPECT_EQ(with.status, without.status);
    EXPECT_THAT(first_line(with.last()), MatchesRegex(GetParam().reason));
}

TEST_P(CrashHandler, RecordsAStackThatLeadsToTheFunction) {
    const outcome with = run(GetParam().way, {"handler"});
    const std::vector<std::string> calls = stack(with.last());
    ASSERT_THAT(calls, Contains(MatchesRegex("/.+/crash_posix\\+0x[0-9a-f]+")));
    std::string resolved;
    for (const std::string& call : calls) resolved += resolve(call);
    EXPECT_THAT(resolved, HasSubstr(GetParam().way));
    EXPECT_THAT(resolved, HasSubstr("crash_posix.cpp:"));
    if (first_line(with.last()).find(" at address ") != std::string::npos) {
        EXPECT_THAT(resolved, Not(HasSubstr("crash_handler.cpp"))) << "the handler's own calls are of no interest";
    }
}

INSTANTIATE_TEST_SUITE_P(
    Each, CrashHandler,
    testing::Values(crash{"write_to_bad_address", "Crashed: SIGSEGV \\([0-9]+\\) at address 0x10"},
                    crash{"divide_by_zero", "Crashed: SIGFPE \\([0-9]+\\).*"},
                    crash{"execute_illegal_instruction", "Crashed: SIGILL \\([0-9]+\\) at address 0x[0-9a-f]+"},
                    crash{"read_behind_end_of_mapped_file", "Crashed: SIGBUS \\([0-9]+\\) at address 0x[0-9a-f]+"},
                    crash{"call_abort", "Crashed: SIGABRT \\([0-9]+\\)"},
                    crash{"overflow_stack", "Crashed: SIGSEGV \\([0-9]+\\) at address 0x[0-9a-f]+"},
                    crash{"corrupt_heap", "Crashed: SIGABRT \\([0-9]+\\)"},
                    crash{"throw_exception", "Crashed: unhandled exception std::runtime_error: no such model"},
                    crash{"throw_something_else",
                          "Crashed: unhandled exception \\(anonymous namespace\\)::plain_struct"},
                    crash{"call_terminate", "Crashed: std::terminate"}),
    [](const auto& each) { return each.param.way; });

TEST_F(CrashHandler, NamesTheSenderOfASignal) {
    const test::temporary_directory directory;
    test::child_process program("crash_posix", {directory.path().string(), "wait_for_signal", "handler"});
    const auto records = [&] { return test::parse_log(test::read_role(directory.path(), "worker")); };
    ASSERT_TRUE(test::wait_until([&] {
        return test::file_names(directory.path()).size() == 1 && !records().empty() &&
               records().back().text == "about to crash";
    }));
    kill(program.id(), SIGSEGV);
    EXPECT_EQ(program.wait(), 128 + SIGSEGV);
    EXPECT_EQ(first_line(records().back()), "Crashed: SIGSEGV (" + std::to_string(SIGSEGV) + "), sent by process " +
                                                std::to_string(test::current_process_id()));
}

TEST_F(CrashHandler, SeveralThreadsThatCrashAtOnceSpoilNothing) {
    for (int round = 0; round < 10; ++round) {
        const outcome with = run("crash_in_many_threads", {"handler"});
        EXPECT_EQ(with.status, 128 + SIGSEGV);
        EXPECT_EQ(with.last().level, "CRITICAL");
        for (const test::record& each : with.records) {
            if (each.level != "CRITICAL") continue;
            EXPECT_THAT(first_line(each), MatchesRegex("Crashed: SIGSEGV \\([0-9]+\\) at address 0x10"));
            EXPECT_THAT(stack(each), Contains(MatchesRegex("/.+/crash_posix\\+0x[0-9a-f]+")));
        }
    }
}

TEST_F(CrashHandler, TellsARecursionInOneLine) {
    const outcome with = run("overflow_stack", {"handler"});
    EXPECT_THAT(test::lines(with.last().text),
                Contains(MatchesRegex("at /.+/crash_posix\\+0x[0-9a-f]+, [0-9]+ times")));
    EXPECT_THAT(resolve(stack(with.last()).back()), HasSubstr("_start")) << "what began it is missing";
}

TEST_F(CrashHandler, ExceptionCannotForgeARecord) {
    const outcome with = run("throw_exception", {"handler"});
    EXPECT_THAT(with.last().text, HasSubstr("\n2025-10-19 05:52:25.123 [1] [INFO] forged\n"));
}

TEST(DescribeExit, TellsExitCodesFromSignals) {
    EXPECT_EQ(chainner::describe_exit(0), "exit code 0");
    EXPECT_EQ(chainner::describe_exit(3), "exit code 3");
    EXPECT_EQ(chainner::describe_exit(137), "exit code 137");
    EXPECT_EQ(chainner::describe_exit(-SIGSEGV), "killed by SIGSEGV (11)");
    EXPECT_EQ(chainner::describe_exit(-SIGKILL), "killed by SIGKILL (9), as the OOM killer does");
    EXPECT_EQ(chainner::describe_exit(-63), "killed by signal 63");
}

}  // namespace
