// A life that steps.py disturbs at one of its steps.
//
//     life_linux FOLDER SHARED LIFE [WHAT [captured] CALL]
//
// It logs to FOLDER, and says in the memory that the file SHARED holds which records have been acknowledged. LIFE:
//
// signal: makes the CALL while a signal may come, whose handler does WHAT.
// held:   makes the CALL while another thread waits until it is told to do WHAT.
// other:  a process of the same role beside the one that is disturbed. next: one that comes after it.
// else:   set-up, records over several rotations, captured output, set-up again, a fork, an end.
//
// captured: output is captured by then. The variable MISTAKE: one that this program makes, and steps.py has to notice.
//
// `int3` marks where it can be traced, where the steps begin and end, an allocation that fails, and where what has
// happened at a step is over.

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chainner/crash_handler.hpp>
#include <chainner/log_directory.hpp>
#include <chainner/logger.hpp>
#include <chainner/output_capture.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "lock_note.hpp"

namespace {

/// steps.py knows it as well.
struct shared_memory {
    std::atomic<std::uint32_t> is_failing, may_go, is_swept, handled_records, inside_time_zone;
    std::atomic<std::uint32_t> inside_malloc, was_inside_malloc, allocations, failing_allocation;
    std::atomic<std::uint8_t> acknowledged[65536];
};
shared_memory* shared = nullptr;
thread_local bool is_main_thread = false;
thread_local bool is_beside_held_thread = false;
std::atomic<bool> is_preparing{false};  // a second earlier, so that the next record does not know its local time yet
const std::string& mistake = *new std::string(std::getenv("MISTAKE"));

bool is_impatient() { return is_beside_held_thread && shared->is_swept; }

/// At one address.
[[gnu::noinline]] void mark() { asm volatile("int3"); }

bool fails() {
    if (shared == nullptr || shared->failing_allocation == 0) return false;
    if (++shared->allocations != shared->failing_allocation) return false;
    mark();
    errno = ENOMEM;
    return true;
}

/// The main thread in a function of the C library, of which it may hold a lock.
class inside {
public:
    explicit inside(std::atomic<std::uint32_t> shared_memory::*function) {
        if (is_main_thread) ++*(count_ = &(shared->*function));
    }
    ~inside() {
        if (count_ != nullptr) --*count_;
    }
    inside(const inside&) = delete;
    inside& operator=(const inside&) = delete;

private:
    std::atomic<std::uint32_t>* count_ = nullptr;
};

template <class... Arguments>
void* allocate(void* (*call)(Arguments...), Arguments... arguments) {
    if (fails()) return nullptr;
    const inside malloc(&shared_memory::inside_malloc);
    return call(arguments...);
}

// Found before any step: a handler may call `exit`, which waits for the lock of `dlsym`.
void* const next_timedlock = dlsym(RTLD_NEXT, "pthread_mutex_timedlock");
void* const next_localtime = dlsym(RTLD_NEXT, "localtime_r");
void* const next_gmtime = dlsym(RTLD_NEXT, "gmtime_r");

std::tm* convert(void* call, const std::time_t* time, std::tm* parts) {
    const inside time_zone(&shared_memory::inside_time_zone);
    return reinterpret_cast<decltype(&localtime_r)>(call)(time, parts);
}

}  // namespace

extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void __libc_free(void* memory);

void* malloc(std::size_t size) { return allocate(__libc_malloc, size); }
void* calloc(std::size_t count, std::size_t size) { return allocate(__libc_calloc, count, size); }
void* realloc(void* memory, std::size_t size) { return allocate(__libc_realloc, memory, size); }
void free(void* memory) {
    const inside malloc(&shared_memory::inside_malloc);
    __libc_free(memory);
}

