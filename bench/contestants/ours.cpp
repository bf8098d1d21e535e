#include <chainner/logger.hpp>
#include <chainner/output_capture.hpp>

#include "../contestant.hpp"

namespace bench {

namespace {

std::shared_ptr<spdlog::logger> logger;

}  // namespace

void set_up(const options& chosen) {
    chainner::logger_options options;
    options.log_dir = chosen.directory;
    options.to_console = chosen.to_console;
    options.max_file_size = chosen.max_file_size;
    options.max_files = max_files;
    logger = chainner::setup_logger(chainner::role::worker, options);
}

void log(std::uint64_t number, std::string_view text) { logger->info("tile {}: {}", number, text); }

void log_disabled(std::uint64_t number, std::string_view text) { logger->debug("tile {}: {}", number, text); }

void capture_output() { chainner::capture_output(); }

}  // namespace bench
