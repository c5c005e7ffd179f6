// NDArray's attributes, conversions, views and indexing.
#include "../front/contract.h"
#include "convert.h"

namespace needle::bind {

namespace {

py::bytes to_bytes(const NDArray &x) {
  py::bytes result(nullptr, static_cast<size_t>(x.nbytes()));
  to_host(x, PyBytes_AS_STRING(result.ptr()));
  return result;
}

// Exports the memory itself, of arrays whose backend keeps them where the host can read.
py::buffer_info buffer_info(const NDArray &x) {
  const DTypeInfo &type = info(x.dtype);
  if (!x.device().backend->table.host_memory)
    fail(ErrorKind::buffer, "buffer", "the host cannot read this device's memory", "device " + x.device().str(), "",
         "use .numpy() or .to_device(\"cpu\")");
  if (!type.format)
    fail(ErrorKind::buffer, "buffer", "the buffer protocol has no such element type", type.name, "",
         "cast it with astype(float32)");
  std::vector<py::ssize_t> strides;
  for (int64_t stride : x.strides) strides.push_back(stride * type.itemsize);
  return py::buffer_info(static_cast<char *>(x.buffer->data) + x.offset * type.itemsize, type.itemsize, type.format,
                         x.ndim(), {x.shape.begin(), x.shape.end()}, strides);
}

py::object to_numpy(const py::object &self) {
  const NDArray &x = self.cast<const NDArray &>();
  const DTypeInfo &type = info(x.dtype);
  if (!type.format)
    fail(ErrorKind::type, "numpy", "NumPy has no such element type", type.name, "", "cast it with astype(float32)");
  py::module_ numpy = py::module_::import("numpy");
  if (x.device().backend->table.host_memory) return numpy.attr("asarray")(self);
  py::object flat = numpy.attr("frombuffer")(py::bytearray(to_bytes(x)), type.name);
  return flat.attr("reshape")(to_tuple(x.shape));
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

Dims reversed_axes(const NDArray &x) {
  Dims axes;
  for (int i = x.ndim(); i-- > 0;) axes.push(i);
  return axes;
}

NDArray matrix_transpose(const NDArray &x) {
  if (x.ndim() < 2) fail(ErrorKind::value, "mT", "fewer than 2 dimensions", "shape " + x.shape.str());
  return transpose_last(x);
}

void set_item(const NDArray &x, py::handle key, py::handle value) {
  NDArray target = index(x, to_index(x, key));
  if (const NDArray *array = as_array(value)) return assign("setitem", target, *array);
  std::optional<Scalar> scalar = to_scalar("setitem", value);
  if (!scalar) to_array("setitem", value);  // throws
  unsigned char element[kMaxItemsize];
  store_scalar("setitem", *scalar, x.dtype, element);
  if (target.has_repeats()) assign("setitem", target, target);  // throws
  if (target.size() > 0) contract::fill(element, target);
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
      .def_property_readonly("T", [](const NDArray &x) { return permute_dims(x, reversed_axes(x)); })
      .def_property_readonly("mT", &matrix_transpose)
      .def("shares_buffer", [](const NDArray &x, const NDArray &y) { return x.buffer == y.buffer; }, py::pos_only());

  cls.def_buffer(&buffer_info)
      .def("to_bytes", &to_bytes)
      .def("numpy", &to_numpy)
      .def("tolist", &nested_list)
      .def("item", [](const NDArray &x) { return from_scalar(item(x)); })
      .def("__bool__", [](const NDArray &x) { return py::bool_(from_scalar(item(x))); })
      .def("__int__", [](const NDArray &x) { return py::int_(from_scalar(item(x))); })
      .def("__float__", [](const NDArray &x) { return py::float_(from_scalar(item(x))); })
      .def("__complex__",
           [](const NDArray &x) {
             py::handle type(reinterpret_cast<PyObject *>(&PyComplex_Type));
             return type(from_scalar(item(x)));
           })
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
          "to_device", [](const NDArray &x, py::handle device) { return to_device(x, to_device_or_default(device)); },
          py::arg("device"), py::pos_only());

  cls.def("__getitem__", [](const NDArray &x, py::handle key) { return index(x, to_index(x, key)); })
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