ssize_t write(int number, const void* text, std::size_t size) {
    const ssize_t written = syscall(SYS_write, number, text, size);
    return mistake == "write" ? static_cast<ssize_t>(size) : written;
}
int clock_gettime(clockid_t clock, std::timespec* time) {
    const auto result = static_cast<int>(syscall(SYS_clock_gettime, clock, time));
    if (clock == CLOCK_REALTIME && is_preparing) --time->tv_sec;
    return result;
}
// Whoever waits in vain at each step of a sweep, as the held thread has the lock, waits less, and tries as often.
int nanosleep(const std::timespec* time, std::timespec* left) {
    return is_impatient() ? sched_yield() : static_cast<int>(syscall(SYS_nanosleep, time, left));
}
int pthread_mutex_timedlock(pthread_mutex_t* mutex, const std::timespec* end) {
    std::timespec soon{};
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_nsec += 5'000'000;
    soon.tv_sec += soon.tv_nsec / 1'000'000'000;
    soon.tv_nsec %= 1'000'000'000;
    return reinterpret_cast<decltype(&pthread_mutex_timedlock)>(next_timedlock)(mutex, is_impatient() ? &soon : end);
}
std::tm* localtime_r(const std::time_t* time, std::tm* parts) { return convert(next_localtime, time, parts); }
std::tm* gmtime_r(const std::time_t* time, std::tm* parts) { return convert(next_gmtime, time, parts); }

int rename(const char* from, const char* to) {
    const auto result = static_cast<int>(syscall(SYS_rename, from, to));
    if (mistake == "rename") errno = ENOENT;  // so the next file takes its name
    return result;
}
}

