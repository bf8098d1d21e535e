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

bool at_once(void (*)()) noexcept { return false; }

TEST(RequestToEnd, TellsTheHookWhichSignalItIs) {
    struct row {
        int number;
        const char* name;
    };
    for (const row& each : {row{SIGTERM, "SIGTERM"}, row{SIGHUP, "SIGHUP"}}) {
        const auto end = [each] {
            std::signal(each.number, SIG_DFL);  // `nohup` has it ignored
            handle_requests_to_end([](int number, const char* name) noexcept { std::cerr << number << ' ' << name; },
                                   at_once);
            std::raise(each.number);
        };
        EXPECT_EXIT(end(), testing::KilledBySignal(each.number), std::to_string(each.number) + " " + each.name);
    }
}

TEST(RequestToEnd, IsNotInterruptedByAnotherOne) {
    const auto end = [] {
        for (const int number : {SIGTERM, SIGHUP}) std::signal(number, SIG_DFL);
        handle_requests_to_end(
            [](int number, const char* name) noexcept {
                if (number == SIGHUP) std::raise(SIGTERM);
                std::cerr << name << ". ";
            },
            at_once);
        std::raise(SIGHUP);
    };
    EXPECT_EXIT(end(), testing::KilledBySignal(SIGHUP), "^SIGHUP\\. $");
}

TEST(RequestToEnd, ComesAgainOnceWhatItHasInterruptedIsDone) {
    for (const int number : {SIGTERM, SIGHUP}) {
        const auto end = [number] {
            static void (*come_again)() = nullptr;
            std::signal(number, SIG_DFL);  // `nohup` has it ignored
            handle_requests_to_end(
                [](int, const char* name) noexcept { std::cerr << name; },
                [](void (*again)()) noexcept { return std::exchange(come_again, again) == nullptr; });
            errno = EDOM;
            std::raise(number);
            std::cerr << (errno == EDOM ? "goes on until " : "errno has changed");
            come_again();
            std::cerr << "for ever";
        };
        const std::string name = number == SIGTERM ? "SIGTERM" : "SIGHUP";
        EXPECT_EXIT(end(), testing::KilledBySignal(number), "^goes on until " + name + "$");
    }
}

TEST(RequestToEnd, EndsTheProcessAlsoIfTheHookWaitsWithoutAnEnd) {
    for (const int number : {SIGTERM, SIGHUP}) {
        const auto end = [number] {
            std::signal(number, SIG_DFL);  // `nohup` has it ignored
            handle_requests_to_end(
                [](int, const char*) noexcept {
                    while (true) pause();  // as for a lock that this thread has held
                },
                at_once);
            std::raise(number);
        };
        EXPECT_EXIT(end(), testing::KilledBySignal(number), "");
    }
}

}  // namespace
