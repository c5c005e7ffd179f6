// Memory that is shared with other libraries: the buffer protocol and DLPack, each in both directions.
#include <vector>

#include "function.h"

namespace needle::bind {

namespace {

// -- the buffer protocol

Dims reversed_axes(int ndim) {
  Dims axes;
  for (int i = ndim; i-- > 0;) axes.push(i);
  return axes;
}

// Exports the memory itself, of arrays whose backend keeps them where the host can read. `internal` holds the shape,
// then the strides in bytes.
void fill_buffer(const NDArray &x, PyObject *self, Py_buffer *view, int flags) {
  const DTypeInfo &type = info(x.dtype);
  if (!x.device().backend->table.host_memory)
    fail(ErrorKind::buffer, "buffer", "the host cannot read this device's memory", "device " + x.device().str(), "",
         "use .numpy() or .to_device(\"cpu\")");
  if (!type.format)
    fail(ErrorKind::buffer, "buffer", "the buffer protocol has no such element type", type.name, "",
         "cast it with astype(float32)");
  auto wants = [&](int flag) { return (flags & flag) == flag; };
  bool in_order = x.is_contiguous(), reversed = permute_dims(x, reversed_axes(x.ndim())).is_contiguous();
  if (wants(PyBUF_ANY_CONTIGUOUS) ? !in_order && !reversed
      : wants(PyBUF_F_CONTIGUOUS) ? !reversed
                                  : (wants(PyBUF_C_CONTIGUOUS) || !wants(PyBUF_STRIDES)) && !in_order)
    fail(ErrorKind::buffer, "buffer", "the elements do not lie in the order that is asked for",
         "shape " + x.shape.str() + " with strides " + x.strides.str(), "", "use .contiguous()");
  auto layout = std::make_unique<Py_ssize_t[]>(2 * static_cast<size_t>(x.ndim()) + 1);
  for (int i = 0; i < x.ndim(); ++i) {
    layout[i] = x.shape[i];
    layout[x.ndim() + i] = x.strides[i] * type.itemsize;
  }
  view->buf = static_cast<char *>(x.buffer->data) + x.offset * type.itemsize;
  view->len = x.nbytes();
  view->itemsize = type.itemsize;
  view->readonly = 0;
  view->ndim = x.ndim();
  view->format = wants(PyBUF_FORMAT) ? const_cast<char *>(type.format) : nullptr;
  view->shape = wants(PyBUF_ND) ? layout.get() : nullptr;
  view->strides = wants(PyBUF_STRIDES) ? layout.get() + x.ndim() : nullptr;
  view->suboffsets = nullptr;
  view->internal = layout.release();
  view->obj = Py_NewRef(self);
}

int get_buffer(PyObject *self, Py_buffer *view, int flags) {
  view->obj = nullptr;
  return static_cast<int>(guarded_number([&] {
    fill_buffer(Box<NDArray>::of(self), self, view, flags);
    return 0;
  }));
}

void release_buffer(PyObject *, Py_buffer *view) { delete[] static_cast<Py_ssize_t *>(view->internal); }

DType dtype_of(const py::buffer_info &source) {
  std::string format = source.format;
  if (format.size() > 1 && std::string("@=<").find(format[0]) != std::string::npos) format.erase(0, 1);
  // "l" and "q" may both be 64 bits, and so on: the letter decides the kind, itemsize the width.
  if (format == "l" || format == "q") format = source.itemsize == 4 ? "i" : "q";
  if (format == "L" || format == "Q") format = source.itemsize == 4 ? "I" : "Q";
  for (int i = 0; i < kDTypes; ++i) {
    const DTypeInfo &type = info(static_cast<DType>(i));
    if (type.format && format == type.format && type.itemsize == source.itemsize) return static_cast<DType>(i);
  }
  fail(ErrorKind::type, "asarray", "no dtype for elements of this format", "\"" + source.format + "\"",
       "bool, integers or floats in native byte order");
}

// What the object shows of its memory; the exception is the exporter's where it shows none.
py::buffer_info request(const py::object &data) { return py::reinterpret_borrow<py::buffer>(data).request(); }

NDArray from_buffer(const py::object &data, Device device, py::handle copy) {
  auto *view = new py::buffer_info(request(data));
  std::shared_ptr<void> owner = lent<py::buffer_info>(view, [](py::buffer_info *view) { delete view; });
  Foreign source{view->ptr, dtype_of(*view), {}, {}, view->readonly, std::move(owner)};
  for (py::ssize_t extent : view->shape) source.shape.push(extent);
  for (py::ssize_t stride : view->strides) source.strides.push(stride);
  return from_foreign("asarray", ErrorKind::value, source, device, to_copy("asarray", copy));
}

NDArray from_bytes(const py::object &data, DType dtype, const Dims &shape, Device device, py::handle copy) {
  auto *view = new py::buffer_info(request(data));
  std::shared_ptr<void> owner = lent<py::buffer_info>(view, [](py::buffer_info *view) { delete view; });
  Foreign source{view->ptr, dtype, shape, {}, view->readonly, std::move(owner)};
  int64_t itemsize = info(source.dtype).itemsize, size = checked_size("from_bytes", source.shape, itemsize);
  if (view->size * view->itemsize != size * itemsize)
    fail(ErrorKind::value, "from_bytes", "the number of bytes does not fit the shape",
         std::to_string(view->size * view->itemsize),
         std::to_string(size * itemsize) + ", for shape " + source.shape.str());
  if (!PyBuffer_IsContiguous(view->view(), 'C'))
    fail(ErrorKind::value, "from_bytes", "the bytes do not lie in one run");
  source.strides = row_major_strides(source.shape);
  for (int64_t &stride : source.strides) stride *= itemsize;
  return from_foreign("from_bytes", ErrorKind::value, source, device, to_copy("from_bytes", copy));
}

// -- DLPack (https://dmlc.github.io/dlpack): the two structs that a capsule may hold, as its ABI lays them out

struct Managed {
  static constexpr const char *name = "dltensor", *used = "used_dltensor";
  DLTensor tensor;
  void *context;
  void (*deleter)(Managed *);
};

struct Versioned {
  static constexpr const char *name = "dltensor_versioned", *used = "used_dltensor_versioned";
  uint32_t major, minor;
  void *context;
  void (*deleter)(Versioned *);
  uint64_t flags;
  DLTensor tensor;
};

constexpr uint32_t kMajor = 1, kMinor = 0;  // the version that we speak
constexpr uint64_t kReadOnly = 1, kCopied = 2;
constexpr int32_t kHost = 1;  // the type of the device that is host memory

template <class M>
void release(M *managed) {
  if (managed->deleter) managed->deleter(managed);
}

// A capsule that holds the array, which lies in host memory, until its consumer or its end calls the deleter.
template <class M>
py::object to_capsule(const NDArray &x, bool is_copy) {
  struct Export {
    NDArray array;
    M managed;
  };
  auto *held = new Export{x, {}};
  NDArray &array = held->array;
  DLTensor &tensor = held->managed.tensor;
  tensor.data = static_cast<char *>(array.buffer->data) + array.offset * info(array.dtype).itemsize;
  tensor.device = {kHost, 0};
  tensor.ndim = array.ndim();
  tensor.dtype = info(array.dtype).dl;
  tensor.shape = array.shape.begin();
  tensor.strides = array.strides.begin();
  held->managed.context = held;
  held->managed.deleter = [](M *managed) { delete static_cast<Export *>(managed->context); };
  if constexpr (std::is_same_v<M, Versioned>) {
    held->managed.major = kMajor;
    held->managed.minor = kMinor;
    held->managed.flags = is_copy ? kCopied : 0;
  }
  PyObject *capsule = PyCapsule_New(&held->managed, M::name, [](PyObject *capsule) {
    if (!PyCapsule_IsValid(capsule, M::name)) return;  // its consumer has taken it over
    release(static_cast<M *>(PyCapsule_GetPointer(capsule, M::name)));
  });
  if (!capsule) {
    delete held;
    throw py::error_already_set();
  }
  return py::reinterpret_steal<py::object>(capsule);
}

py::object to_dlpack(const NDArray &x, py::handle stream, py::handle max_version, py::handle dl_device,
                     py::handle copy_argument) {
  if (!stream.is_none())
    fail(ErrorKind::buffer, "dlpack", "host memory has no streams", py::str(stream), "stream=None");
  if (!dl_device.is_none() && !dl_device.equal(py::make_tuple(kHost, 0)))
    fail(ErrorKind::buffer, "dlpack", "cannot export to this device", "dl_device=" + std::string(py::str(dl_device)),
         "(1, 0), which is host memory");
  bool in_host_memory = x.device().backend->table.host_memory;
  std::optional<bool> copy = to_copy("dlpack", copy_argument);
  if (copy == false && !in_host_memory)
    fail(ErrorKind::buffer, "dlpack", "host memory takes a copy", "device " + x.device().str(), "",
         "with copy=None it is copied");
  bool is_copy = copy == true || !in_host_memory;
  NDArray exported = !in_host_memory ? to_device(x, to_device_or_default(py::str("cpu")))
                     : is_copy       ? needle::copy(x)
                                     : x;
  bool is_versioned = !max_version.is_none() && max_version[py::int_(0)].cast<uint32_t>() >= kMajor;
  return is_versioned ? to_capsule<Versioned>(exported, is_copy) : to_capsule<Managed>(exported, is_copy);
}

template <class M>
NDArray from_capsule(py::handle capsule, Device device, std::optional<bool> copy) {
  auto *managed = static_cast<M *>(PyCapsule_GetPointer(capsule.ptr(), M::name));
  PyCapsule_SetName(capsule.ptr(), M::used);  // the deleter is ours to call from here on
  std::shared_ptr<void> owner = lent<M>(managed, &release<M>);
  bool is_read_only = false;
  if constexpr (std::is_same_v<M, Versioned>) {
    if (managed->major != kMajor)
      fail(ErrorKind::buffer, "from_dlpack", "the exporter speaks another version of DLPack",
           std::to_string(managed->major) + "." + std::to_string(managed->minor), std::to_string(kMajor) + ".x");
    is_read_only = managed->flags & kReadOnly;
  }
  const DLTensor &tensor = managed->tensor;
  if (tensor.device.device_type != kHost)
    fail(ErrorKind::buffer, "from_dlpack", "the memory is not the host's",
         "device type " + std::to_string(tensor.device.device_type), std::to_string(kHost));
  std::optional<DType> dtype = find_dtype(tensor.dtype);
  if (!dtype)
    fail(ErrorKind::buffer, "from_dlpack", "no dtype for elements of this type",
         "code " + std::to_string(tensor.dtype.code) + ", " + std::to_string(tensor.dtype.bits) + " bits, " +
             std::to_string(tensor.dtype.lanes) + " lanes");
  Foreign source{static_cast<char *>(tensor.data) + tensor.byte_offset, *dtype, {}, {}, is_read_only, std::move(owner)};
  for (int i = 0; i < tensor.ndim; ++i) source.shape.push(tensor.shape[i]);
  if (tensor.strides) {
    for (int i = 0; i < tensor.ndim; ++i) source.strides.push(tensor.strides[i]);
  } else {
    source.strides = row_major_strides(source.shape);
  }
  for (int64_t &stride : source.strides) stride *= info(*dtype).itemsize;
  return from_foreign("from_dlpack", ErrorKind::buffer, source, device, copy);
}

NDArray from_dlpack(py::handle capsule, Device where, py::handle copy_argument) {
  std::optional<bool> copy = to_copy("from_dlpack", copy_argument);
  if (PyCapsule_IsValid(capsule.ptr(), Versioned::name)) return from_capsule<Versioned>(capsule, where, copy);
  if (PyCapsule_IsValid(capsule.ptr(), Managed::name)) return from_capsule<Managed>(capsule, where, copy);
  fail(ErrorKind::buffer, "from_dlpack", "no DLPack capsule, or one that has been consumed",
       std::string(py::repr(capsule)));
}

}  // namespace

void bind_exchange(py::module_ &m, TypeParts &type) {
  type.slot(Py_bf_getbuffer, get_buffer);
  type.slot(Py_bf_releasebuffer, release_buffer);
  type.method<NDArray, to_dlpack>("__dlpack__(*, stream=None, max_version=None, dl_device=None, copy=None)");
  type.method<NDArray, [](const NDArray &) { return py::make_tuple(kHost, 0); }>("__dlpack_device__()");
  define<from_buffer>(m, "from_buffer(data, device=None, copy=None)");
  define<from_bytes>(m, "from_bytes(data, dtype, shape, device=None, copy=True)");
  define<from_dlpack>(m, "from_dlpack(capsule, device, copy)");
}

}  // namespace needle::bind
