#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include "../contestant.hpp"

namespace bench {

namespace {

std::shared_ptr<spdlog::logger> logger;

}  // namespace

void set_up(const options& chosen) {
    auto file = std::make_shared<spdlog::sinks::rotating_file_sink_mt>((chosen.directory / "worker.log").string(),
                                                                       chosen.max_file_size, max_files);
    file->set_pattern("%Y-%m-%d %H:%M:%S.%e [%P] [%l] %v");
    logger = std::make_shared<spdlog::logger>("worker", file);
    if (chosen.to_console) {
        auto console = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
        console->set_pattern("[%H:%M:%S] [%P] [%^%l%$] %v");
        logger->sinks().push_back(console);
    }
    logger->flush_on(spdlog::level::trace);
}

void log(std::uint64_t number, std::string_view text) { logger->info("tile {}: {}", number, text); }

void log_disabled(std::uint64_t number, std::string_view text) { logger->debug("tile {}: {}", number, text); }

}  // namespace bench
