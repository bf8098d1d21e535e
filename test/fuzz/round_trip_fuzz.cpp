// A target for libFuzzer: whatever is logged, the file reads back as exactly that.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "support/round_trip.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string error;
    try {
        error = test::round_trip_error(test::records_from({reinterpret_cast<const char*>(data), size}));
    } catch (const std::exception& no_log) {
        error = no_log.what();
    }
    if (error.empty()) return 0;
    std::fprintf(stderr, "%s\n", error.c_str());
    std::abort();
}
