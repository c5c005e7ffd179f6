// What normalisation and its gradient share: the walks over the sets that have statistics of their own and over the
// elements of a set, and the loops over a piece of a set.
#pragma once

#include <type_traits>

#include "../allocator.h"
#include "../iterate.h"
#include "blocks.h"
#include "simd.h"
#include "strips.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

constexpr int sums_of_piece = 4;  // so many vectors are added up independently of each other

// Sums in several vectors.
template <class T>
struct Lanes {
  Vec<T> vectors[sums_of_piece] = {};
  T rest = 0;

  [[gnu::always_inline]] void add(int k, Vec<T> x) { vectors[k] += x; }
  [[gnu::always_inline]] void add(int, T x) { rest += x; }
  double sum() const {
    Vec<T> x = fold_lanes((vectors[0] + vectors[1]) + (vectors[2] + vectors[3]), [](auto a, auto b) { return a + b; });
    return static_cast<double>(x[0]) + static_cast<double>(rest);
  }
};

template <class V, class T>
[[gnu::always_inline]] inline V get(const T *p) {
  if constexpr (std::is_same_v<V, T>) {
    return *p;
  } else {
    return load(p);
  }
}

// The i-th value, or the only one.
template <class V, bool varies, class T>
[[gnu::always_inline]] inline V get(const T *p, int64_t i) {
  if constexpr (varies) {
    return get<V>(p + i);
  } else {
    return *p - V{};
  }
}

template <class V, class T>
[[gnu::always_inline]] inline void put(T *p, V x) {
  if constexpr (std::is_same_v<V, T>) {
    *p = x;
  } else {
    store(p, x);
  }
}

// f(i, k, V{}) for i in [0, n): by vectors, where k counts those next to each other, then by elements.
template <class T, int group = sums_of_piece, class F>
[[gnu::always_inline]] inline void for_vectors(int64_t n, F f) {
  constexpr int width = lanes<T>;
  int64_t i = 0;
  for (; i + group * width <= n; i += group * width) {
#pragma GCC unroll 4
    for (int k = 0; k < group; k++) f(i + k * width, k, Vec<T>{});
  }
  for (; i + width <= n; i += width) f(i, 0, Vec<T>{});
  for (; i < n; i++) f(i, 0, T{});
}

constexpr int64_t sum_elements = 4096;  // so many are added up before the sums are widened

// Calls f(true or false as types...) with the values of a and b.
template <class F>
void with_bools(bool a, bool b, F &&f) {
  auto second = [&](auto x) { b ? f(x, std::true_type{}) : f(x, std::false_type{}); };
  a ? second(std::true_type{}) : second(std::false_type{});
}

// An operand spread over x's shape: stride 0 where its extent is 1. An absent one is a number.
struct Spread {
  Array array;
  int64_t strides[max_dims];

  Spread(const Array &like, const Array &given) : array(given) {
    array.shape = like.shape;
    array.strides = strides;
    for (int d = 0; d < like.ndim; d++) strides[d] = given.shape[d] == like.shape[d] ? given.strides[d] : 0;
  }
  Spread(const Array &like, const Array *given, const void *number) : Spread(like, given ? *given : like) {
    if (given) return;
    array.data = static_cast<char *>(const_cast<void *>(number));
    array.type = compute_type(like.type);
    for (int d = 0; d < like.ndim; d++) strides[d] = 0;
  }
  Spread(const Spread &) = delete;
  Spread &operator=(const Spread &) = delete;
};

// The walks over the sets, and over the elements of a set from wherever it starts.
struct Sets {
  int64_t kept_shape[max_dims], reduced_shape[max_dims];
  Walk kept, reduced;

  template <class... Spreads>
  Sets(const Array &statistics, const Array &x, const Spreads &...operands) {
    for (int d = 0; d < x.ndim; d++) {
      bool keep = statistics.shape[d] == x.shape[d];
      kept_shape[d] = keep ? x.shape[d] : 1;
      reduced_shape[d] = keep ? 1 : x.shape[d];
    }
    kept = walk_over(with_shape(x, x.data, kept_shape), with_shape(operands.array, operands.array.data, kept_shape)...);
    reduced = walk_over(with_shape(x, nullptr, reduced_shape), with_shape(operands.array, nullptr, reduced_shape)...);
  }
  static Array with_shape(const Array &x, char *data, const int64_t *shape) {
    return {data, x.type, x.ndim, shape, x.strides};
  }
  // Whether sets lie side by side in memory: their elements, set by set, would be far apart.
  bool side_by_side() const {
    int64_t beside = kept.stride(0), along = reduced.stride(0);
    return kept.inner() >= 8 && (beside < 0 ? -beside : beside) < (along < 0 ? -along : along);
  }
  int64_t sets_per_task() const { return task_elements / (reduced.size > 0 ? reduced.size : 1); }
};

// Cuts the elements of a set into pieces and has the operands of a piece as values of the compute type. Those behind
// the first `whole` ones may be one number for all of a piece.
template <class T, int count, int whole>
struct Pieces {
  const Walk &walk;
  Type types[count];
  bool in_place[count];
  Block rooms[count];
  int64_t step = int64_t{1} << 40;

  template <class... Arrays>
  explicit Pieces(const Walk &walk_, const Arrays &...arrays) : walk(walk_), types{arrays.type...} {
    for (int o = 0; o < count; o++) {
      in_place[o] = varies(o) ? is_direct(types[o], walk.stride(o)) : !is_small(types[o]);
      if (varies(o) && !in_place[o]) step = block_elements;
    }
  }
  bool varies(int o) const { return o < whole || walk.stride(o) != 0; }

  // Whether a set is one piece, to be used where it lies.
  bool one_in_place() const { return walk.ndim <= 1 && walk.size <= step && in_place[0]; }

  // In place where that is possible, else in a buffer.
  const T *values(int o, const char *p, int64_t n) {
    if (in_place[o]) return reinterpret_cast<const T *>(p);
    return static_cast<const T *>(read(types[o], p, walk.stride(o), varies(o) ? n : 1, rooms[o].bytes));
  }
  T *sums_at(int o, char *p, int64_t n) { return const_cast<T *>(values(o, p, n)); }  // to be added to
  T *place_for(int o, char *p) { return reinterpret_cast<T *>(in_place[o] ? p : rooms[o].bytes); }
  void done(int o, const T *values, char *p, int64_t n) {
    if (!in_place[o]) write(types[o], values, p, walk.stride(o), n);
  }

  // f(where each operand's piece begins, n) for the pieces of the set that begins at `base`.
  template <class F>
  void each(char *const *base, F &&f) {
    if (walk.ndim <= 1 && walk.size <= step) return f(base, walk.size);
    serial_runs(walk, base, 0, walk.size, [&](char *const *p, int64_t n, int64_t) {
      for (int64_t i = 0; i < n; i += step) {
        char *q[max_operands];
        for (int o = 0; o < count; o++) q[o] = p[o] + i * walk.stride(o);
        f(static_cast<char *const *>(q), least(step, n - i));
      }
    });
  }
};

}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
