#include "file/resilient_file.hpp"

#include <spdlog/fmt/fmt.h>

#include <chrono>
#include <exception>
#include <utility>

#include "platform/crash.hpp"
#include "platform/directory.hpp"
#include "platform/process.hpp"
#include "record/escaping.hpp"
#include "record/record_format.hpp"

namespace chainner::detail {

namespace fs = std::filesystem;
using platform::placement;
using spdlog::fmt_lib::format;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t verify_bytes = 256 * 1024;
constexpr auto verify_interval = 100ms;

/// What the system said, if it said something.
std::string reason_of(const std::exception& error) {
    const auto* const of_files = dynamic_cast<const fs::filesystem_error*>(&error);
    return of_files != nullptr && of_files->code() ? of_files->code().message() : error.what();
}

}  // namespace

// Which file it is

std::unique_ptr<log_file> resilient_file::join(const log_location& location, std::vector<std::string>& warnings) {
    std::error_code ignored;
    const bool is_open = file_ && location_.role == location.role &&
                         fs::equivalent(location_.directory, location.directory, ignored) &&
                         file_->verify() == placement::in_place;
    if (is_open) return nullptr;
    platform::make_directories(location.directory, location.sharing);
    auto joined = log_file::open_first_available(location, warnings);
    if (file_) check_placement();
    return joined;
}

void resilient_file::go_on(std::unique_ptr<log_file> joined, log_location location,
                           std::vector<std::string>& warnings) {
    location_ = std::move(location);
    if (joined) {
        use(std::move(joined));
        if (backlog_.empty()) backlog_.clear();
    } else {
        file_->share(location_, warnings);
    }
    time_ = verified_at_ = spdlog::log_clock::now();
    backlog_.retry_at_once();
    if (backlog_.empty()) {
        warn_of_size_limit();
    } else {
        retry();
    }
}

void resilient_file::close(std::vector<std::string>& warnings) {
    if (std::string lost = backlog_.give_up(); !lost.empty()) warnings.push_back(std::move(lost));
    use(nullptr);
}

void resilient_file::use(std::unique_ptr<log_file> next) noexcept {
    current_.remember(next ? next->file().number() : platform::no_file);  // before the present file is closed
    file_ = std::move(next);
}

void resilient_file::detach_in_child() noexcept {
    is_parents_ = true;
    const platform::file_number number = current_.number();
    current_.remember(platform::no_file);
    platform::make_unwritable(number);
}

// Records

void resilient_file::append(std::string_view records, time_point time) {
    time_ = time;
    const bool is_verified = time >= verified_at_ && time - verified_at_ < verify_interval && file_ &&
                             file_->size_since_verified() < verify_bytes;
    if (!is_verified || !backlog_.empty()) look_after();
    if (!try_append(records)) backlog_.add(records);
}

void resilient_file::count_lost(std::size_t records) {
    begin_fault("could not be written");
    backlog_.count_dropped(records);
}

/// false if what is left of them then is to be held back.
bool resilient_file::try_append(std::string_view& records) {
    if (!is_in_order()) return false;
    std::error_code error = write(records);
    // A program that has closed the file may close the next one while it is being opened.
    for (int tries = 3; error && !file_ && tries > 0; --tries) {
        retry();
        if (is_in_order()) error = write(records);
    }
    if (!error && backlog_.has_dropped()) end_fault();
    return !error;
}

/// Without an error they are done with; otherwise what is not yet written is left of them.
std::error_code resilient_file::write(std::string_view& records) {
    const auto is_full = [&] {
        return file_ && file_->size() > 0 && file_->size() + records.size() > file_->limit(location_.max_size);
    };
    std::error_code error;
    for (int tries = 2; tries > 0; --tries) {
        while (is_full() && backlog_.is_retry_due() && rotate(records.size())) {
        }
        error = file_ ? file_->append(records) : std::make_error_code(std::errc::bad_file_descriptor);
        if (!error) return error;
        if (file_) records.remove_prefix(file_->appended_whole());
        if (error != std::errc::file_too_large) break;
    }
    if (file_ && error == std::errc::bad_file_descriptor) check_placement();
    begin_fault("could not be written", error.message());
    if (file_ && error == std::errc::file_too_large && first_record(records).size() == records.size() &&
        records.size() > platform::file_size_limit()) {
        backlog_.count_dropped();  // no file can ever hold it
        return {};
    }
    if (file_) backlog_.retry_later(backlog::clock::now());
    return error;
}

bool resilient_file::rotate(std::size_t room) {
    if (is_parents_ || check_placement() != placement::in_place) return false;
    if (file_->was_emptied()) {
        write_header(session_continued, room);
        return false;
    }
    const auto began = backlog::clock::now();
    try {
        if (location_.sharing != platform::sharing::none) {
            platform::make_directories(location_.directory, location_.sharing);  // another user may have taken it over
        }
        use(file_->rotate(location_));
    } catch (const std::exception& error) {
        const bool is_lasting = backlog_.has_fault();
        begin_fault("could not be rotated", reason_of(error));
        backlog_.retry_later(began);
        if (is_lasting) tell_fault();
        return false;
    }
    write_header(session_continued, room);
    if (backlog_.empty()) end_fault();
    return true;
}

