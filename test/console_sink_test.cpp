#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chainner/logger.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "support/console.hpp"
#include "support/files.hpp"
#include "support/records.hpp"
#include "support/system.hpp"

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using test::channel;
using test::channel_kind;
using test::scoped_stderr;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::ValuesIn;

const std::vector<channel_kind> readable_kinds = test::readable_kinds();
const std::vector<channel_kind> all_kinds = test::all_kinds();

const auto kind_name = [](const testing::TestParamInfo<channel_kind>& kind) { return test::name_of(kind.param); };

constexpr std::size_t common_width = 40;

std::string text_of(std::uint64_t number, std::size_t width = common_width) {
    return "record " + std::to_string(number) + " " + std::string(width, 'x');
}

/// What a console says of records that count from 1.
struct account {
    std::uint64_t last = 0;  // shown, or announced as missing
    std::uint64_t missing = 0;
    int announcements = 0;
};

/// Fails the test unless the console has whole lines in order, and a WARNING in the place of those that are missing. A
/// last line may not yet be there as a whole. Lines are of the common width, or of another one.
account check_console(std::string_view console, const fs::path& file, std::size_t other_width = common_width,
                      std::uint64_t last_before = 0) {
    account found{last_before};
    console = console.substr(0, console.rfind('\n') + 1);
    for (const std::string& line : test::lines(console)) {
        const std::size_t begin = line.find(" [");
        const std::string record = begin == std::string::npos ? "" : line.substr(line.find("] [", begin) + 2);
        const std::string announced = " records were not shown here; they are in " + file.string();
        if (record.rfind("[WARNING] ", 0) == 0) {
            const std::uint64_t count = std::stoull(record.substr(10));
            EXPECT_EQ(record, "[WARNING] " + std::to_string(count) + announced);
            ++found.announcements;
            found.missing += count;
            found.last += count;
        } else if (record.rfind("[INFO] record ", 0) == 0) {
            ++found.last;
            if (record != "[INFO] " + text_of(found.last) && record != "[INFO] " + text_of(found.last, other_width)) {
                ADD_FAILURE() << "no whole line, or not the next: " << line.substr(0, 200);
                break;
            }
        } else if (record.rfind("[INFO] Logger initialized", 0) != 0) {
            ADD_FAILURE() << "no whole line: " << line.substr(0, 200);
            break;
        }
    }
    return found;
}

/// The records of this test in the files of `logs`, beside those that the library writes itself.
std::ptrdiff_t count_records(const fs::path& logs) {
    const std::vector<test::record> all = test::parse_log(test::read_role(logs, "worker"));
    return std::count_if(all.begin(), all.end(), [](const auto& each) { return each.text.rfind("record ", 0) == 0; });
}

/// Reads a console in a thread of its own until it is stopped.
class reader {
public:
    explicit reader(channel& from)
        : thread_([this, &from] {
              while (!is_over_) {
                  const std::string more = from.read();
                  const std::lock_guard lock(mutex_);
                  text_ += more;
                  std::this_thread::sleep_for(1ms);
              }
          }) {}
    ~reader() {
        is_over_ = true;
        thread_.join();
    }
    reader(const reader&) = delete;
    reader& operator=(const reader&) = delete;

    std::string text() const {
        const std::lock_guard lock(mutex_);
        return text_;
    }

private:
    mutable std::mutex mutex_;
    std::string text_;
    std::atomic<bool> is_over_{false};
    std::thread thread_;
};

class Console : public testing::Test {
protected:
    test::temporary_directory directory;
    test::scoped_variable log_level{"CHAINNER_LOG_LEVEL", std::nullopt};
    test::scoped_variable no_color{"NO_COLOR", "1"};
    test::scoped_variable force_color{"FORCE_COLOR", std::nullopt};
    test::scoped_variable clicolor_force{"CLICOLOR_FORCE", std::nullopt};
    test::scoped_variable term{"TERM", "xterm"};

    fs::path logs() const { return directory / "logs"; }
    fs::path file() const { return logs() / "worker.log"; }

