#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <sstream>
#include <system_error>

#include "support/console.hpp"
#include "support/files.hpp"
#include "support/system.hpp"

namespace test {

namespace {

int check(int result, const std::string& what) {
    if (result < 0) throw std::system_error(errno, std::system_category(), what);
    return result;
}

/// Not inherited by the programs that the tests start: they would keep it open.
descriptor own(int number) {
    descriptor owned(check(number, "opening a descriptor"));
    check(fcntl(number, F_SETFD, FD_CLOEXEC), "fcntl");
    return owned;
}

descriptor open_file(const std::filesystem::path& file, int flags) {
    return own(check(open(file.c_str(), flags, S_IRUSR | S_IWUSR), file.string()));
}

descriptor copy_of_stderr() { return own(dup(STDERR_FILENO)); }

}  // namespace

std::vector<channel_kind> readable_kinds() {
    return {channel_kind::pipe, channel_kind::socket, channel_kind::fifo, channel_kind::terminal};
}

std::vector<channel_kind> all_kinds() {
    auto kinds = readable_kinds();
    kinds.push_back(channel_kind::stopped_terminal);
    return kinds;
}

std::string name_of(channel_kind kind) {
    switch (kind) {
        case channel_kind::pipe:
            return "Pipe";
        case channel_kind::socket:
            return "Socket";
        case channel_kind::fifo:
            return "Fifo";
        case channel_kind::terminal:
            return "Terminal";
        case channel_kind::stopped_terminal:
            return "StoppedTerminal";
    }
    return {};
}

channel::channel(channel_kind kind) {
    int ends[2] = {-1, -1};
    if (kind == channel_kind::pipe) {
        check(::pipe(ends), "pipe");
        reader_ = own(ends[0]);
        writer_ = own(ends[1]);
    } else if (kind == channel_kind::socket) {
        check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair");
        reader_ = own(ends[0]);
        writer_ = own(ends[1]);
    } else if (kind == channel_kind::fifo) {
        const temporary_directory directory;
        const auto fifo = directory / "fifo";
        check(mkfifo(fifo.c_str(), S_IRUSR | S_IWUSR), fifo.string());
        reader_ = open_file(fifo, O_RDONLY | O_NONBLOCK);
        writer_ = open_file(fifo, O_WRONLY);
    } else {
        reader_ = own(check(posix_openpt(O_RDWR | O_NOCTTY), "posix_openpt"));
        check(grantpt(reader_.number()), "grantpt");
        check(unlockpt(reader_.number()), "unlockpt");
        writer_ = open_file(ptsname(reader_.number()), O_RDWR | O_NOCTTY);
        if (kind == channel_kind::stopped_terminal) check(tcflow(writer(), TCOOFF), "tcflow");
    }
    check(fcntl(reader_.number(), F_SETFL, O_NONBLOCK), "fcntl");
}

std::string channel::read(std::size_t most) {
    std::string all(most, '\0');
    std::size_t size = 0;
    while (size < most) {
        const ssize_t count = ::read(reader_.number(), all.data() + size, most - size);
        if (count == 0 || (count < 0 && errno == EAGAIN)) break;
        if (count < 0 && errno != EINTR) check(-1, "read");
        if (count > 0) size += static_cast<std::size_t>(count);
    }
    all.resize(size);
    all.erase(std::remove(all.begin(), all.end(), '\r'), all.end());
    return all;
}

void channel::start() { check(tcflow(writer(), TCOON), "tcflow"); }

std::string channel::shared_state() const {
    std::ostringstream state;
    state << "flags " << check(fcntl(writer(), F_GETFL), "fcntl");
    termios settings{};
    if (tcgetattr(writer(), &settings) == 0) {
        state << " modes " << settings.c_iflag << ' ' << settings.c_oflag << ' ' << settings.c_cflag << ' '
              << settings.c_lflag << " keys";
        for (const cc_t key : settings.c_cc) state << ' ' << int{key};
    }
    return state.str();
}

scoped_stderr::scoped_stderr(int number) : before_(copy_of_stderr()) { replace(number); }

scoped_stderr::scoped_stderr(const std::filesystem::path& file) : before_(copy_of_stderr()) { replace(file); }

scoped_stderr::~scoped_stderr() { dup2(before_.number(), STDERR_FILENO); }

void scoped_stderr::close() { ::close(STDERR_FILENO); }

void scoped_stderr::replace(int number) { check(dup2(number, STDERR_FILENO), "dup2"); }

void scoped_stderr::replace(const std::filesystem::path& file) {
    replace(open_file(file, O_WRONLY | O_CREAT | O_APPEND).number());
}

std::optional<std::filesystem::path> find_program(const std::string& name) {
    std::istringstream folders(get_variable("PATH").value_or(""));
    for (std::string folder; std::getline(folders, folder, ':');) {
        const std::filesystem::path program = std::filesystem::path(folder) / name;
        if (access(program.c_str(), X_OK) == 0) return program;
    }
    return std::nullopt;
}

int run_in_shell(const std::string& line) {
    const int status = std::system(line.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace test
