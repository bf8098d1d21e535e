// Needs what only POSIX has: fork.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/faults.hpp"
#include "support/files.hpp"
#include "support/numbered_records.hpp"
#include "support/records.hpp"
#include "support/system.hpp"

namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAreArray;

using Fork = test::NumberedRecords;

/// The names `host`, `host-2`, ... of which there are files.
std::vector<std::string> names_in(const fs::path& logs) {
    std::set<std::string> names;
    for (const std::string& file : test::file_names(logs)) names.insert(file.substr(0, file.find('.')));
    return {names.begin(), names.end()};
}

TEST_F(Fork, ChildrenOfAProcessThatLogsHaveFilesOfTheirOwn) {
    if (!test::no_fork_beside_threads.empty()) GTEST_SKIP() << test::no_fork_beside_threads;
    set_up();
    constexpr int most_records = 20'000;  // of each thread: no more than what the file can keep
    std::atomic<bool> done{false};
    std::vector<std::thread> threads;
    std::vector<int> logged_by(3);
    for (std::size_t i = 0; i < logged_by.size(); ++i) {
        threads.emplace_back([&, i] {
            while (!done && logged_by[i] < most_records) {
                logger->info("thread {} {}", i, ++logged_by[i]);
                std::this_thread::sleep_for(std::chrono::microseconds(50));
            }
        });
    }
    std::set<int> children;
    constexpr int most = 1000;
    while (children.size() < most) {
        std::vector<test::forked_process> some;
        for (int i = 0; i < 4; ++i) {
            some.emplace_back([&] {
                alarm(60);  // what is stuck dies of it
                logger->info("child 1");
                logger->info("child 2");
            });
            children.insert(some.back().id());
        }
        for (auto& each : some) ASSERT_EQ(each.wait(), 0) << "after " << children.size() << " children";
    }
    done = true;
    for (auto& each : threads) each.join();

    std::map<int, std::vector<std::string>> by_child;
    std::vector<int> found_by(logged_by.size());
    for (const std::string& name : names_in(logs)) {
        for (const auto& each : found(name)) {
            if (each.pid == test::current_process_id()) {
                EXPECT_EQ(name, "host") << "the parent has lost its name";
                if (each.text.rfind("thread ", 0) != 0) continue;
                int& last = found_by.at(std::stoul(each.text.substr(7, 1)));
                ASSERT_EQ(each.text.substr(9), std::to_string(++last));
            } else {
                EXPECT_NE(name, "host") << "a child has taken its parent's name";
                EXPECT_EQ(children.count(each.pid), 1U);
                by_child[each.pid].push_back(each.text);
            }
        }
    }
    EXPECT_EQ(found_by, logged_by);
    EXPECT_EQ(by_child.size(), children.size());
    for (const auto& [pid, records] : by_child) {
        EXPECT_THAT(records, ElementsAre(HasSubstr("Logger initialized for a forked process. Log file: "), "child 1",
                                         "child 2"));
    }
}

TEST_F(Fork, AChildOfAProcessThatIsBeingSetUpHasItsOwnNumber) {
    if (!test::no_fork_beside_threads.empty()) GTEST_SKIP() << test::no_fork_beside_threads;
    std::atomic<bool> done{false};
    std::thread other([&] {
        set_up();
        while (!done) std::this_thread::yield();  // a thread that has ended would be a leak of the children
    });
    while (!fs::exists(logs)) {
    }
    std::vector<test::forked_process> children;
    for (int i = 0; i < 3; ++i) {
        children.emplace_back([] { chainner::get_logger("host")->info("child {}", test::current_process_id()); });
    }
    for (auto& each : children) EXPECT_EQ(each.wait(), 0);
    done = true;
    other.join();
    std::vector<int> numbers;
    for (const std::string& name : names_in(logs)) {
        for (const auto& each : found(name)) {
            if (each.text == "child " + std::to_string(each.pid)) numbers.push_back(each.pid);
        }
    }
    std::vector<int> expected;
    for (auto& each : children) expected.push_back(each.id());
    EXPECT_THAT(numbers, UnorderedElementsAreArray(expected));
}

TEST_F(Fork, AChildCanSetUpWhateverAThreadOfItsParentDid) {
    if (!test::no_fork_beside_threads.empty()) GTEST_SKIP() << test::no_fork_beside_threads;
    const auto set_up_again = [this] {
        chainner::logger_options options;
        options.log_dir = logs;
        options.to_console = false;
        chainner::setup_logger("host", options);
    };
    set_up_again();
    std::atomic<bool> done{false};
    std::thread other([&] {
        while (!done) set_up_again();
    });
    int ended = 0;
    for (bool is_well = true; is_well && ended < 100; ended += is_well ? 1 : 0) {
        test::forked_process child([&] {
            alarm(60);  // what is stuck dies of it
            set_up_again();
        });
        is_well = child.wait() == 0;
    }
    done = true;
    other.join();
    EXPECT_EQ(ended, 100);
}

