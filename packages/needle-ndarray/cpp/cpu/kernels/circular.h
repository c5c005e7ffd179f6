// Circular functions of vectors of float or double; tools/accuracy.py states the greatest error of each in units of the
// last place.
#pragma once

#include "approximation.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {
namespace math {

// x = n pi/2 + rest with a whole n, rest within pi/4 of 0, for |x| up to `reducible`.
template <class V>
struct Angle {
  V rest;
  mask_of<V> n;
};

#ifdef __FMA__
template <class V>
constexpr lane_of<V> reducible = pick<V>(0x1p16f, 0x1p20);
#else
template <class V>
constexpr lane_of<V> reducible = 0x1p20;
#endif

[[gnu::always_inline]] inline Vec<double> whole_quarters(Vec<double> x) {
  return whole<Rounding::nearest>(x * 0x1.45f306dc9c883p-1) + 0;  // not -0, which would take the sign of -0
}

[[gnu::always_inline]] inline Vec<double> without_quarters(Vec<double> x, Vec<double> n) {
  return multiply_add(n, splat(-0x1.0b4611a626331p-34), multiply_add(n, splat(-0x1.921fb544p+0), x));
}

template <class V>
[[gnu::always_inline]] inline Angle<V> reduce_angle(V x) {
  if constexpr (is_f32<V>) {
#ifdef __FMA__
    V n = whole<Rounding::nearest>(x * 0x1.45f306p-1f) + 0;
    V rest = multiply_add(n, splat(-0x1.921fb4p+0f), x);  // exact
    rest = multiply_add(n, splat(-0x1.4442d0p-24f), rest);
    rest = multiply_add(n, splat(-0x1.846988p-48f), rest);
    return {rest, __builtin_convertvector(n, mask_of<V>)};
#else
    // In double, whose digits are enough.
    auto [low, high] = widen(x);
    Vec<double> n = whole_quarters(low), m = whole_quarters(high);
    V rest = narrow({without_quarters(low, n), without_quarters(high, m)});
    return {rest, __builtin_convertvector(narrow({n, m}), mask_of<V>)};
#endif
  } else {
    V n = whole_quarters(x), near = multiply_add(n, splat(-0x1.921fb544p+0), x), step = n * 0x1.0b4611a6p-34;
    V rest = near - step, excess = multiply_add(n, splat(0x1.3198a2e037073p-69), step - (near - rest));
    return {rest - excess, __builtin_convertvector(n, mask_of<V>)};
  }
}

// The sine of r, whose square is z.
template <class V>
[[gnu::always_inline]] inline V sine_near_0(V r, V z) {
  V terms;
  if constexpr (is_f32<V>) {
    terms = polynomial(z, -0x1.555556p-3f, 0x1.111174p-7f, -0x1.a05954p-13f, 0x1.7c2b30p-19f);
  } else {
    terms = polynomial(z, -0x1.5555555555555p-3, 0x1.1111111111069p-7, -0x1.a01a019ffe523p-13, 0x1.71de3a33a580fp-19,
                       -0x1.ae642c51b8185p-26, 0x1.6109bd8315891p-33, -0x1.9ffd853a24809p-41);
  }
  return copysign(multiply_add(r * z, terms, r), r);  // of -0, the sum is 0
}

template <class V>
[[gnu::always_inline]] inline V cosine_near_0(V z) {
  V terms;
  if constexpr (is_f32<V>) {
    terms = polynomial(z, 0x1.55554ap-5f, -0x1.6c0c28p-10f, 0x1.99e800p-16f);
  } else {
    terms = polynomial(z, 0x1.555555555554bp-5, -0x1.6c16c16c15007p-10, 0x1.a01a019c8cc41p-16, -0x1.27e4f7ef4678dp-22,
                       0x1.1ee9d9eeafbd4p-29, -0x1.8fa5684fa920bp-37);
  }
  using T = lane_of<V>;
  V half = z * T(0.5), head = 1 - half;
  return head + multiply_add(z * z, terms, (1 - head) - half);
}

// y, but where x is an angle too large to be reduced, the C library's result.
template <class V, class F>
[[gnu::always_inline]] inline V with_large_angles(V x, V y, F f) {
  mask_of<V> large = abs(x) > reducible<V>;
  if (__builtin_expect(any(large), 0)) y = large ? each(x, f) : y;
  return y;
}

#define NEEDLE_LIBM(name)                                                                \
  struct libm_##name {                                                                   \
    template <class T>                                                                   \
    T operator()(T x) const {                                                            \
      return sizeof(T) == 4 ? static_cast<T>(__builtin_##name##f(static_cast<float>(x))) \
                            : static_cast<T>(__builtin_##name(static_cast<double>(x)));  \
    }                                                                                    \
  };
NEEDLE_LIBM(sin)
NEEDLE_LIBM(cos)
NEEDLE_LIBM(tan)
#undef NEEDLE_LIBM

// The sine of the angle `quarters` quarters of a circle further.
template <class V>
[[gnu::always_inline]] inline V sine_from(V x, int quarters) {
  auto [r, n] = reduce_angle(x);
  n += quarters;
  V z = r * r, sine = sine_near_0(r, z), cosine = cosine_near_0(z);
  using Bits = mask_of<V>;
  Bits sign = (n & 2) << (8 * sizeof(lane_of<V>) - 2);
  return (V)((Bits)((n & 1) != 0 ? cosine : sine) ^ sign);
}

template <class V>
[[gnu::always_inline]] inline V sin(V x) {
  return with_large_angles(x, sine_from(x, 0), libm_sin{});
}

template <class V>
[[gnu::always_inline]] inline V cos(V x) {
  return with_large_angles(x, sine_from(x, 1), libm_cos{});
}

template <class V>
[[gnu::always_inline]] inline V tan(V x) {
  auto [r, n] = reduce_angle(x);
  V z = r * r, terms;
  if constexpr (is_f32<V>) {
    terms =
        polynomial(z, 0x1.5554dep-2f, 0x1.112df8p-3f, 0x1.b5824ap-5f, 0x1.908b94p-6f, 0x1.9516ccp-9f, 0x1.342352p-7f);
  } else {
    terms = polynomial(z, 0x1.55555555554eep-2, 0x1.11111111186f8p-3, 0x1.ba1ba1b43a917p-5, 0x1.664f49b1856d2p-6,
                       0x1.226e115b204f2p-7, 0x1.d6d9579f82054p-9, 0x1.7d59a910d5ae2p-10, 0x1.3808d85879561p-11,
                       0x1.d1c821bffd5ecp-13, 0x1.1f84b06eee993p-13, -0x1.c84c855c99e77p-16, 0x1.7a53d502a9832p-14,
                       -0x1.7bd96601af1d0p-15, 0x1.5faa96cded2a6p-16);
  }
  V tangent = multiply_add(r * z, terms, r);
  return with_large_angles(x, (n & 1) != 0 ? -1 / tangent : tangent, libm_tan{});
}

// asin(s) - s for s up to 1/2.
template <class V>
[[gnu::always_inline]] inline V asin_near_0(V s, V z) {
  V terms;
  if constexpr (is_f32<V>) {
    terms = polynomial(z, 0x1.5555c8p-3f, 0x1.330204p-4f, 0x1.747bb8p-5f, 0x1.8c3e54p-6f, 0x1.595c66p-5f);
  } else {
    terms = polynomial(z, 0x1.555555555538dp-3, 0x1.333333336ef2cp-4, 0x1.6db6db422661bp-5, 0x1.f1c72c56bb2cfp-6,
                       0x1.6e89f13df9767p-6, 0x1.1c6c120d51753p-6, 0x1.c6f9ce36b8785p-7, 0x1.8ede3ed4af0e4p-7,
                       0x1.aad8f3cb09c27p-8, 0x1.40a40d4e4ab6ep-6, -0x1.0af0654e08e41p-6, 0x1.05d268dd172b2p-5);
  }
  return s * z * terms;
}

template <class V>
constexpr lane_of<V> half_pi = pick<V>(0x1.921fb6p+0f, 0x1.921fb54442d18p+0);
template <class V>
constexpr lane_of<V> half_pi_low = pick<V>(-0x1.777a5cp-25f, 0x1.1a62633145c07p-54);

// Above 1/2 by the half angle: asin(a) = pi/2 - 2 asin(sqrt((1 - a) / 2)).
template <class V>
struct Arc {
  V start, more;  // asin(start) = start + more
  mask_of<V> large;
};

template <class V>
[[gnu::always_inline]] inline Arc<V> arc_of(V x) {
  V a = abs(x), z = a > lane_of<V>(0.5) ? (1 - a) * lane_of<V>(0.5) : a * a;
  mask_of<V> large = a > lane_of<V>(0.5);
  V s = large ? square_root(z) : a;
  return {s, asin_near_0(s, z), large};
}

template <class V>
[[gnu::always_inline]] inline V asin(V x) {
  auto [start, more, large] = arc_of(x);
  V far = half_pi<V> - (2 * start - (half_pi_low<V> - 2 * more));
  return copysign(large ? far : start + more, x);
}

template <class V>
[[gnu::always_inline]] inline V acos(V x) {
  auto [start, more, large] = arc_of(x);
  V half_angle = 2 * (start + more);
  V far = x < 0 ? 2 * half_pi<V> - (half_angle - 2 * half_pi_low<V>) : half_angle;
  V s = copysign(start, x), m = copysign(more, x);
  return large ? far : half_pi<V> - (s - (half_pi_low<V> - m));
}

// The angle of y / x for magnitudes x and y, neither NaN beside a number nor both 0: beyond tan(pi/8) and tan(3 pi/8)
// it is measured from pi/4 and pi/2.
template <class V>
[[gnu::always_inline]] inline V angle_of(V y, V x) {
  using T = lane_of<V>;
  mask_of<V> far = y > x * T(0x1.3504f333f9de6p+1), middle = y > x * T(0x1.a827999fcef32p-2);
  V t = (far ? -x : middle ? y - x : y) / (far ? y : middle ? y + x : x), z = t * t, terms;
  if constexpr (is_f32<V>) {
    terms = polynomial(z, -0x1.55554ap-2f, 0x1.9991e0p-3f, -0x1.23b964p-3f, 0x1.b21fbap-4f, -0x1.f2ca14p-5f);
  } else {
    terms = polynomial(z, -0x1.555555555553cp-2, 0x1.999999999564ep-3, -0x1.24924922a0696p-3, 0x1.c71c70e1080b2p-4,
                       -0x1.745cf84ba718cp-4, 0x1.3b110f00d5c74p-4, -0x1.10eb449f46cf5p-4, 0x1.df08ab4985a7cp-5,
                       -0x1.9cb4a4efadebbp-5, 0x1.37888a1605778p-5, -0x1.24c0098a2c819p-6);
  }
  V from = far ? splat(half_pi<V>) : middle ? splat(half_pi<V> / 2) : V{};
  V from_low = far ? splat(half_pi_low<V>) : middle ? splat(half_pi_low<V> / 2) : V{};
  return from + (multiply_add(t * z, terms, from_low) + t);
}

template <class V>
[[gnu::always_inline]] inline V atan(V x) {
  return copysign(angle_of(abs(x), 1 + V{}), x);
}

template <class V>
[[gnu::always_inline]] inline V atan2(V y, V x) {
  using T = lane_of<V>;
  V a = abs(y), b = abs(x);
  mask_of<V> infinite = (a == infinity<V>)&(b == infinity<V>),
             great = (a > pick<V>(0x1p126f, 0x1p1022)) | (b > pick<V>(0x1p126f, 0x1p1022));
  a = infinite ? 1 + V{} : great ? a * T(0.25) : a;
  b = infinite ? 1 + V{} : great ? b * T(0.25) : b;
  V angle = (a == 0) & (b == 0) ? V{} : angle_of(a, b);
  angle = (mask_of<V>)x < 0 ? 2 * half_pi<V> - (angle - 2 * half_pi_low<V>) : angle;
  return copysign((x != x) | (y != y) ? x + y : angle, y);
}

}  // namespace math
}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
