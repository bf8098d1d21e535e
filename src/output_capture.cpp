#include "output_capture.hpp"

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
#include "line_splitter.hpp"
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

/// There is one as soon as something is captured.
const detail::role_logger& own_logger() noexcept { return *detail::loggers_of_process().own; }

/// One of the two streams: what is written to it goes to the log by lines, and to where it led before as it comes. Not
/// thread-safe: it is guarded.
class captured_output {
public:
    explicit captured_output(standard_stream which)
        : captured_output(which, platform::make_captured_stream(which), false) {}

    /// Returns whether there is a thread to be started which reads.
    bool begin() {
        stream_->capture();
        must_begin_ = false;
        return stream_->is_captured() && !has_reader_.exchange(true);
    }
    void end() noexcept { stream_->release(); }

    /// Takes up to as much as fits into a pipe. false if there was nothing.
    bool take() {
        taking_mark mark(is_taking_);
        const std::size_t size = stream_->read(buffer_->data(), buffer_->size());
        const std::string_view text(buffer_->data(), size);
        if (size == 0) return false;
        record([&](clock::time_point now) { lines_.add(text, now); });
        mark.end();
        stream_->follow();
        show(text);
        return true;
    }

    /// Takes all, also a line that has no end.
    void finish() {
        for (const auto end = clock::now() + end_patience; take() && clock::now() < end;) {
        }
        record([&](clock::time_point) { lines_.give_rest(); });
    }

    /// For the thread that reads, which has been woken. Returns when it is to look again, if nothing comes.
    std::optional<clock::time_point> serve() {
        const bool is_urgent = is_urgent_;
        const bool may_be_more = take();
        if (is_urgent) record([&](clock::time_point) { lines_.give_rest(); });
        if (is_urgent) is_urgent_ = false;
        if (const auto due = lines_.due(); due && *due <= clock::now())
            record([&](clock::time_point now) { lines_.give_if_due(now); });
        return may_be_more ? clock::now() : lines_.due();
    }

    bool has_begun_line() const { return lines_.due().has_value(); }

    // Without the lock

    /// Asked in this order: what has left the pipe is taken until it is in the log.
    bool has_untaken() const noexcept { return stream_->has_unread() || is_taking_; }

    /// Who takes it may wait for a reader of the stream. Once is enough.
    std::chrono::milliseconds record_patience() const noexcept { return has_waited_in_vain_ ? 0ms : longest_wait; }
    void note_wait(bool was_worth_it) const noexcept { has_waited_in_vain_ = !was_worth_it; }

    platform::captured_stream& stream() const noexcept { return *stream_; }
    bool must_begin() const noexcept { return must_begin_; }

    /// Waits until the thread that reads has taken all that is there now.
    void settle(clock::time_point end) const noexcept {
        if (!has_reader_) return;
        is_urgent_ = true;
        stream_->wake();
        while (is_urgent_ && clock::now() < end) std::this_thread::sleep_for(50us);
    }

    // In a child by `fork`

    captured_output clone_for_child() const {
        return captured_output(which_, stream_->clone_for_child(), has_reader_ && stream_->is_captured());
    }
    void detach_in_child() noexcept { stream_->detach_in_child(); }

private:
    captured_output(standard_stream which, std::unique_ptr<platform::captured_stream> stream, bool must_begin)
        : which_(which),
          stream_(std::move(stream)),
          must_begin_(must_begin),
          lines_([this](std::string_view line) { add(line); }),
          console_(
              "", [] { return detail::where_records_are(*own_logger().file); }, which) {
        console_.open(std::make_unique<verbatim_formatter>(), spdlog::color_mode::never);
    }

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

    /// As many whole lines at once as a pipe takes all of or nothing.
    void show(std::string_view text) {
        constexpr std::size_t most = 4096;
        while (!text.empty()) {
            std::size_t size = text.substr(0, most).rfind('\n') + 1;
            if (size == 0) size = std::min(text.find('\n'), text.size() - 1) + 1;
            const std::string_view lines = text.substr(0, size);
            const auto count = std::count(lines.begin(), lines.end(), '\n');
            console_.log({time_, {}, "", spdlog::level::info, lines}, static_cast<std::size_t>(count));
            text.remove_prefix(size);
        }
    }

    class taking_mark {
    public:
        explicit taking_mark(std::atomic<bool>& flag) noexcept : flag_(flag) { flag_ = true; }
        ~taking_mark() { end(); }
        void end() noexcept { flag_ = false; }
        taking_mark(const taking_mark&) = delete;
        taking_mark& operator=(const taking_mark&) = delete;

