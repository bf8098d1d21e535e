#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chainner/logger.hpp>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "support/files.hpp"
#include "support/records.hpp"
#include "support/system.hpp"

namespace {

namespace fs = std::filesystem;
using testing::UnorderedElementsAreArray;

/// The logs of a host, of a worker and of a second worker, all rotated, with records of all kinds.
class Lnav : public testing::Test {
protected:
    void SetUp() override {
        if (std::system("command -v lnav > /dev/null 2>&1") != 0) GTEST_SKIP() << "lnav is not installed";
        chainner::logger_options options;
        options.log_dir = logs;
        options.level = spdlog::level::trace;
        options.to_console = false;
        options.max_file_size = 5000;
        const auto host = chainner::setup_logger("host", options);
        const auto worker = chainner::setup_logger("worker", options);
        ASSERT_EQ(test::child_process("log_records", {"worker", logs.string(), "100", "size=5000"}).wait(), 0);
        for (int i = 0; i < 10; ++i) {
            if (i == 5) {  // halfway, the times begin to say their offset
                options.utc_offset = true;
                chainner::setup_logger("host", options);
            }
            for (const auto level : {spdlog::level::trace, spdlog::level::debug, spdlog::level::info,
                                     spdlog::level::warn, spdlog::level::err, spdlog::level::critical}) {
                host->log(level, "Starting a worker for {} [INFO] Ünïcödé 名前", i);
                worker->log(level, "Done, found:\n{} images\n\n2025-10-19 05:52:25.123 [1] [INFO] texts \x1b[2J\x80",
                            i);
            }
            host->info("");
        }
        for (const auto& entry : fs::directory_iterator(logs)) {
            const auto more = test::parse_whole_log(test::read_file(entry.path()));
            records.insert(records.end(), more.begin(), more.end());
        }
    }

    /// What lnav prints about the folder.
    std::string run(const std::string& commands) const {
        const std::string output = (directory / "output").string();
        const std::string command = "HOME=" + directory.path().string() + " lnav -n -I " LNAV_DIRECTORY " " + commands +
                                    " " + logs.string() + " > " + output + " 2>&1";
        EXPECT_EQ(std::system(command.c_str()), 0) << test::read_file(output);
        return test::read_file(output);
    }
    std::vector<std::string> query(const std::string& sql) const {
        std::vector<std::string> rows = test::lines(run("-c ';" + sql + "' -c ':write-csv-to -'"));
        if (!rows.empty()) rows.erase(rows.begin());  // the names of the columns
        return rows;
    }

    const test::temporary_directory directory;
    const fs::path logs = directory / "logs";
    std::vector<test::record> records;
};

TEST_F(Lnav, KnowsAllRecordsOfAllFilesWholeAndByTime) {
    const auto known = test::parse_whole_log(run("-c ';select log_raw_text from chainner_log' -c ':write-raw-to -'"));
    EXPECT_THAT(known, UnorderedElementsAreArray(records));
    EXPECT_TRUE(std::is_sorted(known.begin(), known.end(),
                               [](const auto& left, const auto& right) { return left.time < right.time; }));
}

// What the screen shows. Of two files that have multi-line records in the same millisecond, lnav 0.11 mixes the lines.
TEST_F(Lnav, ShowsEachLine) {
    std::vector<std::string> lines;
    for (const auto& entry : fs::directory_iterator(logs)) {
        for (const std::string& line : test::lines(test::read_file(entry.path()))) lines.push_back(line);
    }
    EXPECT_THAT(test::lines(run("")), UnorderedElementsAreArray(lines));
}

TEST_F(Lnav, KnowsLevelProcessAndTimeOfEachRecord) {
    std::vector<std::string> expected;
    for (const test::record& each : records) {
        expected.push_back(each.level + " " + std::to_string(each.pid) + " " + each.time);
    }
    EXPECT_THAT(query(R"(select upper(log_level) || " " || pid || " " || log_time from chainner_log)"),
                UnorderedElementsAreArray(expected));
}

TEST_F(Lnav, RecognisesEachFile) {
    const std::vector<std::string> files = test::file_names(logs);
    ASSERT_THAT(files,
                testing::IsSupersetOf({"host.log", "host.1.log", "worker.1.log", "worker-2.log", "worker-2.1.log"}));
    EXPECT_THAT(query(R"(select basename(filepath) from lnav_file where format = "chainner_log")"),
                UnorderedElementsAreArray(files));
}

}  // namespace
