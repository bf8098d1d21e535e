#pragma once

#include <utility>

#ifdef _WIN32
#include <io.h>
#else
#include <unistd.h>
#endif

namespace test {

/// A descriptor of the C library. Closes it.
class descriptor {
public:
    descriptor() = default;
    explicit descriptor(int number) noexcept : number_(number) {}
    descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    descriptor& operator=(descriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    ~descriptor() {
#ifdef _WIN32
        if (number_ >= 0) _close(number_);
#else
        if (number_ >= 0) close(number_);
#endif
    }

    int number() const noexcept { return number_; }

private:
    int number_ = -1;
};

}  // namespace test
