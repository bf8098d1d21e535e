#include "file_sink.hpp"

#include <spdlog/details/os.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/sinks/rotating_file_sink.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <limits>
#include <thread>
#include <utility>

#include "origin.hpp"
#include "record_format.hpp"

namespace chainner::detail {

namespace fs = std::filesystem;
using spdlog::fmt_lib::format;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t most_held = 1024 * 1024;
constexpr std::size_t look_bytes = 64 * 1024;
constexpr auto look_interval = 100ms;
constexpr auto shortest_pause = 100ms;
constexpr auto longest_wait_at_the_end = 100ms;
constexpr int most_names = 1000;

// The records that mark a session, whatever the pattern.
constexpr std::string_view session_begin = "Logger initialized for ";
constexpr std::string_view session_end = "Logger closed for ";
constexpr std::size_t session_end_bytes = 8 * 1024;  // so far from the end of a file it is looked for

/// Minutes. spdlog's own function does not know of TZ on Windows, as the times of the records do.
int utc_offset_at(spdlog::log_clock::time_point time) {
    const std::time_t seconds = spdlog::log_clock::to_time_t(time);
    const std::tm local = spdlog::details::os::localtime(seconds);
    const std::tm utc = spdlog::details::os::gmtime(seconds);
    const int days = local.tm_year != utc.tm_year ? local.tm_year - utc.tm_year : local.tm_yday - utc.tm_yday;
    return (days * 24 + local.tm_hour - utc.tm_hour) * 60 + local.tm_min - utc.tm_min;
}

spdlog::log_clock::time_point minute_after(spdlog::log_clock::time_point time) {
    return std::chrono::floor<std::chrono::minutes>(time) + 1min;
}

/// Whether another name may do where this one did not: another process writes there, or somebody else's file is there.
bool is_taken(const fs::filesystem_error& error, const fs::path& path) {
    const std::error_code& code = error.code();
    if (code == std::errc::resource_unavailable_try_again) return true;
    std::error_code ignored;
    return (code == std::errc::permission_denied || code == std::errc::operation_not_permitted ||
            code == std::errc::too_many_symbolic_link_levels || code == std::errc::is_a_directory ||
            code == std::errc::no_such_device_or_address) &&
           fs::exists(fs::symlink_status(path, ignored));
}

/// What the system said, if it said something.
std::string reason_of(const std::exception& error) {
    const auto* const of_files = dynamic_cast<const fs::filesystem_error*>(&error);
    return of_files != nullptr && of_files->code() ? of_files->code().message() : error.what();
}

/// Of several in a row. A line that begins with a tab goes on with the record before it.
std::string_view first_record(std::string_view records) {
    std::size_t end = records.find('\n');
    while (end < records.size() - 1 && records[end + 1] == '\t') end = records.find('\n', end + 1);
    return records.substr(0, end == records.npos ? end : end + 1);
}

std::string lost_text(std::size_t lost) {
    if (lost == 0) return "no record was lost";
    return lost == 1 ? "1 record was lost" : format("{} records were lost", lost);
}

}  // namespace

/// spdlog's sink opens, names and rotates the file and owns its stream; the descriptor below the stream is ours, locked
/// and private. Records are written to that descriptor: a stream does not tell how much of a record a full disk took.
struct file_sink::live_file {
    enum class start { join, rotate };

    live_file(fs::path name, std::size_t max_files, start how) : path(std::move(name)) {
        spdlog::file_event_handlers handlers;
        handlers.before_open = [this, how, max_files, is_full_file = how == start::rotate](const auto&) mutable {
            // Before it rotates, spdlog opens the full file, which the live file before us still has locked.
            if (std::exchange(is_full_file, false)) return;
            if (how == start::rotate && max_files == 0) platform::remove_open_file(path);
            // To fail where the full file could not be renamed keeps spdlog from emptying it.
            ours = platform::open_log_file(
                path, how == start::rotate ? platform::open_mode::create_new : platform::open_mode::create_or_append);
        };
        handlers.after_open = [this](const auto&, std::FILE* stream) {
            if (ours) number = platform::redirect(stream, std::exchange(ours, {}));
        };
        try {
            // When to rotate is decided here, not by the sink: it would have closed the file before it can know whether
            // it gets another one.
            constexpr auto never = std::numeric_limits<std::size_t>::max();
            sink = std::make_unique<spdlog::sinks::rotating_file_sink_mt>(platform::spdlog_filename(path), never,
                                                                          max_files, how == start::rotate, handlers);
        } catch (const spdlog::spdlog_ex& error) {
            throw fs::filesystem_error(error.what(), path, std::make_error_code(std::errc::io_error));
        }
        if (number < 0) {
            throw fs::filesystem_error("removed while it was rotated", path,
                                       std::make_error_code(std::errc::no_such_file_or_directory));
        }
        take_size();
        is_cut_short = !platform::ends_in_line_feed(number);
    }

