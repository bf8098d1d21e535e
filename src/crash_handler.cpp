#include <algorithm>
#include <array>
#include <atomic>
#include <chainner/crash_handler.hpp>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <string_view>
#include <system_error>
#include <thread>

#include "platform.hpp"
#include "platform_crash.hpp"
#include "process_log.hpp"
#include "record_format.hpp"

namespace chainner {

namespace {

/// A record, put together without the heap. What does not fit is left out.
class crash_record {
public:
    void clear() noexcept { size_ = 0; }

    crash_record& operator<<(std::string_view text) noexcept {
        const std::size_t count = std::min(text.size(), text_.size() - size_);
        std::copy_n(text.begin(), count, text_.begin() + size_);
        size_ += count;
        return *this;
    }

    crash_record& number(std::int64_t value, std::size_t digits = 1) noexcept { return number(value, 10, digits); }

    template <class integer>
    crash_record& hexadecimal(integer value) noexcept {
        return (*this << "0x").number(value, 16, 1);
    }

    std::string_view line() noexcept {
        size_ = std::min(size_, text_.size() - 1);
        text_[size_] = '\n';
        return {text_.data(), size_ + 1};
    }

private:
    template <class integer>
    crash_record& number(integer value, int base, std::size_t digits) noexcept {
        std::array<char, 24> text;
        const char* const end = std::to_chars(text.data(), text.data() + text.size(), value, base).ptr;
        const std::string_view written(text.data(), static_cast<std::size_t>(end - text.data()));
        for (std::size_t i = written.size(); i < digits; ++i) *this << "0";
        return *this << written;
    }

    std::array<char, 16 * 1024> text_{};
    std::size_t size_ = 0;
};

struct date {
    std::int64_t year, month, day;
};

/// The functions of C that know the calendar take a lock. This counts in years that begin in March, so that the leap
/// day is the last one.
date date_of(std::int64_t days_since_1970) noexcept {
    constexpr std::int64_t days_per_400_years = 146'097;
    const std::int64_t days = days_since_1970 + 719'468;  // since 0000-03-01
    const std::int64_t era = days / days_per_400_years;
    const std::int64_t day_of_era = days % days_per_400_years;
    const std::int64_t year_of_era =
        (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
    const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::int64_t month = (5 * day_of_year + 2) / 153;  // 0: March
    return {400 * era + year_of_era + (month >= 10 ? 1 : 0), month >= 10 ? month - 9 : month + 3,
            day_of_year - (153 * month + 2) / 5 + 1};
}

void begin(crash_record& record, int utc_offset) noexcept {
    using namespace std::chrono;
    const std::int64_t now =
        duration_cast<milliseconds>((system_clock::now() + minutes(utc_offset)).time_since_epoch()).count();
    const std::int64_t second = now / 1'000;
    const date today = date_of(second / 86'400);
    record.clear();
    record.number(today.year, 4) << "-";
    record.number(today.month, 2) << "-";
    record.number(today.day, 2) << " ";
    record.number(second / 3'600 % 24, 2) << ":";
    record.number(second / 60 % 60, 2) << ":";
    record.number(second % 60, 2) << ".";
    record.number(now % 1'000, 3) << " [";
    record.number(platform::process_id()) << "] [CRITICAL] Crashed: ";
}

void add_stack(crash_record& record, const void* context) noexcept {
    std::array<platform::code_place, 64> places;
    const std::size_t count = platform::stack_trace(places, context);
    for (std::size_t i = 0; i < count; ++i) {
        record << "\n\tat " << places[i].module << (places[i].module.empty() ? "" : "+");
        record.hexadecimal(places[i].offset);
        if (places[i].times > 1) (record << ", ").number(places[i].times) << " times";
    }
}

// Of the record that is being written; none at first. Not local: that would take a lock in the handler.
std::atomic<std::thread::id> writer{std::thread::id()};

/// Writes a record of which `describe` writes the middle, told `of` what. `context` is that of a fault.
void write_record(void (*describe)(crash_record&, const void*), const void* of, const void* context) noexcept {
    static crash_record record;  // not on the stack, which may be a small one
    const detail::process_log log = detail::current_process_log();
    if (log.file < 0) return;

    const std::thread::id self = std::this_thread::get_id();
    // Only so long: Windows may have ended the other thread in the middle of its record, at the end of the process.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    for (std::thread::id other; !writer.compare_exchange_weak(other, self); other = {}) {
        if (other == self) return;  // this function itself has failed
        if (std::chrono::steady_clock::now() >= deadline) return;
        std::this_thread::yield();
    }
    begin(record, log.utc_offset);
    describe(record, of);
    add_stack(record, context);
    std::error_code ignored;
    if (!platform::ends_in_line_feed(log.file)) platform::write(log.file, "\n", ignored);
    platform::write(log.file, record.line(), ignored);
    writer = std::thread::id();
}

void on_fault(const platform::fault& fault) noexcept {
    const auto describe = [](crash_record& record, const void* of) {
        const auto& found = *static_cast<const platform::fault*>(of);
        record << found.name << " (";
        (found.base == 16 ? record.hexadecimal(found.number) : record.number(found.number)) << ")";
        if (found.address) (record << " at address ").hexadecimal(*found.address);
        if (found.sender) (record << ", sent by process ").number(*found.sender);
    };
    write_record(describe, &fault, fault.context);
}

std::terminate_handler terminate_before = nullptr;

/// What the exception says about itself, to be called while it is handled.
std::string current_exception_text() {
    try {
        throw;
    } catch (const std::exception& error) {
        return error.what();
    } catch (...) {
        return "";
    }
}

[[noreturn]] void on_terminate() {
    // What this takes from a broken heap ends in a fault, which is recorded as well.
    spdlog::memory_buf_t words;
    if (const std::string type = platform::current_exception_type(); type.empty()) {
        detail::append_escaped("std::terminate", words);
    } else {
        const std::string text = current_exception_text();
        detail::append_escaped("unhandled exception " + type + (text.empty() ? "" : ": " + text), words);
    }
    const std::string_view text(words.data(), words.size());
    const auto describe = [](crash_record& record, const void* of) {
        record << *static_cast<const std::string_view*>(of);
    };
    write_record(describe, &text, nullptr);
    platform::ignore_abort();
    if (terminate_before != nullptr) terminate_before();
    std::abort();
}

}  // namespace

void install_crash_handler() {
    static const bool is_installed = [] {
        // So that nothing has to be loaded or set up in a handler.
        std::array<platform::code_place, 64> places;
        platform::stack_trace(places);
        platform::process_id();
        detail::current_process_log();

        terminate_before = std::set_terminate(on_terminate);
        platform::handle_faults(on_fault);
        return true;
    }();
    (void)is_installed;
    platform::provide_handler_stack();
}

std::string describe_exit(std::int64_t status) { return platform::describe_exit(status); }

}  // namespace chainner