    std::vector<std::string> arguments(std::uint64_t count, const std::vector<std::string>& more = {}) const {
        std::vector<std::string> all{"worker", logs().string(), std::to_string(count), "console=1",
                                     "counter=" + (directory / "counter").string()};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
    /// log_records as a line of the shell.
    std::string command(const std::vector<std::string>& words) const {
        std::string line = "'" + (fs::path(TEST_PROGRAM_DIRECTORY) / "log_records").string() + "'";
        for (const std::string& word : words) line += " '" + word + "'";
        return line;
    }
    bool wait_for_record(std::uint64_t number, std::chrono::seconds deadline = 100s) const {
        const test::shared_counter counter(directory / "counter");
        return test::wait_until([&] { return counter.get() >= number; }, deadline);
    }

    // A logger in this process

    void set_up() {
        chainner::logger_options options;
        options.log_dir = logs();
        logger_ = chainner::setup_logger("worker", options);
    }
    void log(std::uint64_t count, std::size_t width = common_width) {
        if (!logger_) set_up();
        for (std::uint64_t i = 0; i < count; ++i) logger_->info(text_of(++logged_, width));
    }
    spdlog::logger& logger() { return *logger_; }
    std::uint64_t logged() const { return logged_; }

    /// Logs until the console goes on after records that are missing.
    void log_until_resumed(const std::function<std::string()>& console, std::size_t other_width = common_width) {
        ASSERT_TRUE(test::wait_until([&] {
            log(1);
            return console().find("WARNING") != std::string::npos;
        }));
        log(20);
        const std::uint64_t last = logged();
        ASSERT_TRUE(test::wait_until([&] {
            log(1);
            return check_console(console(), file(), other_width).last >= last;
        }));
    }

    /// The numbers of the records in the files must be 1 to `last`.
    void check_files(std::uint64_t last) const {
        std::uint64_t number = 0;
        for (const test::record& each : test::parse_log(test::read_role(logs(), "worker"))) {
            if (each.text.rfind("record ", 0) != 0) continue;
            ASSERT_EQ(std::stoull(each.text.substr(7)), ++number);
        }
        EXPECT_EQ(number, last);
    }

private:
    std::shared_ptr<spdlog::logger> logger_;
    std::uint64_t logged_ = 0;
};

// Nobody reads

class UnreadConsole : public Console, public testing::WithParamInterface<channel_kind> {};
INSTANTIATE_TEST_SUITE_P(Kinds, UnreadConsole, ValuesIn(all_kinds), kind_name);

TEST_P(UnreadConsole, CostsNoRecordAndHardlyAnyTime) {
    const std::uint64_t records = test::is_posix() ? 200'000U : 20'000U;  // Wine is slow
    channel console(GetParam());
    test::child_process program("log_records", arguments(records), console.writer());
    ASSERT_TRUE(wait_for_record(records)) << "it waits for each record";
    EXPECT_EQ(program.wait(), 0);
    check_files(records);
    check_console(console.read(), file());
}

TEST_P(UnreadConsole, ContinuesWithWholeLinesAfterOneWarningOnceTheReaderIsBack) {
    channel console(GetParam());
    set_up();
    const scoped_stderr replaced(console.writer());
    const std::string shared_state = console.shared_state();
    log(10'000);
    EXPECT_EQ(console.shared_state(), shared_state);

    if (GetParam() == channel_kind::stopped_terminal) console.start();
    std::string shown;
    log_until_resumed([&] { return shown += console.read(); });
    EXPECT_EQ(check_console(shown, file()).announcements, 1);
    check_files(logged());
    EXPECT_EQ(console.shared_state(), shared_state);
}

TEST_P(UnreadConsole, StopsNoThread) {
    constexpr int records = 5'000;  // of each thread; a console that waits would stop at less than a thousand
    channel console(GetParam());
    test::child_process program("log_records", arguments(records, {"threads=4"}), console.writer());
    EXPECT_EQ(program.wait(), 0);
    EXPECT_EQ(count_records(logs()), 4 * records);
}

/// What chaiNNer's frontend does: its backend's stderr is read by nobody.
constexpr char spawn_without_listeners[] = R"(
    const [program, ...args] = process.argv.slice(1);
    const child = require('child_process').spawn(program, args);
    child.on('exit', (code, signal) => process.exit(signal ? 128 : code));
)";

class ConsoleOfNode : public Console {
protected:
    void SetUp() override {
        if (!node) GTEST_SKIP() << "node is not installed";
    }
    test::child_process spawn(const std::vector<std::string>& program_arguments) const {
        std::vector<std::string> words{"-e", spawn_without_listeners,
                                       (fs::path(TEST_PROGRAM_DIRECTORY) / "log_records").string()};
        words.insert(words.end(), program_arguments.begin(), program_arguments.end());
        return test::child_process(node->string(), words);
    }