    /// false if the last session has left no record of its end.
    bool is_session_ended() const {
        std::array<char, session_end_bytes> end;
        const std::string_view text(end.data(), platform::read_end(number, end.data(), end.size()));
        const std::size_t begun = text.rfind(session_begin);
        const std::size_t ended = text.rfind(session_end);
        return text.empty() || (ended != text.npos && (begun == text.npos || begun < ended));
    }

    void take_size() { size = whole_size = looked_at = platform::file_size(number); }

    /// What it took since the last look, without a record that was cut short.
    std::string latest() const {
        const std::uintmax_t end = platform::file_size(number);
        const bool was_emptied = end < looked_at;
        std::string text(static_cast<std::size_t>(was_emptied ? end : end - looked_at), '\0');
        text.resize(platform::read_end(number, text.data(), text.size()));
        text.resize(text.size() - std::min<std::size_t>(text.size(), static_cast<std::size_t>(size - whole_size)));
        text.erase(0, text.find_first_not_of('\n'));  // the end of a line that was cut short before
        return text;
    }

    platform::placement placement() const { return platform::placement_of(number, path); }

    fs::path path;
    int number = -1;
    std::uintmax_t size = 0;
    std::uintmax_t whole_size = 0;  // at the end of the last whole record
    std::uintmax_t looked_at = 0;   // at the last look
    bool is_cut_short = false;
    platform::descriptor ours;
    std::unique_ptr<spdlog::sinks::rotating_file_sink_mt> sink;

    static std::unique_ptr<live_file> open_first_free(const target& place) {
        const auto lock = platform::lock_directory(place.directory);
        for (int number = 1;; ++number) {
            const std::string suffix = number == 1 ? "" : "-" + std::to_string(number);
            const fs::path path = place.directory / (place.role + suffix + ".log");
            try {
                return std::make_unique<live_file>(path, place.max_files, start::join);
            } catch (const fs::filesystem_error& error) {
                if (number == most_names || !is_taken(error, path)) throw;
            }
        }
    }

    std::unique_ptr<live_file> rotated(const target& place) const {
        const auto lock = platform::lock_directory(place.directory);
        return std::make_unique<live_file>(path, place.max_files, start::rotate);
    }
};

file_sink::file_sink(std::string logger_name) : logger_name_(std::move(logger_name)) {}

file_sink::~file_sink() = default;

void file_sink::open(target place, std::unique_ptr<spdlog::formatter> formatter) {
    const std::lock_guard lock(mutex_);
    const time_point now = spdlog::log_clock::now();
    std::error_code ignored;
    const bool is_open = live_ && target_->role == place.role &&
                         fs::equivalent(target_->directory, place.directory, ignored) &&
                         live_->placement() == platform::placement::in_place;
    if (!is_open) {
        platform::make_directories(place.directory, place.sharing);
        auto next = live_file::open_first_free(place);
        if (live_ && live_->placement() == platform::placement::removed) abandon();
        say_end(now);
        use(std::move(next));
        is_in_session_ = false;
        if (held_.empty()) fault_.reset();
        was_left_open_ = !live_->is_session_ended();
        last_look_ = now;
        is_child_ = false;
    }
    target_ = std::move(place);
    utc_offset_ = utc_offset_at(now);
    next_minute_ = minute_after(now);
    formatter_ = std::move(formatter);
    next_try_ = {};
    settle(now);
}

void file_sink::begin_session() {
    const std::lock_guard lock(mutex_);
    const time_point now = spdlog::log_clock::now();
    is_in_session_ = true;
    if (!live_ || !held_.empty()) return;
    say_origin("", 0, now);
    if (std::exchange(was_left_open_, false)) {
        note(spdlog::level::info,
             "The previous session of this log ended without a closing record, as after a kill, a crash, a power loss "
             "or _exit",
             now);
    }
}

void file_sink::close() {
    const std::lock_guard lock(mutex_);
    settle(spdlog::log_clock::now());
    say_end(spdlog::log_clock::now());
    is_in_session_ = false;
    target_.reset();
    use(nullptr);
    forget_fault();
}

void file_sink::release() {
    const std::lock_guard lock(mutex_);
    settle(spdlog::log_clock::now());
    say_end(spdlog::log_clock::now());
    use(nullptr);
    next_try_ = {};
}

