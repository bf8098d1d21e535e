// The handlers that Python has for each role, and its numbers for levels.

#pragma once

#include <Python.h>
#include <spdlog/common.h>
#include <spdlog/sinks/sink.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <string>

namespace chainner::python {

inline constexpr std::array<long, spdlog::level::n_levels> levels{5, 10, 20, 30, 40, 50, 60};

inline spdlog::level::level_enum native_level(long level) {
    const auto above = std::upper_bound(levels.begin() + 1, levels.end() - 1, level);
    return static_cast<spdlog::level::level_enum>(above - levels.begin() - 1);
}

/// One of Python's handlers and the sink behind it.
struct own_handler {
    PyObject* handler = nullptr;
    PyObject* stream = nullptr;  // a console's only: the one that its sink stands for
    spdlog::sinks::sink* sink = nullptr;
    std::string logger_name;                            // of the role
    std::string pattern;                                // that the role was set up with
    const std::atomic<bool>* has_utc_offset = nullptr;  // a file's only: whether the pattern is the one with it
};

/// A file and a console for each role. They live as long as the process, as the sinks do.
inline std::array<own_handler, 4> own_handlers;

/// Null with an exception set if it is none of them.
inline own_handler* find_own(PyObject* handler) {
    const auto found = std::find_if(own_handlers.begin(), own_handlers.end(),
                                    [handler](const own_handler& each) { return each.handler == handler; });
    return found == own_handlers.end() ? nullptr : &*found;
}

}  // namespace chainner::python
