#include "record_path.hpp"

#include <spdlog/details/log_msg.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <exception>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "handlers.hpp"
#include "interpreter.hpp"
#include "record/escaping.hpp"

namespace chainner::python {

// The functions below hold Python's objects by bare pointers, see interpreter.hpp.

namespace {

/// The handlers to which one record goes.
struct destination {
    std::array<const own_handler*, own_handlers.size()> items{};
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

/// What there is to write, beside the text.
struct heading {
    spdlog::log_clock::time_point time;
    long level;
    std::string_view logger_name;
};

/// Without the GIL: no thread of Python waits for a lock, a disk or a console of ours.
void write_to(const destination& to, const heading& head, std::string_view text) {
    const spdlog::details::log_msg record(head.time, {}, {head.logger_name.data(), head.logger_name.size()},
                                          native_level(head.level), {text.data(), text.size()});
    PyThreadState* const thread = PyEval_SaveThread();
    for (std::size_t i = 0; i < to.size; ++i) write_to(*to.items[i]->sink, record);
    PyEval_RestoreThread(thread);
}

/// false with an exception set.
bool write_text(const destination& to, const heading& head, PyObject* text) {
    Py_ssize_t size = 0;
    if (const char* const utf8 = PyUnicode_AsUTF8AndSize(text, &size)) {
        write_to(to, head, {utf8, static_cast<std::size_t>(size)});
        return true;
    }
    PyErr_Clear();  // a lone surrogate
    PyObject* const bytes = PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");
    if (bytes == nullptr) return false;
    write_to(to, head, {PyBytes_AsString(bytes), static_cast<std::size_t>(PyBytes_Size(bytes))});
    Py_DECREF(bytes);
    return true;
}

constexpr double last_time = 9'223'372'036;  // seconds since 1970, in the year 2262: what nanoseconds can count

PyObject* write_record(PyObject* /*module*/, PyObject* const* arguments, Py_ssize_t count) {
    if (count != 5 || !PyUnicode_Check(arguments[3]) || !PyUnicode_Check(arguments[4])) {
        PyErr_SetString(PyExc_TypeError, "write(handler, level, created, text, name)");
        return nullptr;
    }
    const own_handler* const found = find_own(arguments[0]);
    if (found == nullptr) {
        PyErr_SetString(PyExc_ValueError, not_own);
        return nullptr;
    }
    int overflow = 0;
    const long number = PyLong_AsLongAndOverflow(arguments[1], &overflow);
    const long level = overflow == 0 ? number : overflow * std::numeric_limits<long>::max();
    const double created = PyFloat_AsDouble(arguments[2]);
    if (PyErr_Occurred() != nullptr) return nullptr;
    if (!(created >= 0 && created < last_time)) {
        PyErr_SetString(PyExc_ValueError, "created must be a time from 1970 to 2262");
        return nullptr;
    }
    Py_ssize_t size = 0;
    const char* const utf8 = PyUnicode_AsUTF8AndSize(arguments[4], &size);
    std::string_view name;
    if (utf8 == nullptr) {
        PyErr_Clear();  // a lone surrogate
    } else {
        name = {utf8, static_cast<std::size_t>(size)};
    }
    std::optional<std::string> escaped;
    if (!detail::is_plain(name)) {
        escaped = without_gil([name] {
            spdlog::memory_buf_t safe;
            detail::append_escaped(name, safe);
            return std::string(safe.data(), safe.size());
        });
        if (!escaped) return nullptr;
        name = *escaped;
    }
    const std::chrono::duration<double> since_epoch(created);
    const spdlog::log_clock::time_point time(std::chrono::duration_cast<spdlog::log_clock::duration>(since_epoch));
    const heading head{time, level, name};
    if (!write_text({{found}, 1}, head, arguments[3])) return nullptr;
    Py_RETURN_NONE;
}

/// A name and what stands under it as long as nobody has put something else there.
struct piece {
    PyObject* name;
    PyObject* value;
};

constexpr std::ptrdiff_t place_of_version = 48 * sizeof(void*);  // in a class, from CPython 3.9 to 3.14 at least
bool has_versions = false;

/// Else the number becomes 0. Not asked when the module is loaded, which Windows does without the interpreter's lock.
bool has_flag() {
    static const bool found = PyLong_AsLong(PySys_GetObject("hexversion")) < 0x030b0000;
    return found;
}

/// A number for a class with all its bases as they are now. 0: not known, until the next look at an attribute of it.
unsigned version_of(PyTypeObject* type) {
    if (has_flag() && (PyType_GetFlags(type) & Py_TPFLAGS_VALID_VERSION_TAG) == 0) return 0;
    unsigned version = 0;
    std::memcpy(&version, reinterpret_cast<const char*>(type) + place_of_version, sizeof version);
    return version;
}

/// A class whose pieces the direct way passes by.
struct known_class {
    PyTypeObject* type = nullptr;
    std::vector<piece> pieces;
    Py_ssize_t usual_size = 0;  // of an object's own attributes, where nobody has added one
    unsigned version = 0;       // in which the pieces were last seen

