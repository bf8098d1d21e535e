#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/descriptor.hpp"

/// What a program can have as its stderr.
namespace test {

enum class channel_kind { pipe, socket, fifo, terminal, stopped_terminal };

std::string name_of(channel_kind kind);

/// Those that this system has, and among them those from which a test can read at once.
std::vector<channel_kind> all_kinds();
std::vector<channel_kind> readable_kinds();

/// Leads from the stderr of a program to a reader: this test.
class channel {
public:
    explicit channel(channel_kind kind);

    /// For the program: a descriptor that waits when there is no room.
    int writer() const { return writer_.number(); }

    /// The reader goes, as one does that has ended.
    void close_reader() { reader_ = {}; }

    /// No more than `most` bytes; empty if there is nothing now. A terminal's line feeds are line feeds again.
    std::string read(std::size_t most = 1024 * 1024);

    /// Lets a stopped terminal go on.
    void start();

    /// What all who hold the writer share: the flags of the open file, and a terminal's settings.
    std::string shared_state() const;

private:
    descriptor reader_;
    descriptor writer_;
};

/// Another stderr for this process as long as it lives.
class scoped_stderr {
public:
    explicit scoped_stderr(int number);
    explicit scoped_stderr(const std::filesystem::path& file);
    ~scoped_stderr();
    scoped_stderr(const scoped_stderr&) = delete;
    scoped_stderr& operator=(const scoped_stderr&) = delete;

    void replace(int number);
    void replace(const std::filesystem::path& file);
    void close();

private:
    descriptor before_;
};

/// In the folders where a shell would look for it.
std::optional<std::filesystem::path> find_program(const std::string& name);

/// Runs a line of the shell.
int run_in_shell(const std::string& line);

}  // namespace test
