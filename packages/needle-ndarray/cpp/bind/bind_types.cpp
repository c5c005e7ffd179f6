// DType, Device, the registry of backends, and the exceptions.
#include "../front/contract.h"
#include "convert.h"

namespace needle::bind {

namespace {

// Held for good: they are part of what the module is, and arrays outlive it at exit.
PyObject *dtype_objects[kDTypes];
PyObject *backend_error;
std::optional<Device> default_device;

}  // namespace

py::object dtype_object(DType dtype) {
  return py::reinterpret_borrow<py::object>(dtype_objects[static_cast<int>(dtype)]);
}

void raise(const Error &error) {
  PyObject *type = PyExc_ValueError;
  switch (error.kind) {
    case ErrorKind::value: break;
    case ErrorKind::type: type = PyExc_TypeError; break;
    case ErrorKind::index: type = PyExc_IndexError; break;
    case ErrorKind::overflow: type = PyExc_OverflowError; break;
    case ErrorKind::memory: type = PyExc_MemoryError; break;
    case ErrorKind::not_implemented: type = PyExc_NotImplementedError; break;
    case ErrorKind::buffer: type = PyExc_BufferError; break;
    case ErrorKind::backend: type = backend_error; break;
  }
  py::object exception = py::reinterpret_borrow<py::object>(type)(py::str(error.what()));
  if (py::object cause = take_backend_exception(); cause && !cause.is_none()) {
    if (!PyErr_GivenExceptionMatches(cause.ptr(), PyExc_Exception)) {  // KeyboardInterrupt: not an error of the backend
      PyErr_SetObject(py::type::handle_of(cause).ptr(), cause.ptr());
      return;
    }
    PyException_SetCause(exception.ptr(), cause.release().ptr());
  }
  PyErr_SetObject(type, exception.ptr());
}

namespace {

void register_backend(const std::string &name, const py::object &backend) {
  std::shared_ptr<void> owner;
  if (PyCapsule_CheckExact(backend.ptr())) {
    void *table = PyCapsule_GetPointer(backend.ptr(), NEEDLE_BACKEND_CAPSULE);
    if (!table) throw py::error_already_set();
    PyObject *capsule = backend.inc_ref().ptr();  // kept for good, as the backend is
    owner = std::shared_ptr<void>(capsule, [](void *) {});
    add_backend(name, *static_cast<const needle_backend *>(table), std::move(owner));
    return;
  }
  if (!py::isinstance(backend, py::module_::import("needle.ndarray.backend").attr("Backend")))
    fail(ErrorKind::type, "backend " + name, "the entry point gave no backend", py::str(py::type::of(backend)),
         "a capsule \"" NEEDLE_BACKEND_CAPSULE "\" or a needle.ndarray.Backend");
  needle_backend table = python_backend_table(backend, name, owner);
  add_backend(name, table, std::move(owner));
}

const char *kind_name(DType dtype) {
  const DTypeInfo &type = info(dtype);
  if (type.kind == kBool) return "bool";
  if (type.kind == kFloat) return "float";
  if (type.kind == kComplex) return "complex";
  return type.is_unsigned ? "uint" : "int";
}

}  // namespace

void bind_types(py::module_ &m) {
  backend_error =
      PyErr_NewExceptionWithDoc("needle.ndarray.BackendError",
                                "A backend reported that it could not do what was asked.", PyExc_RuntimeError, nullptr);
  m.attr("BackendError") = py::handle(backend_error);
  py::register_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const Error &error) {
      raise(error);
    } catch (const std::bad_alloc &) {
      raise(Error(ErrorKind::memory, "[host] out of memory"));
    }
  });

  py::class_<PyDType>(m, "DType", "An element type; there is one object for each.")
      .def_property_readonly("name", [](const PyDType &d) { return info(d.value).name; })
      .def_property_readonly("itemsize", [](const PyDType &d) { return info(d.value).itemsize; })
      .def_property_readonly("kind", [](const PyDType &d) { return kind_name(d.value); })
      .def("__repr__", [](const PyDType &d) { return info(d.value).name; })
      .def("__reduce__", [](const PyDType &d) { return info(d.value).name; });  // pickled by name
  py::dict dtypes;
  for (int i = 0; i < kDTypes; ++i) {
    dtype_objects[i] = py::cast(PyDType{static_cast<DType>(i)}).release().ptr();
    const char *name = info(static_cast<DType>(i)).name;
    dtypes[name] = dtype_object(static_cast<DType>(i));
    m.attr(name) = dtypes[name];
  }
  m.attr("dtypes") = dtypes;

  py::class_<Device>(m, "Device", "A device of a backend that has been loaded.")
      .def_property_readonly("name", [](const Device &d) { return d.backend->name; })
      .def_property_readonly("index", [](const Device &d) { return d.index; })
      .def_property_readonly("host_memory", [](const Device &d) { return d.backend->table.host_memory != 0; })
      .def_property_readonly("description",
                             [](const Device &d) {
                               const needle_backend &table = d.backend->table;
                               return std::string(table.describe(table.context, d.index));
                             })
      .def("__str__", &Device::str)
      .def("__repr__", [](const Device &d) { return "device('" + d.str() + "')"; })
      .def(
          "__eq__", [](const Device &a, const Device &b) { return a == b; }, py::is_operator())
      .def("__hash__", [](const Device &d) { return py::hash(py::str(d.str())); });

  m.def("add_backend", &register_backend);
  m.def("has_backend", &has_backend);
  m.def("get_device", &get_device, py::arg("name"), py::arg("index") = 0);
  m.def("get_default_device", [] { return default_device ? py::cast(*default_device) : py::none(); });
  m.def("set_default_device", [](const Device &device) { default_device = device; });
  m.def("synchronize", &contract::synchronize);
  m.def("live_buffers", &Buffer::live);
  m.def("memory_stats", [](const Device &device) {
    needle_memory stats = contract::memory_stats(device);
    py::dict result;
    result["live"] = stats.live;
    result["cached"] = stats.cached;
    result["peak"] = stats.peak;
    result["limit"] = stats.limit;
    return result;
  });
  m.def("reset_peak_memory_stats", &contract::reset_peak);
  m.def("set_cache_limit", &contract::set_cache_limit);
  m.def("empty_cache", &contract::empty_cache);
  m.def("supports", [](const Device &device, const std::string &family, const std::string &op) {
    const char *families[] = {"unary", "binary", "reduce", "arg_reduce", "scan", "scatter"};
    for (int i = 0; i < kOps; ++i) {
      const Op &known = op_info(static_cast<OpCode>(i));
      if (families[known.family] == family && known.name == op) return device.backend->codes[i] >= 0;
    }
    return false;
  });
}

}  // namespace needle::bind
