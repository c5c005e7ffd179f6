// NDArray's attributes, conversions, views and indexing.
#include "../front/contract.h"
#include "function.h"

namespace needle::bind {

namespace {

py::bytes to_bytes(const NDArray &x) {
  PyObject *result = PyBytes_FromStringAndSize(nullptr, x.nbytes());
  if (!result) {
    PyErr_Clear();
    throw std::bad_alloc();
  }
  py::bytes owner = py::reinterpret_steal<py::bytes>(result);
  to_host(x, PyBytes_AS_STRING(result));
  return owner;
}

Scalar item(const NDArray &x) {
  if (x.size() != 1) fail(ErrorKind::value, "item", "not exactly one element", "shape " + x.shape.str());
  unsigned char element[kMaxItemsize];
  to_host(x, element);
  return load_scalar(x.dtype, element);
}

// Shapes and axes as separate arguments or as one sequence: x.reshape(2, 3), x.reshape((2, 3)).
Dims spread(const char *op, Arguments args) {
  if (args.size() == 1 && !PyIndex_Check(args[0])) return to_dims(op, args[0]);
  Dims dims;
  for (PyObject *arg : args) dims.push(to_integer(op, arg));
  return dims;
}

NDArray transpose(const NDArray &x) {
  if (x.ndim() != 2)
    fail(ErrorKind::value, "T", "not a matrix", "shape " + x.shape.str(), "2 dimensions",
         "mT swaps the last two axes, permute_dims orders all");
  return transpose_last(x);
}

NDArray matrix_transpose(const NDArray &x) {
  if (x.ndim() < 2) fail(ErrorKind::value, "mT", "fewer than 2 dimensions", "shape " + x.shape.str());
  return transpose_last(x);
}

// Keys with arrays are worked out in Python, of views, gather and scatter.
py::object by_arrays(const char *function) { return import_from("needle.ndarray.indexing", function); }

PyObject *get_item(PyObject *self, PyObject *key) {
  return guarded([&] {
    const NDArray &x = Box<NDArray>::of(self);
    if (auto items = to_index(x, key)) return py::reinterpret_steal<py::object>(to_python(index(x, *items)));
    return call_python(by_arrays("get"), py::handle(self), py::handle(key));
  });
}

void assign_item(PyObject *self, py::handle key, py::handle value) {
  const NDArray &x = Box<NDArray>::of(self);
  if (!value) fail(ErrorKind::type, "delitem", "elements of an array cannot be deleted");
  auto items = to_index(x, key);
  if (!items && x.has_repeats()) assign("setitem", x, x);  // throws
  if (const NDArray *array = as_array(value)) {
    if (items) return assign("setitem", index(x, *items), *array);
    call_python(by_arrays("put"), py::handle(self), key, value);
    return;
  }
  std::optional<Scalar> scalar = to_scalar("setitem", value);
  if (!scalar) to_array("setitem", value);  // throws
  unsigned char element[kMaxItemsize];
  store_scalar("setitem", *scalar, x.dtype, element);
  NDArray target = items ? index(x, *items) : NDArray::empty("setitem", {}, x.dtype, x.device());
  if (target.has_repeats()) assign("setitem", target, target);  // throws
  if (target.size() > 0) contract::fill("setitem", element, target);
  if (!items) {
    py::object number = py::reinterpret_steal<py::object>(to_python(std::move(target)));
    call_python(by_arrays("put"), py::handle(self), key, number);
  }
}

int set_item(PyObject *self, PyObject *key, PyObject *value) {
  return static_cast<int>(guarded_number([&] {
    assign_item(self, key, value);
    return 0;
  }));
}

// The i-th row, as Python's sequences want it: i is not negative.
PyObject *row(PyObject *self, Py_ssize_t i) {
  return guarded([&] {
    const NDArray &x = Box<NDArray>::of(self);
    if (x.ndim() == 0 || i >= x.shape[0]) fail(ErrorKind::index, "getitem", "index out of range", std::to_string(i));
    return index(x, {{IndexItem::integer, i}});
  });
}

Py_ssize_t length(PyObject *self) {
  return guarded_number([&] {
    const NDArray &x = Box<NDArray>::of(self);
    if (x.ndim() == 0) fail(ErrorKind::type, "len", "an array of 0 dimensions has no length");
    return x.shape[0];
  });
}

PyObject *iterate(PyObject *self) {
  return guarded([&] {
    const NDArray &x = Box<NDArray>::of(self);
    if (x.ndim() == 0) fail(ErrorKind::type, "iter", "an array of 0 dimensions cannot be iterated over");
    py::list rows;
    for (int64_t i = 0; i < x.shape[0]; ++i)
      rows.append(py::reinterpret_steal<py::object>(to_python(index(x, {{IndexItem::integer, i}}))));
    return py::iter(rows);
  });
}

// -- the one element as a number

int truth(PyObject *self) {
  return static_cast<int>(
      guarded_number([&] { return py::cast<bool>(py::bool_(from_scalar(item(Box<NDArray>::of(self))))); }));
}

template <class Number>
PyObject *as_number(PyObject *self) {
  return guarded([&] { return Number(from_scalar(item(Box<NDArray>::of(self)))); });
}

PyObject *as_index(PyObject *self) {
  return guarded([&] {
    const NDArray &x = Box<NDArray>::of(self);
    if (info(x.dtype).kind != kInt || x.ndim() != 0)
      fail(ErrorKind::type, "index", "only an integer array of 0 dimensions can be an index",
           std::string(info(x.dtype).name) + " of shape " + x.shape.str());
    return from_scalar(item(x));
  });
}

}  // namespace

void bind_ndarray(TypeParts &type) {
  type.getter<NDArray, [](const NDArray &x) { return x.dtype; }>("dtype");
  type.getter<NDArray, [](const NDArray &x) { return to_tuple(x.shape); }>("shape");
  type.getter<NDArray, [](const NDArray &x) { return to_tuple(x.strides); }>("strides");
  type.getter<NDArray, [](const NDArray &x) { return x.offset; }>("offset");
  type.getter<NDArray, [](const NDArray &x) { return x.device(); }>("device");
  type.getter<NDArray, [](const NDArray &x) { return x.ndim(); }>("ndim");
  type.getter<NDArray, [](const NDArray &x) { return x.size(); }>("size");
  type.getter<NDArray, [](const NDArray &x) { return x.nbytes(); }>("nbytes");
  type.getter<NDArray, [](const NDArray &x) { return x.is_contiguous(); }>("is_contiguous");
  type.getter<NDArray, transpose>("T");
  type.getter<NDArray, matrix_transpose>("mT");
  type.method<NDArray, [](const NDArray &x, const NDArray &y) { return x.buffer == y.buffer; }>(
      "shares_buffer(other, /)");

  type.slot(Py_nb_bool, truth);
  type.slot(Py_nb_int, as_number<py::int_>);
  type.slot(Py_nb_float, as_number<py::float_>);
  type.slot(Py_nb_index, as_index);
  type.method<NDArray, [](const NDArray &x) {
    py::object number = from_scalar(item(x));
    return py::reinterpret_steal<py::object>(PyComplex_FromCComplex(PyComplex_AsCComplex(number.ptr())));
  }>("__complex__()");
  type.method<NDArray, to_bytes>("to_bytes()");
  type.method<NDArray, nested_list>("tolist()");
  type.method<NDArray, [](const NDArray &x) { return from_scalar(item(x)); }>("item()");

  type.method<NDArray, astype>("astype(dtype, /, *, copy=True)");
  type.method<NDArray, copy>("copy()");
  type.method<NDArray, contiguous>("contiguous()");
  type.method<NDArray, [](const NDArray &x, Arguments shape) { return reshape(x, spread("reshape", shape)); }>(
      "reshape(*shape)");
  type.method<NDArray, [](const NDArray &x, Arguments axes) { return permute_dims(x, spread("permute_dims", axes)); }>(
      "permute_dims(*axes)");
  type.method<NDArray, [](const NDArray &x, Device device, py::handle stream) {
    if (!stream.is_none())
      fail(ErrorKind::value, "to_device", "no streams here", py::str(stream), "None: a device runs in order");
    return to_device(x, device);
  }>("to_device(device, /, *, stream=None)");
  type.method<NDArray, [](const NDArray &, py::handle version) {
    return call_python(import_from("needle.ndarray.inspection", "namespace_of"), version);
  }>("__array_namespace__(*, api_version=None)");

  type.slot(Py_mp_subscript, get_item);
  type.slot(Py_mp_ass_subscript, set_item);
  type.slot(Py_mp_length, length);
  type.slot(Py_sq_item, row);
  type.slot(Py_sq_length, length);
  type.slot(Py_tp_iter, iterate);
}

}  // namespace needle::bind
