// The inner loops of reductions. Values are combined in two levels: many in their compute type, in several lanes, and
// what comes of those in the `wide` type, double for sums and products of floats. The number of lanes is that of 256
// bytes on every target (128 for types of 8), and they are joined by halves, so all targets give the same bits.
#pragma once

#include <limits>
#include <utility>

#include "math.h"
#include "types.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

struct Sum {
  static constexpr bool widens = true;
  template <class T>
  static constexpr T start = 0;
  template <class V>
  static V combine(V x, V y) {
    return x + y;
  }
};

struct Prod {
  static constexpr bool widens = true;
  template <class T>
  static constexpr T start = 1;
  template <class V>
  static V combine(V x, V y) {
    return x * y;
  }
};

// The CPU's instructions for the greater and the lesser of two numbers give the second where one is NaN. So one of a
// and b, which come of both orders, is NaN where it has to be; otherwise they are equal, but maybe for the sign of 0.
template <class V>
V either_nan(V a, V b) {
  if constexpr (std::is_arithmetic_v<V>) {
    if constexpr (std::is_floating_point_v<V>) {
      using Bits = std::conditional_t<sizeof(V) == 4, uint32_t, uint64_t>;
      return __builtin_bit_cast(V, __builtin_bit_cast(Bits, a) | __builtin_bit_cast(Bits, b));
    }
  } else if constexpr (math::floating<V>) {
    return (V)((mask_of<V>)a | (mask_of<V>)b);
  }
  return a;
}

struct Max {
  static constexpr bool widens = false;
  template <class T>
  static constexpr T start =
      std::is_floating_point_v<T> ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::lowest();
  template <class V>
  static V combine(V x, V y) {
    return either_nan<V>(x > y ? x : y, y > x ? y : x);
  }
};

struct Min {
  static constexpr bool widens = false;
  template <class T>
  static constexpr T start =
      std::is_floating_point_v<T> ? std::numeric_limits<T>::infinity() : std::numeric_limits<T>::max();
  template <class V>
  static V combine(V x, V y) {
    return either_nan<V>(x < y ? x : y, y < x ? y : x);
  }
};

template <class Op, class T>
using wide_of = std::conditional_t<Op::widens && std::is_floating_point_v<T>, double, T>;

constexpr int64_t line_elements = 4096;  // at most so many values of a line are combined before they are widened
template <class T>
constexpr int line_vectors = (sizeof(T) == 8 ? 128 : 256) / NEEDLE_VECTOR_BYTES;

// The combination of all lanes: of each with the one half a vector further on, and so on.
template <class Op, class T, int bytes = NEEDLE_VECTOR_BYTES>
[[gnu::always_inline]] inline T join_lanes(typename vector_of<T, bytes>::type v) {
  if constexpr (bytes > 16) {
    typename vector_of<T, bytes / 2>::type halves[2];
    __builtin_memcpy(halves, &v, bytes);
    return join_lanes<Op, T, bytes / 2>(Op::combine(halves[0], halves[1]));
  } else {
    T lane[bytes / sizeof(T)];
    __builtin_memcpy(lane, &v, bytes);
    for (int half = bytes / static_cast<int>(sizeof(T)) / 2; half > 0; half /= 2) {
      for (int j = 0; j < half; j++) lane[j] = static_cast<T>(Op::combine(lane[j], lane[j + half]));
    }
    return lane[0];
  }
}

// One vector out of the `line_vectors` vectors of lanes.
template <class Op, class T>
[[gnu::always_inline]] inline Vec<T> join_vectors(Vec<T> *sums) {
#pragma GCC unroll 16
  for (int half = line_vectors<T> / 2; half > 0; half /= 2) {
#pragma GCC unroll 8
    for (int j = 0; j < half; j++) sums[j] = Op::combine(sums[j], sums[j + half]);
  }
  return sums[0];
}

// The first n <= lanes<T> values, and starts behind them. What is behind them is read where `all` says that it is
// there.
template <class Op, class T>
[[gnu::always_inline]] inline Vec<T> load_first(const T *values, int64_t n, bool all) {
  Vec<T> v, start = splat(Op::template start<T>);
  if (all) {
    v = load(values);
  } else {
    T room[lanes<T>];
    for (int64_t j = 0; j < n; j++) room[j] = values[j];
    v = load(room);
  }
  using Mask = mask_of<Vec<T>>;
  Mask count;
  for (int j = 0; j < lanes<T>; j++) count[j] = static_cast<lane_of<Mask>>(j);
  return count < splat(static_cast<lane_of<Mask>>(n)) ? v : start;
}

