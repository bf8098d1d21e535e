// A second file that includes both headers: what they define must not be defined twice in one program.
#include <chainner/log_directory.hpp>
#include <chainner/logger.hpp>

std::shared_ptr<spdlog::logger> log_folder() {
    auto logger = chainner::get_logger("worker");
    logger->info("logs are in {}", chainner::log_directory().string());
    return logger;
}