fs::path file_sink::path() {
    const std::lock_guard lock(mutex_);
    return live_ ? live_->path : fs::path();
}

void file_sink::end() {
    // In a DLL of Windows, such as Python's module, this runs when Windows has ended all other threads, wherever they
    // were: one that held this lock holds it for ever. The locks that are taken further on are critical sections of the
    // C runtime and the system, which do not wait any more then. Elsewhere the holder may be the function that was
    // interrupted by the signal handler that ends the process.
    const auto deadline = clock::now() + longest_wait_at_the_end;
    while (!mutex_.try_lock()) {
        if (clock::now() >= deadline) return;
        std::this_thread::sleep_for(1ms);
    }
    const std::lock_guard lock(mutex_, std::adopt_lock);
    const time_point now = spdlog::log_clock::now();
    next_try_ = {};
    settle(now);
    say_end(now);
}

void file_sink::leave_to_parent() {
    use(nullptr);
    forget_fault();
    next_try_ = {};
    is_child_ = true;
}

void file_sink::sink_it_(const spdlog::details::log_msg& msg) {
    if (!target_) return;
    clear(formatted_);
    formatter_->format(msg, formatted_);
    take({formatted_.data(), formatted_.size()}, msg.time);
}

void file_sink::flush_() { settle(spdlog::log_clock::now()); }

void file_sink::set_pattern_(const std::string& pattern) { formatter_ = make_formatter(pattern); }

void file_sink::set_formatter_(std::unique_ptr<spdlog::formatter> formatter) {
    formatter_ = make_unforgeable(std::move(formatter));
}

// The normal path

void file_sink::take(std::string_view record, time_point now) {
    if ((!live_ || !held_.empty()) && is_try_due()) recover(now);
    if (now >= next_minute_) watch_utc_offset(now);
    if (!live_ || !held_.empty() || !put(record, now)) {
        hold(record);
        return;
    }
    const bool is_recent = now >= last_look_ && now - last_look_ < look_interval;
    if (lost_ > 0) end_fault(now);
    if (!is_recent || live_->size - live_->looked_at >= look_bytes) look(now);
}

bool file_sink::put(std::string_view record, time_point now) {
    const auto is_line_begun = [&] { return !live_->is_cut_short || append("\n"); };
    if (!is_line_begun()) return false;
    const auto is_full = [&] { return live_->size > 0 && live_->size + record.size() > target_->max_size; };
    while (is_full() && is_try_due() && rotate(record.size(), now)) {
    }
    return is_line_begun() && write(record);
}

bool file_sink::rotate(std::size_t room, time_point now) {
    if (live_->placement() != platform::placement::in_place) return false;  // the next look finds out
    const auto began = clock::now();
    try {
        // spdlog would learn it from a rename, and sleep 100 ms before it believes it.
        if (const auto error = platform::check_usable(target_->directory, target_->sharing)) {
            throw fs::filesystem_error("cannot rename files", target_->directory, error);
        }
        use(live_->rotated(*target_));
    } catch (const std::exception& error) {
        begin_fault("could not be rotated", reason_of(error));
        pause(began);
        return false;
    }
    say_origin("Continues an older file. ", room, now);
    live_->looked_at = live_->size;
    if (held_.empty()) end_fault(now);
    return true;
}

bool file_sink::write(std::string_view record) {
    if (!append(record)) return false;
    live_->whole_size = live_->size;
    return true;
}

bool file_sink::append(std::string_view text) {
    std::error_code error;
    const std::size_t written = platform::write(live_->number, text, error);
    live_->size += written;
    if (written == text.size()) {
        live_->is_cut_short = false;
        return true;
    }
    if (written > 0) live_->is_cut_short = true;
    begin_fault("could not be written", error.message());
    pause(clock::now());
    return false;
}

void file_sink::look(time_point now) {
    last_look_ = now;
    const auto placement = live_->placement();
    // Others may have written to it, or emptied it.
    if (placement != platform::placement::removed) live_->take_size();
    if (placement == platform::placement::in_place) return;
    if (placement == platform::placement::removed) {
        begin_fault("was removed by somebody, with all but its last records");
        abandon();
    } else {
        begin_fault("was renamed by somebody");
    }
    if (is_try_due()) recover(now);
}

void file_sink::use(std::unique_ptr<live_file> next) {
    number_ = next ? next->number : -1;  // before the present file is closed
    live_ = std::move(next);
}

