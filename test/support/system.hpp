#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// What the tests need of the operating system, written once for each.
namespace test {

/// Whether there are signals, /dev, a shell, and files that can be removed while they are open.
bool is_posix();

std::optional<std::string> get_variable(const std::string& name);
void set_variable(const std::string& name, const std::optional<std::string>& value);

int current_process_id();

/// A program of `test/programs`, or with its path any other, that runs beside the test. Killed, if it still runs, when
/// this goes.
class child_process {
public:
    /// Its stdout and stderr go to `output`, a descriptor; -1: nowhere. It inherits the environment.
    child_process(const std::string& program, const std::vector<std::string>& arguments, int output = -1);
    ~child_process();
    child_process(child_process&& other) noexcept;
    child_process& operator=(child_process&&) = delete;

    int id() const { return id_; }

    /// Waits for its end. The exit code; if a signal ended it, 128 and the signal's number.
    int wait();

    /// Ends it at once, or sends it another signal where there are signals.
    void kill(int signal = 9);

private:
    int id_;
    std::intptr_t handle_ = 0;
    std::optional<int> status_;
};

/// What a command of the shell prints.
std::string output_of(const std::string& command);

/// Those that a fault of the program raises.
std::vector<int> fault_signals();

/// Raises SIGILL, or what Windows has instead.
void execute_illegal_instruction();

/// Raises SIGBUS where there is such a signal.
void read_behind_end_of_mapped_file();

/// A number in memory that other processes see at once, so that it outlives the one that counts.
class shared_counter {
public:
    /// Makes the file, or opens the one that another process has made.
    explicit shared_counter(const std::filesystem::path& file);
    ~shared_counter();
    shared_counter(const shared_counter&) = delete;
    shared_counter& operator=(const shared_counter&) = delete;

    void set(std::uint64_t value);
    std::uint64_t get() const;

private:
    void* memory_;
};

}  // namespace test
