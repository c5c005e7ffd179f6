// Complex arrays. What treats real and imaginary parts apart is left to the kernels for real dtypes, which take each as
// an array of its own with twice the strides; the rest is loops over single numbers.
#include "complex.h"

#include <cstring>

#include "../iterate.h"
#include "../targets.h"
#include "generic.h"
#include "temporary.h"

namespace needle::cpu::complex {
namespace {

#include "../functors.inc"

enum Unary {
#define UNARY(name, takes, gives, functor, doc) unary_##name,
#define BINARY(name, takes, gives, functor, doc)
#include "../../ops/elementwise.inc"
};

template <class T>
T get(const char *p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

template <class T>
void put(char *p, T value) {
  std::memcpy(p, &value, sizeof value);
}

using Loop = void (*)(const Walk &walk);

template <class Op, class Z, int operands>
void loop(const Walk &walk) {
  parallel_runs(walk, [&](char *const *p, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
      auto value = [&] {
        Z x = get<Z>(p[1] + i * walk.stride(1));
        if constexpr (operands == 1) {
          return Op::apply(x);
        } else {
          return Op::apply(x, get<Z>(p[2] + i * walk.stride(2)));
        }
      }();
      char *out = p[0] + i * walk.stride(0);
      if constexpr (Op::gives == boolean) {
        *out = static_cast<char>(value != 0);
      } else {
        put(out, value);
      }
    }
  });
}

struct Entry {
  Loop of_c64 = nullptr, of_c128 = nullptr;  // null where the operation does not take complex numbers
};

template <class Op, int operands>
constexpr Entry entry() {
  if constexpr (Op::takes & complex_) {
    return {loop<Op, c64, operands>, loop<Op, c128, operands>};
  } else {
    return {};
  }
}

constexpr Entry unary_entries[] = {
#define UNARY(name, takes, gives, functor, doc) entry<ops::name, 1>(),
#define BINARY(name, takes, gives, functor, doc)
#include "../../ops/elementwise.inc"
};

constexpr Entry binary_entries[] = {
#define UNARY(name, takes, gives, functor, doc)
#define BINARY(name, takes, gives, functor, doc) entry<ops::name, 2>(),
#include "../../ops/elementwise.inc"
};

bool run(const Entry &entry, Type type, const Walk &walk) {
  Loop f = type == Type::c64 ? entry.of_c64 : entry.of_c128;
  if (f) f(walk);
  return f != nullptr;
}

Type part_type(Type type) { return type == Type::c64 ? Type::f32 : Type::f64; }

// The real (0) or the imaginary (1) parts of an array.
struct Part {
  Part(const Array &x, int which)
      : array{x.data + which * item_size(part_type(x.type)), part_type(x.type), x.ndim, x.shape, strides} {
    for (int d = 0; d < x.ndim; d++) strides[d] = 2 * x.strides[d];
  }
  Part(const Part &) = delete;
  operator const Array &() const { return array; }

