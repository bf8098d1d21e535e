// A part of the program that brings another spdlog into the process.

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>

extern "C" void log_to(const char* file, const char* text) {
    auto logger = spdlog::get("other");
    if (!logger) logger = spdlog::basic_logger_mt("other", file);
    logger->info("{}", text);
    logger->flush();
}
