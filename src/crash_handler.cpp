#include <spdlog/common.h>
#include <spdlog/fmt/fmt.h>

#include <array>
#include <atomic>
#include <chainner/crash_handler.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "platform/crash.hpp"
#include "platform/ending.hpp"
#include "platform/file.hpp"
#include "platform/process.hpp"
#include "process_loggers.hpp"
#include "record/calendar.hpp"
#include "record/escaping.hpp"
#include "record/record_format.hpp"

namespace chainner {

namespace {

/// Put together without the heap. What does not fit is left out.
template <std::size_t size>
class fixed_text {
public:
    void clear() noexcept { size_ = 0; }

    template <class... Values>
    void append(spdlog::format_string_t<Values...> pattern, Values&&... values) noexcept try {
        const auto room =
            static_cast<std::uint16_t>(text_.size() - 1 - size_);  // signed or not, as fmt or std wants it
        const auto written =
            spdlog::fmt_lib::format_to_n(text_.data() + size_, room, pattern, std::forward<Values>(values)...);
        size_ = static_cast<std::size_t>(written.out - text_.data());
    } catch (const std::exception&) {
        // What cannot be formatted is left out.
    }

    /// Leaves room for as much again: a stack comes after it.
    void append_text(std::string_view text) noexcept {
        const std::size_t most = text_.size() / 2;
        if (text.size() <= most) return append("{}", text);
        std::size_t end = most;
        while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80) --end;  // in the midst of a letter
        append("{}...", text.substr(0, end));
    }

    std::string_view line() noexcept {
        text_[size_] = '\n';
        return {text_.data(), size_ + 1};
    }

