// Needs descriptors, which POSIX has.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "platform/posix/descriptor.hpp"
#include "support/errno.hpp"

namespace {

using chainner::platform::file;
using chainner::platform::file_identity;
using chainner::platform::standard_stream;
using chainner::platform::stream_diversion;

struct stat status_of(int descriptor) {
    struct stat found {};
    test::check(fstat(descriptor, &found) == 0, "fstat");
    return found;
}

file_identity identity_of(int descriptor) { return chainner::platform::identity_of(status_of(descriptor)); }

/// Beside a stderr that leads into a pipe.
class StreamDiversion : public testing::Test {
protected:
    StreamDiversion() {
        std::array<int, 2> ends{};
        test::check(pipe(ends.data()) == 0 && dup2(ends[1], STDERR_FILENO) == STDERR_FILENO, "pipe");
        for (const int each : ends) close(each);
    }
    ~StreamDiversion() override { dup2(descriptor_of(before), STDERR_FILENO); }

    static file copy_of(int descriptor) { return file(dup(descriptor), identity_of(descriptor)); }

    const file before = copy_of(STDERR_FILENO);
    stream_diversion diversion;
};

TEST_F(StreamDiversion, IsInPlaceWhereTheStreamLeadsToItsPipe) {
    EXPECT_FALSE(diversion.is_in_place(standard_stream::error));
    diversion.set(copy_of(STDERR_FILENO), before);
    EXPECT_TRUE(diversion.is_in_place(standard_stream::error));
    EXPECT_FALSE(diversion.is_in_place(standard_stream::output));

    const file_identity own = identity_of(STDERR_FILENO);
    for (const file_identity other : {file_identity{own.device + 1, own.index}, {own.device, own.index + 1}}) {
        diversion.set(file(chainner::platform::no_file, other), before);
        EXPECT_FALSE(diversion.is_in_place(standard_stream::error));
    }
}

TEST_F(StreamDiversion, IsNotInPlaceOnceTheStreamIsClosed) {
    diversion.set(copy_of(STDERR_FILENO), before);
    close(STDERR_FILENO);
    EXPECT_FALSE(diversion.is_in_place(standard_stream::error));
}

TEST_F(StreamDiversion, KnowsWhatTheStreamWasBeforeAsLongAsThatIsOpen) {
    EXPECT_EQ(diversion.original(), -1);
    diversion.set(copy_of(STDERR_FILENO), before);
    EXPECT_EQ(diversion.original(), descriptor_of(before));
    EXPECT_TRUE(diversion.is_in_place(standard_stream::error));
    file next = copy_of(STDERR_FILENO);
    diversion.set_original(next);
    EXPECT_EQ(diversion.original(), descriptor_of(next));
    EXPECT_TRUE(diversion.is_in_place(standard_stream::error));
    dup2(descriptor_of(before), descriptor_of(next));
    EXPECT_EQ(diversion.original(), -1) << "the number stands for another file";
    next = {};
    EXPECT_EQ(diversion.original(), -1);
}

TEST(StreamDiversions, AreOnePerStream) {
    using chainner::platform::diversion_of;
    EXPECT_NE(&diversion_of(standard_stream::output), &diversion_of(standard_stream::error));
    EXPECT_EQ(&diversion_of(standard_stream::output), &diversion_of(standard_stream::output));
}

TEST(Descriptor, IsThatOfTheStreamOrTheFile) {
    using chainner::platform::descriptor_of;
    EXPECT_EQ(descriptor_of(standard_stream::output), 1);
    EXPECT_EQ(descriptor_of(standard_stream::error), 2);
    const file adopted = chainner::platform::adopt_descriptor(dup(2));
    EXPECT_EQ(descriptor_of(adopted), static_cast<int>(adopted.number()));
    EXPECT_EQ(status_of(descriptor_of(adopted)).st_ino, status_of(2).st_ino);
}

TEST(FileIdentity, IsThatOfTheSystem) {
    struct stat found {};
    found.st_dev = 3;
    found.st_ino = 5;
    const file_identity identity = chainner::platform::identity_of(found);
    EXPECT_EQ(identity.device, 3U);
    EXPECT_EQ(identity.index, 5U);
}

TEST(LastError, IsThatOfTheCall) {
    errno = ENOENT;
    EXPECT_EQ(chainner::platform::last_error(), std::errc::no_such_file_or_directory);
}

}  // namespace
