// float16, bfloat16 and the float8 formats, which are stored as bits and computed in float. Conversions are free of
// branches where the CPU has no instruction for them, so that compilers vectorise loops over them; rounding is to
// nearest even.
#pragma once

#include <cstdint>
#include "../array.h"
#include "simd.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

struct f16 {
  uint16_t bits;
};
struct bf16 {
  uint16_t bits;
};
struct e4m3 {
  uint8_t bits;
};
struct e5m2 {
  uint8_t bits;
};

inline float float_of(uint32_t bits) { return __builtin_bit_cast(float, bits); }
inline uint32_t bits_of(float value) { return __builtin_bit_cast(uint32_t, value); }

inline float to_float(bf16 half) { return float_of(static_cast<uint32_t>(half.bits) << 16); }

inline void from_float(float value, bf16 &half) {
  uint32_t bits = bits_of(value);
  uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  uint32_t nan = bits >> 16 | 0x40;
  half.bits = static_cast<uint16_t>(value == value ? rounded : nan);
}

inline float to_float(f16 half) {
#ifdef __F16C__
  return _cvtsh_ss(half.bits);
#else
  uint32_t sign = static_cast<uint32_t>(half.bits & 0x8000) << 16, magnitude = half.bits & 0x7fff;
  // The exponent's bias differs by 112; a subnormal is a whole number of 2^-24.
  uint32_t normal = (magnitude << 13) + (112u << 23) + (magnitude >= 0x7c00 ? 112u << 23 : 0);
  uint32_t subnormal = bits_of(static_cast<float>(static_cast<int32_t>(magnitude)) * 0x1p-24f);
  uint32_t quiet = magnitude > 0x7c00 ? 0x400000 : 0;
  return float_of(sign | (magnitude < 0x400 ? subnormal : normal) | quiet);
#endif
}

inline void from_float(float value, f16 &half) {
#ifdef __F16C__
  half.bits = static_cast<uint16_t>(_cvtss_sh(value, _MM_FROUND_TO_NEAREST_INT));
#else
  uint32_t bits = bits_of(value), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  uint32_t normal = (magnitude + 0xfff + (magnitude >> 13 & 1) - (112u << 23)) >> 13;
  // Adding 0.5 aligns the bits that a subnormal keeps with the float's lowest ones, rounded.
  uint32_t subnormal = bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f);
  uint32_t finite = magnitude < (113u << 23) ? subnormal : normal;
  uint32_t nan = 0x7e00 | (magnitude >> 13 & 0x3ff);
  uint32_t rounded = magnitude > 0x7f800000 ? nan : finite > 0x7c00 ? 0x7c00 : finite;
  half.bits = static_cast<uint16_t>(sign | rounded);
#endif
}

// An e5m2 is the upper byte of a half.
inline float to_float(e5m2 small) { return to_float(f16{static_cast<uint16_t>(small.bits << 8)}); }

// The greatest exponent of an e4m3fn holds numbers too; there is no infinity, and one NaN.
inline float to_float(e4m3 small) {
  uint32_t sign = static_cast<uint32_t>(small.bits & 0x80) << 24, magnitude = small.bits & 0x7f;
  uint32_t normal = (magnitude << 20) + (120u << 23);
  uint32_t subnormal = bits_of(static_cast<float>(static_cast<int32_t>(magnitude)) * 0x1p-9f);
  return float_of(sign | (magnitude == 0x7f ? 0x7fc00000 : magnitude < 8 ? subnormal : normal));
}

// The 8 bits nearest to `value`; more than the greatest number gives `limit`.
template <int mantissa, int exponent>
uint8_t to_8_bits(float value, uint32_t limit, uint32_t nan) {
  constexpr int shift = 23 - mantissa, bias = (1 << (exponent - 1)) - 1;
  constexpr uint32_t rebias = static_cast<uint32_t>(127 - bias) << 23;
  // Adding this power of 2 aligns the bits that a subnormal keeps with the float's lowest ones, rounded.
  constexpr float aligned = static_cast<float>(1 << (24 - bias - mantissa));
  uint32_t bits = bits_of(value), magnitude = bits & 0x7fffffff;
  uint32_t normal = (magnitude + (1u << (shift - 1)) - 1 + (magnitude >> shift & 1) - rebias) >> shift;
  uint32_t subnormal = bits_of(float_of(magnitude) + aligned) - bits_of(aligned);
  uint32_t finite = magnitude < rebias + (1u << 23) ? subnormal : normal;
  uint32_t rounded = magnitude > 0x7f800000 ? nan : finite > limit ? limit : finite;
  return static_cast<uint8_t>((bits >> 24 & 0x80) | rounded);
}

inline void from_float(float value, e4m3 &small) { small.bits = to_8_bits<3, 4>(value, 0x7f, 0x7f); }
inline void from_float(float value, e5m2 &small) { small.bits = to_8_bits<2, 5>(value, 0x7c, 0x7e); }

#ifdef __F16C__
inline void to_float(const f16 *halves, float *values, int64_t n) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    _mm256_storeu_ps(values + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i *>(halves + i))));
  }
  for (; i < n; i++) values[i] = to_float(halves[i]);
}

inline void from_float(const float *values, f16 *halves, int64_t n) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    __m128i bits = _mm256_cvtps_ph(_mm256_loadu_ps(values + i), _MM_FROUND_TO_NEAREST_INT);
    _mm_storeu_si128(reinterpret_cast<__m128i *>(halves + i), bits);
  }
  for (; i < n; i++) from_float(values[i], halves[i]);
}
#endif

template <class Half>
void to_float(const Half *halves, float *values, int64_t n) {
  for (int64_t i = 0; i < n; i++) values[i] = to_float(halves[i]);
}

inline void to_float(const e5m2 *small, float *values, int64_t n) {
  f16 halves[64];
  for (int64_t i = 0; i < n; i += 64) {
    int64_t m = n - i < 64 ? n - i : 64;
    for (int64_t j = 0; j < m; j++) halves[j].bits = static_cast<uint16_t>(small[i + j].bits << 8);
    to_float(halves, values + i, m);
  }
}

template <class Half>
void from_float(const float *values, Half *halves, int64_t n) {
  for (int64_t i = 0; i < n; i++) from_float(values[i], halves[i]);
}

// f(T{}) with how a small float is stored.
template <class F>
void with_small_type(Type type, F &&f) {
  switch (type) {
    case Type::f16: return f(f16{});
    case Type::bf16: return f(bf16{});
    case Type::e4m3: return f(e4m3{});
    default: return f(e5m2{});
  }
}

}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
