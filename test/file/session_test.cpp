#include "file/session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <ctime>
#include <string>

#include "platform/process.hpp"
#include "support/files.hpp"
#include "support/matchers.hpp"
#include "support/records.hpp"
#include "support/system.hpp"

namespace {

using namespace std::chrono_literals;
using chainner::detail::session;

TEST(Session, HeaderSaysWhoWrites) {
    EXPECT_THAT(
        session("worker", "0.24.1").header(),
        test::MatchesPattern(
            "Role: worker, process: " + std::to_string(test::current_process_id()) +
            ", started: [0-9-]+ [0-9:]+\\.[0-9]{3}[+-][0-9:]+, application: 0\\.24\\.1, chaiNNer logger: [0-9.]+, "
            "system: [A-Za-z]+ .+, UTC offset: [+-][0-9:]+"));
    EXPECT_THAT(session("worker", "").header(), testing::Not(testing::HasSubstr("application")));
}

TEST(Session, TellsTheProcessFromAnyOtherByItsStart) {
    const auto start = [] {
        const std::string header = session("worker", "").header();
        const std::size_t begin = header.find("started: ");
        return header.substr(begin, header.find(", chaiNNer") - begin);
    };
    const std::string first = start();
    const auto end = std::chrono::steady_clock::now() + 100ms;
    while (std::chrono::steady_clock::now() < end) ASSERT_EQ(start(), first);
}

TEST(Session, TellsTheStartOfTheProcessWithTheUtcOffsetOfThen) {
    if (!test::is_posix()) GTEST_SKIP() << "the rules of a zone are not read from TZ on this system";
    // Summer time begins in the second after the start.
    const auto start = std::chrono::floor<std::chrono::seconds>(chainner::platform::process_start());
    const std::time_t change = std::chrono::system_clock::to_time_t(start + 1s);
    const std::tm utc = *std::gmtime(&change);
    const std::string zone = "XST0XDT," + std::to_string(utc.tm_yday) + "/" + std::to_string(utc.tm_hour) + ":" +
                             std::to_string(utc.tm_min) + ":" + std::to_string(utc.tm_sec) + "," +
                             std::to_string((utc.tm_yday + 100) % 365);
    const test::scoped_variable rules("TZ", zone);
    ASSERT_TRUE(test::wait_until([&] { return std::chrono::system_clock::now() >= start + 1s; }));
    EXPECT_THAT(session("worker", "").header(),
                test::MatchesPattern(".*, started: [0-9-]+ [0-9:]+\\.[0-9]{3}\\+00:00, .*UTC offset: \\+01:00"))
        << zone;
}

TEST(Session, IsClosedByItsOwnRecordAlone) {
    const auto is_left_open = session::is_left_open;
    const std::string head = "2025-10-19 05:52:25.123 [1] [INFO] ";
    const std::string begin = head + "Logger initialized for worker process. Log file: /w.log\n";
    const std::string closing = head + "Logger closed for worker process\n";
    const std::string message = head + "message\n";
    EXPECT_EQ(session("worker", "").closing(), "Logger closed for worker process");
    EXPECT_FALSE(is_left_open(""));
    EXPECT_FALSE(is_left_open(begin + message + closing));
    EXPECT_FALSE(is_left_open(begin + closing + message)) << "a static destructor may log";
    EXPECT_TRUE(is_left_open(begin + message));
    EXPECT_TRUE(is_left_open(begin));
    EXPECT_TRUE(is_left_open(begin + closing + begin + message));
    EXPECT_FALSE(is_left_open(message)) << "it may be one that tells nothing of itself";
    std::string long_text;
    while (long_text.size() < 8 * 1024) long_text += message;
    EXPECT_TRUE(is_left_open(long_text));
    std::string another_pattern;
    while (another_pattern.size() < session::end_size) another_pattern += "{\"message\": \"x\"}\n\tmore\n";
    EXPECT_FALSE(is_left_open(another_pattern));
    EXPECT_TRUE(is_left_open(begin + message + "\t" + closing)) << "the line of a message";
    EXPECT_TRUE(is_left_open(begin + head + "[x] " + closing)) << "in the midst of a message";
    EXPECT_TRUE(is_left_open(begin + head + "\\x4cogger closed for worker process\n"));
    EXPECT_FALSE(is_left_open("Logger initialized for worker process. Log file: /w.log\nmessage\n"))
        << "in another pattern it is not known";
}

TEST(Session, IsLeftOpenInAFileThatARotationHasBegun) {
    const std::string head = "2025-10-19 05:52:25.123 [1] [INFO] ";
    const std::string closing = head + "Logger closed for worker process\n";
    for (const std::string words : {"Continues an older file. Role: worker", "Role: worker"}) {
        const std::string heading = head + words + "\n";
        EXPECT_TRUE(session::is_left_open(heading)) << words;
        EXPECT_TRUE(session::is_left_open(heading + head + "message\n")) << words;
        EXPECT_FALSE(session::is_left_open(heading + closing)) << words;
    }
}

TEST(Session, IsLeftOpenByARecordThatIsLongerThanWhatIsLookedAt) {
    std::string lines;
    while (lines.size() < session::end_size) lines += "\tin a further line\n";
    EXPECT_TRUE(session::is_left_open(lines.substr(lines.size() - session::end_size)));
    EXPECT_TRUE(session::is_left_open(lines));
    EXPECT_TRUE(session::is_left_open(std::string(session::end_size, 'x')));
    EXPECT_FALSE(session::is_left_open("\tin a further line\n")) << "of a file that another has begun";
}

TEST(Session, TellsAChangeOfTheUtcOffset) {
    if (!test::is_posix()) GTEST_SKIP() << "the rules of a zone are not read from TZ on this system";
    const test::scoped_variable zone("TZ", "XST3:30XDT2:30,M3.5.0/2,M10.5.0/3");
    const auto change = std::chrono::system_clock::from_time_t(2216266200);  // 2040-03-25 05:30 UTC
    session worker("worker", "");
    worker.update_utc_offset(change - 30 * 24h);
    EXPECT_EQ(worker.utc_offset(), -210);
    EXPECT_FALSE(worker.may_change_utc_offset(change - 30 * 24h + 59s));
    EXPECT_TRUE(worker.may_change_utc_offset(change - 1ms));
    EXPECT_EQ(worker.update_utc_offset(change - 1ms), std::nullopt);
    EXPECT_FALSE(worker.may_change_utc_offset(change - 1ms));
    EXPECT_TRUE(worker.may_change_utc_offset(change));
    EXPECT_EQ(worker.update_utc_offset(change), "Local time is UTC-02:30 from now on, it was UTC-03:30");
    EXPECT_EQ(worker.utc_offset(), -150);
}

TEST(Session, AsksForTheUtcOffsetOnceTheProgramHasSetAnotherTimeZone) {
    if (!test::is_posix()) GTEST_SKIP() << "the rules of a zone are not read from TZ on this system";
    const test::scoped_variable zone("TZ", "XST-1");
    session worker("worker", "");
    const auto now = std::chrono::floor<std::chrono::minutes>(std::chrono::system_clock::now()) + 30s;
    worker.update_utc_offset(now);
    EXPECT_FALSE(worker.may_change_utc_offset(now));
    const test::scoped_variable another("TZ", "YST-9");
    EXPECT_TRUE(worker.may_change_utc_offset(now));
    EXPECT_EQ(worker.update_utc_offset(now), "Local time is UTC+09:00 from now on, it was UTC+01:00");
    EXPECT_FALSE(worker.may_change_utc_offset(now));
}

}  // namespace
