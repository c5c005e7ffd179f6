// The contract's table for a backend that is written in Python: each function calls the method of its name.
#include "convert.h"

namespace needle::bind {

namespace {

struct PythonBackend {
  // The method's result. Arguments are made to objects, whose references outlive the call.
  template <class... Args>
  py::object call(const char *method, const Args &...args) {
    return call_python(self.attr(method), object(args)...);
  }
  static py::handle object(py::handle value) { return value; }
  template <class T>
  static py::object object(const T &value)
    requires(!std::is_base_of_v<py::handle, T>)
  {
    return py::cast(value);
  }

  py::object self;  // the Backend
  py::object view;  // needle.ndarray.backend.View
  std::string name;
  std::vector<py::str> op_names[7];  // by family: an op's code is its place
};

thread_local std::string last_error_text, description;
thread_local PyObject *last_exception = nullptr;

void remember(PyObject *exception) { Py_XSETREF(last_exception, exception); }

// Runs `body` with the GIL and turns an exception of Python's into a status; the exception itself is kept as the cause.
template <class Body>
needle_status guarded(void *context, Body body) {
  Gil gil;
  try {
    body(*static_cast<PythonBackend *>(context));
    return NEEDLE_OK;
  } catch (py::error_already_set &error) {
    needle_status status = error.matches(PyExc_MemoryError)           ? NEEDLE_OUT_OF_MEMORY
                           : error.matches(PyExc_IndexError)          ? NEEDLE_INDEX_ERROR
                           : error.matches(PyExc_NotImplementedError) ? NEEDLE_UNSUPPORTED
                                                                      : NEEDLE_ERROR;
    bool speaks_for_itself = status != NEEDLE_ERROR;
    last_error_text = speaks_for_itself ? std::string(py::str(error.value())) : std::string(error.what());
    if (!speaks_for_itself) last_error_text = last_error_text.substr(0, last_error_text.find('\n'));
    remember(error.value().inc_ref().ptr());
    return status;
  } catch (const std::exception &error) {
    last_error_text = error.what();
    return NEEDLE_ERROR;
  }
}

py::object to_view(const PythonBackend &b, const DLTensor *t) {
  if (!t) return py::none();
  DType dtype = *find_dtype(t->dtype);
  Dims shape, strides;
  for (int i = 0; i < t->ndim; ++i) {
    shape.push(t->shape[i]);
    strides.push(t->strides[i]);
  }
  return call_python(b.view, py::handle(static_cast<PyObject *>(t->data)), dtype_object(dtype), to_tuple(shape),
                     to_tuple(strides), py::int_(t->byte_offset / static_cast<uint64_t>(info(dtype).itemsize)));
}

int32_t device_count(void *context) {
  Gil gil;
  return static_cast<PythonBackend *>(context)->call("device_count").cast<int32_t>();
}

const char *describe(void *context, int32_t device) {
  Gil gil;
  description = static_cast<PythonBackend *>(context)->call("describe", device).cast<std::string>();
  return description.c_str();
}

int32_t op(void *context, needle_family family, const char *name) {
  Gil gil;
  auto &b = *static_cast<PythonBackend *>(context);
  if (!b.call("supports", family_name(family), name).cast<bool>()) return -1;
  b.op_names[family].emplace_back(name);
  return static_cast<int32_t>(b.op_names[family].size()) - 1;
}

const char *last_error(void *) { return last_error_text.c_str(); }

needle_status alloc(void *context, int32_t device, size_t nbytes, void **data) {
  return guarded(context, [&](PythonBackend &b) { *data = b.call("alloc", nbytes, device).release().ptr(); });
}

void free_buffer(void *, int32_t, void *data, size_t) {
  if (!Py_IsInitialized()) return;  // the interpreter is gone, and its objects with it
  Gil gil;
  Py_DECREF(static_cast<PyObject *>(data));
}

py::handle buffer_handle(const void *data) { return static_cast<PyObject *>(const_cast<void *>(data)); }

needle_status upload(void *context, int32_t, const void *host, void *data, size_t offset, size_t nbytes) {
  return guarded(context, [&](PythonBackend &b) {
    b.call("upload", py::memoryview::from_memory(host, static_cast<ssize_t>(nbytes)), buffer_handle(data), offset);
  });
}

needle_status download(void *context, int32_t, const void *data, size_t offset, void *host, size_t nbytes) {
  return guarded(context, [&](PythonBackend &b) {
    b.call("download", buffer_handle(data), offset, py::memoryview::from_memory(host, static_cast<ssize_t>(nbytes)));
  });
}

needle_status synchronize(void *context, int32_t device) {
  return guarded(context, [&](PythonBackend &b) { b.call("synchronize", device); });
}

needle_status fill(void *context, const void *value, needle_out out) {
  return guarded(context, [&](PythonBackend &b) {
    b.call("fill", from_scalar(load_scalar(*find_dtype(out->dtype), value)), to_view(b, out));
  });
}

needle_status sort(void *context, needle_in a, int32_t axis, int32_t descending, needle_out values,
                   needle_out indices) {
  return guarded(context, [&](PythonBackend &b) {
    b.call("sort", to_view(b, a), axis, descending != 0, to_view(b, values), to_view(b, indices));
  });
}

needle_status random_bits(void *context, uint64_t key, uint64_t counter, needle_out out) {
  return guarded(context, [&](PythonBackend &b) { b.call("random_bits", key, counter, to_view(b, out)); });
}

needle_status composite(void *context, int32_t op, const needle_arguments *arguments) {
  return guarded(context, [&](PythonBackend &b) {
    py::list inputs, outputs, integers, reals;
    for (int i = 0; i < arguments->n_inputs; ++i) inputs.append(to_view(b, arguments->inputs[i]));
    for (int i = 0; i < arguments->n_outputs; ++i) outputs.append(to_view(b, arguments->outputs[i]));
    for (int i = 0; i < arguments->n_integers; ++i) integers.append(arguments->integers[i]);
    for (int i = 0; i < arguments->n_reals; ++i) reals.append(arguments->reals[i]);
    b.call("composite", b.op_names[NEEDLE_COMPOSITE][static_cast<size_t>(op)], inputs, outputs, integers, reals);
  });
}

// The regular functions: [op,] views and axes in the table's order, under the table's name.
#define NAME(family, code) b.op_names[family][static_cast<size_t>(code)]
#define METHOD(function, parameters, ...)                                               \
  needle_status function parameters {                                                   \
    return guarded(context, [&](PythonBackend &b) { b.call(#function, __VA_ARGS__); }); \
  }
METHOD(copy, (void *context, needle_in a, needle_out out), to_view(b, a), to_view(b, out))
METHOD(iota, (void *context, needle_out out), to_view(b, out))
METHOD(unary, (void *context, int32_t op, needle_in a, needle_out out), NAME(NEEDLE_UNARY, op), to_view(b, a),
       to_view(b, out))
METHOD(binary, (void *context, int32_t op, needle_in x, needle_in y, needle_out out), NAME(NEEDLE_BINARY, op),
       to_view(b, x), to_view(b, y), to_view(b, out))
METHOD(where, (void *context, needle_in c, needle_in x, needle_in y, needle_out out), to_view(b, c), to_view(b, x),
       to_view(b, y), to_view(b, out))
METHOD(cast, (void *context, needle_in a, needle_out out), to_view(b, a), to_view(b, out))
METHOD(reduce, (void *context, int32_t op, needle_in a, needle_out out), NAME(NEEDLE_REDUCE, op), to_view(b, a),
       to_view(b, out))
METHOD(arg_reduce, (void *context, int32_t op, needle_in a, int32_t axis, needle_out out), NAME(NEEDLE_ARG_REDUCE, op),
       to_view(b, a), axis, to_view(b, out))
METHOD(scan, (void *context, int32_t op, needle_in a, int32_t axis, needle_out out), NAME(NEEDLE_SCAN, op),
       to_view(b, a), axis, to_view(b, out))
METHOD(matmul, (void *context, needle_in x, needle_in y, needle_out out), to_view(b, x), to_view(b, y), to_view(b, out))
METHOD(gather, (void *context, needle_in a, needle_in indices, int32_t axis, needle_out out), to_view(b, a),
       to_view(b, indices), axis, to_view(b, out))
METHOD(scatter, (void *context, int32_t op, needle_in a, needle_in indices, int32_t axis, needle_out out),
       NAME(NEEDLE_SCATTER, op), to_view(b, a), to_view(b, indices), axis, to_view(b, out))
#undef METHOD
#undef NAME

}  // namespace

py::object take_backend_exception() {
  return py::reinterpret_steal<py::object>(std::exchange(last_exception, nullptr));
}

needle_backend python_backend_table(py::object backend, const std::string &name, std::shared_ptr<void> &owner) {
  // Never freed, like the backend that it stands for.
  auto *b = new PythonBackend{std::move(backend), import_from("needle.ndarray.backend", "View"), name, {}};
  owner = std::shared_ptr<void>(b, [](void *) {});
  needle_backend table = {};
  table.api_version = NEEDLE_BACKEND_API_VERSION;
  table.size = sizeof table;
  table.name = b->name.c_str();
  table.host_memory = 0;
  table.context = b;
  table.device_count = device_count;
  table.describe = describe;
  table.op = op;
  table.last_error = last_error;
  table.alloc = alloc;
  table.free = free_buffer;
  table.upload = upload;
  table.download = download;
  table.copy = copy;
  table.synchronize = synchronize;
  table.fill = fill;
  table.iota = iota;
  table.unary = unary;
  table.binary = binary;
  table.where = where;
  table.cast = cast;
  table.reduce = reduce;
  table.arg_reduce = arg_reduce;
  table.scan = scan;
  table.sort = sort;
  table.matmul = matmul;
  table.gather = gather;
  table.scatter = scatter;
  table.random_bits = random_bits;
  table.composite = composite;
  return table;
}

}  // namespace needle::bind
