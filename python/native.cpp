// The native part of the Python module: what it offers to Python, and setting up.

#include <Python.h>
#include <spdlog/logger.h>

#include <array>
#include <atomic>
#include <chainner/crash_handler.hpp>
#include <chainner/logger.hpp>
#include <chainner/output_capture.hpp>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "file/file_sink.hpp"
#include "handlers.hpp"
#include "interpreter.hpp"
#include "log_directory.hpp"
#include "output/output_capture.hpp"
#include "platform/crash.hpp"
#include "platform/ending.hpp"
#include "platform/file.hpp"
#include "platform/process.hpp"
#include "process_loggers.hpp"
#include "record/record_format.hpp"
#include "record_path.hpp"

namespace fs = std::filesystem;
namespace detail = chainner::detail;
namespace python = chainner::python;

namespace {

using python::none_without_gil;
using python::without_gil;

detail::file_sink& file_of(const spdlog::logger& logger) {
    return dynamic_cast<detail::file_sink&>(*logger.sinks().front());
}

/// What Python has to know of a role's logger.
struct role_state {
    std::string role;
    long level;
    bool is_to_file;
    fs::path file;  // empty also in a child by `fork`, until its first record
};

role_state state_of(const spdlog::logger& logger) {
    const std::string& name = logger.name();
    const auto file = file_of(logger).lock();
    return {name.substr(name.find('.') + 1), python::levels.at(static_cast<std::size_t>(logger.level())),
            file->is_open(), file->path()};
}

/// A tuple: role, level, whether there is a file, file (None: not now). Null with the exception that is set if there is
/// no state.
PyObject* from_state(const std::optional<role_state>& state) {
    if (!state) return nullptr;
    PyObject* const file = python::from_path(state->file);
    return file == nullptr
               ? nullptr
               : Py_BuildValue("(slNN)", state->role.c_str(), state->level, PyBool_FromLong(state->is_to_file), file);
}

std::size_t not_negative(Py_ssize_t number, const char* name) {
    if (number < 0)
        throw std::invalid_argument(std::string(name) + " is " + std::to_string(number) + "; it must not be negative");
    return static_cast<std::size_t>(number);
}

PyObject* setup_logger(PyObject* /*module*/, PyObject* arguments, PyObject* keywords) {
    static const char* names[] = {
        "role",      "log_dir",      "level",           "to_file",    "to_console",     "max_file_size",
        "max_files", "file_pattern", "console_pattern", "utc_offset", "group_readable", "application_version",
        "color",     nullptr};
    const char* role = nullptr;
    long level = 0;
    int to_file = 1, to_console = 1, utc_offset = 0, group_readable = 0, color = 0;
    Py_ssize_t max_file_size = 0, max_files = 0;
    const char *file_pattern = nullptr, *console_pattern = nullptr, *application_version = nullptr;
    chainner::logger_options options;
    if (PyArg_ParseTupleAndKeywords(arguments, keywords, "sO&lppnnzzppsi", const_cast<char**>(names), &role,
                                    python::to_path, &options.log_dir, &level, &to_file, &to_console, &max_file_size,
                                    &max_files, &file_pattern, &console_pattern, &utc_offset, &group_readable,
                                    &application_version, &color) == 0) {
        return nullptr;
    }
    auto state = without_gil([&] {
        options.level = python::native_level(level);
        options.to_file = to_file != 0;
        options.to_console = to_console != 0;
        options.max_file_size = not_negative(max_file_size, "max_file_size");
        options.max_files = not_negative(max_files, "max_files");
        if (file_pattern != nullptr) options.file_pattern = file_pattern;
        if (console_pattern != nullptr) options.console_pattern = console_pattern;
        options.utc_offset = utc_offset != 0;
        options.group_readable = group_readable != 0;
        options.application_version = application_version;
        options.color = static_cast<spdlog::color_mode>(color);
        return state_of(*chainner::setup_logger(role, options));
    });
    if (state) {
        auto* const own = &python::own_handlers.at(2 * static_cast<std::size_t>(chainner::parse_role(role)));
        own[0].pattern = options.file_pattern;
        own[1].pattern = options.console_pattern;
        // What the caller named stays as it was, but for the user's wish in the environment.
        if (python::native_level(state->level) == options.level && state->level <= 50) state->level = level;
    }
    return from_state(state);
}

PyObject* get_logger(PyObject* /*module*/, PyObject* arguments) {
    const char* role = nullptr;
    if (PyArg_ParseTuple(arguments, "s", &role) == 0) return nullptr;
    return from_state(without_gil([role] { return state_of(*chainner::get_logger(role)); }));
}

PyObject* get_logger_from_env(PyObject* /*module*/, PyObject* /*nothing*/) {
    return from_state(without_gil([] { return state_of(*chainner::get_logger_from_env()); }));
}

PyObject* bind(PyObject* /*module*/, PyObject* arguments) {
    const char* role = nullptr;
    PyObject *file = nullptr, *console = nullptr, *own_stderr = nullptr;
    if (PyArg_ParseTuple(arguments, "sOOO", &role, &file, &console, &own_stderr) == 0) return nullptr;
    const auto index = static_cast<std::size_t>(chainner::parse_role(role));
    const detail::role_logger& log = detail::loggers_of_process().loggers.at(index);
    auto* const own = &python::own_handlers.at(2 * index);
    const auto bind_to = [&log](python::own_handler& each, PyObject* handler, spdlog::sinks::sink* sink) {
        Py_INCREF(handler);
        each.handler = handler;
        each.sink = sink;
        each.logger_name = log.logger->name();
    };
    bind_to(own[0], file, log.file.get());
    bind_to(own[1], console, log.console.get());
    own[0].has_utc_offset = &log.has_utc_offset;
    Py_INCREF(own_stderr);
    own[1].stream = own_stderr;
    Py_RETURN_NONE;
}

/// Calls `action` with what stands behind a handler of ours.
template <class Action>
PyObject* with_own(PyObject* handler, Action action) {
    if (python::own_handler* const found = python::find_own(handler)) return action(*found);
    PyErr_SetString(PyExc_ValueError, python::not_own);
    return nullptr;
}

PyObject* flush(PyObject* /*module*/, PyObject* handler) {
    return with_own(handler, [](const auto& own) { return none_without_gil([&own] { own.sink->flush(); }); });
}

PyObject* use_own_pattern(PyObject* /*module*/, PyObject* arguments) {
    PyObject* handler = nullptr;
    int is_internal = 0;
    if (PyArg_ParseTuple(arguments, "Op", &handler, &is_internal) == 0) return nullptr;
    return with_own(handler, [is_internal](const auto& own) {
        const bool has_utc_offset = own.has_utc_offset != nullptr && *own.has_utc_offset;
        const std::string pattern = is_internal == 0 ? "%v"
                                    : has_utc_offset ? detail::file_pattern_with_utc_offset
                                                     : own.pattern;
        return none_without_gil([&] { own.sink->set_pattern(pattern); });
    });
}

PyObject* file_path(PyObject* /*module*/, PyObject* handler) {
    return with_own(handler, [](const auto& own) -> PyObject* {
        const auto path = without_gil([&own] { return dynamic_cast<detail::file_sink&>(*own.sink).lock()->path(); });
        return path ? python::from_path(*path) : nullptr;
    });
}

/// A list of tuples: folder, reason, problem (empty: it can be used).
PyObject* log_directories(PyObject* /*module*/, PyObject* /*nothing*/) {
    struct candidate {
        fs::path directory;
        std::string reason;
        std::string problem;
    };
    const auto candidates = without_gil([] {
        std::vector<candidate> found;
        for (const auto& each : detail::directory_candidates(detail::current_directory_input())) {
            const std::string problem = detail::problem_of(each);
            found.push_back({problem.empty() ? fs::absolute(each.directory) : each.directory, each.reason, problem});
        }
        return found;
    });
    PyObject* const found = candidates ? PyList_New(0) : nullptr;
    if (found == nullptr) return nullptr;
    for (const candidate& each : *candidates) {
        PyObject* const directory = python::from_path(each.directory);
        PyObject* const row = directory == nullptr
                                  ? nullptr
                                  : Py_BuildValue("(Nss)", directory, each.reason.c_str(), each.problem.c_str());
        const bool is_added = row != nullptr && PyList_Append(found, row) == 0;
        Py_XDECREF(row);
        if (is_added) continue;
        Py_DECREF(found);
        return nullptr;
    }
    return found;
}

/// Under the rules for log files: never through a link, and not another user's.
PyObject* open_crash_file(PyObject* /*module*/, PyObject* arguments) {
    fs::path path;
    if (PyArg_ParseTuple(arguments, "O&", python::to_path, &path) == 0) return nullptr;
    const auto descriptor = without_gil([&path] {
        using namespace chainner::platform;
        return to_descriptor(open_log_file(path, open_mode::create_or_share).opened);
    });
    return descriptor ? PyLong_FromLong(*descriptor) : nullptr;
}

void (*dump_stacks)(int) = nullptr;  // of faulthandler
int signal_of_dump = 0;

/// Has faulthandler dump the stacks to this descriptor at this signal. May set an exception.
void register_dump(int number, int descriptor) {
    PyObject* const module = PyImport_ImportModule("faulthandler");
    if (module == nullptr) return;
    PyObject* result = PyObject_CallMethod(module, "unregister", "i", number);
    Py_XDECREF(result);
    if (result != nullptr) {
        result = PyObject_CallMethod(module, "register", "ii", number, descriptor);
        Py_XDECREF(result);
    }
    Py_DECREF(module);
    signal_of_dump = number;
}

/// Null: there is none. Never destroyed, as a signal handler may read it.
std::atomic<const fs::path*> path_of_crash_file{nullptr};

/// At the end of the process, also in a signal handler. The last one that has it open removes it: a child by `fork` may
/// outlive its parent.
void remove_empty_crash_file() noexcept {
    namespace platform = chainner::platform;
    const fs::path* const path = path_of_crash_file;
    const platform::known_file file = detail::loggers_of_process().crash_file.latest();
    if (path == nullptr) return;
    const auto is_empty = [&] {
        const auto [placement, size] = platform::state_of(file, *path);
        return placement == platform::placement::in_place && size == 0;
    };
    std::error_code ignored;
    if (is_empty() && platform::claim_file(file.number, *path) && is_empty()) fs::remove(*path, ignored);
}

void release_crash_file() noexcept {
    remove_empty_crash_file();
    path_of_crash_file = nullptr;
    detail::loggers_of_process().crash_file.remember(chainner::platform::no_file);
}

/// A crash is named there with its time and process, before the stacks of Python's code. Returns whether those are
/// written as well: by the handler that faulthandler has for a signal of the user, which serves without its signal.
PyObject* write_crashes_to(PyObject* /*module*/, PyObject* arguments) {
    int descriptor = 0;
    fs::path path;
    if (PyArg_ParseTuple(arguments, "iO&", &descriptor, python::to_path, &path) == 0) return nullptr;
    auto& process = detail::loggers_of_process();
    process.crash_file.remember(chainner::platform::number_of(descriptor));
    path_of_crash_file = new fs::path(std::move(path));
    dump_stacks =
        chainner::platform::displaced_handler([descriptor](int number) { register_dump(number, descriptor); });
    if (PyErr_Occurred() != nullptr) return nullptr;
    if (dump_stacks != nullptr) {
        process.write_stacks = []() noexcept {
            if (Py_IsInitialized() != 0) dump_stacks(signal_of_dump);
        };
    }
    return PyBool_FromLong(dump_stacks != nullptr);
}

PyObject* describe_exit(PyObject* /*module*/, PyObject* arguments) {
    long long status = 0;
    if (PyArg_ParseTuple(arguments, "L", &status) == 0) return nullptr;
    return python::from_text(chainner::describe_exit(std::int64_t{status}));
}

void on_request_to_end(int number, const char* name) noexcept {
    detail::settle_output();
    const detail::role_logger* const own = detail::loggers_of_process().own;
    // A child by `fork` that has logged nothing gets no file for its end.
    if (own != nullptr && own->file->without_lock().current().number() != chainner::platform::no_file) {
        std::array<char, 64> text{};
        const int size = std::snprintf(text.data(), text.size(), "Ended by %s (%d)", name, number);
        const spdlog::string_view_t message(text.data(), static_cast<std::size_t>(size));
        own->file->log({spdlog::log_clock::now(), {}, own->logger->name(), spdlog::level::info, message});
    }
    detail::end_sessions();
    remove_empty_crash_file();
}

/// Has a signal by which somebody asks this process to end do so in good order: a record says it, and the session is
/// closed; in the midst of a logging call, once that is done. Where Python, or somebody else, handles the signal, that
/// is theirs.
void close_at_signals() { chainner::platform::handle_requests_to_end(on_request_to_end, detail::lock_note::postpone); }

/// A function that takes nothing and returns nothing.
template <auto Function>
PyObject* called(PyObject* /*module*/, PyObject* /*nothing*/) {
    return none_without_gil([] { Function(); });
}

PyObject* is_output_captured(PyObject* /*module*/, PyObject* /*nothing*/) {
    const auto found = without_gil([] { return detail::is_output_captured(); });
    return found ? PyBool_FromLong(*found) : nullptr;
}

/// The process has one log, one set of locks and one fork handler; interpreters would share them unawares.
PyObject* require_main_interpreter(PyObject* /*module*/, PyObject* /*nothing*/) {
    if (PyInterpreterState_GetID(PyInterpreterState_Get()) == 0) Py_RETURN_NONE;
    PyErr_SetString(
        PyExc_ImportError,
        "chainner_logger works in the main interpreter only, not in a sub-interpreter: there is one log for "
        "the whole process; hand your records to the main interpreter");
    return nullptr;
}

PyCFunction with_keywords(PyCFunctionWithKeywords function) {
    return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

PyMethodDef functions[] = {
    {"require_main_interpreter", require_main_interpreter, METH_NOARGS, "Raises ImportError in a sub-interpreter."},
    {"setup_logger", with_keywords(setup_logger), METH_VARARGS | METH_KEYWORDS, nullptr},
    {"get_logger", get_logger, METH_VARARGS, nullptr},
    {"get_logger_from_env", get_logger_from_env, METH_NOARGS, nullptr},
    {"bind", bind, METH_VARARGS, nullptr},
    {"flush", flush, METH_O, nullptr},
    {"use_own_pattern", use_own_pattern, METH_VARARGS, nullptr},
    {"file_path", file_path, METH_O, nullptr},
    {"log_directories", log_directories, METH_NOARGS, nullptr},
    {"open_crash_file", open_crash_file, METH_VARARGS, nullptr},
    {"write_crashes_to", write_crashes_to, METH_VARARGS, nullptr},
    {"remove_empty_crash_file", called<remove_empty_crash_file>, METH_NOARGS, nullptr},
    {"release_crash_file", called<release_crash_file>, METH_NOARGS,
     "Crashes are written to the log alone from now on. Whoever opened the file closes it."},
    {"install_crash_handler", called<chainner::install_crash_handler>, METH_NOARGS, nullptr},
    {"capture_output", called<chainner::capture_output>, METH_NOARGS, nullptr},
    {"release_output", called<chainner::release_output>, METH_NOARGS, nullptr},
    {"is_output_captured", is_output_captured, METH_NOARGS, nullptr},
    {"settle_output", called<detail::settle_output>, METH_NOARGS, nullptr},
    {"describe_exit", describe_exit, METH_VARARGS, nullptr},
    {"end_sessions", called<detail::end_sessions>, METH_NOARGS,
     "For a process that ends without what the library has registered with std::atexit."},
    {"close_at_signals", called<close_at_signals>, METH_NOARGS, nullptr},
    {"write", python::write(), METH_FASTCALL,
     "write(handler, level, created, text, name): to that handler's sink alone."},
    {"class_version", python::class_version, METH_O, nullptr},
    {"add_direct_way", python::add_direct_way, METH_VARARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyModuleDef definition{PyModuleDef_HEAD_INIT, "_native", nullptr, -1, functions, nullptr, nullptr, nullptr, nullptr};

}  // namespace

PyMODINIT_FUNC PyInit__native() {
    PyObject* const allowed = require_main_interpreter(nullptr, nullptr);
    if (allowed == nullptr) return nullptr;
    Py_DECREF(allowed);
    PyObject* const module = PyModule_Create(&definition);
    if (module != nullptr && PyModule_AddStringConstant(module, "version", CHAINNER_LOGGER_VERSION) == 0) return module;
    Py_XDECREF(module);
    return nullptr;
}
