// The way of a record from Python to the sinks.

#pragma once

#include <pybind11/pybind11.h>

namespace chainner::python {

/// Adds the function `write` to the module, which writes a record of a handler.
void add_write(pybind11::module_& module);

/// Gives a subclass of `logging.Logger` level methods that take the direct way: without a LogRecord, if nobody wants to
/// see one.
void add_direct_way(const pybind11::object& subclass);

}  // namespace chainner::python
