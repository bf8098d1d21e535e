// Needs what only POSIX has: folders that can be locked.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include "platform/directory.hpp"
#include "support/descriptor.hpp"
#include "support/files.hpp"
#include "support/records.hpp"

namespace {

namespace fs = std::filesystem;
namespace platform = chainner::platform;

TEST(Folder, SaysWhichOfItsPartsCannotBeMade) {
    const test::temporary_directory directory;
    const fs::path below = directory / "parent" / std::string(300, 'x');
    try {
        platform::make_directories(below);
        FAIL() << "there is no such folder";
    } catch (const fs::filesystem_error& error) {
        EXPECT_EQ(error.path1(), below);
        EXPECT_EQ(error.code(), std::errc::filename_too_long);
    }
    EXPECT_TRUE(fs::is_directory(directory / "parent"));
}

TEST(FolderThatIsLocked, IsWaitedFor) {
    const test::temporary_directory directory;
    const auto opened = [&directory] {
        return test::descriptor(open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    };
    const test::descriptor other = opened();
    const test::descriptor third = opened();
    const auto has_waited = [&] {
        flock(other.number(), LOCK_EX);
        std::thread holder([&other] {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            flock(other.number(), LOCK_UN);
        });
        const platform::directory_lock lock(directory.path());
        holder.join();
        const bool is_held = flock(third.number(), LOCK_EX | LOCK_NB) != 0;
        flock(third.number(), LOCK_UN);
        return is_held;
    };
    EXPECT_TRUE(test::wait_until(has_waited)) << "on a busy machine not at once";
}

}  // namespace
