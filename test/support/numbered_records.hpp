#pragma once

#include <gtest/gtest.h>

#include <chainner/logger.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "support/files.hpp"
#include "support/records.hpp"

namespace test {

/// A logger whose records are numbered, `record 1`, `record 2`, ..., and what is found of them in its folder.
class NumberedRecords : public testing::Test {
protected:
    void set_up(std::size_t max_file_size = 10 * 1024 * 1024) {
        chainner::logger_options options;
        options.log_dir = logs;
        options.to_console = false;
        options.max_file_size = max_file_size;
        options.max_files = 1000;
        logger = chainner::setup_logger("host", options);
        wait_for_look();
    }

    /// All at one moment, however long it takes: the logger looks at its file when 100 ms have passed.
    void log(int count, const std::string& filling = "") {
        for (int i = 0; i < count; ++i) log_at(moment, filling);
    }
    void log_at(spdlog::log_clock::time_point time, const std::string& filling = "") {
        logger->log(time, {}, spdlog::level::info, "record " + std::to_string(++logged) + filling);
    }

    std::vector<record> found(const std::string& role = "host") const { return parse_log(read_role(logs, role)); }

    /// Without the first record of a process, and without the WARNING at the end of a fault.
    std::vector<int> found_numbers(const std::string& role = "host") const {
        std::vector<int> numbers;
        for (const record& each : found(role)) {
            if (each.text.rfind("record ", 0) == 0) numbers.push_back(std::stoi(each.text.substr(7)));
        }
        return numbers;
    }

    std::vector<int> logged_numbers() const {
        std::vector<int> numbers;
        for (int i = 1; i <= logged; ++i) numbers.push_back(i);
        return numbers;
    }

    std::vector<std::string> warnings(const std::string& role = "host") const {
        std::vector<std::string> all;
        for (const record& each : found(role)) {
            if (each.level == "WARNING") all.push_back(each.text);
        }
        return all;
    }

    /// Until the logger has looked at its file just now.
    void wait_for_look() {
        const auto is_look_recent = [&] {
            const auto before = spdlog::log_clock::now();
            logger->flush();
            moment = spdlog::log_clock::now();
            return moment - before < std::chrono::milliseconds(50);
        };
        wait_until(is_look_recent);
    }

    /// Until the logger has written what it held back.
    bool has_recovered() {
        return wait_until([&] {
            logger->flush();
            return std::filesystem::exists(logs) && read_role(logs, "host").find("[WARNING]") != std::string::npos;
        });
    }

    temporary_directory directory;
    std::filesystem::path logs = directory / "logs";
    std::shared_ptr<spdlog::logger> logger;
    int logged = 0;
    spdlog::log_clock::time_point moment;  // shortly after the logger has looked at its file
};

}  // namespace test
