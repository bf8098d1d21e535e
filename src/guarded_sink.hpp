#pragma once

// The lock around a sink, and what the hooks of the process may do about it.

#include <spdlog/sinks/sink.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "platform/process.hpp"
#include "record/record_format.hpp"

namespace chainner::detail {

/// A mutex that hooks can try to lock: in a signal handler, at the end of the process, at a fork. They must not wait
/// without end, as the thread that they interrupt may hold it, and so may one that is dead.
class hookable_mutex {
public:
    void lock() {
        mutex_.lock();
        owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
    }
    void unlock() {
        owner_.store({}, std::memory_order_relaxed);
        mutex_.unlock();
    }

    /// false at once if this thread holds it already. (ThreadSanitizer does not know timed mutexes.)
    bool try_lock_until(std::chrono::steady_clock::time_point end) {
        if (owner_.load(std::memory_order_relaxed) == std::this_thread::get_id()) return false;
        while (!mutex_.try_lock()) {
            if (std::chrono::steady_clock::now() >= end) return false;
            std::this_thread::sleep_for(std::chrono::microseconds(100));
        }
        owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
        return true;
    }

private:
    std::mutex mutex_;
    std::atomic<std::thread::id> owner_{std::thread::id()};
};

/// True from the first capture of output on: a signal handler that writes to a full pipe waits for the thread that
/// reads, and that one may wait for a lock that the interrupted thread holds.
inline std::atomic<bool> blocks_signals{false};

/// While it lives, the calling thread is not cancelled, and handles no signal if `blocks_signals`.
class uninterrupted {
public:
    uninterrupted() noexcept {
        if (is_one_alive) return;
        no_cancellation_.emplace();
        if (blocks_signals.load(std::memory_order_relaxed)) blocked_.emplace();
        is_one_alive = true;
    }
    ~uninterrupted() {
        if (no_cancellation_) is_one_alive = false;
    }
    uninterrupted(const uninterrupted&) = delete;
    uninterrupted& operator=(const uninterrupted&) = delete;

private:
    static inline thread_local bool is_one_alive = false;  // which does it all, and ends last

    std::optional<platform::no_cancellation> no_cancellation_;
    std::optional<platform::blocked_signals> blocked_;
};

/// Whether this thread is inside of a call of a sink: a signal handler that asks has interrupted it.
inline thread_local bool is_in_sink = false;

/// Lives as long as a call of a sink does.
class sink_call {
public:
    sink_call() noexcept { is_in_sink = true; }
    ~sink_call() { is_in_sink = before_; }
    sink_call(const sink_call&) = delete;
    sink_call& operator=(const sink_call&) = delete;

private:
    uninterrupted uninterrupted_;
    bool before_ = is_in_sink;
};

/// A value behind such a mutex. A child by `fork` goes on with a new value behind a new one.
template <class Value>
class guarded {
    struct block {
        hookable_mutex mutex;
        Value value;
    };

public:
    using deadline = std::chrono::steady_clock::time_point;

    template <class... Arguments>
    explicit guarded(Arguments&&... arguments) : block_(new block{{}, Value(std::forward<Arguments>(arguments)...)}) {}
    ~guarded() { delete block_; }
    guarded(const guarded&) = delete;
    guarded& operator=(const guarded&) = delete;

    /// Holds the lock as long as it lives.
    class access {
    public:
        explicit operator bool() const noexcept { return lock_.owns_lock(); }
        Value* operator->() const noexcept { return &value_; }
        Value& operator*() const noexcept { return value_; }

    private:
        friend guarded;
        explicit access(block& of) : lock_(of.mutex), value_(of.value) {}
        access(block& of, deadline end) : lock_(of.mutex, end), value_(of.value) {}

        uninterrupted uninterrupted_;
        std::unique_lock<hookable_mutex> lock_;
        Value& value_;
    };

    access lock() { return access(*block_); }

    /// Empty if the lock was not to be had until then.
    access lock_until(deadline end) { return access(*block_, end); }

    /// For what may be read at any moment.
    const Value& without_lock() const noexcept { return block_->value; }

    // Around a fork

    void before_fork(deadline end) {
        if (block_->mutex.try_lock_until(end)) holder_ = std::this_thread::get_id();
    }

    void after_fork_in_parent() {
        if (holder_ != std::this_thread::get_id()) return;
        holder_ = std::thread::id();
        block_->mutex.unlock();
    }

    void after_fork_in_child() {
        block* const parents = std::exchange(block_, new block{{}, block_->value.clone_for_child()});
        if (holder_ == std::this_thread::get_id()) {
            parents->mutex.unlock();
            delete parents;
        } else {
            parents->value.detach_in_child();  // what the interrupted thread still uses stays
        }
        holder_ = std::thread::id();
        is_in_sink = false;
    }

private:
    block* block_;
    std::atomic<std::thread::id> holder_{std::thread::id()};  // the thread that forks
};

/// An spdlog sink that any thread may use: `Writer` behind a lock. What a signal handler logs that has interrupted a
/// call of a sink is dropped.
template <class Writer>
class guarded_sink final : public spdlog::sinks::sink, public guarded<Writer> {
public:
    using guarded<Writer>::guarded;

    void log(const spdlog::details::log_msg& record) override {
        if (!this->without_lock().is_open() || is_in_sink) return;
        {
            const sink_call inside;
            if (auto* const prepare = before_record.load(std::memory_order_relaxed)) prepare();
            this->lock()->log(record);
        }
        platform::cancellation_point();
    }
    void flush() override {
        if (is_in_sink) return;
        const sink_call inside;
        this->lock()->flush();
    }
    void set_pattern(const std::string& pattern) override { this->lock()->set_formatter(make_formatter(pattern)); }
    void set_formatter(std::unique_ptr<spdlog::formatter> formatter) override {
        this->lock()->set_formatter(make_unforgeable(std::move(formatter)));
    }

    /// What is to come before each record, if anything. Called without the lock.
    std::atomic<void (*)() noexcept> before_record{nullptr};
};

}  // namespace chainner::detail
