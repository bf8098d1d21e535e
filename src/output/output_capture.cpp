#include "output/output_capture.hpp"

#include <algorithm>
#include <atomic>
#include <chainner/crash_handler.hpp>
#include <chainner/logger.hpp>
#include <chainner/output_capture.hpp>
#include <chrono>
#include <exception>
#include <memory>

#include "guarded_sink.hpp"
#include "output/output_reader.hpp"
#include "platform/ending.hpp"
#include "platform/output.hpp"
#include "platform/process.hpp"
#include "process_loggers.hpp"

namespace chainner {

namespace {

using clock = std::chrono::steady_clock;
using platform::captured_streams;
using namespace std::chrono_literals;

constexpr auto end_patience = 1s;        // so long the end of the process waits,
constexpr auto buffer_patience = 100ms;  // and whoever wants what C has in a buffer

struct capture {
    const std::unique_ptr<captured_streams> streams = platform::make_captured_streams();
    std::atomic<detail::output_reader*> reader{nullptr};  // null in a child that speaks into its parent's pipes
};

/// Null until something is captured; never destroyed. Changed, as the streams are, under the lock of the set-up.
std::atomic<capture*> present{nullptr};

void go_on_in_child() {
    present.load()->reader = nullptr;
    present.load()->streams->leave_to_parent();
}

/// Throws `std::system_error`.
void begin(captured_streams::choice which) {
    static capture& now = []() -> capture& {
        present = new capture;
        platform::at_fork(nullptr, nullptr, go_on_in_child);
        return *present;
    }();
    if (now.reader == nullptr) {
        now.streams->open();
        auto* const reader = new detail::output_reader(*now.streams);  // its first thread's, if it gets no second one
        reader->start();
        now.reader = reader;
    }
    now.streams->capture(which);
}

using time_point = spdlog::log_clock::time_point;

/// What this thread has written before it logs comes before its record. A child whose parent has ended begins here.
time_point before_record(time_point time) noexcept {
    capture& now = *present;
    if (detail::output_reader* const reader = now.reader) return reader->settle_before_record(time);
    try {
        if (!now.streams->is_orphaned()) return time;
        if (const auto setup = detail::loggers_of_process().setup.lock()) begin(captured_streams::choice::orphaned);
    } catch (const std::exception&) {
        // The record is what counts.
    }
    return time;
}

void settle() noexcept {
    const capture* const now = present;
    detail::output_reader* const reader = now != nullptr ? now->reader.load() : nullptr;
    if (reader != nullptr) reader->settle(clock::now() + end_patience);
}

void give_back(void (captured_streams::*release)() noexcept) noexcept {
    const platform::no_cancellation no_cancellation;
    capture& now = *present;
    if (now.reader != nullptr) now.streams->flush_buffers(clock::now() + buffer_patience);
    settle();
    ((*now.streams).*release)();
    settle();  // what came in between
}

void finish() noexcept {
    capture& now = *present;
    detail::output_reader* const reader = now.reader;
    if (reader == nullptr) return;
    if (!platform::has_ended_threads()) return give_back(&captured_streams::release_at_end);
    reader->finish_without_threads(clock::now() + end_patience);
    now.streams->release_at_end();
}

constexpr detail::output_hooks hooks{settle, finish};

}  // namespace

bool detail::is_output_captured() noexcept {
    const capture* const now = present;
    return now != nullptr && std::any_of(platform::standard_streams.begin(), platform::standard_streams.end(),
                                         [&](auto each) { return now->streams->is_captured(each); });
}

void capture_output() {
    get_logger_from_env();
    install_crash_handler();
    detail::process_loggers& process = detail::loggers_of_process();
    const auto setup = process.setup.lock();
    if (!setup) return;  // a signal handler has interrupted a call that does it
    begin(captured_streams::choice::all);
    platform::handle_sudden_end(settle);
    for (detail::role_logger& each : process.loggers) each.file->before_record = before_record;
    process.output = &hooks;
}

void release_output() noexcept {
    if (present == nullptr) return;
    if (const auto setup = detail::loggers_of_process().setup.lock()) give_back(&captured_streams::release);
}

}  // namespace chainner
