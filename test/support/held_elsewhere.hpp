#pragma once

#include <future>

namespace test {

/// Has another thread hold the lock of a `guarded` while `action` runs.
template <class Guarded, class Action>
void while_held_elsewhere(Guarded& of, Action action) {
    std::promise<void> held, end;
    const auto holder = std::async(std::launch::async, [&] {
        const auto access = of.lock();
        held.set_value();
        end.get_future().wait();
    });
    held.get_future().wait();
    action();
    end.set_value();
}

}  // namespace test
