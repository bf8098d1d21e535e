#pragma once

// A lock, and what signal handlers and the hooks of the process may do about it.

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "lock_note.hpp"
#include "platform/process.hpp"

namespace chainner::detail {

/// For whoever must get on though the holder of a lock is dead or stopped: it is longer than a rotation waits for the
/// lock of its folder.
inline constexpr std::chrono::milliseconds lock_patience{300};

/// A value behind a lock. A child by `fork` goes on with a new value behind a new lock.
template <class Value>
class guarded {
    struct block {
        std::timed_mutex mutex;
        Value value;
        block* parents = nullptr;  // in a child by `fork`
    };

public:
    template <class... Arguments>
    explicit guarded(Arguments&&... arguments)
        : block_(new block{{}, Value(std::forward<Arguments>(arguments)...), nullptr}) {}
    ~guarded() { delete block_; }
    guarded(const guarded&) = delete;
    guarded& operator=(const guarded&) = delete;

    /// Holds the lock as long as it lives. Empty if the thread has it already, or is about to: this is a signal handler
    /// then, which has interrupted it.
    class access {
    public:
        ~access() {
            if (block_ != nullptr) block_->mutex.unlock();
        }
        explicit operator bool() const noexcept { return block_ != nullptr; }
        Value* operator->() const noexcept { return &block_->value; }
        Value& operator*() const noexcept { return block_->value; }

    private:
        friend guarded;
        access(block& of, lock_note::lock note, std::optional<std::chrono::milliseconds> patience) : note_(note) {
            if (note_ && take(of.mutex, patience)) block_ = &of;
        }

        platform::no_cancellation no_cancellation_;
        lock_note note_;
        block* block_ = nullptr;
    };

    access lock() { return access(*block_, note_, std::nullopt); }

    /// Empty as well if the lock was not to be had for so long: its holder may be dead, or stopped.
    access lock_for(std::chrono::milliseconds patience) { return access(*block_, note_, patience); }

    /// For what may be read at any moment.
    const Value& without_lock() const noexcept { return block_->value; }

    // Around a fork, during which the thread handles no signal

    void before_fork(std::chrono::milliseconds patience) {
        lock_note note(note_);
        if (!note || !take(block_->mutex, patience)) return;
        forking_ = std::this_thread::get_id();
        note.keep();
    }

    void after_fork_in_parent() {
        if (!is_held_for_fork()) return;
        block_->mutex.unlock();
        lock_note::forget(note_);
    }

    void after_fork_in_child() {
        lock_note::forget(note_);
        block* const parents = block_;
        const bool is_held = is_held_for_fork();
        const bool is_new = renew_in_child() || renew_in_child();  // where memory is short, the child drops its records
        if (is_new && is_held) {
            parents->value.~Value();  // its mutex stays for good: threads of the parent may wait for it
            return;
        }
        parents->value.detach_in_child();  // what the interrupted thread still uses stays
        if (is_held) parents->mutex.unlock();
    }

private:
    /// By the only clock of such locks that ThreadSanitizer knows.
    static bool take(std::timed_mutex& mutex, std::optional<std::chrono::milliseconds> patience) {
        if (mutex.try_lock()) return true;
        if (patience) return mutex.try_lock_until(std::chrono::system_clock::now() + *patience);
        mutex.lock();
        return true;
    }

    bool renew_in_child() noexcept try {
        block_ = new block{{}, block_->value.clone_for_child(), block_};
        return true;
    } catch (...) {
        return false;  // no memory, or a formatter of others that cannot be cloned
    }

    bool is_held_for_fork() {
        auto self = std::this_thread::get_id();
        return forking_.compare_exchange_strong(self, std::thread::id());
    }

    const lock_note::lock note_ = lock_note::new_lock();
    block* block_;
    std::atomic<std::thread::id> forking_{std::thread::id()};  // the thread that holds the lock for its fork
};

}  // namespace chainner::detail
