// DType, Device, the registry of backends, and the exceptions.
#include <vector>

#include "../front/contract.h"
#include "function.h"

namespace needle::bind {

namespace {

// Held for good: they are part of what the module is, and arrays outlive it at exit.
PyObject *dtype_objects[kDTypes];
std::vector<std::pair<Device, PyObject *>> device_objects;
PyObject *backend_error;
PyObject *default_device;  // null before one is chosen

}  // namespace

py::object dtype_object(DType dtype) {
  return py::reinterpret_borrow<py::object>(dtype_objects[static_cast<int>(dtype)]);
}

py::object device_object(Device device) {
  for (auto [known, object] : device_objects)
    if (known == device) return py::reinterpret_borrow<py::object>(object);
  device_objects.emplace_back(device, Box<Device>::make(Device(device)));
  return device_object(device);
}

namespace {

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

}  // namespace

void raise_current() {
  try {
    throw;
  } catch (const Error &error) {
    raise(error);
  } catch (const std::bad_alloc &) {
    raise(Error(ErrorKind::memory, "[host] out of memory"));
  } catch (py::error_already_set &error) {
    error.restore();
  } catch (const py::builtin_exception &error) {
    error.set_error();
  } catch (const std::exception &error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
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
  if (!py::isinstance(backend, import_from("needle.ndarray.backend", "Backend")))
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

void define_registry(py::module_ &m) {
  define<register_backend>(m, "add_backend(name, backend)");
  define<has_backend>(m, "has_backend(name)");
  define<get_device>(m, "get_device(name, index=0)");
  define<[]() { return py::reinterpret_borrow<py::object>(default_device ? default_device : Py_None); }>(
      m, "get_default_device()");
  define<[](Device device) { default_device = device_object(device).release().ptr(); }>(m,
                                                                                        "set_default_device(device)");
  define<[](Device device, const std::string &family, const std::string &op) {
    for (int i = 0; i < kOps; ++i) {
      const Op &known = op_info(static_cast<OpCode>(i));
      if (family_name(known.family) == family && known.name == op) return device.backend->codes[i] >= 0;
    }
    return false;
  }>(m, "supports(device, family, op)");
  define<contract::synchronize>(m, "synchronize(device)");
}

void define_memory(py::module_ &m) {
  define<Buffer::live>(m, "live_buffers()");
  define<[](Device device) {
    needle_memory stats = contract::memory_stats(device);
    py::dict result;
    result["live"] = stats.live;
    result["cached"] = stats.cached;
    result["peak"] = stats.peak;
    result["limit"] = stats.limit;
    return result;
  }>(m, "memory_stats(device)");
  define<contract::reset_peak>(m, "reset_peak_memory_stats(device)");
  define<contract::set_cache_limit>(m, "set_cache_limit(device, nbytes)");
  define<contract::empty_cache>(m, "empty_cache(device)");
}

PyObject *dtype_text(PyObject *self) { return PyUnicode_FromString(info(Box<DType>::of(self)).name); }

void make_dtype(py::module_ &m) {
  auto &type = *new TypeParts;
  type.getter<DType, [](DType d) { return info(d).name; }>("name");
  type.getter<DType, [](DType d) { return info(d).itemsize; }>("itemsize");
  type.getter<DType, [](DType d) { return kind_name(d); }>("kind");
  type.method<DType, [](DType d) { return info(d).name; }>("__reduce__()");  // pickled by name
  type.slot(Py_tp_repr, dtype_text);
  type.make<DType>(m, "DType", "use one like needle.ndarray.float32", "An element type; there is one object for each.");
  py::dict dtypes;
  for (int i = 0; i < kDTypes; ++i) {
    dtype_objects[i] = Box<DType>::make(static_cast<DType>(i));
    const char *name = info(static_cast<DType>(i)).name;
    dtypes[name] = dtype_object(static_cast<DType>(i));
    m.attr(name) = dtypes[name];
  }
  m.attr("dtypes") = dtypes;
}

void make_device(py::module_ &m) {
  auto &type = *new TypeParts;
  type.getter<Device, [](const Device &d) { return d.backend->name; }>("name");
  type.getter<Device, [](const Device &d) { return d.index; }>("index");
  type.getter<Device, [](const Device &d) { return d.backend->table.host_memory != 0; }>("host_memory");
  type.getter<Device, [](const Device &d) {
    const needle_backend &table = d.backend->table;
    return std::string(table.describe(table.context, d.index));
  }>("description");
  type.slot(Py_tp_str, +[](PyObject *self) { return guarded([&] { return Box<Device>::of(self).str(); }); });
  type.slot(
      Py_tp_repr,
      +[](PyObject *self) { return guarded([&] { return "device('" + Box<Device>::of(self).str() + "')"; }); });
  type.make<Device>(m, "Device", "use needle.ndarray.device",
                    "A device of a backend that has been loaded; there is one object for each.");
}

}  // namespace

void bind_types(py::module_ &m) {
  backend_error =
      PyErr_NewExceptionWithDoc("needle.ndarray.BackendError",
                                "A backend reported that it could not do what was asked.", PyExc_RuntimeError, nullptr);
  m.attr("BackendError") = py::handle(backend_error);
  make_dtype(m);
  make_device(m);
  define_registry(m);
  define_memory(m);
}

}  // namespace needle::bind
