// What of the Python module must be native: setting up, and the way of a record from Python to the sinks.

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>
#include <spdlog/logger.h>

#include <algorithm>
#include <array>
#include <chainner/crash_handler.hpp>
#include <chainner/logger.hpp>
#include <chrono>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "console_sink.hpp"
#include "directory_candidates.hpp"
#include "file_sink.hpp"
#include "platform.hpp"

namespace py = pybind11;
namespace fs = std::filesystem;
namespace detail = chainner::detail;

namespace {

// Levels

constexpr std::array<long, spdlog::level::n_levels> python_levels{5, 10, 20, 30, 40, 50, 60};

spdlog::level::level_enum native_level(long level) {
    const auto above = std::upper_bound(python_levels.begin() + 1, python_levels.end() - 1, level);
    return static_cast<spdlog::level::level_enum>(above - python_levels.begin() - 1);
}

// Handlers

/// One of Python's handlers and the sink behind it.
struct own_handler {
    PyObject* handler = nullptr;
    PyObject* stream = nullptr;  // a console's only: what its handler's stream is as long as nobody gave it another
    spdlog::sinks::sink* sink = nullptr;
    const char* pattern = nullptr;
};

/// A file and a console for each role. They live as long as the process, as the sinks do.
std::array<own_handler, 4> own_handlers;

const own_handler* find_own(PyObject* handler) {
    const auto found = std::find_if(own_handlers.begin(), own_handlers.end(),
                                    [handler](const own_handler& each) { return each.handler == handler; });
    return found == own_handlers.end() ? nullptr : &*found;
}

constexpr auto not_own = "this handler belongs to no role: setup_logger makes those that do";

const own_handler& own(py::handle handler) {
    if (const own_handler* const found = find_own(handler.ptr())) return *found;
    throw py::value_error(not_own);
}

// Records
//
// A daemon thread that takes the GIL after the interpreter has ended is ended there, and its stack is unwound without
// the GIL. So the functions below hold Python's objects by bare pointers: a destructor that gives one back would run.

/// The sinks to which one record goes.
struct sinks {
    std::array<spdlog::sinks::sink*, own_handlers.size()> items{};
    std::size_t size = 0;
};

void write_to(spdlog::sinks::sink& sink, const spdlog::details::log_msg& record) noexcept {
    try {
        sink.log(record);
    } catch (const std::exception& error) {
        try {
            const std::string text = "A record could not be written: " + std::string(error.what());
            sink.log({record.time, {}, record.logger_name, record.level, text});
        } catch (const std::exception&) {
            // Not even so much memory: there is nothing left to say it with.
        }
    }
}

/// Without the GIL: no thread of Python waits for a lock, a disk or a console of ours.
void write_to(const sinks& destination, spdlog::log_clock::time_point time, long level, std::string_view text) {
    const spdlog::details::log_msg record(time, {}, {}, native_level(level), {text.data(), text.size()});
    PyThreadState* const thread = PyEval_SaveThread();
    for (std::size_t i = 0; i < destination.size; ++i) write_to(*destination.items[i], record);
    PyEval_RestoreThread(thread);
}

/// false with an exception set.
bool write_text(const sinks& destination, spdlog::log_clock::time_point time, long level, PyObject* text) {
    Py_ssize_t size = 0;
    if (const char* const utf8 = PyUnicode_AsUTF8AndSize(text, &size)) {
        write_to(destination, time, level, {utf8, static_cast<std::size_t>(size)});
        return true;
    }
    PyErr_Clear();  // a lone surrogate
    PyObject* const bytes = PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");
    if (bytes == nullptr) return false;
    write_to(destination, time, level, {PyBytes_AS_STRING(bytes), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes))});
    Py_DECREF(bytes);
    return true;
}

