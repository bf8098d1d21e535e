#include "record/escaping.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace std::string_literals;
using chainner::detail::is_forged;
using chainner::detail::is_plain;

std::string escaped(const std::string& message) {
    spdlog::memory_buf_t safe;
    chainner::detail::append_escaped(message, safe);
    const std::string text(safe.data(), safe.size());
    EXPECT_EQ(is_plain(message) && text != message, false) << message;
    return text;
}

TEST(Escaping, PlainTextStaysAsItIs) {
    EXPECT_EQ(escaped(""), "");
    EXPECT_EQ(escaped("message"), "message");
    EXPECT_EQ(escaped("a\tb"), "a\tb");
    EXPECT_EQ(escaped("C:\\new \\x1b {} %s"), "C:\\new \\x1b {} %s");
    EXPECT_EQ(escaped("Ünïcödé 名前 🙂"), "Ünïcödé 名前 🙂");
}

TEST(Escaping, FurtherLinesFollowATab) {
    EXPECT_EQ(escaped("a\nb"), "a\n\tb");
    EXPECT_EQ(escaped("\n\n"), "\n\t\n\t");
    EXPECT_EQ(escaped("a\n2025-10-19 05:52:25.123 [1] [INFO] forged"),
              "a\n\t2025-10-19 05:52:25.123 [1] [INFO] forged");
}

TEST(Escaping, ControlCharactersBecomeVisible) {
    EXPECT_EQ(escaped("\x1b[31m"), "\\x1b[31m");
    EXPECT_EQ(escaped("a\r\nb"), "a\\x0d\n\tb");
    EXPECT_EQ(escaped("nul\0"s), "nul\\x00");
    EXPECT_EQ(escaped("\x7f"), "\\x7f");
    EXPECT_EQ(escaped("\u0085\u009b31m"), "\\u0085\\u009b31m");
    EXPECT_EQ(escaped("\u2028\u2029"), "\\u2028\\u2029");
}

TEST(Escaping, InvalidUtf8BecomesVisible) {
    EXPECT_EQ(escaped("\xff"), "\\xff");
    EXPECT_EQ(escaped("\xc3"), "\\xc3");             // cut short
    EXPECT_EQ(escaped("\xe5\x90x"), "\\xe5\\x90x");  // cut short
    EXPECT_EQ(escaped("\xc0\x8a"), "\\xc0\\x8a");    // a line feed in a longer form than it may have
    EXPECT_EQ(escaped("\xc1\x81"), "\\xc1\\x81");    // such an A
    EXPECT_EQ(escaped("\xe0\x80\x8a"), "\\xe0\\x80\\x8a");
    EXPECT_EQ(escaped("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // half of a surrogate pair
    EXPECT_EQ(escaped("\xed\xbf\xbf"), "\\xed\\xbf\\xbf");  // the last one
    EXPECT_EQ(escaped("\xed\x9f\xbf\xee\x80\x80"), "\xed\x9f\xbf\xee\x80\x80") << "those beside them";
    EXPECT_EQ(escaped("\xc2\x80\xc2\x9f\xc2\xa0"), "\\u0080\\u009f\xc2\xa0");
    EXPECT_EQ(escaped("\xe0\xa0\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"), "\xe0\xa0\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")
        << "the least of each length, and the last of all";
    EXPECT_EQ(escaped("\xf0\x8f\xbf\xbf"), "\\xf0\\x8f\\xbf\\xbf");  // longer than it may be
    EXPECT_EQ(escaped("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // past the last code point
    EXPECT_EQ(escaped("\xf8\x90\x80\x80"), "\\xf8\\x90\\x80\\x80");  // begins a longer form that is gone
}

TEST(Escaping, DoesNotReadBehindAMessageThatIsCutShort) {
    for (const std::string letter : {"\xc3\xa4", "\xe5\x90\x8d", "\xf0\x9f\x99\x82"}) {
        for (std::size_t size = 1; size < letter.size(); ++size) {
            spdlog::memory_buf_t safe;
            chainner::detail::append_escaped(std::string_view(letter).substr(0, size), safe);
            EXPECT_EQ(static_cast<std::size_t>(std::count(safe.begin(), safe.end(), '\\')), size) << letter;
        }
    }
}

TEST(Escaping, FindsASpecialCharacterAtAnyPlace) {
    for (const auto& [special, escape] : {std::pair('\0', "\\x00"), std::pair('\x1f', "\\x1f"),
                                          std::pair('\x7f', "\\x7f"), std::pair('\xff', "\\xff")}) {
        for (std::size_t size = 1; size < 80; ++size) {
            for (std::size_t at = 0; at < size; ++at) {
                std::string message(size, '~');
                message[at] = special;
                const std::string expected = std::string(at, '~') + escape + std::string(size - at - 1, '~');
                ASSERT_EQ(escaped(message), expected);
            }
        }
    }
}

TEST(Escaping, TellsPlainTextOfAnyLengthFromAnyOther) {
    for (std::size_t size = 0; size < 4500; ++size) {
        EXPECT_TRUE(is_plain(std::string(size, '~'))) << size;
        EXPECT_FALSE(is_plain(std::string(size, ' ') + '\n')) << size;
    }
}

TEST(Escaping, FindsAMessageThatCouldPassForARecordAboutASession) {
    for (const char* forged :
         {"Logger initialized for tea", "Logger closed for worker process", "Role: worker, process: 1",
          "Continues an older file. Role: worker", "The previous session of this log ended without a closing record",
          "Local time is UTC+09:00 from now on, it was UTC+00:00", "Crashed: SIGSEGV (11) at address 0x10"}) {
        EXPECT_TRUE(is_forged(forged)) << forged;
        EXPECT_FALSE(is_forged(std::string("I say: ") + forged)) << forged;
    }
    for (const char* plain : {"", "Logger", "Roles: 2", "Crashed", "Local time", "The previous session"}) {
        EXPECT_FALSE(is_forged(plain)) << plain;
    }
}

}  // namespace
