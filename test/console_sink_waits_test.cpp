#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/details/log_msg.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "console_sink.hpp"
#include "record/record_format.hpp"
#include "support/console.hpp"
#include "support/records.hpp"
#include "support/system.hpp"

namespace {

using namespace std::chrono_literals;
using chainner::detail::console_writer;
using std::chrono::milliseconds;
using test::channel_kind;

std::unique_ptr<console_writer> make_writer(std::unique_ptr<chainner::platform::console> console,
                                            const console_writer::wait_function& wait) {
    auto writer = std::make_unique<console_writer>(
        "chaiNNer.worker", [](std::size_t missing) { return std::to_string(missing) + " records were not shown here"; },
        std::move(console), wait);
    writer->open(chainner::detail::make_formatter("%v"), spdlog::color_mode::never);
    return writer;
}

/// A pipe, who reads it, and the time that passes while it is waited for.
struct slow_reader {
    std::size_t room = 100;
    std::size_t page = 1;  // no room before so much of it is empty
    milliseconds pause = 0ms;
    std::size_t takes = 0;

    std::string held;
    std::string taken;
    bool is_full = false;
    int tries = 0;
    milliseconds now{0};
    milliseconds next = pause;

    console_writer::clock::time_point wait(milliseconds time) {
        now += time;
        if (takes > 0 && now >= next) {
            read(takes);
            next = now + pause;
        }
        return console_writer::clock::time_point(1h + now);
    }
    void read(std::size_t most = std::string::npos) {
        taken += held.substr(0, most);
        held.erase(0, most);
        if (held.size() + page <= room) is_full = false;
    }
    std::size_t write(std::string_view text) {
        ++tries;
        if (is_full) return 0;
        const std::size_t fitting = std::min(text.size(), room - held.size());
        held += text.substr(0, fitting);
        is_full = held.size() == room;
        return fitting;
    }
};

class fake_console final : public chainner::platform::console {
public:
    explicit fake_console(slow_reader& behind) : behind_(behind) {}

    bool follow() noexcept override { return false; }
    bool is_terminal() const noexcept override { return false; }
    std::size_t write(std::string_view text, std::error_code& error) noexcept override {
        const std::size_t taken = behind_.write(text);
        error = taken == 0 ? std::make_error_code(std::errc::resource_unavailable_try_again) : std::error_code();
        return taken;
    }
    bool is_ready() const noexcept override { return !behind_.is_full; }
    std::size_t unread() const noexcept override { return behind_.held.size(); }

private:
    slow_reader& behind_;
};

class ConsoleThatIsWaitedFor : public testing::Test {
protected:
    void log(const std::string& text) { writer->log({"", spdlog::level::info, text}); }
    std::string shown() {
        behind.read();
        return behind.taken;
    }

