#include "file/rotation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/rotating_file_sink.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "support/files.hpp"

namespace {

namespace fs = std::filesystem;
using chainner::detail::parse_file_name;
using chainner::detail::role_file;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

/// Which of the files are deleted. The first of them was written last.
std::vector<std::string> surplus(const std::vector<std::string>& names, const std::set<int>& live, std::size_t most) {
    constexpr int own_instance = 1;
    std::vector<role_file> files;
    auto written = fs::file_time_type() + std::chrono::hours(1000);
    for (const std::string& name : names) {
        files.push_back(parse_file_name(name, "host").value());
        files.back().written = written -= std::chrono::hours(1);
    }
    std::vector<std::string> deleted;
    for (const role_file& each : chainner::detail::surplus_files(files, own_instance, live, most)) {
        deleted.push_back(each.path.string());
    }
    return deleted;
}

TEST(Retention, KnowsTheFilesOfARoleByTheirNames) {
    struct {
        std::string name;
        int instance, rotation;
    } const rows[] = {{"host.log", 1, 0},         {"host.1.log", 1, 1},      {"host-2.log", 2, 0},
                      {"host-12.34.log", 12, 34}, {"host.crash.txt", 1, -1}, {"host-3.crash.txt", 3, -1},
                      {"host-1000.log", 1000, 0}};
    for (const auto& each : rows) {
        const auto found = parse_file_name(fs::path("/logs") / each.name, "host");
        ASSERT_TRUE(found) << each.name;
        EXPECT_EQ(found->instance, each.instance) << each.name;
        EXPECT_EQ(found->rotation, each.rotation) << each.name;
    }
    for (const char* name : {"worker.log", "host", "host.txt", "host.log.old", "host-.log", "host-0.log", "host--2.log",
                             "host-2x.log", "host..log", "host.-1.log", "host.1.1.log", "hosts.log",
                             "host-99999999999.log", "host.006.log", "host-02.log", "host-1001.log"}) {
        EXPECT_FALSE(parse_file_name(name, "host")) << name;
    }
}

TEST(Retention, TakesARotatedFileForOursOnlyIfTheNewerOnesAreThere) {
    EXPECT_THAT(surplus({"host.log", "host.1.log", "host.2.log", "host.2024.log", "host.20240131.log"}, {1}, 1),
                ElementsAre("host.2.log"));
    EXPECT_THAT(surplus({"host.log", "host-4.log", "host-4.5.log", "host-4.6.log"}, {1}, 0), IsEmpty());
    EXPECT_THAT(surplus({"host.log", "host-4.log", "host-4.4.log"}, {1}, 0), IsEmpty());
    EXPECT_THAT(surplus({"host.log", "host-4.log", "host-4.2.log", "host-4.4.log"}, {1}, 0),
                ElementsAre("host-4.2.log", "host-4.4.log"))
        << "a kill in the midst of a rotation leaves a gap";
}

TEST(Retention, AnInstanceThatLivesKeepsItsFileAndAsManyRotatedOnesAsItMay) {
    EXPECT_THAT(surplus({"host.log", "host.1.log", "host.2.log", "host.3.log"}, {1}, 3), IsEmpty());
    EXPECT_THAT(surplus({"host.log", "host.1.log", "host.2.log", "host.3.log"}, {1}, 1),
                ElementsAre("host.2.log", "host.3.log"));
    EXPECT_THAT(surplus({"host.log", "host.1.log", "host-2.log", "host-2.1.log"}, {1, 2}, 0), ElementsAre("host.1.log"))
        << "another instance that lives may be allowed more";
}

TEST(Retention, EndedInstancesTogetherKeepTheNewestFilesAsManyAsOneMayHave) {
    EXPECT_THAT(surplus({"host.log", "host-5.log", "host-2.log", "host-5.1.log", "host-3.log", "host-4.log"}, {1}, 2),
                ElementsAre("host-3.log", "host-4.log"));
    EXPECT_THAT(surplus({"host-2.log", "host-3.log", "host.log"}, {1}, 0), ElementsAre("host-3.log"));
}

TEST(Retention, TheFileOfACrashGoesWithTheLogsOfItsInstance) {
    EXPECT_THAT(surplus({"host.log", "host-2.log", "host-3.log", "host.crash.txt", "host-2.crash.txt",
                         "host-3.crash.txt", "host-4.crash.txt"},
                        {1}, 0),
                UnorderedElementsAre("host-3.log", "host-3.crash.txt", "host-4.crash.txt"));
}

TEST(Retention, OfFilesOfOneTimeTheOneThatWasRotatedLessOftenIsTheNewer) {
    std::vector<role_file> files;
    for (const char* name : {"host-2.2.log", "host-2.log", "host-2.3.log", "host-2.1.log"}) {
        files.push_back(parse_file_name(name, "host").value());
    }
    const auto deleted = chainner::detail::surplus_files(files, 1, {1}, 1);
    ASSERT_EQ(deleted.size(), 2U);
    EXPECT_EQ(deleted[0].path, "host-2.2.log");
    EXPECT_EQ(deleted[1].path, "host-2.3.log");
}

TEST(Retention, DeletesNoFileThatIsOpenAndNothingThatIsNoLogOfTheRole) {
    const test::temporary_directory directory;
    const auto open = [&](const std::string& name) {
        return chainner::platform::open_log_file(directory / name, chainner::platform::open_mode::create_new).opened;
    };
    const auto own = open("host.log");
    const auto live = open("host-2.log");  // locked, as by another process
    for (const char* name : {"host-2.1.log", "host-2.2.log", "host-3.log", "host-4.log", "worker-3.log", "main.log"}) {
        test::write_file(directory / name, name);
    }
    fs::create_directory(directory / "host-5.log");
    const auto now = fs::file_time_type::clock::now();
    fs::last_write_time(directory / "host-3.log", now - std::chrono::hours(2));
    fs::last_write_time(directory / "host-4.log", now - std::chrono::hours(1));
    for (const char* name : {"host-2.1.log", "host-2.2.log"}) {
        fs::last_write_time(directory / name, now - std::chrono::hours(24));
    }

    chainner::detail::log_location location;
    location.directory = directory.path();
    location.role = "host";
    location.max_files = 1;
    test::write_file(directory / "host-6.log", "newest");
    chainner::detail::remove_surplus_files(location, 1);
    EXPECT_THAT(test::file_names(directory.path()),
                UnorderedElementsAre("host.log", "host-2.log", "host-2.1.log", "host-2.2.log", "host-4.log",
                                     "host-5.log", "host-6.log", "main.log", "worker-3.log"));
}

TEST(Retention, AnInstanceBeforeOursLivesAndSoDoesOneThatWritesToARotatedFile) {
    const test::temporary_directory directory;
    const auto open = [&](const std::string& name) {
        return chainner::platform::open_log_file(directory / name, chainner::platform::open_mode::create_new).opened;
    };
    const auto first = open("host.log");
    const auto own = open("host-2.log");
    const auto renamed = open("host-3.1.log");
    for (const char* name : {"host.1.log", "host.2.log", "host-4.log"}) test::write_file(directory / name, name);

    chainner::detail::log_location location;
    location.directory = directory.path();
    location.role = "host";
    chainner::detail::remove_surplus_files(location, 2);
    EXPECT_THAT(test::file_names(directory.path()), UnorderedElementsAre("host.log", "host.1.log", "host.2.log",
                                                                         "host-2.log", "host-3.1.log", "host-4.log"));
}

class Rotation : public testing::TestWithParam<std::vector<std::string>> {};

/// Names and what is in them.
std::vector<std::string> contents(const fs::path& directory) {
    std::vector<std::string> found;
    for (const std::string& name : test::file_names(directory)) {
        found.push_back(name + ": " + test::read_file(directory / name));
    }
    return found;
}

TEST_P(Rotation, LeavesTheSameFilesAsTheSinkOfSpdlog) {
    constexpr std::size_t max_files = 3;
    const test::temporary_directory ours;
    const test::temporary_directory of_spdlog;
    for (const std::string& name : GetParam()) {
        for (const auto* each : {&ours, &of_spdlog}) test::write_file(*each / name, "content of " + name);
    }
    for (const char* next : {"next", "last"}) {
        chainner::detail::rotate_files(ours / "host.log", max_files);
        test::write_file(ours / "host.log", next);
        const std::string name = (of_spdlog / "host.log").string();
        spdlog::sinks::rotating_file_sink_st sink(spdlog::filename_t(name.begin(), name.end()), 1000, max_files, true);
        test::write_file(of_spdlog / "host.log", next);
    }
    EXPECT_EQ(contents(ours.path()), contents(of_spdlog.path()));
}

INSTANTIATE_TEST_SUITE_P(
    Folders, Rotation,
    testing::Values(std::vector<std::string>{"host.log"}, std::vector<std::string>{"host.log", "host.1.log"},
                    std::vector<std::string>{"host.log", "host.1.log", "host.2.log", "host.3.log", "host.4.log"},
                    std::vector<std::string>{"host.log", "host.2.log", "host.log.1", "worker.1.log"}));

TEST(RotationThatFails, LeavesTheFileThatCannotBeRenamedAndAllNewerOnes) {
    const test::temporary_directory directory;
    for (const char* name : {"host.log", "host.1.log", "host.2.log"}) test::write_file(directory / name, name);
    fs::create_directories(directory / "host.3.log" / "in the way");
    try {
        chainner::detail::rotate_files(directory / "host.log", 3);
        FAIL() << "nothing was thrown";
    } catch (const fs::filesystem_error& error) {
        EXPECT_EQ(error.path1(), directory / "host.2.log");
    }
    for (const char* name : {"host.log", "host.1.log", "host.2.log"}) {
        EXPECT_EQ(test::read_file(directory / name), name);
    }
}

TEST(RotationThatFails, SaysThatTheFileIsNotThere) {
    const test::temporary_directory directory;
    test::write_file(directory / "host.1.log", "older");
    EXPECT_THROW(chainner::detail::rotate_files(directory / "host.log", 2), fs::filesystem_error);
}

}  // namespace
