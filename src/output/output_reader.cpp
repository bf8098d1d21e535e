#include "output/output_reader.hpp"

#include <spdlog/details/log_msg.h>

#include <algorithm>
#include <cstring>
#include <exception>

#include "platform/process.hpp"
#include "process_loggers.hpp"

namespace chainner::detail {

using platform::standard_stream;
namespace captured_streams = platform::captured_streams;
using std::string_view;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t capacity = 2 * 1024 * 1024;  // of each stream
constexpr std::size_t most_at_once = 64 * 1024;    // what a pipe holds
constexpr std::size_t much_unshown = 64 * 1024;    // with so much to be shown no more is read that need not be
constexpr auto time_between_tries = 1ms;
constexpr auto time_between_looks = 10ms;  // while a line has no end yet
constexpr auto longest_step = 10ms;        // after that the second thread helps
constexpr auto record_patience = 100ms;

string_view first_line(string_view text) { return text.substr(0, text.find('\n') + 1); }

/// There is one as soon as something is captured.
const role_logger& own_logger() noexcept { return *loggers_of_process().own; }

}  // namespace

output_reader::stream::stream(output_reader& reader, standard_stream stream_of_process)
    : which(stream_of_process),
      buffer(new char[capacity]),
      lines([&reader, this](string_view line) { reader.record(*this, line); }),
      others(platform::process_id()),
      console(platform::make_console(stream_of_process, platform::console_target::original), first_line,
              [](std::size_t missing) { return describe_missing(missing, *own_logger().file) + '\n'; }) {}

void output_reader::start() {
    platform::start_thread([this] { relieve(); });
    platform::start_thread([this] {
        owner_ = std::this_thread::get_id();
        while (true) {
            const clock::time_point next = serve();
            const auto has_room = [](const stream& each) {
                return each.filled < capacity && each.unshown().size() < much_unshown;
            };
            captured_streams::wait({has_room(streams_[0]), has_room(streams_[1])}, next);
        }
    });
}

// The owner

/// Returns when it is to be called again, if nothing comes.
output_reader::clock::time_point output_reader::serve() {
    {
        const std::lock_guard lock(reading_);
        ++step_;
    }
    step_begins_.notify_one();
    const int asked = asked_;
    if (is_rest_wanted_.exchange(false)) gives_rest_ = true;  // of what has come until now, so before it is taken
    bool is_done = true;
    try {
        for (stream& each : streams_) is_done = take(each) && is_done;
        is_done = record() && is_done;
        for (stream& each : streams_) {
            if (each.unshown().empty()) continue;
            each.console.follow();
            each.shown += each.console.show(each.unshown());
        }
    } catch (const std::exception&) {
        is_done = false;  // no memory
    }
    return end_step(asked, is_done);
}

output_reader::clock::time_point output_reader::end_step(int asked, bool is_done) noexcept {
    const auto is_any = [this](auto is_so) { return std::any_of(streams_.begin(), streams_.end(), is_so); };
    const std::lock_guard lock(reading_);
    for (stream& each : streams_) make_room(each);
    // In this order, so that at no moment nothing seems to be left.
    has_rest_ = is_any([](const stream& each) { return each.lines.due().has_value(); });
    has_unshown_ = is_any([](const stream& each) { return !each.unshown().empty(); });
    has_unrecorded_ = is_any([](const stream& each) { return !each.unrecorded().empty(); });
    if (is_done) gives_rest_ = false;
    if (is_done && answered_.exchange(asked) != asked) platform::wake_all(answered_);
    ++step_;
    const auto now = clock::now();
    if (is_done && asked_ != asked) return now;
    if (!is_done || has_unrecorded_ || has_unshown_) return now + time_between_tries;
    return has_rest_ ? now + time_between_looks : clock::time_point::max();
}

/// false if there may be more that was there before.
bool output_reader::take(stream& from) {
    if (from.unshown().size() >= much_unshown && asked_ == answered_) return true;
    const std::lock_guard lock(reading_);
    if (from.filled == capacity && gives_rest_) {
        from.console.leave_out(from.unshown());
        from.shown = from.filled;
        make_room(from);
    }
    return read(from);
}

bool output_reader::read(stream& from) {
    const std::size_t filled = from.filled;
    const std::size_t room = std::min(capacity - filled, most_at_once);
    has_unrecorded_ = true;
    const std::size_t size = captured_streams::read(from.which, from.buffer.get() + filled, room);
    from.filled = filled + size;
    from.is_emptied = size < room;
    return size < room || room == most_at_once;
}

