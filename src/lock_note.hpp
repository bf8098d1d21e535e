#pragma once

// What a thread knows of the locks that it holds.

#include <atomic>
#include <cstdint>

namespace chainner::detail {

/// That the calling thread holds a lock of ours, or is about to. It is made before the lock is taken and ends after the
/// lock is released: at whichever instruction a signal handler interrupts the thread, what it is told is true.
class lock_note {
public:
    using lock = std::uint64_t;  // a bit each

    static lock new_lock() noexcept {
        static std::atomic<unsigned> count{0};
        return lock{1} << count++ % 64;
    }
    static bool is_any_noted() noexcept { return noted.load(std::memory_order_relaxed) != 0; }

    /// Empty if there is one already.
    explicit lock_note(lock of) noexcept : lock_(noted.load(std::memory_order_relaxed) & of ? 0 : of) {
        noted.store(noted.load(std::memory_order_relaxed) | lock_, std::memory_order_relaxed);
    }
    ~lock_note() { forget(lock_); }
    lock_note(const lock_note&) = delete;
    lock_note& operator=(const lock_note&) = delete;
    explicit operator bool() const noexcept { return lock_ != 0; }

    /// It then ends by `forget`.
    void keep() noexcept { lock_ = 0; }
    static void forget(lock of) noexcept {
        const lock left = noted.load(std::memory_order_relaxed) & ~of;
        noted.store(left, std::memory_order_relaxed);
        std::atomic_signal_fence(std::memory_order_seq_cst);  // whoever finds nothing noted postpones nothing
        if (left != 0 || postponed.load(std::memory_order_relaxed) == nullptr) return;
        if (const auto action = postponed.exchange(nullptr)) action();
    }

    /// For a signal handler that needs our locks: has `action` called as soon as the thread that it has interrupted
    /// holds none of them. false, and nothing, if it holds none now.
    static bool postpone(void (*action)()) noexcept {
        if (is_any_noted()) postponed = action;
        return is_any_noted();
    }

private:
    static inline thread_local std::atomic<lock> noted{0};
    static inline thread_local std::atomic<void (*)()> postponed{nullptr};

    lock lock_;
};

}  // namespace chainner::detail
