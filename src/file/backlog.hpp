#pragma once

// What a fault keeps from the file: the records, in order, and the story of the fault.

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace chainner::detail {

/// Records that are to be written later, up to 1 MiB of them, and the fault that is to blame. What finds no room is
/// counted.
class backlog {
public:
    using clock = std::chrono::steady_clock;  // as the other one can jump back

    /// Only the first fault counts until `end_fault`.
    void begin_fault(const std::filesystem::path& path, const std::string& what, const std::string& reason = "");
    bool has_fault() const noexcept { return fault_.has_value(); }

    /// What has happened, for a WARNING while it lasts: `Log file /logs/host.log was renamed`. Once, then empty.
    std::string describe_once();

    /// What has happened, for the WARNING at its end, if the records go on in `path`. Forgets all.
    std::string end_fault(const std::filesystem::path& path);

    /// What has happened, and how many records are lost by it if those that are held now are. Empty if none is.
    std::string describe_loss() const;

    void clear() noexcept;

    // Records, each of which ends in a line feed

    bool empty() const noexcept { return first_ == records_.size(); }
    bool has_dropped() const noexcept { return lost_ > 0; }
    void add(std::string_view records);
    void prepend(const std::string& records) { records_.insert(first_, records); }
    void count_dropped(std::size_t records = 1) noexcept { lost_ += records; }

    /// The oldest one; empty if there is none. Further lines, which begin with a tab, are a part of it.
    std::string_view front() const noexcept;
    void pop_front() noexcept;

    // Tries to end the fault

    bool is_retry_due(clock::time_point now = clock::now()) const noexcept { return now >= next_retry_; }
    void retry_at_once() noexcept { next_retry_ = {}; }

    /// After a try that began then. What took long is not tried again for long, so that a fault never takes more than a
    /// tenth of the time.
    void retry_later(clock::time_point began, clock::time_point now = clock::now()) noexcept;

private:
    struct fault {
        std::filesystem::path path;
        std::string what;
        clock::time_point since;
        bool is_reported = false;
    };

    std::string describe() const;

    std::optional<fault> fault_;
    std::string records_;
    std::size_t first_ = 0;  // where the oldest one begins
    std::size_t lost_ = 0;
    clock::time_point next_retry_;
};

}  // namespace chainner::detail