/// What is done with makes room once it is much, or all.
void output_reader::make_room(stream& in) {
    const std::size_t done = std::min(in.recorded, in.shown);
    const std::size_t left = in.filled - done;
    if (done == 0 || (left > 0 && done < most_at_once)) return;
    std::memmove(in.buffer.get(), in.buffer.get() + done, left);
    in.filled = left;
    in.recorded -= done;
    in.shown -= done;
}

/// false if that is to be done later.
bool output_reader::record() {
    const auto now = clock::now();
    const auto has_something = [&](const stream& each) {
        const auto due = each.lines.due();
        return !each.unrecorded().empty() || (due && (*due <= now || gives_rest_));
    };
    if (std::none_of(streams_.begin(), streams_.end(), has_something)) return true;
    const auto access = own_logger().file->lock_for(0s);
    if (access) waits_since_.reset();
    if (!access && now - (waits_since_ ? *waits_since_ : waits_since_.emplace(now)) < lock_patience) return false;
    file_ = access ? &*access : nullptr;
    time_ = spdlog::log_clock::now();
    for (stream& each : streams_) {
        const string_view text = each.unrecorded();
        each.recorded += text.size();
        each.lines.add(text, now);
        if (each.is_emptied) each.others.pause();
        each.lines.give_if_due(now);
        if (gives_rest_) each.lines.give_rest();
    }
    if (access) access->write_batch();
    return true;
}

void output_reader::record(stream& of, string_view line) try {
    step_ += 2;
    const spdlog::logger& logger = *own_logger().logger;
    if (of.others.have(line) || !logger.should_log(spdlog::level::info)) return;
    text_.assign(of.which == standard_stream::output ? "stdout: " : "stderr: ").append(line);
    const spdlog::details::log_msg record(time_, {}, logger.name(), spdlog::level::info, text_);
    if (file_ != nullptr) {
        file_->add_to_batch(record);
    } else {
        own_logger().file->without_lock().log_without_lock(record);
    }
} catch (const std::exception&) {
    // No memory, or a formatter of the program's: this line is lost, and no other one.
}

// The second thread

void output_reader::relieve() {
    for (int before = 0;;) {
        std::unique_lock lock(reading_);
        step_begins_.wait(lock, [&] { return step_ != before || step_ % 2 != 0; });
        if (step_ == before) {
            for (stream& each : streams_) read(each);
        }
        before = step_;
        lock.unlock();
        std::this_thread::sleep_for(longest_step);
    }
}

// Those who ask

output_reader::record_time output_reader::settle_before_record(record_time time) noexcept {
    const bool has_something = captured_streams::has_unread() || has_unrecorded_;
    if (has_something && unanswered_ - answered_ <= 0 && owner_ != std::this_thread::get_id()) {
        const int question = ++asked_;
        if (!is_answered(question, clock::now() + record_patience)) unanswered_ = question;
    }
    const record_time captured = time_;
    return captured > time && captured - time < 1s ? captured : time;
}

void output_reader::settle(clock::time_point end) noexcept {
    if (owner_ == std::this_thread::get_id() || !is_busy()) return;
    is_rest_wanted_ = true;
    while (is_answered(++asked_, end) && has_unshown_ && clock::now() < end) {
        platform::wait_while(answered_, answered_, clock::now() + time_between_tries);
    }
}

/// Otherwise all is done, and the owner sleeps until something is written.
bool output_reader::is_busy() const noexcept {
    return captured_streams::has_unread() || has_unrecorded_ || has_unshown_ || has_rest_;
}

bool output_reader::is_answered(int question, clock::time_point end) const noexcept {
    for (int answered = answered_; answered - question < 0 && is_busy(); answered = answered_) {
        if (clock::now() >= end) return false;
        platform::wait_while(answered_, answered, end);
    }
    return true;
}

void output_reader::finish_without_threads(clock::time_point end) noexcept {
    // Its owner may have ended in the midst of its work.
    if (step_ % 2 != 0 || !std::unique_lock(reading_, std::try_to_lock)) return;
    is_rest_wanted_ = true;
    do {
        serve();
    } while (is_busy() && clock::now() < end);
}

}  // namespace chainner::detail
