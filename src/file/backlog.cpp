#include "file/backlog.hpp"

#include <spdlog/common.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <utility>

#include "platform/process.hpp"
#include "record/escaping.hpp"

namespace chainner::detail {

namespace fs = std::filesystem;
using spdlog::fmt_lib::format;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t max_bytes = 1024 * 1024;
constexpr auto min_retry_delay = 100ms;

std::string lost_text(std::size_t lost) {
    if (lost == 0) return "no record was lost";
    return lost == 1 ? "1 record was lost" : format("{} records were lost", lost);
}

}  // namespace

void backlog::begin_fault(const fs::path& path, const std::string& what, const std::string& reason) {
    if (fault_) return;
    fault_ = fault{path, reason.empty() ? what : format("{} ({})", what, reason), clock::now()};
}

std::string backlog::describe_once() {
    if (!fault_ || std::exchange(fault_->is_reported, true)) return "";
    return describe();
}

std::string backlog::describe() const {
    return format("Log file {} {}", platform::to_utf8(fault_->path), fault_->what);
}

std::string backlog::end_fault(const fs::path& path) {
    const std::chrono::duration<double> lasted = clock::now() - fault_->since;
    std::string text = format("{}; it works again after {:.1f} s, {}", describe(), lasted.count(), lost_text(lost_));
    if (path != fault_->path) text += format(", and goes on in {}", platform::to_utf8(path));
    clear();
    return text;
}

std::string backlog::describe_loss() const {
    std::size_t lost = lost_;
    std::string_view held = std::string_view(records_).substr(first_);
    for (; !held.empty(); held.remove_prefix(first_record(held).size())) ++lost;
    return fault_ && lost > 0 ? format("{}; {}", describe(), lost_text(lost)) : "";
}

void backlog::clear() noexcept {
    fault_.reset();
    records_ = std::string();
    first_ = lost_ = 0;
    next_retry_ = {};
}

void backlog::add(std::string_view records) {
    records_.erase(0, std::exchange(first_, 0));
    while (!records.empty()) {
        const std::string_view record = first_record(records);
        if (records_.size() + record.size() <= max_bytes) {
            records_.append(record);
        } else {
            ++lost_;
        }
        records.remove_prefix(record.size());
    }
}

std::string_view backlog::front() const noexcept { return first_record(std::string_view(records_).substr(first_)); }

void backlog::pop_front() noexcept {
    first_ += front().size();
    if (empty()) {
        records_.clear();
        first_ = 0;
    }
}

void backlog::retry_later(clock::time_point began, clock::time_point now) noexcept {
    next_retry_ = now + std::max<clock::duration>(min_retry_delay, 10 * (now - began));
}

}  // namespace chainner::detail
