#include "guarded.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <new>
#include <string>

#include "support/held_elsewhere.hpp"

namespace {

using namespace std::chrono_literals;
using chainner::detail::guarded;

/// Tells what becomes of it.
class told_value {
public:
    explicit told_value(std::string& fate) : fate_(fate) {}
    ~told_value() { fate_ += "destroyed "; }
    told_value(const told_value&) = delete;
    told_value& operator=(const told_value&) = delete;

    static inline int clones_that_fail = 0;

    told_value clone_for_child() const {
        if (clones_that_fail > 0) {
            --clones_that_fail;
            throw std::bad_alloc();
        }
        fate_ += "cloned ";
        return told_value(fate_);
    }
    void detach_in_child() noexcept { fate_ += "detached "; }

private:
    std::string& fate_;
};

class Guarded : public testing::Test {
protected:
    static bool is_free(guarded<told_value>& of) {
        return std::async(std::launch::async, [&] { return static_cast<bool>(of.lock_for(0s)); }).get();
    }

    /// Whether another thread gets the lock by `lock` once this one releases it.
    template <class Lock>
    bool is_waited_for(Lock lock) {
        std::future<bool> waiting;
        {
            const auto access = it.lock();
            waiting = std::async(std::launch::async, [lock] { return static_cast<bool>(lock()); });
            if (waiting.wait_for(100ms) != std::future_status::timeout) return false;
        }
        return waiting.get();
    }

    std::string fate;
    guarded<told_value> it{fate};
};

TEST_F(Guarded, HasOneUserAtATime) {
    {
        const auto access = it.lock();
        EXPECT_TRUE(access);
        EXPECT_FALSE(is_free(it));
    }
    EXPECT_TRUE(is_free(it));
}

TEST_F(Guarded, IsWaitedForAsLongAsIsSaid) {
    EXPECT_TRUE(is_waited_for([this] { return it.lock(); }));
    EXPECT_TRUE(is_waited_for([this] { return it.lock_for(1h); }));
    test::while_held_elsewhere(it, [this] {
        EXPECT_FALSE(it.lock_for(10ms));
        EXPECT_FALSE(it.lock_for(0s));
        EXPECT_FALSE(it.lock_for(-1h));
    });
    EXPECT_TRUE(it.lock()) << "who has waited in vain does not hold it";
}

TEST_F(Guarded, IsRefusedToAThreadThatHasIt) {
    {
        const auto access = it.lock();
        EXPECT_FALSE(it.lock());
        EXPECT_FALSE(it.lock_for(1h));
        EXPECT_FALSE(is_free(it));
    }
    EXPECT_TRUE(it.lock());
}

TEST_F(Guarded, TakesItsValueWithIt) {
    { const guarded<told_value> other(fate); }
    EXPECT_EQ(fate, "destroyed ");
}

using GuardedAtAFork = Guarded;

TEST_F(GuardedAtAFork, IsHeldUntilTheForkIsOver) {
    for (int i = 0; i < 2; ++i) {
        it.before_fork(1h);
        EXPECT_FALSE(is_free(it));
        EXPECT_FALSE(it.lock());
        it.after_fork_in_parent();
        EXPECT_TRUE(is_free(it));
        EXPECT_TRUE(it.lock());
    }
}

TEST_F(GuardedAtAFork, StaysWithACallThatIsInterruptedByIt) {
    {
        const auto access = it.lock();
        it.before_fork(1h);
        it.after_fork_in_parent();
        EXPECT_FALSE(is_free(it));
        EXPECT_FALSE(it.lock());
    }
    EXPECT_TRUE(is_free(it));
    EXPECT_TRUE(it.lock());
}

TEST_F(GuardedAtAFork, StaysWithAThreadThatHoldsItForTooLong) {
    test::while_held_elsewhere(it, [this] {
        it.before_fork(10ms);
        it.after_fork_in_parent();
        EXPECT_FALSE(is_free(it));
    });
    EXPECT_TRUE(it.lock());
}

/// As the one of a child, which never goes: the lock of the parent stays.
class GuardedInAChild : public Guarded {
protected:
    GuardedInAChild() { of_child = new guarded<told_value>(fate); }

    static inline guarded<told_value>* of_child;  // static, so that it is not taken for a leak
};

TEST_F(GuardedInAChild, IsANewValueBehindANewLock) {
    const told_value* const of_parent = &of_child->without_lock();
    of_child->before_fork(1h);
    of_child->after_fork_in_child();
    EXPECT_EQ(fate, "cloned destroyed ");
    EXPECT_NE(&of_child->without_lock(), of_parent);
    EXPECT_TRUE(is_free(*of_child));
    EXPECT_TRUE(of_child->lock());
    of_child->before_fork(1h);
    of_child->after_fork_in_parent();
    EXPECT_TRUE(is_free(*of_child));
}

TEST_F(GuardedInAChild, LeavesTheValueOfTheParentToACallThatTheForkInterrupts) {
    const auto access = of_child->lock();
    of_child->before_fork(1h);
    of_child->after_fork_in_child();
    EXPECT_EQ(fate, "cloned detached ");
    EXPECT_NE(&of_child->without_lock(), &*access);
    EXPECT_TRUE(of_child->lock());
    EXPECT_TRUE(is_free(*of_child));
}

TEST_F(GuardedInAChild, IsTriedAgainWhereThereIsNoMemory) {
    told_value::clones_that_fail = 1;
    of_child->before_fork(1h);
    of_child->after_fork_in_child();
    EXPECT_EQ(fate, "cloned destroyed ");
    EXPECT_TRUE(of_child->lock());
}

TEST_F(GuardedInAChild, LeavesTheValueToTheParentWhereThereIsNoMemoryAtAll) {
    told_value::clones_that_fail = 2;
    of_child->before_fork(1h);
    of_child->after_fork_in_child();
    EXPECT_EQ(fate, "detached ");
    EXPECT_TRUE(of_child->lock());
    EXPECT_TRUE(is_free(*of_child));
}

}  // namespace
