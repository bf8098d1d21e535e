// The way of a record from Python to the sinks.

#pragma once

#include <Python.h>

namespace chainner::python {

/// `write(handler, level, created, text, name)`: a record of the logger `name` to the sink of that handler alone.
PyCFunction write();

/// `class_version(type)`: a number that changes with the class or one of its bases, 0 from then until the next look at
/// an attribute. CPython counts so for itself, in a place that its limited API does not name: whoever relies on it
/// tries first.
PyObject* class_version(PyObject* module, PyObject* type);

/// `add_direct_way(classes, passed_by, values, is_of_signal_handler, has_versions)`: gives the first of `classes`, a
/// subclass of `logging.Logger`, level methods that take the direct way: without a LogRecord, where nobody could tell
/// the difference. That is so as long as
///
/// - the classes of the logger and its handlers, which are in `classes` ({class: (size, {name: value})}) or derived
/// from
///   the first of them, have these values under these names, and the objects have no attributes of these names, as is
///   known where they have `size` attributes,
/// - so have the other classes that would take part, in `passed_by`,
/// - and so have the dictionaries in `values` ([(dictionary, name, value)], without a value: nothing under this name).
///
/// `is_of_signal_handler(error)` says of an exception whether somebody else has raised it meanwhile, and not
/// formatting. `has_versions`: the pieces of a class need no look while `class_version` says the same.
PyObject* add_direct_way(PyObject* module, PyObject* arguments);

inline constexpr auto not_own = "this handler belongs to no role: setup_logger makes those that do";

}  // namespace chainner::python
