#include "output/output_capture.hpp"

#include <spdlog/details/log_msg.h>
#include <spdlog/formatter.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chainner/crash_handler.hpp>
#include <chainner/logger.hpp>
#include <chainner/output_capture.hpp>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "console_sink.hpp"
#include "guarded_sink.hpp"
#include "output/line_splitter.hpp"
#include "platform/output.hpp"
#include "platform/process.hpp"
#include "process_loggers.hpp"

namespace chainner {

namespace {

using platform::standard_stream;
using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto longest_wait = 100ms;  // a record waits so long for the output that comes before it,
constexpr auto end_patience = 1s;     // and the end of the process

/// Shows what was written as it was written. Only lines of our own have no end yet.
class verbatim_formatter final : public spdlog::formatter {
public:
    void format(const spdlog::details::log_msg& record, spdlog::memory_buf_t& to) override {
        to.append(record.payload.data(), record.payload.data() + record.payload.size());
        if (detail::is_internal(record)) to.push_back('\n');
    }
    std::unique_ptr<formatter> clone() const override { return std::make_unique<verbatim_formatter>(); }
};

std::size_t count_lines(std::string_view text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

/// There is one as soon as something is captured.
const detail::role_logger& own_logger() noexcept { return *detail::loggers_of_process().own; }

/// What is written to one of the two streams: it goes to the log by lines, and is kept until it has been shown where
/// the stream led before. Not thread-safe: it is guarded.
class captured_output {
public:
    explicit captured_output(standard_stream which)
        : captured_output(which, platform::make_captured_stream(which), false) {}

    /// Of what is to be shown: as many whole lines as a pipe takes all of or nothing.
    static constexpr std::size_t piece_size = 4096;

    /// With so much to be shown no more is taken that need not be.
    static constexpr std::size_t much_unshown = 64 * 1024;

    struct piece {
        std::string text;
        std::size_t skipped_lines = 0;  // before it, as there was too much
    };

    /// Returns whether there is a thread to be started which reads.
    bool begin() {
        stream_->capture();
        must_begin_ = false;
        return stream_->is_captured() && !has_reader_.exchange(true);
    }
    void end() noexcept { stream_->release(); }
    void end_without_reader() noexcept {
        has_reader_ = false;
        end();
    }

    /// Takes up to as much as fits into a pipe. false if there was nothing.
    bool take() {
        const taking_mark mark(is_taking_);
        const std::size_t size = stream_->read(buffer_->data(), buffer_->size());
        if (size == 0) return false;
        const std::string_view text(buffer_->data(), size);
        record([&](clock::time_point now) { lines_.add(text, now); });
        stream_->follow();
        if (unshown_.size() < most_unshown) {
            unshown_.append(text);
            unshown_size_ = unshown_.size();
        } else {
            skipped_lines_ += count_lines(text);
        }
        return true;
    }

    /// What is to be shown next; its text is empty if there is nothing.
    piece next_piece() {
        const std::string_view most = std::string_view(unshown_).substr(0, piece_size);
        std::size_t size = most.rfind('\n') + 1;
        // What comes next may be the end of this line.
        if (size == 0 && (most.size() == piece_size || !stream_->has_unread())) size = most.size();
        piece next{unshown_.substr(0, size), std::exchange(skipped_lines_, 0)};
        unshown_.erase(0, size);
        unshown_size_ = unshown_.size();
        return next;
    }

    /// Takes all, also a line that has no end. Nothing if the file's lock is not to be had until then: at the end of
    /// the process, a thread that is dead may hold it.
    void finish(clock::time_point end) {
        if (!own_logger().file->lock_until(end)) return;
        while (take() && clock::now() < end) {
        }
        record([&](clock::time_point) { lines_.give_rest(); });
    }

    /// For the thread that reads, which has been woken. Returns when it is to look again, if nothing comes.
    std::optional<clock::time_point> serve() {
        const int asked = asked_;
        const bool is_full = asked == recorded_ && unshown_.size() >= much_unshown;
        const bool may_be_more = is_full || take();
        if (asked != recorded_) record([&](clock::time_point) { lines_.give_rest(); });
        recorded_ = asked;
        if (const auto due = lines_.due(); due && *due <= clock::now())
            record([&](clock::time_point now) { lines_.give_if_due(now); });
        return may_be_more ? clock::now() : lines_.due();
    }

    bool has_begun_line() const { return lines_.due().has_value(); }

    // Without the lock

    /// Asked in this order: what has left the pipe is taken until it is in the log.
    bool has_untaken() const noexcept { return stream_->has_unread() || is_taking_; }

    /// How long a record waits for another thread that shows something, and whether it did so for good.
    std::chrono::milliseconds record_patience() const noexcept { return has_waited_in_vain_ ? 0ms : longest_wait; }
    void note_wait(bool was_worth_it) const noexcept { has_waited_in_vain_ = !was_worth_it; }

    platform::captured_stream& stream() const noexcept { return *stream_; }
    bool must_begin() const noexcept { return must_begin_; }
    std::size_t unshown_size() const noexcept { return unshown_size_; }

    /// Waits until the thread that reads has recorded all that is there now, and has shown it.
    void settle(clock::time_point end) const noexcept {
        if (!has_reader_) return;
        const int asked = ++asked_;
        stream_->wake();
        while (shown_ - asked < 0 && clock::now() < end) std::this_thread::sleep_for(50us);
    }

    /// Whether somebody waits for what is not yet recorded.
    bool is_hurried() const noexcept { return asked_ != recorded_; }

    /// All that was asked for before the thread has served last is shown.
    void note_shown() const noexcept { shown_ = recorded_.load(); }

    // In a child by `fork`

    captured_output clone_for_child() const {
        return captured_output(which_, stream_->clone_for_child(),
                               must_begin_ || (has_reader_ && stream_->is_captured()));
    }
    void detach_in_child() noexcept { stream_->detach_in_child(); }

private:
    captured_output(standard_stream which, std::unique_ptr<platform::captured_stream> stream, bool must_begin)
        : which_(which),
          stream_(std::move(stream)),
          must_begin_(must_begin),
          lines_([this](std::string_view line) { add(line); }) {}

    /// Writes the lines that `make_lines` gives.
    template <class Function>
    void record(Function make_lines) {
        time_ = spdlog::log_clock::now();
        const auto file = own_logger().file->lock();
        file_ = &*file;
        make_lines(clock::now());
        file->write_batch();
    }

    void add(std::string_view line) {
        const spdlog::logger& logger = *own_logger().logger;
        if (!logger.should_log(spdlog::level::info)) return;
        text_.assign(which_ == standard_stream::output ? "stdout: " : "stderr: ").append(line);
        file_->add_to_batch({time_, {}, logger.name(), spdlog::level::info, text_});
    }

    class taking_mark {
    public:
        explicit taking_mark(std::atomic<bool>& flag) noexcept : flag_(flag) { flag_ = true; }
        ~taking_mark() { flag_ = false; }
        taking_mark(const taking_mark&) = delete;
        taking_mark& operator=(const taking_mark&) = delete;

    private:
        std::atomic<bool>& flag_;
    };

    using buffer = std::array<char, 64 * 1024>;
    static constexpr std::size_t most_unshown = 1024 * 1024;  // only where others than the reader take much

    standard_stream which_;
    std::unique_ptr<platform::captured_stream> stream_;
    std::atomic<bool> must_begin_;  // a child, at its first record
    std::atomic<bool> has_reader_{false};
    std::atomic<bool> is_taking_{false};
    mutable std::atomic<int> asked_{0};  // counts the waits of `settle`,
    std::atomic<int> recorded_{0};       // those for which all is in the log,
    mutable std::atomic<int> shown_{0};  // and those for which it has been shown
    mutable std::atomic<bool> has_waited_in_vain_{false};
    std::unique_ptr<buffer> buffer_ = std::make_unique<buffer>();
    detail::line_splitter lines_;
    std::string unshown_;
    std::atomic<std::size_t> unshown_size_{0};
    std::size_t skipped_lines_ = 0;
    spdlog::log_clock::time_point time_;   // of the lines that are being recorded,
    detail::file_writer* file_ = nullptr;  // and the file that they go to
    std::string text_;
};

/// A stream, and where it led before. Whoever holds both locks has taken that of the console first.
struct output {
    explicit output(standard_stream which)
        : captured(which),
          console(
              "", [] { return detail::where_records_are(*own_logger().file); }, which,
              [this] { return captured.without_lock().is_hurried(); }) {
        console.lock()->open(std::make_unique<verbatim_formatter>(), spdlog::color_mode::never);
    }

    detail::guarded<captured_output> captured;
    detail::guarded<detail::console_writer> console;
};

std::array<output, 2>& outputs();

/// A thread that forks holds the locks of all. A thread that another library starts again after the fork may inherit
/// that it handles no signal.
thread_local std::optional<platform::blocked_signals> uninterrupted_fork;

/// false if there was nothing, or if another thread has been showing something until then.
bool show_next(output& output, clock::time_point end) {
    const auto console = output.console.lock_until(end);
    if (!console) return false;
    captured_output::piece next;
    if (const auto captured = output.captured.lock_until(end)) next = captured->next_piece();
    console->hide(next.skipped_lines);
    if (next.text.empty()) return false;
    console->log({spdlog::log_clock::now(), {}, "", spdlog::level::info, next.text}, count_lines(next.text));
    return true;
}

/// Reads for ever: a program that this one has started may write as long as it likes.
void read(output& output) {
    const captured_output& captured = output.captured.without_lock();
    while (true) {
        std::optional<clock::time_point> due;
        try {
            { due = output.captured.lock()->serve(); }
            while (!captured.is_hurried() && show_next(output, clock::now() + longest_wait)) {
            }
            if (captured.unshown_size() > 0) due = clock::now();
        } catch (const std::exception&) {
            // No memory, or a formatter of the program's: the line is lost.
        }
        captured.note_shown();
        captured.stream().wait(due);
    }
}

void begin(output& output) {
    if (!output.captured.lock()->begin()) return;
    try {
        platform::start_reader([&output] { read(output); });
    } catch (...) {
        output.captured.lock()->end_without_reader();
        throw;
    }
}

/// If it is little, the console is to show it before the record; if it is much, the thread that reads needs help. Who
/// shows something just now may wait for somebody who reads: to have waited for that once is enough.
void show_before_record(output& output) {
    const captured_output& captured = output.captured.without_lock();
    const std::size_t size = captured.unshown_size();
    if (size <= captured_output::piece_size || size >= captured_output::much_unshown) {
        const auto end = clock::now() + captured.record_patience();
        captured.note_wait(show_next(output, end) || clock::now() < end);
    }
    if (captured.unshown_size() > 0) captured.stream().wake();
}

/// What this thread has written before it logs comes before its record.
void before_record() noexcept {
    for (output& each : outputs()) {
        try {
            const captured_output& captured = each.captured.without_lock();
            if (captured.must_begin()) begin(each);
            if (captured.has_untaken()) {
                const auto access = each.captured.lock_until(clock::now() + longest_wait);
                if (access) access->take();
                if (access && access->has_begun_line()) access->stream().wake();  // its time is the reader's to watch
            }
            if (captured.unshown_size() > 0) show_before_record(each);
        } catch (const std::exception&) {
            // The record is what counts.
        }
    }
}

/// Nothing if this thread was interrupted where it holds what the reader needs.
void settle() noexcept {
    if (detail::lock_note::is_any_noted()) return;
    const platform::no_cancellation no_cancellation;
    const auto end = clock::now() + end_patience;
    for (output& each : outputs()) each.captured.without_lock().settle(end);
}

void record_all(output& output) {
    const auto end = clock::now() + end_patience;
    if (const auto access = output.captured.lock_until(end)) access->finish(end);
}

void finish() noexcept {
    if (detail::lock_note::is_any_noted()) return;
    for (output& each : outputs()) {
        try {
            record_all(each);
            each.captured.without_lock().stream().flush_buffer();
            record_all(each);
            while (show_next(each, clock::now() + end_patience)) {
            }
        } catch (const std::exception&) {
            // As in `read`.
        }
    }
}

constexpr detail::output_hooks hooks{settle, finish};

/// Makes them, and adds the hooks, at the first call. Thread-safe; never destroyed, as the threads read for ever.
std::array<output, 2>& outputs() {
    static std::array<output, 2>& instance = *[] {
        auto* const created =
            new std::array<output, 2>{output(standard_stream::output), output(standard_stream::error)};
        platform::at_fork(
            [] {
                uninterrupted_fork.emplace();
                for (output& each : outputs()) {
                    each.console.before_fork(clock::now() + longest_wait);
                    each.captured.before_fork(clock::now() + longest_wait);
                }
            },
            [] {
                for (output& each : outputs()) {
                    each.captured.after_fork_in_parent();
                    each.console.after_fork_in_parent();
                }
                uninterrupted_fork.reset();
            },
            [] {
                for (output& each : outputs()) {
                    each.captured.after_fork_in_child();
                    each.console.after_fork_in_child();
                }
                uninterrupted_fork.reset();
            });
        return created;
    }();
    return instance;
}

}  // namespace

bool detail::is_output_captured() {
    if (detail::loggers_of_process().output == nullptr) return false;
    return std::any_of(outputs().begin(), outputs().end(),
                       [](output& each) { return each.captured.lock()->stream().is_captured(); });
}

void capture_output() {
    detail::blocks_signals = true;
    const platform::no_cancellation no_cancellation;
    const platform::blocked_signals until_there_are_readers;
    get_logger_from_env();
    install_crash_handler();
    detail::process_loggers& process = detail::loggers_of_process();
    for (detail::role_logger& each : process.loggers) each.file->lock();  // calls that began before have ended
    for (output& each : outputs()) {
        try {
            begin(each);
        } catch (...) {
            for (output& begun : outputs()) begun.captured.lock()->end();
            throw;
        }
    }
    platform::handle_sudden_end(settle);
    for (detail::role_logger& each : process.loggers) each.file->before_record = before_record;
    process.output = &hooks;
}

void release_output() noexcept {
    if (detail::loggers_of_process().output == nullptr) return;
    const platform::no_cancellation no_cancellation;
    const platform::blocked_signals until_all_is_recorded;
    for (output& each : outputs()) each.captured.lock()->end();
    finish();
}

}  // namespace chainner
