#include <chainner/crash_handler.hpp>
#include <chainner/logger.hpp>

extern "C" void run() {
    const auto logger = chainner::setup_logger("host");
    chainner::install_crash_handler();
    logger->info("from the plugin");
}
