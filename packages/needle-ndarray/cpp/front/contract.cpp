#include "contract.h"

#include <optional>
#include <vector>

#include "interpreter.h"

namespace needle::contract {

namespace {

// An NDArray as the contract sees it, for the length of one call.
struct Argument {
  explicit Argument(const NDArray &x) {
    tensor.data = x.buffer->data;
    tensor.device = {0, x.device().index};  // the table that is called says which device type it is
    tensor.ndim = x.ndim();
    tensor.dtype = info(x.dtype).dl;
    tensor.shape = const_cast<int64_t *>(x.shape.begin());
    tensor.strides = const_cast<int64_t *>(x.strides.begin());
    tensor.byte_offset = static_cast<uint64_t>(x.offset * info(x.dtype).itemsize);
  }
  operator const DLTensor *() const { return &tensor; }
  DLTensor tensor;
};

constexpr int64_t worth_it = 1 << 14;  // elements: some microseconds

// Calls f, which does not throw; other Python threads run during a call that takes longer than handing the GIL over
// does.
template <class F>
needle_status without_gil(int64_t work, F f) {
  if (work < worth_it) return f();
  PyThreadState *state = PyEval_SaveThread();
  needle_status status = f();
  return into_python([&] {
    PyEval_RestoreThread(state);
    return status;
  });
}

// Calls table.*function on the device of `at` and raises its error under the name `op`.
template <class Function, class... Args>
void run(const char *op, const NDArray &at, int64_t work, Function needle_backend::*function, const Args &...args) {
  const needle_backend &table = at.device().backend->table;
  needle_status status = without_gil(work, [&] { return (table.*function)(table.context, args...); });
  if (status != NEEDLE_OK) [[unlikely]]
    check(at.device(), op, status);
}

// The same for a function that writes to `out`, as all but one do. It counts as written if the function fails, too.
template <class Function, class... Args>
void call(const char *op, const NDArray &out, int64_t work, Function needle_backend::*function, const Args &...args) {
  out.buffer->version.end(op);
  run(op, out, work, function, args...);
}

// The backend's code for the op; throws where it has none.
int32_t code(OpCode op, const NDArray &at) {
  int32_t code = at.device().backend->codes[static_cast<int>(op)];
  if (code < 0) [[unlikely]]
    fail(ErrorKind::not_implemented, op_info(op).name, "the backend does not have this operation",
         "device " + at.device().str());
  return code;
}

}  // namespace

void upload(const void *host, const NDArray &out) {
  int64_t itemsize = info(out.dtype).itemsize;
  call("upload", out, out.size(), &needle_backend::upload, out.device().index, host, out.buffer->data,
       static_cast<size_t>(out.offset * itemsize), static_cast<size_t>(out.nbytes()));
}

void download(const NDArray &a, void *host) {
  int64_t itemsize = info(a.dtype).itemsize;
  run("download", a, a.size(), &needle_backend::download, a.device().index, a.buffer->data,
      static_cast<size_t>(a.offset * itemsize), host, static_cast<size_t>(a.nbytes()));
}

void copy(const char *op, const NDArray &a, const NDArray &out) {
  call(op, out, out.size(), &needle_backend::copy, Argument(a), Argument(out));
}

void synchronize(Device device) {
  const needle_backend &table = device.backend->table;
  needle_status status = without_gil(worth_it, [&] { return table.synchronize(table.context, device.index); });
  check(device, "synchronize", status);
}

void fill(const char *op, const void *value, const NDArray &out) {
  call(op, out, out.size(), &needle_backend::fill, value, Argument(out));
}

void iota(const NDArray &out) { call("iota", out, out.size(), &needle_backend::iota, Argument(out)); }

void unary(OpCode op, const NDArray &a, const NDArray &out) {
  call(op_info(op).name, out, out.size(), &needle_backend::unary, code(op, out), Argument(a), Argument(out));
}

void binary(OpCode op, const NDArray &a, const NDArray &b, const NDArray &out) {
  call(op_info(op).name, out, out.size(), &needle_backend::binary, code(op, out), Argument(a), Argument(b),
       Argument(out));
}

void where(const NDArray &condition, const NDArray &a, const NDArray &b, const NDArray &out) {
  call("where", out, out.size(), &needle_backend::where, Argument(condition), Argument(a), Argument(b), Argument(out));
}

void cast(const char *op, const NDArray &a, const NDArray &out) {
  call(op, out, out.size(), &needle_backend::cast, Argument(a), Argument(out));
}

void reduce(OpCode op, const NDArray &a, const NDArray &out) {
  call(op_info(op).name, out, a.size(), &needle_backend::reduce, code(op, out), Argument(a), Argument(out));
}

void arg_reduce(OpCode op, const NDArray &a, int axis, const NDArray &out) {
  call(op_info(op).name, out, a.size(), &needle_backend::arg_reduce, code(op, out), Argument(a), int32_t{axis},
       Argument(out));
}

void scan(OpCode op, const NDArray &a, int axis, const NDArray &out) {
  call(op == OpCode::scan_sum ? "cumulative_sum" : "cumulative_prod", out, a.size(), &needle_backend::scan,
       code(op, out), Argument(a), int32_t{axis}, Argument(out));
}

void sort(const NDArray &a, int axis, bool descending, const NDArray *values, const NDArray *indices) {
  std::optional<Argument> v, i;
  if (values) v.emplace(*values);
  if (indices) i.emplace(*indices);
  const DLTensor *value_argument = v ? &v->tensor : nullptr, *index_argument = i ? &i->tensor : nullptr;
  if (values && indices) indices->buffer->version.end("sort");
  call("sort", values ? *values : *indices, a.size(), &needle_backend::sort, Argument(a), int32_t{axis},
       int32_t{descending}, value_argument, index_argument);
}

void matmul(const NDArray &a, const NDArray &b, const NDArray &out) {
  call("matmul", out, out.size() * a.shape[a.ndim() - 1], &needle_backend::matmul, Argument(a), Argument(b),
       Argument(out));
}

void gather(const char *op, const NDArray &a, const NDArray &indices, int axis, const NDArray &out) {
  call(op, out, out.size(), &needle_backend::gather, Argument(a), Argument(indices), int32_t{axis}, Argument(out));
}

void scatter(const char *op, OpCode kind, const NDArray &a, const NDArray &indices, int axis, const NDArray &out) {
  call(op, out, a.size(), &needle_backend::scatter, code(kind, out), Argument(a), Argument(indices), int32_t{axis},
       Argument(out));
}

void random_bits(uint64_t key, uint64_t counter, const NDArray &out) {
  call("random_bits", out, out.size(), &needle_backend::random_bits, key, counter, Argument(out));
}

bool composite(OpCode op, std::span<const NDArray *const> inputs, std::span<const NDArray *const> outputs,
               std::span<const int64_t> integers, std::span<const double> reals) {
  Device device = outputs[0]->device();
  const Backend &backend = *device.backend;
  int32_t code = backend.codes[static_cast<int>(op)];
  if (code < 0) return false;
  std::vector<Argument> arguments;
  std::vector<const DLTensor *> tensors;
  arguments.reserve(inputs.size() + outputs.size());  // pointers into it stay valid
  int64_t work = 0;
  const char *name = op_info(op).name;
  auto add = [&](const NDArray *x) {
    if (!x) return tensors.push_back(nullptr);
    work += x->size();
    tensors.push_back(arguments.emplace_back(*x));
  };
  for (const NDArray *x : inputs) add(x);
  for (const NDArray *x : outputs) {
    if (x) x->buffer->version.end(name);
    add(x);
  }
  needle_arguments all = {.n_inputs = static_cast<int32_t>(inputs.size()),
                          .n_outputs = static_cast<int32_t>(outputs.size()),
                          .n_integers = static_cast<int32_t>(integers.size()),
                          .n_reals = static_cast<int32_t>(reals.size()),
                          .inputs = tensors.data(),
                          .outputs = tensors.data() + inputs.size(),
                          .integers = integers.data(),
                          .reals = reals.data()};
  const needle_backend &table = backend.table;
  needle_status status = without_gil(work, [&] { return table.composite(table.context, code, &all); });
  if (status == NEEDLE_UNSUPPORTED) return false;
  check(device, name, status);
  return true;
}

namespace {

template <class Function, class... Args>
void call_optional(const char *op, Device device, Function needle_backend::*function, Args... args) {
  const needle_backend &table = device.backend->table;
  if (!(table.*function))
    fail(ErrorKind::not_implemented, op, "the backend does not have this function", "device " + device.str());
  check(device, op, (table.*function)(table.context, device.index, args...));
}

}  // namespace

needle_memory memory_stats(Device device) {
  needle_memory stats = {};
  call_optional("memory_stats", device, &needle_backend::memory_stats, &stats);
  return stats;
}

void reset_peak(Device device) { call_optional("reset_peak_memory_stats", device, &needle_backend::reset_peak); }

void set_cache_limit(Device device, uint64_t nbytes) {
  call_optional("set_cache_limit", device, &needle_backend::set_cache_limit, static_cast<size_t>(nbytes));
}

void empty_cache(Device device) { call_optional("empty_cache", device, &needle_backend::empty_cache); }

}  // namespace needle::contract