    bool is_untouched() {
        if (version != 0 && version_of(type) == version) return true;
        for (const piece& each : pieces) {
            PyObject* const value = PyObject_GetAttr(reinterpret_cast<PyObject*>(type), each.name);
            if (value != each.value) {
                if (value == nullptr) PyErr_Clear();
                Py_XDECREF(value);
                return false;
            }
            Py_DECREF(value);
        }
        if (has_versions) version = version_of(type);
        return true;
    }

    /// Whether an object has none of the pieces as an attribute of its own.
    bool is_untouched_in(PyObject* dictionary) const {
        if (PyDict_Size(dictionary) == usual_size) return true;
        return std::none_of(pieces.begin(), pieces.end(), [dictionary](const piece& each) {
            return PyDict_GetItem(dictionary, each.name) != nullptr;
        });
    }
};

/// A level for which `logging.Logger` has a method.
struct standard_level {
    long number;
    PyObject* number_object;
    PyObject* name;
};

/// A name that another dictionary has to have a value under, or nothing.
struct outer_piece {
    PyObject* dictionary;
    piece content;
};

/// What is asked of Python's logging at each record. Never given back: threads may outlive the interpreter.
struct standard_logging {
    PyObject* is_of_signal_handler;
    std::array<standard_level, 5> levels;
    std::vector<known_class> classes;    // of loggers and handlers; the first is `subclass`
    std::vector<known_class> passed_by;  // others that take part in the usual way
    std::vector<outer_piece> values;