    private:
        std::atomic<bool>& flag_;
    };

    using buffer = std::array<char, 64 * 1024>;

    standard_stream which_;
    std::unique_ptr<platform::captured_stream> stream_;
    std::atomic<bool> must_begin_;  // a child, at its first record
    std::atomic<bool> has_reader_{false};
    std::atomic<bool> is_taking_{false};
    mutable std::atomic<bool> is_urgent_{false};
    mutable std::atomic<bool> has_waited_in_vain_{false};
    std::unique_ptr<buffer> buffer_ = std::make_unique<buffer>();
    detail::line_splitter lines_;
    detail::console_writer console_;
    spdlog::log_clock::time_point time_;   // of the lines that are being recorded,
    detail::file_writer* file_ = nullptr;  // and the file that they go to
    std::string text_;
};

using guarded_output = detail::guarded<captured_output>;

std::array<guarded_output, 2>& outputs();

/// Reads for ever: a program that this one has started may write as long as it likes.
void read(guarded_output& output) {
    while (true) {
        std::optional<clock::time_point> due;
        try {
            const detail::sink_call inside;
            due = output.lock()->serve();
        } catch (const std::exception&) {
            // No memory, or a formatter of the program's: the line is lost.
        }
        output.without_lock().stream().wait(due);
    }
}

void begin(guarded_output& output) {
    if (output.lock()->begin()) platform::start_reader([&output] { read(output); });
}

/// What this thread has written before it logs comes before its record.
void before_record() noexcept {
    for (guarded_output& output : outputs()) {
        try {
            if (output.without_lock().must_begin()) begin(output);
            if (!output.without_lock().has_untaken()) continue;
            const detail::sink_call inside;
            const auto access = output.lock_until(clock::now() + output.without_lock().record_patience());
            output.without_lock().note_wait(static_cast<bool>(access));
            if (!access) continue;
            access->take();
            if (access->has_begun_line()) access->stream().wake();  // its time is the reader's to watch
        } catch (const std::exception&) {
            // The record is what counts.
        }
    }
}

/// Nothing if this thread was interrupted where it holds what the reader needs.
void settle() noexcept {
    if (detail::is_in_sink) return;
    const auto end = clock::now() + end_patience;
    for (guarded_output& output : outputs()) output.without_lock().settle(end);
}

void finish() noexcept {
    if (detail::is_in_sink) return;
    const auto end = clock::now() + end_patience;
    for (guarded_output& output : outputs()) {
        try {
            const detail::sink_call inside;
            if (const auto access = output.lock_until(end)) access->finish();
        } catch (const std::exception&) {
            // As in `read`.
        }
    }
}

constexpr detail::output_hooks hooks{settle, finish};

constexpr platform::sudden_end_hooks sudden_end_hooks{[](int number) noexcept {
                                                          if (detail::is_in_sink) {
                                                              detail::deferred_signal = number;
                                                              return false;
                                                          }
                                                          settle();
                                                          return true;
                                                      },
                                                      settle};

/// Makes them, and adds the hooks, at the first call. Thread-safe; never destroyed, as the threads read for ever.
std::array<guarded_output, 2>& outputs() {
    static std::array<guarded_output, 2>& instance = *[] {
        auto* const created = new std::array<guarded_output, 2>{guarded_output(standard_stream::output),
                                                                guarded_output(standard_stream::error)};
        platform::at_fork(
            [] {
                for (auto& each : outputs()) each.before_fork(clock::now() + longest_wait);
            },
            [] {
                for (auto& each : outputs()) each.after_fork_in_parent();
            },
            [] {
                for (auto& each : outputs()) each.after_fork_in_child();
            });
        platform::handle_sudden_end(sudden_end_hooks);
        return created;
    }();
    return instance;
}

}  // namespace

bool detail::is_output_captured() {
    if (detail::loggers_of_process().output == nullptr) return false;
    return std::any_of(outputs().begin(), outputs().end(),
                       [](guarded_output& each) { return each.lock()->stream().is_captured(); });
}

void capture_output() {
    get_logger_from_env();
    install_crash_handler();
    for (guarded_output& output : outputs()) {
        try {
            begin(output);
        } catch (...) {
            for (guarded_output& each : outputs()) each.lock()->end();
            throw;
        }
    }
    detail::process_loggers& process = detail::loggers_of_process();
    for (detail::role_logger& each : process.loggers) each.file->before_record = before_record;
    process.output = &hooks;
}

void release_output() noexcept {
    if (detail::loggers_of_process().output == nullptr) return;
    for (guarded_output& output : outputs()) output.lock()->end();
    finish();
}

}  // namespace chainner
