#include "guarded_sink.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/held_elsewhere.hpp"
#include "support/records.hpp"

namespace {

using namespace std::chrono_literals;
using chainner::detail::lock_note;
using spdlog::details::log_msg;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::IsEmpty;

const spdlog::log_clock::time_point time_of_record{std::chrono::hours(24 * 365 * 30)};

/// What a writer is told, in order.
struct writer_calls {
    std::vector<std::string> made;
    std::vector<spdlog::log_clock::time_point> times;
    bool is_open = true;
    std::function<void()> within;  // the next record
};

class fake_writer {
public:
    explicit fake_writer(writer_calls& of) : calls_(of) {}

    void log(const log_msg& record) {
        calls_.made.emplace_back(record.payload.data(), record.payload.size());
        calls_.times.push_back(record.time);
        if (const auto within = std::exchange(calls_.within, nullptr)) within();
    }
    void log_without_lock(const log_msg& record) const {
        calls_.made.push_back("without lock: " + std::string(record.payload.data(), record.payload.size()));
    }
    bool is_open() const { return calls_.is_open; }
    void flush() { calls_.made.emplace_back("flush"); }
    void set_formatter(const std::unique_ptr<spdlog::formatter>& formatter) {
        spdlog::memory_buf_t out;
        formatter->format({"", spdlog::level::info, "\x1b"}, out);
        calls_.made.emplace_back(out.data(), out.size());
    }

private:
    writer_calls& calls_;
};

struct own_formatter final : spdlog::formatter {
    void format(const log_msg& record, spdlog::memory_buf_t& out) override {
        const std::string text = "own: " + std::string(record.payload.data(), record.payload.size());
        out.append(text.data(), text.data() + text.size());
    }
    std::unique_ptr<formatter> clone() const override { return std::make_unique<own_formatter>(); }
};

class GuardedSink : public testing::Test {
protected:
    static log_msg record(const char* text) { return {time_of_record, {}, "", spdlog::level::info, text}; }
    void log(const char* text) { sink.log(record(text)); }
    void log_internal(const char* text) {
        sink.log({time_of_record, chainner::detail::internal_source, "", spdlog::level::info, text});
    }

    writer_calls writer;
    chainner::detail::guarded_sink<fake_writer> sink{writer};
};

TEST_F(GuardedSink, HandsOnWhatItIsTold) {
    log("text");
    sink.flush();
    sink.set_pattern("pattern: %v");
    sink.set_formatter(std::make_unique<own_formatter>());
    EXPECT_THAT(writer.made, ElementsAre("text", "flush", "pattern: \\x1b\n", "own: \\x1b\n"));
    EXPECT_THAT(writer.times, ElementsAre(time_of_record));
}

TEST_F(GuardedSink, DropsWhatIsLoggedInTheMidstOfARecord) {
    writer.within = [this] {
        sink.flush();
        sink.set_pattern("%v");
        log("within");
        log_internal("of our own");
    };
    log("first");
    log("second");
    EXPECT_THAT(writer.made, ElementsAre("first", "without lock: of our own", "second"));
}

TEST_F(GuardedSink, DropsWhatIsLoggedInTheMidstOfAnotherCall) {
    const lock_note note(lock_note::new_lock());
    log("within");
    log_internal("of our own");
    EXPECT_THAT(writer.made, ElementsAre("of our own"));
}

TEST_F(GuardedSink, AsksForTheTimeOfARecordBeforeItHasTheLock) {
    static chainner::detail::guarded_sink<fake_writer>* asking;
    asking = &sink;
    sink.before_record = [](auto time) noexcept {
        asking->flush();
        return time + 1h;
    };
    log("later");
    EXPECT_THAT(writer.made, ElementsAre("flush", "later"));
    EXPECT_THAT(writer.times, ElementsAre(time_of_record + 1h));
}

TEST_F(GuardedSink, AsksAndWritesNothingWhileItIsClosed) {
    static bool is_asked;
    is_asked = false;
    sink.before_record = [](auto time) noexcept {
        is_asked = true;
        return time;
    };
    writer.is_open = false;
    log("closed");
    EXPECT_FALSE(is_asked);
    writer.is_open = true;
    log("open");
    EXPECT_TRUE(is_asked);
    EXPECT_THAT(writer.made, ElementsAre("open"));
}

TEST_F(GuardedSink, WritesWithoutTheLockWhileAThreadHoldsItForLongAndWaitsForThatOnce) {
    const auto begin = std::chrono::steady_clock::now();
    test::while_held_elsewhere(sink, [this] {
        for (int i = 0; i < 40; ++i) log("meanwhile");
    });
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 30s);
    EXPECT_THAT(writer.made, ElementsAreArray(std::vector<std::string>(40, "without lock: meanwhile")));
}

TEST_F(GuardedSink, WaitsForAThreadThatHoldsItAlsoAfterOneThatHasHeldItForLong) {
    test::while_held_elsewhere(sink, [this] { log("meanwhile"); });
    EXPECT_TRUE(test::wait_until([this] {
        log("after it");
        writer.made.clear();
        std::future<void> waiting;
        test::while_held_elsewhere(sink, [&] {
            waiting = std::async(std::launch::async, [this] { log("waits"); });
            waiting.wait_for(50ms);
        });
        waiting.get();
        return writer.made == std::vector<std::string>{"waits"};
    }));
}

TEST_F(GuardedSink, LetsTheRestBeWhileAThreadHoldsItForLong) {
    test::while_held_elsewhere(sink, [this] {
        sink.flush();
        sink.set_pattern("%v");
        sink.set_formatter(std::make_unique<own_formatter>());
    });
    EXPECT_THAT(writer.made, IsEmpty());
}

}  // namespace
