#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <list>
#include <memory>
#include <random>
#include <string>

#include "support/files.hpp"
#include "support/records.hpp"
#include "support/system.hpp"

namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t max_size = 20'000;
constexpr std::size_t max_files = 2;
constexpr std::size_t most_at_once = 4;

struct instance {
    std::unique_ptr<test::shared_counter> counter;
    test::child_process process;
};

/// Instances of one role that come and go.
class Instances : public testing::Test {
protected:
    void start() {
        const std::string counter = (counters / std::to_string(++started)).string();
        auto shared = std::make_unique<test::shared_counter>(counter);
        running.push_back(
            {std::move(shared),
             test::child_process("log_records",
                                 {"worker", logs.string(), "0", "width=400", "size=" + std::to_string(max_size),
                                  "files=" + std::to_string(max_files), "counter=" + counter})});
        ASSERT_TRUE(test::wait_until([&] { return running.back().counter->get() > 100; }));
    }

    /// Kills one, and looks for its last record.
    void kill(std::size_t index) {
        const auto killed = std::next(running.begin(), static_cast<std::ptrdiff_t>(index));
        killed->process.kill();
        killed->process.wait();
        const std::string text = "[" + std::to_string(killed->process.id()) + "] [INFO] record " +
                                 std::to_string(killed->counter->get()) + " ";
        EXPECT_TRUE(test::wait_until([&] { return all_text().find(text) != std::string::npos; })) << text;
        running.erase(killed);
    }

    /// Without a file that is renamed meanwhile.
    std::string all_text() const {
        std::string all;
        for (const std::string& name : test::file_names(logs)) {
            std::ifstream file(logs / name, std::ios::binary);
            all.append(std::istreambuf_iterator<char>(file), {});
        }
        return all;
    }

    void expect_bounded() const {
        std::uintmax_t size = 0;
        std::size_t files = 0;
        std::error_code gone;  // while this looks, by rotation
        for (const auto& entry : fs::directory_iterator(logs)) {
            const std::uintmax_t each = entry.file_size(gone);
            if (!gone) size += each;
            ++files;
        }
        EXPECT_LE(files, (most_at_once + 1) * (max_files + 1) + most_at_once) << "some may be seen under two names";
        EXPECT_LE(size, ((most_at_once + 1) * (max_files + 1) + most_at_once) * max_size);
    }

    const test::temporary_directory directory;
    const fs::path logs = directory / "logs";
    const fs::path counters = directory / "counters";
    std::list<instance> running;
    int started = 0;
};

TEST_F(Instances, ThatComeAndGoLeaveABoundedFolderAndKeepEachFileThatIsInUse) {
    fs::create_directory(counters);
    std::mt19937 random(std::random_device{}());
    for (int i = 0; i < 60; ++i) {
        if (running.empty() || (running.size() < most_at_once && random() % 2 == 0)) {
            start();
        } else {
            kill(random() % running.size());
        }
        expect_bounded();
    }
    while (!running.empty()) kill(0);
    EXPECT_THAT(all_text(), testing::Not(testing::HasSubstr("[WARNING]")));

    ASSERT_EQ(
        test::child_process("log_records", {"worker", logs.string(), "1", "files=" + std::to_string(max_files)}).wait(),
        0);
    EXPECT_LE(test::file_names(logs).size(), 2 * (max_files + 1));
}

TEST_F(Instances, KeepFewerRotatedFilesOnceFewerAreAllowed) {
    const auto log = [&](const std::string& most) {
        return test::child_process("log_records", {"worker", logs.string(), "300", "width=400", "size=10000", most})
            .wait();
    };
    ASSERT_EQ(log("files=10"), 0);
    EXPECT_EQ(test::file_names(logs).size(), 11U);
    ASSERT_EQ(test::child_process("log_records", {"worker", logs.string(), "1", "files=3"}).wait(), 0);
    EXPECT_EQ(test::file_names(logs).size(), 4U);
}

}  // namespace
