// Needs signals.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "platform/ending.hpp"

namespace {

using chainner::platform::handle_requests_to_end;

TEST(RequestToEnd, EndsTheProcessAlsoIfTheHookWaitsWithoutAnEnd) {
    for (const int number : {SIGTERM, SIGHUP}) {
        const auto end = [number] {
            handle_requests_to_end([](int, const char*) noexcept {
                while (true) pause();  // as for a lock that this thread has held
            });
            std::raise(number);
        };
        EXPECT_EXIT(end(), testing::KilledBySignal(number), "");
    }
}

}  // namespace
