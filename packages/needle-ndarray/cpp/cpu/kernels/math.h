// The functions that elementwise.inc calls, on vectors of one element type. Integers never trap: they wrap, and
// dividing by 0 gives 0.
#pragma once

#include "circular.h"
#include "exponential.h"
#include "power.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {
namespace math {

template <class V>
constexpr bool floating = std::is_floating_point_v<lane_of<V>>;
template <class V>
constexpr bool is_signed = std::is_signed_v<lane_of<V>>;

// Scaled where squares would overflow, or lose digits below the smallest normal number.
template <class V>
V hypot(V x, V y) {
  using T = lane_of<V>;
  V a = abs(x), b = abs(y), greater = a > b ? a : b;
  const T far = pick<V>(0x1p60f, 0x1p500), lift = pick<V>(0x1p80f, 0x1p600);
  V up = greater < 1 / far ? splat(lift) : 1 + V{}, factor = greater > far ? splat(1 / lift) : up;
  V back = greater > far ? splat(lift) : greater < 1 / far ? splat(1 / lift) : 1 + V{};
  a *= factor;
  b *= factor;
  V y_ = square_root(multiply_add(a, a, b * b)) * back;
  return greater == infinity<V> ? greater : (abs(x) == infinity<V> ? abs(x) : y_);
}

// One more or less in the bits, which have the order of the magnitudes.
template <class V>
V nextafter(V x, V y) {
  using Bits = mask_of<V>;
  V tiny = copysign((V)(Bits{} + 1), y);
  V beside = (V)((Bits)x + ((x < y) == (x > 0) ? Bits{} + 1 : Bits{} - 1));
  return x == y ? y : (x != x) | (y != y) ? x + y : x == 0 ? tiny : beside;
}

template <class V>
V sqrt(V x) {
  return square_root(x);
}

// Rounding to whole numbers; integers are whole.
#define NEEDLE_ROUNDING(name, direction)    \
  template <class V>                        \
  V name(V x) {                             \
    if constexpr (floating<V>) {            \
      return whole<Rounding::direction>(x); \
    } else {                                \
      return x;                             \
    }                                       \
  }
NEEDLE_ROUNDING(floor, down)
NEEDLE_ROUNDING(ceil, up)
NEEDLE_ROUNDING(trunc, to_zero)
NEEDLE_ROUNDING(round, nearest)
#undef NEEDLE_ROUNDING

template <class V>
V reciprocal(V x) {
  return 1 / x;
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
  if constexpr (floating<V>) {
    return float_power(x, y);
  } else {
    return each(x, y, [](auto a, auto b) { return integer_power(a, b); });
  }
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
