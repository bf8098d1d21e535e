// Needs a process of its own whose files have a limit.
#include <gtest/gtest.h>

#include <csignal>
#include <stdexcept>
#include <string>
#include <vector>

#include "file/log_file.hpp"
#include "support/faults.hpp"
#include "support/files.hpp"

namespace {

namespace fs = std::filesystem;
using chainner::detail::log_file;

TEST(LogFileThatIsFull, ReadsBackOfARemovedFileOnlyWholeRecords) {
    const test::temporary_directory directory;
    test::forked_process process([&] {
        std::signal(SIGXFSZ, SIG_IGN);
        chainner::detail::log_location location;
        location.directory = directory.path();
        location.role = "host";
        std::vector<std::string> warnings;
        const auto file = log_file::open_first_available(location, warnings);
        file->append("before\n");
        file->verify();
        test::limit_file_size(sizeof "before\none\ntwo\ncut" - 1);
        if (!file->append("one\ntwo\ncut short\n")) throw std::logic_error("it was written");
        if (file->appended_whole() != sizeof "one\ntwo\n" - 1) throw std::logic_error("not just the whole ones");
        fs::remove(directory / "host.log");
        file->verify();
        test::write_file(directory / "read", file->read_back());
    });
    ASSERT_EQ(process.wait(), 0);
    EXPECT_EQ(test::read_file(directory / "read"), "one\ntwo\n");
}

TEST(LogFileThatIsFull, EndsATornLineAlsoWhereTheFirstAttemptFails) {
    const test::temporary_directory directory;
    test::forked_process process([&] {
        std::signal(SIGXFSZ, SIG_IGN);
        constexpr std::size_t torn = sizeof "cut sho" - 1, enough = 1000;
        chainner::detail::log_location location;
        location.directory = directory.path();
        location.role = "host";
        std::vector<std::string> warnings;
        const auto file = log_file::open_first_available(location, warnings);
        test::limit_file_size(torn);
        if (!file->append("cut short\n")) throw std::logic_error("it was written");
        for (int attempts = 2; attempts > 0; --attempts) {
            test::limit_file_size(enough);
            file->verify();
            test::limit_file_size(torn);
            if (!file->append("lost\n")) throw std::logic_error("the line was ended");
        }
        test::limit_file_size(enough);
        file->verify();
        if (file->append("record\n")) throw std::logic_error("it was not written");
    });
    ASSERT_EQ(process.wait(), 0);
    EXPECT_EQ(test::read_file(directory / "host.log"), "cut sho\nrecord\n");
}

}  // namespace