    slow_reader behind;
    const std::unique_ptr<console_writer> writer =
        make_writer(std::make_unique<fake_console>(behind), [this](milliseconds time) { return behind.wait(time); });
};

TEST_F(ConsoleThatIsWaitedFor, IsWaitedForATenthOfASecondOnceIfNothingIsTaken) {
    log(std::string(99, 'x'));
    EXPECT_EQ(behind.now, 0ms);
    log("one");
    EXPECT_EQ(behind.now, 100ms);
    const int tries = behind.tries;
    for (int i = 0; i < 10'000; ++i) log("more");
    EXPECT_EQ(behind.now, 100ms);
    EXPECT_EQ(behind.tries, tries);
    behind.read();
    log("after it");
    EXPECT_EQ(shown(), std::string(99, 'x') + "\n10001 records were not shown here\nafter it\n");
    log(std::string(100, 'x'));
    EXPECT_EQ(behind.now, 200ms) << "a reader that was back is waited for again";
}

TEST_F(ConsoleThatIsWaitedFor, KeepsOneCallWaitingNoLongerThanASecond) {
    behind.takes = 1;
    const std::string line(5'000, 'x');
    log(line);
    EXPECT_EQ(behind.now, 1s);
    log("left out");
    EXPECT_EQ(behind.now, 1s);
    std::string last;
    for (int i = 0; i < 100; ++i) {
        behind.read();
        log(last = "record " + std::to_string(i));
    }
    EXPECT_EQ(shown().substr(0, 5'001), line + "\n") << "what was begun is shown whole";
    EXPECT_THAT(behind.taken, testing::EndsWith("\n" + last + "\n"));
}

TEST_F(ConsoleThatIsWaitedFor, SaysHowManyRecordsCameWhileAnotherThreadHadTheLock) {
    log("before");
    for (int i = 0; i < 2; ++i) writer->log_without_lock({"", spdlog::level::info, "meanwhile"});
    behind.read();
    log("after");
    behind.read();
    log("and then");
    EXPECT_EQ(shown(), "before\n2 records were not shown here\nafter\nand then\n");
}

TEST_F(ConsoleThatIsWaitedFor, ShowsAllToAReaderThatTakesSomethingNowAndThen) {
    behind.pause = 99ms;
    behind.takes = 20;
    std::string expected;
    for (int i = 0; i < 100; ++i) {
        log("record " + std::to_string(i));
        expected += "record " + std::to_string(i) + "\n";
    }
    EXPECT_EQ(shown(), expected);
}

TEST_F(ConsoleThatIsWaitedFor, ShowsAllToAReaderOfSingleBytesThatEmptiesAPageTooSlowly) {
    behind.page = 50;
    behind.pause = 10ms;
    behind.takes = 1;
    log(std::string(149, 'x'));
    EXPECT_EQ(shown(), std::string(149, 'x') + "\n");
    EXPECT_GT(behind.now, 400ms);
}

// A stream of the system. The reader reads while it is waited for: so it is never too late on a busy machine.

class StreamThatIsWaitedFor : public testing::TestWithParam<channel_kind> {
protected:
    static void show_to_a_reader_of(std::size_t bytes, milliseconds pause, int records, channel_kind kind) {
        test::channel console(kind);
        const test::scoped_stderr replaced(console.writer());
        // A terminal, and any stream of Wine, tells of what is read a moment later.
        const bool is_told_later = kind == channel_kind::terminal || !test::is_posix();
        std::string shown;
        const auto read = [&] {
            const std::string more = console.read(bytes);
            shown += more;
            return !more.empty();
        };
        milliseconds now{0};
        int waits = 0;
        const auto writer = make_writer(chainner::platform::make_console(chainner::platform::standard_stream::error),
                                        [&](milliseconds time) {
                                            now += time;
                                            if (is_told_later) std::this_thread::sleep_for(time);
                                            if (time > 0ms && ++waits % pause.count() == 0) test::wait_until(read);
                                            return console_writer::clock::time_point(1h + now);
                                        });
        std::string expected;
        for (int i = 0; i < records; ++i) {
            const std::string text = "record " + std::to_string(i) + std::string(100, 'x');
            writer->log({"", spdlog::level::info, text});
            expected += text + "\n";
        }
        test::wait_until([&] {
            read();
            return shown.size() >= expected.size();
        });
        EXPECT_GT(waits, 0);
        EXPECT_TRUE(shown == expected) << shown.substr(0, 1000);
    }
};
INSTANTIATE_TEST_SUITE_P(Kinds, StreamThatIsWaitedFor, testing::ValuesIn(test::readable_kinds()),
                         [](const auto& kind) { return test::name_of(kind.param); });

TEST_P(StreamThatIsWaitedFor, ShowsAllToASlowReader) { show_to_a_reader_of(64 * 1024, 50ms, 6'000, GetParam()); }

TEST_P(StreamThatIsWaitedFor, ShowsAllToAReaderOfSingleLinesThatEmptiesAPageOfAPipeTooSlowly) {
    if (!test::is_posix() || GetParam() != channel_kind::pipe) GTEST_SKIP() << "it does not tell what has been taken";
    show_to_a_reader_of(100, 20ms, 1'100, GetParam());
}

}  // namespace
