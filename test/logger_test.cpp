#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/formatter.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <chainner/log_directory.hpp>
#include <chainner/logger.hpp>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "record/record_format.hpp"
#include "support/files.hpp"
#include "support/matchers.hpp"
#include "support/records.hpp"
#include "support/system.hpp"

namespace {

namespace fs = std::filesystem;
using chainner::logger_options;
using chainner::role;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

/// A folder for the logs that is gone afterwards, an environment that says nothing, and a silent console.
class Logger : public testing::Test {
protected:
    test::temporary_directory directory;
    test::scoped_variable log_dir{"CHAINNER_LOG_DIR", directory.path().string()};
    test::scoped_variable process_type{"CHAINNER_PROCESS_TYPE", std::nullopt};
    test::scoped_variable log_level{"CHAINNER_LOG_LEVEL", std::nullopt};
    test::scoped_variable utc_offset{"CHAINNER_LOG_UTC_OFFSET", std::nullopt};
    test::scoped_variable group_readable{"CHAINNER_LOG_GROUP_READABLE", std::nullopt};
    test::scoped_variable environment{"CHAINNER_ENV", std::nullopt};

    logger_options silent() const {
        logger_options options;
        options.to_console = false;
        return options;
    }
    logger_options silent_in(const fs::path& folder) const {
        logger_options options = silent();
        options.log_dir = folder;
        return options;
    }
    std::vector<test::record> records(const fs::path& folder, const std::string& role) const {
        return test::parse_log(test::read_role(folder, role));
    }
    std::vector<test::record> records(const std::string& role) const { return records(directory.path(), role); }
    std::string first_text(const std::string& role) const {
        return "Logger initialized for " + role + " process. Log file: " + (directory / (role + ".log")).string();
    }
};

// Setting up

TEST_F(Logger, FirstRecordSaysWhereTheFileIs) {
    chainner::setup_logger(role::host, silent());
    const auto found = records("host");
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].text, first_text("host"));
    EXPECT_EQ(found[0].level, "INFO");
    EXPECT_EQ(found[0].pid, test::current_process_id());
}

TEST_F(Logger, RolesGoByNameAsWell) {
    EXPECT_EQ(chainner::setup_logger("host", silent()), chainner::get_logger(role::host));
    EXPECT_EQ(chainner::setup_logger("worker", silent()), chainner::get_logger("worker"));
    EXPECT_NE(chainner::get_logger("host"), chainner::get_logger("worker"));
    EXPECT_EQ(chainner::parse_role("host"), role::host);
    EXPECT_EQ(chainner::parse_role("worker"), role::worker);
}

TEST_F(Logger, UnknownRoleIsNamedInTheError) {
    for (const std::string name : {"", "hosts", "HOST", "wörker"}) {
        try {
            chainner::setup_logger(name);
            FAIL() << "no error for \"" << name << '"';
        } catch (const std::invalid_argument& error) {
            EXPECT_THAT(error.what(), AllOf(HasSubstr('"' + name + '"'), HasSubstr("\"host\" or \"worker\"")));
        }
    }
    EXPECT_THAT(test::file_names(directory.path()), IsEmpty());
}

TEST_F(Logger, IsRegisteredWithSpdlogUnderItsName) {
    const auto logger = chainner::setup_logger("host", silent());
    EXPECT_EQ(logger->name(), "chaiNNer.host");
    EXPECT_EQ(spdlog::get("chaiNNer.host"), logger);
    EXPECT_EQ(spdlog::get("chaiNNer.worker"), nullptr);
}

TEST_F(Logger, GetLoggerSetsUpWithTheDefaults) {
    testing::internal::CaptureStderr();
    chainner::get_logger("host")->debug("not shown by default");
    EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr(first_text("host")));
    EXPECT_THAT(test::texts(records("host")), ElementsAre(first_text("host")));
}

TEST_F(Logger, EachRoleHasItsFile) {
    chainner::setup_logger("host", silent())->info("of the host");
    chainner::setup_logger("worker", silent())->info("of the worker");
    EXPECT_THAT(test::texts(records("host")), ElementsAre(first_text("host"), "of the host"));
    EXPECT_THAT(test::texts(records("worker")), ElementsAre(first_text("worker"), "of the worker"));
}

