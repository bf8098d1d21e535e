// Sets up a logger, logs `about to crash`, and crashes.
//
//     crash FOLDER WAY [handler] [thread] [before] [after] [faulty]
//
// handler: with chainner::install_crash_handler(). thread: not in the main thread. before: with handlers of its own
// underneath, which end the process with the exit codes 42 (signals) and 43 (std::terminate). after: with handlers
// above that hand on what they get by the number alone, as they can in ISO C. faulty: with one of std::terminate
// underneath that writes to a bad address.

#include <array>
#include <atomic>
#include <chainner/crash_handler.hpp>
#include <chainner/logger.hpp>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/system.hpp"

namespace {

struct plain_struct {};

[[gnu::noinline]] void write_to_bad_address() {
    const volatile std::uintptr_t address = 0x10;
    *reinterpret_cast<volatile char*>(address) = 1;
}

void divide_by_zero() {
    const volatile int zero = 0;
    std::printf("%d\n", std::div(1, zero).quot);
    std::raise(SIGFPE);  // where the processor lets it pass
}

void call_abort() { std::abort(); }

// NOLINTNEXTLINE(misc-no-recursion)
int overflow_stack(int depth, int last) {
    std::array<volatile char, 1024> frame{};
    frame[0] = static_cast<char>(depth);
    if (depth == last) write_to_bad_address();
    return depth == last ? 0 : overflow_stack(depth + 1, last) + frame[0];
}

void corrupt_heap() {
    volatile char* const block = static_cast<char*>(std::malloc(24));
    for (volatile int i = -16; i < 64; i = i + 1) block[i] = '\x7f';
    std::free(const_cast<char*>(block));
    std::abort();
}

void throw_exception() { throw std::runtime_error("no such model\n2025-10-19 05:52:25.123 [1] [INFO] forged"); }

void throw_long_text() {
    std::string text;
    while (text.size() < 20'000) text += "\u00e4";
    throw std::runtime_error(text);
}

void throw_something_else() { throw plain_struct(); }

void call_terminate() { std::terminate(); }

void wait_for_signal() {
    while (true) std::this_thread::sleep_for(std::chrono::hours(1));
}

void crash_in_many_threads() {
    std::atomic<int> waiting{8};
    std::vector<std::thread> threads;
    for (int i = 8; i > 0; --i) {
        threads.emplace_back([&waiting] {
            for (--waiting; waiting > 0;) {
            }
            write_to_bad_address();
        });
    }
    for (std::thread& each : threads) each.join();
}

std::map<int, void (*)(int)> handlers_before;

void hand_on(int number) {
    std::printf("ends by %d, as %s line %d has it\n", number, __FILE__, __LINE__);  // so that other numbers are at hand
    if (const auto before = handlers_before.at(number); before != SIG_DFL) return before(number);
    std::signal(number, SIG_DFL);
    std::raise(number);
}

const std::map<std::string, std::function<void()>> ways{
    {"write_to_bad_address", write_to_bad_address},
    {"divide_by_zero", divide_by_zero},
    {"execute_illegal_instruction", test::execute_illegal_instruction},
    {"read_behind_end_of_mapped_file", test::read_behind_end_of_mapped_file},
    {"call_abort", call_abort},
    {"overflow_stack", [] { overflow_stack(0, -1); }},
    {"crash_in_a_recursion", [] { overflow_stack(0, 200); }},
    {"corrupt_heap", corrupt_heap},
    {"throw_exception", throw_exception},
    {"throw_long_text", throw_long_text},
    {"throw_something_else", throw_something_else},
    {"call_terminate", call_terminate},
    {"wait_for_signal", wait_for_signal},
    {"crash_in_many_threads", crash_in_many_threads},
};

}  // namespace

int main(int count, char** words) {
    const std::set<std::string> settings(words + 3, words + count);
    if (settings.count("before") != 0) {
        for (const int number : test::fault_signals()) std::signal(number, [](int) { std::_Exit(42); });
        std::set_terminate([] { std::_Exit(43); });
    }
    if (settings.count("faulty") != 0) std::set_terminate(write_to_bad_address);
    chainner::logger_options options;
    options.log_dir = words[1];
    options.to_console = false;
    const auto logger = chainner::setup_logger("worker", options);
    const auto crash = [&] {
        if (settings.count("handler") != 0) chainner::install_crash_handler();
        if (settings.count("after") != 0) {
            for (const int number : test::fault_signals()) handlers_before[number] = std::signal(number, hand_on);
        }
        logger->info("about to crash");
        ways.at(words[2])();
    };
    if (settings.count("thread") != 0) {
        std::thread(crash).join();
    } else {
        crash();
    }
}
