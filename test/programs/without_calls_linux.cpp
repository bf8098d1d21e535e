// Runs a program from which the kernel keeps two system calls, as an older kernel, a container or another user does.
//
//     without_calls_linux ERROR FLAGS REOPENING PROGRAM [ARGUMENT ...]
//
// ERROR: the number with which pwritev2 fails if it has one of FLAGS, also a number; each call has 1 << 31. REOPENING:
// the number with which opening anything for writing without waiting fails. 0: it does not fail. The exit code is 77 if
// this kernel lets nobody keep anything from a program.

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <string>

int main(int count, char** words) {
    if (count < 5) return 2;
    const auto answer = [](const char* error) -> __u32 {
        const auto number = static_cast<__u32>(std::stoul(error));
        return number == 0 ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | number;
    };
    constexpr __u32 writing_without_waiting = O_WRONLY | O_NONBLOCK;
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pwritev2, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[5])),
        BPF_STMT(BPF_ALU | BPF_OR | BPF_K, 1U << 31U),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, static_cast<__u32>(std::stoul(words[2])), 0, 6),
        BPF_STMT(BPF_RET | BPF_K, answer(words[1])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[2])),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, writing_without_waiting),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, writing_without_waiting, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, answer(words[3])),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{sizeof filter / sizeof *filter, filter};
    constexpr int not_possible = 77;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return not_possible;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) return not_possible;
    const auto path = std::filesystem::path(TEST_PROGRAM_DIRECTORY) / words[4];
    execv(path.c_str(), words + 4);
    return 1;
}
