// Needs signals.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <iostream>
#include <string>
#include <utility>

#include "platform/ending.hpp"

namespace {

using chainner::platform::handle_requests_to_end;

TEST(RequestToEnd, TellsTheHookWhichSignalItIs) {
    struct row {
        int number;
        const char* name;
    };
    for (const row& each : {row{SIGTERM, "SIGTERM"}, row{SIGHUP, "SIGHUP"}}) {
        const auto end = [each] {
            std::signal(each.number, SIG_DFL);  // `nohup` has it ignored
            handle_requests_to_end([](int number, const char* name) noexcept {
                std::cerr << number << ' ' << name;
                return true;
            });
            std::raise(each.number);
        };
        EXPECT_EXIT(end(), testing::KilledBySignal(each.number), std::to_string(each.number) + " " + each.name);
    }
}

TEST(RequestToEnd, IsNotInterruptedByAnotherOne) {
    const auto end = [] {
        for (const int number : {SIGTERM, SIGHUP}) std::signal(number, SIG_DFL);
        handle_requests_to_end([](int number, const char* name) noexcept {
            if (number == SIGHUP) std::raise(SIGTERM);
            std::cerr << name << ". ";
            return true;
        });
        std::raise(SIGHUP);
    };
    EXPECT_EXIT(end(), testing::KilledBySignal(SIGHUP), "^SIGHUP\\. $");
}

TEST(RequestToEnd, ComesAgainIfTheHookPutsItOff) {
    for (const int number : {SIGTERM, SIGHUP}) {
        const auto end = [number] {
            std::signal(number, SIG_DFL);  // `nohup` has it ignored
            handle_requests_to_end([](int, const char*) noexcept {
                static bool is_first = true;
                return !std::exchange(is_first, false);
            });
            errno = EDOM;
            std::raise(number);
            std::cerr << (errno == EDOM ? "goes on" : "errno has changed");
            std::raise(number);
            std::cerr << ", and on";
        };
        EXPECT_EXIT(end(), testing::KilledBySignal(number), "^goes on$");
        const auto wait = [number] {
            std::signal(number, SIG_DFL);
            handle_requests_to_end([](int, const char*) noexcept { return false; });
            std::raise(number);
            while (true) pause();
        };
        EXPECT_EXIT(wait(), testing::KilledBySignal(number), "") << "for it takes no longer than seconds";
    }
}

TEST(RequestToEnd, EndsTheProcessAlsoIfTheHookWaitsWithoutAnEnd) {
    for (const int number : {SIGTERM, SIGHUP}) {
        const auto end = [number] {
            std::signal(number, SIG_DFL);  // `nohup` has it ignored
            handle_requests_to_end([](int, const char*) noexcept -> bool {
                while (true) pause();  // as for a lock that this thread has held
            });
            std::raise(number);
        };
        EXPECT_EXIT(end(), testing::KilledBySignal(number), "");
    }
}

}  // namespace