TEST_F(Logger, WithoutFileWritesToTheConsoleOnly) {
    logger_options options;
    options.to_file = false;
    testing::internal::CaptureStderr();
    chainner::setup_logger("worker", options)->info("seen");
    const std::string shown = testing::internal::GetCapturedStderr();
    EXPECT_THAT(shown, HasSubstr("[INFO] Logger initialized for worker process (dev mode - no file logging)\n"));
    EXPECT_THAT(shown, HasSubstr("[INFO] seen\n"));
    EXPECT_THAT(test::file_names(directory.path()), IsEmpty());
}

TEST_F(Logger, WithoutConsoleShowsNothing) {
    testing::internal::CaptureStderr();
    chainner::setup_logger("worker", silent())->critical("not shown");
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
    EXPECT_THAT(records("worker"), SizeIs(2));
}

// One process, one log

TEST_F(Logger, EverybodyGetsTheLoggerThatTheProcessHasSetUp) {
    const test::scoped_variable type("CHAINNER_PROCESS_TYPE", "worker");
    const auto host = chainner::setup_logger("host", silent());
    EXPECT_EQ(chainner::get_logger_from_env(), host);
    chainner::get_logger_from_env()->info("of a module");
    EXPECT_THAT(test::texts(records("host")), ElementsAre(first_text("host"), "of a module"));
    EXPECT_THAT(test::file_names(directory.path()), ElementsAre("host.log"));
}

TEST_F(Logger, ToUseTheOtherRolesLoggerDoesNotChangeTheProcess) {
    const auto host = chainner::setup_logger("host", silent());
    chainner::get_logger("worker");
    EXPECT_EQ(chainner::get_logger_from_env(), host);
}

TEST_F(Logger, ProcessTypeDecidesWhereNothingIsSetUp) {
    struct {
        const char* value;
        const char* name;
    } const rows[] = {{"host", "chaiNNer.host"}, {"worker", "chaiNNer.worker"}, {"", "chaiNNer.worker"}};
    for (const auto& row : rows) {
        // Each in a process of its own: a role once set up stays.
        EXPECT_EXIT(
            {
                test::set_variable("CHAINNER_PROCESS_TYPE", row.value);
                std::exit(chainner::get_logger_from_env()->name() == row.name ? 0 : 1);
            },
            testing::ExitedWithCode(0), "")
            << row.value;
    }
    EXPECT_EQ(chainner::get_logger_from_env()->name(), "chaiNNer.worker");
}

TEST_F(Logger, UnknownProcessTypeIsAWorkerAndSaysSo) {
    const test::scoped_variable type("CHAINNER_PROCESS_TYPE", "manager");
    testing::internal::CaptureStderr();
    EXPECT_EQ(chainner::get_logger_from_env()->name(), "chaiNNer.worker");
    testing::internal::GetCapturedStderr();
    const auto found = records("worker");
    ASSERT_THAT(found, SizeIs(2));
    EXPECT_EQ(found[1].level, "WARNING");
    EXPECT_THAT(found[1].text, HasSubstr("CHAINNER_PROCESS_TYPE=manager"));
}

// Setting up again

TEST_F(Logger, SetUpAgainChangesTheSameLogger) {
    const auto before = chainner::setup_logger("worker", silent_in(directory / "first"));
    before->info("one");
    EXPECT_EQ(chainner::setup_logger("worker", silent_in(directory / "second")), before);
    before->info("two");
    EXPECT_THAT(test::texts(records(directory / "first", "worker")), ElementsAre(StartsWith("Logger init"), "one"));
    EXPECT_THAT(test::texts(records(directory / "second", "worker")), ElementsAre(StartsWith("Logger init"), "two"));
}

TEST_F(Logger, SetUpAgainInTheSameFolderGoesOnInTheSameFile) {
    const auto logger = chainner::setup_logger("worker", silent());
    logger->info("one");
    logger_options options = silent();
    options.file_pattern = "%v";
    chainner::setup_logger("worker", options);
    logger->info("two");
    EXPECT_THAT(test::file_names(directory.path()), ElementsAre("worker.log"));
    EXPECT_THAT(test::lines(test::read_role(directory.path(), "worker")),
                ElementsAre(HasSubstr(first_text("worker")), HasSubstr("[INFO] Role: worker"), HasSubstr("[INFO] one"),
                            first_text("worker"), StartsWith("Role: worker"), "two"));
}