  int64_t strides[max_dims];
  Array array;
};

void clear(const Array &part) {
  constexpr double zero = 0;
  kernels().fill(&zero, part);
}

// f(Z{}) with the C++ type.
template <class F>
void with_type(Type type, F &&f) {
  type == Type::c64 ? f(c64{}) : f(c128{});
}

// Products are made in double, like those of real floats.
void product_over_axes(const Array &a, const Array &out) {
  int64_t kept_shape[max_dims], reduced_shape[max_dims];
  for (int d = 0; d < a.ndim; d++) {
    bool keep = a.shape[d] == out.shape[d];
    kept_shape[d] = keep ? a.shape[d] : 1;
    reduced_shape[d] = keep ? 1 : a.shape[d];
  }
  Walk kept = walk_over(Array{out.data, out.type, a.ndim, kept_shape, out.strides},
                        Array{a.data, a.type, a.ndim, kept_shape, a.strides});
  Walk reduced = walk_over(Array{nullptr, a.type, a.ndim, reduced_shape, a.strides});
  with_type(a.type, [&](auto tag) {
    using Z = decltype(tag);
    parallel_runs(kept, task_elements / (reduced.size + 1), 1, [&](char *const *p, int64_t n, int64_t, int64_t) {
      for (int64_t i = 0; i < n; i++) {
        c128 total = make<c128>(1, 0);
        char *from = p[1] + i * kept.stride(1);
        serial_runs(reduced, &from, 0, reduced.size, [&](char *const *q, int64_t m, int64_t) {
          for (int64_t j = 0; j < m; j++) total *= static_cast<c128>(get<Z>(q[0] + j * reduced.stride(0)));
        });
        put(p[0] + i * kept.stride(0), static_cast<Z>(total));
      }
    });
  });
}

void running_product(const Array &a, int axis, const Array &out) {
  int64_t n = a.shape[axis], a_step = a.strides[axis] * item_size(a.type), step = out.strides[axis] * item_size(a.type);
  int64_t starts[max_dims];
  for (int d = 0; d < a.ndim; d++) starts[d] = d == axis ? least<int64_t>(n, 1) : a.shape[d];
  Walk walk = walk_over(Array{out.data, out.type, a.ndim, starts, out.strides},
                        Array{a.data, a.type, a.ndim, starts, a.strides});
  with_type(a.type, [&](auto tag) {
    using Z = decltype(tag);
    parallel_runs(walk, task_elements / (n + 1), 1, [&](char *const *p, int64_t lines, int64_t, int64_t) {
      for (int64_t i = 0; i < lines; i++) {
        c128 total = make<c128>(1, 0);
        for (int64_t j = 0; j < n; j++) {
          total *= static_cast<c128>(get<Z>(p[1] + i * walk.stride(1) + j * a_step));
          put(p[0] + i * walk.stride(0) + j * step, static_cast<Z>(total));
        }
      }
    });
  });
}

}  // namespace

bool unary(int op, const Array &a, const Array &out) { return run(unary_entries[op], a.type, walk_over(out, a)); }

bool binary(int op, const Array &a, const Array &b, const Array &out) {
  return run(binary_entries[op], a.type, walk_over(out, a, b));
}

void where(const Array &condition, const Array &a, const Array &b, const Array &out) {
  for (int i : {0, 1}) kernels().where(condition, Part(a, i), Part(b, i), Part(out, i));
}

void cast(const Array &a, const Array &out) {
  if (!is_complex(out.type)) {  // to bool
    Temporary falses(a, Type::b8);
    unary(unary_logical_not, a, falses.array);
    kernels().unary(unary_logical_not, falses.array, out);
  } else if (is_complex(a.type)) {
    for (int i : {0, 1}) kernels().cast(Part(a, i), Part(out, i));
  } else {
    kernels().cast(a, Part(out, 0));
    clear(Part(out, 1));
  }
}

void reduce(Reduction op, const Array &a, const Array &out) {
  if (!is_complex(a.type)) {
    kernels().reduce(op, a, Part(out, 0));
    clear(Part(out, 1));
  } else if (op == Reduction::any || op == Reduction::all) {
    Temporary truths(a, Type::b8);
    cast(a, truths.array);
    kernels().reduce(op, truths.array, out);
  } else if (op == Reduction::sum) {
    for (int i : {0, 1}) kernels().reduce(op, Part(a, i), Part(out, i));
  } else if (a.type == out.type) {
    product_over_axes(a, out);
  } else {
    Temporary converted(a, out.type);
    cast(a, converted.array);
    product_over_axes(converted.array, out);
  }
}

void scan(Reduction op, const Array &a, int axis, const Array &out) {
  if (op == Reduction::prod) return running_product(a, axis, out);
  for (int i : {0, 1}) kernels().scan(op, Part(a, i), axis, Part(out, i));
}

void scatter_add(const Array &a, const Array &indices, int axis, const Array &out) {
  for (int i : {0, 1}) scatter(Scatter::add, Part(a, i), indices, axis, Part(out, i));
}

}  // namespace needle::cpu::complex
