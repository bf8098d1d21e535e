// Captures its output, and does what programs do to their streams and processes meanwhile.
//
//     disturb_capture_posix FOLDER WAY [FILE]
//
// The exit code is 0 if it went well; whoever hangs is ended by SIGALRM.

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <spdlog/formatter.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chainner/logger.hpp>
#include <chainner/output_capture.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "platform/output.hpp"
#include "support/faults.hpp"
#include "support/records.hpp"
#include "support/system.hpp"

namespace {

std::shared_ptr<spdlog::logger> logger;
std::string file;

void require(bool condition, const char* what) {
    if (condition) return;
    logger->error("failed: {}", what);
    std::exit(1);
}

void write_text(std::string_view text) {
    require(write(STDOUT_FILENO, text.data(), text.size()) == static_cast<ssize_t>(text.size()), "write");
}

/// A stdout that is full, and that nobody reads.
void fill_stdout() {
    int ends[2];
    require(pipe(ends) == 0, "pipe");
    dup2(ends[1], STDOUT_FILENO);
    close(ends[1]);
    fcntl(STDOUT_FILENO, F_SETFL, O_NONBLOCK);
    while (write(STDOUT_FILENO, "x", 1) == 1) {
    }
    fcntl(STDOUT_FILENO, F_SETFL, 0);
}

/// Returns its exit code, or 128 and the number of its signal.
int run_child(const std::function<void()>& what) {
    const pid_t child = fork();
    if (child == 0) {
        alarm(30);
        what();
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void execute(const char* command) {
    execl("/bin/sh", "sh", "-c", command, nullptr);
    _exit(127);
}

std::size_t count_open_files() {
    std::size_t count = 0;
    DIR* const folder = opendir("/proc/self/fd");
    while (readdir(folder) != nullptr) ++count;
    closedir(folder);
    return count;
}

void capture_beside_stuck_printf() {
    fill_stdout();
    static std::atomic<int> printed{0};
    std::thread([] {
        while (true) {
            std::puts("a line of a thread");
            ++printed;
        }
    }).detach();
    const auto is_stuck = [] {
        const int now = printed;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        return now > 0 && printed == now;
    };
    require(test::wait_until(is_stuck), "the thread is stuck");
    chainner::capture_output();
    logger->info("captured");
    const int before = printed;
    require(test::wait_until([&] { return printed > before + 10; }), "the thread goes on");
}

void capture_without_a_descriptor() {
    {
        const test::no_free_descriptor none;
        bool has_failed = false;
        try {
            chainner::capture_output();
        } catch (const std::system_error&) {
            has_failed = true;
        }
        require(has_failed, "there is no descriptor");
    }
    write_text("before\n");
    chainner::capture_output();
    write_text("after\n");
}

void wait_for_signals() {
    chainner::capture_output();
    sigset_t alone;
    sigemptyset(&alone);
    sigaddset(&alone, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &alone, nullptr);
    std::signal(SIGUSR1, [](int) {});  // which a thread of ours would call, were it not blocked there
    for (int i = 0; i < 1000; ++i) {
        int received = 0;
        kill(getpid(), SIGUSR1);
        require(sigwait(&alone, &received) == 0, "sigwait");
    }
}

void release_with_unfinished_line_unread() {
    fill_stdout();
    chainner::capture_output();
    std::fputs("unfinished", stdout);
    chainner::release_output();
    logger->info("released");
    _exit(0);
}

void release_with_unfinished_line() {
    chainner::capture_output();
    std::puts("a line");
    std::fputs("unfinished", stdout);
    chainner::release_output();
    write_text(", finished\n");
}

void write_while_ending() {
    static const struct at_end {
        ~at_end() { write_text("last words of a static object\n"); }
    } last;
    std::ios::sync_with_stdio(false);
    chainner::capture_output();
    std::cout << "in the buffer of cout\n";
}

void exit_beside_locked_stdout() {
    std::ios::sync_with_stdio(false);  // else std::cout would wait for that lock, with or without us
    chainner::capture_output();
    std::atomic<bool> is_locked{false};
    std::thread([&] {
        flockfile(stdout);
        is_locked = true;
        while (true) pause();
    }).detach();
    while (!is_locked) std::this_thread::yield();
    write_text("last words\n");
    std::exit(0);
}

void close_all_descriptors() {
    chainner::capture_output();
    write_text("before\n");
    for (int number = 3; number < 4096; ++number) close(number);
    for (int i = 0; i < 1000; ++i) write_text("line " + std::to_string(i) + "\n");
    const auto is_all_read = [] { return !chainner::platform::captured_streams::has_unread(); };
    require(test::wait_until(is_all_read), "whoever logs, or ends the process, sees that there is nothing to wait for");
    logger->info("after");
}

/// They get the numbers that ours had.
void put_files_in_place_of_all_descriptors() {
    chainner::capture_output();
    for (int number = 3; number < 4096; ++number) close(number);
    std::vector<int> own;
    for (int number = 0; own.size() < 2500 && (number = open(file.c_str(), O_RDWR | O_CREAT, 0600)) >= 0;) {
        own.push_back(number);
    }
    for (int left = 20; left > 0; --left, own.pop_back()) close(own.back());
    require(write(own.front(), "mine", 4) == 4 && lseek(own.front(), 0, SEEK_SET) == 0, "write");
    std::this_thread::sleep_for(std::chrono::milliseconds(200));  // so the log file is looked after
    write_text("after\n");
    logger->info("after");
    for (const int each : own) require(lseek(each, 0, SEEK_CUR) == 0, "nobody reads or writes what is not theirs");
    chainner::release_output();
    write_text("released\n");
    for (const int each : own) require(lseek(each, 0, SEEK_CUR) == 0, "nobody reads or writes what is not theirs");
}

/// As glibc does where it finds the heap broken.
class aborting_formatter final : public spdlog::formatter {
    void format(const spdlog::details::log_msg&, spdlog::memory_buf_t&) override {
        write_text("malloc(): broken\n");
        std::abort();
    }
    std::unique_ptr<formatter> clone() const override { return std::make_unique<aborting_formatter>(); }
};

std::atomic<bool> is_printed{false};

/// Of a line `print`, it prints more than a pipe holds: in the thread that reads what is printed.
class printing_formatter final : public spdlog::formatter {
    void format(const spdlog::details::log_msg& record, spdlog::memory_buf_t& out) override {
        const std::string_view text(record.payload.data(), record.payload.size());
        if (text == "stdout: print" && !is_printed) {
            write_text(std::string(200'000, 'x') + '\n');
            is_printed = true;
        }
        out.append(text.data(), text.data() + text.size());
    }
    std::unique_ptr<formatter> clone() const override { return std::make_unique<printing_formatter>(); }
};

void print_in_a_formatter() {
    logger->set_formatter(std::make_unique<printing_formatter>());
    chainner::capture_output();
    write_text("print\n");
    require(test::wait_until([] { return is_printed.load(); }), "all is printed");
}

/// Sends a signal to the thread that writes to stdout, once it waits for the reader to go on.
class signalling_formatter final : public spdlog::formatter {
public:
    explicit signalling_formatter(pthread_t writer) : writer_(writer) {}
    void format(const spdlog::details::log_msg& record, spdlog::memory_buf_t& out) override {
        const std::string_view text(record.payload.data(), record.payload.size());
        if (text == "stdout: hold") {
            const auto is_written = [unread = 0]() mutable {
                return ioctl(STDOUT_FILENO, FIONREAD, &unread) == 0 && unread > 0;
            };
            if (test::wait_until(is_written)) pthread_kill(writer_, SIGUSR1);
        }
        out.append(text.data(), text.data() + text.size());
    }
    std::unique_ptr<formatter> clone() const override { return std::make_unique<signalling_formatter>(writer_); }

private:
    pthread_t writer_;
};

void exit_in_a_handler_while_the_buffer_is_flushed() {
    std::signal(SIGUSR1, [](int) { std::exit(0); });
    logger->set_formatter(std::make_unique<signalling_formatter>(pthread_self()));
    chainner::capture_output();
    static char buffer[1024 * 1024];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    for (int i = 0; i < 20'000; ++i) std::printf("line %d\n", i);  // more than a pipe holds
    write_text("hold\n");
    chainner::release_output();
    require(false, "the process has ended");
}

void abort_in_logging_call() {
    chainner::capture_output();
    logger->set_formatter(std::make_unique<aborting_formatter>());
    logger->info("never written");
}

void release_in_child_and_execute() {
    chainner::capture_output();
    const int status = run_child([] {
        chainner::release_output();
        logger->info("starting the tool");
        execute("sleep 0.1; echo by the tool; exit 7");
    });
    require(status == 7, "the tool runs");
}

void log_in_child_and_execute() {
    chainner::capture_output();
    const int status = run_child([] {
        logger->info("starting the tool");
        execute("sleep 0.1; echo by the tool; exit 7");
    });
    require(status == 7, "the tool runs");
}

void end_children_in_midst_of_line() {
    chainner::capture_output();
    for (int i = 0; i < 20; ++i) {
        write_text("one ");
        require(run_child([] {}) == 0, "fork and _exit");
        write_text("line\n");
    }
}

void outlive_parent() {
    chainner::capture_output();
    if (fork() != 0) _exit(0);
    // The parent's other threads hold the pipe a moment longer than its process id lasts.
    pollfd pipe{STDOUT_FILENO, 0, 0};
    while (poll(&pipe, 1, 0) == 0) std::this_thread::yield();
    logger->info("alone");
    write_text("heard\n");
}

void redirect_again_and_again() {
    chainner::capture_output();
    std::size_t open = 0;
    for (int i = 0; i < 500; ++i) {
        const int other = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        if (i == 0) write_text("for the first stream\n");
        dup2(other, STDOUT_FILENO);
        close(other);
        chainner::capture_output();
        if (i == 10) open = count_open_files();
    }
    write_text("captured\n");
    require(count_open_files() <= open, "no descriptor stays open");
}

void redirect_stderr() {
    chainner::capture_output();
    logger->info("to the stderr of the start");
    const int before = dup(STDERR_FILENO);
    const int other = open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(other, STDERR_FILENO);
    logger->info("to the file");
    dup2(before, STDERR_FILENO);
    logger->info("to the stderr of the start again");
}

void print_and_log() {
    chainner::capture_output();
    for (int i = 0; i < 5000; ++i) {
        write_text("line\n");
        logger->info("record");
    }
}

const std::map<std::string_view, void (*)()> ways{
    {"capture_beside_stuck_printf", capture_beside_stuck_printf},
    {"capture_without_a_descriptor", capture_without_a_descriptor},
    {"wait_for_signals", wait_for_signals},
    {"release_with_unfinished_line_unread", release_with_unfinished_line_unread},
    {"release_with_unfinished_line", release_with_unfinished_line},
    {"write_while_ending", write_while_ending},
    {"exit_beside_locked_stdout", exit_beside_locked_stdout},
    {"close_all_descriptors", close_all_descriptors},
    {"put_files_in_place_of_all_descriptors", put_files_in_place_of_all_descriptors},
    {"print_in_a_formatter", print_in_a_formatter},
    {"exit_in_a_handler_while_the_buffer_is_flushed", exit_in_a_handler_while_the_buffer_is_flushed},
    {"abort_in_logging_call", abort_in_logging_call},
    {"release_in_child_and_execute", release_in_child_and_execute},
    {"log_in_child_and_execute", log_in_child_and_execute},
    {"end_children_in_midst_of_line", end_children_in_midst_of_line},
    {"outlive_parent", outlive_parent},
    {"redirect_again_and_again", redirect_again_and_again},
    {"redirect_stderr", redirect_stderr},
    {"print_and_log", print_and_log},
};

}  // namespace

int main(int count, char** words) {
    if (count < 3 || ways.count(words[2]) == 0) {
        std::cerr << "disturb_capture_posix FOLDER WAY [FILE]\n";
        return 2;
    }
    if (count > 3) file = words[3];
    alarm(30);
    std::signal(SIGALRM, [](int) { _exit(128 + SIGALRM); });
    chainner::logger_options options;
    options.log_dir = words[1];
    logger = chainner::setup_logger("worker", options);
    ways.at(words[2])();
}
