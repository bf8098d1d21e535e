#include "record/record_format.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/details/log_msg.h>
#include <spdlog/pattern_formatter.h>

#include <chrono>
#include <ctime>
#include <memory>
#include <string>
#include <utility>

#include "support/files.hpp"
#include "support/records.hpp"
#include "support/system.hpp"

namespace {

using namespace std::chrono_literals;

std::string formatted(const std::string& pattern, const std::string& message) {
    spdlog::memory_buf_t out;
    const auto formatter = chainner::detail::make_formatter(pattern);
    formatter->format(spdlog::details::log_msg("name", spdlog::level::info, message), out);
    return {out.data(), out.size()};
}

TEST(RecordFormat, EscapesWhateverThePattern) {
    EXPECT_THAT(formatted("%+", "a\nb\x1b"), testing::EndsWith("a\n\tb\\x1b\n"));
    EXPECT_EQ(formatted("[%v] [%v]", "\r"), "[\\x0d] [\\x0d]\n");
}

TEST(RecordFormat, EscapesOneMessageAfterAnother) {
    const auto formatter = chainner::detail::make_formatter("%v");
    for (const auto& [message, expected] : {std::pair("\x1b[1m", "\\x1b[1m\n"), std::pair("\r", "\\x0d\n")}) {
        spdlog::memory_buf_t out;
        formatter->format(spdlog::details::log_msg("name", spdlog::level::info, message), out);
        EXPECT_EQ(std::string(out.data(), out.size()), expected);
    }
}

TEST(RecordFormat, EscapesALongMessageWhereverItHasToBe) {
    for (const std::size_t plain : {4094U, 4095U, 4096U, 8191U, 100'000U}) {
        const std::string text(plain, '~');
        EXPECT_EQ(formatted("%v", text), text + '\n');
        EXPECT_EQ(formatted("%v", text + "\x1b名\n" + text), text + "\\x1b名\n\t" + text + '\n');
        EXPECT_EQ(formatted("[%v]", "名" + text + '\r'), "[名" + text + "\\x0d]\n");
    }
}

TEST(RecordFormat, NoMessagePassesForARecordOfASession) {
    EXPECT_EQ(formatted("%v", "Logger closed for worker process"), "\\x4cogger closed for worker process\n");
    EXPECT_EQ(formatted("%v", "Crashed: \n"), "\\x43rashed: \n\t\n");
    EXPECT_EQ(formatted("%v", "a\nLogger closed for host process"), "a\n\tLogger closed for host process\n");
    EXPECT_EQ(formatted("%v", "Logger initialized for \x1b"), "\\x4cogger initialized for \\x1b\n");
    EXPECT_EQ(formatted("%v", "Logger: closed for maintenance"), "Logger: closed for maintenance\n");
    spdlog::memory_buf_t out;
    chainner::detail::make_formatter("%v")->format(
        {chainner::detail::internal_source, "name", spdlog::level::info, "Logger closed for worker process"}, out);
    EXPECT_EQ(std::string(out.data(), out.size()), "Logger closed for worker process\n");
}

TEST(RecordFormat, APrefixIsThatOfItsLevelProcessAndMillisecond) {
    using namespace std::chrono_literals;
    const auto formatter = chainner::detail::make_formatter("%S.%e %l %^%v%$");
    const spdlog::log_clock::time_point time{1h};
    const auto format = [&](std::chrono::microseconds later, spdlog::level::level_enum level) {
        spdlog::memory_buf_t out;
        const spdlog::details::log_msg msg(time + later, {}, "name", level, "message");
        formatter->format(msg, out);
        EXPECT_EQ(std::string(out.data() + msg.color_range_start, msg.color_range_end - msg.color_range_start),
                  "message");
        return std::string(out.data(), out.size());
    };
    EXPECT_EQ(format(0us, spdlog::level::info), "00.000 INFO message\n");
    EXPECT_EQ(format(999us, spdlog::level::info), "00.000 INFO message\n");
    EXPECT_EQ(format(999us, spdlog::level::err), "00.000 ERROR message\n");
    EXPECT_EQ(format(1000us, spdlog::level::err), "00.001 ERROR message\n");
    EXPECT_EQ(format(-1us, spdlog::level::err), "59.999 ERROR message\n");
}

TEST(RecordFormat, EndsInALineFeedWhateverTheFormatter) {
    for (const char* end : {"\n", "\r\n", "\r", ""}) {
        const auto formatter = chainner::detail::make_unforgeable(
            std::make_unique<spdlog::pattern_formatter>("%v", spdlog::pattern_time_type::local, end));
        spdlog::memory_buf_t out;
        formatter->format(spdlog::details::log_msg("name", spdlog::level::info, "message"), out);
        EXPECT_EQ(std::string(out.data(), out.size()), "message\n");
    }
    spdlog::memory_buf_t out;
    chainner::detail::make_unforgeable(
        std::make_unique<spdlog::pattern_formatter>("", spdlog::pattern_time_type::local, ""))
        ->format(spdlog::details::log_msg("name", spdlog::level::info, "message"), out);
    EXPECT_EQ(std::string(out.data(), out.size()), "\n") << "of nothing";
}

TEST(RecordFormat, LetsGoOfTheMemoryOfAHugeRecord) {
    spdlog::memory_buf_t buffer;
    buffer.resize(1000);
    chainner::detail::clear(buffer);
    EXPECT_EQ(buffer.size(), 0U);
    EXPECT_GE(buffer.capacity(), 1000U);
    buffer.resize(1024 * 1024);
    chainner::detail::clear(buffer);
    EXPECT_EQ(buffer.size(), 0U);
    EXPECT_LT(buffer.capacity(), 1000U);
}

TEST(RecordFormat, PadsAsSpdlogDoes) {
    EXPECT_EQ(formatted("%8l|", ""), "    INFO|\n");
    EXPECT_EQ(formatted("%-8l|", ""), "INFO    |\n");
    EXPECT_EQ(formatted("%=8l|", ""), "  INFO  |\n");
    EXPECT_EQ(formatted("%2!l|", ""), "IN|\n");
}

TEST(RecordFormat, FormatsTheTimeAsSpdlogDoesWhateverTheClockDoes) {
    using namespace std::chrono_literals;
    const test::scoped_variable zone("TZ", "CET-1CEST,M3.5.0,M10.5.0/3");
    const spdlog::log_clock::time_point end_of_summer_time{std::chrono::seconds(1761440400)};
    for (const char* pattern :
         {"%Y-%m-%d %H:%M:%S.%e %v", "[%H:%M:%S] %v", "%v %H:%M:%S", "%H:%M:%S", "%v", "", "%", "%%", "100%", "%S%",
          "%10Y|%-10H|%=10M|%v", "%T %D %R %r %c %p %v", "%+", "%H%M%S%f%F%v", "%Y%q"}) {
        const auto ours = chainner::detail::make_formatter(pattern);
        spdlog::pattern_formatter theirs(pattern, spdlog::pattern_time_type::local, "\n");
        for (const auto step : {-3600s + 0us, -1000us, 0us, 1us, 999us, 1000us, 999'000us, 1000'000us, 1001'000us,
                                3600s + 0us, -7200s + 0us, 0us}) {
            const spdlog::details::log_msg msg(end_of_summer_time + step, {}, "name", spdlog::level::info, "message");
            spdlog::memory_buf_t out;
            ours->format(msg, out);
            spdlog::memory_buf_t expected;
            theirs.format(msg, expected);
            EXPECT_EQ(std::string(out.data(), out.size()), std::string(expected.data(), expected.size())) << pattern;
        }
    }
}

// spdlog's own `%z` would go on for ten seconds with what it has found.
class UtcOffset : public testing::Test {
protected:
    void SetUp() override {
        if (!test::is_posix()) GTEST_SKIP() << "the rules of a zone are not read from TZ on this system";
    }
    static std::string stamp(spdlog::formatter& formatter, long long seconds_since_1970) {
        const spdlog::log_clock::time_point time{std::chrono::seconds(seconds_since_1970)};
        spdlog::memory_buf_t out;
        formatter.format({time, {}, "name", spdlog::level::info, "message"}, out);
        return {out.data(), out.size()};
    }
};

TEST_F(UtcOffset, TellsTheHourThatComesTwiceFromItselfInWhateverOrderItComes) {
    const test::scoped_variable berlin("TZ", "CET-1CEST,M3.5.0,M10.5.0/3");
    for (const std::string before : {"", "%v "}) {  // a pattern of which a prefix is kept, and one of which none is
        const std::string text = before.empty() ? "" : "message ";
        const auto formatter = chainner::detail::make_formatter(before + "%Y-%m-%d %H:%M:%S.%e%z");
        for (int round = 0; round < 3; ++round) {
            EXPECT_EQ(stamp(*formatter, 1761438600), text + "2025-10-26 02:30:00.000+02:00\n");
            EXPECT_EQ(stamp(*formatter, 1761442200), text + "2025-10-26 02:30:00.000+01:00\n");
        }
        EXPECT_EQ(stamp(*formatter, 1761440399), text + "2025-10-26 02:59:59.000+02:00\n");
        EXPECT_EQ(stamp(*formatter, 1761440400), text + "2025-10-26 02:00:00.000+01:00\n");
        EXPECT_EQ(stamp(*formatter, 1743296399), text + "2025-03-30 01:59:59.000+01:00\n");
        EXPECT_EQ(stamp(*formatter, 1743296400), text + "2025-03-30 03:00:00.000+02:00\n");
    }
}

TEST_F(UtcOffset, IsThatOfTheZoneWhichTheProgramHasSetInTheSecondBefore) {
    const auto formatter = chainner::detail::make_formatter("%H:%M:%S.%e%z %v");
    const auto format = [&](std::chrono::milliseconds time) {
        spdlog::memory_buf_t line;
        formatter->format({spdlog::log_clock::time_point(time), {}, "", spdlog::level::info, "text"}, line);
        return std::string(line.data(), line.size());
    };
    const test::scoped_variable before("TZ", "XST-1");
    tzset();
    EXPECT_EQ(format(1h + 100ms), "02:00:00.100+01:00 text\n");
    const test::scoped_variable after("TZ", "XST-9");
    tzset();
    EXPECT_EQ(format(1h + 200ms), "10:00:00.200+09:00 text\n");
}

TEST_F(UtcOffset, MayBeOfHalfAnHour) {
    const test::scoped_variable st_johns("TZ", "NST3:30NDT,M3.2.0,M11.1.0");
    const auto formatter = chainner::detail::make_formatter(chainner::detail::file_pattern_with_utc_offset);
    const std::string process = " [" + std::to_string(test::current_process_id()) + "] [INFO] message\n";
    EXPECT_EQ(stamp(*formatter, 1762055999), "2025-11-02 01:29:59.000-02:30" + process);
    EXPECT_EQ(stamp(*formatter, 1762057800), "2025-11-02 01:00:00.000-03:30" + process);
    EXPECT_EQ(stamp(*formatter, 1767226200), "2025-12-31 20:40:00.000-03:30" + process);
}

TEST_F(UtcOffset, MayReachOverTheEndOfTheYear) {
    const test::scoped_variable kiritimati("TZ", "<+14>-14");
    const auto formatter = chainner::detail::make_formatter("%Y-%m-%d %H:%M:%S%z");
    EXPECT_EQ(stamp(*formatter, 1767225600), "2026-01-01 14:00:00+14:00\n");
    EXPECT_EQ(stamp(*formatter, 1767189600), "2026-01-01 04:00:00+14:00\n");
}

TEST_F(UtcOffset, IsKnownWithoutAnyOtherFlagOfTimeAndPadsAsSpdlogDoes) {
    const test::scoped_variable zone("TZ", "XST-5:30");
    EXPECT_EQ(formatted("%z %v", "message"), "+05:30 message\n");
    EXPECT_EQ(formatted("%8z|%-8z|", ""), "  +05:30|+05:30  |\n");
}

TEST(RecordFormat, MarksTheColouredRange) {
    const auto formatter = chainner::detail::make_formatter("[%^%l%$] %v");
    for (const char* message : {"plain", "\x1b"}) {
        spdlog::memory_buf_t out;
        const spdlog::details::log_msg msg("name", spdlog::level::info, message);
        formatter->format(msg, out);
        EXPECT_EQ(msg.color_range_start, 1U);
        EXPECT_EQ(msg.color_range_end, 5U);
    }
}

TEST(RecordFormat, ACloneFormatsAlike) {
    spdlog::memory_buf_t out;
    chainner::detail::make_formatter("%l %v")->clone()->format({"name", spdlog::level::warn, "\x1b"}, out);
    EXPECT_EQ(std::string(out.data(), out.size()), "WARNING \\x1b\n");
}

}  // namespace
