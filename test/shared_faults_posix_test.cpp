// Needs what only POSIX has: signals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <vector>

#include "support/files.hpp"
#include "support/matchers.hpp"
#include "support/records.hpp"
#include "support/system.hpp"

namespace {

using testing::ElementsAre;
using testing::StartsWith;

/// A kind of programs/share_faults_posix.cpp.
struct guest {
    std::string name;
    std::string end = "write";
};

std::ostream& operator<<(std::ostream& out, const guest& each) { return out << each.name; }

class Guests : public testing::TestWithParam<guest> {
protected:
    test::scoped_variable asan{"ASAN_OPTIONS", "abort_on_error=1:handle_segv=0:handle_abort=0:handle_sigfpe=0"};
    test::scoped_variable tsan{"TSAN_OPTIONS", "handle_segv=0:handle_abort=0:handle_sigfpe=0"};

    struct outcome {
        int status;
        std::vector<std::string> first_lines;  // of the records
    };

    /// The guest comes `before` our handler, `after` it, or is `alone`.
    static outcome run(const std::string& order) {
        const test::temporary_directory directory;
        test::child_process program("share_faults_posix",
                                    {directory.path().string(), GetParam().name, order, GetParam().end});
        outcome result{program.wait(), {}};
        for (const test::record& each : test::parse_log(test::read_role(directory.path(), "worker"))) {
            result.first_lines.push_back(test::lines(each.text).front());
        }
        return result;
    }
};

class SharedFaults : public Guests {};

TEST_P(SharedFaults, AreTheGuestsAndWhatItLeavesIsRecorded) {
#ifdef __SANITIZE_THREAD__
    if (GetParam().name == "jumps_and_leaves_the_mask" || GetParam().name == "throws") {
        GTEST_SKIP() << "ThreadSanitizer, which calls the handlers itself, cannot be left in such a way";
    }
#endif
    const outcome alone = run("alone");
    for (const std::string order : {"before", "after"}) {
        const outcome shared = run(order);
        EXPECT_EQ(shared.status, alone.status) << order;
        EXPECT_THAT(shared.first_lines, ElementsAre(StartsWith("Logger initialized for "), "goes on",
                                                    "Crashed: SIGSEGV (11) at address 0x10"))
            << order;
    }
}

INSTANTIATE_TEST_SUITE_P(Each, SharedFaults,
                         testing::Values(guest{"repairs"}, guest{"repairs_in_threads"}, guest{"jumps"},
                                         guest{"jumps_and_leaves_the_mask"}, guest{"throws"},
                                         guest{"swallows_what_is_sent"}, guest{"returns_from_what_is_sent"},
                                         guest{"returns_from_an_abort_that_is_sent"}, guest{"reports_and_restores"},
                                         guest{"repairs", "give_back"}),
                         [](const auto& each) { return each.param.name + "_" + each.param.end; });

class ReportedFaults : public Guests {};

TEST_P(ReportedFaults, AreRecordedIfTheGuestWasThereBefore) {
    const outcome shared = run("before");
    EXPECT_EQ(shared.status, run("alone").status);
    const std::string reason =
        GetParam().end == "abort" ? "SIGABRT (" + std::to_string(SIGABRT) + ")" : "SIGSEGV (11) at address 0x10";
    EXPECT_THAT(shared.first_lines,
                ElementsAre(StartsWith("Logger initialized for "), "goes on", "Crashed: " + reason));
}

INSTANTIATE_TEST_SUITE_P(Each, ReportedFaults,
                         testing::Values(guest{"reports_and_raises"}, guest{"reports_and_returns"},
                                         guest{"returns_once"}, guest{"returns_from_abort", "abort"}),
                         [](const auto& each) { return each.param.name; });

class FaultsOfSeveralGuests : public Guests {};

TEST_P(FaultsOfSeveralGuests, StayThoseOfTheLastOneWhenTheFirstGoes) {
    const outcome shared = run("before");
    EXPECT_EQ(shared.status, 128 + SIGSEGV);
    EXPECT_THAT(shared.first_lines,
                ElementsAre(StartsWith("Logger initialized for "), "goes on", "Crashed: SIGSEGV (11) at address 0x10"));
}

INSTANTIATE_TEST_SUITE_P(Each, FaultsOfSeveralGuests, testing::Values(guest{"goes_beneath_another"}),
                         [](const auto& each) { return each.param.name; });

class FaultsThatEndInAGuest : public Guests {};

// It might as well have gone on.
TEST_P(FaultsThatEndInAGuest, EndItsWayWithoutARecord) {
    const outcome shared = run("before");
    EXPECT_EQ(shared.status, 42);
    EXPECT_THAT(shared.first_lines, ElementsAre(StartsWith("Logger initialized for "), "goes on"));
}

INSTANTIATE_TEST_SUITE_P(Each, FaultsThatEndInAGuest, testing::Values(guest{"ends_at_once"}),
                         [](const auto& each) { return each.param.name; });

}  // namespace
