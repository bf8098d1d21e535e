// Needs descriptors, which POSIX has.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "platform/posix/descriptor.hpp"
#include "platform/redirected_stream.hpp"
#include "support/errno.hpp"

namespace {

using chainner::platform::console_target;
using chainner::platform::file;
using chainner::platform::no_file;
using chainner::platform::redirected_stream;
using chainner::platform::standard_stream;

file copy_of(int descriptor) {
    struct stat found {};
    test::check(fstat(descriptor, &found) == 0, "fstat");
    return file(dup(descriptor), chainner::platform::identity_of(found));
}

/// A stderr and a pipe that it can be led into.
class RedirectedStream : public testing::Test {
protected:
    RedirectedStream() {
        std::array<int, 2> ends{};
        test::check(pipe(ends.data()) == 0, "pipe");
        stream.pipe = {copy_of(ends[0]), copy_of(ends[1])};
        for (const int each : ends) close(each);
    }
    ~RedirectedStream() override { dup2(descriptor_of(before), STDERR_FILENO); }

    auto shown() const { return stream.target(console_target::stream); }
    auto original() const { return stream.target(console_target::original); }

    const file before = copy_of(STDERR_FILENO);
    redirected_stream stream{standard_stream::error};
};

TEST_F(RedirectedStream, IsInPlaceWhereTheStreamLeadsToItsPipe) {
    EXPECT_FALSE(stream.is_in_place());
    stream.capture();
    EXPECT_TRUE(stream.is_in_place());
    EXPECT_FALSE(redirected_stream(standard_stream::output).is_in_place());
    dup2(descriptor_of(before), STDERR_FILENO);
    EXPECT_FALSE(stream.is_in_place()) << "the program has led it elsewhere";
    stream.capture();
    stream.give_back();
    EXPECT_FALSE(stream.is_in_place());
}

TEST_F(RedirectedStream, IsNotInPlaceOnceTheStreamIsClosed) {
    stream.capture();
    close(STDERR_FILENO);
    EXPECT_FALSE(stream.is_in_place());
}

TEST_F(RedirectedStream, KnowsWhatTheStreamWasBeforeAsLongAsThatIsOpen) {
    EXPECT_EQ(shown(), STDERR_FILENO);
    EXPECT_EQ(original(), no_file);
    stream.capture();
    const int number = descriptor_of(stream.original());
    EXPECT_EQ(original(), number);
    EXPECT_EQ(shown(), number);
    dup2(descriptor_of(stream.pipe.read), number);
    EXPECT_EQ(original(), no_file) << "the number stands for another file";
    EXPECT_EQ(shown(), no_file);
    close(number);
    EXPECT_EQ(original(), no_file);
}

TEST_F(RedirectedStream, IsShownWhereTheProgramLeadsIt) {
    stream.capture();
    dup2(descriptor_of(before), STDERR_FILENO);
    EXPECT_EQ(shown(), STDERR_FILENO);
    EXPECT_EQ(original(), descriptor_of(stream.original()));
}

TEST_F(RedirectedStream, IsNotCapturedWhileThePipeIsItsParents) {
    stream.capture();
    EXPECT_TRUE(stream.is_captured());
    stream.leave_to_parent();
    EXPECT_TRUE(stream.is_in_place());
    EXPECT_FALSE(stream.is_captured());
}

TEST(RedirectedStreams, AreOnePerStream) {
    using chainner::platform::redirected;
    for (const auto each : {standard_stream::output, standard_stream::error}) {
        EXPECT_EQ(redirected(each).stream, each);
        EXPECT_EQ(&redirected(each), &redirected(each));
    }
}

}  // namespace