    PyObject* disabled = PyUnicode_InternFromString("disabled");
    PyObject* cache = PyUnicode_InternFromString("_cache");
    PyObject* filters = PyUnicode_InternFromString("filters");
    PyObject* handlers = PyUnicode_InternFromString("handlers");
    PyObject* propagate = PyUnicode_InternFromString("propagate");
    PyObject* level = PyUnicode_InternFromString("level");
    PyObject* formatter = PyUnicode_InternFromString("formatter");
    PyObject* stream = PyUnicode_InternFromString("stream");
};

standard_logging* standard = nullptr;

known_class* find_class(PyTypeObject* type) {
    auto& classes = standard->classes;
    const auto known =
        std::find_if(classes.begin(), classes.end(), [type](const known_class& each) { return each.type == type; });
    if (known != classes.end()) return &*known;
    if (PyType_IsSubtype(type, classes.front().type) == 0) return nullptr;
    Py_INCREF(type);
    return &classes.emplace_back(known_class{type, classes.front().pieces, classes.front().usual_size});
}

/// An object's own attributes. Null if it has none, or if pieces of its class are not what they were.
PyObject* attributes_of(PyObject* object) {
    known_class* const known = find_class(Py_TYPE(object));
    if (known == nullptr || !known->is_untouched()) return nullptr;
    PyObject* const dictionary = PyObject_GenericGetDict(object, nullptr);
    if (dictionary == nullptr) {
        PyErr_Clear();
        return nullptr;
    }
    Py_DECREF(dictionary);  // the object keeps it
    return known->is_untouched_in(dictionary) ? dictionary : nullptr;
}

bool is_empty_list(PyObject* value) { return value != nullptr && PyList_Check(value) && PyList_Size(value) == 0; }

bool is_untouched(const own_handler& each, long level) {
    PyObject* const attributes = attributes_of(each.handler);
    if (attributes == nullptr || !is_empty_list(PyDict_GetItem(attributes, standard->filters)) ||
        PyDict_GetItem(attributes, standard->formatter) != Py_None) {
        return false;
    }
    PyObject* const own_level = PyDict_GetItem(attributes, standard->level);
    return own_level != nullptr && PyLong_Check(own_level) && PyLong_AsLong(own_level) <= level &&
           (each.stream == nullptr || PyDict_GetItem(attributes, standard->stream) == each.stream);
}

/// Whether a record goes to our handlers alone and nobody looks at it on the way. `to` is then where it goes.
bool has_direct_way(PyObject* attributes, long level, destination& to) {
    if (PyDict_GetItem(attributes, standard->propagate) != Py_False ||
        !is_empty_list(PyDict_GetItem(attributes, standard->filters))) {
        return false;
    }
    PyObject* const handlers = PyDict_GetItem(attributes, standard->handlers);
    if (handlers == nullptr || !PyList_Check(handlers)) return false;
    for (Py_ssize_t i = 0; i < PyList_Size(handlers); ++i) {
        const own_handler* const found = find_own(PyList_GetItem(handlers, i));
        if (found == nullptr || to.size == to.items.size() || !is_untouched(*found, level)) return false;
        to.items[to.size++] = found;
    }
    return to.size > 0 && std::all_of(standard->values.begin(), standard->values.end(), [](const outer_piece& each) {
               return PyDict_GetItem(each.dictionary, each.content.name) == each.content.value;
           });
}

/// What `Logger.isEnabledFor` says, if it is known from an earlier call.
std::optional<bool> is_enabled(PyObject* attributes, const standard_level& level) {
    if (PyDict_GetItem(attributes, standard->disabled) != Py_False) return {};
    PyObject* const cache = PyDict_GetItem(attributes, standard->cache);
    PyObject* const known =
        cache != nullptr && PyDict_Check(cache) ? PyDict_GetItem(cache, level.number_object) : nullptr;
    if (known == nullptr) return {};
    return known == Py_True;
}

PyObject* tuple_of(PyObject* const* items, Py_ssize_t count) {
    PyObject* const made = PyTuple_New(count);
    for (Py_ssize_t i = 0; made != nullptr && i < count; ++i) {
        Py_INCREF(items[i]);
        PyTuple_SetItem(made, i, items[i]);
    }
    return made;
}

/// Of the names and values that come after the other arguments.
PyObject* dictionary_of(PyObject* names, PyObject* const* values) {
    PyObject* const made = PyDict_New();
    for (Py_ssize_t i = 0; made != nullptr && i < PyTuple_Size(names); ++i) {
        if (PyDict_SetItem(made, PyTuple_GetItem(names, i), values[i]) == 0) continue;
        Py_DECREF(made);
        return nullptr;
    }
    return made;
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
    PyObject* const values = tuple_of(arguments + 1, count - 1);
    if (values == nullptr) return nullptr;
    PyObject* const text = PyUnicode_Format(arguments[0], values);
    Py_DECREF(values);
    return text;
}

/// Whether the exception that is set is the program's. What formatting raises is not, and no longer set then.
bool is_for_program() {
    if (PyErr_ExceptionMatches(PyExc_Exception) == 0) return true;
    PyObject *kind = nullptr, *error = nullptr, *trace = nullptr;
    PyErr_Fetch(&kind, &error, &trace);
    PyErr_NormalizeException(&kind, &error, &trace);
    if (trace != nullptr) PyException_SetTraceback(error, trace);
    PyObject* const answer = PyObject_CallFunctionObjArgs(standard->is_of_signal_handler, error, nullptr);
    if (answer == Py_False) {
        Py_DECREF(answer);
        Py_XDECREF(kind);
        Py_XDECREF(error);
        Py_XDECREF(trace);
        return false;
    }
    if (answer == nullptr) {  // it was interrupted itself, and that is the program's
        Py_XDECREF(kind);
        Py_XDECREF(error);
        Py_XDECREF(trace);
        return true;
    }
    Py_DECREF(answer);
    PyErr_Restore(kind, error, trace);
    return true;
}

/// As `logging.Logger` has it now, which others may have changed.
PyObject* log_by_standard(const standard_level& level, PyObject* self, PyObject* const* arguments, Py_ssize_t count,
                          PyObject* keywords) {
    PyObject* const super = PyObject_CallFunctionObjArgs(reinterpret_cast<PyObject*>(&PySuper_Type),
                                                         standard->classes.front().type, self, nullptr);
    if (super == nullptr) return nullptr;
    PyObject* const method = PyObject_GetAttr(super, level.name);
    Py_DECREF(super);
    if (method == nullptr) return nullptr;
    PyObject* const positional = tuple_of(arguments, count);
    PyObject* const named = keywords == nullptr ? nullptr : dictionary_of(keywords, arguments + count);
    const bool is_complete = positional != nullptr && (named != nullptr || keywords == nullptr);
    PyObject* const result = is_complete ? PyObject_Call(method, positional, named) : nullptr;
    Py_XDECREF(named);
    Py_XDECREF(positional);
    Py_DECREF(method);
    return result;
}

/// In place of `logging.Logger.info` and its like: writes at once what nobody wants to see as a LogRecord. All else
/// goes the standard library's way, and so does what could not be formatted.
PyObject* log(const standard_level& level, PyObject* self, PyObject* const* arguments, Py_ssize_t count,
              PyObject* keywords) {
    auto& passed_by = standard->passed_by;
    const bool may_be_direct =
        count > 0 && keywords == nullptr &&
        std::all_of(passed_by.begin(), passed_by.end(), [](auto& each) { return each.is_untouched(); });
    PyObject* const attributes = may_be_direct ? attributes_of(self) : nullptr;
    if (attributes != nullptr) {
        const std::optional<bool> enabled = is_enabled(attributes, level);
        if (enabled == false) Py_RETURN_NONE;
        destination to;
        if (enabled == true && has_direct_way(attributes, level.number, to)) {
            if (PyObject* const text = message_of(arguments, count)) {
                const heading head{spdlog::log_clock::now(), level.number, to.items[0]->logger_name};
                const bool is_written = write_text(to, head, text);
                Py_DECREF(text);
                if (!is_written) return nullptr;
                Py_RETURN_NONE;
            }
            if (PyErr_Occurred() != nullptr && is_for_program()) return nullptr;
        }
    }
    return log_by_standard(level, self, arguments, count, keywords);
}

template <std::size_t Index>
PyObject* log_at(PyObject* self, PyObject* const* arguments, Py_ssize_t count, PyObject* keywords) {
    return log(standard->levels[Index], self, arguments, count, keywords);
}

template <std::size_t Index>
PyCFunction function_at() {
    return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(log_at<Index>));
}

PyObject* kept(PyObject* object) {
    Py_XINCREF(object);
    return object;
}

/// From {class: (usual size, {name: value})}. Nothing, with an exception set, if it is not that.
std::vector<known_class> classes_from(PyObject* dictionary) {
    std::vector<known_class> found;
    Py_ssize_t position = 0;
    PyObject *type = nullptr, *about = nullptr, *contents = nullptr;
    while (PyDict_Next(dictionary, &position, &type, &about) != 0) {
        known_class& added = found.emplace_back();
        added.type = reinterpret_cast<PyTypeObject*>(kept(type));
        if (PyArg_ParseTuple(about, "nO!", &added.usual_size, &PyDict_Type, &contents) == 0) return {};
        Py_ssize_t inner = 0;
        PyObject *name = nullptr, *value = nullptr;
        while (PyDict_Next(contents, &inner, &name, &value) != 0) added.pieces.push_back({kept(name), kept(value)});
    }
    return found;
}

}  // namespace

PyCFunction write() { return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(write_record)); }

