// The native part of the Python module: what it offers to Python, and setting up.

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>
#include <spdlog/logger.h>

#include <chainner/crash_handler.hpp>
#include <chainner/logger.hpp>
#include <chainner/output_capture.hpp>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "file/file_sink.hpp"
#include "handlers.hpp"
#include "log_directory.hpp"
#include "output/output_capture.hpp"
#include "platform/crash.hpp"
#include "platform/file.hpp"
#include "process_loggers.hpp"
#include "record/record_format.hpp"
#include "record_path.hpp"

namespace py = pybind11;
namespace fs = std::filesystem;
namespace detail = chainner::detail;
namespace python = chainner::python;

namespace {

const python::own_handler& own(py::handle handler) {
    if (const auto* const found = python::find_own(handler.ptr())) return *found;
    throw py::value_error(python::not_own);
}

/// What Python has to know of a role's logger.
struct role_state {
    std::string role;
    long level;
    std::optional<fs::path> file;
};

std::optional<fs::path> if_any(fs::path path) { return path.empty() ? std::nullopt : std::optional(std::move(path)); }

detail::file_sink& file_of(const spdlog::logger& logger) {
    return dynamic_cast<detail::file_sink&>(*logger.sinks().front());
}

role_state state_of(const spdlog::logger& logger) {
    const std::string& name = logger.name();
    return {name.substr(name.find('.') + 1), python::levels.at(static_cast<std::size_t>(logger.level())),
            if_any(file_of(logger).lock()->path())};
}

role_state setup_logger(const std::string& role, const fs::path& log_dir, long level, bool to_file, bool utc_offset,
                        bool group_readable) {
    chainner::logger_options options;
    options.log_dir = log_dir;
    options.level = python::native_level(level);
    options.to_file = to_file;
    options.utc_offset = utc_offset;
    options.group_readable = group_readable;
    role_state state = state_of(*chainner::setup_logger(role, options));
    // What the caller named stays as it was, but for the user's wish in the environment.
    if (python::native_level(state.level) == options.level && state.level <= 50) state.level = level;
    return state;
}

void bind(const std::string& role, const py::object& file, const py::object& console) {
    const auto& sinks = chainner::get_logger(role)->sinks();
    const auto index = static_cast<std::size_t>(chainner::parse_role(role));
    auto* const own = &python::own_handlers.at(2 * index);
    own[0] = {python::kept(file), nullptr, sinks.front().get(), chainner::default_file_pattern,
              &detail::loggers_of_process().loggers.at(index).has_utc_offset};
    own[1] = {python::kept(console), python::kept(console.attr("own_stderr")), sinks.back().get(),
              chainner::default_console_pattern, nullptr};
}

/// Under the rules for log files: never through a link, and not another user's.
int open_crash_file(const fs::path& path) {
    using namespace chainner::platform;
    return to_descriptor(open_log_file(path, open_mode::create_or_append));
}

void (*dump_stacks)(int) = nullptr;  // of faulthandler
int signal_of_dump = 0;

/// A crash is named there with its time and process, before the stacks of Python's code. Returns whether those are
/// written as well: by the handler that faulthandler has for a signal of the user, which serves without its signal.
bool write_crashes_to(int descriptor) {
    auto& process = detail::loggers_of_process();
    process.crash_file.remember(chainner::platform::number_of(descriptor));
    dump_stacks = chainner::platform::displaced_handler([&](int number) {
        const py::module_ faulthandler = py::module_::import("faulthandler");
        faulthandler.attr("unregister")(number);
        faulthandler.attr("register")(number, descriptor);
        signal_of_dump = number;
    });
    if (dump_stacks == nullptr) return false;
    process.write_stacks = []() noexcept {
        if (Py_IsInitialized() != 0) dump_stacks(signal_of_dump);
    };
    return true;
}

py::list log_directories() {
    py::list found;
    for (const auto& candidate : detail::directory_candidates(detail::current_directory_input())) {
        const std::string problem = detail::problem_of(candidate);
        const fs::path directory = problem.empty() ? fs::absolute(candidate.directory) : candidate.directory;
        found.append(py::make_tuple(directory, candidate.reason, problem));
    }
    return found;
}

/// The process has one log, one set of locks and one fork handler; interpreters would share them unawares.
PyObject* require_main_interpreter(PyObject* /*module*/, PyObject* /*nothing*/) {
    if (PyInterpreterState_Get() == PyInterpreterState_Main()) Py_RETURN_NONE;
    PyErr_SetString(
        PyExc_ImportError,
        "chainner_logger works in the main interpreter only, not in a sub-interpreter: there is one log for "
        "the whole process; hand your records to the main interpreter");
    return nullptr;
}

PyMethodDef require_main_interpreter_definition{"require_main_interpreter", require_main_interpreter, METH_NOARGS,
                                                "Raises ImportError in a sub-interpreter"};

void raise_as_os_error(std::exception_ptr thrown) {
    try {
        if (thrown) std::rethrow_exception(thrown);
    } catch (const std::system_error& error) {
        const py::tuple arguments = py::make_tuple(error.code().value(), error.what());
        PyErr_SetObject(PyExc_OSError, arguments.ptr());
    }
}

}  // namespace

