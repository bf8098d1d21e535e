#include "platform/file.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <system_error>

#include "support/files.hpp"
#include "support/system.hpp"

namespace {

namespace fs = std::filesystem;
namespace platform = chainner::platform;

TEST(File, ALockedFileIsRefusedAndItsContentCanBeRead) {
    const test::temporary_directory directory;
    const fs::path path = directory / "file";
    std::error_code error;
    auto file = platform::open_log_file(path, platform::open_mode::create_or_append).opened;
    ASSERT_EQ(platform::write(file.number(), "line\n", error), 5U);
    EXPECT_EQ(test::read_file(path), "line\n");
    try {
        static_cast<void>(platform::open_log_file(path, platform::open_mode::create_or_append));
        FAIL() << "opened twice";
    } catch (const fs::filesystem_error& refused) {
        EXPECT_EQ(refused.code(), std::errc::resource_unavailable_try_again);
    }
    file = platform::file();
    EXPECT_TRUE(platform::open_log_file(path, platform::open_mode::create_or_append).opened);
}

TEST(File, WhatIsWrittenWholeLeavesNoErrorOfBefore) {
    const test::temporary_directory directory;
    const auto file = platform::open_log_file(directory / "file", platform::open_mode::create_new).opened;
    auto error = std::make_error_code(std::errc::io_error);
    EXPECT_EQ(platform::write(file.number(), "line\n", error), 5U);
    EXPECT_FALSE(error);
}

TEST(File, TellsThatNothingCouldBeWritten) {
    std::error_code error;
    EXPECT_EQ(platform::write(platform::no_file, "line\n", error), 0U);
    EXPECT_TRUE(error);
}

TEST(File, KnowsWhetherAFileIsStillWhereItWas) {
    const test::temporary_directory directory;
    const auto file = platform::open_log_file(directory / "file", platform::open_mode::create_new).opened;
    EXPECT_EQ(platform::state_of(file.known(), directory / "file").placement, platform::placement::in_place);
    fs::rename(directory / "file", directory / "renamed");
    EXPECT_EQ(platform::state_of(file.known(), directory / "file").placement, platform::placement::moved);
    test::write_file(directory / "file", "another");
    EXPECT_EQ(platform::state_of(file.known(), directory / "file").placement, platform::placement::moved);
}

TEST(File, KnowsThatAnOpenFileWasRemoved) {
    if (!test::is_posix()) GTEST_SKIP() << "Wine does not tell that an open file was removed";
    const test::temporary_directory directory;
    const auto file = platform::open_log_file(directory / "file", platform::open_mode::create_new).opened;
    fs::remove(directory / "file");
    EXPECT_EQ(platform::state_of(file.known(), directory / "file").placement, platform::placement::removed);
}

TEST(File, TheNameOfARemovedFileIsFreeWhileTheFileIsOpen) {
    const test::temporary_directory directory;
    const auto file = platform::open_log_file(directory / "file", platform::open_mode::create_new).opened;
    platform::remove_open_file(directory / "file");
    EXPECT_TRUE(platform::open_log_file(directory / "file", platform::open_mode::create_new).opened);
}

TEST(File, NothingIsLeftOfARemovedFileOnceItIsClosed) {
    const test::temporary_directory directory;
    auto file = platform::open_log_file(directory / "file", platform::open_mode::create_new).opened;
    platform::remove_open_file(directory / "file");
    file = platform::file();
    EXPECT_TRUE(fs::is_empty(directory.path()));
}

}  // namespace
