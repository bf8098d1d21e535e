#pragma once

#include <spdlog/sinks/base_sink.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "platform.hpp"

namespace chainner::detail {

/// Coloured records on stderr, for as long as somebody reads them.
///
/// A reader that takes nothing for 100 ms is given up on: records are then counted instead of shown, at no wait, until
/// it has taken all there was; a WARNING line then says how many are missing. A reader that is only slow gets
/// everything. A line is shown whole or not at all. Never throws and never raises SIGPIPE. Thread-safe, as spdlog's
/// `_mt` sinks are.
class console_sink final : public spdlog::sinks::base_sink<std::mutex> {
public:
    /// `where_else` says at which place the records are that were not shown.
    console_sink(std::string logger_name, std::function<std::string()> where_else);

    void open(std::unique_ptr<spdlog::formatter> formatter, spdlog::color_mode color);

    /// Shows nothing from now on.
    void close();

    void lock() { mutex_.lock(); }
    void unlock() { mutex_.unlock(); }

    /// In a child by `fork`, with the lock held: leaves what is still to be shown to the parent.
    void leave_to_parent();

private:
    void sink_it_(const spdlog::details::log_msg& msg) override;
    void flush_() override {}
    void set_pattern_(const std::string& pattern) override;
    void set_formatter_(std::unique_ptr<spdlog::formatter> formatter) override;

    bool resume(spdlog::log_clock::time_point now);
    bool show(const spdlog::details::log_msg& msg);
    std::size_t write(std::string_view text);

    std::string logger_name_;
    std::function<std::string()> where_else_;
    std::unique_ptr<platform::console> console_ = platform::make_console();
    bool is_open_ = false;
    spdlog::color_mode color_ = spdlog::color_mode::automatic;

    spdlog::memory_buf_t line_;
    std::string rest_;  // of a line whose beginning was shown: it comes first when the reader is back
    std::size_t hidden_ = 0;
};

}  // namespace chainner::detail
