// Between Python objects and the front's types.
#pragma once

#include <pybind11/pybind11.h>

#include <optional>

#include "../front/error.h"
#include "../front/ndarray.h"

namespace needle::bind {

namespace py = pybind11;

// The Python object of a dtype: one for each, so that `is` compares them.
struct PyDType {
  DType value;
};
py::object dtype_object(DType dtype);

// -- from Python
Dims to_dims(const char *op, py::handle object);                 // an int or a sequence of ints
std::optional<Dims> to_axes(const char *op, py::handle object);  // the same or None
int64_t to_integer(const char *op, py::handle object);
DType to_dtype(const char *op, py::handle object);
std::optional<bool> to_copy(const char *op, py::handle object);      // the argument `copy`: True, False or None
Device to_device_or_default(py::handle object);                      // Device, text or None
std::optional<Scalar> to_scalar(const char *op, py::handle object);  // bool, int, float, complex; nothing for others
const NDArray *as_array(py::handle object);                          // nullptr for others
NDArray to_array(const char *op, py::handle object);                 // throws for others
// What stands in x[key]; nothing where the key is not made of integers, slices, None and an ellipsis alone.
std::optional<std::vector<IndexItem>> to_index(const NDArray &x, py::handle key);
// Two operands, one of which may be a number, which takes its dtype from the other.
std::pair<NDArray, NDArray> to_operands(const char *op, py::handle x, py::handle y);

// -- to Python
py::object from_scalar(const Scalar &value);
py::tuple to_tuple(const Dims &dims);
py::object nested_list(const NDArray &x);

// Sets the Python exception for an error of the front.
void raise(const Error &error);

// Each in the file of its name.
void bind_types(py::module_ &m);                               // DType, Device, backends, exceptions
void bind_ndarray(py::class_<NDArray> &cls);                   // attributes, conversions, views, indexing
void bind_operators(py::class_<NDArray> &cls);                 // + - * ...
void bind_functions(py::module_ &m);                           // the functions of the namespace
void bind_exchange(py::module_ &m, py::class_<NDArray> &cls);  // memory shared with others: buffers, DLPack

// A table whose functions call the methods of a Python `Backend`: python_backend.cpp
needle_backend python_backend_table(py::object backend, const std::string &name, std::shared_ptr<void> &owner);
// The exception behind a Python backend's last error on this thread, once; nothing where there was none.
py::object take_backend_exception();

}  // namespace needle::bind
