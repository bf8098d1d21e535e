#include <dlfcn.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "support/errno.hpp"
#include "support/faults.hpp"

namespace test {

namespace fs = std::filesystem;

namespace {

const passwd& user(const std::string& name) {
    const passwd* const found = getpwnam(name.c_str());
    if (found == nullptr) throw std::runtime_error("no user " + name);
    return *found;
}

}  // namespace

bool is_root() { return getuid() == 0; }

unsigned user_id(const std::string& name) { return user(name).pw_uid; }

void become_nobody_known() { check(setuid(54321) == 0, "setuid"); }

other_user::other_user(const std::string& name) {
    const passwd& other = user(name);
    check(setegid(other.pw_gid) == 0 && seteuid(other.pw_uid) == 0, "cannot become " + name);
}

other_user::~other_user() {
    if (seteuid(getuid()) != 0 || setegid(getgid()) != 0) std::terminate();
}

bool no_free_descriptor::is_possible() {
    return dlsym(RTLD_DEFAULT, "__ubsan_handle_dynamic_type_cache_miss") == nullptr;
}

no_free_descriptor::no_free_descriptor() {
    rlimit limit{};
    check(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
    before_ = limit.rlim_cur;
    limit.rlim_cur = 0;
    check(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
}

no_free_descriptor::~no_free_descriptor() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = before_;
    setrlimit(RLIMIT_NOFILE, &limit);
}

void limit_file_size(std::size_t bytes) {
    rlimit limit{};
    check(getrlimit(RLIMIT_FSIZE, &limit) == 0, "getrlimit");
    limit.rlim_cur = bytes;
    check(setrlimit(RLIMIT_FSIZE, &limit) == 0, "setrlimit");
}

forked_process::forked_process(const std::function<void()>& work) : id_(fork()) {
    check(id_ >= 0, "fork");
    if (id_ > 0) return;
    try {
        work();
        _exit(0);
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        _exit(1);
    }
}

forked_process::~forked_process() {
    if (id_ < 0 || status_) return;
    kill();
    wait();
}

forked_process::forked_process(forked_process&& other) noexcept
    : id_(std::exchange(other.id_, -1)), status_(other.status_) {}

int forked_process::wait() {
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

void forked_process::kill() {
    if (!status_) ::kill(id_, SIGKILL);
}

unsigned mode_of(const fs::path& path) {
    struct stat found {};
    check(lstat(path.c_str(), &found) == 0, path.string());
    return found.st_mode & 07777U;
}

void make_fifo(const fs::path& path) { check(mkfifo(path.c_str(), S_IRUSR | S_IWUSR) == 0, path.string()); }

scoped_umask::scoped_umask(unsigned mask) : before_(umask(static_cast<mode_t>(mask))) {}

scoped_umask::~scoped_umask() { umask(static_cast<mode_t>(before_)); }

}  // namespace test
