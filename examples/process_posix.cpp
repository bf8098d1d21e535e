#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "process.hpp"

extern char** environ;

namespace example {

std::vector<std::filesystem::path> arguments_as_paths(int argument_count, char** arguments) {
    return {arguments, arguments + argument_count};
}

std::vector<std::filesystem::path> free_space_command(const std::filesystem::path& folder) {
    return {"df", "-h", folder};
}

child_process::child_process(const std::filesystem::path& program,
                             const std::vector<std::filesystem::path>& arguments) {
    // posix_spawn takes its arguments as writable, though it does not write.
    std::vector<char*> argument_pointers{const_cast<char*>(program.c_str())};
    for (const auto& argument : arguments) argument_pointers.push_back(const_cast<char*>(argument.c_str()));
    argument_pointers.push_back(nullptr);

    pid_t id = 0;
    const int error = posix_spawnp(&id, program.c_str(), nullptr, nullptr, argument_pointers.data(), environ);
    if (error != 0) throw std::system_error(error, std::generic_category(), program.string());
    process_ = id;
}

child_process::~child_process() = default;

unsigned long child_process::id() const { return static_cast<unsigned long>(process_); }

std::int64_t child_process::wait() {
    int status = 0;
    while (waitpid(static_cast<pid_t>(process_), &status, 0) == -1) {
        if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "waitpid");
    }
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace example