    const char* c_str() noexcept {
        text_[size_] = '\0';
        return text_.data();
    }

private:
    std::array<char, size> text_{};
    std::size_t size_ = 0;
};

// Neither is local: the stack may be a small one, and a lock would be taken in the handler.
fixed_text<16 * 1024> crash_text;
std::atomic<std::thread::id> writer{std::thread::id()};  // of that record; none at first

/// `own` is the logger of the process, null if there is none.
void begin(const detail::role_logger* own) noexcept {
    using namespace std::chrono;
    const int utc_offset = own != nullptr ? own->file->without_lock().utc_offset() : 0;  // minutes
    const std::int64_t now =
        duration_cast<milliseconds>((system_clock::now() + minutes(utc_offset)).time_since_epoch()).count();
    const std::int64_t second = now / 1'000;
    const detail::date today = detail::date_of(second / 86'400);
    crash_text.clear();
    crash_text.append("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}", today.year, today.month, today.day,
                      second / 3'600 % 24, second / 60 % 60, second % 60, now % 1'000);
    // So short a text takes no memory from the heap.
    if (own != nullptr && own->has_utc_offset) crash_text.append("{}", detail::utc_offset_text(utc_offset));
    crash_text.append(" [{}] [CRITICAL] Crashed: ", platform::process_id());
}

[[noreturn]] void on_terminate();

void append_stack(const void* context) noexcept {
    std::array<platform::code_place, 64> places;
    const std::size_t count = platform::stack_trace(places, context, on_terminate);
    for (std::size_t i = 0; i < count; ++i) {
        const auto& [module, offset, times] = places[i];
        crash_text.append("\n\tat ");
        for (const char c : module) crash_text.append("{}", static_cast<unsigned char>(c) < ' ' ? '?' : c);
        crash_text.append("{}{:#x}", module.empty() ? "" : "+", offset);
        if (times > 1) crash_text.append(", {} times", times);
    }
}

/// That of the log. Where it is gone or has no room for the record, and in a child by `fork` that has written nothing
/// yet: a new one that is this process's alone.
platform::file_number file_with_room(const detail::role_logger& own, std::size_t size) noexcept {
    const detail::file_writer& log = own.file->without_lock();
    const detail::log_location& location = log.location();
    const platform::file_number present = log.current().verified_number();
    if (present != platform::no_file && platform::has_room(present, size)) return present;
    std::error_code error = std::make_error_code(std::errc::file_exists);
    platform::file_number file = platform::no_file;
    for (int instance = 1; log.is_open() && instance <= detail::max_instances && error == std::errc::file_exists;
         ++instance) {
        fixed_text<256> name;
        name.append("{}", location.role);
        if (instance > 1) name.append("-{}", instance);
        name.append(".log");
        file = platform::create_last_log_file(location.directory, name.c_str(), location.is_group_readable, error);
    }
    return file;
}

/// Writes a record of which `describe` writes the middle. `context` is that of a fault.
template <class Describe>
void write_record(Describe describe, const void* context) noexcept {
    detail::settle_output();  // what was written before the crash stands before it in the log
    const detail::process_loggers& process = detail::loggers_of_process();
    const detail::role_logger* const own = process.own;
    platform::file_number crash_file = process.crash_file.verified_number();

    const std::thread::id self = std::this_thread::get_id();
    // Only so long: Windows may have ended the other thread in the midst of its record, at the end of the process.
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    for (std::thread::id other; !writer.compare_exchange_weak(other, self); other = {}) {
        if (other == self) return;  // this function itself has failed
        if (std::chrono::steady_clock::now() >= end) return;
        std::this_thread::yield();
    }
    begin(own);
    describe();
    std::error_code ignored;
    if (!platform::has_room(crash_file, crash_text.line().size())) crash_file = platform::no_file;
    if (crash_file != platform::no_file) platform::write(crash_file, crash_text.line(), ignored);
    append_stack(context);
    constexpr std::size_t most_before = 1;  // the end of a line that was cut short
    const std::size_t size = most_before + crash_text.line().size();
    const platform::file_number file = own != nullptr ? file_with_room(*own, size) : platform::no_file;
    if (file != platform::no_file) {
        if (!platform::ends_in_line_feed(file)) platform::write(file, "\n", ignored);
        platform::write(file, crash_text.line(), ignored);
    }
    const auto write_stacks = process.write_stacks.load();
    if (crash_file != platform::no_file && write_stacks != nullptr) write_stacks();
    writer = std::thread::id();
}

// What std::terminate ends with is no crash of its own.
std::atomic<bool> is_terminated{false};

void on_fault(const platform::fault& fault) noexcept {
    if (is_terminated && fault.name == "SIGABRT") {
        detail::settle_output();  // the last words of the C++ runtime
        return;
    }
    const auto describe = [&fault] {
        if (fault.base == 16) {
            crash_text.append("{} ({:#x})", fault.name, fault.number);
        } else {
            crash_text.append("{} ({})", fault.name, fault.number);
        }
        if (fault.address) crash_text.append(" at address {:#x}", *fault.address);
        if (fault.sender) crash_text.append(", sent by process {}", *fault.sender);
    };
    write_record(describe, fault.context);
}

std::terminate_handler terminate_before = nullptr;

/// What the exception says about itself, after a colon. To be called while it is handled.
std::string current_exception_text() {
    try {
        throw;
    } catch (const std::exception& error) {
        const std::string text = error.what();
        return text.empty() ? "" : ": " + text;
    } catch (...) {
        return "";
    }
}

[[noreturn]] void on_terminate() {
    // What this takes from a broken heap ends in a fault, which is recorded as well.
    const std::string type = platform::current_exception_type();
    spdlog::memory_buf_t words;
    detail::append_escaped(type.empty() ? "std::terminate" : "unhandled exception " + type + current_exception_text(),
                           words);
    write_record([&] { crash_text.append_text({words.data(), words.size()}); }, nullptr);
    is_terminated = true;
    if (terminate_before != nullptr) terminate_before();
    std::abort();
}

}  // namespace

void install_crash_handler() {
    const auto setup = detail::loggers_of_process().setup.lock();
    if (!setup) return;  // a signal handler has interrupted a call that does it
    static platform::once installed;
    installed([] {
        // So that nothing has to be loaded or set up in a handler.
        std::array<platform::code_place, 64> places;
        platform::stack_trace(places);
        platform::process_id();

        terminate_before = std::set_terminate(on_terminate);
        platform::handle_faults(on_fault);
    });
    platform::handle_faults_again();
    platform::provide_handler_stack();
}

std::string describe_exit(std::int64_t status) { return platform::describe_exit(status); }

std::string describe_exit(wait_status status) { return platform::describe_wait_status(status.value); }

}  // namespace chainner
