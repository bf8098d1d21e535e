// Needs the only console that takes what is given to it before it is shown.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <io.h>
#include <sys/stat.h>

#include <system_error>

#include "platform/output.hpp"
#include "support/files.hpp"
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

TEST(CapturedStreams, AConsoleFollowsAStreamThatTheProgramRedirects) {
    const test::temporary_directory directory;
    const auto console = chainner::platform::make_console(standard_stream::error);
    captured_streams::open();
    captured_streams::capture(captured_streams::choice::all);
    const int before = _dup(2);
    const int other = _open((directory / "file").string().c_str(), _O_WRONLY | _O_CREAT, _S_IREAD | _S_IWRITE);
    ASSERT_EQ(_dup2(other, 2), 0);
    EXPECT_FALSE(captured_streams::is_captured(standard_stream::error));
    std::error_code error;
    EXPECT_EQ(console->write("shown\n", error), 6U);
    EXPECT_TRUE(test::wait_until([&] { return console->is_ready(); }));
    _dup2(before, 2);
    EXPECT_TRUE(captured_streams::is_captured(standard_stream::error));
    captured_streams::release();
    for (const int each : {before, other}) _close(each);
    EXPECT_EQ(test::read_file(directory / "file"), "shown\n");
}

}  // namespace