PyObject* class_version(PyObject* /*module*/, PyObject* type) {
    if (PyType_Check(type)) return PyLong_FromUnsignedLong(version_of(reinterpret_cast<PyTypeObject*>(type)));
    PyErr_SetString(PyExc_TypeError, "class_version(type)");
    return nullptr;
}

PyObject* add_direct_way(PyObject* /*module*/, PyObject* arguments) {
    constexpr int convention = METH_FASTCALL | METH_KEYWORDS;
    static std::array<PyMethodDef, 5> methods{{{"debug", function_at<0>(), convention, nullptr},
                                               {"info", function_at<1>(), convention, nullptr},
                                               {"warning", function_at<2>(), convention, nullptr},
                                               {"error", function_at<3>(), convention, nullptr},
                                               {"critical", function_at<4>(), convention, nullptr}}};
    PyObject *classes = nullptr, *passed_by = nullptr, *values = nullptr, *is_of_signal_handler = nullptr;
    int are_versions_known = 0;
    if (PyArg_ParseTuple(arguments, "O!O!O!Op", &PyDict_Type, &classes, &PyDict_Type, &passed_by, &PyList_Type, &values,
                         &is_of_signal_handler, &are_versions_known) == 0) {
        return nullptr;
    }
    has_versions = are_versions_known != 0;
    auto* const found =
        new standard_logging{kept(is_of_signal_handler), {}, classes_from(classes), classes_from(passed_by), {}};
    if (PyErr_Occurred() != nullptr) return nullptr;
    for (Py_ssize_t i = 0; i < PyList_Size(values); ++i) {
        PyObject *dictionary = nullptr, *name = nullptr, *value = nullptr;
        if (PyArg_ParseTuple(PyList_GetItem(values, i), "O!U|O", &PyDict_Type, &dictionary, &name, &value) == 0)
            return nullptr;
        found->values.push_back({kept(dictionary), {kept(name), kept(value)}});
    }
    standard = found;
    PyTypeObject* const subclass = found->classes.front().type;
    for (std::size_t i = 0; i < methods.size(); ++i) {
        const long number = levels[i + 1];
        PyObject* const name = PyUnicode_InternFromString(methods[i].ml_name);
        found->levels[i] = {number, PyLong_FromLong(number), name};
        PyObject* const method = PyDescr_NewMethod(subclass, &methods[i]);
        if (method == nullptr) return nullptr;
        const int failed = PyObject_SetAttr(reinterpret_cast<PyObject*>(subclass), name, method);
        Py_DECREF(method);
        if (failed != 0) return nullptr;
    }
    Py_RETURN_NONE;
}

}  // namespace chainner::python