TEST_F(Logger, SetUpAgainAppendsToWhatAnEarlierProcessWrote) {
    test::write_file(directory / "worker.log", "2025-10-19 05:52:25.123 [1234] [INFO] earlier\n");
    chainner::setup_logger("worker", silent());
    EXPECT_THAT(test::texts(records("worker")), ElementsAre("earlier", first_text("worker")));
}

TEST_F(Logger, FailedSetUpLeavesTheLoggerAsItWas) {
    const auto logger = chainner::setup_logger("worker", silent());
    test::write_file(directory / "file", "");
    logger_options wrong = silent_in(directory / "file");
    wrong.level = spdlog::level::off;
    wrong.to_console = true;
    EXPECT_THROW(chainner::setup_logger("worker", wrong), fs::filesystem_error);
    EXPECT_THROW(chainner::setup_logger("host", wrong), fs::filesystem_error);
    testing::internal::CaptureStderr();
    logger->info("still here");
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
    EXPECT_THAT(test::texts(records("worker")), ElementsAre(first_text("worker"), "still here"));
    EXPECT_EQ(chainner::get_logger_from_env(), logger);
}

TEST_F(Logger, EachRecordReachesOneFileWhileItIsSetUpAgainAndAgain) {
    constexpr int threads = 8;
    constexpr int records_each = 2000;
    const auto logger = chainner::setup_logger("worker", silent_in(directory / "0"));
    std::atomic<int> running{threads};
    std::vector<std::thread> all;
    for (int thread = 0; thread < threads; ++thread) {
        all.emplace_back([&, thread] {
            for (int i = 0; i < records_each; ++i) logger->info("record {}.{}", thread, i);
            --running;
        });
    }
    int folder = 0;
    while (running > 0) chainner::setup_logger("worker", silent_in(directory / std::to_string(++folder % 4)));
    for (auto& each : all) each.join();

    std::map<std::string, int> found;
    for (const std::string name : {"0", "1", "2", "3"}) {
        if (!fs::exists(directory / name)) continue;
        for (const auto& each : records(directory / name, "worker")) ++found[each.text];
    }
    for (int thread = 0; thread < threads; ++thread) {
        for (int i = 0; i < records_each; ++i) {
            ASSERT_EQ(found["record " + std::to_string(thread) + "." + std::to_string(i)], 1);
        }
    }
}

// Levels

TEST_F(Logger, LevelsReadAsTheyAreNamed) {
    logger_options options = silent();
    options.level = spdlog::level::trace;
    const auto logger = chainner::setup_logger("worker", options);
    std::vector<std::string> levels;
    for (int level = spdlog::level::trace; level < spdlog::level::off; ++level) {
        logger->log(static_cast<spdlog::level::level_enum>(level), "message");
    }
    for (const auto& each : records("worker")) levels.push_back(each.level);
    EXPECT_THAT(levels, ElementsAre("INFO", "TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"));
}

TEST_F(Logger, LevelOfTheEnvironmentWins) {
    const test::scoped_variable variable("CHAINNER_LOG_LEVEL", "Debug");
    logger_options options = silent();
    options.level = spdlog::level::critical;
    EXPECT_EQ(chainner::setup_logger("worker", options)->level(), spdlog::level::debug);
    const test::scoped_variable off("CHAINNER_LOG_LEVEL", "off");
    EXPECT_EQ(chainner::setup_logger("worker", options)->level(), spdlog::level::off);
}

