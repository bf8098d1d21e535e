// Captures its output, and writes to stdout and stderr in a way.
//
//     speak FOLDER WAY [COUNT] [FILE]
//
// FOLDER: `-` if no logger is set up before. FILE: where numbers are published once they are written (a
// test::shared_counter), or what is waited for. SPEAK_EARLY: if set, something is printed before anything is captured;
// "flushed": and does not stay in C's buffer.

#include <spdlog/pattern_formatter.h>

#include <atomic>
#include <chainner/logger.hpp>
#include <chainner/output_capture.hpp>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/records.hpp"
#include "support/system.hpp"

#ifdef _WIN32
#include <io.h>
#include <process.h>
#else
#include <unistd.h>
#endif

namespace {

std::shared_ptr<spdlog::logger> logger;  // NOLINT
int count = 0;                           // NOLINT
std::string file;                        // NOLINT

void print(std::string_view text, std::FILE* stream = stdout) {
    std::fwrite(text.data(), 1, text.size(), stream);
    std::fflush(stream);
}

/// By one call of the system, as a line of the C library from many threads would come.
void write_line(const std::string& line) {
    for (std::size_t done = 0; done < line.size();) {
        const auto written = ::write(1, line.data() + done, static_cast<unsigned>(line.size() - done));
        if (written <= 0) std::abort();
        done += static_cast<std::size_t>(written);
    }
}

class of_some_letters final : public spdlog::formatter {
    void format(const spdlog::details::log_msg& record, spdlog::memory_buf_t& out) override {
        const std::string text(record.payload.data(), record.payload.size());
        if (text.find("impossible") != std::string::npos) throw std::runtime_error("has no such letters");
        spdlog::pattern_formatter("%Y-%m-%d %H:%M:%S.%e [1] [INFO] %v").format(record, out);
    }
    std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<of_some_letters>(); }
};

void by_a_formatter_that_throws() {
    logger->set_formatter(std::make_unique<of_some_letters>());
    print("one\nimpossible\ntwo\n");
}

std::atomic<bool> is_at_work{false};

class slow_one final : public spdlog::formatter {
    void format(const spdlog::details::log_msg& record, spdlog::memory_buf_t& out) override {
        if (std::string_view(record.payload.data(), record.payload.size()) == "slow") {
            is_at_work = true;
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
        spdlog::pattern_formatter("%Y-%m-%d %H:%M:%S.%e [1] [INFO] by the formatter: %v").format(record, out);
    }
    std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<slow_one>(); }
};

void lines_while_a_thread_logs() {
    logger->set_formatter(std::make_unique<slow_one>());
    for (int i = 0; i < 20; ++i) {
        is_at_work = false;
        std::thread slow([] { logger->info("slow"); });
        while (!is_at_work) std::this_thread::yield();
        print("line\n");
        slow.join();
    }
}

void by_every_writer() {
    print("by C\n");
    print("by C, to stderr\n", stderr);
    std::cout << "by C++" << std::endl;
    std::cerr << "by C++, to stderr" << std::endl;
    if (std::system("echo by a program") != 0) std::abort();
}

void a_started_program() {
    if (std::system(std::getenv("SPEAK_COMMAND")) != 0) std::abort();
    test::wait_until([] { return false; }, std::chrono::seconds(1));  // so long it may speak
}

void lines_together() { print("one\ntwo\n\nfour\n"); }

void what_is_no_text() {
    using namespace std::string_view_literals;
    print("\x1b[31mred\0\xff\xc3\xa9\n"sv);
    print("Logger closed for worker process\n");
}

void a_long_line() {
    const std::string piece(1024 * 1024, 'x');
    for (int i = 0; i < count; ++i) print(piece);
    print("\n");
}

/// Logs by how many KiB the process has grown at most.
void a_long_line_beside_its_memory() {
    const auto peak = [] {
        std::ifstream status("/proc/self/status");
        for (std::string word; status >> word;) {
            if (word == "VmHWM:") break;
        }
        int kibibytes = -1;
        status >> kibibytes;
        return kibibytes;
    };
    print("early\n");
    const int before = peak();
    a_long_line();
    logger->info("grown by {}", peak() - before);
}

void empty_lines() { write_line(std::string(static_cast<std::size_t>(count), '\n')); }

void a_progress_bar() {
    for (int i = 0; i <= 100; ++i) print("\r" + std::to_string(i) + "%");
    print("\ndone\r\n");
}

void lines_and_records() {
    for (int i = 0; i < count; ++i) {
        print("line " + std::to_string(i) + "\n");
        logger->info("record {}", i);
    }
}

void lines_of_c_and_records() {
    for (int i = 0; i < count; ++i) {
        std::puts(("line " + std::to_string(i)).c_str());
        logger->info("record {}", i);
    }
    std::fputs("end", stdout);
}

void a_prompt() {
    print("Name: ");
    std::this_thread::sleep_for(std::chrono::hours(1));
}