PyObject* write(PyObject* /*module*/, PyObject* const* arguments, Py_ssize_t count) {
    if (count != 4 || !PyUnicode_Check(arguments[3])) {
        PyErr_SetString(PyExc_TypeError, "write(handler, level, created, text)");
        return nullptr;
    }
    const own_handler* const found = find_own(arguments[0]);
    if (found == nullptr) {
        PyErr_SetString(PyExc_ValueError, not_own);
        return nullptr;
    }
    const long level = PyLong_AsLong(arguments[1]);
    const double created = PyFloat_AsDouble(arguments[2]);
    if (PyErr_Occurred() != nullptr) return nullptr;
    const std::chrono::duration<double> since_epoch(created);
    const spdlog::log_clock::time_point time(std::chrono::duration_cast<spdlog::log_clock::duration>(since_epoch));
    if (!write_text({{found->sink}, 1}, time, level, arguments[3])) return nullptr;
    Py_RETURN_NONE;
}

PyMethodDef write_definition{"write", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(write)), METH_FASTCALL,
                             "write(handler, level, created, text): to the sink of that handler alone"};

/// A level for which `logging.Logger` has a method.
struct standard_level {
    long number;
    PyObject* number_object;
    PyObject* method;
};

/// What is asked of Python's logging at each record. Never given back: threads may outlive the interpreter.
struct standard_logging {
    std::array<standard_level, 5> levels;
    PyObject* module_names;  // the module's own dictionary, so that a change is seen
    PyObject* log_record;
    PyObject* logger_class;
    PyObject* call_handlers;

    PyObject* disabled = PyUnicode_InternFromString("disabled");
    PyObject* cache = PyUnicode_InternFromString("_cache");
    PyObject* filters = PyUnicode_InternFromString("filters");
    PyObject* handlers = PyUnicode_InternFromString("handlers");
    PyObject* propagate = PyUnicode_InternFromString("propagate");
    PyObject* level = PyUnicode_InternFromString("level");
    PyObject* formatter = PyUnicode_InternFromString("formatter");
    PyObject* stream = PyUnicode_InternFromString("stream");
    PyObject* record_factory_name = PyUnicode_InternFromString("_logRecordFactory");
    PyObject* call_handlers_name = PyUnicode_InternFromString("callHandlers");
};

const standard_logging* standard = nullptr;

template <typename Test>
bool attribute(PyObject* object, PyObject* name, Test test) {
    PyObject* const value = PyObject_GetAttr(object, name);
    if (value == nullptr) {
        PyErr_Clear();
        return false;
    }
    const bool holds = test(value);
    Py_DECREF(value);
    return holds;
}

bool is_empty(PyObject* list) { return PyList_Check(list) && PyList_GET_SIZE(list) == 0; }

bool is_untouched(const own_handler& each, long level) {
    return attribute(each.handler, standard->filters, is_empty) &&
           attribute(each.handler, standard->formatter, [](PyObject* value) { return value == Py_None; }) &&
           attribute(each.handler, standard->level,
                     [level](PyObject* value) { return PyLong_AsLong(value) <= level; }) &&
           (each.stream == nullptr ||
            attribute(each.handler, standard->stream, [&each](PyObject* value) { return value == each.stream; }));
}

/// Whether a record goes to our handlers alone and nobody looks at it on the way. `destination` is then where it goes.
bool has_direct_way(PyObject* logger, long level, sinks& destination) {
    const auto are_ours = [level, &destination](PyObject* handlers) {
        if (!PyList_Check(handlers)) return false;
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(handlers); ++i) {
            const own_handler* const found = find_own(PyList_GET_ITEM(handlers, i));
            if (found == nullptr || destination.size == destination.items.size() || !is_untouched(*found, level)) {
                return false;
            }
            destination.items[destination.size++] = found->sink;
        }
        return destination.size > 0;
    };
    return attribute(logger, standard->propagate, [](PyObject* value) { return PyObject_IsTrue(value) == 0; }) &&
           attribute(logger, standard->filters, is_empty) && attribute(logger, standard->handlers, are_ours) &&
           PyDict_GetItem(standard->module_names, standard->record_factory_name) == standard->log_record &&
           attribute(standard->logger_class, standard->call_handlers_name,
                     [](PyObject* value) { return value == standard->call_handlers; });
}

