// The functions that elementwise.inc calls, on vectors of one element type. Integers never trap: they wrap, and
// dividing by 0 gives 0. The transcendental ones call the C library for each lane.
#pragma once

#include "simd.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {
namespace math {

template <class V>
constexpr bool floating = std::is_floating_point_v<lane_of<V>>;
template <class V>
constexpr bool is_signed = std::is_signed_v<lane_of<V>>;

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

// A function of the C library for float and double.
#define NEEDLE_LIBM1(name)             \
  template <class V>                   \
  V name(V x) {                        \
    return each(x, [](auto v) {        \
      if constexpr (sizeof(v) == 4) {  \
        return __builtin_##name##f(v); \
      } else {                         \
        return __builtin_##name(v);    \
      }                                \
    });                                \
  }
NEEDLE_LIBM1(exp)
NEEDLE_LIBM1(expm1)
NEEDLE_LIBM1(log)
NEEDLE_LIBM1(log1p)
NEEDLE_LIBM1(log2)
NEEDLE_LIBM1(log10)
NEEDLE_LIBM1(sin)
NEEDLE_LIBM1(cos)
NEEDLE_LIBM1(tan)
NEEDLE_LIBM1(asin)
NEEDLE_LIBM1(acos)
NEEDLE_LIBM1(atan)
NEEDLE_LIBM1(sinh)
NEEDLE_LIBM1(cosh)
NEEDLE_LIBM1(tanh)
NEEDLE_LIBM1(asinh)
NEEDLE_LIBM1(acosh)
NEEDLE_LIBM1(atanh)
NEEDLE_LIBM1(erf)
#undef NEEDLE_LIBM1

template <class V>
V sqrt(V x) {
  for (int i = 0; i < lanes<lane_of<V>>; i++) {
    if constexpr (sizeof(x[0]) == 4) {
      x[i] = __builtin_sqrtf(x[i]);
    } else {
      x[i] = __builtin_sqrt(x[i]);
    }
  }
  return x;
}

template <class V>
V sigmoid(V x) {
  return 1 / (1 + exp(-x));
}

#define NEEDLE_LIBM2(name)                 \
  template <class V>                       \
  V name(V x, V y) {                       \
    return each(x, y, [](auto a, auto b) { \
      if constexpr (sizeof(a) == 4) {      \
        return __builtin_##name##f(a, b);  \
      } else {                             \
        return __builtin_##name(a, b);     \
      }                                    \
    });                                    \
  }
NEEDLE_LIBM2(atan2)
NEEDLE_LIBM2(hypot)
NEEDLE_LIBM2(nextafter)
#undef NEEDLE_LIBM2

// Rounding to whole numbers; integers are whole.
#define NEEDLE_ROUNDING(name, builtin)              \
  template <class V>                                \
  V name(V x) {                                     \
    if constexpr (floating<V>) {                    \
      for (int i = 0; i < lanes<lane_of<V>>; i++) { \
        if constexpr (sizeof(x[0]) == 4) {          \
          x[i] = builtin##f(x[i]);                  \
        } else {                                    \
          x[i] = builtin(x[i]);                     \
        }                                           \
      }                                             \
    }                                               \
    return x;                                       \
  }
NEEDLE_ROUNDING(floor, __builtin_floor)
NEEDLE_ROUNDING(ceil, __builtin_ceil)
NEEDLE_ROUNDING(trunc, __builtin_trunc)
NEEDLE_ROUNDING(round, __builtin_rint)
#undef NEEDLE_ROUNDING

template <class V>
V abs(V x) {
  if constexpr (floating<V>) {
    using Bits = mask_of<V>;
    return (V)((Bits)x & ~(Bits)-V{});
  } else if constexpr (is_signed<V>) {
    return x < 0 ? -x : x;
  } else {
    return x;
  }
}

template <class V>
V conj(V x) {
  return x;
}

template <class V>
V real(V x) {
  return x;
}

template <class V>
V imag(V) {
  return V{};
}

template <class V>
mask_of<V> signbit(V x) {
  return (mask_of<V>)x < 0;
}

template <class V>
V copysign(V x, V y) {
  using Bits = mask_of<V>;
  return (V)(((Bits)x & ~(Bits)-V{}) | ((Bits)y & (Bits)-V{}));
}

template <class V>
V sign(V x) {
  V positive = x > 0 ? V{} + 1 : V{};
  if constexpr (floating<V>) {
    V signed_ = x < 0 ? V{} - 1 : positive;
    return x == x ? signed_ : x;
  } else if constexpr (is_signed<V>) {
    return x < 0 ? V{} - 1 : positive;
  } else {
    return positive;
  }
}

// A NaN in either place wins: x is taken where it is NaN, y where no comparison holds.
template <class V>
V maximum(V x, V y) {
  return ((x > y) | (x != x)) ? x : y;
}

template <class V>
V minimum(V x, V y) {
  return ((x < y) | (x != x)) ? x : y;
}

// The greater one, and what the lesser one adds. Equal infinities have no difference.
template <class V>
V logaddexp(V x, V y) {
  V greater = maximum(x, y), difference = x == y ? V{} : abs(x - y);
  return greater + log1p(exp(-difference));
}

template <class V>
auto isinf(V x) {
  if constexpr (floating<V>) {
    return abs(x) == splat<lane_of<V>>(__builtin_inff());
  } else {
    return mask_of<V>{};
  }
}

template <class V>
auto isfinite(V x) {
  return x - x == 0;  // for an infinity, or NaN, the difference is NaN
}

template <class V>
V invert(V x) {
  return ~x;
}

// Python's division: the remainder has the divisor's sign. For floats the quotient is made from the exact remainder,
// so that the two agree.
template <class T>
struct Division {
  T quotient, remainder;
};

template <class T>
Division<T> divide_down(T x, T y) {
  if constexpr (std::is_floating_point_v<T>) {
    if (y == 0) return {x / y, static_cast<T>(__builtin_nan(""))};
    T rest;
    if constexpr (sizeof(T) == 4) {
      rest = __builtin_fmodf(x, y);
    } else {
      rest = __builtin_fmod(x, y);
    }
    T quotient = (x - rest) / y;
    if (rest == 0) {
      rest = y < 0 ? -T{} : T{};
    } else if ((rest < 0) != (y < 0)) {
      rest += y;
      quotient -= 1;
    }
    if (quotient == 0) return {__builtin_signbit(x / y) ? -T{} : T{}, rest};
    T whole = sizeof(T) == 4 ? static_cast<T>(__builtin_floorf(quotient)) : static_cast<T>(__builtin_floor(quotient));
    return {quotient - whole > T(0.5) ? whole + 1 : whole, rest};
  } else if constexpr (std::is_signed_v<T>) {
    if (y == 0) return {0, 0};
    if (y == -1) return {static_cast<T>(-x), 0};  // the least integer would trap
    T quotient = static_cast<T>(x / y), rest = static_cast<T>(x % y);
    if (rest != 0 && (rest < 0) != (y < 0)) return {static_cast<T>(quotient - 1), static_cast<T>(rest + y)};
    return {quotient, rest};
  } else {
    if (y == 0) return {0, 0};
    return {static_cast<T>(x / y), static_cast<T>(x % y)};
  }
}

template <class V>
V floor_divide(V x, V y) {
  return each(x, y, [](auto a, auto b) { return divide_down(a, b).quotient; });
}

template <class V>
V remainder(V x, V y) {
  return each(x, y, [](auto a, auto b) { return divide_down(a, b).remainder; });
}

template <class T>
T integer_power(T base, T exponent) {
  if constexpr (std::is_signed_v<T>) {
    if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
  }
  T result = 1;
  for (; exponent != 0; exponent = static_cast<T>(exponent >> 1)) {
    if (exponent & 1) result = static_cast<T>(result * base);
    base = static_cast<T>(base * base);
  }
  return result;
}

template <class V>
V pow(V x, V y) {
  return each(x, y, [](auto a, auto b) {
    if constexpr (!std::is_floating_point_v<decltype(a)>) {
      return integer_power(a, b);
    } else if constexpr (sizeof(a) == 4) {
      return __builtin_powf(a, b);
    } else {
      return __builtin_pow(a, b);
    }
  });
}

// A count is taken as unsigned, so that a negative one is too large as well.
template <class V>
V left_shift(V x, V y) {
  constexpr int bits = 8 * sizeof(x[0]);
  mask_of<V> in_range = (y >= 0) & (y < bits);
  return in_range ? x << (y & (bits - 1)) : V{};
}

template <class V>
V right_shift(V x, V y) {
  constexpr int bits = 8 * sizeof(x[0]);
  mask_of<V> in_range = (y >= 0) & (y < bits);
  return x >> (in_range ? y : V{} + (bits - 1)) & (is_signed<V> ? ~V{} : (V)in_range);
}

}  // namespace math
}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
