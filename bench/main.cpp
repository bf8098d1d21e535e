#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <map>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "contestant.hpp"

[[gnu::weak]] void bench::capture_output() {}

namespace {

std::atomic<std::uint64_t> allocations{0};

}  // namespace

void* operator new(std::size_t size) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    if (void* memory = std::malloc(std::max<std::size_t>(size, 1))) return memory;
    throw std::bad_alloc();
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

constexpr const char usage[] =
    "usage: PROGRAM log|print|disabled|latency|records DIRECTORY [KEY=NUMBER...]\n"
    "\n"
    "  log       time and heap allocations of a record\n"
    "  print     time of a line written to stderr, captured by who can do that\n"
    "  disabled  time of a record whose level is not logged\n"
    "  latency   percentiles over a run with 20 rotations and more, and the 11th longest, a rotation in the middle\n"
    "  records   logs `count` records and ends, for those who measure from outside\n"
    "\n"
    "KEY: console=1 (also to stderr), capture=1 (stdout and stderr, by who can do that), message=BYTES, threads=N,\n"
    "count=N\n"
    "Prints the JSON of Google Benchmark.\n";

using key_values = std::map<std::string, std::size_t>;

constexpr std::size_t mebibyte = 1024 * 1024;
constexpr std::uint64_t first_number = 10'000'000;  // so that each message has the same length
constexpr std::size_t text_begin = std::string_view("tile 10000000: ").size();

std::string text_of_message(std::size_t message_size) {
    if (message_size <= text_begin) throw std::invalid_argument("message must be larger than 15 bytes");
    return std::string(message_size - text_begin, 'x');
}

void log_records(const std::string& text, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) bench::log(first_number + i, text);
}

void time_records(benchmark::State& state, const std::string& text) {
    const std::uint64_t before = allocations;
    std::uint64_t number = first_number;
    for (auto _ : state) bench::log(number++, text);
    state.counters["allocations"] = benchmark::Counter(static_cast<double>(allocations - before) / state.threads(),
                                                       benchmark::Counter::kAvgIterations);
}

/// A line of 90 bytes by one call of the system, as a library would write it.
void time_prints(benchmark::State& state) {
    const std::string line = std::string(89, 'x') + '\n';
    for (auto _ : state) {
        if (write(STDERR_FILENO, line.data(), line.size()) < 0) throw std::system_error(errno, std::system_category());
    }
}

void time_disabled_records(benchmark::State& state, const std::string& text) {
    std::uint64_t number = first_number;
    for (auto _ : state) bench::log_disabled(number++, text);
}

void measure_latency(benchmark::State& state, const std::string& text) {
    using clock = std::chrono::steady_clock;
    std::vector<clock::duration> each;
    each.reserve(static_cast<std::size_t>(state.max_iterations));
    std::uint64_t number = first_number;
    for (auto _ : state) {
        const auto began = clock::now();
        bench::log(number++, text);
        each.push_back(clock::now() - began);
    }
    std::sort(each.begin(), each.end());
    const auto share = [&each](double part) {
        const auto index = static_cast<std::size_t>(part * static_cast<double>(each.size() - 1));
        return static_cast<double>(std::chrono::nanoseconds(each[index]).count());
    };
    state.counters["p50"] = share(0.5);
    state.counters["p99"] = share(0.99);
    state.counters["p99.9"] = share(0.999);
    state.counters["max"] = share(1);
    state.counters["rotation"] = share(1 - 10 / static_cast<double>(each.size() - 1));
}

int run(const std::string& what, const std::filesystem::path& directory, key_values values) {
    const std::string text = text_of_message(values["message"]);
    const bool is_latency = what == "latency";
    bench::set_up({directory, values["console"] != 0, is_latency ? mebibyte : 10 * mebibyte});
    if (what == "records") {
        log_records(text, values["count"]);
        std::cout.flush();
        _exit(0);  // how long a contestant takes to end is of no concern
    }

    if (what == "print" || values["capture"] != 0) bench::capture_output();

    // Buffers have grown, and a console that nobody reads is full, before it counts.
    log_records(text, std::min<std::size_t>(2000, 4 * mebibyte / text.size()));

    benchmark::internal::Benchmark* registered = nullptr;
    if (what == "log") {
        registered = benchmark::RegisterBenchmark(what.c_str(), time_records, text);
        registered->Threads(static_cast<int>(values["threads"]));
    } else if (what == "print") {
        registered = benchmark::RegisterBenchmark(what.c_str(), time_prints);
    } else if (what == "disabled") {
        registered = benchmark::RegisterBenchmark(what.c_str(), time_disabled_records, text);
    } else if (is_latency) {
        registered = benchmark::RegisterBenchmark(what.c_str(), measure_latency, text);
        registered->Iterations(250'000);
    } else {
        throw std::invalid_argument(what + " is nothing that can be measured");
    }
    registered->UseRealTime();
    benchmark::JSONReporter reporter;
    benchmark::RunSpecifiedBenchmarks(&reporter);
    std::cout.flush();
    std::quick_exit(0);  // unlike _exit, it lets ours show what it has captured
}

}  // namespace

int main(int argument_count, char** arguments) {
    benchmark::Initialize(&argument_count, arguments);
    if (argument_count < 3) {
        std::cerr << usage;
        return 2;
    }
    try {
        key_values values{{"message", 50}, {"threads", 1}, {"count", 1}, {"console", 0}, {"capture", 0}};
        for (const std::string& each : std::vector<std::string>(arguments + 3, arguments + argument_count)) {
            const std::size_t equals = each.find('=');
            if (values.count(each.substr(0, equals)) == 0 || equals == std::string::npos) {
                throw std::invalid_argument(each + " is no key and number");
            }
            values[each.substr(0, equals)] = std::stoul(each.substr(equals + 1));
        }
        return run(arguments[1], arguments[2], std::move(values));
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n' << usage;
        return 2;
    }
}
