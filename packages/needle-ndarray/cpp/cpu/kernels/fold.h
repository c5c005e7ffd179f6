// The inner loops of reductions. Values are combined in two levels: many in their compute type, in several lanes, and
// what comes of those in the `wide` type, double for sums and products of floats. The number of lanes is that of 128
// bytes on every target, so all targets give the same bits.
#pragma once

#include <limits>

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

struct Max {
  static constexpr bool widens = false;
  template <class T>
  static constexpr T start =
      std::is_floating_point_v<T> ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::lowest();
  template <class V>
  static V combine(V x, V y) {
    if constexpr (std::is_arithmetic_v<V>) {
      return x > y || x != x ? x : y;
    } else {
      return math::maximum(x, y);
    }
  }
};

struct Min {
  static constexpr bool widens = false;
  template <class T>
  static constexpr T start =
      std::is_floating_point_v<T> ? std::numeric_limits<T>::infinity() : std::numeric_limits<T>::max();
  template <class V>
  static V combine(V x, V y) {
    if constexpr (std::is_arithmetic_v<V>) {
      return x < y || x != x ? x : y;
    } else {
      return math::minimum(x, y);
    }
  }
};

template <class Op, class T>
using wide_of = std::conditional_t<Op::widens && std::is_floating_point_v<T>, double, T>;

constexpr int64_t line_elements = 4096;  // at most so many values of a line are combined before they are widened

// The combination of n > 0 values, in T.
template <class Op, class T>
T fold_line(const T *values, int64_t n) {
  constexpr int count = 128 / NEEDLE_VECTOR_BYTES, width = lanes<T>, group = count * width;
  if (n < 16) {
    T total = values[0];
    for (int64_t i = 1; i < n; i++) total = static_cast<T>(Op::combine(total, values[i]));
    return total;
  }
  Vec<T> sums[count];
  for (int j = 0; j < count; j++) sums[j] = splat(Op::template start<T>);
  int64_t i = 0;
  for (; i + group <= n; i += group) {
    for (int j = 0; j < count; j++) sums[j] = Op::combine(sums[j], load(values + i + j * width));
  }
  T lane[group];
  for (int j = 0; j < count; j++) store(lane + j * width, sums[j]);
  for (int j = 0; i + j < n; j++) lane[j] = static_cast<T>(Op::combine(lane[j], values[i + j]));
  for (int half = group / 2; half > 0; half /= 2) {
    for (int j = 0; j < half; j++) lane[j] = static_cast<T>(Op::combine(lane[j], lane[j + half]));
  }
  return lane[0];
}

// sums[i] = sums[i] op values[i].
template <class Op, class T>
void fold_rows(T *sums, const T *values, int64_t n) {
  int64_t i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>) store(sums + i, Op::combine(load(sums + i), load(values + i)));
  for (; i < n; i++) sums[i] = static_cast<T>(Op::combine(sums[i], values[i]));
}

}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
