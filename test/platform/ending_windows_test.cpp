// Needs the only signal that ends a program on Windows, and how it does: with exit code 3.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>

#include "platform/ending.hpp"

namespace {

using chainner::platform::handle_requests_to_end;

bool tell_of_request(int number, const char* name) noexcept {
    std::cerr << number << ' ' << name << ". ";
    return true;
}

TEST(RequestToEnd, TellsTheHookWhichSignalItIs) {
    const auto end = [] {
        handle_requests_to_end(tell_of_request);
        handle_requests_to_end(tell_of_request);
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
        handle_requests_to_end(tell_of_request);
        handler_before = std::signal(SIGTERM, stay);
        std::raise(SIGTERM);
    };
    EXPECT_EXIT(end(), testing::ExitedWithCode(3), "^" + std::to_string(SIGTERM) + " SIGTERM\\. $");
}

TEST(RequestToEnd, IsLeftToTheHandlerOfTheProgram) {
    const auto end = [] {
        std::signal(SIGTERM, [](int) {
            std::cerr << "by the program";
            std::_Exit(42);
        });
        handle_requests_to_end(tell_of_request);
        std::raise(SIGTERM);
    };
    EXPECT_EXIT(end(), testing::ExitedWithCode(42), "^by the program$");
}

}  // namespace