TEST_F(Logger, LevelOfTheEnvironmentHasItsUsualNamesInAnyCaseAndMayBeForOneRole) {
    const auto level_of_worker = [this](const std::string& text) {
        const test::scoped_variable variable("CHAINNER_LOG_LEVEL", text);
        return chainner::setup_logger("worker", silent())->level();
    };
    EXPECT_EQ(level_of_worker("WARN"), spdlog::level::warn);
    EXPECT_EQ(level_of_worker("err"), spdlog::level::err);
    EXPECT_EQ(level_of_worker("Critical"), spdlog::level::critical);
    EXPECT_EQ(level_of_worker("worker=debug"), spdlog::level::debug);
    EXPECT_EQ(level_of_worker("worker=debug,error"), spdlog::level::debug);
    EXPECT_EQ(level_of_worker("error,host=debug"), spdlog::level::err);
    EXPECT_EQ(level_of_worker("host=debug"), spdlog::level::info);
    for (const char* wrong : {"", ",", "=debug", "worker=", "worker=loud", "waiter=debug", "debug,"}) {
        EXPECT_EQ(level_of_worker(wrong), spdlog::level::info) << wrong;
    }
}

TEST_F(Logger, RecordsThatMarkASessionAreWrittenAtAnyLevel) {
    logger_options options = silent();
    options.level = spdlog::level::err;
    chainner::setup_logger("worker", options)->info("dropped");
    EXPECT_THAT(test::read_file(directory / "worker.log"),
                AllOf(HasSubstr("[INFO] Logger initialized for worker process"), HasSubstr("[INFO] Role: worker"),
                      Not(HasSubstr("dropped"))));
}

TEST_F(Logger, UnknownLevelOfTheEnvironmentIsIgnoredAndSaidSo) {
    const test::scoped_variable variable("CHAINNER_LOG_LEVEL", "loud\n2025-10-19 05:52:25.123 [1] [INFO] forged");
    const auto logger = chainner::setup_logger("worker", silent());
    EXPECT_EQ(logger->level(), spdlog::level::info);
    const auto found = records("worker");
    ASSERT_THAT(found, SizeIs(2));
    EXPECT_EQ(found[1].level, "WARNING");
    EXPECT_THAT(found[1].text, HasSubstr("CHAINNER_LOG_LEVEL=loud"));
}

// Patterns

TEST_F(Logger, UtcOffsetIsOnlySaidIfItIsWanted) {
    const test::scoped_variable zone("TZ", "XST-5:30");
    // On Windows a TZ that this process itself has set is not seen.
    const std::string offset =
        chainner::detail::utc_offset_text(chainner::detail::utc_offset_at(spdlog::log_clock::now()));
    logger_options options = silent();
    chainner::setup_logger("host", options)->info("without");
    options.utc_offset = true;
    chainner::setup_logger("host", options)->info("with");
    options.utc_offset = false;
    chainner::setup_logger("host", options)->info("without");
    const auto found = records("host");
    ASSERT_THAT(found, SizeIs(6));
    for (std::size_t i = 0; i < found.size(); ++i) {
        EXPECT_EQ(found[i].offset, i == 2 || i == 3 ? offset : "") << found[i].text;
    }
}

TEST_F(Logger, UtcOffsetOfTheEnvironmentWins) {
    const auto offset = [this](bool by_program) {
        logger_options options = silent();
        options.utc_offset = by_program;
        chainner::setup_logger("host", options);
        return !records("host").back().offset.empty();
    };
    const test::scoped_variable wanted("CHAINNER_LOG_UTC_OFFSET", "1");
    EXPECT_TRUE(offset(false));
    const test::scoped_variable unwanted("CHAINNER_LOG_UTC_OFFSET", "0");
    EXPECT_FALSE(offset(true));
    const test::scoped_variable empty("CHAINNER_LOG_UTC_OFFSET", "");
    EXPECT_TRUE(offset(true));
    EXPECT_FALSE(offset(false));
}

TEST_F(Logger, UtcOffsetOfTheEnvironmentThatIsNoneIsIgnoredAndSaidSo) {
    const test::scoped_variable variable("CHAINNER_LOG_UTC_OFFSET", "yes");
    logger_options options = silent();
    options.utc_offset = true;
    chainner::setup_logger("host", options);
    const auto found = records("host");
    ASSERT_THAT(found, SizeIs(2));
    EXPECT_EQ(found[1].level, "WARNING");
    EXPECT_EQ(found[1].text, "CHAINNER_LOG_UTC_OFFSET=yes is ignored: it must be 0 or 1");
    EXPECT_NE(found[1].offset, "");
}

