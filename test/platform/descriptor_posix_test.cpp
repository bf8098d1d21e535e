// Needs descriptors, which POSIX has.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "platform/posix/descriptor.hpp"
#include "support/errno.hpp"

namespace {

using chainner::platform::file;
using chainner::platform::file_identity;
using chainner::platform::standard_stream;

struct stat status_of(int descriptor) {
    struct stat found {};
    test::check(fstat(descriptor, &found) == 0, "fstat");
    return found;
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

TEST(MakeUnwritable, HoldsAlsoWhereTheProcessMayHaveFewerDescriptorsByNow) {
    for (const rlim_t most : {4096U, 64U}) {
        rlimit before{};
        test::check(getrlimit(RLIMIT_NOFILE, &before) == 0, "getrlimit");
        const int descriptor = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 100);
        const rlimit lower{std::min(most, before.rlim_cur), before.rlim_max};
        test::check(setrlimit(RLIMIT_NOFILE, &lower) == 0, "setrlimit");
        chainner::platform::make_unwritable(descriptor);
        test::check(setrlimit(RLIMIT_NOFILE, &before) == 0, "setrlimit");
        EXPECT_EQ(write(descriptor, "x", 1), -1) << most;
        close(descriptor);
    }
}

TEST(LastError, IsThatOfTheCall) {
    errno = ENOENT;
    EXPECT_EQ(chainner::platform::last_error(), std::errc::no_such_file_or_directory);
}

}  // namespace
