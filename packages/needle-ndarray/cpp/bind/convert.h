// Between Python objects and the front's types.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <optional>

#include "../front/error.h"
#include "../front/interpreter.h"
#include "../front/ndarray.h"
#include "box.h"

namespace needle::bind {

namespace py = pybind11;

// One object for each dtype and device, so that `is` compares them.
py::object dtype_object(DType dtype);
py::object device_object(Device device);

// Calls a Python function; throws what it raises.
template <class... Args>
py::object call_python(py::handle function, const Args &...args) {
  PyObject *objects[] = {args.ptr()..., nullptr};
  PyObject *result =
      into_python([&] { return PyObject_Vectorcall(function.ptr(), objects, sizeof...(args), nullptr); });
  if (!result) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(result);
}
py::object import_from(const char *module, const char *name);

// What Python lent us: `release` ends the loan, once, with the GIL, wherever the last pointer goes.
template <class T>
std::shared_ptr<void> lent(T *loan, void (*release)(T *)) {
  return std::shared_ptr<T>(loan, [release](T *loan) {
    if (!Py_IsInitialized()) return;  // the interpreter is gone, and its objects with it
    Gil gil;
    py::error_scope keep;  // an exception may be on its way
    release(loan);
  });
}

// -- from Python
Dims to_dims(const char *op, py::handle object);                 // an int or a sequence of ints
std::optional<Dims> to_axes(const char *op, py::handle object);  // the same or None
int64_t to_integer(const char *op, py::handle object);
uint64_t to_word(const char *op, py::handle object);  // 0 to 2^64 - 1
double to_real(const char *op, py::handle object);
bool to_bool(const char *op, py::handle object);  // what has a truth value: no text, no list
std::string to_string(const char *op, py::handle object);
py::sequence to_sequence(const char *op, py::handle object);  // no text, no array
DType to_dtype(const char *op, py::handle object);
std::optional<bool> to_copy(const char *op, py::handle object);      // the argument `copy`: True, False or None
Device to_device_or_default(py::handle object);                      // Device, text or None
std::optional<Scalar> to_scalar(const char *op, py::handle object);  // bool, int, float, complex; nothing for others
inline const NDArray *as_array(py::handle object) { return Box<NDArray>::find(object.ptr()); }  // nullptr for others
const NDArray &to_array(const char *op, py::handle object);                                     // throws for others
// What stands in x[key]; nothing where the key is not made of integers, slices, None and an ellipsis alone.
std::optional<std::vector<IndexItem>> to_index(const NDArray &x, py::handle key);

// Two operands, one of which may be a number, which takes its dtype from the other.
class Operands {
 public:
  Operands(const char *op, py::handle x, py::handle y);
  const NDArray &x() const { return *x_; }
  const NDArray &y() const { return *y_; }

 private:
  const NDArray *x_, *y_;
  std::optional<NDArray> number_;
};

// -- to Python
py::object from_scalar(const Scalar &value);
py::tuple to_tuple(const Dims &dims);
py::object nested_list(const NDArray &x);

// Sets the Python exception for the C++ exception that is being handled.
void raise_current();

// Each in the file of its name. The types are made of their parts when all are there.
class TypeParts;
void bind_types(py::module_ &m);                      // DType, Device, backends, exceptions
void bind_ndarray(TypeParts &type);                   // attributes, conversions, views, indexing
void bind_operators(TypeParts &type);                 // + - * ...
void bind_functions(py::module_ &m);                  // the functions of the namespace
void bind_exchange(py::module_ &m, TypeParts &type);  // memory shared with others: buffers, DLPack
void bind_versions(py::module_ &m, TypeParts &type);  // who wrote to an array, and where in the user's program

// A table whose functions call the methods of a Python `Backend`: python_backend.cpp
needle_backend python_backend_table(py::object backend, const std::string &name, std::shared_ptr<void> &owner);
// The exception behind a Python backend's last error on this thread, once; nothing where there was none.
py::object take_backend_exception();

}  // namespace needle::bind