TEST_F(Fork, LeavesTheSignalsOfTheParentAndTheChildAsTheyWere) {
    set_up();
    const auto blocked = [] {
        sigset_t mask;
        pthread_sigmask(SIG_BLOCK, nullptr, &mask);
        std::set<int> signals;
        for (int signal = 1; signal < NSIG; ++signal) {
            if (sigismember(&mask, signal) == 1) signals.insert(signal);
        }
        return signals;
    };
    const std::set<int> before = blocked();
    test::forked_process child([&] {
        if (blocked() != before) throw std::runtime_error("the child has others blocked");
    });
    EXPECT_EQ(child.wait(), 0);
    EXPECT_EQ(blocked(), before);
}

TEST_F(Fork, AChildThatNeverLogsDoesNotHoldItsParentsName) {
    test::shared_counter child(directory / "child");
    test::forked_process parent([&] {
        set_up();
        const test::forked_process sleeper([&] {
            child.set(static_cast<std::uint64_t>(getpid()));
            pause();
        });
        pause();
    });
    ASSERT_TRUE(test::wait_until([&] { return child.get() != 0; }));
    parent.kill();
    parent.wait();

    set_up();
    EXPECT_THAT(names_in(logs), ElementsAre("host"));
    EXPECT_EQ(kill(static_cast<pid_t>(child.get()), SIGKILL), 0) << "the child has ended before";
}

TEST_F(Fork, AProgramThatIsStartedHoldsNeitherNameNorFile) {
    test::shared_counter child(directory / "child");
    const test::shared_counter count(directory / "count");
    test::forked_process parent([&] {
        set_up();
        const test::child_process other("log_records", {"worker", (directory / "elsewhere").string(), "0",
                                                        "counter=" + (directory / "count").string()});
        child.set(static_cast<std::uint64_t>(other.id()));
        pause();
    });
    ASSERT_TRUE(test::wait_until([&] { return child.get() != 0 && count.get() > 0; }));
    parent.kill();
    parent.wait();

    set_up();
    EXPECT_THAT(names_in(logs), ElementsAre("host"));
    EXPECT_EQ(kill(static_cast<pid_t>(child.get()), SIGKILL), 0) << "the program has ended before";
}

TEST_F(Fork, RecordsHeldBackAreTheParents) {
    set_up();
    log(10);
    fs::remove_all(logs);
    test::write_file(logs, "in the way");
    log(1000, std::string(100, 'x'));
    test::forked_process child([&] {
        fs::remove(logs);
        logger->info("of the child");
    });
    ASSERT_EQ(child.wait(), 0);
    ASSERT_TRUE(has_recovered());
    std::vector<std::string> of_child;
    for (const auto& each : found()) {
        if (each.pid == child.id()) of_child.push_back(each.text);
    }
    EXPECT_THAT(of_child, ElementsAre(HasSubstr("for a forked process"), "of the child"));
    EXPECT_EQ(found_numbers(), logged_numbers());
}

TEST_F(Fork, AFirstRecordOfAChildLargerThanWhatIsHeldBackIsWritten) {
    set_up();
    const std::string large(2 * 1024 * 1024, 'x');
    test::forked_process child([&] { logger->info(large); });
    ASSERT_EQ(child.wait(), 0);
    EXPECT_THAT(test::texts(found("host-2")), ElementsAre(HasSubstr("for a forked process"), large));
}

TEST_F(Fork, AChildThatCannotOpenAFileSaysSoLater) {
    if (!test::is_root()) GTEST_SKIP() << "root can write everywhere, and only root can become another user";
    fs::permissions(directory.path(), fs::perms::all);
    const test::other_user nobody("nobody");
    set_up();
    log(10);
    test::forked_process child([&] {
        fs::permissions(logs, fs::perms::owner_read | fs::perms::owner_exec);
        log(10);
        fs::permissions(logs, fs::perms::owner_all);
        test::wait_until([&] {
            logger->flush();
            return fs::exists(logs / "host-2.log");
        });
    });
    ASSERT_EQ(child.wait(), 0);
    EXPECT_THAT(found_numbers("host-2"), ElementsAre(11, 12, 13, 14, 15, 16, 17, 18, 19, 20));
    EXPECT_THAT(warnings("host-2"),
                ElementsAre(testing::AllOf(HasSubstr("could not be opened (Permission denied)"),
                                           HasSubstr("and goes on in " + (logs / "host-2.log").string()))));
}

}  // namespace
