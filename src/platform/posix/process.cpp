#include "platform/process.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <pwd.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string_view>
#include <system_error>
#include <vector>

#ifdef __APPLE__
#include <mach-o/dyld.h>
#include <sys/sysctl.h>
#elif defined(__linux__)
#include <link.h>
#endif

namespace chainner::platform {

namespace fs = std::filesystem;

operating_system current_system() noexcept {
#ifdef __APPLE__
    return operating_system::macos;
#else
    return operating_system::other_unix;
#endif
}

std::string system_name() {
    utsname names{};
    uname(&names);
    return std::string(names.sysname) + ' ' + names.release + ' ' + names.machine;
}

namespace {

std::atomic<int> known_process_id{0};
std::atomic<std::chrono::system_clock::rep> known_process_start{0};

}  // namespace

int process_id() noexcept {
    int id = known_process_id.load(std::memory_order_relaxed);
    if (id == 0) {
        static once follows_forks;
        follows_forks([] {
            pthread_atfork(nullptr, nullptr, [] {
                known_process_id = 0;
                known_process_start = 0;
            });
        });
        id = getpid();
        known_process_id.store(id, std::memory_order_relaxed);
    }
    return id;
}

namespace {

/// By the clock as it stands now.
std::chrono::system_clock::time_point find_process_start() {
    using namespace std::chrono;
#ifdef __APPLE__
    std::array<int, 4> name{CTL_KERN, KERN_PROC, KERN_PROC_PID, getpid()};
    kinfo_proc found{};
    std::size_t size = sizeof found;
    sysctl(name.data(), name.size(), &found, &size, nullptr, 0);
    const timeval start = found.kp_proc.p_starttime;
    return system_clock::time_point(seconds(start.tv_sec) + microseconds(start.tv_usec));
#else
    std::array<char, 1024> text{};
    const int file = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    const ssize_t size = read(file, text.data(), text.size());
    close(file);
    // The program's name, in parentheses, may contain any letter; the start is the 20th field after it.
    std::string_view fields(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    std::size_t begin = fields.rfind(')');
    for (int i = 0; i < 20 && begin != fields.npos; ++i) begin = fields.find(' ', begin + 1);
    if (begin == fields.npos) return system_clock::now();
    long long ticks = 0;
    std::from_chars(fields.data() + begin + 1, fields.data() + fields.size(), ticks);
    timespec since_boot{};
    clock_gettime(CLOCK_BOOTTIME, &since_boot);
    const auto age = seconds(since_boot.tv_sec) + nanoseconds(since_boot.tv_nsec) -
                     ticks * nanoseconds(std::nano::den / sysconf(_SC_CLK_TCK));
    return system_clock::now() - duration_cast<system_clock::duration>(age);
#endif
}

}  // namespace

std::chrono::system_clock::time_point process_start() {
    using std::chrono::system_clock;
    process_id();  // has the child of a fork ask anew
    system_clock::rep known = known_process_start.load();
    if (known == 0) {
        const system_clock::rep found = find_process_start().time_since_epoch().count();
        if (known_process_start.compare_exchange_strong(known, found)) known = found;
    }
    return system_clock::time_point(system_clock::duration(known));
}

std::uintptr_t time_zone() noexcept {
    static once read;
    read(tzset);  // else the first one who asks for local time reads it from a file
    return static_cast<std::uintptr_t>(timezone) ^ reinterpret_cast<std::uintptr_t>(tzname[0]) ^
           reinterpret_cast<std::uintptr_t>(tzname[1]) << 1U;
}

void at_fork(void (*prepare)(), void (*parent)(), void (*child)()) {
    if (const int error = pthread_atfork(prepare, parent, child)) {
        throw std::system_error(error, std::system_category(), "pthread_atfork");
    }
}

void keep_loaded() noexcept {
    const auto here = reinterpret_cast<void*>(&keep_loaded);
#ifdef DLFO_STRUCT_HAS_EH_DBASE
    dl_find_object found{};
    if (_dl_find_object(here, &found) == 0 && *found.dlfo_link_map->l_name == '\0') return;  // the program itself
#endif
    Dl_info own{};
    if (dladdr(here, &own) != 0) dlopen(own.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

void cancellation_point() { pthread_testcancel(); }

no_cancellation::no_cancellation() noexcept { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }

no_cancellation::~no_cancellation() {
    int disabled = 0;
    pthread_setcancelstate(before_, &disabled);
}

signal_mask block_signals() noexcept {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS}) sigdelset(&all, fault);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    signal_mask mask;
    static_assert(sizeof before <= sizeof mask);
    std::memcpy(mask.data(), &before, sizeof before);
    return mask;
}

void set_signal_mask(const signal_mask& mask) noexcept {
    sigset_t wanted;
    std::memcpy(&wanted, mask.data(), sizeof wanted);
    pthread_sigmask(SIG_SETMASK, &wanted, nullptr);
}

std::optional<std::string> variable(const char* name) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
}

fs::path path_variable(const char* name) { return variable(name).value_or(""); }

fs::path executable_directory() {
#ifdef __APPLE__
    std::uint32_t size = PATH_MAX;
    std::string name(size, '\0');
    if (_NSGetExecutablePath(name.data(), &size) != 0) return {};
    name.resize(name.find('\0'));
    std::error_code ignored;
    return fs::canonical(name, ignored).parent_path();
#else
    std::error_code ignored;
    return fs::read_symlink("/proc/self/exe", ignored).parent_path();
#endif
}

fs::path home_directory() {
    if (const auto home = variable("HOME"); home && home->front() == '/') return *home;
    // A handler may call `exit` or `fork`, which wait for locks that the C library holds while it reads its files.
    const blocked_signals uninterrupted;
    const long most = sysconf(_SC_GETPW_R_SIZE_MAX);
    std::vector<char> buffer(most > 0 ? static_cast<std::size_t>(most) : 16384);
    passwd entry{};
    passwd* found = nullptr;
    if (getpwuid_r(getuid(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return {};
    return found->pw_dir;
}

fs::path application_data_directory() { return {}; }

std::string user_id() { return std::to_string(geteuid()); }

std::string to_utf8(const fs::path& path) { return path.string(); }

}  // namespace chainner::platform
