// x to the power y = e^(y log x), for vectors of float or double. Greatest errors: 0.51 (float) and 1.1 (double) units
// of the last place.
#pragma once

#include "exponential.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {
namespace math {

// For what is rounded to float: log and exp in double, good to 2^-40.
[[gnu::always_inline]] inline Vec<double> power_for_float(Vec<double> x, Vec<double> y) {
  using V = Vec<double>;
  auto [n, r] = split_number(x);
  V s = r / (2 + r), w = s * s;
  V terms = polynomial(w, 0x1.ffffffffff9bfp+0, 0x1.5555555ab7fbep-1, 0x1.99998d705f036p-2, 0x1.24974e4af8200p-2,
                       0x1.c53ea2b38a733p-3, 0x1.9cddc82a3576ap-3);
  V log = log_or_special(x, multiply_add(n, splat(0x1.62e42fefa39efp-1), s * terms));
  V exponent = at_least(at_most(y * log, 200), -200), m = whole<Rounding::nearest>(exponent * 0x1.71547652b82fep+0);
  V rest = multiply_add(m, splat(-0x1.62e42fefa39efp-1), exponent);
  return scale(polynomial(rest, 0x1.ffffffffab6fap-1, 0x1.0000000979f53p+0, 0x1.0000005b00848p-1, 0x1.5555501acf7c8p-3,
                          0x1.55544b0306af6p-5, 0x1.110e7d80e7ecbp-7, 0x1.6dc6e909c6fe4p-10, 0x1.a9de74521ca22p-13),
               m);
}

// For double, log x is made in two parts.
[[gnu::always_inline]] inline Vec<double> power_of_magnitude(Vec<double> x, Vec<double> y) {
  using V = Vec<double>;
  auto [n, r] = split_number(x);
  // log(1 + r) = 2 atanh(s) = s (2 + p) with s = r / (2 + r).
  V sum = 2 + r, sum_low = r - (sum - 2), inverse = 1 / sum;
  V s = r * inverse, product = s * sum;
  V s_low = ((r - product) - lost_in_product(s, sum, product) - s * sum_low) * inverse;
  V w = s * s, w_low = lost_in_product(s, s, w) + 2 * s * s_low;
  const V third = splat(0x1.5555555555555p-1);
  V p = third * w, p_low = lost_in_product(third, w, p) + third * w_low + 0x1.5555555555555p-55 * w;
  p_low += w * w *
           polynomial(w, 0x1.9999999999996p-2, 0x1.2492492492f56p-2, 0x1.c71c71c595945p-3, 0x1.745d1829f058dp-3,
                      0x1.3b136499b5691p-3, 0x1.1120771769ef8p-3, 0x1.de3c16d720e02p-4, 0x1.ead1a421712a1p-4);
  V t = s * p, t_low = lost_in_product(s, p, t) + (s * p_low + s_low * p) + 2 * s_low;
  V start = n * 0x1.62e42feep-1, head = start + 2 * s, head_low = (start - head) + 2 * s;
  V log = head + t, log_low = ((head - log) + t) + head_low + (t_low + n * 0x1.a39ef35793c76p-33);
  log = log_or_special(x, log);

  V exponent = y * log, exponent_low = lost_in_product(y, log, exponent) + y * log_low;
  exponent_low = abs(exponent) < 1000 ? exponent_low : V{};
  auto [m, rest] = split_exponential(within_exponents(exponent), exponent_low);
  return scale(1 + rest, m);
}

// The special cases are those of C's Annex F.
template <class V>
[[gnu::always_inline]] inline V float_power(V x, V y) {
  using T = lane_of<V>;
  V a = abs(x), half = y * T(0.5), z;
  mask_of<V> whole_y = whole<Rounding::nearest>(y) == y, odd = whole_y & (whole<Rounding::nearest>(half) != half);
  if constexpr (is_f32<V>) {
    Halves base = widen(a), exponent = widen(y);
    z = narrow({power_for_float(base.low, exponent.low), power_for_float(base.high, exponent.high)});
  } else {
    z = power_of_magnitude(a, y);
  }
  z = (a == 1) & (abs(y) == infinity<V>) ? 1 + V{} : z;
  z = odd ? copysign(z, x) : z;
  z = (x < 0) & (a < infinity<V>)&~whole_y ? x - x + not_a_number<V> : z;
  return (x == 1) | (y == 0) ? 1 + V{} : z;
}

}  // namespace math
}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
