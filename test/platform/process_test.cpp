#include "platform/process.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <optional>

#include "support/files.hpp"
#include "support/matchers.hpp"

namespace {

namespace fs = std::filesystem;
namespace platform = chainner::platform;

const std::string unusual_name = "Ünïcödé 名前";

TEST(Process, VariablesKeepEveryLetter) {
    const test::scoped_variable variable("CHAINNER_TEST", unusual_name);
    EXPECT_EQ(platform::variable("CHAINNER_TEST"), unusual_name);
    EXPECT_EQ(platform::path_variable("CHAINNER_TEST"), fs::u8path(unusual_name));
    EXPECT_EQ(platform::to_utf8(fs::u8path(unusual_name)), unusual_name);
}

TEST(Process, AVariableThatIsEmptyOrUnsetIsNone) {
    const test::scoped_variable empty("CHAINNER_TEST", "");
    EXPECT_EQ(platform::variable("CHAINNER_TEST"), std::nullopt);
    const test::scoped_variable unset("CHAINNER_TEST", std::nullopt);
    EXPECT_EQ(platform::variable("CHAINNER_TEST"), std::nullopt);
    EXPECT_EQ(platform::path_variable("CHAINNER_TEST"), fs::path());
}

TEST(Process, ApplicationDataIsKnownOnWindowsAlsoWithoutItsVariable) {
    const test::scoped_variable variable("APPDATA", std::nullopt);
    const bool is_windows = platform::current_system() == platform::operating_system::windows;
    EXPECT_EQ(fs::is_directory(platform::application_data_directory()), is_windows);
}

TEST(Process, KnowsWhenItBegan) {
    const auto now = std::chrono::system_clock::now();
    EXPECT_LE(platform::process_start(), now);
    EXPECT_GT(platform::process_start(), now - std::chrono::hours(1));
}

TEST(Process, KnowsTheVersionOfItsSystem) {
    EXPECT_THAT(platform::system_name(), test::MatchesPattern("[A-Za-z]+ [1-9].*"));
}

TEST(Process, AHomeThatIsNoWholePathIsNone) {
    const test::scoped_variable home("HOME", "relative");
    EXPECT_NE(platform::home_directory(), "relative");
}

}  // namespace
