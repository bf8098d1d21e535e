// Needs the only console that takes what is given to it before it is shown.
#include <gtest/gtest.h>

#include <system_error>

#include "platform/output.hpp"
#include "support/records.hpp"

namespace {

namespace captured_streams = chainner::platform::captured_streams;
using chainner::platform::standard_stream;

TEST(CapturedStreams, AConsoleIsShownWhereTheStreamLedBeforeItIsFirstRead) {
    const auto console =
        chainner::platform::make_console(standard_stream::error, chainner::platform::console_target::original);
    captured_streams::open();
    captured_streams::capture(captured_streams::choice::all);
    ASSERT_TRUE(captured_streams::is_captured(standard_stream::error));
    std::error_code error;
    EXPECT_EQ(console->write("shown\n", error), 6U);
    EXPECT_TRUE(test::wait_until([&] { return console->is_ready(); }));
    char captured = 0;
    EXPECT_EQ(captured_streams::read(standard_stream::error, &captured, 1), 0U);
    captured_streams::release();
}

}  // namespace
