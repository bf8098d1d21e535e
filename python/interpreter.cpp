#include "interpreter.hpp"

#include <new>
#include <stdexcept>
#include <system_error>

namespace chainner::python {

namespace fs = std::filesystem;

namespace {

// Of what a path consists is the system's: bytes, or wide characters on Windows.

template <class Character>
bool assign(std::basic_string<Character>& path, PyObject* object) {
    PyObject* found = nullptr;
    if constexpr (std::is_same_v<Character, char>) {
        if (PyUnicode_FSConverter(object, &found) == 0) return false;
        path = PyBytes_AsString(found);
    } else {
        if (PyUnicode_FSDecoder(object, &found) == 0) return false;
        wchar_t* const text = PyUnicode_AsWideCharString(found, nullptr);
        if (text != nullptr) path = text;
        PyMem_Free(text);
    }
    Py_DECREF(found);
    return PyErr_Occurred() == nullptr;
}

template <class Character>
PyObject* decoded(const std::basic_string<Character>& path) {
    const auto size = static_cast<Py_ssize_t>(path.size());
    if constexpr (std::is_same_v<Character, char>) {
        return PyUnicode_DecodeFSDefaultAndSize(path.data(), size);
    } else {
        return PyUnicode_FromWideChar(path.data(), size);
    }
}

void set(PyObject* kind, PyObject* value) {
    if (value == nullptr) return;
    PyErr_SetObject(kind, value);
    Py_DECREF(value);
}

}  // namespace

void set_exception(const std::exception_ptr& thrown) {
    try {
        std::rethrow_exception(thrown);
    } catch (const std::system_error& error) {
        // OSError makes of the number the class that Python has for it.
        set(PyExc_OSError, Py_BuildValue("(iN)", error.code().value(), from_text(error.what())));
    } catch (const std::invalid_argument& error) {
        set(PyExc_ValueError, from_text(error.what()));
    } catch (const std::bad_alloc&) {
        PyErr_NoMemory();
    } catch (const std::exception& error) {
        set(PyExc_RuntimeError, from_text(error.what()));
    }
}

int to_path(PyObject* object, void* path) {
    fs::path::string_type found;
    if (!assign(found, object)) return 0;
    *static_cast<fs::path*>(path) = found;
    return 1;
}

PyObject* from_path(const fs::path& path) {
    if (path.empty()) Py_RETURN_NONE;
    PyObject* const module = PyImport_ImportModule("pathlib");
    if (module == nullptr) return nullptr;
    PyObject* const text = decoded(path.native());
    PyObject* const made = text == nullptr ? nullptr : PyObject_CallMethod(module, "Path", "O", text);
    Py_XDECREF(text);
    Py_DECREF(module);
    return made;
}

}  // namespace chainner::python