TEST_F(Logger, UtcOffsetLeavesAPatternOfTheProgramAsItIs) {
    const test::scoped_variable variable("CHAINNER_LOG_UTC_OFFSET", "1");
    logger_options options = silent();
    options.utc_offset = true;
    options.level = spdlog::level::warn;
    options.file_pattern = "%l %v";
    chainner::setup_logger("host", options)->warn("without");
    options.file_pattern = "%z %v";
    chainner::setup_logger("host", options)->warn("with");
    EXPECT_THAT(test::read_role(directory.path(), "host"),
                test::MatchesPattern("(INFO .*\n)*WARNING without\n([+-][0-9][0-9]:[0-9][0-9] [^\n]*\n)+"));
}

TEST_F(Logger, PatternsAreSpdlogsOwn) {
    logger_options options = silent();
    options.file_pattern = "%n|%l|%8l|%-8l|%P|%v";
    chainner::setup_logger("host", options)->warn("message");
    const std::string pid = std::to_string(test::current_process_id());
    EXPECT_EQ(test::lines(test::read_role(directory.path(), "host")).back(),
              "chaiNNer.host|WARNING| WARNING|WARNING |" + pid + "|message");
}

/// As a formatter of a program may be.
class broken_formatter final : public spdlog::formatter {
    void format(const spdlog::details::log_msg&, spdlog::memory_buf_t&) override { throw std::runtime_error("broken"); }
    std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<broken_formatter>(); }
};

TEST_F(Logger, AFormatterThatThrowsHarmsNobody) {
    const auto logger = chainner::setup_logger("worker", silent());
    logger->set_formatter(std::make_unique<broken_formatter>());
    logger->info("message");
    chainner::setup_logger("worker", silent());
    logger->info("last");
    EXPECT_THAT(test::lines(test::read_role(directory.path(), "worker")).back(), HasSubstr("[INFO] last"));
}

TEST_F(Logger, OddPatternsCostNoRecord) {
    const auto logger = chainner::setup_logger("worker", silent());
    for (const std::string pattern : {"", "%", "%%", "%Q", "%-", "%9999999999d %v", "no flags", "%^%v", "%$%v%^"}) {
        logger_options options = silent();
        options.file_pattern = pattern;
        options.console_pattern = pattern;
        chainner::setup_logger("worker", options);
        logger->info("message");
    }
    chainner::setup_logger("worker", silent());
    logger->info("last");
    EXPECT_THAT(test::lines(test::read_role(directory.path(), "worker")).back(), HasSubstr("[INFO] last"));
}

TEST_F(Logger, ConsoleColoursTheLevel) {
    struct {
        spdlog::level::level_enum level;
        std::string shown;
    } const rows[] = {
        {spdlog::level::trace, "[TRACE]"},
        {spdlog::level::debug, "[\033[36mDEBUG\033[0m]"},
        {spdlog::level::info, "[\033[32mINFO\033[0m]"},
        {spdlog::level::warn, "[\033[33mWARNING\033[0m]"},
        {spdlog::level::err, "[\033[31mERROR\033[0m]"},
        {spdlog::level::critical, "[\033[35mCRITICAL\033[0m]"},
    };
    logger_options options;
    options.to_file = false;
    options.level = spdlog::level::trace;
    options.color = spdlog::color_mode::always;
    testing::internal::CaptureStderr();
    const auto logger = chainner::setup_logger("worker", options);
    for (const auto& row : rows) logger->log(row.level, "message");
    const auto shown = test::lines(testing::internal::GetCapturedStderr());
    for (std::size_t i = 0; i < std::size(rows); ++i)
        EXPECT_THAT(shown.at(i + 1), HasSubstr(rows[i].shown + " message"));
}

TEST_F(Logger, APatternSetThroughSpdlogForgesNothingEither) {
    const auto logger = chainner::setup_logger("worker", silent());
    spdlog::set_pattern("set: %v");
    logger->warn("one\ntwo\x1b");
    EXPECT_THAT(test::read_role(directory.path(), "worker"), testing::EndsWith("\nset: one\n\ttwo\\x1b\n"));
}

// Bad input

