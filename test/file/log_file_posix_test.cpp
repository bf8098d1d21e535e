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

}  // namespace
