// What the functions of the module have in common: the GIL, values, exceptions.
//
// A daemon thread that asks for the GIL after the interpreter has ended is ended there, and its stack is unwound
// without the GIL. So nothing here owns an object of Python's while it is asked for: a destructor that gives one back
// would run. Nor does it pass a destructor, or another `noexcept` function, which would take the process down.

#pragma once

#include <Python.h>

#include <exception>
#include <filesystem>
#include <optional>
#include <string_view>
#include <type_traits>

namespace chainner::python {

/// Sets Python's exception for one of C++: ValueError for a caller's mistake, OSError for what the system refuses.
void set_exception(const std::exception_ptr& thrown);

/// What `action` returns. Nothing, with an exception set, if it throws. No thread of Python waits meanwhile.
template <class Action>
auto without_gil(Action action) -> std::optional<std::invoke_result_t<Action>> {
    std::optional<std::invoke_result_t<Action>> result;
    std::exception_ptr thrown;
    PyThreadState* const thread = PyEval_SaveThread();
    try {
        result = action();
    } catch (const std::exception&) {
        thrown = std::current_exception();
    }
    PyEval_RestoreThread(thread);
    if (thrown) set_exception(thrown);
    return result;
}

/// As above for what returns nothing: None, or null with an exception set.
template <class Action>
PyObject* none_without_gil(Action action) {
    const auto done = without_gil([&action] {
        action();
        return true;
    });
    if (!done) return nullptr;
    Py_RETURN_NONE;
}

/// For `PyArg_ParseTuple`: a str or a PathLike into a `std::filesystem::path`.
int to_path(PyObject* object, void* path);

/// A pathlib.Path, or None for an empty path. Null with an exception set.
PyObject* from_path(const std::filesystem::path& path);

/// A str. As in Python's own names of files, a surrogate stands for a byte that is no UTF-8.
inline PyObject* from_text(std::string_view text) {
    return PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "surrogateescape");
}

}  // namespace chainner::python
