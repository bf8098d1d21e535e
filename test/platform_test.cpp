#include "platform.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chainner/logger.hpp>
#include <filesystem>
#include <string>

#include "support/files.hpp"
#include "support/records.hpp"
#include "support/system.hpp"

namespace {

namespace fs = std::filesystem;
namespace platform = chainner::platform;
using testing::ElementsAre;
using testing::SizeIs;

const std::string unusual_name = "Ünïcödé 名前";

TEST(Platform, VariablesKeepEveryLetter) {
    const test::scoped_variable variable("CHAINNER_TEST", unusual_name);
    EXPECT_EQ(platform::variable("CHAINNER_TEST"), unusual_name);
    EXPECT_EQ(platform::path_variable("CHAINNER_TEST"), fs::u8path(unusual_name));
    EXPECT_EQ(platform::to_utf8(fs::u8path(unusual_name)), unusual_name);
}

TEST(Platform, AVariableThatIsEmptyOrUnsetIsNone) {
    const test::scoped_variable empty("CHAINNER_TEST", "");
    EXPECT_EQ(platform::variable("CHAINNER_TEST"), std::nullopt);
    const test::scoped_variable unset("CHAINNER_TEST", std::nullopt);
    EXPECT_EQ(platform::variable("CHAINNER_TEST"), std::nullopt);
    EXPECT_EQ(platform::path_variable("CHAINNER_TEST"), fs::path());
}

TEST(Platform, ApplicationDataIsKnownOnWindowsAlsoWithoutItsVariable) {
    const test::scoped_variable variable("APPDATA", std::nullopt);
    const bool is_windows = platform::current_system() == platform::operating_system::windows;
    EXPECT_EQ(fs::is_directory(platform::application_data_directory()), is_windows);
}

TEST(Platform, LogsInAFolderOfAnyNameAndRotatesThere) {
    const test::temporary_directory directory;
    chainner::logger_options options;
    options.log_dir = directory / fs::u8path(unusual_name);
    options.to_console = false;
    options.max_file_size = 1000;
    const auto logger = chainner::setup_logger("host", options);
    for (int i = 0; i < 30; ++i) logger->info("record {}", i);

    EXPECT_THAT(test::file_names(options.log_dir), testing::Contains("host.1.log"));
    const auto records = test::parse_log(test::read_role(options.log_dir, "host"));
    ASSERT_THAT(records, SizeIs(31));
    EXPECT_THAT(records.front().text, testing::HasSubstr(unusual_name));
}

TEST(Platform, AProgramThatIsStartedHoldsNeitherFileNorLock) {
    const test::temporary_directory directory;
    chainner::logger_options options;
    options.log_dir = directory / "first";
    options.to_console = false;
    chainner::setup_logger("host", options);
    test::child_process started("log_records", {"host", (directory / "other").string(), "0"});

    options.log_dir = directory / "second";
    chainner::setup_logger("host", options);
    ASSERT_EQ(test::child_process("log_records", {"host", (directory / "first").string(), "1"}).wait(), 0);
    EXPECT_THAT(test::file_names(directory / "first"), ElementsAre("host.log"));
}

TEST(Platform, ALockedFileIsRefusedAndItsContentCanBeRead) {
    const test::temporary_directory directory;
    const fs::path path = directory / "file";
    std::error_code error;
    auto file = platform::open_log_file(path, platform::open_mode::create_or_append);
    ASSERT_EQ(platform::write(file.number(), "line\n", error), 5U);
    EXPECT_EQ(test::read_file(path), "line\n");
    try {
        platform::open_log_file(path, platform::open_mode::create_or_append);
        FAIL() << "opened twice";
    } catch (const fs::filesystem_error& refused) {
        EXPECT_EQ(refused.code(), std::errc::resource_unavailable_try_again);
    }
    file = platform::descriptor();
    EXPECT_TRUE(platform::open_log_file(path, platform::open_mode::create_or_append));
}

TEST(Platform, KnowsWhetherAFileIsStillWhereItWas) {
    const test::temporary_directory directory;
    const auto file = platform::open_log_file(directory / "file", platform::open_mode::create_new);
    EXPECT_EQ(platform::placement_of(file.number(), directory / "file"), platform::placement::in_place);
    fs::rename(directory / "file", directory / "renamed");
    EXPECT_EQ(platform::placement_of(file.number(), directory / "file"), platform::placement::moved);
    test::write_file(directory / "file", "another");
    EXPECT_EQ(platform::placement_of(file.number(), directory / "file"), platform::placement::moved);
}

TEST(Platform, KnowsThatAnOpenFileWasRemoved) {
    if (!test::is_posix()) GTEST_SKIP() << "Wine does not tell that an open file was removed";
    const test::temporary_directory directory;
    const auto file = platform::open_log_file(directory / "file", platform::open_mode::create_new);
    fs::remove(directory / "file");
    EXPECT_EQ(platform::placement_of(file.number(), directory / "file"), platform::placement::removed);
}

TEST(Platform, TheNameOfARemovedFileIsFreeWhileTheFileIsOpen) {
    const test::temporary_directory directory;
    const auto file = platform::open_log_file(directory / "file", platform::open_mode::create_new);
    platform::remove_open_file(directory / "file");
    EXPECT_TRUE(platform::open_log_file(directory / "file", platform::open_mode::create_new));
}

}  // namespace
