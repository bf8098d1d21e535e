#include "support/records.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <ctime>
#include <iomanip>
#include <ostream>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

namespace test {

namespace {

// d: a digit, the rest stands for itself
constexpr std::string_view time_shape = "dddd-dd-dd dd:dd:dd.ddd";
constexpr std::string_view offset_shape = "dd:dd";

constexpr std::array<std::string_view, 4> session_texts{
    "Role: ", "Continues an older file. Role: ", "Logger closed for ", "The previous session of this log "};

bool has_shape(std::string_view text, std::string_view shape) {
    return std::equal(text.begin(), text.end(), shape.begin(), shape.end(), [](char each, char wanted) {
        return wanted == 'd' ? std::isdigit(static_cast<unsigned char>(each)) != 0 : each == wanted;
    });
}

bool is_offset(std::string_view text) {
    return !text.empty() && (text.front() == '+' || text.front() == '-') && has_shape(text.substr(1), offset_shape);
}

/// Cuts what stands before `end` off `rest`.
std::string_view take_until(std::string_view& rest, std::string_view end, std::string_view line) {
    const std::size_t at = rest.find(end);
    if (at == std::string_view::npos) throw std::runtime_error("no record: " + std::string(line));
    const std::string_view taken = rest.substr(0, at);
    rest.remove_prefix(at + end.size());
    return taken;
}

}  // namespace

bool operator==(const record& left, const record& right) {
    return left.time == right.time && left.offset == right.offset && left.pid == right.pid &&
           left.level == right.level && left.text == right.text;
}

void PrintTo(const record& each, std::ostream* out) {
    *out << each.time << each.offset << " [" << each.pid << "] [" << each.level << "] " << each.text;
}

std::vector<record> parse_whole_log(std::string_view log) {
    std::vector<record> records;
    if (!log.empty() && log.back() != '\n') throw std::runtime_error("no line feed at the end");
    while (!log.empty()) {
        const std::string_view line = take_until(log, "\n", log);
        if (!records.empty() && !line.empty() && line.front() == '\t') {
            records.back().text.append("\n").append(line.substr(1));
            continue;
        }
        std::string_view rest = line;
        record next;
        const std::string_view stamp = take_until(rest, " [", line);
        next.time = stamp.substr(0, time_shape.size());
        next.offset = stamp.substr(next.time.size());
        if (!has_shape(next.time, time_shape) || !(next.offset.empty() || is_offset(next.offset))) {
            throw std::runtime_error("no record: " + std::string(line));
        }
        next.pid = std::stoi(std::string(take_until(rest, "] [", line)));
        next.level = take_until(rest, "] ", line);
        next.text = rest;
        records.push_back(std::move(next));
    }
    return records;
}

std::vector<record> parse_log(std::string_view log) {
    std::vector<record> records = parse_whole_log(log);
    const auto is_about_session = [](const record& each) {
        return std::any_of(session_texts.begin(), session_texts.end(),
                           [&](std::string_view text) { return each.text.rfind(text, 0) == 0; });
    };
    records.erase(std::remove_if(records.begin(), records.end(), is_about_session), records.end());
    return records;
}

std::string without_cut_record(std::string log) {
    log.resize(log.rfind('\n') + 1);
    return log;
}

long seconds_between(const std::string& earlier, const std::string& later) {
    const auto seconds = [](const std::string& time) {
        std::tm fields{};
        std::istringstream(time) >> std::get_time(&fields, "%Y-%m-%d %H:%M:%S");
        return std::mktime(&fields);
    };
    return static_cast<long>(std::difftime(seconds(later), seconds(earlier)));
}

std::vector<std::string> texts(const std::vector<record>& records) {
    std::vector<std::string> all;
    for (const record& each : records) all.push_back(each.text);
    return all;
}

std::vector<std::string> lines(std::string_view text) {
    std::vector<std::string> all;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        all.emplace_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return all;
}

bool wait_until(const std::function<bool()>& condition, std::chrono::seconds deadline) {
    const auto end = std::chrono::steady_clock::now() + deadline;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

}  // namespace test
