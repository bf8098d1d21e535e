// Sets its logger up before main, where the order of initialisation is nobody's to choose, and logs in main.
//
//     static_logger (with CHAINNER_LOG_DIR)

#include <chainner/logger.hpp>

namespace {

const auto logger = chainner::setup_logger("worker");

}  // namespace

int main() { logger->info("in main"); }
