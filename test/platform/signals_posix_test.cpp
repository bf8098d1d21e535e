// Needs what only POSIX has: signals.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "platform/posix/signals.hpp"
#include "support/records.hpp"
#include "support/system.hpp"

namespace {

using chainner::platform::signal_name;

TEST(SignalName, IsTheOneOfTheShellForWhatEndsAProcess) {
    const std::set<std::string> others{"CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "EMT", "INFO", "WINCH"};
    for (int number = 1; number < 32; ++number) {
        std::string of_shell = test::lines(test::output_of("kill -l " + std::to_string(number))).front();
        if (of_shell == "16") of_shell = "STKFLT";  // which dash does not know
        EXPECT_EQ(signal_name(number), others.count(of_shell) == 1 ? "" : "SIG" + of_shell);
    }
    for (const int number : {0, 32}) EXPECT_EQ(signal_name(number), "");
}

}  // namespace
