#include "record_format.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/details/log_msg.h>
#include <spdlog/pattern_formatter.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "support/files.hpp"
#include "support/records.hpp"

namespace {

using namespace std::string_literals;

std::string formatted(const std::string& pattern, const std::string& message) {
    spdlog::memory_buf_t out;
    const auto formatter = chainner::detail::make_formatter(pattern);
    formatter->format(spdlog::details::log_msg("name", spdlog::level::info, message), out);
    return {out.data(), out.size()};
}

std::string escaped(const std::string& message) { return formatted("%v", message); }

TEST(RecordFormat, PlainTextStaysAsItIs) {
    EXPECT_EQ(escaped(""), "\n");
    EXPECT_EQ(escaped("message"), "message\n");
    EXPECT_EQ(escaped("a\tb"), "a\tb\n");
    EXPECT_EQ(escaped("C:\\new \\x1b {} %s"), "C:\\new \\x1b {} %s\n");
    EXPECT_EQ(escaped("Ünïcödé 名前 🙂"), "Ünïcödé 名前 🙂\n");
}

TEST(RecordFormat, FurtherLinesFollowATab) {
    EXPECT_EQ(escaped("a\nb"), "a\n\tb\n");
    EXPECT_EQ(escaped("\n\n"), "\n\t\n\t\n");
    EXPECT_EQ(escaped("a\n2025-10-19 05:52:25.123 [1] [INFO] forged"),
              "a\n\t2025-10-19 05:52:25.123 [1] [INFO] forged\n");
}

TEST(RecordFormat, ControlCharactersBecomeVisible) {
    EXPECT_EQ(escaped("\x1b[31m"), "\\x1b[31m\n");
    EXPECT_EQ(escaped("a\r\nb"), "a\\x0d\n\tb\n");
    EXPECT_EQ(escaped("nul\0"s), "nul\\x00\n");
    EXPECT_EQ(escaped("\x7f"), "\\x7f\n");
    EXPECT_EQ(escaped("\u0085\u009b31m"), "\\u0085\\u009b31m\n");
    EXPECT_EQ(escaped("\u2028\u2029"), "\\u2028\\u2029\n");
}

TEST(RecordFormat, InvalidUtf8BecomesVisible) {
    EXPECT_EQ(escaped("\xff"), "\\xff\n");
    EXPECT_EQ(escaped("\xc3"), "\\xc3\n");             // cut short
    EXPECT_EQ(escaped("\xe5\x90x"), "\\xe5\\x90x\n");  // cut short
    EXPECT_EQ(escaped("\xc0\x8a"), "\\xc0\\x8a\n");    // a line feed in a longer form than it may have
    EXPECT_EQ(escaped("\xe0\x80\x8a"), "\\xe0\\x80\\x8a\n");
    EXPECT_EQ(escaped("\xed\xa0\x80"), "\\xed\\xa0\\x80\n");           // half of a surrogate pair
    EXPECT_EQ(escaped("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80\n");  // past the last code point
}

TEST(RecordFormat, FindsASpecialCharacterAtAnyPlace) {
    for (const auto& [special, escape] : {std::pair('\0', "\\x00"), std::pair('\x1f', "\\x1f"),
                                          std::pair('\x7f', "\\x7f"), std::pair('\xff', "\\xff")}) {
        for (std::size_t size = 1; size < 40; ++size) {
            for (std::size_t at = 0; at < size; ++at) {
                std::string message(size, '~');
                message[at] = special;
                const std::string expected = std::string(at, '~') + escape + std::string(size - at - 1, '~') + "\n";
                ASSERT_EQ(escaped(message), expected);
            }
        }
    }
}

TEST(RecordFormat, EscapesWhateverThePattern) {
    EXPECT_THAT(formatted("%+", "a\nb\x1b"), testing::EndsWith("a\n\tb\\x1b\n"));
    EXPECT_EQ(formatted("[%v] [%v]", "\r"), "[\\x0d] [\\x0d]\n");
}

TEST(RecordFormat, EndsInALineFeedWhateverTheFormatter) {
    for (const char* end : {"\n", "\r\n", "\r", ""}) {
        const auto formatter = chainner::detail::make_unforgeable(
            std::make_unique<spdlog::pattern_formatter>("%v", spdlog::pattern_time_type::local, end));
        spdlog::memory_buf_t out;
        formatter->format(spdlog::details::log_msg("name", spdlog::level::info, "message"), out);
        EXPECT_EQ(std::string(out.data(), out.size()), "message\n");
    }
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
          "%10Y|%-10H|%=10M|%v", "%T %D %R %r %c %p %z %v", "%+", "%H%M%S%f%F%v", "%Y%q"}) {
        const auto ours = chainner::detail::make_formatter(pattern);
        spdlog::pattern_formatter theirs(pattern, spdlog::pattern_time_type::local, "\n");
        for (const auto step : {-3600s + 0ms, -1ms, 0ms, 1ms, 999ms, 1000ms, 1001ms, 3600s + 0ms, -7200s + 0ms, 0ms}) {
            const spdlog::details::log_msg msg(end_of_summer_time + step, {}, "name", spdlog::level::info, "message");
            spdlog::memory_buf_t out;
            ours->format(msg, out);
            spdlog::memory_buf_t expected;
            theirs.format(msg, expected);
            EXPECT_EQ(std::string(out.data(), out.size()), std::string(expected.data(), expected.size())) << pattern;
        }
    }
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
