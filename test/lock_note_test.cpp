#include "lock_note.hpp"

#include <gtest/gtest.h>

#include <array>
#include <thread>

namespace {

using chainner::detail::lock_note;

TEST(LockNote, IsThereAsLongAsItLivesAndOnceForALock) {
    const lock_note::lock one = lock_note::new_lock();
    const lock_note::lock other = lock_note::new_lock();
    EXPECT_FALSE(lock_note::is_any_noted());
    {
        const lock_note first(one);
        EXPECT_TRUE(first);
        EXPECT_TRUE(lock_note::is_any_noted());
        EXPECT_FALSE(lock_note(one));
        EXPECT_FALSE(lock_note(one)) << "the one within has taken the first one with it";
        EXPECT_TRUE(lock_note(other));
        EXPECT_TRUE(lock_note::is_any_noted());
    }
    EXPECT_FALSE(lock_note::is_any_noted());
    EXPECT_TRUE(lock_note(one));
}

TEST(LockNote, IsOfItsThreadAlone) {
    const lock_note note(lock_note::new_lock());
    bool is_noted = true;
    std::thread([&] { is_noted = lock_note::is_any_noted(); }).join();
    EXPECT_FALSE(is_noted);
}

TEST(LockNote, HasWhatIsPostponedDoneOnceNoneIsLeft) {
    static int done = 0;
    const auto action = [] { done += lock_note::is_any_noted() ? 10 : 1; };
    EXPECT_FALSE(lock_note::postpone(action));
    {
        const lock_note outer(lock_note::new_lock());
        {
            const lock_note inner(lock_note::new_lock());
            EXPECT_TRUE(lock_note::postpone(action));
        }
        EXPECT_EQ(done, 0);
    }
    EXPECT_EQ(done, 1);
    { const lock_note later(lock_note::new_lock()); }
    EXPECT_EQ(done, 1) << "once";
}

TEST(LockNote, ThatIsKeptIsThereUntilItIsForgotten) {
    std::array<lock_note::lock, 64> all{};  // as many as can be told apart
    for (lock_note::lock& each : all) {
        each = lock_note::new_lock();
        lock_note note(each);
        EXPECT_TRUE(note);
        note.keep();
    }
    for (const lock_note::lock each : all) {
        EXPECT_FALSE(lock_note(each));
        EXPECT_TRUE(lock_note::is_any_noted());
        lock_note::forget(each);
        EXPECT_TRUE(lock_note(each));
    }
    EXPECT_FALSE(lock_note::is_any_noted());
}

}  // namespace