PYBIND11_MODULE(_checked_native, module) {
    py::register_local_exception_translator(raise_as_os_error);
    using without_gil = py::call_guard<py::gil_scoped_release>;

    py::class_<role_state>(module, "RoleState")
        .def_readonly("role", &role_state::role)
        .def_readonly("level", &role_state::level)
        .def_readonly("file", &role_state::file);

    module.attr("version") = CHAINNER_LOGGER_VERSION;
    module.attr(require_main_interpreter_definition.ml_name) =
        py::reinterpret_steal<py::object>(PyCFunction_New(&require_main_interpreter_definition, nullptr));
    module.def("setup_logger", setup_logger, without_gil());
    module.def(
        "get_logger", [](const std::string& role) { return state_of(*chainner::get_logger(role)); }, without_gil());
    module.def(
        "get_logger_from_env", [] { return state_of(*chainner::get_logger_from_env()); }, without_gil());
    module.def("log_directories", log_directories);
    module.def("open_crash_file", open_crash_file, without_gil());
    module.def("write_crashes_to", write_crashes_to);
    module.def("install_crash_handler", chainner::install_crash_handler);
    module.def("capture_output", chainner::capture_output, without_gil());
    module.def("release_output", chainner::release_output, without_gil());
    module.def("is_output_captured", detail::is_output_captured, without_gil());
    module.def("settle_output", detail::settle_output, without_gil());
    module.def("describe_exit", py::overload_cast<std::int64_t>(chainner::describe_exit));

    module.def("add_direct_way", python::add_direct_way);
    module.def("bind", bind);
    python::add_write(module);
    module.def("flush", [](py::handle handler) {
        auto* const sink = own(handler).sink;
        const py::gil_scoped_release released;
        sink->flush();
    });
    // For a process that ends without what the library has registered with std::atexit.
    module.def("end_sessions", detail::end_sessions, without_gil());
    module.def("use_own_pattern", [](py::handle handler, bool is_internal) {
        const python::own_handler& each = own(handler);
        const bool has_utc_offset = each.has_utc_offset != nullptr && *each.has_utc_offset;
        const char* const pattern = has_utc_offset ? detail::file_pattern_with_utc_offset : each.pattern;
        const py::gil_scoped_release released;
        each.sink->set_pattern(is_internal ? pattern : "%v");
    });
    module.def("file_path", [](py::handle handler) {
        auto& sink = dynamic_cast<detail::file_sink&>(*own(handler).sink);
        const py::gil_scoped_release released;
        return if_any(sink.lock()->path());
    });
}

/// Asks before pybind11 does anything, which would wait for ever in a sub-interpreter.
PyMODINIT_FUNC PyInit__native() {
    PyObject* const allowed = require_main_interpreter(nullptr, nullptr);
    if (allowed == nullptr) return nullptr;
    Py_DECREF(allowed);
    return PyInit__checked_native();
}
