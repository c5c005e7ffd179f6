#include "convert.h"

#include <vector>

namespace needle::bind {

namespace {

std::string type_name(py::handle object) { return Py_TYPE(object.ptr())->tp_name; }

bool is_integer(py::handle object) { return PyIndex_Check(object.ptr()) && !as_array(object); }

// An integer in x[...]; True and False are masks there. Objects that hold many elements may have __index__ as well.
bool is_position(py::handle object) {
  return is_integer(object) && !PyBool_Check(object.ptr()) && !PySequence_Check(object.ptr());
}

bool is_sequence(py::handle object) {
  return PySequence_Check(object.ptr()) && !PyUnicode_Check(object.ptr()) && !as_array(object);
}

}  // namespace

py::object import_from(const char *module, const char *name) {
  PyObject *imported = into_python([&] { return PyImport_ImportModule(module); });
  if (!imported) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(imported).attr(name);
}

bool to_bool(const char *op, py::handle object) {
  if (PyBool_Check(object.ptr())) return object.ptr() == Py_True;
  const PyNumberMethods *number = Py_TYPE(object.ptr())->tp_as_number;  // NumPy's bool has no __index__
  if (!number || !number->nb_bool) fail(ErrorKind::type, op, "not True or False", type_name(object));
  int value = into_python([&] { return PyObject_IsTrue(object.ptr()); });
  if (value < 0) throw py::error_already_set();
  return value > 0;
}

std::string to_string(const char *op, py::handle object) {
  if (!PyUnicode_Check(object.ptr())) fail(ErrorKind::type, op, "not a text", type_name(object), "str");
  return object.cast<std::string>();
}

int64_t to_integer(const char *op, py::handle object) {
  if (!is_integer(object)) fail(ErrorKind::type, op, "not an integer", type_name(object));
  py::object number = py::reinterpret_steal<py::object>(into_python([&] { return PyNumber_Index(object.ptr()); }));
  if (!number) throw py::error_already_set();
  int overflow;
  int64_t value = PyLong_AsLongLongAndOverflow(number.ptr(), &overflow);
  if (overflow) fail(ErrorKind::overflow, op, "the number does not fit into 64 bits", py::str(number));
  return value;
}

uint64_t to_word(const char *op, py::handle object) {
  std::optional<Scalar> number = is_integer(object) ? to_scalar(op, object) : std::nullopt;
  if (!number) fail(ErrorKind::type, op, "not an integer", type_name(object));
  if (number->is_negative) fail(ErrorKind::overflow, op, "a negative number", py::str(object), "0 to 2^64 - 1");
  return number->integer;
}

double to_real(const char *op, py::handle object) {
  std::optional<Scalar> number = to_scalar(op, object);
  if (!number || number->kind == kComplex) fail(ErrorKind::type, op, "not a real number", type_name(object));
  return PyFloat_AsDouble(object.ptr());
}

py::sequence to_sequence(const char *op, py::handle object) {
  if (!is_sequence(object)) fail(ErrorKind::type, op, "not a sequence", type_name(object));
  return py::reinterpret_borrow<py::sequence>(object);
}

Dims to_dims(const char *op, py::handle object) {
  if (is_integer(object)) return {to_integer(op, object)};
  if (!is_sequence(object)) fail(ErrorKind::type, op, "not an integer or a sequence of integers", type_name(object));
  Dims dims;
  for (py::handle item : to_sequence(op, object)) dims.push(to_integer(op, item));
  return dims;
}

std::optional<Dims> to_axes(const char *op, py::handle object) {
  if (object.is_none()) return std::nullopt;
  return to_dims(op, object);
}

DType to_dtype(const char *op, py::handle object) {
  if (const DType *dtype = Box<DType>::find(object.ptr())) return *dtype;
  fail(ErrorKind::type, op, "not a dtype", std::string(py::repr(object)), "one like needle.ndarray.float32");
}

std::optional<bool> to_copy(const char *op, py::handle object) {
  if (object.is_none()) return std::nullopt;
  if (!PyBool_Check(object.ptr())) fail(ErrorKind::type, op, "copy is not True, False or None", type_name(object));
  return object.ptr() == Py_True;
}

Device to_device_or_default(py::handle object) {
  if (const Device *device = Box<Device>::find(object.ptr())) return *device;
  // Names and the default are resolved by the registry, which loads plugins when they are first asked for.
  return Box<Device>::of(call_python(import_from("needle.ndarray.devices", "device"), object).ptr());
}

std::optional<Scalar> to_scalar(const char *op, py::handle object) {
  PyObject *o = object.ptr();
  if (PyBool_Check(o)) return Scalar{kBool, 0, o == Py_True, false};
  if (PyFloat_Check(o)) return Scalar{kFloat, PyFloat_AS_DOUBLE(o)};
  if (PyComplex_Check(o))
    return Scalar{.kind = kComplex, .real = PyComplex_RealAsDouble(o), .imag = PyComplex_ImagAsDouble(o)};
  if (!is_integer(object)) return std::nullopt;
  py::object number = py::reinterpret_steal<py::object>(into_python([&] { return PyNumber_Index(o); }));
  if (!number) throw py::error_already_set();
  int overflow;
  int64_t value = PyLong_AsLongLongAndOverflow(number.ptr(), &overflow);
  if (!overflow) return Scalar{kInt, 0, static_cast<uint64_t>(value), value < 0};
  uint64_t large = overflow > 0 ? PyLong_AsUnsignedLongLong(number.ptr()) : 0;
  if (overflow < 0 || PyErr_Occurred()) {
    PyErr_Clear();
    fail(ErrorKind::overflow, op, "the number fits into no integer dtype", py::str(number));
  }
  return Scalar{kInt, 0, large, false};
}

const NDArray &to_array(const char *op, py::handle object) {
  if (const NDArray *array = as_array(object)) return *array;
  fail(ErrorKind::type, op, "not an array", type_name(object), "NDArray", "make one with needle.ndarray.asarray");
}

Operands::Operands(const char *op, py::handle x, py::handle y) : x_(as_array(x)), y_(as_array(y)) {
  if (x_ && y_) return;
  const NDArray *array = x_ ? x_ : y_;
  std::optional<Scalar> scalar = array ? to_scalar(op, x_ ? y : x) : std::nullopt;
  if (!scalar) to_array(op, x_ ? y : x);  // throws
  number_ = scalar_beside(op, *scalar, *array);
  (x_ ? y_ : x_) = &*number_;
}

std::optional<std::vector<IndexItem>> to_index(const NDArray &x, py::handle key) {
  std::vector<py::handle> parts;
  if (PyTuple_Check(key.ptr())) {
    for (py::handle part : py::reinterpret_borrow<py::tuple>(key)) parts.push_back(part);
  } else {
    parts.push_back(key);
  }
  int taken = 0, ellipses = 0;
  for (py::handle part : parts) {
    if (part.ptr() == Py_Ellipsis) {
      ++ellipses;
    } else if (PySlice_Check(part.ptr()) || is_position(part)) {
      ++taken;
    } else if (!part.is_none()) {
      return std::nullopt;
    }
  }
  if (ellipses > 1) fail(ErrorKind::index, "getitem", "more than one ellipsis");
  if (taken > x.ndim())
    fail(ErrorKind::index, "getitem", "too many indices", std::to_string(taken),
         "at most " + std::to_string(x.ndim()) + ", for shape " + x.shape.str());
  std::vector<IndexItem> items;
  int axis = 0;
  for (py::handle part : parts) {
    if (part.is_none()) {
      items.push_back({IndexItem::new_axis});
    } else if (part.ptr() == Py_Ellipsis) {
      for (int rest = x.ndim() - taken; rest-- > 0; ++axis) items.push_back({IndexItem::slice, 0, 1, x.shape[axis]});
    } else if (PySlice_Check(part.ptr())) {
      Py_ssize_t start, stop, step;
      if (PySlice_Unpack(part.ptr(), &start, &stop, &step) < 0) throw py::error_already_set();
      Py_ssize_t count = PySlice_AdjustIndices(x.shape[axis++], &start, &stop, step);
      items.push_back({IndexItem::slice, start, step, count});
    } else {
      int64_t at = to_integer("getitem", part), extent = x.shape[axis];
      if (at < -extent || at >= extent)
        fail(ErrorKind::index, "getitem", "index out of range",
             std::to_string(at) + " for axis " + std::to_string(axis) + " of shape " + x.shape.str());
      items.push_back({IndexItem::integer, at < 0 ? at + extent : at});
      ++axis;
    }
  }
  return items;
}

py::object from_scalar(const Scalar &value) {
  if (value.kind == kBool) return py::bool_(value.integer != 0);
  if (value.kind == kFloat) return py::float_(value.real);
  if (value.kind == kComplex) return py::reinterpret_steal<py::object>(PyComplex_FromDoubles(value.real, value.imag));
  if (value.is_negative) return py::int_(static_cast<int64_t>(value.integer));
  return py::int_(value.integer);
}

py::tuple to_tuple(const Dims &dims) {
  py::tuple result(dims.size());
  for (int i = 0; i < dims.size(); ++i) PyTuple_SET_ITEM(result.ptr(), i, PyLong_FromLongLong(dims[i]));
  return result;
}

namespace {

py::object nested(const NDArray &x, const unsigned char *&element, int axis) {
  if (axis == x.ndim()) {
    py::object value = from_scalar(load_scalar(x.dtype, element));
    element += info(x.dtype).itemsize;
    return value;
  }
  py::list list(x.shape[axis]);
  for (int64_t i = 0; i < x.shape[axis]; ++i)
    PyList_SET_ITEM(list.ptr(), i, nested(x, element, axis + 1).release().ptr());
  return list;
}

}  // namespace

py::object nested_list(const NDArray &x) {
  std::vector<unsigned char> host(static_cast<size_t>(x.nbytes()));
  to_host(x, host.data());
  const unsigned char *element = host.data();
  return nested(x, element, 0);
}

}  // namespace needle::bind