/// What `Logger.isEnabledFor` says, if it is known from an earlier call.
std::optional<bool> is_enabled(PyObject* logger, const standard_level& level) {
    std::optional<bool> found;
    const auto look_up = [&](PyObject* cache) {
        PyObject* const known = PyDict_Check(cache) ? PyDict_GetItem(cache, level.number_object) : nullptr;
        if (known != nullptr) found = known == Py_True;
        return known != nullptr;
    };
    const auto is_false = [](PyObject* value) { return value == Py_False; };
    if (!attribute(logger, standard->disabled, is_false) || !attribute(logger, standard->cache, look_up)) return {};
    return found;
}

/// What `LogRecord.getMessage` makes of a message and its arguments. Null where it is for that to decide, or with an
/// exception set.
PyObject* message_of(PyObject* const* arguments, Py_ssize_t count) {
    if (count == 1) return PyObject_Str(arguments[0]);
    if (!PyUnicode_CheckExact(arguments[0])) return nullptr;
    if (count == 2) {
        PyObject* const only = arguments[1];
        const bool may_name_values = PyMapping_Check(only) != 0 && !PyUnicode_CheckExact(only) &&
                                     !PyList_CheckExact(only) && !PyTuple_CheckExact(only);
        if (may_name_values) return nullptr;
    }
    PyObject* const values = PyTuple_New(count - 1);
    if (values == nullptr) return nullptr;
    for (Py_ssize_t i = 1; i < count; ++i) {
        Py_INCREF(arguments[i]);
        PyTuple_SET_ITEM(values, i - 1, arguments[i]);
    }
    PyObject* const text = PyUnicode_Format(arguments[0], values);
    Py_DECREF(values);
    return text;
}

/// In place of `logging.Logger.info` and its like: writes at once what nobody wants to see as a LogRecord. All else
/// goes the standard library's way, and so does what could not be formatted.
PyObject* log(const standard_level& level, PyObject* self, PyObject* const* arguments, Py_ssize_t count,
              PyObject* keywords) {
    if (count > 0 && keywords == nullptr) {
        const std::optional<bool> enabled = is_enabled(self, level);
        if (enabled == false) Py_RETURN_NONE;
        sinks destination;
        if (enabled == true && has_direct_way(self, level.number, destination)) {
            if (PyObject* const text = message_of(arguments, count)) {
                const bool is_written = write_text(destination, spdlog::log_clock::now(), level.number, text);
                Py_DECREF(text);
                if (!is_written) return nullptr;
                Py_RETURN_NONE;
            }
            if (PyErr_Occurred() != nullptr && PyErr_ExceptionMatches(PyExc_Exception) == 0) return nullptr;
            PyErr_Clear();
        }
    }
    const Py_ssize_t named = keywords == nullptr ? 0 : PyTuple_GET_SIZE(keywords);
    std::vector<PyObject*> all{self};
    all.insert(all.end(), arguments, arguments + count + named);
    return PyObject_Vectorcall(level.method, all.data(), static_cast<std::size_t>(count + 1), keywords);
}

template <std::size_t Index>
PyObject* log_at(PyObject* self, PyObject* const* arguments, Py_ssize_t count, PyObject* keywords) {
    return log(standard->levels[Index], self, arguments, count, keywords);
}

template <std::size_t Index>
PyCFunction function_at() {
    return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(log_at<Index>));
}

/// For as long as the process lives.
PyObject* kept(py::object object) { return object.release().ptr(); }

/// Gives a subclass of `logging.Logger` level methods that take the direct way.
void add_direct_way(const py::object& subclass) {
    constexpr int convention = METH_FASTCALL | METH_KEYWORDS;
    static std::array<PyMethodDef, 5> methods{{{"debug", function_at<0>(), convention, nullptr},
                                               {"info", function_at<1>(), convention, nullptr},
                                               {"warning", function_at<2>(), convention, nullptr},
                                               {"error", function_at<3>(), convention, nullptr},
                                               {"critical", function_at<4>(), convention, nullptr}}};
    const py::object logging = py::module_::import("logging");
    const py::object logger = logging.attr("Logger");
    auto* const found = new standard_logging{{},
                                             kept(logging.attr("__dict__")),
                                             kept(logging.attr("LogRecord")),
                                             kept(logger),
                                             kept(logger.attr("callHandlers"))};
    for (std::size_t i = 0; i < methods.size(); ++i) {
        const long number = python_levels[i + 1];
        found->levels[i] = {number, kept(py::int_(number)), kept(logger.attr(methods[i].ml_name))};
        auto* const type = reinterpret_cast<PyTypeObject*>(subclass.ptr());
        subclass.attr(methods[i].ml_name) = py::reinterpret_steal<py::object>(PyDescr_NewMethod(type, &methods[i]));
    }
    standard = found;
}

