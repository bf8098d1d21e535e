#include <boost/core/null_deleter.hpp>
#include <boost/log/attributes/current_process_id.hpp>
#include <boost/log/core.hpp>
#include <boost/log/expressions.hpp>
#include <boost/log/sinks/sync_frontend.hpp>
#include <boost/log/sinks/text_file_backend.hpp>
#include <boost/log/sinks/text_ostream_backend.hpp>
#include <boost/log/sources/global_logger_storage.hpp>
#include <boost/log/sources/record_ostream.hpp>
#include <boost/log/sources/severity_logger.hpp>
#include <boost/log/support/date_time.hpp>
#include <boost/log/utility/setup/common_attributes.hpp>
#include <boost/make_shared.hpp>
#include <iostream>

#include "../contestant.hpp"

namespace bench {

namespace {

namespace logging = boost::log;
namespace expressions = boost::log::expressions;
namespace keywords = boost::log::keywords;
namespace sinks = boost::log::sinks;

enum class level { debug, info };

std::ostream& operator<<(std::ostream& out, level value) { return out << (value == level::info ? "INFO" : "DEBUG"); }

logging::sources::severity_logger_mt<level> logger;

template <typename Backend>
void add_sink(const boost::shared_ptr<Backend>& backend, const char* time_format) {
    auto sink = boost::make_shared<sinks::synchronous_sink<Backend>>(backend);
    sink->set_formatter(expressions::stream
                        << expressions::format_date_time<boost::posix_time::ptime>("TimeStamp", time_format) << " ["
                        << expressions::attr<logging::attributes::current_process_id::value_type>("ProcessID") << "] ["
                        << expressions::attr<level>("Severity") << "] " << expressions::smessage);
    logging::core::get()->add_sink(sink);
}

}  // namespace

void set_up(const options& chosen) {
    logging::add_common_attributes();
    auto file = boost::make_shared<sinks::text_file_backend>(
        keywords::file_name = chosen.directory / "worker.log",
        keywords::target_file_name = chosen.directory / "worker.%N.log", keywords::rotation_size = chosen.max_file_size,
        keywords::auto_flush = true);
    file->set_file_collector(
        sinks::file::make_collector(keywords::target = chosen.directory.string(), keywords::max_files = max_files));
    add_sink(file, "%Y-%m-%d %H:%M:%S.%f");
    if (chosen.to_console) {
        auto console = boost::make_shared<sinks::text_ostream_backend>();
        console->add_stream(boost::shared_ptr<std::ostream>(&std::clog, boost::null_deleter()));
        console->auto_flush(true);
        add_sink(console, "[%H:%M:%S]");
    }
    logging::core::get()->set_filter(expressions::attr<level>("Severity") >= level::info);
}

void log(std::uint64_t number, std::string_view text) {
    BOOST_LOG_SEV(logger, level::info) << "tile " << number << ": " << text;
}

void log_disabled(std::uint64_t number, std::string_view text) {
    BOOST_LOG_SEV(logger, level::debug) << "tile " << number << ": " << text;
}

}  // namespace bench
