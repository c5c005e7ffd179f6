// What the approximations of exponential.h and circular.h share. They are polynomials, fitted for the least greatest
// error and with coefficients rounded one after the other; constants in two parts have zeros at the end of the first,
// so that its products with small whole numbers are exact.
#pragma once

#include <limits>

#include "simd.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {
namespace math {

// A constant of V's lanes that is given for each type.
template <class V>
constexpr lane_of<V> pick(float of_float, double of_double) {
  if constexpr (is_f32<V>) {
    return of_float;
  } else {
    return of_double;
  }
}

template <class V>
constexpr lane_of<V> infinity = std::numeric_limits<lane_of<V>>::infinity();
template <class V>
constexpr lane_of<V> not_a_number = std::numeric_limits<lane_of<V>>::quiet_NaN();
template <class V>
constexpr lane_of<V> least_normal = std::numeric_limits<lane_of<V>>::min();
template <class V>
constexpr int fraction_bits = std::numeric_limits<lane_of<V>>::digits - 1;
template <class V>
constexpr int exponent_bias = std::numeric_limits<lane_of<V>>::max_exponent - 1;

// c[0] + c[1] x + c[2] x^2 + ..., in pairs, and pairs of these, which leaves the CPU less to wait for than one after
// the other.
template <class V, int n>
[[gnu::always_inline]] inline V polynomial_in_pairs(V x, V *c) {
  if constexpr (n == 1) {
    return c[0];
  } else {
#pragma GCC unroll 16
    for (int i = 0; i < n / 2; i++) c[i] = multiply_add(c[2 * i + 1], x, c[2 * i]);
    if constexpr (n % 2 == 1) c[n / 2] = c[n - 1];
    return polynomial_in_pairs<V, (n + 1) / 2>(x * x, c);
  }
}

template <class V, class... C>
[[gnu::always_inline]] inline V polynomial(V x, C... c) {
  V values[] = {splat(static_cast<lane_of<V>>(c))...};
  return polynomial_in_pairs<V, sizeof...(C)>(x, values);
}

template <class V>
[[gnu::always_inline]] inline V abs(V x) {
  if constexpr (std::is_floating_point_v<lane_of<V>>) {
    using Bits = mask_of<V>;
    return (V)((Bits)x & ~(Bits)-V{});
  } else if constexpr (std::is_signed_v<lane_of<V>>) {
    return x < 0 ? -x : x;
  } else {
    return x;
  }
}

template <class V>
[[gnu::always_inline]] inline V copysign(V x, V y) {
  using Bits = mask_of<V>;
  return (V)(((Bits)x & ~(Bits)-V{}) | ((Bits)y & (Bits)-V{}));
}

// 2^n for whole n, both 2^n and its reciprocal normal numbers.
template <class V>
[[gnu::always_inline]] inline V power_of_two(mask_of<V> n) {
  return (V)((n + exponent_bias<V>) << fraction_bits<V>);
}

// x * 2^n for a whole n, rounded once; n is at most twice what a normal number's exponent may be.
template <class V>
[[gnu::always_inline]] inline V scale(V x, V n) {
#ifdef __AVX512F__
  return scale_by_instruction(x, n);
#else
  auto whole_n = __builtin_convertvector(n, mask_of<V>), half = whole_n >> 1;
  return x * power_of_two<V>(half) * power_of_two<V>(whole_n - half);
#endif
}

// f lane by lane, in a function of its own: it is large, and its callers are many.
template <class V, class F>
[[gnu::noinline]] V each(V x, F f) {
  for (int i = 0; i < lanes<lane_of<V>>; i++) x[i] = f(x[i]);
  return x;
}

template <class V, class F>
[[gnu::noinline]] V each(V x, V y, F f) {
  for (int i = 0; i < lanes<lane_of<V>>; i++) x[i] = f(x[i], y[i]);
  return x;
}

}  // namespace math
}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
