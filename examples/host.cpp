// The host: starts a worker on a folder, waits for it and says how it ended.
//
//     host FOLDER

#include <chainner/crash_handler.hpp>
#include <chainner/logger.hpp>
#include <chrono>
#include <exception>

#include "process.hpp"

int main(int argument_count, char** arguments) {
    chainner::logger_options options;
    options.application_version = "example 1.0";
    const auto logger = chainner::setup_logger("host", options);
    chainner::install_crash_handler();
    const auto paths = example::arguments_as_paths(argument_count, arguments);
    if (paths.size() != 2) {
        logger->critical("Usage: host FOLDER");
        return 2;
    }

    // The worker lies beside this program.
    auto program = paths[0];
    program.replace_filename("worker");
    const auto& folder = paths[1];

    try {
        logger->info("Starting a worker for {}", folder.u8string());
        const auto start = std::chrono::steady_clock::now();
        example::child_process worker(program, {folder});
        logger->info("Waiting for worker process {}", worker.id());

        const std::int64_t status = worker.wait();
        const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
        logger->log(status == 0 ? spdlog::level::info : spdlog::level::err,
                    "Worker process {} ended: {}, after {:.3f} s", worker.id(), chainner::describe_exit(status),
                    seconds.count());
        return static_cast<int>(status < 0 ? 128 - status : status);  // as a shell says it
    } catch (const std::exception& error) {
        logger->critical("Cannot run the worker: {}", error.what());
        return 1;
    }
}
