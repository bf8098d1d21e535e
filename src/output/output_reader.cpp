#include "output/output_reader.hpp"

#include <spdlog/details/log_msg.h>

#include <algorithm>
#include <cstring>
#include <exception>

#include "process_loggers.hpp"

namespace chainner::detail {

using platform::standard_stream;
using std::string_view;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t capacity = 2 * 1024 * 1024;  // of each stream
constexpr std::size_t most_at_once = 64 * 1024;    // what a pipe holds
constexpr std::size_t much_unshown = 64 * 1024;    // with so much to be shown no more is read that need not be
constexpr auto time_between_tries = 1ms;
constexpr auto longest_step = 10ms;  // after that the second thread helps
constexpr auto record_patience = 100ms;

/// There is one as soon as something is captured.
const role_logger& own_logger() noexcept { return *loggers_of_process().own; }

}  // namespace

output_reader::stream::stream(output_reader& reader, standard_stream stream_of_process)
    : which(stream_of_process),
      buffer(new char[capacity]),
      lines([&reader, stream_of_process](string_view line) { reader.record(stream_of_process, line); }),
      console(reader.streams_of_process_.make_console(stream_of_process),
              [] { return where_records_are(*own_logger().file); }) {}

output_reader::output_reader(platform::captured_streams& streams)
    : streams_of_process_(streams),
      streams_{stream(*this, standard_stream::output), stream(*this, standard_stream::error)} {}

void output_reader::start() {
    platform::start_reader([this] {
        owner_ = std::this_thread::get_id();
        while (true) {
            const clock::time_point next = serve();
            const auto has_room = [](const stream& each) {
                return each.filled < capacity && each.unshown().size() < much_unshown;
            };
            is_asleep_ = true;
            if (asked_ == seen_) streams_of_process_.wait({has_room(streams_[0]), has_room(streams_[1])}, next);
            is_asleep_ = false;
        }
    });
    platform::start_reader([this] { relieve(); });
}

// The owner

/// Returns when it is to be called again, if nothing comes.
output_reader::clock::time_point output_reader::serve() {
    ++step_;
    if (is_relief_asleep_.exchange(false)) streams_of_process_.ring_second();
    has_unrecorded_ = true;
    const int asked = seen_ = asked_;
    must_give_rest_ = is_rest_wanted_.exchange(false) || must_give_rest_;
    auto next = clock::time_point::max();
    try {
        bool is_done = true;
        for (stream& each : streams_) is_done = take(each) && is_done;
        is_done = record() && is_done;
        bool is_shown = true;
        for (stream& each : streams_) {
            const std::string_view text = each.unshown();
            each.shown += each.console.show(text, clock::now());
            make_room(each);
            is_shown = each.unshown().empty() && is_shown;
            next = std::min(next, each.lines.due().value_or(next));
        }
        has_unshown_ = !is_shown;
        if (is_done) answer(asked);
        if (!is_done || !is_shown) next = std::min(next, clock::now() + time_between_tries);
    } catch (const std::exception&) {
        // No memory, or a formatter of the program's: the line is lost.
        next = clock::now();
    }
    ++step_;
    return next;
}

/// false if there may be more that was there before.
bool output_reader::take(stream& from) {
    if (from.unshown().size() >= much_unshown && asked_ == answered_) return true;
    if (from.filled == capacity && must_give_rest_) {
        from.console.skip(from.unshown());
        from.shown = from.filled;
        make_room(from);
    }
    const std::size_t room = std::min(capacity - from.filled, most_at_once);
    const auto size = read(from);
    return size && (*size < room || room == most_at_once);
}

/// Nothing while the other thread reads.
std::optional<std::size_t> output_reader::read(stream& from) {
    const std::unique_lock lock(reading_, std::try_to_lock);
    if (!lock) return std::nullopt;
    const std::size_t filled = from.filled;
    const std::size_t size =
        streams_of_process_.read(from.which, from.buffer.get() + filled, std::min(capacity - filled, most_at_once));
    from.filled = filled + size;
    return size;
}