void resilient_file::flush() {
    time_ = spdlog::log_clock::now();
    if (file_ || !backlog_.empty()) look_after();  // a child by `fork` opens a file for its first record
}

void resilient_file::retry_now() {
    backlog_.retry_at_once();
    flush();
}

/// Sees to the file, or to what is held back from it.
void resilient_file::look_after() {
    if (is_in_order()) {
        verify();
    } else if (backlog_.is_retry_due()) {
        retry();
    }
}

/// Goes on in another file where this one is gone.
void resilient_file::verify() {
    verified_at_ = time_;
    platform::handle_faults_again();
    if (check_placement() != placement::in_place) {
        if (backlog_.is_retry_due()) retry();
        return;
    }
    if (file_->was_emptied()) write_header(session_continued, 0);
    warn_of_size_limit();
}

/// Asks whether the file is still there, and leaves one that nobody will find.
placement resilient_file::check_placement() {
    const placement found = file_->verify();
    if (found == placement::moved) begin_fault("was renamed by somebody");
    if (found == placement::closed) begin_fault("was closed by the program");
    if (found == placement::removed) {
        begin_fault("was removed by somebody, with all but its last records");
        backlog_.prepend(file_->read_back());
    }
    if (found == placement::closed || found == placement::removed) use(nullptr);
    return found;
}

// Faults

void resilient_file::begin_fault(const std::string& what, const std::string& reason) {
    backlog_.begin_fault(file_ ? file_->path() : location_.file(), what, reason);
}

void resilient_file::tell_fault() {
    const std::string told = is_in_order() ? backlog_.describe_once() : "";
    if (!told.empty()) write_own(spdlog::level::warn, told + "; records go on in it");
}

void resilient_file::end_fault() {
    if (backlog_.has_fault() && file_) write_own(spdlog::level::warn, backlog_.end_fault(file_->path()));
}

/// Opens a file where there is none, or none of the right name any more, and writes what was held back.
void resilient_file::retry() {
    if (is_parents_) return;
    const auto began = backlog::clock::now();
    std::vector<std::string> warnings;
    bool is_new = false;
    try {
        if (!file_ || check_placement() != placement::in_place) {
            platform::make_directories(location_.directory, location_.sharing);
            use(log_file::open_first_available(location_, warnings));
            verified_at_ = time_;
            is_new = true;
        }
    } catch (const std::exception& error) {
        begin_fault("could not be opened", reason_of(error));
        backlog_.retry_later(began);
        tell_fault();
        return;
    }
    if (is_new) {
        if (session_.take_new_child()) {
            write_own(spdlog::level::info, session::opening_of_child(platform::to_utf8(file_->path())));
        }
        write_header("", backlog_.front().size());
    }
    for (const std::string& each : warnings) write_own(spdlog::level::warn, each);
    write_backlog();
}

void resilient_file::write_backlog() {
    while (!backlog_.empty() && file_) {
        std::string_view record = backlog_.front();
        if (write(record)) return;
        backlog_.pop_front();
    }
    if (backlog_.empty()) end_fault();
}

// Records of our own

void resilient_file::say(spdlog::level::level_enum level, std::string_view text) {
    time_ = spdlog::log_clock::now();
    write_own(level, text);
}

void resilient_file::say_who_writes() {
    time_ = spdlog::log_clock::now();
    write_header("", 0);
}

void resilient_file::write_own(spdlog::level::level_enum level, std::string_view text) {
    const spdlog::memory_buf_t record = make_own_(level, text, time_);
    std::string_view rest = text_of(record);
    if (!file_ || write(rest)) backlog_.add(rest);
}

/// Leaves `room` bytes in the file: what is only about the file must not take it from the records.
void resilient_file::write_header(std::string_view before, std::size_t room) {
    if (!session_.is_open() || !file_) return;
    const spdlog::memory_buf_t made = make_own_(spdlog::level::info, format("{}{}", before, session_.header()), time_);
    const std::string_view record = text_of(made);
    if (file_->size() + record.size() + room > file_->limit(location_.max_size)) return;
    const std::error_code error = file_->append(record);
    if (!error) return;
    begin_fault("could not be written", error.message());
    backlog_.add(record);
}

void resilient_file::warn_of_size_limit() {
    const std::uintmax_t limit = file_->limit(location_.max_size);
    const bool is_reported = std::exchange(is_size_limit_reported_, limit < location_.max_size);
    if (is_reported || !is_size_limit_reported_) return;
    write_own(spdlog::level::warn,
              format("Log files are rotated at {} bytes instead of {}: this process may not write larger files "
                     "(RLIMIT_FSIZE, ulimit -f)",
                     limit, location_.max_size));
}

}  // namespace chainner::detail
