// What `file_writer` does whatever happens to its file.

#include <spdlog/common.h>

#include <exception>
#include <utility>

#include "file/file_sink.hpp"
#include "platform/crash.hpp"
#include "platform/directory.hpp"
#include "platform/process.hpp"
#include "record/escaping.hpp"

namespace chainner::detail {

namespace fs = std::filesystem;
using platform::placement;

void file_writer::use(std::unique_ptr<log_file> next) noexcept {
    current_.remember(next ? next->file().known() : platform::known_file());  // before the present file is closed
    file_ = std::move(next);
    heading_.reset();
}

void file_writer::detach_in_child() noexcept {
    is_parents_ = true;
    const platform::file_number number = current_.number();
    current_.remember(platform::no_file);
    platform::make_unwritable(number);
}

/// Without an error they are done with; otherwise what is not yet written is left of them.
std::error_code file_writer::write(std::string_view& records) {
    std::error_code error;
    for (int tries = 2; tries > 0; --tries) {
        while (is_full(records.size()) && backlog_.is_retry_due() && rotate(records.size())) {
        }
        write_heading(records.size());
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

/// Goes on in the file that `open` opens. Where it cannot, that is the fault, and false.
template <class Open>
bool file_writer::go_on_in(Open open, const char* fault) {
    if (is_parents_) return false;
    const auto began = backlog::clock::now();
    try {
        use(open());
        return true;
    } catch (const std::exception& error) {
        const auto* const of_files = dynamic_cast<const fs::filesystem_error*>(&error);
        const bool is_lasting = backlog_.has_fault();
        begin_fault(fault, of_files != nullptr && of_files->code() ? of_files->code().message() : error.what());
        backlog_.retry_later(began);
        if (is_lasting) tell_fault();
        return false;
    }
}

bool file_writer::rotate(std::size_t room) {
    if (check_placement() != placement::in_place || !is_full(room)) return false;
    const auto open = [this] {
        if (location_.sharing != platform::sharing::none) {
            platform::make_directories(location_.directory, location_.sharing);  // another user may have taken it over
        }
        return file_->rotate(location_);
    };
    if (!go_on_in(open, "could not be rotated")) return false;
    heading_ = session_continued;
    if (backlog_.empty()) end_fault();
    return true;
}

/// Sees to the file, opens another one where it is gone, and writes what is held back.
void file_writer::look_after() {
    if (!is_in_order() && !backlog_.is_retry_due()) return;
    verified_at_ = time_;
    platform::handle_faults_again();
    if (file_ && check_placement() == placement::in_place) {
        if (backlog_.empty()) {
            write_heading(0);
            return warn_of_size_limit();
        }
    } else if (!backlog_.is_retry_due() || !open_anew()) {
        return;
    }
    write_backlog();
}

/// Asks whether the file is still there, and leaves one that nobody will find.
placement file_writer::check_placement() {
    const std::uintmax_t size = file_->size();
    const placement found = file_->verify();
    if (file_->size() < size) heading_ = session_continued;  // somebody has emptied it, as `copytruncate` does
    if (found == placement::moved) begin_fault("was renamed by somebody");
    if (found == placement::closed) begin_fault("was closed by the program");
    if (found == placement::removed) {
        begin_fault("was removed by somebody, with all but its last records");
        backlog_.prepend(file_->read_back());
    }
    if (found == placement::closed || found == placement::removed) use(nullptr);
    return found;
}

bool file_writer::open_anew() {
    std::vector<std::string> warnings;
    const auto open = [&] {
        platform::make_directories(location_.directory, location_.sharing);
        return log_file::open_first_available(location_, warnings);
    };
    if (!go_on_in(open, "could not be opened")) return false;
    if (std::exchange(is_new_child_, false)) {
        write_own(spdlog::level::info, session::opening_of_child(platform::to_utf8(file_->path())));
    }
    heading_ = "";
    for (const std::string& each : warnings) write_own(spdlog::level::warn, each);
    return true;
}

void file_writer::write_backlog() {
    while (!backlog_.empty() && file_) {
        const std::string oldest(backlog_.front());  // as what a new file says may be held back as well
        std::string_view record = oldest;
        if (write(record)) return;
        backlog_.pop_front();
    }
    if (backlog_.empty()) end_fault();
}

// The story of a fault

void file_writer::begin_fault(const std::string& what, const std::string& reason) {
    backlog_.begin_fault(file_ ? file_->path() : location_.file(), what, reason);
}

/// While the file can still be written, and once.
void file_writer::tell_fault() {
    if (!is_in_order()) return;
    const std::string told = backlog_.describe_once();
    if (!told.empty()) write_own(spdlog::level::warn, told + "; records go on in it");
}

void file_writer::end_fault() {
    if (backlog_.has_fault() && file_) write_own(spdlog::level::warn, backlog_.end_fault(file_->path()));
}

}  // namespace chainner::detail