// A vector whose lanes, joined, are the combination of n > 0 values; `readable` >= n of them may be read.
template <class Op, class T>
[[gnu::always_inline]] inline Vec<T> fold_to_vector(const T *values, int64_t n, int64_t readable) {
  constexpr int64_t width = lanes<T>, group = line_vectors<T> * width;
  if (n <= width) return load_first<Op>(values, n, readable >= width);
  Vec<T> acc[line_vectors<T>], sums[line_vectors<T>];
#pragma GCC unroll 16
  for (int j = 0; j < line_vectors<T>; j++) acc[j] = splat(Op::template start<T>);
  int64_t i = 0;
  for (; i + group <= n; i += group) {
#pragma GCC unroll 16
    for (int j = 0; j < line_vectors<T>; j++) acc[j] = Op::combine(acc[j], load(values + i + j * width));
  }
  if (i == n) return join_vectors<Op, T>(acc);
#pragma GCC unroll 16
  for (int j = 0; j < line_vectors<T>; j++) sums[j] = acc[j];
  int rest = 0;
  for (; i + width <= n; i += width, rest++) sums[rest] = Op::combine(sums[rest], load(values + i));
  if (i < n) sums[rest] = Op::combine(sums[rest], load_first<Op>(values + i, n - i, readable - i >= width));
  return join_vectors<Op, T>(sums);
}

// The combination of n > 0 values, in T.
template <class Op, class T>
T fold_line(const T *values, int64_t n) {
  return join_lanes<Op, T>(fold_to_vector<Op>(values, n, n));
}

// Of two vectors in which each line has `block` lanes: the lower (part 0) or upper (part 1) halves of all blocks.
template <int block, int part, class V, int... i>
[[gnu::always_inline]] inline V pick_halves(V a, V b, std::integer_sequence<int, i...>) {
  constexpr int half = block / 2;
  return __builtin_shufflevector(a, b, (i / half * block + i % half + part * half)...);
}

// sums[0], of the vectors of as many lines as a vector has lanes, becomes their totals. Lanes are joined as above.
template <class Op, class T, int block = lanes<T>>
[[gnu::always_inline]] inline void join_lines(Vec<T> *sums) {
  if constexpr (block > 1) {
    using Lanes = std::make_integer_sequence<int, lanes<T>>;
#pragma GCC unroll 16
    for (int j = 0; j < block / 2; j++) {
      Vec<T> a = sums[2 * j], b = sums[2 * j + 1];
      sums[j] = Op::combine(pick_halves<block, 0>(a, b, Lanes{}), pick_halves<block, 1>(a, b, Lanes{}));
    }
    join_lines<Op, T, block / 2>(sums);
  }
}

// totals[i] = totals[i] op the combination of the n values at values + i * stride, for i < count. stride >= 0.
template <class Op, class T>
void fold_lines(wide_of<Op, T> *totals, const T *values, int64_t stride, int64_t count, int64_t n) {
  constexpr int width = lanes<T>;
  using Wide = wide_of<Op, T>;
  auto add = [&](int64_t i, T value) {
    totals[i] = static_cast<Wide>(Op::combine(totals[i], static_cast<Wide>(value)));
  };
  int64_t i = 0;
  if constexpr (sizeof(T) >= 4) {  // of smaller types, a vector has too many lanes
    for (; i + width <= count; i += width) {
      Vec<T> sums[width];
      for (int j = 0; j < width; j++) {
        sums[j] = fold_to_vector<Op>(values + (i + j) * stride, n, (count - 1 - i - j) * stride + n);
      }
      join_lines<Op, T>(sums);
      T lane[width];
      store(lane, sums[0]);
      for (int j = 0; j < width; j++) add(i + j, lane[j]);
    }
  }
  for (; i < count; i++) add(i, fold_line<Op>(values + i * stride, n));
}