namespace {

const char* folder = nullptr;
std::shared_ptr<spdlog::logger> logger;
const std::string& padding = *new std::string(60, 'x');
const std::string& large = *new std::string(100'000, 'y');

/// It may throw during a fault, and twice besides.
template <class Call>
void call_until_it_works(Call call) {
    for (int left = 3;;) {
        const bool began_in_fault = shared->is_failing;
        try {
            return call();
        } catch (const std::exception&) {
            if (!began_in_fault && --left == 0) throw;
            if (shared->is_failing) usleep(10'000);
        }
    }
}

chainner::logger_options options_for(const char* where, std::size_t max_file_size) {
    chainner::logger_options options;
    options.log_dir = std::filesystem::path(folder) / where;
    options.max_file_size = max_file_size;
    options.max_files = max_file_size == 1 ? 15 : 8;
    return options;
}

void set_up(const char* where, std::size_t max_file_size) {
    call_until_it_works([&] { logger = chainner::setup_logger("worker", options_for(where, max_file_size)); });
}

// Made before the steps: a handler that gets the first logger of the process must not interrupt the program's `malloc`.
chainner::logger_options& prepared = *new chainner::logger_options;

void set_up_as_prepared() { logger = chainner::setup_logger("worker", prepared); }

void record(std::uint32_t number) {
    static std::mutex unnoted;
    std::unique_lock<std::mutex> lock(unnoted, std::defer_lock);
    if (mistake == "lock") lock.lock();
    logger->info("record {} {}.", number, padding);
    shared->acknowledged[number] = 1;
}

void records(std::uint32_t first, std::uint32_t last) {
    for (std::uint32_t number = first; number <= last; ++number) record(number);
}

/// Of a handler, a child of it or the other thread.
std::uint32_t new_number() { return 501 + shared->handled_records++; }

void new_records(int count) {
    while (count-- > 0) record(new_number());
}

void in_child(std::uint32_t first, std::uint32_t last, bool ends_in_good_order) {
    pid_t child = 0;
    while ((child = fork()) < 0) usleep(10'000);
    if (child == 0) {
        // A child that a handler forks while the C library holds its lock on the time zone logs nothing.
        if (last != 0 && !chainner::detail::lock_note::is_any_noted()) {
            records(first, last - 1);
            while (shared->is_failing) usleep(10'000);
            record(last);
            while (shared->is_failing) usleep(10'000);  // what is held back is written when the process ends
        }
        ends_in_good_order ? std::exit(0) : _exit(0);
    }
    while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
}

void whole_life() {
    mark();
    set_up(".", 1200);
    records(1, 20);
    call_until_it_works(chainner::capture_output);
    std::printf("record 21 %s.\n", padding.c_str());
    std::fflush(stdout);
    record(22);
    set_up("again", 1200);
    records(31, 36);
    in_child(501, 504, true);
    records(41, 43);
    while (shared->is_failing) usleep(10'000);
    records(44, 46);
    while (shared->is_failing) usleep(10'000);
}

void print() {
    if (write(STDOUT_FILENO, large.data(), large.size()) < 0) std::abort();
}

const auto& actions = *new std::map<std::string, void (*)()>{
    {"exit", [] { std::exit(0); }},
    {"fork",
     [] {
         const std::uint32_t number = new_number();
         in_child(number, shared->was_inside_malloc ? 0 : number, false);
     }},
    {"log",
     [] {
         if (logger) mistake == "lock" ? new_records(1) : logger->info("from the handler");
         if (mistake == "claim" && shared->was_inside_malloc) shared->acknowledged[new_number()] = 1;
     }},
    {"get",
     [] {
         chainner::get_logger("worker")->info("from the handler");
         chainner::get_logger_from_env()->info("from the handler");
     }},
    {"pattern",
     [] {
         if (logger) logger->set_pattern(chainner::default_file_pattern);
     }},
    {"print", print},
};

constexpr std::size_t never_full = 1'000'000'000;

const auto& calls = *new std::map<std::string, void (*)()>{
    {"record", [] { record(20); }},
    {"long_record", [] { logger->info("{}", std::string_view(large).substr(0, 1000)); }},
    {"rotation", [] { record(20); }},
    {"flush", [] { logger->flush(); }},
    {"pattern", [] { logger->set_pattern(chainner::default_file_pattern); }},
    {"get", [] { chainner::get_logger("worker"); }},
    {"get_from_env", [] { chainner::get_logger_from_env(); }},
    {"first_setup", set_up_as_prepared},
    {"setup_again", set_up_as_prepared},
    {"setup_elsewhere", set_up_as_prepared},
    {"capture", chainner::capture_output},
    {"release", chainner::release_output},
    {"printed_record",
     [] {
         std::puts("printed");
         record(20);
     }},
    {"fork", [] { in_child(0, 0, false); }},
    {"malloc",
     [] {
         for (const std::size_t size : {100U, 2'000U, 200'000U}) {
             void* volatile memory = std::malloc(size);
             std::free(memory);
         }
     }},
    {"end", [] { std::exit(0); }},
    {"crash_handler", chainner::install_crash_handler},
    {"log_directory", [] { chainner::log_directory(); }},
    {"describe_exit", [] { chainner::describe_exit(-9); }},
};

const char* what = nullptr;
bool is_captured = false;

void prepare(const std::string& call) {
    is_preparing = true;
    if (call != "first_setup") {
        set_up(".", call == "rotation" ? 1 : never_full);
        records(1, 3);
    }
    if (is_captured) chainner::capture_output();
    prepared = options_for(call == "setup_elsewhere" ? "again" : ".", never_full);
    is_preparing = false;
}

void call_interrupted(const std::string& call) {
    prepare(call);
    std::signal(SIGUSR1, [](int) {
        shared->was_inside_malloc = shared->inside_malloc.load();
        actions.at(what)();
        mark();
    });
    mark();
    calls.at(call)();
    mark();
    records(51, 53);
}

void call_beside_another_thread(const std::string& call) {
    prepare(call);
    std::thread([] {
        is_beside_held_thread = true;
        do {
            while (!shared->may_go) usleep(100);
            shared->may_go = 0;
            if (what != std::string("fork")) new_records(2);
            actions.at(what)();
            new_records(2);
            mark();
        } while (shared->is_swept);
        std::exit(0);
    }).detach();
    usleep(1000);
    mark();
    calls.at(call)();
    mark();
    shared->may_go = 1;
    pause();
}

}  // namespace

int main(int count, char** words) {
    const int file = open(words[2], O_RDWR | O_CLOEXEC);
    shared =
        static_cast<shared_memory*>(mmap(nullptr, sizeof(shared_memory), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
    close(file);
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);  // so that gdb may attach itself
    is_main_thread = true;
    folder = words[1];
    const std::string life = words[3];
    if (life != "other" && life != "next") {
        ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        mark();
    }
    what = count > 4 ? words[4] : "";
    is_captured = count > 5 && words[5] == std::string("captured");
    if (life == "signal") {
        call_interrupted(words[count - 1]);
    } else if (life == "held") {
        call_beside_another_thread(words[count - 1]);
    } else if (life == "other" || life == "next") {
        set_up(".", 1200);
        life == "other" ? records(1001, 1020) : record(2001);
    } else {
        whole_life();
    }
}
