// The functions that elementwise.inc calls, on single complex numbers, beside those of math.h, which take vectors.
// Special cases are those of C's Annex G, which the array API standard asks for: the C library has them.
#pragma once

#define NEEDLE_TARGET complex
#include "../kernels/math.h"

namespace needle::cpu::complex {
namespace {

typedef __complex__ float c64;
typedef __complex__ double c128;

template <class Z>
using part_of = decltype(__real__ Z{});

template <class Z>
Z make(part_of<Z> real, part_of<Z> imag) {
  Z z;
  __real__ z = real;
  __imag__ z = imag;
  return z;
}

// Those that the C library lacks, for both types.
namespace of {

template <class T>
T hypot(T x, T y) {
  return sizeof(T) == 4 ? static_cast<T>(__builtin_hypotf(x, y)) : static_cast<T>(__builtin_hypot(x, y));
}

template <class Z>
bool isfinite(Z x) {
  return __builtin_isfinite(__real__ x) && __builtin_isfinite(__imag__ x);
}

template <class Z>
bool isinf(Z x) {
  return __builtin_isinf(__real__ x) || __builtin_isinf(__imag__ x);
}

template <class Z>
Z conj(Z x) {
  return make<Z>(__real__ x, -__imag__ x);
}

template <class Z>
part_of<Z> real(Z x) {
  return __real__ x;
}

template <class Z>
part_of<Z> imag(Z x) {
  return __imag__ x;
}

template <class Z>
part_of<Z> abs(Z x) {
  return hypot(__real__ x, __imag__ x);
}

// Of an infinity, its direction, which two infinite parts do not have.
template <class Z>
Z sign(Z x) {
  using T = part_of<Z>;
  T a = __real__ x, b = __imag__ x, distance = abs(x);
  if (distance == 0) return Z{};
  if (!__builtin_isinf(distance)) return make<Z>(a / distance, b / distance);
  if (__builtin_isinf(a) && __builtin_isinf(b)) return make<Z>(__builtin_nanf(""), __builtin_nanf(""));
  return __builtin_isinf(a) ? make<Z>(a > 0 ? 1 : -1, 0) : make<Z>(0, b > 0 ? 1 : -1);
}

// conj(x) / |x|^2, divided by the greater part first. An infinity with a NaN is an infinity here, as in Annex G.
template <class Z>
Z reciprocal(Z x) {
  using T = part_of<Z>;
  T a = __real__ x, b = __imag__ x;
  if (x == 0) return make<Z>(1 / a, __builtin_nanf(""));
  if (isinf(x)) return make<Z>(static_cast<T>(__builtin_copysign(0, a)), static_cast<T>(__builtin_copysign(0, -b)));
  if (__builtin_fabs(a) >= __builtin_fabs(b)) {
    T ratio = b / a, length = a + b * ratio;
    return make<Z>(1 / length, -ratio / length);
  }
  T ratio = a / b, length = a * ratio + b;
  return make<Z>(ratio / length, -1 / length);
}

template <class Z>
Z round(Z x) {
  return make<Z>(static_cast<part_of<Z>>(__builtin_rint(__real__ x)),
                 static_cast<part_of<Z>>(__builtin_rint(__imag__ x)));
}

template <class Z>
Z log(Z x) {
  if constexpr (sizeof(Z) == 8) {
    return __builtin_clogf(x);
  } else {
    return __builtin_clog(x);
  }
}

template <class Z>
Z log2(Z x) {
  return log(x) * static_cast<part_of<Z>>(1.4426950408889634074);
}

template <class Z>
Z log10(Z x) {
  return log(x) * static_cast<part_of<Z>>(0.43429448190325182765);
}

// exp(a) cos b - 1 = (exp(a) - 1) cos b - 2 sin^2(b / 2): no two nearly equal numbers are subtracted.
template <class Z>
Z expm1(Z x) {
  double a = __real__ x, b = __imag__ x, half = __builtin_sin(b / 2);
  if (x == 0) return make<Z>(0, __imag__ x);  // the array API's answer to -0, too
  if (!isfinite(x)) return static_cast<Z>(__builtin_cexp(static_cast<c128>(x)) - 1);
  double growth = __builtin_expm1(a);
  return static_cast<Z>(make<c128>(growth * __builtin_cos(b) - 2 * half * half, (growth + 1) * __builtin_sin(b)));
}

// At an infinite real part the array API gives the zero beside 1 or -1 the sign of b, and libm that of sin 2b.
template <class Z>
Z tanh(Z x) {
  using T = part_of<Z>;
  T a = __real__ x, b = __imag__ x;
  if (__builtin_isinf(a)) {
    return make<Z>(static_cast<T>(__builtin_copysign(1, a)), static_cast<T>(__builtin_copysign(0, b)));
  }
  if constexpr (sizeof(Z) == 8) {
    return __builtin_ctanhf(x);
  } else {
    return __builtin_ctanh(x);
  }
}

// Near 0, log |1 + x| = log1p(|1 + x|^2 - 1) / 2.
template <class Z>
Z log1p(Z x) {
  double a = __real__ x, b = __imag__ x;
  if (!(a * a + b * b < 0.25)) return static_cast<Z>(__builtin_clog(static_cast<c128>(1 + x)));
  return static_cast<Z>(make<c128>(__builtin_log1p(a * (2 + a) + b * b) / 2, __builtin_atan2(b, 1 + a)));
}

// Small whole powers are products, and so exact where these are.
template <class Z>
Z pow(Z x, Z y) {
  double exponent = __real__ y;
  if (__imag__ y == 0 && __builtin_fabs(exponent) <= 64 && exponent == __builtin_trunc(exponent)) {
    Z power = make<Z>(1, 0), base = x;
    for (int n = static_cast<int>(__builtin_fabs(exponent)); n > 0; n >>= 1) {
      if (n & 1) power *= base;
      if (n > 1) base *= base;
    }
    return exponent < 0 ? 1 / power : power;
  }
  if (x == 0 && exponent > 0) return Z{};
  return static_cast<Z>(__builtin_cpow(static_cast<c128>(x), static_cast<c128>(y)));
}

}  // namespace of

namespace math {

#define NEEDLE_LIBM(name)                                    \
  inline c64 name(c64 x) { return __builtin_c##name##f(x); } \
  inline c128 name(c128 x) { return __builtin_c##name(x); }
NEEDLE_LIBM(exp)
NEEDLE_LIBM(log)
NEEDLE_LIBM(sqrt)
NEEDLE_LIBM(sin)
NEEDLE_LIBM(cos)
NEEDLE_LIBM(tan)
NEEDLE_LIBM(asin)
NEEDLE_LIBM(acos)
NEEDLE_LIBM(atan)
NEEDLE_LIBM(sinh)
NEEDLE_LIBM(cosh)
NEEDLE_LIBM(asinh)
NEEDLE_LIBM(acosh)
NEEDLE_LIBM(atanh)
#undef NEEDLE_LIBM

#define NEEDLE_OWN(name)                          \
  inline auto name(c64 x) { return of::name(x); } \
  inline auto name(c128 x) { return of::name(x); }
NEEDLE_OWN(abs)
NEEDLE_OWN(sign)
NEEDLE_OWN(reciprocal)
NEEDLE_OWN(conj)
NEEDLE_OWN(real)
NEEDLE_OWN(imag)
NEEDLE_OWN(round)
NEEDLE_OWN(isinf)
NEEDLE_OWN(isfinite)
NEEDLE_OWN(log2)
NEEDLE_OWN(log10)
NEEDLE_OWN(expm1)
NEEDLE_OWN(log1p)
NEEDLE_OWN(tanh)
#undef NEEDLE_OWN

inline c64 pow(c64 x, c64 y) { return of::pow(x, y); }
inline c128 pow(c128 x, c128 y) { return of::pow(x, y); }

}  // namespace math
}  // namespace
}  // namespace needle::cpu::complex
