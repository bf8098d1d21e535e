// Needs what only POSIX has: limits of descriptors, links, modes and owners of files, FIFOs.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <chainner/crash_handler.hpp>
#include <chainner/log_directory.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "process_loggers.hpp"
#include "support/console.hpp"
#include "support/faults.hpp"
#include "support/files.hpp"
#include "support/numbered_records.hpp"
#include "support/records.hpp"
#include "support/system.hpp"

namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using Rotation = test::NumberedRecords;

TEST_F(Rotation, WithoutAFreeDescriptorTheFileGrowsUntilThereIsOne) {
    if (!test::no_free_descriptor::is_possible()) GTEST_SKIP() << "the sanitizer needs descriptors itself";
    set_up(10'000);
    log(50, std::string(100, 'x'));
    std::uintmax_t grown = 0;
    {
        const test::no_free_descriptor none;
        log(200, std::string(100, 'x'));
        grown = fs::file_size(logs / "host.log");
    }
    EXPECT_GT(grown, 20'000U);
    ASSERT_TRUE(test::wait_until([&] {
        log(1);
        return fs::file_size(logs / "host.log") < 10'000U;
    }));
    log(50, std::string(100, 'x'));
    EXPECT_EQ(found_numbers(), logged_numbers());
    EXPECT_THAT(warnings(), ElementsAre(AllOf(HasSubstr("host.log could not be rotated (Too many open files); it works "
                                                        "again after "),
                                              HasSubstr("no record was lost"))));
}

TEST_F(Rotation, InAFolderThatCannotBeWrittenTheFileGrowsUntilItCan) {
    if (!test::is_root()) GTEST_SKIP() << "root can write everywhere, and only root can become another user";
    fs::permissions(directory.path(), fs::perms::all);
    const test::other_user nobody("nobody");
    set_up(10'000);
    log(100, std::string(100, 'x'));
    fs::permissions(logs, fs::perms::owner_read | fs::perms::owner_exec);
    log(200, std::string(100, 'x'));
    EXPECT_THAT(test::file_names(logs), ElementsAre("host.1.log", "host.log"));
    EXPECT_GT(fs::file_size(logs / "host.log"), 20'000U);
    fs::permissions(logs, fs::perms::owner_all);
    ASSERT_TRUE(test::wait_until([&] {
        log(1);
        return fs::file_size(logs / "host.log") < 10'000U;
    }));
    log(10);
    EXPECT_EQ(found_numbers(), logged_numbers());
    EXPECT_THAT(warnings(), ElementsAre(AllOf(HasSubstr("host.log could not be rotated (Permission denied)"),
                                              HasSubstr("no record was lost"))));
}

TEST_F(Rotation, WithoutAFreeDescriptorNothingIsLostWhenTheFileIsGoneAsWell) {
    if (!test::no_free_descriptor::is_possible()) GTEST_SKIP() << "the sanitizer needs descriptors itself";
    set_up();
    log(10);
    {
        const test::no_free_descriptor none;
        fs::remove(logs / "host.log");
        log(1000, std::string(100, 'x'));
    }
    ASSERT_TRUE(has_recovered());
    EXPECT_EQ(found_numbers(), logged_numbers());
    EXPECT_THAT(warnings(), SizeIs(1));
}

// What stands where the log file should be

class Planted : public test::NumberedRecords {
protected:
    void SetUp() override { fs::create_directory(logs); }

    /// Logs, and expects it in the next file, with a word about the reason.
    void expect_passed_over(const std::string& reason) {
        set_up();
        log(5);
        EXPECT_EQ(found_numbers("host-2"), logged_numbers());
        EXPECT_THAT(warnings("host-2"), ElementsAre(AllOf(HasSubstr("Log file passed over: "), HasSubstr(reason),
                                                          HasSubstr((logs / "host.log").string()))));
    }

    fs::path victim = directory / "victim";
};

TEST_F(Planted, LinkIsNotFollowed) {
    test::write_file(victim, "precious");
    fs::create_symlink(victim, logs / "host.log");
    expect_passed_over("the log file is a link");
    EXPECT_EQ(test::read_file(victim), "precious");
}

TEST_F(Planted, LinkToNothingCreatesNothing) {
    fs::create_symlink(victim, logs / "host.log");
    expect_passed_over("the log file is a link");
    EXPECT_FALSE(fs::exists(victim));
}

TEST_F(Planted, SecondNameOfAFileIsNotWrittenTo) {
    test::write_file(victim, "precious");
    fs::create_hard_link(victim, logs / "host.log");
    expect_passed_over("a second name (a hard link)");
    EXPECT_EQ(test::read_file(victim), "precious");
}

TEST_F(Planted, FifoIsNotWaitedFor) {
    test::make_fifo(logs / "host.log");
    expect_passed_over("no regular file");
}

TEST_F(Planted, FileOfAnotherUserIsPassedOver) {
    if (!test::is_root()) GTEST_SKIP() << "root can read everything, and only root can become another user";
    test::write_file(logs / "host.log", "precious");
    fs::permissions(logs / "host.log", fs::perms::owner_read);
    fs::permissions(logs, fs::perms::all);
    fs::permissions(directory.path(), fs::perms::all);
    const test::other_user nobody("nobody");
    expect_passed_over("Permission denied");
}

TEST_F(Planted, LinkInThePlaceOfARotatedFileIsNotFollowed) {
    test::write_file(victim, "precious");
    fs::create_symlink(victim, logs / "host.1.log");
    set_up(1000);
    log(100);
    EXPECT_EQ(test::read_file(victim), "precious");
    for (const std::string& name : test::file_names(logs)) {
        if (fs::is_symlink(logs / name)) fs::remove(logs / name);
    }
    EXPECT_EQ(found_numbers(), logged_numbers());
}

// The limit that a process has for files

class FileSizeLimit : public test::NumberedRecords {
protected:
    static constexpr std::size_t limit = 20'000;

    void expect_nothing_lost(test::forked_process child, int records) {
        ASSERT_EQ(child.wait(), 0);
        logged = records;
        EXPECT_EQ(found_numbers(), logged_numbers());
        for (const auto& file : test::rotated_files(logs, "host")) EXPECT_LE(fs::file_size(file), limit) << file;
    }
};

TEST_F(FileSizeLimit, RotatesTheFileAsASmallerSizeWouldAndSaysSoOnce) {
    expect_nothing_lost(test::forked_process([&] {
                            test::limit_file_size(limit);
                            set_up();
                            log(3000);
                        }),
                        3000);
    EXPECT_THAT(warnings(), ElementsAre(HasSubstr("Log files are rotated at 20000 bytes instead of 10485760")));
}

TEST_F(FileSizeLimit, CanComeLaterAndCutARecordShortThatIsThenWrittenWhole) {
    test::forked_process child([&] {
        set_up();
        log(10);
        test::limit_file_size(fs::file_size(logs / "host.log") + 1);
        log(500);
    });
    ASSERT_EQ(child.wait(), 0);
    int last = 0;
    for (const auto& file : test::rotated_files(logs, "host")) {
        for (const auto& each : test::parse_log(test::without_cut_record(test::read_file(file)))) {
            if (each.text.rfind("record ", 0) == 0) {
                EXPECT_EQ(std::stoi(each.text.substr(7)), ++last);
            }
        }
    }
    EXPECT_EQ(last, 510);
}

TEST_F(FileSizeLimit, IsNoFaultThatPassesWhereItsSignalIsIgnored) {
    expect_nothing_lost(test::forked_process([&] {
                            std::signal(SIGXFSZ, SIG_IGN);
                            test::limit_file_size(limit);
                            set_up();
                            log(3000);
                        }),
                        3000);
}

TEST_F(FileSizeLimit, HoldsRecordsBackWhereTheFileCannotBeRotated) {
    if (!test::no_free_descriptor::is_possible()) GTEST_SKIP() << "the sanitizer needs descriptors itself";
    test::forked_process child([&] {
        test::limit_file_size(limit);
        set_up();
        {
            const test::no_free_descriptor none;
            log(1000);
        }
        has_recovered();
        test::wait_until([&] {
            log(1);
            return found_numbers() == logged_numbers();
        });
        if (found_numbers() != logged_numbers()) throw std::runtime_error("records are missing");
    });
    EXPECT_EQ(child.wait(), 0);
}

TEST_F(FileSizeLimit, CostsOnlyTheRecordThatNoFileCanHold) {
    test::forked_process child([&] {
        test::limit_file_size(limit);
        set_up();
        log(1);
        log(1, std::string(2 * limit, 'x'));
        log(1);
    });
    ASSERT_EQ(child.wait(), 0);
    EXPECT_THAT(found_numbers(), ElementsAre(1, 3));
    EXPECT_THAT(warnings(),
                Contains(AllOf(HasSubstr("could not be written (File too large)"), HasSubstr("1 record was lost"))));
}

TEST_F(FileSizeLimit, LeavesACrashItsRecordAndItsOwnSignal) {
    test::forked_process child([&] {
        set_up();
        log(1000);
        chainner::install_crash_handler();
        test::limit_file_size(fs::file_size(logs / "host.log"));
        std::abort();
    });
    EXPECT_EQ(child.wait(), 128 + SIGABRT);
    EXPECT_THAT(test::read_file(logs / "host-2.log"), HasSubstr("[CRITICAL] Crashed: SIGABRT"));
}

TEST_F(FileSizeLimit, EndsNoProgramByARecordThatIsWrittenWithoutTheLock) {
    test::forked_process child([&] {
        set_up();
        log(1);
        const std::uintmax_t size = fs::file_size(logs / "host.log");
        const auto& file = chainner::detail::loggers_of_process().own.load()->file->without_lock();
        test::limit_file_size(size);
        file.log_without_lock({"", spdlog::level::info, "lost"});
        test::limit_file_size(2 * size);
        log(1);
    });
    ASSERT_EQ(child.wait(), 0);
    EXPECT_THAT(found_numbers(), ElementsAre(1, 2));
    EXPECT_THAT(warnings(), Contains(HasSubstr("1 record was lost")));
}

TEST_F(FileSizeLimit, EndsNoProgramByAConsoleThatIsAFile) {
    const fs::path shown = directory / "shown";
    test::forked_process child([&] {
        const test::scoped_stderr as_file(shown);
        chainner::logger_options options;
        options.to_file = false;
        logger = chainner::setup_logger("host", options);
        log(1);
        test::limit_file_size(fs::file_size(shown));
        log(1);
    });
    EXPECT_EQ(child.wait(), 0);
    EXPECT_THAT(test::read_file(shown), EndsWith("record 1\n"));
}

// The temporary folder, which all users share

class SharedTemporaryFolder : public testing::Test {
protected:
    void SetUp() override {
        if (!test::is_root()) GTEST_SKIP() << "becomes two other users, which takes root";
        fs::permissions(directory.path(), fs::perms::all | fs::perms::sticky_bit);
    }

    /// Sets up a logger as this user, and returns the folder that it has chosen: the one that was told before.
    fs::path chosen_by(const std::string& user, std::vector<std::string>* warnings = nullptr) {
        const test::other_user other(user);
        chainner::logger_options options;
        options.to_console = false;
        const fs::path told = chainner::log_directory();
        chainner::setup_logger("host", options)->info("private");
        const fs::path own = directory / ("chaiNNer." + std::to_string(test::user_id(user))) / "logs";
        for (const fs::path& each : {directory / "chaiNNer" / "logs", own}) {
            if (!fs::exists(each / "host.log") || fs::is_symlink(each / "host.log")) continue;
            for (const auto& record : test::parse_log(test::read_file(each / "host.log"))) {
                if (record.level == "WARNING" && warnings != nullptr) warnings->push_back(record.text);
            }
            EXPECT_EQ(told, each);
            return each;
        }
        EXPECT_EQ(told, fs::path());
        return {};
    }

    test::temporary_directory directory;
    test::scoped_variable temporary{"TMPDIR", directory.path().string()};
    test::scoped_variable log_dir{"CHAINNER_LOG_DIR", std::nullopt};
    test::scoped_variable environment{"CHAINNER_ENV", std::nullopt};
};

TEST_F(SharedTemporaryFolder, IsUsedIfItBelongsToThisUserAlone) {
    EXPECT_EQ(chosen_by("daemon"), directory / "chaiNNer" / "logs");
    for (const fs::path& each : {directory / "chaiNNer", directory / "chaiNNer" / "logs"}) {
        EXPECT_EQ(test::mode_of(each), 0700U) << each;
    }
}

TEST_F(SharedTemporaryFolder, OfAnotherUserIsPassedOver) {
    const fs::path victim = directory / "victim";
    {
        const test::other_user daemon("daemon");
        test::write_file(victim, "precious");
    }
    {
        const test::other_user nobody("nobody");
        fs::create_directories(directory / "chaiNNer" / "logs");
        fs::create_symlink(victim, directory / "chaiNNer" / "logs" / "host.log");
        fs::permissions(directory / "chaiNNer", fs::perms::all);
        fs::permissions(directory / "chaiNNer" / "logs", fs::perms::all);
    }
    std::vector<std::string> warnings;
    EXPECT_EQ(chosen_by("daemon", &warnings), directory / "chaiNNer.1" / "logs");
    EXPECT_THAT(warnings, ElementsAre(AllOf(HasSubstr("Log folder passed over (temporary folder)"),
                                            HasSubstr("another user owns or can change the log folder"),
                                            HasSubstr((directory / "chaiNNer").string()))));
    EXPECT_EQ(test::read_file(victim), "precious");
}

TEST_F(SharedTemporaryFolder, OfAnotherUserWhichNobodyElseCanWriteIsPassedOverByRootAsWell) {
    {
        const test::other_user nobody("nobody");
        fs::create_directory(directory / "chaiNNer");
        fs::permissions(directory / "chaiNNer", fs::perms::owner_all);
    }
    EXPECT_EQ(chosen_by("root"), directory / "chaiNNer.0" / "logs");
    EXPECT_THAT(test::file_names(directory / "chaiNNer"), IsEmpty());
}

TEST_F(SharedTemporaryFolder, ThatOthersCanWriteIsPassedOver) {
    {
        const test::other_user daemon("daemon");
        fs::create_directories(directory / "chaiNNer" / "logs");
        fs::permissions(directory / "chaiNNer", fs::perms::owner_all);
    }
    for (const fs::perms others : {fs::perms::group_write, fs::perms::others_write}) {
        fs::permissions(directory / "chaiNNer" / "logs", fs::perms::owner_all | others);
        EXPECT_EQ(chosen_by("daemon"), directory / "chaiNNer.1" / "logs");
    }
}

TEST_F(SharedTemporaryFolder, ThatIsALinkIsPassedOver) {
    {
        const test::other_user daemon("daemon");
        fs::create_directories(directory / "elsewhere" / "logs");
    }
    {
        const test::other_user nobody("nobody");
        fs::create_symlink(directory / "elsewhere", directory / "chaiNNer");
    }
    EXPECT_EQ(chosen_by("daemon"), directory / "chaiNNer.1" / "logs");
    EXPECT_THAT(test::file_names(directory / "elsewhere" / "logs"), IsEmpty());
}

TEST_F(SharedTemporaryFolder, WithEachNameTakenByAnotherUserThereIsNoFile) {
    {
        const test::other_user nobody("nobody");
        for (const char* name : {"chaiNNer", "chaiNNer.1"}) fs::create_directories(directory / name / "logs");
    }
    EXPECT_EQ(chosen_by("daemon"), fs::path());
    for (const char* name : {"chaiNNer", "chaiNNer.1"})
        EXPECT_THAT(test::file_names(directory / name / "logs"), IsEmpty());
}

TEST_F(SharedTemporaryFolder, ThatBecomesAnotherUsersIsLeftAtRotation) {
    const test::other_user daemon("daemon");
    chainner::logger_options options;
    options.to_console = false;
    options.max_file_size = 1000;
    const auto logger = chainner::setup_logger("host", options);
    for (int i = 1; i <= 5; ++i) logger->info("record {}", i);
    fs::permissions(directory / "chaiNNer", fs::perms::all);
    for (int i = 6; i <= 100; ++i) logger->info("record {}", i);
    EXPECT_THAT(test::file_names(directory / "chaiNNer" / "logs"), ElementsAre("host.log"));
    const auto records = test::texts(test::parse_log(test::read_file(directory / "chaiNNer" / "logs" / "host.log")));
    int last = 0;
    for (const std::string& text : records) {
        if (text.rfind("record ", 0) == 0) {
            EXPECT_EQ(std::stoi(text.substr(7)), ++last);
        }
    }
    EXPECT_EQ(last, 100);
}

TEST(HomeFolder, ThatNobodyKnowsIsWarnedOf) {
    if (!test::is_root()) GTEST_SKIP() << "becomes a user without an entry in passwd, which takes root";
    const test::temporary_directory directory;
    fs::permissions(directory.path(), fs::perms::all | fs::perms::sticky_bit);
    const test::scoped_variable temporary("TMPDIR", directory.path().string());
    const test::scoped_variable log_dir("CHAINNER_LOG_DIR", std::nullopt);
    const test::scoped_variable home("HOME", std::nullopt);
    const test::scoped_variable config("XDG_CONFIG_HOME", std::nullopt);
    const test::scoped_variable production("CHAINNER_ENV", "production");
    test::forked_process child([] {
        test::become_nobody_known();
        chainner::logger_options options;
        options.to_console = false;
        chainner::setup_logger("host", options);
    });
    ASSERT_EQ(child.wait(), 0);
    EXPECT_THAT(test::texts(test::parse_log(test::read_file(directory / "chaiNNer" / "logs" / "host.log"))),
                Contains("Log folder passed over (CHAINNER_ENV=production): this user has no home folder; set HOME or "
                         "CHAINNER_LOG_DIR"));
}

// Modes

TEST(Modes, FoldersAndFilesArePrivateUnderAnyMask) {
    for (const unsigned mask : {0U, 022U, 077U}) {
        const test::temporary_directory directory;
        const test::scoped_umask umask(mask);
        chainner::logger_options options;
        options.log_dir = directory / "new" / "logs";
        options.to_console = false;
        options.max_file_size = 200;
        const auto logger = chainner::setup_logger("host", options);
        for (int i = 0; i < 10; ++i) logger->info("record {}", i);
        for (const fs::path& each : {directory / "new", options.log_dir}) EXPECT_EQ(test::mode_of(each), 0700U);
        const auto files = test::rotated_files(options.log_dir, "host");
        EXPECT_GT(files.size(), 1U);
        for (const auto& file : files) EXPECT_EQ(test::mode_of(file), 0600U);
    }
}

class GroupReadable : public testing::Test {
protected:
    GroupReadable() {
        options.log_dir = directory.path();
        options.to_console = false;
        options.max_file_size = 200;
    }
    std::vector<unsigned> modes() const {
        std::vector<unsigned> all;
        for (const auto& file : test::rotated_files(directory.path(), "host")) all.push_back(test::mode_of(file));
        return all;
    }

    const test::scoped_variable variable{"CHAINNER_LOG_GROUP_READABLE", std::nullopt};
    const test::temporary_directory directory;
    chainner::logger_options options;
};

TEST_F(GroupReadable, LetsTheGroupReadEachFileUnderAnyMaskAndLeavesTheFolder) {
    options.group_readable = true;
    options.log_dir = directory / "new";
    for (const unsigned mask : {0U, 022U, 077U}) {
        const test::scoped_umask umask(mask);
        const auto logger = chainner::setup_logger("host", options);
        for (int i = 0; i < 20; ++i) logger->info("record {}", i);
        EXPECT_EQ(test::mode_of(options.log_dir), 0700U);
        const auto files = test::rotated_files(options.log_dir, "host");
        EXPECT_THAT(files, SizeIs(6));
        for (const auto& file : files) EXPECT_EQ(test::mode_of(file), 0640U);
        options.log_dir += "er";
    }
}

TEST_F(GroupReadable, HoldsForAFileThatIsThereAndOneThatIsOpen) {
    options.max_file_size = 10'000;
    chainner::setup_logger("host", options);
    EXPECT_THAT(modes(), ElementsAre(0600U));
    options.group_readable = true;
    chainner::setup_logger("host", options);
    EXPECT_THAT(modes(), ElementsAre(0640U)) << "the one that is open";
    options.log_dir = directory / "elsewhere";
    chainner::setup_logger("host", options);
    test::write_file(directory / "host.log", "of an earlier process\n");
    fs::permissions(directory / "host.log", fs::perms::owner_read | fs::perms::owner_write);
    options.log_dir = directory.path();
    chainner::setup_logger("host", options);
    EXPECT_THAT(modes(), ElementsAre(0640U)) << "the one that was there";
}

TEST_F(GroupReadable, HoldsForTheFileThatACrashBegins) {
    options.group_readable = true;
    chainner::setup_logger("host", options);
    chainner::install_crash_handler();
    for (const unsigned mask : {022U, 077U}) {
        const test::scoped_umask umask(mask);
        EXPECT_EQ(test::forked_process([] { std::abort(); }).wait(), 128 + SIGABRT);
        EXPECT_EQ(test::mode_of(directory / "host-2.log"), 0640U);
        fs::remove(directory / "host-2.log");
    }
}

TEST_F(GroupReadable, IsForTheEnvironmentToDecide) {
    {
        const test::scoped_variable wanted("CHAINNER_LOG_GROUP_READABLE", "1");
        chainner::setup_logger("host", options);
        EXPECT_THAT(modes(), ElementsAre(0640U));
    }
    options.group_readable = true;
    options.log_dir = directory / "private";
    const test::scoped_variable unwanted("CHAINNER_LOG_GROUP_READABLE", "0");
    chainner::setup_logger("host", options);
    EXPECT_EQ(test::mode_of(options.log_dir / "host.log"), 0600U);
}

TEST_F(GroupReadable, LeavesAFileOfAnotherUserAloneAndSaysSo) {
    if (!test::is_root()) GTEST_SKIP() << "only root can become another user";
    test::write_file(directory / "host.log", "");
    fs::permissions(directory / "host.log", fs::perms::owner_all | fs::perms::others_read | fs::perms::others_write);
    fs::permissions(directory.path(), fs::perms::all);
    const test::other_user nobody("nobody");
    options.group_readable = true;
    options.max_file_size = 10'000;
    chainner::setup_logger("host", options);
    EXPECT_EQ(test::read_file(directory / "host.log"), "");
    EXPECT_EQ(test::mode_of(directory / "host.log"), 0706U);
    EXPECT_THAT(test::texts(test::parse_log(test::read_file(directory / "host-2.log"))),
                Contains("Log file passed over: filesystem error: the log file belongs to another user: Operation not "
                         "permitted [" +
                         (directory / "host.log").string() + "]"));
}

TEST(FileThatIsThere, LosesTheRightOfOthersToWriteToIt) {
    for (const unsigned mode : {0666U, 0664U, 0646U}) {
        const test::temporary_directory directory;
        test::write_file(directory / "host.log", "");
        fs::permissions(directory / "host.log", static_cast<fs::perms>(mode));
        chainner::logger_options options;
        options.log_dir = directory.path();
        options.to_console = false;
        chainner::setup_logger("host", options)->info("record");
        EXPECT_EQ(test::mode_of(directory / "host.log"), 0644U);
        EXPECT_THAT(test::read_file(directory / "host.log"), testing::HasSubstr("record"));
    }
}

TEST(FolderOfTheFile, ThatCannotBeSearchedAnyMoreCostsNoRecordAndIsSaidToBeTheReason) {
    if (!test::is_root()) GTEST_SKIP() << "only root can become another user";
    const test::temporary_directory directory;
    fs::permissions(directory.path(), fs::perms::all);
    const test::other_user daemon("daemon");
    chainner::logger_options options;
    options.log_dir = directory / "logs";
    options.to_console = false;
    options.max_file_size = 2000;
    const auto logger = chainner::setup_logger("host", options);
    fs::permissions(options.log_dir, fs::perms::none);
    for (int i = 1; i <= 100; ++i) logger->info("record {}", i);
    fs::permissions(options.log_dir, fs::perms::owner_all);
    EXPECT_TRUE(test::wait_until([&] {
        logger->info("later");
        return test::read_role(options.log_dir, "host").find("it works again") != std::string::npos;
    }));
    const std::string log = test::read_role(options.log_dir, "host");
    for (int i = 1; i <= 100; ++i) {
        EXPECT_THAT(log, testing::HasSubstr("] record " + std::to_string(i) + "\n"));
    }
    EXPECT_THAT(log, testing::HasSubstr("could not be rotated (Permission denied)"));
    EXPECT_THAT(log, testing::Not(testing::HasSubstr("renamed")));
}

TEST(LockOfAReader, CostsTheFileItsNameAndIsSaidToBeTheReason) {
    const test::temporary_directory directory;
    test::write_file(directory / "host.log", "");
    const int file = open((directory / "host.log").c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_EQ(flock(file, LOCK_SH), 0);
    chainner::logger_options options;
    options.log_dir = directory.path();
    options.to_console = false;
    chainner::setup_logger("host", options);
    close(file);
    EXPECT_THAT(test::texts(test::parse_log(test::read_file(directory / "host-2.log"))),
                Contains(testing::HasSubstr("a program that reads the log file has locked it")));
}

TEST(StandardErrorOfAFile, ThatHasReachedTheLimitOfTheProcessEndsNoProgram) {
    const test::temporary_directory directory;
    const std::string program = fs::path(TEST_PROGRAM_DIRECTORY) / "log_records";
    const std::string errors = directory / "errors";
    EXPECT_EQ(test::run_in_shell("head -c 8192 /dev/zero > '" + errors + "'; ulimit -f 16; '" + program + "' worker '" +
                                 (directory / "logs").string() + "' 10 console=1 2>> '" + errors + "'"),
              0);
    EXPECT_EQ(fs::file_size(errors), 8192U);
    EXPECT_THAT(test::read_role(directory / "logs", "worker"), testing::HasSubstr("] record 10"));
}

/// What stands in a file that takes the place of stderr, opened with these flags.
std::string shown_in_place_of_stderr(int flags) {
    const test::temporary_directory directory;
    const fs::path path = directory / "file";
    test::forked_process process([&] {
        chainner::logger_options options;
        options.log_dir = directory / "logs";
        const auto logger = chainner::setup_logger("host", options);
        close(STDERR_FILENO);
        if (open(path.c_str(), flags | O_CREAT, 0600) != STDERR_FILENO) throw std::runtime_error("not in its place");
        logger->info("record");
    });
    EXPECT_EQ(process.wait(), 0);
    return test::read_file(path);
}

TEST(StandardErrorOfAFile, IsWrittenIfTheProgramHasRedirectedIt) {
    EXPECT_THAT(shown_in_place_of_stderr(O_WRONLY), testing::HasSubstr("record"));
    EXPECT_THAT(shown_in_place_of_stderr(O_RDWR), testing::HasSubstr("record")) << "as pytest opens it";
}

TEST(StandardErrorOfAFile, IsLeftAloneIfItIsAFileOfTheProgramThatHasGotItsNumber) {
    EXPECT_EQ(shown_in_place_of_stderr(O_RDWR | O_CLOEXEC), "");
    EXPECT_EQ(shown_in_place_of_stderr(O_WRONLY | O_CLOEXEC), "");
}

}  // namespace
