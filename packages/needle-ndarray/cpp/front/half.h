// Single conversions between double and the formats of 16 and 8 bits, for scalars; arrays are the backend's to convert.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace needle {

// Without an infinity, the greatest exponent holds numbers too, and its last mantissa stands for NaN.
struct SmallFormat {
  int mantissa, exponent;  // stored bits
  bool has_infinity = true;

  int bias() const { return (1 << (exponent - 1)) - 1; }
  int sign() const { return 1 << (mantissa + exponent); }
  int limit() const { return has_infinity ? ((1 << exponent) - 1) << mantissa : sign() - 1; }  // infinity, or NaN
};

constexpr SmallFormat kHalf{10, 5}, kBfloat{7, 8}, kE5m2{2, 5}, kE4m3fn{3, 4, false};

// Rounds to nearest even: IEEE 754-2019, section 4.3.1. What is too great becomes infinity, or NaN for want of it.
template <class Bits>
Bits to_small_float(double value, const SmallFormat &format) {
  int mantissa = format.mantissa, bias = format.bias(), limit = format.limit();
  int sign = std::signbit(value) ? format.sign() : 0;
  if (std::isnan(value)) return static_cast<Bits>(sign | limit | 1 << (mantissa - 1));
  double magnitude = std::fabs(value);
  if (magnitude == 0) return static_cast<Bits>(sign);
  if (std::isinf(magnitude)) return static_cast<Bits>(sign | limit);
  int e;
  std::frexp(magnitude, &e);
  e = std::max(e - 1, 1 - bias);  // below that, subnormal: the step stays what it is at the smallest exponent
  double steps = std::nearbyint(std::ldexp(magnitude, mantissa - e));  // exact scaling, then round half to even
  // A carry out of the mantissa moves into the exponent, and out of the largest exponent into infinity.
  int64_t bits = static_cast<int64_t>(steps) + (static_cast<int64_t>(e + bias - 1) << mantissa);
  return static_cast<Bits>(sign | (bits < limit ? bits : limit));
}

inline double from_small_float(int bits, const SmallFormat &format) {
  int mantissa = format.mantissa, bias = format.bias(), limit = format.limit();
  int magnitude = bits & (format.sign() - 1), e = magnitude >> mantissa;
  double m = magnitude & ((1 << mantissa) - 1), sign = bits & format.sign() ? -1 : 1;
  if (magnitude >= limit)
    return magnitude > limit || !format.has_infinity ? std::numeric_limits<double>::quiet_NaN()
                                                     : sign * std::numeric_limits<double>::infinity();
  if (e == 0) return sign * std::ldexp(m, 1 - bias - mantissa);
  return sign * std::ldexp(m + (1 << mantissa), e - bias - mantissa);
}

}  // namespace needle
