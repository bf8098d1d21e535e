#pragma once

#include <chrono>
#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace test {

/// A record of a file in the default pattern, read back.
struct record {
    std::string time;    // `2025-10-19 05:52:25.123`
    std::string offset;  // `+02:00`; empty: it says none
    int pid = 0;
    std::string level;  // `INFO`
    std::string text;   // without the tabs that mark further lines
};

bool operator==(const record& left, const record& right);
void PrintTo(const record& each, std::ostream* out);  // for GoogleTest

/// Reads a log back. Throws `std::runtime_error`, with the line, where it is no log: a line that neither begins a
/// record nor goes on with one, or a last line without its end.
std::vector<record> parse_whole_log(std::string_view log);

/// The same without what a session says about itself: where a file comes from, and how the session ended.
std::vector<record> parse_log(std::string_view log);

/// Leaves out the record that a process was writing when it was killed: the kernel may have cut it short.
std::string without_cut_record(std::string log);

/// Of two times as records have them.
long seconds_between(const std::string& earlier, const std::string& later);

/// Only their texts.
std::vector<std::string> texts(const std::vector<record>& records);
std::vector<std::string> lines(std::string_view text);

/// Until it holds, or the deadline has passed; whether it held.
bool wait_until(const std::function<bool()>& condition, std::chrono::seconds deadline = std::chrono::seconds(20));

}  // namespace test