// sums[j] = sums[j] op the elements j of `count` rows, one after the other.
template <class Op, class T>
void fold_rows(T *sums, const T *rows, int64_t stride, int64_t count, int64_t n) {
  constexpr int width = lanes<T>, block = 4;
  int64_t j = 0;
  for (; j + block * width <= n; j += block * width) {
    Vec<T> acc[block];
#pragma GCC unroll 4
    for (int v = 0; v < block; v++) acc[v] = load(sums + j + v * width);
    for (int64_t i = 0; i < count; i++) {
#pragma GCC unroll 4
      for (int v = 0; v < block; v++) acc[v] = Op::combine(acc[v], load(rows + i * stride + j + v * width));
    }
#pragma GCC unroll 4
    for (int v = 0; v < block; v++) store(sums + j + v * width, acc[v]);
  }
  for (; j + width <= n; j += width) {
    Vec<T> acc = load(sums + j);
    for (int64_t i = 0; i < count; i++) acc = Op::combine(acc, load(rows + i * stride + j));
    store(sums + j, acc);
  }
  for (; j < n; j++) {
    T acc = sums[j];
    for (int64_t i = 0; i < count; i++) acc = static_cast<T>(Op::combine(acc, rows[i * stride + j]));
    sums[j] = acc;
  }
}

// Two dimensions that are kept and two that are reduced, the inner ones first; strides in elements.
struct Window {
  int64_t kept[2], kept_strides[2], reduced[2], reduced_strides[2];
};

// Each row of a window is added up by itself, so that rounding errors do not grow along all of it.
template <class Op, class V, class Load>
[[gnu::always_inline]] inline V fold_window(const Window &w, V start, Load &&load_at) {
  V total = start;
  for (int64_t y = 0; y < w.reduced[1]; y++) {
    V row = Op::widens ? start : total;
    for (int64_t x = 0; x < w.reduced[0]; x++) {
      row = static_cast<V>(Op::combine(row, load_at(y * w.reduced_strides[1] + x * w.reduced_strides[0])));
    }
    total = Op::widens ? static_cast<V>(Op::combine(total, row)) : row;
  }
  return total;
}

// Every other element from p on, of twice as many less one.
template <class V, class T, int... i>
[[gnu::always_inline]] inline V load_even(const T *p, std::integer_sequence<int, i...>) {
  constexpr int width = sizeof...(i);
  V low, high;
  __builtin_memcpy(&low, p, sizeof(V));
  __builtin_memcpy(&high, p + width - 1, sizeof(V));
  return __builtin_shufflevector(low, high, (2 * i < width ? 2 * i : 2 * i + 1)...);
}

// A row of outputs, in vectors of `bytes`; the last one overlaps the one before. There are enough for one.
template <class Op, class T, int bytes>
void fold_window_row(T *out, const T *values, const Window &w) {
  using V = typename vector_of<T, bytes>::type;
  constexpr int64_t width = bytes / sizeof(T);
  const int64_t n = w.kept[0], step = w.kept_strides[0];
  for (int64_t j = 0;; j = least(j + width, n - width)) {
    const T *p = values + j * step;
    V start = Op::template start<T> - V{};
    V sums = step == 1 ? fold_window<Op>(w, start,
                                         [&](int64_t at) {
                                           V v;
                                           __builtin_memcpy(&v, p + at, sizeof(V));
                                           return v;
                                         })
                       : fold_window<Op>(w, start, [&](int64_t at) {
                           return load_even<V>(p + at, std::make_integer_sequence<int, width>{});
                         });
    __builtin_memcpy(out + j, &sums, sizeof(V));
    if (j == n - width) return;
  }
}

// out, contiguous, becomes the combinations of the windows, in T.
template <class Op, class T>
void fold_windows(T *out, const T *values, const Window &w) {
  const int64_t n = w.kept[0];
  const bool vectors = w.kept_strides[0] == 1 || w.kept_strides[0] == 2;
  for (int64_t i = 0; i < w.kept[1]; i++, out += n, values += w.kept_strides[1]) {
    if (vectors && n >= lanes<T>) {
      fold_window_row<Op, T, NEEDLE_VECTOR_BYTES>(out, values, w);
    } else if (vectors && NEEDLE_VECTOR_BYTES > 32 && n * sizeof(T) >= 32) {
      fold_window_row<Op, T, 32>(out, values, w);
    } else if (vectors && NEEDLE_VECTOR_BYTES > 16 && n * sizeof(T) >= 16) {
      fold_window_row<Op, T, 16>(out, values, w);
    } else {
      for (int64_t j = 0; j < n; j++) {
        const T *p = values + j * w.kept_strides[0];
        out[j] = fold_window<Op>(w, Op::template start<T>, [&](int64_t at) { return p[at]; });
      }
    }
  }
}

}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