// Setting up

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
    return {name.substr(name.find('.') + 1), python_levels.at(static_cast<std::size_t>(logger.level())),
            if_any(file_of(logger).path())};
}

role_state setup_logger(const std::string& role, const fs::path& log_dir, long level, bool to_file) {
    chainner::logger_options options;
    options.log_dir = log_dir;
    options.level = native_level(level);
    options.to_file = to_file;
    role_state state = state_of(*chainner::setup_logger(role, options));
    // What the caller named stays as it was, but for the user's wish in the environment.
    if (native_level(state.level) == options.level && state.level <= 50) state.level = level;
    return state;
}

void bind(const std::string& role, const py::object& file, const py::object& console) {
    const auto& sinks = chainner::get_logger(role)->sinks();
    auto* const own = &own_handlers.at(2 * static_cast<std::size_t>(chainner::parse_role(role)));
    own[0] = {kept(file), nullptr, sinks.front().get(), chainner::default_file_pattern};
    own[1] = {kept(console), kept(console.attr("stream")), sinks.back().get(), chainner::default_console_pattern};
}

py::list log_directories() {
    py::list found;
    for (const auto& candidate : detail::directory_candidates(detail::current_directory_input())) {
        const fs::path directory = fs::absolute(candidate.directory);
        const std::error_code problem = chainner::platform::check_usable(directory, candidate.sharing);
        found.append(py::make_tuple(directory, candidate.reason, problem ? problem.message() : std::string()));
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
    } catch (const fs::filesystem_error& error) {
        const py::tuple arguments = py::make_tuple(error.code().value(), error.what());
        PyErr_SetObject(PyExc_OSError, arguments.ptr());
    }
}

void add_function(py::module_& module, PyMethodDef& definition) {
    module.attr(definition.ml_name) = py::reinterpret_steal<py::object>(PyCFunction_New(&definition, nullptr));
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
    add_function(module, require_main_interpreter_definition);
    module.def("setup_logger", setup_logger, without_gil());
    module.def(
        "get_logger", [](const std::string& role) { return state_of(*chainner::get_logger(role)); }, without_gil());
    module.def(
        "get_logger_from_env", [] { return state_of(*chainner::get_logger_from_env()); }, without_gil());
    module.def("log_directories", log_directories);
    module.def("install_crash_handler", chainner::install_crash_handler);
    module.def("describe_exit", chainner::describe_exit);

    module.def("add_direct_way", add_direct_way);
    module.def("bind", bind);
    add_function(module, write_definition);
    module.def("flush", [](py::handle handler) {
        auto* const sink = own(handler).sink;
        const py::gil_scoped_release released;
        sink->flush();
    });
    module.def("release", [](py::handle handler) {
        auto& sink = dynamic_cast<detail::file_sink&>(*own(handler).sink);
        const py::gil_scoped_release released;
        sink.release();
    });
    module.def("use_own_pattern", [](py::handle handler, bool is_own) {
        const own_handler& each = own(handler);
        const py::gil_scoped_release released;
        each.sink->set_pattern(is_own ? each.pattern : "%v");
    });
    module.def("file_path", [](py::handle handler) {
        auto& sink = dynamic_cast<detail::file_sink&>(*own(handler).sink);
        const py::gil_scoped_release released;
        return if_any(sink.path());
    });
}

/// Asks before pybind11 does anything, which would wait for ever in a sub-interpreter.
PyMODINIT_FUNC PyInit__native() {
    PyObject* const allowed = require_main_interpreter(nullptr, nullptr);
    if (allowed == nullptr) return nullptr;
    Py_DECREF(allowed);
    return PyInit__checked_native();
}
