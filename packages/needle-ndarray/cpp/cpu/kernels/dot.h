// Sums of products of narrow elements, four or two in a word, by the CPU's instructions for them: the one place besides
// half.h that names instructions. Targets without them compute the same products from wider elements.
#pragma once

#include "simd.h"
#if defined(__AVX512BF16__) && defined(__AVX512VNNI__)
#include <immintrin.h>
#define NEEDLE_DOT_PRODUCTS 1
#endif

namespace needle::cpu::NEEDLE_TARGET {
namespace {

#ifdef NEEDLE_DOT_PRODUCTS

// sum += a0 * b0 + a1 * b1 for bfloat16, accumulated in float; subnormal numbers count as 0.
[[gnu::always_inline]] inline void dot_bf16(Vec<float> &sum, uint32_t a, Vec<uint32_t> b) {
  sum = _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_epi32(static_cast<int>(a)), (__m512bh)b);
}

// The same for four int8; those of b are raised by 128, for the instruction takes them without a sign.
[[gnu::always_inline]] inline void dot_i8(Vec<int32_t> &sum, uint32_t a, Vec<uint32_t> b) {
  sum = (Vec<int32_t>)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)b, _mm512_set1_epi32(static_cast<int>(a)));
}

// The sum of all bytes.
inline int32_t sum_i8(const uint32_t *words, int64_t n) {
  Vec<int32_t> sums{};
  int64_t k = 0;
  const Vec<uint32_t> ones = splat(0x01010101u);
  auto add = [&](Vec<uint32_t> v) {
    sums = (Vec<int32_t>)_mm512_dpbusd_epi32((__m512i)sums, (__m512i)ones, (__m512i)v);
  };
  for (; k + lanes<uint32_t> <= n; k += lanes<uint32_t>) add(load(words + k));
  if (k < n) add(load_some(words + k, n - k));
  int32_t sum = 0;
  for (int i = 0; i < lanes<int32_t>; i++) sum += sums[i];
  return sum;
}

#endif

}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