void numbered_lines_for_ever() {
    test::shared_counter written(file);
    for (std::uint64_t i = 1;; ++i) {
        write_line("line " + std::to_string(i) + "\n");
        written.set(i);
    }
}

void numbered_lines_and_records_for_ever() {
    test::shared_counter written(file);
    for (std::uint64_t i = 1;; ++i) {
        write_line("line " + std::to_string(i) + "\n");
        logger->info("record {}", i);
        written.set(i);
    }
}

void eight_threads() {
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([i] {
            for (int n = 0; n < count; ++n) {
                std::string line = "thread " + std::to_string(i) + ' ' + std::to_string(n) + ' ';
                line.resize(89, 'x');
                write_line(line + '\n');
            }
        });
    }
    for (auto& each : threads) each.join();
}

void eight_threads_until_file_is_there() {
    eight_threads();
    test::wait_until([] { return std::filesystem::exists(file); }, std::chrono::seconds(60));
    print("end\n");
}

/// Of which each is taken as one.
void batches_until_file_is_there() {
    for (int batch = 0, line = 0; batch < 4; ++batch) {
        std::string lines;
        for (int i = 0; i < count; ++i) lines += "line " + std::to_string(line++) + " whole\n";
        write_line(lines);
        chainner::release_output();
        chainner::capture_output();
    }
    test::wait_until([] { return std::filesystem::exists(file); }, std::chrono::seconds(60));
}

void release_beside_eight_threads() {
    std::thread others(eight_threads);
    for (int i = 0; i < 200; ++i) {
        chainner::release_output();
        chainner::capture_output();
    }
    others.join();
}

void after_the_release() {
    print("captured\n");
    chainner::release_output();
    print("not captured\n");
    chainner::release_output();
    chainner::capture_output();
    chainner::capture_output();
    print("captured again\n");
}

// Ends

void last_words() {
    print("before\n");
    logger->info("a record");
    print("an error\n", stderr);
    print("last words");
}
void return_from_main() { last_words(); }
void call_exit() {
    last_words();
    std::thread([] { std::exit(0); }).join();
}
void call_quick_exit() {
    last_words();
#ifdef __linux__  // not in every C library
    std::quick_exit(0);
#endif
}
void call_abort() {
    last_words();
    std::abort();
}
void throw_exception() {
    last_words();
    print("\n");
    throw std::runtime_error("thrown");
}
void write_to_bad_address() {
    last_words();
    const volatile std::uintptr_t address = 0x10;
    *reinterpret_cast<volatile char*>(address) = 1;
}
void free_twice() {
    last_words();
    print("\n");
    void* volatile block = std::malloc(24);
    std::free(block);
    std::free(block);  // NOLINT
    std::abort();
}
void raise_sigterm() {
    last_words();
    std::raise(SIGTERM);
}

#define WAY(function) \
    { #function, function }
const std::map<std::string, std::function<void()>> ways{WAY(by_every_writer),
                                                        WAY(by_a_formatter_that_throws),
                                                        WAY(lines_while_a_thread_logs),
                                                        WAY(a_started_program),
                                                        WAY(lines_together),
                                                        WAY(what_is_no_text),
                                                        WAY(a_long_line),
                                                        WAY(a_long_line_beside_its_memory),
                                                        WAY(empty_lines),
                                                        WAY(a_progress_bar),
                                                        WAY(lines_and_records),
                                                        WAY(lines_of_c_and_records),
                                                        WAY(a_prompt),
                                                        WAY(numbered_lines_for_ever),
                                                        WAY(numbered_lines_and_records_for_ever),
                                                        WAY(eight_threads),
                                                        WAY(eight_threads_until_file_is_there),
                                                        WAY(batches_until_file_is_there),
                                                        WAY(release_beside_eight_threads),
                                                        WAY(after_the_release),
                                                        WAY(return_from_main),
                                                        WAY(call_exit),
                                                        WAY(call_quick_exit),
                                                        WAY(call_abort),
                                                        WAY(throw_exception),
                                                        WAY(write_to_bad_address),
                                                        WAY(free_twice),
                                                        WAY(raise_sigterm)};

}  // namespace

int main(int words_count, char** words) {
    if (words_count < 3 || ways.count(words[2]) == 0) {
        std::cerr << "speak FOLDER WAY [COUNT] [FILE]\n";
        return 2;
    }
    if (words_count > 3) count = std::stoi(words[3]);
    if (words_count > 4) file = words[4];
    chainner::logger_options options;
    options.log_dir = words[1];
    options.max_file_size = 1024 * 1024 * 1024;
    if (const std::string early = std::getenv("SPEAK_EARLY") ? std::getenv("SPEAK_EARLY") : ""; !early.empty()) {
        std::puts("early");
        if (early == "flushed") std::fflush(stdout);
    }
    if (options.log_dir != "-") logger = chainner::setup_logger("worker", options);
    chainner::capture_output();
    ways.at(words[2])();
}
