#pragma once

// The owner of what is written to the captured streams.

#include <spdlog/common.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "file/file_sink.hpp"
#include "output/line_splitter.hpp"
#include "output/verbatim_console.hpp"
#include "platform/output.hpp"

namespace chainner::detail {

/// One thread reads both streams, records their lines, and shows them where the streams led before; all buffers are its
/// own. Others ask it for an answer, and wait for that with an end.
///
/// - It empties the pipes into memory that is there beforehand, and needs nothing else for that. It records when the
///   file's lock can be had, and reads on when it cannot.
/// - Recording may make it wait after all: for the lock of an allocator, or of the time zone, that an interrupted
///   thread holds. Then a second thread empties the pipes, which does nothing else and sleeps otherwise.
/// - Who holds the file's lock itself, and asks in a signal handler, vouches for the file: the lines are then written
///   to it without the lock. So they are where its holder is stopped, or dead.
///
/// Never destroyed: a program that this process has started may write as long as it likes.
class output_reader {
public:
    using clock = std::chrono::steady_clock;

    explicit output_reader(platform::captured_streams& streams);
    output_reader(const output_reader&) = delete;
    output_reader& operator=(const output_reader&) = delete;

    /// Starts the threads. Throws `std::system_error`.
    void start();

    // At any moment, also in a signal handler

    /// Waits until what was written before a record is in the log, if anything was.
    void settle_before_record() noexcept;

    /// Waits until all that was written is in the log and shown, also what has no end yet. `holds_file`: see above.
    void settle(bool holds_file, clock::time_point end) noexcept;

    /// Does the work of the threads, once these have ended.
    void finish_without_threads(clock::time_point end) noexcept;

private:
    struct stream {
        stream(output_reader& reader, platform::standard_stream which);

        /// Up to where another thread may add to it.
        std::string_view unrecorded() const { return {buffer.get() + recorded, filled - recorded}; }
        std::string_view unshown() const { return {buffer.get() + shown, filled - shown}; }

        platform::standard_stream which;
        std::unique_ptr<char[]> buffer;
        std::atomic<std::size_t> filled{0};
        std::size_t recorded = 0;  // up to here
        std::size_t shown = 0;
        line_splitter lines;
        verbatim_console console;
    };

    // The owner
    clock::time_point serve();
    bool take(stream& from);
    std::optional<std::size_t> read(stream& from);
    void make_room(stream& in);
    bool record();
    void record(platform::standard_stream which, std::string_view line);
    void answer(int asked) noexcept;

    void relieve();

    int ask() noexcept;
    bool is_answered(int question, clock::time_point end) const noexcept;

    platform::captured_streams& streams_of_process_;
    std::array<stream, 2> streams_;
    std::string text_;
    spdlog::log_clock::time_point time_;            // of the lines that are being recorded,
    file_writer* file_ = nullptr;                   // and where; null: without the lock
    std::optional<clock::time_point> waits_since_;  // for the file's lock
    bool must_give_rest_ = false;

    std::mutex reading_;        // two threads may read
    std::atomic<int> step_{0};  // odd while the owner is at work; goes on with each line
    std::atomic<bool> is_relief_asleep_{false};
    std::atomic<std::thread::id> owner_{std::thread::id()};

    // Asking
    std::atomic<bool> is_asleep_{false};  // the owner
    int seen_ = 0;                        // the last question that it knows of
    std::atomic<int> asked_{0};           // counts the questions,
    std::atomic<int> answered_{0};        // and those for which all is in the log
    std::atomic<int> unanswered_{0};      // who has asked this one has waited in vain
    std::atomic<bool> has_unrecorded_{false};
    std::atomic<bool> has_unshown_{false};
    std::atomic<bool> is_rest_wanted_{false};
    std::atomic<int> vouchers_{0};
};

}  // namespace chainner::detail
