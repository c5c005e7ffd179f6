// The contract's functions: arguments become Arrays, exceptions become a status and a message.
#include "backend.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "allocator.h"
#include "error.h"
#include "generic/generic.h"
#include "pool.h"
#include "targets.h"

namespace needle::cpu {
namespace {

thread_local std::string last_message;

template <class F>
needle_status guarded(F &&f) noexcept {
  needle_status status = NEEDLE_ERROR;
  try {
    try {
      f();
      return NEEDLE_OK;
    } catch (const Failure &failure) {
      status = failure.status;
      last_message = failure.what();
    } catch (const std::bad_alloc &) {
      status = NEEDLE_OUT_OF_MEMORY;
      last_message = "out of memory";
    } catch (const std::exception &error) {
      last_message = error.what();
    }
  } catch (...) {  // no memory for the message either
    last_message.clear();
  }
  return status;
}

Type type_of(DLDataType dtype) {
  switch (dtype.code << 8 | dtype.bits) {
    case kDLBool << 8 | 8: return Type::b8;
    case kDLInt << 8 | 8: return Type::i8;
    case kDLInt << 8 | 16: return Type::i16;
    case kDLInt << 8 | 32: return Type::i32;
    case kDLInt << 8 | 64: return Type::i64;
    case kDLUInt << 8 | 8: return Type::u8;
    case kDLUInt << 8 | 16: return Type::u16;
    case kDLUInt << 8 | 32: return Type::u32;
    case kDLUInt << 8 | 64: return Type::u64;
    case kDLFloat << 8 | 16: return Type::f16;
    case kDLFloat << 8 | 32: return Type::f32;
    case kDLFloat << 8 | 64: return Type::f64;
    case kDLBfloat << 8 | 16: return Type::bf16;
    case kDLFloat8_e4m3fn << 8 | 8: return Type::e4m3;
    case kDLFloat8_e5m2 << 8 | 8: return Type::e5m2;
    case kDLComplex << 8 | 64: return Type::c64;
    case kDLComplex << 8 | 128: return Type::c128;
    default:
      throw Failure(NEEDLE_UNSUPPORTED, "no such dtype; got code " + std::to_string(dtype.code) + " with " +
                                            std::to_string(dtype.bits) + " bits");
  }
}

Array array(const DLTensor *tensor) {
  if (tensor->ndim > max_dims) {
    throw Failure(NEEDLE_UNSUPPORTED, "too many dimensions; got " + std::to_string(tensor->ndim) +
                                          "; expected at most " + std::to_string(max_dims));
  }
  return {static_cast<char *>(tensor->data) + tensor->byte_offset, type_of(tensor->dtype), tensor->ndim, tensor->shape,
          tensor->strides};
}

// An operation's code is its place in the list of its family.
constexpr const char *unary_names[] = {
#define UNARY(name, takes, gives, functor, doc) #name,
#define BINARY(name, takes, gives, functor, doc)
#include "../ops/elementwise.inc"
};
constexpr const char *binary_names[] = {
#define UNARY(name, takes, gives, functor, doc)
#define BINARY(name, takes, gives, functor, doc) #name,
#include "../ops/elementwise.inc"
};
constexpr const char *reduce_names[] = {"sum", "prod", "max", "min", "any", "all"};  // enum Reduction
constexpr const char *arg_reduce_names[] = {"argmax", "argmin"};                     // enum Extreme
constexpr const char *scan_names[] = {"sum", "prod"};                                // enum Reduction
constexpr const char *scatter_names[] = {"set", "add"};                              // enum Scatter
constexpr const char *composite_names[] = {
#define COMPOSITE(name) #name,
#include "../ops/composites.inc"
};
constexpr bool (*Kernels::*composites[])(const Arguments &) = {
#define COMPOSITE(name) &Kernels::name,
#include "../ops/composites.inc"
};

template <size_t n>
int32_t find(const char *const (&names)[n], const char *name) {
  for (size_t i = 0; i < n; i++) {
    if (std::strcmp(names[i], name) == 0) return static_cast<int32_t>(i);
  }
  return -1;
}

int32_t op(void *, needle_family family, const char *name) {
  switch (family) {
    case NEEDLE_UNARY: return find(unary_names, name);
    case NEEDLE_BINARY: return find(binary_names, name);
    case NEEDLE_REDUCE: return find(reduce_names, name);
    case NEEDLE_ARG_REDUCE: return find(arg_reduce_names, name);
    case NEEDLE_SCAN: return find(scan_names, name);
    case NEEDLE_SCATTER: return find(scatter_names, name);
    case NEEDLE_COMPOSITE: return find(composite_names, name);
    default: return -1;
  }
}

const char *last_error(void *) { return last_message.c_str(); }

int32_t device_count(void *) { return 1; }

const char *describe(void *, int32_t) {
  thread_local std::string text;
  int threads = get_num_threads();
  text = cpu_model() + ", " + isa() + ", " + std::to_string(threads) + (threads == 1 ? " thread" : " threads");
  return text.c_str();
}

needle_status alloc(void *, int32_t, size_t nbytes, void **data) {
  return guarded([&] { *data = allocate(nbytes); });
}

void free(void *, int32_t, void *data, size_t nbytes) { deallocate(data, nbytes); }

needle_status memory_stats(void *, int32_t, needle_memory *stats) {
  *stats = cpu::memory_stats();
  return NEEDLE_OK;
}

needle_status reset_peak(void *, int32_t) {
  cpu::reset_peak();
  return NEEDLE_OK;
}

needle_status set_cache_limit(void *, int32_t, size_t nbytes) {
  cpu::set_cache_limit(nbytes);
  return NEEDLE_OK;
}

needle_status empty_cache(void *, int32_t) {
  cpu::empty_cache();
  return NEEDLE_OK;
}

needle_status upload(void *, int32_t, const void *host, void *data, size_t offset, size_t nbytes) {
  std::memcpy(static_cast<char *>(data) + offset, host, nbytes);
  return NEEDLE_OK;
}

needle_status download(void *, int32_t, const void *data, size_t offset, void *host, size_t nbytes) {
  std::memcpy(host, static_cast<const char *>(data) + offset, nbytes);
  return NEEDLE_OK;
}

needle_status copy(void *, needle_in a, needle_out out) {
  return guarded([&] { kernels().copy(array(a), array(out)); });
}

needle_status synchronize(void *, int32_t) { return NEEDLE_OK; }

needle_status fill(void *, const void *value, needle_out out) {
  return guarded([&] { kernels().fill(value, array(out)); });
}

needle_status iota(void *, needle_out out) {
  return guarded([&] { kernels().iota(array(out)); });
}

void expect_dtype(bool taken) {
  if (!taken) throw Failure(NEEDLE_UNSUPPORTED, "not defined for this dtype");
}

needle_status unary(void *, int32_t op, needle_in a, needle_out out) {
  return guarded([&] {
    Array x = array(a);
    expect_dtype((is_complex(x.type) ? complex::unary : kernels().unary)(op, x, array(out)));
  });
}

needle_status binary(void *, int32_t op, needle_in a, needle_in b, needle_out out) {
  return guarded([&] {
    Array x = array(a);
    expect_dtype((is_complex(x.type) ? complex::binary : kernels().binary)(op, x, array(b), array(out)));
  });
}

needle_status where(void *, needle_in condition, needle_in a, needle_in b, needle_out out) {
  return guarded([&] {
    Array x = array(a);
    (is_complex(x.type) ? complex::where : kernels().where)(array(condition), x, array(b), array(out));
  });
}

needle_status cast(void *, needle_in a, needle_out out) {
  return guarded([&] {
    Array from = array(a), to = array(out);
    (is_complex(from.type) || is_complex(to.type) ? complex::cast : kernels().cast)(from, to);
  });
}

needle_status reduce(void *, int32_t op, needle_in a, needle_out out) {
  return guarded([&] {
    Array from = array(a), to = array(out);
    bool touches_complex = is_complex(from.type) || is_complex(to.type);
    (touches_complex ? complex::reduce : kernels().reduce)(static_cast<Reduction>(op), from, to);
  });
}

needle_status arg_reduce(void *, int32_t op, needle_in a, int32_t axis, needle_out out) {
  return guarded([&] { kernels().arg_reduce(static_cast<Extreme>(op), array(a), axis, array(out)); });
}

needle_status scan(void *, int32_t op, needle_in a, int32_t axis, needle_out out) {
  return guarded([&] {
    Array x = array(a);
    (is_complex(x.type) ? complex::scan : kernels().scan)(static_cast<Reduction>(op), x, axis, array(out));
  });
}

needle_status sort(void *, needle_in a, int32_t axis, int32_t descending, needle_out values, needle_out indices) {
  return guarded([&] {
    Array value_array = array(values ? values : a), index_array = array(indices ? indices : a);
    sort(array(a), axis, descending != 0, values ? &value_array : nullptr, indices ? &index_array : nullptr);
  });
}

needle_status matmul(void *, needle_in a, needle_in b, needle_out out) {
  return guarded([&] { kernels().matmul(array(a), array(b), array(out)); });
}

needle_status gather(void *, needle_in a, needle_in indices, int32_t axis, needle_out out) {
  return guarded([&] { gather(array(a), array(indices), axis, array(out)); });
}

needle_status scatter(void *, int32_t op, needle_in a, needle_in indices, int32_t axis, needle_out out) {
  return guarded([&] { scatter(static_cast<Scatter>(op), array(a), array(indices), axis, array(out)); });
}

needle_status random_bits(void *, uint64_t key, uint64_t counter, needle_out out) {
  return guarded([&] { kernels().random_bits(key, counter, array(out)); });
}

needle_status composite(void *, int32_t op, const needle_arguments *arguments) {
  return guarded([&] {
    std::vector<Array> arrays;
    auto add = [&](const DLTensor *x) { arrays.push_back(x ? array(x) : Array{}); };
    std::for_each_n(arguments->inputs, arguments->n_inputs, add);
    std::for_each_n(arguments->outputs, arguments->n_outputs, add);
    bool taken = (kernels().*composites[op])(
        {arrays.data(), arrays.data() + arguments->n_inputs, arguments->integers, arguments->reals});
    if (!taken) throw Failure(NEEDLE_UNSUPPORTED, "better composed");
  });
}

}  // namespace

void fail_index(int64_t index, int64_t extent) {
  std::string n = std::to_string(extent);
  throw Failure(NEEDLE_INDEX_ERROR,
                "index out of range; got " + std::to_string(index) + "; expected -" + n + " <= index < " + n);
}

const needle_backend backend = {
    .api_version = NEEDLE_BACKEND_API_VERSION,
    .size = sizeof(needle_backend),
    .name = "cpu",
    .host_memory = 1,
    .context = nullptr,
    .device_count = device_count,
    .describe = describe,
    .op = op,
    .last_error = last_error,
    .alloc = alloc,
    .free = free,
    .upload = upload,
    .download = download,
    .copy = copy,
    .synchronize = synchronize,
    .fill = fill,
    .iota = iota,
    .unary = unary,
    .binary = binary,
    .where = where,
    .cast = cast,
    .reduce = reduce,
    .arg_reduce = arg_reduce,
    .scan = scan,
    .sort = sort,
    .matmul = matmul,
    .gather = gather,
    .scatter = scatter,
    .random_bits = random_bits,
    .composite = composite,
    .memory_stats = memory_stats,
    .reset_peak = reset_peak,
    .set_cache_limit = set_cache_limit,
    .empty_cache = empty_cache,
};

}  // namespace needle::cpu
