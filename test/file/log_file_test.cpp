#include "file/log_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "support/files.hpp"
#include "support/system.hpp"

namespace {

namespace fs = std::filesystem;
using chainner::detail::log_file;
using chainner::detail::log_location;
using chainner::platform::placement;
using testing::ElementsAre;
using testing::IsEmpty;

class LogFile : public testing::Test {
protected:
    LogFile() {
        location.directory = directory.path();
        location.role = "host";
        location.max_size = 1000;
        location.max_files = 2;
    }

    std::unique_ptr<log_file> join() { return log_file::open_first_available(location, warnings); }
    std::string content(const std::string& name = "host.log") const { return test::read_file(directory / name); }

    const test::temporary_directory directory;
    log_location location;
    std::vector<std::string> warnings;
};

TEST_F(LogFile, AppendsWholeRecordsToWhatIsThere) {
    test::write_file(directory / "host.log", "before\n");
    const auto file = join();
    EXPECT_EQ(file->size(), 7U);
    EXPECT_FALSE(file->append("one\n"));
    EXPECT_FALSE(file->append("two\n"));
    EXPECT_EQ(content(), "before\none\ntwo\n");
    EXPECT_EQ(file->size(), 15U);
    EXPECT_EQ(file->read_end(4), "two\n");
}

TEST_F(LogFile, EndsALineThatWasCutShortBeforeItAppends) {
    test::write_file(directory / "host.log", "cut sho");
    EXPECT_FALSE(join()->append("record\n"));
    EXPECT_EQ(content(), "cut sho\nrecord\n");
}

TEST_F(LogFile, EndsALineThatWasCutShortBeforeItIsRotated) {
    test::write_file(directory / "host.log", "cut sho");
    EXPECT_FALSE(join()->rotate(location)->append("record\n"));
    EXPECT_EQ(content("host.1.log") + content(), "cut sho\nrecord\n");
}

TEST_F(LogFile, IsTheFirstThatNoOtherHasAndSaysNothingOfThose) {
    const auto first = join();
    const auto second = join();
    EXPECT_EQ(first->path(), directory / "host.log");
    EXPECT_EQ(second->path(), directory / "host-2.log");
    EXPECT_THAT(warnings, IsEmpty());
}

TEST_F(LogFile, SaysWhyANameIsPassedOver) {
    fs::create_directory(directory / "host.log");
    EXPECT_EQ(join()->path(), directory / "host-2.log");
    ASSERT_EQ(warnings.size(), 1U);
    EXPECT_THAT(warnings[0], testing::AllOf(testing::StartsWith("Log file passed over: "),
                                            testing::HasSubstr((directory / "host.log").string())));
}

TEST_F(LogFile, ThrowsWhereNoNameWillDo) {
    location.directory = directory / "missing";
    EXPECT_THROW(join(), fs::filesystem_error);
}

TEST_F(LogFile, RotatesToNumberedNamesOfWhichTheOldestGoes) {
    auto file = join();
    for (const char* record : {"one\n", "two\n", "three\n", "four\n"}) {
        if (file->size() > 0) file = file->rotate(location);
        EXPECT_FALSE(file->append(record));
    }
    EXPECT_THAT(test::file_names(directory.path()), ElementsAre("host.1.log", "host.2.log", "host.log"));
    EXPECT_EQ(content("host.2.log") + content("host.1.log") + content(), "two\nthree\nfour\n");
}

TEST_F(LogFile, KeepsItsContentWhereItCannotBeRotated) {
    auto file = join();
    file->append("record\n");
    fs::create_directories(directory / "host.1.log" / "in the way");
    fs::create_directories(directory / "host.2.log" / "in the way");
    EXPECT_THROW(file->rotate(location), fs::filesystem_error);
    EXPECT_FALSE(file->append("another\n"));
    EXPECT_EQ(content(), "record\nanother\n");
}

TEST_F(LogFile, NoticesThatItWasRenamedOrEmptied) {
    const auto file = join();
    file->append("record\n");
    EXPECT_EQ(file->verify(), placement::in_place);
    EXPECT_EQ(file->size(), 7U);
    fs::resize_file(directory / "host.log", 0);
    EXPECT_EQ(file->verify(), placement::in_place);
    EXPECT_EQ(file->size(), 0U);
    fs::rename(directory / "host.log", directory / "saved");
    EXPECT_EQ(file->verify(), placement::moved);
}

TEST_F(LogFile, ReadsBackWhatARemovedFileTookSinceItWasVerified) {
    if (!test::is_posix()) GTEST_SKIP() << "Wine does not tell that an open file was removed";
    const auto file = join();
    file->append("old\n");
    file->verify();
    file->append("new\n");
    std::ofstream(directory / "host.log", std::ios::app) << "of others\n";
    file->append("newer\n");
    fs::remove(directory / "host.log");
    EXPECT_EQ(file->verify(), placement::removed);
    EXPECT_EQ(file->read_back(), "new\nof others\nnewer\n");
}

TEST_F(LogFile, ReadsBackWhatItTookSinceItWasEmptied) {
    if (!test::is_posix()) GTEST_SKIP() << "Wine does not tell that an open file was removed";
    const auto file = join();
    file->append("a long record that is verified\n");
    file->verify();
    fs::resize_file(directory / "host.log", 0);
    file->append("new\n");
    fs::remove(directory / "host.log");
    EXPECT_EQ(file->verify(), placement::removed);
    EXPECT_EQ(file->read_back(), "new\n");
}

}  // namespace
