#include <log4cplus/consoleappender.h>
#include <log4cplus/fileappender.h>
#include <log4cplus/initializer.h>
#include <log4cplus/layout.h>
#include <log4cplus/logger.h>
#include <log4cplus/loggingmacros.h>

#include <memory>

#include "../contestant.hpp"

namespace bench {

namespace {

const log4cplus::Initializer initializer;
log4cplus::Logger logger = log4cplus::Logger::getInstance("worker");

void add_appender(log4cplus::SharedAppenderPtr appender, const char* pattern) {
    appender->setLayout(std::make_unique<log4cplus::PatternLayout>(pattern));
    logger.addAppender(appender);
}

}  // namespace

void set_up(const options& chosen) {
    constexpr bool flushes_each_record = true;
    add_appender(log4cplus::SharedAppenderPtr(new log4cplus::RollingFileAppender(
                     (chosen.directory / "worker.log").string(), static_cast<long>(chosen.max_file_size), max_files,
                     flushes_each_record)),
                 "%D{%Y-%m-%d %H:%M:%S.%q} [%i] [%p] %m%n");
    if (chosen.to_console) {
        constexpr bool to_stderr = true;
        add_appender(log4cplus::SharedAppenderPtr(new log4cplus::ConsoleAppender(to_stderr, flushes_each_record)),
                     "[%D{%H:%M:%S}] [%i] [%p] %m%n");
    }
    logger.setLogLevel(log4cplus::INFO_LOG_LEVEL);
}

void log(std::uint64_t number, std::string_view text) { LOG4CPLUS_INFO(logger, "tile " << number << ": " << text); }

void log_disabled(std::uint64_t number, std::string_view text) {
    LOG4CPLUS_DEBUG(logger, "tile " << number << ": " << text);
}

}  // namespace bench
