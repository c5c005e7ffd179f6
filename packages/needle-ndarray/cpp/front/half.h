// Single conversions between double and the two 16-bit formats, for scalars; arrays are the backend's to convert.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace needle {

// Rounds to nearest even with `mantissa` stored bits and `exponent` bits: IEEE 754-2019, section 4.3.1.
inline uint16_t double_to_small_float(double value, int mantissa, int exponent) {
  int bias = (1 << (exponent - 1)) - 1;
  uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  uint16_t infinity = static_cast<uint16_t>(((1 << exponent) - 1) << mantissa);
  if (std::isnan(value)) return sign | infinity | static_cast<uint16_t>(1 << (mantissa - 1));
  double magnitude = std::fabs(value);
  if (magnitude == 0) return sign;
  if (std::isinf(magnitude)) return sign | infinity;
  int e;
  std::frexp(magnitude, &e);
  e = std::max(e - 1, 1 - bias);  // below that, subnormal: the step stays what it is at the smallest exponent
  double steps = std::nearbyint(std::ldexp(magnitude, mantissa - e));  // exact scaling, then round half to even
  // A carry out of the mantissa moves into the exponent, and out of the largest exponent into infinity.
  int64_t bits = static_cast<int64_t>(steps) + (static_cast<int64_t>(e + bias - 1) << mantissa);
  return sign | static_cast<uint16_t>(bits < infinity ? bits : infinity);
}

inline double small_float_to_double(uint16_t bits, int mantissa, int exponent) {
  int bias = (1 << (exponent - 1)) - 1;
  int e = (bits & 0x7fff) >> mantissa;
  double m = bits & ((1 << mantissa) - 1), sign = bits & 0x8000 ? -1 : 1;
  if (e == (1 << exponent) - 1)
    return m != 0 ? std::numeric_limits<double>::quiet_NaN() : sign * std::numeric_limits<double>::infinity();
  if (e == 0) return sign * std::ldexp(m, 1 - bias - mantissa);
  return sign * std::ldexp(m + (1 << mantissa), e - bias - mantissa);
}

inline uint16_t double_to_half(double value) { return double_to_small_float(value, 10, 5); }
inline uint16_t double_to_bfloat(double value) { return double_to_small_float(value, 7, 8); }
inline double half_to_double(uint16_t bits) { return small_float_to_double(bits, 10, 5); }
inline double bfloat_to_double(uint16_t bits) { return small_float_to_double(bits, 7, 8); }

}  // namespace needle
