#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <string>
#include <system_error>
#include <utility>

#include "support/errno.hpp"
#include "support/faults.hpp"

namespace test {

namespace fs = std::filesystem;

small_disk::small_disk(fs::path directory, std::size_t bytes, std::size_t files) : directory_(std::move(directory)) {
    fs::create_directories(directory_);
    std::string options = "mode=755,size=" + std::to_string(bytes);
    if (files > 0) options += ",nr_inodes=" + std::to_string(files);
    check(mount("small_disk", directory_.c_str(), "tmpfs", 0, options.c_str()) == 0,
          "cannot mount " + directory_.string());
}

small_disk::~small_disk() { umount2(directory_.c_str(), MNT_DETACH); }

void small_disk::set_read_only(bool read_only) {
    const std::string what = "cannot remount " + directory_.string();
    const char* const path = directory_.c_str();
    if (read_only) {
        // The kernel refuses it to the mount itself, which has a file open for writing.
        check(mount(path, path, nullptr, MS_BIND, nullptr) == 0, what);
        check(mount(nullptr, path, nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) == 0, what);
    } else {
        check(umount2(path, MNT_DETACH) == 0, what);
    }
}

void small_disk::fill() {
    const int number = open((directory_ / "filler").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, S_IRUSR);
    check(number >= 0, "filler");
    const std::string block(4096, 'f');
    for (std::size_t size = block.size(); size > 0;) {
        if (write(number, block.data(), size) < 0) size /= 2;
    }
    close(number);
}

void small_disk::make_room() { fs::remove(directory_ / "filler"); }

void lose_locks() {
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_flock, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOLCK),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{4, program};
    check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
    check(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0, "seccomp");
}

}  // namespace test