/// The offset changes at a full minute, if at all.
void file_sink::watch_utc_offset(time_point now) {
    if (!live_ || !held_.empty()) return;
    next_minute_ = minute_after(now);
    const int before = utc_offset_.exchange(utc_offset_at(now));
    if (before == utc_offset_) return;
    note(spdlog::level::info,
         format("Local time is UTC{} from now on, it was UTC{}", utc_offset_text(utc_offset_), utc_offset_text(before)),
         now);
}

/// Leaves `room` bytes in the file: what is only about the file must not take it from the records.
void file_sink::say_origin(const std::string& before, std::size_t room, time_point now) {
    if (!is_in_session_) return;
    spdlog::memory_buf_t record;
    format_note(spdlog::level::info, before + origin(target_->role, target_->application_version, utc_offset_), now,
                record);
    if (live_->size + record.size() + room <= target_->max_size) write({record.data(), record.size()});
}

void file_sink::say_end(time_point now) {
    if (!is_in_session_ || !live_ || !held_.empty()) return;
    note(spdlog::level::info, format("{}{} process", session_end, target_->role), now);
}

// Faults

void file_sink::begin_fault(const std::string& what, const std::string& reason) {
    if (fault_) return;
    const fs::path path = live_ ? live_->path : target_->directory / (target_->role + ".log");
    fault_ = fault{path, reason.empty() ? what : format("{} ({})", what, reason), clock::now()};
}

/// With all that is held for its end.
void file_sink::forget_fault() {
    held_.clear();
    held_.shrink_to_fit();
    fault_.reset();
    lost_ = 0;
}

/// Leaves a file that nobody will find. What it took since the last look is older than all that is held.
void file_sink::abandon() {
    held_.insert(0, live_->latest());
    use(nullptr);
}

void file_sink::hold(std::string_view record) {
    if (held_.size() + record.size() <= most_held) {
        held_.append(record);
    } else {
        ++lost_;
    }
}

bool file_sink::is_try_due() const { return clock::now() >= next_try_; }

/// What took long costs long pauses, so that a fault never takes more than a tenth of the time.
void file_sink::pause(clock::time_point began) {
    const auto now = clock::now();
    next_try_ = now + std::max<clock::duration>(shortest_pause, 10 * (now - began));
}

void file_sink::recover(time_point now) {
    const auto began = clock::now();
    bool is_new = false;
    try {
        if (live_ && live_->placement() == platform::placement::removed) abandon();
        if (!live_ || live_->placement() == platform::placement::moved) {
            platform::make_directories(target_->directory, target_->sharing);
            use(live_file::open_first_free(*target_));
            last_look_ = now;
            is_new = true;
        }
    } catch (const std::exception& error) {
        begin_fault("could not be opened", reason_of(error));
        pause(began);
        return;
    }
    if (std::exchange(is_child_, false)) {
        note(spdlog::level::info,
             format("Logger initialized for a forked process. Log file: {}", platform::to_utf8(live_->path)), now);
    }
    if (is_new) {
        say_origin("", first_record(held_).size(), now);
        live_->looked_at = live_->size;
    }
    std::string_view rest = held_;
    while (!rest.empty()) {
        const std::string_view record = first_record(rest);
        if (!put(record, now)) break;
        rest.remove_prefix(record.size());
    }
    held_.erase(0, held_.size() - rest.size());
    if (held_.empty()) end_fault(now);
}

void file_sink::settle(time_point now) {
    if (live_ && held_.empty()) {
        look(now);
    } else if (!held_.empty() && is_try_due()) {
        recover(now);
    }
}

void file_sink::end_fault(time_point now) {
    if (!fault_) return;
    const std::chrono::duration<double> lasted = clock::now() - fault_->since;
    std::string text = format("Log file {} {}; it works again after {:.1f} s, {}", platform::to_utf8(fault_->path),
                              fault_->what, lasted.count(), lost_text(lost_));
    if (live_->path != fault_->path) text += format(", and goes on in {}", platform::to_utf8(live_->path));
    forget_fault();
    note(spdlog::level::warn, text, now);
}

void file_sink::format_note(spdlog::level::level_enum level, const std::string& text, time_point now,
                            spdlog::memory_buf_t& record) {
    formatter_->format(spdlog::details::log_msg(now, {}, logger_name_, level, text), record);
}

void file_sink::note(spdlog::level::level_enum level, const std::string& text, time_point now) {
    spdlog::memory_buf_t record;
    format_note(level, text, now, record);
    if (const std::string_view line(record.data(), record.size()); !put(line, now)) hold(line);
}

}  // namespace chainner::detail
