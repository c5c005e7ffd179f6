// Exponentials and logarithms of vectors of float or double, and what follows from them. The greatest error of each
// function, in units of the last place, is stated in tools/accuracy.py, which measures it over all floats and over
// samples of double.
#pragma once

#include "approximation.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {
namespace math {

// e^(x + low) = 2^n e^r: n is whole, e^r = 1 + r + more lies between sqrt(1/2) and sqrt(2), and low is small beside x.
template <class V>
struct Exponential {
  V n, r, more;

  [[gnu::always_inline]] V rest() const { return r + more; }
  // e^r, with what rounding 1 + r loses.
  [[gnu::always_inline]] V power() const {
    V head = 1 + r;
    return head + ((r - (head - 1)) + more);
  }
};

template <class V, class... Low>
[[gnu::always_inline]] inline Exponential<V> split_exponential(V x, Low... low) {
  V n = whole<Rounding::nearest>(x * pick<V>(0x1.715476p+0f, 0x1.71547652b82fep+0));
  V r = multiply_add(n, splat(pick<V>(-0x1.62e8p-1f, -0x1.62e42ff0p-1)), x);
  r = multiply_add(n, splat(pick<V>(0x1.e8082ep-16f, 0x1.718432a1b0e26p-35)), r);
  ((r += low), ...);
  V square = r * r, terms;  // (e^r - 1 - r) / r^2
  if constexpr (is_f32<V>) {
    terms =
        polynomial(r, 0x1.000000p-1f, 0x1.55552cp-3f, 0x1.555502p-5f, 0x1.1155aap-7f, 0x1.6d2e50p-10f, 0x1.3af172p-13f);
  } else {
    terms = polynomial(r, 0x1.0000000000000p-1, 0x1.5555555555559p-3, 0x1.5555555555559p-5, 0x1.111111110f740p-7,
                       0x1.6c16c16c1659cp-10, 0x1.a01a01af3c286p-13, 0x1.a01a0196b78ecp-16, 0x1.71ddfab48d845p-19,
                       0x1.27e51dceb274ep-22, 0x1.af59e11aa3e09p-26, 0x1.1ee320c5559c0p-29);
  }
  return {n, r, square * terms};
}

// Beyond these, e^x is infinite, and 0.
template <class V>
[[gnu::always_inline]] inline V within_exponents(V x) {
  return at_least(at_most(x, pick<V>(89, 710)), pick<V>(-104, -746));
}

template <class V>
[[gnu::always_inline]] inline V exp(V x) {
  Exponential<V> e = split_exponential(within_exponents(x));
  return scale(e.power(), e.n);
}

template <class V>
[[gnu::always_inline]] inline V expm1(V x) {
  Exponential<V> e = split_exponential(within_exponents(x));
  V half = scale(splat<lane_of<V>>(0.5), e.n);  // half, so that the greatest results do not overflow on the way
  V y = 2 * multiply_add(e.rest(), half, half - lane_of<V>(0.5));
  return abs(x) < pick<V>(0x1p-25f, 0x1p-54) ? x : y;
}

// x = 2^n (1 + rest): n is whole, 1 + rest lies in [0.75, 1.5). For no positive number x, `log_or_special` corrects.
template <class V>
struct Logarithm {
  V n, rest;
};

template <class V>
[[gnu::always_inline]] inline Logarithm<V> split_number(V x) {
#ifdef __AVX512F__
  V n, m = split_by_instruction(x, n);
  return {n, m - 1};
#else
  using Bits = mask_of<V>;
  constexpr int lift = fraction_bits<V> + 1;
  Bits small = x < least_normal<V>;
  x = small ? x * (1ll << lift) : x;
  Bits n = ((Bits)x - (Bits)splat(lane_of<V>(0.75))) >> fraction_bits<V>;
  V rest = (V)((Bits)x - (n << fraction_bits<V>)) - 1;
  return {__builtin_convertvector(n - (small & lift), V), rest};
#endif
}

// log(1 + r) - r for the rest.
template <class V>
[[gnu::always_inline]] inline V log_of_rest(V r) {
  V half_square = r * r * lane_of<V>(0.5);
  if constexpr (is_f32<V>) {
    V terms = polynomial(r, 0x1.555554p-2f, -0x1.000018p-2f, 0x1.999b50p-3f, -0x1.554a94p-3f, 0x1.243a12p-3f,
                         -0x1.0064c0p-3f, 0x1.d42c4cp-4f, -0x1.abaf7cp-4f, 0x1.36ed6ep-4f, -0x1.cbf530p-6f);
    return multiply_add(r * (r * r), terms, -half_square);
  } else {
    V s = r / (2 + r), w = s * s;  // log(1 + r) = 2 atanh(s)
    V terms = w * polynomial(w, 0x1.555555555554fp-1, 0x1.999999999c179p-2, 0x1.24924921e44d8p-2, 0x1.c71c748fc54f1p-3,
                             0x1.745c4ad827ce6p-3, 0x1.3b35c18ef2825p-3, 0x1.0dcb8316c24bdp-3, 0x1.1b8239d89d45bp-3);
    return multiply_add(s, half_square + terms, -half_square);
  }
}

// What a logarithm gives where x is no positive number, and y elsewhere. With the instruction that split x, y is right.
template <class V>
[[gnu::always_inline]] inline V log_or_special([[maybe_unused]] V x, V y) {
#ifdef __AVX512F__
  return y;
#else
  V special = x == 0 ? splat(-infinity<V>) : x < 0 ? splat(not_a_number<V>) : x;
  return (x > 0) & (x < infinity<V>) ? y : special;
#endif
}

// log of 2^n (1 + rest). Both parts of log 2 are positive, so that an infinite n gives no NaN.
template <class V>
[[gnu::always_inline]] inline V join_log(Logarithm<V> x) {
  V low = multiply_add(x.n, splat(pick<V>(0x1.0bfbe8p-15f, 0x1.a39ef35793c76p-33)), log_of_rest(x.rest));
  return multiply_add(x.n, splat(pick<V>(0x1.62ep-1f, 0x1.62e42feep-1)), x.rest + low);
}

template <class V>
[[gnu::always_inline]] inline V log(V x) {
  return log_or_special(x, join_log(split_number(x)));
}

// log(2^n (1 + x)), accurate near 0: what rounding 1 + x to u loses is added to the rest.
template <class V>
[[gnu::always_inline]] inline V log1p(V x, V n = V{}) {
  V u = 1 + x, lost = x < infinity<V> ? x - (u - 1) : V{};
  auto [m, rest] = split_number(u);
  rest += scale(lost, at_most(-m, pick<V>(126, 1022)));
  V y = log_or_special(u, join_log(Logarithm<V>{m + n, rest}));
  return abs(x) < pick<V>(0x1p-25f, 0x1p-54) ? x : y;
}

// n * unit + log(1 + rest) * factor, where unit and factor have two parts, none negative.
template <class V>
[[gnu::always_inline]] inline V log_to_base(V x, lane_of<V> unit, lane_of<V> unit_low, lane_of<V> factor,
                                            lane_of<V> factor_low) {
  auto [n, rest] = split_number(x);
  V low = multiply_add(rest, splat(factor_low), log_of_rest(rest) * (factor + factor_low));
  if (unit_low != 0) low = multiply_add(n, splat(unit_low), low);
  return log_or_special(x, multiply_add(n, splat(unit), multiply_add(rest, splat(factor), low)));
}

template <class V>
[[gnu::always_inline]] inline V log2(V x) {
  return log_to_base(x, 1, 0, pick<V>(0x1.715p+0f, 0x1.71547652p+0), pick<V>(0x1.1d94aep-14f, 0x1.705fc2eefa200p-33));
}

template <class V>
[[gnu::always_inline]] inline V log10(V x) {
  return log_to_base(x, pick<V>(0x1.344p-2f, 0x1.34413508p-2), pick<V>(0x1.3509f8p-18f, 0x1.f79fef311f12bp-34),
                     pick<V>(0x1.bcbp-2f, 0x1.bcb7b152p-2), pick<V>(0x1.ec549cp-16f, 0x1.b9438ca9aadd5p-36));
}

// e^|x| / 2.
template <class V>
[[gnu::always_inline]] inline V half_exp(V magnitude) {
  Exponential<V> e = split_exponential(at_most(magnitude, pick<V>(90, 711)));
  return scale(e.power(), e.n - 1);
}

template <class V>
[[gnu::always_inline]] inline V cosh(V x) {
  V half = half_exp(abs(x));
  return half + lane_of<V>(0.25) / half;
}

template <class V>
[[gnu::always_inline]] inline V sinh(V x) {
  V magnitude = abs(x), half = half_exp(magnitude), z = x * x, terms;
  if constexpr (is_f32<V>) {
    terms = polynomial(z, 0x1.555556p-3f, 0x1.1110e0p-7f, 0x1.a022bcp-13f, 0x1.756c72p-19f);
  } else {
    terms = polynomial(z, 0x1.5555555555556p-3, 0x1.111111111101dp-7, 0x1.a01a01a037560p-13, 0x1.71de3a3ad433cp-19,
                       0x1.ae6470269a379p-26, 0x1.6116dde5e964ap-33, 0x1.b5d07b5d8b050p-41);
  }
  V small = multiply_add(magnitude * z, terms, magnitude);
  return copysign(magnitude < 1 ? small : half - lane_of<V>(0.25) / half, x);
}

// e^(2 |x|) - 1 = t gives t / (t + 2). From the limit on it is 1.
template <class V>
[[gnu::always_inline]] inline V tanh(V x) {
  Exponential<V> e = split_exponential(2 * at_most(abs(x), pick<V>(10, 20)));
  V power = scale(1 + V{}, e.n), t = multiply_add(e.rest(), power, power - 1);
  return copysign(t / (t + 2), x);
}

template <class V>
[[gnu::always_inline]] inline V sigmoid(V x) {
  V e = exp(-abs(x));
  return (x < 0 ? e : 1 + V{}) / (1 + e);
}

template <class V>
[[gnu::always_inline]] inline V softplus(V x) {
  return (x > 0 ? x : V{}) + log1p(exp(-abs(x)));
}

// From the limit on, the 1 beside the square no longer counts, which the square might overflow.
template <class V>
[[gnu::always_inline]] inline V asinh(V x) {
  V a = abs(x), square = a * a;
  mask_of<V> large = a > pick<V>(0x1p30f, 0x1p60);
  V y = log1p(large ? a : a + square / (1 + square_root(1 + square)), large ? splat(lane_of<V>(1)) : V{});
  return copysign(y, x);
}

template <class V>
[[gnu::always_inline]] inline V acosh(V x) {
  V t = x - 1;
  mask_of<V> large = x > pick<V>(0x1p30f, 0x1p60);
  V y = log1p(large ? x : t + square_root(2 * t + t * t), large ? splat(lane_of<V>(1)) : V{});
  return x < 1 ? splat(not_a_number<V>) : y;
}

template <class V>
[[gnu::always_inline]] inline V atanh(V x) {
  V a = abs(x);
  return copysign(lane_of<V>(0.5) * log1p(2 * a / (1 - a)), x);
}

// erf(x) / x - 1 for |x| <= 1, of the square of x, in double.
[[gnu::always_inline]] inline Vec<double> erf_near_0(Vec<double> z) {
  return polynomial(z, 0x1.06eba8214db69p-3, -0x1.812746b037a22p-2, 0x1.ce2f21a04566ap-4, -0x1.b82ce31349d16p-6,
                    0x1.565bcd2ad6b16p-8, -0x1.c02db8f27e953p-11, 0x1.f9a3b2be93b87p-14, -0x1.f4dc820193470p-17,
                    0x1.ba643fe454a9bp-20, -0x1.636e0547d6972p-23, 0x1.128625e05147fp-26, -0x1.c1c09fa54a1b4p-30,
                    0x1.3897aa6ca6a79p-33);
}

// e^(-factor a^2) for a factor of 1 or 1/2 and 0 <= a <= 64, in double. The square is that of a's upper half, which is
// exact, and what is left.
[[gnu::always_inline]] inline Vec<double> bell(Vec<double> a, double factor) {
  Vec<double> upper = (Vec<double>)((mask_of<Vec<double>>)a >> 28 << 28);
  auto e = split_exponential(-factor * (upper * upper), factor * ((upper - a) * (upper + a)));
  return scale(e.power(), e.n);
}

// (1 - erf(a)) e^(a^2) for a >= 0.4, in double: 1 / (1 + 2a) times a polynomial of (a - 4) / (a + 4).
[[gnu::always_inline]] inline Vec<double> scaled_erfc(Vec<double> a) {
  Vec<double> t = (a - 4) / (a + 4);
  Vec<double> terms = polynomial(
      t, 0x1.3ba5916e9fd7fp+0, -0x1.1df1ad154a273p-3, 0x1.f7f5df66fb19ep-7, 0x1.16ecefcfa39c9p-4, -0x1.9ddb23c3d727dp-4,
      0x1.7fee004e4cb90p-4, -0x1.0fb06dffe98b0p-4, 0x1.3079edeed0b66p-5, -0x1.0962383840a0ep-6, 0x1.49c674c9c9817p-8,
      -0x1.8d4adb33e71cdp-11, -0x1.a1e0c5aa96c09p-13, 0x1.3be47cc380483p-13, -0x1.9929b80cde01bp-16,
      -0x1.7935cb2cbe7ffp-17, 0x1.7d6a6784852bdp-18, 0x1.5d386f3e8be18p-22, -0x1.a6904ea8fe12ep-21,
      0x1.8766957337972p-25, 0x1.4cbbbb654865bp-24, -0x1.3c545808e2f54p-28, -0x1.c23b2656b9c21p-31);
  return terms / (1 + 2 * a);
}

template <class V>
[[gnu::always_inline]] inline V erf(V x) {
  V a = abs(x);
  if constexpr (is_f32<V>) {
    V limited = at_most(a, 3.92f), z = limited * limited;
    V above =
        polynomial(z, 0x1.20dd74p+0f, 0x1.85c3f6p-3f, 0x1.b002f8p-5f, 0x1.ed0652p-9f, 0x1.2a95bap-12f, 0x1.132fa2p-19f);
    V below = polynomial(z, 1.0f, 0x1.010584p-1f, 0x1.d33bb2p-4f, 0x1.ea3d82p-7f, 0x1.30788ep-10f, 0x1.3f7f6ap-15f);
    return copysign(a > 3.92f ? splat(1.0f) : at_most(limited * above / below, 1), x);
  } else {
    V near = multiply_add(x, erf_near_0(x * x), x), limited = at_most(a, 6);
    return a < 1 ? near : copysign(1 - bell(limited, 1) * scaled_erfc(limited), x);
  }
}

// x times the share of a normal distribution that lies below x. For float that is good to 2^-23 of x; for double, of
// itself.
template <class V>
[[gnu::always_inline]] inline V gelu(V x) {
  using T = lane_of<V>;
  if constexpr (is_f32<V>) {
    return T(0.5) * x * (1 + erf(x * 0x1.6a09e6p-1f));
  } else {
    V a = at_most(abs(x), 40), u = a * 0x1.6a09e667f3bcdp-1;  // beyond the limit, the share is 0 or 1
    V tail = 0.5 * bell(a, 0.5) * scaled_erfc(u), half = 0.5 * multiply_add(u, erf_near_0(u * u), u);
    return x * (u < 0.5 ? 0.5 + copysign(half, x) : x < 0 ? tail : 1 - tail);
  }
}

template <class V>
[[gnu::always_inline]] inline V gelu_tanh(V x) {
  using T = lane_of<V>;
  return x * sigmoid(x * multiply_add(x * x, splat(T(0x1.2444f2a4d8b4bp-4)), splat(T(0x1.9884533d43651p+0))));
}

}  // namespace math
}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
