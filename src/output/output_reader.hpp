#pragma once

// The owner of what is written to the captured streams.

#include <spdlog/common.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "file/file_sink.hpp"
#include "lossy_console.hpp"
#include "output/line_splitter.hpp"
#include "output/other_logs.hpp"
#include "platform/output.hpp"

namespace chainner::detail {

/// One thread reads both streams, records their lines, and shows them where the streams led before; all buffers are its
/// own. Others ask it for an answer, and wait for that with an end. Nobody has to wake it: while anything is left to do
/// it looks again by itself, and what is written wakes it.
///
/// - It empties the pipes into memory that is there beforehand, and needs nothing else for that. It records when the
///   file's lock can be had, and reads on when it cannot; without the lock if it has waited for that too long, as its
///   holder may be stopped, or dead.
/// - Recording may make it wait after all: for the lock of an allocator, or of the time zone, that an interrupted
///   thread holds. Then a second thread empties the pipes, which does nothing else and sleeps otherwise.
///
/// Never destroyed: a program that this process has started may write as long as it likes.
class output_reader {
public:
    using clock = std::chrono::steady_clock;
    using record_time = spdlog::log_clock::time_point;

    output_reader() = default;
    output_reader(const output_reader&) = delete;
    output_reader& operator=(const output_reader&) = delete;

    /// Starts the threads. Throws `std::system_error`.
    void start();

    // At any moment, also in a signal handler

    /// Waits until what was written before a record is in the log, if anything was. Returns the time that the record is
    /// to bear, for what was printed before it may have been taken a moment later.
    record_time settle_before_record(record_time time) noexcept;

    /// Waits until all that was written is in the log and shown, also what has no end yet.
    void settle(clock::time_point end) noexcept;

    /// Does the work of the threads, once these have ended.
    void finish_without_threads(clock::time_point end) noexcept;

private:
    struct stream {
        stream(output_reader& reader, platform::standard_stream which);

        std::string_view unrecorded() const { return {buffer.get() + recorded, filled - recorded}; }
        std::string_view unshown() const { return {buffer.get() + shown, filled - shown}; }

        platform::standard_stream which;
        std::unique_ptr<char[]> buffer;
        std::atomic<std::size_t> filled{0};  // up to here, as the following
        std::size_t recorded = 0;
        std::size_t shown = 0;
        std::atomic<bool> is_emptied{false};  // the pipe, by the latest read
        line_splitter lines;
        other_logs others;
        lossy_console console;
    };

    // The owner
    clock::time_point serve();
    clock::time_point end_step(int asked, bool is_done) noexcept;
    bool take(stream& from);
    bool read(stream& from);
    static void make_room(stream& in);
    bool record();
    void record(stream& of, std::string_view line);

    void relieve();

    bool is_busy() const noexcept;
    bool is_answered(int question, clock::time_point end) const noexcept;

    std::array<stream, 2> streams_{stream(*this, platform::standard_stream::output),
                                   stream(*this, platform::standard_stream::error)};
    std::string text_;
    std::atomic<record_time> time_{record_time()};  // of the latest lines,
    file_writer* file_ = nullptr;                   // and where they are recorded; null: without the lock
    std::optional<clock::time_point> waits_since_;  // for the file's lock
    bool gives_rest_ = false;                       // of lines that have no end yet
    std::atomic<std::thread::id> owner_{std::thread::id()};

    // Of both threads
    std::mutex reading_;
    std::condition_variable step_begins_;
    std::atomic<int> step_{0};  // odd while the owner is at work; goes on with each line
    std::atomic<bool> has_unrecorded_{false};
    std::atomic<bool> has_unshown_{false};
    std::atomic<bool> has_rest_{false};  // without an end yet

    // Asking
    std::atomic<int> asked_{0};       // counts the questions,
    std::atomic<int> answered_{0};    // and those for which all is in the log
    std::atomic<int> unanswered_{0};  // who has asked this one has waited in vain
    std::atomic<bool> is_rest_wanted_{false};
};

}  // namespace chainner::detail
