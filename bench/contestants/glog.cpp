#include <glog/logging.h>

#include <cstdlib>

#include "../contestant.hpp"

namespace bench {

void set_up(const options& chosen) {
    FLAGS_log_dir = chosen.directory.string();
    FLAGS_logbuflevel = -1;  // each record is flushed
    FLAGS_alsologtostderr = chosen.to_console;
    // It names its files by the second: a second rotation within one fails, and records are dropped until it is over.
    // So it does not rotate here, which is to its advantage.
    FLAGS_max_log_size = 4000;  // MiB
    google::InitGoogleLogging("worker");
}

void log(std::uint64_t number, std::string_view text) { LOG(INFO) << "tile " << number << ": " << text; }

void log_disabled(std::uint64_t number, std::string_view text) { VLOG(1) << "tile " << number << ": " << text; }

}  // namespace bench
