// Somebody else handles faults as well: for a runtime they are everyday events, a crash reporter ends the process by
// them. Logs `goes on` after three of a guest's own faults, and then crashes.
//
//     share_faults_posix FOLDER GUEST before|after|alone END
//
// before, after: the guest comes before chainner::install_crash_handler(), or after it; alone: without that.

#include <sys/mman.h>
#include <unistd.h>

#include <chainner/crash_handler.hpp>
#include <chainner/logger.hpp>
#include <csetjmp>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using action = struct sigaction;
using handler = void (*)(int, siginfo_t*, void*);

action before_guest{};
std::size_t page_size;
char* pages;
constexpr std::size_t page_count = 16;
sigjmp_buf way_back;
volatile sig_atomic_t is_armed = 0;

bool is_own(const siginfo_t& info) { return info.si_addr >= pages && info.si_addr < pages + page_count * page_size; }

void set_default(int number) { std::signal(number, SIG_DFL); }

/// As runtimes do with what is not theirs.
void hand_on(int number, siginfo_t* info, void* context) {
    if ((before_guest.sa_flags & SA_SIGINFO) != 0) {
        before_guest.sa_sigaction(number, info, context);
    } else {
        sigaction(number, &before_guest, nullptr);
    }
}

void repair(int number, siginfo_t* info, void* context) {
    if (!is_own(*info)) return hand_on(number, info, context);
    const auto offset = static_cast<std::size_t>(static_cast<char*>(info->si_addr) - pages) / page_size * page_size;
    mprotect(pages + offset, page_size, PROT_READ | PROT_WRITE);
}

void jump(int number, siginfo_t* info, void* context) {
    if (is_armed == 0) return hand_on(number, info, context);
    is_armed = 0;
    siglongjmp(way_back, 1);
}

void throw_it(int number, siginfo_t* info, void* context) {
    if (is_armed == 0) return hand_on(number, info, context);
    is_armed = 0;
    throw std::runtime_error("fault");
}

void swallow(int number, siginfo_t* info, void* context) {
    if (info->si_code > 0) hand_on(number, info, context);
}

// NOLINTNEXTLINE(concurrency-mt-unsafe)
void end_at_once(int, siginfo_t*, void*) { _exit(42); }

void report_and_raise(int number, siginfo_t*, void*) {
    set_default(number);
    std::raise(number);
}

void report_and_return(int number, siginfo_t*, void*) { set_default(number); }

void report_and_restore(int number, siginfo_t*, void*) { sigaction(number, &before_guest, nullptr); }

void return_only(int, siginfo_t*, void*) {}

void write_to_page(std::size_t index) {
    mprotect(pages + index * page_size, page_size, PROT_NONE);
    static_cast<volatile char*>(pages)[index * page_size] = 1;
}

void write_to_pages_in_threads() {
    std::vector<std::thread> threads;
    for (std::size_t index = 0; index < page_count; ++index) {
        threads.emplace_back([=] {
            for (int round = 0; round < 500; ++round) write_to_page(index);
        });
    }
    for (std::thread& each : threads) each.join();
}

/// For the first page alone, and once: what comes after that is the system's.
void repair_first_page(int number, siginfo_t* info, void* context) {
    repair(number, info, context);
    set_default(number);
}

void repair_all_but_first_page(int number, siginfo_t* info, void* context) {
    const bool is_first = info->si_addr >= pages && info->si_addr < pages + page_size;
    is_first ? hand_on(number, info, context) : repair(number, info, context);
}

/// By two guests, of which the second has come after our handler.
void write_to_pages_of_two() {
    static bool is_second_there = false;
    if (!is_second_there) {
        action second{};
        second.sa_sigaction = repair_all_but_first_page;
        second.sa_flags = SA_ONSTACK | SA_SIGINFO;
        sigaction(SIGSEGV, &second, &before_guest);
        is_second_there = true;
        write_to_page(0);
    }
    write_to_page(1);
}

void write_to_bad_address() {
    const volatile std::uintptr_t address = 0x10;
    *reinterpret_cast<volatile char*>(address) = 1;
}

template <int saves_mask>
void write_and_jump() {
    if (sigsetjmp(way_back, saves_mask) == 0) {
        is_armed = 1;
        write_to_bad_address();
    }
}

void write_and_catch() {
    void (*volatile const write)() = write_to_bad_address;  // else it is known to throw nothing
    try {
        is_armed = 1;
        write();
    } catch (const std::runtime_error&) {
        return;
    }
    std::abort();
}

struct guest {
    handler handle;
    int flags = 0;
    std::function<void()> fault = [] {};
    int number = SIGSEGV;
};

const std::map<std::string, guest> guests{
    {"repairs", {repair, SA_ONSTACK, [] { write_to_page(0); }}},
    {"repairs_in_threads", {repair, SA_ONSTACK | SA_NODEFER, write_to_pages_in_threads}},
    {"jumps", {jump, SA_ONSTACK, write_and_jump<1>}},
    {"jumps_and_leaves_the_mask", {jump, SA_ONSTACK | SA_NODEFER, write_and_jump<0>}},
    {"throws", {throw_it, SA_ONSTACK | SA_NODEFER, write_and_catch}},
    {"swallows_what_is_sent", {swallow, SA_ONSTACK, [] { std::raise(SIGSEGV); }}},
    {"returns_from_what_is_sent", {return_only, SA_ONSTACK, [] { std::raise(SIGFPE); }, SIGFPE}},
    {"returns_from_an_abort_that_is_sent", {return_only, SA_ONSTACK, [] { std::raise(SIGABRT); }, SIGABRT}},
    {"returns_once", {return_only, SA_ONSTACK | static_cast<int>(SA_RESETHAND)}},
    {"reports_and_raises", {report_and_raise, SA_ONSTACK}},
    {"reports_and_returns", {report_and_return, SA_ONSTACK}},
    {"reports_and_restores", {report_and_restore, SA_ONSTACK}},
    {"goes_beneath_another", {repair_first_page, SA_ONSTACK, write_to_pages_of_two}},
    {"returns_from_abort", {return_only, 0, [] {}, SIGABRT}},
    {"ends_at_once", {end_at_once, SA_ONSTACK}},
};

}  // namespace

int main(int, char** words) {
    const guest& guest = guests.at(words[2]);
    page_size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    pages = static_cast<char*>(
        mmap(nullptr, page_count * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    chainner::logger_options options;
    options.log_dir = words[1];
    options.to_console = false;
    const auto logger = chainner::setup_logger("worker", options);

    const std::string order = words[3];
    if (order == "after") chainner::install_crash_handler();
    action own{};
    own.sa_sigaction = guest.handle;
    own.sa_flags = guest.flags | SA_SIGINFO;
    sigaction(guest.number, &own, &before_guest);
    if (order == "before") chainner::install_crash_handler();

    for (int i = 0; i < 3; ++i) guest.fault();
    logger->info("goes on");
    if (words[4] == std::string("abort")) std::abort();
    if (words[4] == std::string("give_back")) {
        set_default(SIGSEGV);
        logger->flush();
    }
    write_to_bad_address();
}