TEST_F(Logger, LimitsThatMakeNoSenseAreRefused) {
    const auto logger = chainner::setup_logger("worker", silent());
    const auto reason = [&](logger_options options) -> std::string {
        try {
            chainner::setup_logger("worker", options);
            return "";
        } catch (const std::invalid_argument& error) {
            return error.what();
        }
    };
    logger_options options = silent();
    options.max_file_size = 0;
    EXPECT_THAT(reason(options), AllOf(HasSubstr("max_file_size is 0"), HasSubstr("at least 1")));
    options = silent();
    options.max_files = 200'001;
    EXPECT_THAT(reason(options), AllOf(HasSubstr("max_files is 200001"), HasSubstr("at most 200000")));
    for (const int level : {-1, spdlog::level::off + 1, 42}) {
        options = silent();
        options.level = static_cast<spdlog::level::level_enum>(level);
        EXPECT_THAT(reason(options), HasSubstr("level is " + std::to_string(level)));
    }
    logger->info("still here");
    EXPECT_THAT(test::texts(records("worker")), ElementsAre(first_text("worker"), "still here"));
}

TEST_F(Logger, LimitsMayBeTheLeastAndTheMostThatMakeSense) {
    logger_options options = silent();
    options.max_file_size = 1;
    options.level = spdlog::level::off;
    EXPECT_NO_THROW(chainner::setup_logger("worker", options));
    options = silent();
    options.max_files = 200'000;
    options.level = spdlog::level::trace;
    EXPECT_NO_THROW(chainner::setup_logger("worker", options));
}

TEST_F(Logger, FolderThatCannotBeUsedIsNamedWithTheReason) {
    test::write_file(directory / "file", "");
    for (const fs::path& folder : {directory / "file", directory / "file" / "below"}) {
        try {
            chainner::setup_logger("worker", silent_in(folder));
            FAIL() << "no error for " << folder;
        } catch (const fs::filesystem_error& error) {
            EXPECT_THAT(error.what(), AllOf(HasSubstr((directory / "file").string()), HasSubstr("Not a directory")));
        }
    }
}

TEST_F(Logger, DefaultFolderThatCannotBeUsedIsPassedOver) {
    test::write_file(directory / "file", "");
    fs::create_directory(directory / "tmp");
    const test::scoped_variable unusable("CHAINNER_LOG_DIR", (directory / "file").string());
    const test::scoped_variable temporary("TMPDIR", (directory / "tmp").string());
    const test::scoped_variable temporary_on_windows("TMP", (directory / "tmp").string());
    chainner::setup_logger("worker", silent());
    const auto found = records(directory / "tmp" / "chaiNNer" / "logs", "worker");
    ASSERT_THAT(found, SizeIs(2));
    EXPECT_EQ(found[1].level, "WARNING");
    EXPECT_THAT(found[1].text, AllOf(HasSubstr("CHAINNER_LOG_DIR"), HasSubstr((directory / "file").string()),
                                     HasSubstr("Not a directory")));
    EXPECT_EQ(chainner::log_directory(), directory / "tmp" / "chaiNNer" / "logs");
}

TEST_F(Logger, WithoutAnyFolderTheOneBeforeIsLeft) {
    const auto logger = chainner::setup_logger("worker", silent());
    test::write_file(directory / "file", "");
    const test::scoped_variable unusable("CHAINNER_LOG_DIR", (directory / "file").string());
    const test::scoped_variable temporary("TMPDIR", (directory / "file").string());
    const test::scoped_variable temporary_on_windows("TMP", (directory / "file").string());
    chainner::logger_options nowhere = silent();
    nowhere.log_dir.clear();
    chainner::setup_logger("worker", nowhere);
    logger->info("nowhere");
    EXPECT_THAT(records(directory.path(), "worker"), SizeIs(1));
}

