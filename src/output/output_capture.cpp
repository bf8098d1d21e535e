#include "output/output_capture.hpp"

#include <algorithm>
#include <atomic>
#include <chainner/crash_handler.hpp>
#include <chainner/logger.hpp>
#include <chainner/output_capture.hpp>
#include <chrono>
#include <exception>

#include "guarded.hpp"
#include "output/output_reader.hpp"
#include "platform/ending.hpp"
#include "platform/output.hpp"
#include "platform/process.hpp"
#include "process_loggers.hpp"

namespace chainner {

namespace {

using clock = std::chrono::steady_clock;
namespace captured_streams = platform::captured_streams;
using namespace std::chrono_literals;

constexpr auto end_patience = 1s;        // so long the end of the process waits,
constexpr auto buffer_patience = 100ms;  // and whoever wants what C has in a buffer

/// Null until something is captured, and in a child that speaks into its parent's pipes. Never destroyed. Changed, as
/// the streams are, under the lock of the set-up.
std::atomic<detail::output_reader*> present_reader{nullptr};
std::atomic<bool> has_begun{false};  // in this process, or in its parent

void settle() noexcept {
    if (detail::output_reader* const reader = present_reader) reader->settle(clock::now() + end_patience);
}

void go_on_in_child() {
    present_reader = nullptr;
    captured_streams::leave_to_parent();
}

/// Throws `std::system_error`.
void begin(captured_streams::choice which) {
    if (present_reader == nullptr) {
        captured_streams::open();
        has_begun = true;
        auto* const reader = new detail::output_reader;  // its first thread's, if it gets no second one
        reader->start();
        present_reader = reader;
    } else {
        settle();  // what was written goes where the stream led then
    }
    captured_streams::capture(which);
}

using time_point = spdlog::log_clock::time_point;

/// What this thread has written before it logs comes before its record. A child whose parent has ended begins here.
time_point before_record(time_point time) noexcept {
    if (detail::output_reader* const reader = present_reader) return reader->settle_before_record(time);
    try {
        if (!captured_streams::is_orphaned()) return time;
        if (const auto setup = detail::loggers_of_process().setup.lock()) begin(captured_streams::choice::orphaned);
    } catch (const std::exception&) {
        // The record is what counts.
    }
    return time;
}

void give_back(void (*release)() noexcept) noexcept {
    const platform::no_cancellation no_cancellation;
    if (present_reader != nullptr) captured_streams::flush_buffers(clock::now() + buffer_patience);
    settle();
    release();
    settle();  // what came in between
}

void finish() noexcept {
    detail::output_reader* const reader = present_reader;
    if (reader == nullptr) return;
    if (!platform::has_ended_threads()) return give_back(captured_streams::release_at_end);
    reader->finish_without_threads(clock::now() + end_patience);
    captured_streams::release_at_end();
}

constexpr detail::output_hooks hooks{settle, finish};

}  // namespace

bool detail::is_output_captured() noexcept {
    return std::any_of(platform::standard_streams.begin(), platform::standard_streams.end(),
                       captured_streams::is_captured);
}

void capture_output() {
    get_logger_from_env();
    install_crash_handler();
    detail::process_loggers& process = detail::loggers_of_process();
    static platform::once follows_forks;  // before the lock, for which a fork waits once its hooks are chosen
    follows_forks([] { platform::at_fork(nullptr, nullptr, go_on_in_child); });
    const auto setup = process.setup.lock();
    if (!setup) return;  // a signal handler has interrupted a call that does it
    begin(captured_streams::choice::all);
    platform::handle_sudden_end(settle);
    for (detail::role_logger& each : process.loggers) each.file->before_record = before_record;
    process.output = &hooks;
}

void release_output() noexcept {
    if (!has_begun) return;
    if (const auto setup = detail::loggers_of_process().setup.lock()) give_back(captured_streams::release);
}

}  // namespace chainner
