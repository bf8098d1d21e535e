#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "support/errno.hpp"
#include "support/system.hpp"

extern char** environ;

namespace test {

namespace {

void check_result(int error, const std::string& what) {
    if (error != 0) throw std::system_error(error, std::system_category(), what);
}

}  // namespace

bool is_posix() { return true; }

std::optional<std::string> get_variable(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

void set_variable(const std::string& name, const std::optional<std::string>& value) {
    if (value) {
        setenv(name.c_str(), value->c_str(), 1);
    } else {
        unsetenv(name.c_str());
    }
    tzset();  // for TZ: localtime_r does not ask for it again
}

int current_process_id() { return getpid(); }

child_process::child_process(const std::string& program, const std::vector<std::string>& arguments, int output) {
    const std::string path = std::filesystem::path(TEST_PROGRAM_DIRECTORY) / program;
    std::vector<std::string> words = arguments;
    words.insert(words.begin(), path);
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);

    posix_spawn_file_actions_t actions;
    check_result(posix_spawn_file_actions_init(&actions), "posix_spawn_file_actions_init");
    for (const int number : {STDOUT_FILENO, STDERR_FILENO}) {
        if (output < 0) {
            check_result(posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_WRONLY, 0), "addopen");
        } else {
            check_result(posix_spawn_file_actions_adddup2(&actions, output, number), "adddup2");
        }
    }
    // A shell that starts the tests in the background has them ignore these.
    sigset_t interrupts;
    sigemptyset(&interrupts);
    sigaddset(&interrupts, SIGINT);
    sigaddset(&interrupts, SIGQUIT);
    posix_spawnattr_t attributes;
    check_result(posix_spawnattr_init(&attributes), "posix_spawnattr_init");
    check_result(posix_spawnattr_setsigdefault(&attributes, &interrupts), "posix_spawnattr_setsigdefault");
    check_result(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF), "posix_spawnattr_setflags");
    const int error = posix_spawn(&id_, path.c_str(), &actions, &attributes, pointers.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    check_result(error, path);
}

child_process::~child_process() {
    if (id_ < 0 || status_) return;
    kill();
    wait();
}

child_process::child_process(child_process&& other) noexcept
    : id_(std::exchange(other.id_, -1)), handle_(other.handle_), status_(other.status_) {}

int child_process::wait() {
    while (!status_) {
        int status = 0;
        if (waitpid(id_, &status, 0) == id_) {
            status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        } else {
            check(errno == EINTR, "waitpid");
        }
    }
    return *status_;
}

void child_process::kill(int signal) {
    if (!status_) ::kill(id_, signal);
}

std::string output_of(const std::string& command) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> output(popen(command.c_str(), "r"), pclose);
    std::string text;
    for (int letter = 0; (letter = std::fgetc(output.get())) != EOF;) text += static_cast<char>(letter);
    return text;
}

std::vector<int> fault_signals() { return {SIGSEGV, SIGABRT, SIGFPE, SIGILL, SIGBUS}; }

void execute_illegal_instruction() { __builtin_trap(); }

void read_behind_end_of_mapped_file() {
    std::FILE* const file = std::tmpfile();
    const void* const memory = mmap(nullptr, 1, PROT_READ, MAP_SHARED, fileno(file), 0);
    std::printf("%d\n", *static_cast<const volatile char*>(memory));
}

shared_counter::shared_counter(const std::filesystem::path& file) {
    const int number = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    check(number >= 0 && ftruncate(number, sizeof(std::uint64_t)) == 0, file.string());
    memory_ = mmap(nullptr, sizeof(std::uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, number, 0);
    check(memory_ != MAP_FAILED, file.string());
    close(number);
}

shared_counter::~shared_counter() { munmap(memory_, sizeof(std::uint64_t)); }

void shared_counter::set(std::uint64_t value) {
    __atomic_store_n(static_cast<std::uint64_t*>(memory_), value, __ATOMIC_RELEASE);
}

std::uint64_t shared_counter::get() const {
    return __atomic_load_n(static_cast<const std::uint64_t*>(memory_), __ATOMIC_ACQUIRE);
}

}  // namespace test
