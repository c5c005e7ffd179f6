// x to the power y = e^(y log x), for vectors of float or double.
#pragma once

#include "exponential.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {
namespace math {

// x^y for x >= 0, but for some special cases: log x is made in two parts, in which no product loses anything that
// counts.
template <class V>
[[gnu::always_inline]] inline V power_of_magnitude(V x, V y) {
  auto [n, r] = split_number(x);
  // log(1 + r) = 2 atanh(s) = s (2 + p) with s = r / (2 + r).
  V sum = 2 + r, sum_low = r - (sum - 2), inverse = 1 / sum;
  V s = r * inverse, product = s * sum;
  V s_low = ((r - product) - lost_in_product(s, sum, product) - s * sum_low) * inverse;
  V w = s * s, w_low = lost_in_product(s, s, w) + 2 * s * s_low, terms;
  const V third = splat(pick<V>(0x1.555556p-1f, 0x1.5555555555555p-1));
  V p = third * w, p_low = lost_in_product(third, w, p) + third * w_low;
  p_low = multiply_add(w, splat(pick<V>(-0x1.555556p-26f, 0x1.5555555555555p-55)), p_low);
  if constexpr (is_f32<V>) {
    terms = polynomial(w, 0x1.999996p-2f, 0x1.249500p-2f, 0x1.c5bfccp-3f, 0x1.97eac2p-3f);
  } else {
    terms = polynomial(w, 0x1.9999999999968p-2, 0x1.2492492498d61p-2, 0x1.c71c71bc72d8ep-3, 0x1.745d1bc530bcbp-3,
                       0x1.3b12988935d93p-3, 0x1.113a1623e1b70p-3, 0x1.dad07de6f7779p-4, 0x1.017dc26aa8126p-3);
  }
  p_low = multiply_add(w * w, terms, p_low);
  V t = s * p, t_low = lost_in_product(s, p, t) + multiply_add(s, p_low, s_low * p) + 2 * s_low;
  V start = n * pick<V>(0x1.62ep-1f, 0x1.62e42feep-1), head = start + 2 * s, near = head + t;
  V tail = ((head - near) + t) + ((start - head) + 2 * s);
  tail += multiply_add(n, splat(pick<V>(0x1.0bfbe8p-15f, 0x1.a39ef35793c76p-33)), t_low);
  V log = abs(near) < infinity<V> ? near + tail : near, log_low = (near - log) + tail;
  log = log_or_special(x, log);

  V exponent = y * log, exponent_low = multiply_add(y, log_low, lost_in_product(y, log, exponent));
  exponent_low = abs(exponent) < 1000 ? exponent_low : V{};
  Exponential<V> e = split_exponential(within_exponents(exponent), exponent_low);
  return scale(e.power(), e.n);
}

// The special cases are those of C's Annex F.
template <class V>
[[gnu::always_inline]] inline V float_power(V x, V y) {
  using T = lane_of<V>;
  V a = abs(x), half = y * T(0.5), z = power_of_magnitude(a, y);
  mask_of<V> whole_y = whole<Rounding::nearest>(y) == y, odd = whole_y & (whole<Rounding::nearest>(half) != half);
  z = (a == 1) & (abs(y) == infinity<V>) ? 1 + V{} : z;
  z = odd ? copysign(z, x) : z;
  z = (x < 0) & (a < infinity<V>)&~whole_y ? x - x + not_a_number<V> : z;
  return (x == 1) | (y == 0) ? 1 + V{} : z;
}

}  // namespace math
}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
