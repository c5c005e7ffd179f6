// What softmax and its relatives share: the greatest element of each line, and the sum of the exponentials of all
// elements' differences from it.
#pragma once

#include "math.h"
#include "strips.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

// exp(x) for x that is not above 0, but for rounding: half the work of math::exp. NaN stays; below -87, where floats
// lose digits, it is 0. The polynomial is the best
// of degree 6 that starts with 1 + r for |r| <= ln(2) / 2. At most 1.3 ulp off.
template <class V>
[[gnu::always_inline]] inline V exp_below(V x) {
  if constexpr (sizeof(x[0]) == 8) {
    return math::exp(x);
  } else {
    // Adding this rounds to a whole number, with 127 more in its low bits: the exponent's bias.
    V shifted = x * 1.44269504f + 12583039.0f;
    V whole = shifted - 12583039.0f;
    V r = x - whole * 0.693359375f - whole * -2.12194440e-4f;
    V square = r * r;
    V high = r * 0.001381432f + 0.008368851f, low = r * 0.0416684f + 0.1666652f;
    V sum = ((high * square + low) * r + 0.49999994f) * square + (r + 1);
    V power = sum * (V)((mask_of<V>)shifted << 23);
    return x < -87.0f ? V{} : power;
  }
}

constexpr auto greater = [](auto x, auto y) { return x > y ? x : y; };
constexpr auto plus = [](auto x, auto y) { return x + y; };

// Operand `from` of a strip; the exponentials are stored in `to`, if that is another one. A NaN shows in the sum, so
// the greatest element may pass it over.
template <class T, int from, int to, class S>
[[gnu::always_inline]] inline void sum_powers(const S &s, typename S::Group &top, typename S::Group &total) {
  constexpr int width = lanes<T>;
#pragma GCC unroll 4
  for (int k = 0; k < S::group; k++) {
    top[k] = splat(-static_cast<T>(__builtin_inf()));
    total[k] = Vec<T>{};
  }
  s.template each<from>([&](const T *x) {
#pragma GCC unroll 4
    for (int k = 0; k < S::group; k++) top[k] = greater(load(x + k * width), top[k]);
  });
  join<S, T>(top, greater);
  s.template each<from, to>([&](const T *x, T *out) {
#pragma GCC unroll 4
    for (int k = 0; k < S::group; k++) {
      Vec<T> power = exp_below(load(x + k * width) - top[k]);
      total[k] += power;
      if (from != to) store(out + k * width, power);
    }
  });
  join<S, T>(total, plus);
}

template <class F>
void with_float(Type type, F &&f) {
  type == Type::f64 ? f(double{}) : f(float{});
}

}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
