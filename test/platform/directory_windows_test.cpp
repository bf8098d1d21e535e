// Needs folders that are locked as Windows does it.
#include <gtest/gtest.h>
#include <spdlog/details/windows_include.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

#include "platform/directory.hpp"
#include "support/files.hpp"
#include "support/records.hpp"

namespace {

namespace platform = chainner::platform;

/// As another process would lock it.
bool is_locked(const std::filesystem::path& directory) {
    const HANDLE other = CreateFileW(directory.c_str(), FILE_ADD_FILE, FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr,
                                     OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, nullptr);
    if (other != INVALID_HANDLE_VALUE) CloseHandle(other);
    return other == INVALID_HANDLE_VALUE;
}

TEST(FolderThatIsLocked, IsSoUntilTheEndOfTheLockAndCanBeReadMeanwhile) {
    const test::temporary_directory directory;
    test::write_file(directory / "file", "");
    {
        const platform::directory_lock lock(directory.path());
        EXPECT_TRUE(is_locked(directory.path()));
        EXPECT_EQ(platform::names_in(directory.path()).size(), 1U);
    }
    EXPECT_FALSE(is_locked(directory.path()));
}

TEST(FolderThatIsLocked, IsWaitedFor) {
    const test::temporary_directory directory;
    const auto has_waited = [&] {
        std::optional<platform::directory_lock> other(directory.path());
        std::atomic<bool> is_released{false};
        std::thread holder([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            is_released = true;
            other.reset();
        });
        const platform::directory_lock lock(directory.path());
        const bool was_released = is_released;
        holder.join();
        return was_released;
    };
    EXPECT_TRUE(test::wait_until(has_waited)) << "on a busy machine not at once";
}

}  // namespace
