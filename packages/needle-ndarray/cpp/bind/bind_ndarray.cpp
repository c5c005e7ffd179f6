// NDArray's attributes, conversions, views and indexing.
#include "../front/contract.h"
#include "convert.h"

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
Dims spread(const char *op, const py::args &args) {
  if (args.size() == 1 && !PyIndex_Check(args[0].ptr())) return to_dims(op, args[0]);
  return to_dims(op, args);
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
py::object by_arrays(const char *function) { return py::module_::import("needle.ndarray.indexing").attr(function); }

py::object get_item(const py::object &self, py::handle key) {
  const NDArray &x = self.cast<const NDArray &>();
  if (auto items = to_index(x, key)) return py::cast(index(x, *items));
  return by_arrays("get")(self, key);
}

void set_item(const py::object &self, py::handle key, py::handle value) {
  const NDArray &x = self.cast<const NDArray &>();
  auto items = to_index(x, key);
  if (!items && x.has_repeats()) assign("setitem", x, x);  // throws
  if (const NDArray *array = as_array(value)) {
    if (items) return assign("setitem", index(x, *items), *array);
    by_arrays("put")(self, key, value);
    return;
  }
  std::optional<Scalar> scalar = to_scalar("setitem", value);
  if (!scalar) to_array("setitem", value);  // throws
  unsigned char element[kMaxItemsize];
  store_scalar("setitem", *scalar, x.dtype, element);
  NDArray target = items ? index(x, *items) : NDArray::empty("setitem", {}, x.dtype, x.device());
  if (target.has_repeats()) assign("setitem", target, target);  // throws
  if (target.size() > 0) contract::fill(element, target);
  if (!items) by_arrays("put")(self, key, py::cast(target));
}

}  // namespace

void bind_ndarray(py::class_<NDArray> &cls) {
  cls.def_property_readonly("dtype", [](const NDArray &x) { return dtype_object(x.dtype); })
      .def_property_readonly("shape", [](const NDArray &x) { return to_tuple(x.shape); })
      .def_property_readonly("strides", [](const NDArray &x) { return to_tuple(x.strides); })
      .def_property_readonly("offset", [](const NDArray &x) { return x.offset; })
      .def_property_readonly("device", &NDArray::device)
      .def_property_readonly("ndim", &NDArray::ndim)
      .def_property_readonly("size", &NDArray::size)
      .def_property_readonly("nbytes", &NDArray::nbytes)
      .def_property_readonly("is_contiguous", &NDArray::is_contiguous)
      .def_property_readonly("T", &transpose)
      .def_property_readonly("mT", &matrix_transpose)
      .def("shares_buffer", [](const NDArray &x, const NDArray &y) { return x.buffer == y.buffer; }, py::pos_only());

  cls.def("to_bytes", &to_bytes)
      .def("tolist", &nested_list)
      .def("item", [](const NDArray &x) { return from_scalar(item(x)); })
      .def("__bool__", [](const NDArray &x) { return py::bool_(from_scalar(item(x))); })
      .def("__int__", [](const NDArray &x) { return py::int_(from_scalar(item(x))); })
      .def("__complex__",
           [](const NDArray &x) {
             py::handle type(reinterpret_cast<PyObject *>(&PyComplex_Type));
             return type(from_scalar(item(x)));
           })
      .def("__float__", [](const NDArray &x) { return py::float_(from_scalar(item(x))); })
      .def("__index__", [](const NDArray &x) {
        if (info(x.dtype).kind != kInt || x.ndim() != 0)
          fail(ErrorKind::type, "index", "only an integer array of 0 dimensions can be an index",
               std::string(info(x.dtype).name) + " of shape " + x.shape.str());
        return from_scalar(item(x));
      });

  cls.def(
         "astype",
         [](const NDArray &x, py::handle dtype, bool copy) { return astype(x, to_dtype("astype", dtype), copy); },
         py::arg("dtype"), py::pos_only(), py::kw_only(), py::arg("copy") = true)
      .def("copy", &copy)
      .def("contiguous", &contiguous)
      .def("reshape", [](const NDArray &x, const py::args &shape) { return reshape(x, spread("reshape", shape)); })
      .def("permute_dims",
           [](const NDArray &x, const py::args &axes) { return permute_dims(x, spread("permute_dims", axes)); })
      .def(
          "to_device",
          [](const NDArray &x, py::handle device, py::handle stream) {
            if (!stream.is_none())
              fail(ErrorKind::value, "to_device", "no streams here", py::str(stream), "None: a device runs in order");
            return to_device(x, to_device_or_default(device));
          },
          py::arg("device"), py::pos_only(), py::kw_only(), py::arg("stream") = py::none())
      .def(
          "__array_namespace__",
          [](const NDArray &, py::handle version) {
            return py::module_::import("needle.ndarray.inspection").attr("namespace_of")(version);
          },
          py::pos_only(), py::kw_only(), py::arg("api_version") = py::none());

  cls.def("__getitem__", &get_item)
      .def("__setitem__", &set_item)
      .def("__len__",
           [](const NDArray &x) {
             if (x.ndim() == 0) fail(ErrorKind::type, "len", "an array of 0 dimensions has no length");
             return x.shape[0];
           })
      .def("__iter__", [](const NDArray &x) {
        if (x.ndim() == 0) fail(ErrorKind::type, "iter", "an array of 0 dimensions cannot be iterated over");
        py::list rows;
        for (int64_t i = 0; i < x.shape[0]; ++i) rows.append(index(x, {{IndexItem::integer, i}}));
        return py::iter(rows);
      });
}

}  // namespace needle::bind