/// What is done with makes room once it is much, or all.
void output_reader::make_room(stream& in) {
    const std::unique_lock lock(reading_, std::try_to_lock);
    const std::size_t done = std::min(in.recorded, in.shown);
    const std::size_t left = in.filled - done;
    if (!lock || done == 0 || (left > 0 && done < most_at_once)) return;
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
        return !each.unrecorded().empty() || (due && (*due <= now || must_give_rest_));
    };
    if (std::any_of(streams_.begin(), streams_.end(), has_something)) {
        const auto access = own_logger().file->lock_until(now);
        if (access) waits_since_.reset();
        if (!access && !waits_since_) waits_since_ = now;
        if (!access && vouchers_ == 0 && now - *waits_since_ < lock_patience) return false;
        file_ = access ? &*access : nullptr;
        time_ = spdlog::log_clock::now();
        for (stream& each : streams_) {
            const string_view text = each.unrecorded();
            each.recorded += text.size();
            each.lines.add(text, now);
            each.lines.give_if_due(now);
            if (must_give_rest_) each.lines.give_rest();
        }
        if (access) access->write_batch();
    }
    must_give_rest_ = false;
    has_unrecorded_ = false;
    return true;
}

void output_reader::record(standard_stream which, string_view line) {
    step_ += 2;
    const spdlog::logger& logger = *own_logger().logger;
    if (!logger.should_log(spdlog::level::info)) return;
    text_.assign(which == standard_stream::output ? "stdout: " : "stderr: ").append(line);
    const spdlog::details::log_msg record(time_, {}, logger.name(), spdlog::level::info, text_);
    if (file_ != nullptr) {
        file_->add_to_batch(record);
    } else {
        own_logger().file->without_lock().log_without_lock(record);
    }
}

void output_reader::answer(int asked) noexcept {
    if (asked == answered_) return;
    answered_ = asked;
    platform::wake_all(answered_);
}

// The second thread

void output_reader::relieve() {
    for (int before = 0;;) {
        const int step = step_;
        const bool is_at_work = step % 2 != 0;
        if (is_at_work && step == before) {
            for (stream& each : streams_) {
                while (read(each).value_or(0) > 0) {
                }
            }
            streams_of_process_.ring();
        }
        is_relief_asleep_ = !is_at_work && step == before;
        // A step that begins now rings.
        const bool may_sleep = is_relief_asleep_ && step_ == step;
        streams_of_process_.wait_beside(may_sleep ? clock::time_point::max() : clock::now() + longest_step);
        is_relief_asleep_ = false;
        before = step;
    }
}

// Those who ask

void output_reader::settle_before_record() noexcept {
    if (!streams_of_process_.has_unread() && !has_unrecorded_) return;
    if (unanswered_ - answered_ > 0 || owner_ == std::this_thread::get_id()) return;
    if (const int question = ask(); !is_answered(question, clock::now() + record_patience)) unanswered_ = question;
}

void output_reader::settle(bool holds_file, clock::time_point end) noexcept {
    if (owner_ == std::this_thread::get_id()) return;
    if (holds_file) ++vouchers_;
    is_rest_wanted_ = true;
    while (is_answered(ask(), end) && has_unshown_ && clock::now() < end) {
        platform::wait_while(answered_, answered_, clock::now() + time_between_tries);
    }
    if (holds_file) --vouchers_;
}

int output_reader::ask() noexcept {
    const int question = ++asked_;
    // What there is to read wakes the owner as well.
    if (is_asleep_ && !streams_of_process_.has_unread()) streams_of_process_.ring();
    return question;
}

bool output_reader::is_answered(int question, clock::time_point end) const noexcept {
    int answered = answered_;
    while (answered - question < 0) {
        if (clock::now() >= end) return false;
        platform::wait_while(answered_, answered, end);
        answered = answered_;
    }
    return true;
}

void output_reader::finish_without_threads(clock::time_point end) noexcept {
    if (step_ % 2 != 0) return;  // its owner has ended in the midst of its work
    is_rest_wanted_ = true;
    do {
        serve();
    } while ((streams_of_process_.has_unread() || has_unrecorded_ || has_unshown_) && clock::now() < end);
}

}  // namespace chainner::detail
