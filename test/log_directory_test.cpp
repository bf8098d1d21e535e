#include "log_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chainner/log_directory.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "support/files.hpp"
#include "support/system.hpp"

namespace {

namespace fs = std::filesystem;
using chainner::detail::directory_input;
using chainner::platform::operating_system;
using testing::ElementsAre;
using testing::IsEmpty;

directory_input on(operating_system system) {
    directory_input input;
    input.system = system;
    return input;
}

std::vector<fs::path> folders(const directory_input& input) {
    std::vector<fs::path> all;
    for (const auto& candidate : chainner::detail::directory_candidates(input)) all.push_back(candidate.directory);
    return all;
}

TEST(PlatformLogDirectory, IsWhereTheFrontendKeepsItsLogs) {
    struct row {
        const char* name;
        operating_system system;
        const char* home;
        const char* appdata;
        const char* xdg_config_home;
        fs::path expected;
    };
    const fs::path ana = fs::u8path("C:/Users/Ünïcödé 名前/AppData/Roaming");
    const row rows[] = {
        {"Windows", operating_system::windows, "C:/Users/ana", "C:/Users/ana/AppData/Roaming", "",
         "C:/Users/ana/AppData/Roaming/chaiNNer/logs"},
        {"Windows takes no notice of XDG", operating_system::windows, "", "D:/data", "/etc/xdg",
         "D:/data/chaiNNer/logs"},
        {"Windows without APPDATA", operating_system::windows, "C:/Users/ana", "", "", ""},
        {"macOS", operating_system::macos, "/Users/ana", "", "",
         "/Users/ana/Library/Application Support/chaiNNer/logs"},
        {"macOS takes no notice of XDG", operating_system::macos, "/Users/a b", "", "/etc/xdg",
         "/Users/a b/Library/Application Support/chaiNNer/logs"},
        {"macOS without HOME", operating_system::macos, "", "", "", ""},
        {"Linux", operating_system::other_unix, "/home/ana", "", "", "/home/ana/.config/chaiNNer/logs"},
        {"Linux with XDG", operating_system::other_unix, "/home/ana", "", "/data/my config",
         "/data/my config/chaiNNer/logs"},
        {"Linux with XDG alone", operating_system::other_unix, "", "", "/data", "/data/chaiNNer/logs"},
        {"Linux with relative XDG", operating_system::other_unix, "/home/ana", "", "config",
         "/home/ana/.config/chaiNNer/logs"},
        {"Linux with relative XDG alone", operating_system::other_unix, "", "", "config", ""},
        {"Linux without HOME", operating_system::other_unix, "", "", "", ""},
    };
    for (const row& each : rows) {
        directory_input input = on(each.system);
        input.home = each.home;
        input.appdata = each.appdata;
        input.xdg_config_home = each.xdg_config_home;
        EXPECT_EQ(chainner::detail::platform_log_directory(input), each.expected) << each.name;
    }
    directory_input input = on(operating_system::windows);
    input.appdata = ana;
    EXPECT_EQ(chainner::detail::platform_log_directory(input), ana / "chaiNNer" / "logs");
}

TEST(PlatformLogDirectory, FollowsTheEnvironment) {
    const test::temporary_directory directory;
    const test::scoped_variable home("HOME", (directory / "home").string());
    const test::scoped_variable config("XDG_CONFIG_HOME", (directory / "config").string());
    const test::scoped_variable appdata("APPDATA", (directory / "appdata").string());
    directory_input input = on(chainner::platform::current_system());
    input.home = directory / "home";
    input.xdg_config_home = directory / "config";
    input.appdata = directory / "appdata";
    EXPECT_EQ(chainner::platform_log_directory(), chainner::detail::platform_log_directory(input));
}

TEST(LogDirectoryCandidates, ComeInTheOrderOfTheTable) {
    directory_input input = on(operating_system::other_unix);
    input.temporary = "/tmp";
    input.user_id = "1000";
    EXPECT_THAT(folders(input), ElementsAre("/tmp/chaiNNer/logs", "/tmp/chaiNNer.1000/logs"));

    input.home = "/home/ana";
    input.chainner_env = "production";
    EXPECT_THAT(folders(input),
                ElementsAre("/home/ana/.config/chaiNNer/logs", "/tmp/chaiNNer/logs", "/tmp/chaiNNer.1000/logs"));

    input.executable_directory = "/opt/chaiNNer";
    input.is_portable = true;
    EXPECT_THAT(folders(input), ElementsAre("/opt/chaiNNer/logs", "/home/ana/.config/chaiNNer/logs",
                                            "/tmp/chaiNNer/logs", "/tmp/chaiNNer.1000/logs"));

    input.chainner_log_dir = "/var/log/upscaler";
    EXPECT_THAT(folders(input),
                ElementsAre("/var/log/upscaler", "/opt/chaiNNer/logs", "/home/ana/.config/chaiNNer/logs",
                            "/tmp/chaiNNer/logs", "/tmp/chaiNNer.1000/logs"));
}

TEST(LogDirectoryCandidates, AnythingButProductionIsDevelopment) {
    directory_input input = on(operating_system::other_unix);
    input.home = "/home/ana";
    input.temporary = "/tmp";
    for (const std::string value : {"", "development", "Production", "production ", "\xff"}) {
        input.chainner_env = value;
        EXPECT_THAT(folders(input), ElementsAre("/tmp/chaiNNer/logs")) << value;
    }
}

TEST(LogDirectoryCandidates, OnlyTheTemporaryFolderIsSharedWithOthers) {
    using chainner::platform::sharing;
    directory_input input = on(operating_system::other_unix);
    input.chainner_log_dir = "/var/log/upscaler";
    input.temporary = "/tmp";
    const auto candidates = chainner::detail::directory_candidates(input);
    ASSERT_EQ(candidates.size(), 2U);
    EXPECT_EQ(candidates[0].sharing, sharing::none);
    EXPECT_EQ(candidates[1].sharing, sharing::parent_is_shared);
}

TEST(LogDirectoryCandidates, SayWhatIsMissingWhereNothingIsKnown) {
    directory_input input = on(operating_system::windows);
    input.chainner_env = "production";
    input.temporary_problem = "Not a directory";
    const auto candidates = chainner::detail::directory_candidates(input);
    ASSERT_EQ(candidates.size(), 2U);
    EXPECT_EQ(candidates[0].reason, "CHAINNER_ENV=production");
    EXPECT_EQ(candidates[0].problem, "this user has no home folder; set HOME or CHAINNER_LOG_DIR");
    EXPECT_EQ(candidates[1].reason, "temporary folder");
    EXPECT_EQ(candidates[1].problem, "Not a directory");
}

TEST(LogDirectory, FollowsTheEnvironmentAndCreatesNothing) {
    const test::temporary_directory directory;
    const fs::path folder = directory / fs::u8path("a b") / fs::u8path("Ünïcödé 名前");
    {
        const test::scoped_variable variable("CHAINNER_LOG_DIR", folder.u8string());
        EXPECT_EQ(chainner::log_directory(), folder);
    }
    const test::scoped_variable unset("CHAINNER_LOG_DIR", std::nullopt);
    const test::scoped_variable temporary("TMPDIR", directory.path().string());
    const test::scoped_variable temporary_on_windows("TMP", directory.path().string());
    EXPECT_EQ(chainner::log_directory(), directory / "chaiNNer" / "logs");
    EXPECT_THAT(test::file_names(directory.path()), IsEmpty());
}

TEST(LogDirectory, IsAbsolute) {
    const test::scoped_variable variable("CHAINNER_LOG_DIR", "some/folder");
    EXPECT_EQ(chainner::log_directory(), fs::current_path() / "some" / "folder");
}

TEST(LogDirectory, PassesOverAFolderThatCannotBeUsed) {
    const test::temporary_directory directory;
    test::write_file(directory / "file", "");
    const test::scoped_variable unusable("CHAINNER_LOG_DIR", (directory / "file" / "below").string());
    const test::scoped_variable temporary("TMPDIR", directory.path().string());
    const test::scoped_variable temporary_on_windows("TMP", directory.path().string());
    EXPECT_EQ(chainner::log_directory(), directory / "chaiNNer" / "logs");
}

TEST(LogDirectory, IsNextToAPortableExecutable) {
    const test::temporary_directory directory;
    const fs::path folder = fs::canonical(directory.path());
    const test::scoped_variable unset("CHAINNER_LOG_DIR", std::nullopt);
    const std::string suffix = test::is_posix() ? "" : ".exe";
    fs::copy_file(fs::path(TEST_PROGRAM_DIRECTORY) / ("write_log_directory" + suffix), folder / ("program" + suffix));
    test::write_file(folder / "portable", "");
    EXPECT_EQ(test::child_process((folder / "program").u8string(), {(folder / "found").u8string()}).wait(), 0);
    EXPECT_EQ(test::read_file(folder / "found"), (folder / "logs").u8string());
}

}  // namespace
