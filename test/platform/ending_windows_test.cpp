// Needs the only signal that ends a program on Windows, and how it does: with exit code 3.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>
#include <utility>

#include "platform/ending.hpp"

namespace {

using chainner::platform::handle_requests_to_end;

void tell_of_request(int number, const char* name) noexcept { std::cerr << number << ' ' << name << ". "; }

bool at_once(void (*)()) noexcept { return false; }

TEST(RequestToEnd, TellsTheHookWhichSignalItIs) {
    const auto end = [] {
        handle_requests_to_end(tell_of_request, at_once);
        handle_requests_to_end(tell_of_request, at_once);
        std::raise(SIGTERM);
    };
    EXPECT_EXIT(end(), testing::ExitedWithCode(3), "^" + std::to_string(SIGTERM) + " SIGTERM\\. $");
}

void (*handler_before)(int) = nullptr;

void stay(int number) {
    std::signal(number, stay);
    handler_before(number);
}

TEST(RequestToEnd, EndsTheProcessAlsoIfAHandlerThatStaysHasCalledOurs) {
    const auto end = [] {
        handle_requests_to_end(tell_of_request, at_once);
        handler_before = std::signal(SIGTERM, stay);
        std::raise(SIGTERM);
    };
    EXPECT_EXIT(end(), testing::ExitedWithCode(3), "^" + std::to_string(SIGTERM) + " SIGTERM\\. $");
}

TEST(RequestToEnd, ComesAgainOnceWhatItHasInterruptedIsDone) {
    const auto end = [] {
        static void (*come_again)() = nullptr;
        handle_requests_to_end(tell_of_request,
                               [](void (*again)()) noexcept { return std::exchange(come_again, again) == nullptr; });
        std::raise(SIGTERM);
        std::cerr << "goes on until ";
        come_again();
    };
    EXPECT_EXIT(end(), testing::ExitedWithCode(3), "^goes on until " + std::to_string(SIGTERM) + " SIGTERM\\. $");
}

TEST(RequestToEnd, IsLeftToTheHandlerOfTheProgram) {
    const auto end = [] {
        std::signal(SIGTERM, [](int) {
            std::cerr << "by the program";
            std::_Exit(42);
        });
        handle_requests_to_end(tell_of_request, at_once);
        std::raise(SIGTERM);
    };
    EXPECT_EXIT(end(), testing::ExitedWithCode(42), "^by the program$");
}

}  // namespace
