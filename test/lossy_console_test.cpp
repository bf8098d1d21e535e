#include "lossy_console.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace {

using chainner::detail::lossy_console;
using namespace std::chrono_literals;

/// What is behind a console: room for so many bytes, which a reader makes anew.
struct reader {
    void read() { taken += std::exchange(held, ""); }

    std::size_t room = std::numeric_limits<std::size_t>::max();
    std::string held;
    std::string taken;
    int tries = 0;
    bool is_full_disk = false;
};

class fake_console final : public chainner::platform::console {
public:
    explicit fake_console(reader& behind) : behind_(behind) {}

    bool follow() noexcept override { return false; }
    bool is_terminal() const noexcept override { return false; }
    std::size_t write(std::string_view text, std::error_code& error) noexcept override {
        ++behind_.tries;
        const std::size_t taken = std::min(text.size(), behind_.room - std::min(behind_.room, behind_.held.size()));
        if (behind_.is_full_disk) {
            error = std::make_error_code(std::errc::no_space_on_device);
            return 0;
        }
        behind_.held += text.substr(0, taken);
        error = taken == 0 ? std::make_error_code(std::errc::resource_unavailable_try_again) : std::error_code();
        return taken;
    }
    bool is_ready() const noexcept override { return behind_.held.size() < behind_.room; }
    std::size_t unread() const noexcept override { return behind_.held.size(); }

private:
    reader& behind_;
};

class LossyConsole : public testing::Test {
protected:
    /// Returns what is not done with.
    std::string show(const std::string& text) { return text.substr(console.show(text)); }

    reader behind;
    lossy_console::clock::time_point now{1h};
    lossy_console console{std::make_unique<fake_console>(behind),
                          [](std::string_view text) { return text.substr(0, text.find('\n') + 1); },
                          [](std::size_t missing) { return std::to_string(missing) + " are missing\n"; },
                          [this] { return now; }};
};

TEST_F(LossyConsole, ShowsAllToAReaderThatIsSlow) {
    behind.room = 10;
    std::string left;
    for (int i = 0; i < 1000; ++i) {
        left = show(left + "line\n");
        now += 99ms;
        behind.read();
    }
    while (!left.empty()) {
        left = show(left);
        now += 99ms;
        behind.read();
    }
    std::string expected;
    for (int i = 0; i < 1000; ++i) expected += "line\n";
    EXPECT_EQ(behind.taken, expected);
}

TEST_F(LossyConsole, WaitsOnceForAReaderThatTakesNothingAlsoForTextWithoutLineFeeds) {
    behind.room = 10;
    EXPECT_EQ(show("0123456789"), "");
    EXPECT_EQ(show("more"), "more");
    now += 100ms;
    EXPECT_EQ(show("more"), "");
    const int tries = behind.tries;
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(show(std::string(4096, 'x')), "");
    EXPECT_EQ(behind.tries, tries);
}

TEST_F(LossyConsole, TellsAReaderThatIsBackWhatItHasMissedAfterTheLineThatItHasBegun) {
    behind.room = 5;
    EXPECT_EQ(show("the first\n"), "irst\n");
    now += 50ms;
    EXPECT_EQ(show("irst\ntwo\nthree\n"), "irst\ntwo\nthree\n");
    now += 100ms;
    EXPECT_EQ(show("irst\ntwo\nthree\n"), "");
    EXPECT_EQ(show("four\n"), "");
    behind.room = 1000;
    behind.read();
    EXPECT_EQ(show("five\n"), "");
    behind.read();
    EXPECT_EQ(behind.taken, "the first\n3 are missing\nfive\n");
}

TEST_F(LossyConsole, FinishesALineThatItHasBegunHoweverLongItIs) {
    behind.room = 10;
    const std::string line = std::string(100'000, 'x') + '\n';
    std::string left = show(line);
    now += 100ms;
    left = show(left);
    now += 100ms;
    EXPECT_EQ(show(left + "missing\n"), "");
    behind.room = 1'000'000;
    behind.read();
    EXPECT_EQ(show("after it\n"), "");
    behind.read();
    EXPECT_EQ(behind.taken, line + "1 are missing\nafter it\n");
}

TEST_F(LossyConsole, TellsOnceWhatAFullDiskHasNotTaken) {
    behind.is_full_disk = true;
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(show("missing\n"), "");
    behind.is_full_disk = false;
    EXPECT_EQ(show("after it\n"), "");
    behind.read();
    EXPECT_EQ(behind.taken, "1000 are missing\nafter it\n");
}

TEST_F(LossyConsole, TellsOfASingleRecordOnceThereIsRoomForThat) {
    behind.is_full_disk = true;
    EXPECT_EQ(show("missing\n"), "");
    EXPECT_FALSE(console.has_reader());
    behind.is_full_disk = false;
    EXPECT_EQ(show("after it\n"), "");
    behind.read();
    EXPECT_EQ(behind.taken, "1 are missing\nafter it\n");
}

}  // namespace