TEST_F(Logger, WithoutAnyFolderTheConsoleStillShows) {
    test::write_file(directory / "file", "");
    testing::internal::CaptureStderr();  // which needs a temporary folder itself
    const test::scoped_variable unusable("CHAINNER_LOG_DIR", (directory / "file").string());
    const test::scoped_variable temporary("TMPDIR", (directory / "file").string());
    const test::scoped_variable temporary_on_windows("TMP", (directory / "file").string());
    chainner::setup_logger("worker")->info("seen");
    const std::string shown = testing::internal::GetCapturedStderr();
    EXPECT_THAT(shown, HasSubstr("Logger initialized for worker process (no folder can be used - no file logging)\n"));
    EXPECT_THAT(shown, HasSubstr("[WARNING] Log folder passed over (CHAINNER_LOG_DIR)"));
    EXPECT_THAT(shown, HasSubstr("[INFO] seen\n"));
    EXPECT_EQ(chainner::log_directory(), fs::path());
}

TEST_F(Logger, AnyMessageIsOneRecord) {
    const auto logger = chainner::setup_logger("worker", silent());
    const std::string large(20 * 1024 * 1024, 'x');
    logger->info("");
    logger->info(std::string("nul\0nul", 7));
    logger->info("\xff\xfe");
    logger->info("{} %s {{");
    logger->info(large);
    logger->info("after");
    EXPECT_THAT(test::texts(records("worker")),
                ElementsAre(first_text("worker"), "", "nul\\x00nul", "\\xff\\xfe", "{} %s {{", large, "after"));
}

TEST_F(Logger, FormatThatDoesNotFitBecomesAnErrorRecord) {
    const auto logger = chainner::setup_logger("worker", silent());
    testing::internal::CaptureStderr();
    logger->info(SPDLOG_FMT_RUNTIME("{:d}"), "text");
    logger->log(spdlog::source_loc{"node.cpp", 42, "run"}, spdlog::level::info, SPDLOG_FMT_RUNTIME("{} {}"), 1);
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
    const auto found = records("worker");
    ASSERT_THAT(found, SizeIs(3));
    EXPECT_EQ(found[1].level, "ERROR");
    EXPECT_THAT(found[1].text, StartsWith("A record could not be formatted: "));
    EXPECT_THAT(found[2].text, HasSubstr("node.cpp(42)"));
}

// Rotation

TEST_F(Logger, RotationKeepsTheLimitsAndLosesOnlyWhatItDeletes) {
    logger_options options = silent();
    options.max_file_size = 2000;
    const auto logger = chainner::setup_logger("host", options);
    for (int i = 1; i <= 1000; ++i) logger->info("record {}", i);
    EXPECT_THAT(test::file_names(directory.path()),
                ElementsAre("host.1.log", "host.2.log", "host.3.log", "host.4.log", "host.5.log", "host.log"));
    for (const auto& file : test::rotated_files(directory.path(), "host")) EXPECT_LE(fs::file_size(file), 2000U);
    const auto found = test::texts(records("host"));
    ASSERT_GT(found.size(), 100U);
    for (std::size_t i = 0; i < found.size(); ++i) {
        ASSERT_EQ(found[i], "record " + std::to_string(1000 - found.size() + 1 + i));
    }
}

TEST_F(Logger, RecordLargerThanTheLimitStaysWholeInAFileOfItsOwn) {
    logger_options options = silent();
    options.max_file_size = 1000;
    const auto logger = chainner::setup_logger("host", options);
    const std::string large(5000, 'x');
    logger->info("before");
    logger->info(large);
    logger->info("after");
    EXPECT_THAT(test::texts(test::parse_log(test::read_file(directory / "host.1.log"))), ElementsAre(large));
    EXPECT_THAT(test::texts(test::parse_log(test::read_file(directory / "host.log"))), ElementsAre("after"));
    EXPECT_THAT(test::texts(records("host")), ElementsAre(first_text("host"), "before", large, "after"));
}

TEST_F(Logger, WithoutRotatedFilesOnlyTheLiveOneIsKept) {
    logger_options options = silent();
    options.max_file_size = 1000;
    options.max_files = 0;
    const auto logger = chainner::setup_logger("host", options);
    for (int i = 1; i <= 100; ++i) logger->info("record {}", i);
    EXPECT_THAT(test::file_names(directory.path()), ElementsAre("host.log"));
    EXPECT_LE(fs::file_size(directory / "host.log"), 1000U);
    EXPECT_EQ(records("host").back().text, "record 100");
}

}  // namespace