    std::optional<fs::path> node = test::find_program("node");
};

TEST_F(ConsoleOfNode, CostsNoRecordWhenNodeReadsNothing) {
    constexpr std::uint64_t records = 200'000;
    test::child_process parent = spawn(arguments(records));
    ASSERT_TRUE(wait_for_record(records));
    EXPECT_EQ(parent.wait(), 0);
    check_files(records);
}

TEST_F(ConsoleOfNode, CostsNoRecordWhenNodeIsKilled) {
    constexpr std::uint64_t records = 200'000;
    test::child_process parent = spawn(arguments(records));
    ASSERT_TRUE(wait_for_record(100));
    parent.kill();
    parent.wait();
    ASSERT_TRUE(wait_for_record(records));
    check_files(records);
}

// The reader dies

/// What SIGPIPE does, and what it is in the thread that loses its reader, for `lose_reader_posix`.
const std::vector<std::pair<std::string, std::string>> signals{
    {"default", ""}, {"default", "blocked"}, {"default", "raised"}, {"default", "written"},
    {"handled", ""}, {"handled", "blocked"}, {"handled", "raised"}, {"handled", "written"},
    {"ignored", ""}, {"ignored", "blocked"}, {"ignored", "raised"}};

class DeadConsole : public Console, public testing::WithParamInterface<channel_kind> {};
INSTANTIATE_TEST_SUITE_P(Kinds, DeadConsole, ValuesIn(readable_kinds), kind_name);

TEST_P(DeadConsole, CostsNoRecordAndRaisesNoSignal) {
    if (!test::is_posix()) GTEST_SKIP() << "this system has no signals";
    for (const auto& [disposition, state] : signals) {
        SCOPED_TRACE(disposition + " " + state);
        const fs::path folder = directory / (disposition + state);
        channel console(GetParam());
        fs::create_directory(folder);
        test::child_process program("lose_reader_posix", {folder.string(), disposition, state}, console.writer());
        ASSERT_TRUE(test::wait_until([&] { return fs::exists(folder / "ready"); }));
        console.close_reader();
        test::write_file(folder / "closed", "");
        ASSERT_EQ(program.wait(), 0);
        EXPECT_EQ(test::read_file(folder / "verdict"), "no signal, nothing changed");
        EXPECT_EQ(count_records(folder / "logs"), 1'000);
    }
}

TEST_F(Console, SurvivesAReaderOfOneLine) {
    if (!test::is_posix()) GTEST_SKIP() << "needs a POSIX shell";
    const fs::path head = directory / "head";
    ASSERT_EQ(test::run_in_shell(command(arguments(20'000)) + " 2>&1 | head -n 1 > '" + head.string() + "'"), 0);
    check_files(20'000);
    EXPECT_THAT(test::lines(test::read_file(head)), ElementsAre(HasSubstr("Logger initialized for worker process")));
}

using kind_and_width = std::tuple<channel_kind, std::size_t>;
const auto kind_and_width_name = [](const testing::TestParamInfo<kind_and_width>& tested) {
    return test::name_of(std::get<0>(tested.param)) + std::to_string(std::get<1>(tested.param));
};

class LongLines : public Console, public testing::WithParamInterface<kind_and_width> {};
INSTANTIATE_TEST_SUITE_P(Kinds, LongLines, testing::Combine(ValuesIn(readable_kinds), testing::Values(5'000, 200'000)),
                         kind_and_width_name);

TEST_P(LongLines, AreNeverTorn) {
    const auto [kind, width] = GetParam();
    channel console(kind);
    const scoped_stderr replaced(console.writer());
    // More than anything holds, and one that finds no room at all.
    log(width > 64 * 1024 ? 4 : 120, width);
    const reader returned(console);
    log_until_resumed([&] { return returned.text(); }, width);
    EXPECT_GT(check_console(returned.text(), file(), width).missing, 0U);
    check_files(logged());
}

// stderr is or becomes something else

/// What stderr can be, and how to read what was written there.
struct output {
    std::string name;
    std::unique_ptr<channel> console;  // else a file
    fs::path file;
    std::size_t read_so_far = 0;

    void become(scoped_stderr& replaced) const {
        if (console) {
            replaced.replace(console->writer());
        } else {
            replaced.replace(file);
        }
    }
    std::string read_line() {
        std::string line;
        EXPECT_TRUE(test::wait_until([&] {
            line += console ? console->read() : test::read_file(file).substr(read_so_far);
            return !line.empty() && line.back() == '\n';
        })) << name
            << ": " << line;
        read_so_far += line.size();
        return line;
    }
};

TEST_F(Console, FollowsWhateverStderrBecomesAlsoInColour) {
    const test::scoped_variable colour_allowed("NO_COLOR", std::nullopt);
    std::vector<output> outputs;
    for (const channel_kind kind : readable_kinds) {
        outputs.push_back({test::name_of(kind), std::make_unique<channel>(kind), {}});
        outputs.push_back({"Second" + test::name_of(kind), std::make_unique<channel>(kind), {}});
    }
    outputs.push_back({"File", nullptr, directory / "stderr"});
    outputs.push_back({"SecondFile", nullptr, directory / "second_stderr"});

    scoped_stderr replaced(directory / "first_stderr");
    set_up();
    for (output& from : outputs) {
        for (output& to : outputs) {
            if (&from == &to) continue;
            SCOPED_TRACE(from.name + " to " + to.name);
            for (output* next : {&from, &to}) {
                next->become(replaced);
                log(1);
                const bool is_terminal = next->name.find("Terminal") != std::string::npos;
                const std::string level = is_terminal ? "[\033[32mINFO\033[0m] " : "[INFO] ";
                ASSERT_THAT(next->read_line(), testing::EndsWith(level + text_of(logged()) + "\n"));
            }
        }
    }
}

TEST_F(Console, SaysWhatWasNotShownWhenAFullDiskIsReplaced) {
    if (!test::is_posix()) GTEST_SKIP() << "needs /dev/full";
    set_up();
    scoped_stderr replaced(fs::path("/dev/full"));
    log(10);
    channel console(channel_kind::pipe);
    replaced.replace(console.writer());
    log(1);
    const std::string shown = console.read();
    EXPECT_THAT(test::lines(shown), SizeIs(2));
    EXPECT_EQ(check_console(shown, file()).last, logged());
    EXPECT_EQ(check_console(shown, file()).announcements, 1);
}

TEST_F(Console, SaysThatWhatWasNotShownIsInNoFileIfThereIsNone) {
    if (!test::is_posix()) GTEST_SKIP() << "needs /dev/full";
    chainner::logger_options options;
    options.to_file = false;
    scoped_stderr replaced(fs::path("/dev/full"));
    const auto logger = chainner::setup_logger("worker", options);
    channel console(channel_kind::pipe);
    replaced.replace(console.writer());
    logger->info("shown");
    EXPECT_THAT(
        test::lines(console.read()),
        ElementsAre(HasSubstr("[WARNING] 1 records were not shown here; they are in no file"), HasSubstr("shown")));
}

TEST_F(Console, DoesNotFinishALineInAnotherPlaceThanItBegan) {
    if (!test::is_posix()) GTEST_SKIP() << "this system does not tell one pipe from another";
    channel console(channel_kind::pipe);
    scoped_stderr replaced(console.writer());
    set_up();
    logger().info(std::string(200'000, 'x'));
    channel second(channel_kind::pipe);
    replaced.replace(second.writer());
    logger().info("a record after it");
    EXPECT_THAT(test::lines(second.read()),
                ElementsAre(HasSubstr("[WARNING] 1 records were not shown here"), HasSubstr("a record after it")));
}

TEST_F(Console, WritesNothingWhereStderrWasClosedAtTheStart) {
    if (!test::is_posix()) GTEST_SKIP() << "needs a POSIX shell";
    const fs::path takes_the_number = directory / "other";
    ASSERT_EQ(test::run_in_shell(command(arguments(100, {"open=" + takes_the_number.string()})) + " 2>&-"), 0);
    EXPECT_THAT(test::read_file(takes_the_number), IsEmpty());
    check_files(100);
}

TEST_F(Console, ShowsTheRecordsOfALoggerThatIsSetUpBeforeMain) {
    const test::scoped_variable log_dir("CHAINNER_LOG_DIR", directory.path().string());
    channel console(channel_kind::pipe);
    ASSERT_EQ(test::child_process("static_logger", {}, console.writer()).wait(), 0);
    std::string shown;
    EXPECT_TRUE(test::wait_until([&] {
        shown += console.read();
        return shown.find("in main") != std::string::npos;
    }));
}

TEST_F(Console, WritesNothingWhereStderrWasClosed) {
    channel console(channel_kind::pipe);
    scoped_stderr replaced(console.writer());
    log(10);
    replaced.close();
    log(10);
    std::ofstream takes_the_number(directory / "other");
    log(10);
    takes_the_number.close();
    EXPECT_THAT(test::read_file(directory / "other"), IsEmpty());
    EXPECT_EQ(check_console(console.read(), file()).last, 10U);
}

TEST_F(Console, KeepsItsOrderWithOtherWriters) {
    std::vector<output> outputs;
    for (const channel_kind kind : readable_kinds) {
        outputs.push_back({test::name_of(kind), std::make_unique<channel>(kind), {}});
    }
    outputs.push_back({"File", nullptr, directory / "stderr"});
    for (output& each : outputs) {
        SCOPED_TRACE(each.name);
        scoped_stderr replaced(directory / "first_stderr");
        each.become(replaced);
        std::vector<testing::Matcher<std::string>> expected;
        std::string shown;
        for (int i = 0; i < 50; ++i) {
            log(1);
            std::fprintf(stderr, "theirs %d\n", i);
            expected.emplace_back(HasSubstr(text_of(logged())));
            expected.emplace_back("theirs " + std::to_string(i));
        }
        EXPECT_TRUE(test::wait_until([&] {
            shown += each.read_line();
            return shown.find("theirs 49\n") != std::string::npos;
        }));
        std::vector<std::string> lines = test::lines(shown);
        if (lines.size() == expected.size() + 1) lines.erase(lines.begin());  // the first record of all
        EXPECT_THAT(lines, testing::ElementsAreArray(expected));
    }
}

TEST_F(Console, IsColouredOnlyWhereColourBelongs) {
    using spdlog::color_mode;
    struct row {
        std::map<std::string, std::string> environment;
        color_mode mode;
        bool on_terminal;
        bool elsewhere;
    };
    const std::vector<row> table{
        {{}, color_mode::automatic, true, false},
        {{{"TERM", "dumb"}}, color_mode::automatic, false, false},
        {{{"TERM", ""}}, color_mode::automatic, true, false},
        {{{"NO_COLOR", "1"}}, color_mode::automatic, false, false},
        {{{"NO_COLOR", ""}}, color_mode::automatic, true, false},
        {{{"FORCE_COLOR", "1"}}, color_mode::automatic, true, true},
        {{{"FORCE_COLOR", "0"}}, color_mode::automatic, true, false},
        {{{"CLICOLOR_FORCE", "1"}}, color_mode::automatic, true, true},
        {{{"CLICOLOR_FORCE", "0"}}, color_mode::automatic, true, false},
        {{{"FORCE_COLOR", "1"}, {"TERM", "dumb"}}, color_mode::automatic, true, true},
        {{{"NO_COLOR", "1"}, {"FORCE_COLOR", "1"}}, color_mode::automatic, false, false},
        {{{"NO_COLOR", "1"}}, color_mode::always, true, true},
        {{{"TERM", "dumb"}}, color_mode::always, true, true},
        {{{"FORCE_COLOR", "1"}}, color_mode::never, false, false},
        {{}, color_mode::never, false, false},
    };
    output terminal{"Terminal", std::make_unique<channel>(channel_kind::terminal), {}};
    output pipe{"Pipe", std::make_unique<channel>(channel_kind::pipe), {}};
    scoped_stderr replaced(directory / "first_stderr");
    for (const row& each : table) {
        std::map<std::string, std::unique_ptr<test::scoped_variable>> environment;
        std::string trace;
        for (const std::string name : {"NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "TERM"}) {
            const auto found = each.environment.find(name);
            std::optional<std::string> value;
            if (name == "TERM") value = "xterm";
            if (found != each.environment.end()) value = found->second;
            trace += name + "=" + value.value_or("(unset)") + " ";
            environment[name] = std::make_unique<test::scoped_variable>(name, value);
        }
        SCOPED_TRACE(trace + "mode " + std::to_string(static_cast<int>(each.mode)));
        for (output* next : {&terminal, &pipe}) {
            next->become(replaced);
            chainner::logger_options options;
            options.log_dir = logs();
            options.color = each.mode;
            chainner::setup_logger("worker", options);
            const bool is_coloured = next == &terminal ? each.on_terminal : each.elsewhere;
            const std::string line = next->read_line();
            EXPECT_EQ(line.find("[\033[32mINFO\033[0m] ") != std::string::npos, is_coloured) << next->name << line;
            EXPECT_EQ(line.find('\033') != std::string::npos, is_coloured) << next->name << line;
        }
    }
}

TEST_F(Console, GivesEachLevelItsColour) {
    channel console(channel_kind::pipe);
    const scoped_stderr replaced(console.writer());
    chainner::logger_options options;
    options.log_dir = logs();
    options.level = spdlog::level::trace;
    options.color = spdlog::color_mode::always;
    options.console_pattern = "%^%l%$ %v";
    const auto logger = chainner::setup_logger("worker", options);
    console.read();
    logger->trace("text");
    logger->debug("text");
    logger->info("text");
    logger->warn("text");
    logger->error("text");
    logger->critical("text");
    EXPECT_THAT(test::lines(console.read()), ElementsAre("TRACE text", "\033[36mDEBUG\033[0m text",
                                                         "\033[32mINFO\033[0m text", "\033[33mWARNING\033[0m text",
                                                         "\033[31mERROR\033[0m text", "\033[35mCRITICAL\033[0m text"));
}

// What the kernel refuses, as older ones, containers and other users' terminals do

constexpr int not_possible = 77;

constexpr int no_signal = 0x100;  // RWF_NOSIGNAL, which only Linux 6.18 and later know
constexpr int any_flag = 0x7fffffff;
constexpr int any_call = ~0;

struct refusal {
    std::string name;
    int pwritev2;
    int flags;
    int reopening;
};

class RefusingKernel : public Console, public testing::WithParamInterface<refusal> {
protected:
    void SetUp() override {
        if (!test::is_posix()) GTEST_SKIP() << "needs seccomp of Linux";
    }
    test::child_process start(const std::string& program, std::vector<std::string> words, int output) const {
        words.insert(words.begin(), {std::to_string(GetParam().pwritev2), std::to_string(GetParam().flags),
                                     std::to_string(GetParam().reopening), program});
        return test::child_process("without_calls_linux", words, output);
    }
};
INSTANTIATE_TEST_SUITE_P(
    Refusals, RefusingKernel,
    testing::Values(refusal{"NoSignal", EOPNOTSUPP, no_signal, 0}, refusal{"Flags", EOPNOTSUPP, any_flag, 0},
                    refusal{"Call", ENOSYS, any_call, 0}, refusal{"FlagsAndReopening", EOPNOTSUPP, any_flag, EACCES},
                    refusal{"CallByAContainer", EPERM, any_call, EACCES}, refusal{"Value", EINVAL, any_flag, EACCES},
                    refusal{"Reopening", 0, any_flag, EACCES}),
    [](const testing::TestParamInfo<refusal>& tested) { return tested.param.name; });

TEST_P(RefusingKernel, CostsNoRecordWhenNobodyReads) {
    for (const channel_kind kind : all_kinds) {
        SCOPED_TRACE(test::name_of(kind));
        fs::remove_all(logs());
        channel console(kind);
        test::child_process program = start("log_records", arguments(3'000), console.writer());
        if (!wait_for_record(3'000, 20s) && program.wait() == not_possible)
            GTEST_SKIP() << "this kernel has no seccomp";
        ASSERT_EQ(program.wait(), 0);
        check_files(3'000);
        check_console(console.read(), file());
        fs::remove(directory / "counter");
    }
}

TEST_P(RefusingKernel, ShowsEverythingToAReader) {
    for (const channel_kind kind : readable_kinds) {
        SCOPED_TRACE(test::name_of(kind));
        fs::remove_all(logs());
        channel console(kind);
        constexpr std::uint64_t records = 300, ahead = 8;  // fewer than any channel holds: there is always room
        test::shared_counter shown(directory / "shown");
        shown.set(ahead);
        test::child_process program =
            start("log_records", arguments(records, {"width=300", "most=" + (directory / "shown").string()}),
                  console.writer());
        std::string text;
        account found;
        while (found.last < records) {
            const bool is_more =
                test::wait_until([&] { return (text += console.read()).find('\n') != std::string::npos; });
            if (!is_more && program.wait() == not_possible) GTEST_SKIP() << "this kernel has no seccomp";
            const std::size_t end = text.rfind('\n') + 1;
            found = check_console(text.substr(0, end), file(), 300, found.last);
            text.erase(0, end);
            ASSERT_TRUE(is_more && !HasFailure()) << found.last;
            EXPECT_EQ(found.missing, 0U);
            shown.set(found.last + ahead);
        }
        EXPECT_EQ(program.wait(), 0);
    }
}

TEST_P(RefusingKernel, RaisesNoSignalWhenTheReaderDies) {
    for (const channel_kind kind : readable_kinds) {
        for (const auto& [disposition, state] : signals) {
            SCOPED_TRACE(test::name_of(kind) + " " + disposition + " " + state);
            const fs::path folder = directory / (test::name_of(kind) + disposition + state);
            fs::create_directory(folder);
            channel console(kind);
            test::child_process program =
                start("lose_reader_posix", {folder.string(), disposition, state}, console.writer());
            if (!test::wait_until([&] { return fs::exists(folder / "ready"); }) && program.wait() == not_possible) {
                GTEST_SKIP() << "this kernel has no seccomp";
            }
            console.close_reader();
            test::write_file(folder / "closed", "");
            ASSERT_EQ(program.wait(), 0);
            EXPECT_EQ(test::read_file(folder / "verdict"), "no signal, nothing changed");
        }
    }
}

/// System calls of log_records for a line on a pipe that is read, besides the two writes.
class CallsOfALine : public Console {
protected:
    /// `signal`: options of env that say what SIGPIPE is; `flags`: those of pwritev2 that the kernel does not know.
    double count(const std::string& signal, int flags) const {
        return (count_all(signal, flags, 2'000) - count_all(signal, flags, 1'000)) / 1'000. - 2;
    }

private:
    double count_all(const std::string& signal, int flags, std::uint64_t records) const {
        fs::remove_all(logs());
        const fs::path calls = directory / "calls";
        const auto quoted = [](const fs::path& path) { return "'" + path.string() + "' "; };
        // What a sanitizer does at the end of a program fails where the program is traced.
        const std::string words = "strace -o " + quoted(calls) + "env " + signal + " ASAN_OPTIONS=detect_leaks=0 " +
                                  quoted(fs::path(TEST_PROGRAM_DIRECTORY) / "without_calls_linux") +
                                  std::to_string(EOPNOTSUPP) + ' ' + std::to_string(flags) + " 0 " +
                                  command(arguments(records)) + " 2>&1 | cat > /dev/null";
        EXPECT_EQ(test::run_in_shell(words), 0);
        EXPECT_EQ(count_records(logs()), records);
        return static_cast<double>(test::lines(test::read_file(calls)).size());
    }
};

TEST_F(CallsOfALine, AreFewWithoutHelpOfTheKernel) {
    if (!test::is_posix() || test::run_in_shell("strace -o /dev/null true 2> /dev/null") != 0) {
        GTEST_SKIP() << "strace cannot trace here";
    }
    EXPECT_NEAR(count("--ignore-signal=PIPE", no_signal), 2, 0.5);
    EXPECT_NEAR(count("--default-signal=PIPE", no_signal), 2, 0.5);
    EXPECT_NEAR(count("--default-signal=PIPE --block-signal=PIPE", no_signal), 2, 0.5);
}

}  // namespace
