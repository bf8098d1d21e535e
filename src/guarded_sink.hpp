#pragma once

// A sink behind a lock.

#include <spdlog/sinks/sink.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "guarded.hpp"
#include "lock_note.hpp"
#include "platform/process.hpp"
#include "record/record_format.hpp"

namespace chainner::detail {

/// An spdlog sink that any thread may use: `Writer` behind a lock. What a signal handler logs that has interrupted a
/// call of ours is dropped; what the logger itself says in the midst of such a call is not.
template <class Writer>
class guarded_sink final : public spdlog::sinks::sink, public guarded<Writer> {
public:
    using guarded<Writer>::guarded;

    void log(const spdlog::details::log_msg& record) override {
        if (!this->without_lock().is_open()) return;
        if (lock_note::is_any_noted() && !is_internal(record)) return;
        auto* const prepare = before_record.load(std::memory_order_relaxed);
        if (prepare == nullptr) return write(record);
        spdlog::details::log_msg prepared = record;
        prepared.time = prepare(record.time);
        write(prepared);
    }
    void flush() override {
        if (const auto writer = this->lock_for(lock_patience)) writer->flush();
    }
    void set_pattern(const std::string& pattern) override {
        if (const auto writer = this->lock_for(lock_patience)) writer->set_formatter(make_formatter(pattern));
    }
    void set_formatter(std::unique_ptr<spdlog::formatter> formatter) override {
        auto unforgeable = make_unforgeable(std::move(formatter));
        if (const auto writer = this->lock_for(lock_patience)) writer->set_formatter(std::move(unforgeable));
    }

    using time_point = spdlog::log_clock::time_point;

    /// What is to come before each record, if anything; returns the time that the record is to bear. Called without the
    /// lock.
    std::atomic<time_point (*)(time_point) noexcept> before_record{nullptr};

private:
    void write(const spdlog::details::log_msg& record) {
        const bool was_held_up = is_held_up_.load(std::memory_order_relaxed);
        if (const auto writer = this->lock_for(lock_patience * (was_held_up ? 0 : 3))) {
            writer->log(record);
            if (was_held_up) is_held_up_ = false;
        } else {
            is_held_up_ = true;  // to have waited once is enough
            this->without_lock().log_without_lock(record);
        }
        platform::cancellation_point();
    }

    std::atomic<bool> is_held_up_{false};
};

}  // namespace chainner::detail
