// SIMD vectors of the target's width, on the vector extensions that GCC and Clang share. + - * / & | ^ ~ << >> and
// comparisons come with them; a comparison gives a mask: lanes of signed integers, all ones or 0, and `mask ? a : b`
// selects.
//
// What those extensions cannot say is written here with the target's intrinsics, and with plain loops for other
// targets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#ifdef __SSE4_1__
// GCC 12 warns of what its own AVX-512 functions leave uninitialised on purpose.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
#endif

#if defined(__AVX512F__)
#define NEEDLE_VECTOR_BYTES 64
#define NEEDLE_X86(name) _mm512_##name
#elif defined(__AVX2__)
#define NEEDLE_VECTOR_BYTES 32
#define NEEDLE_X86(name) _mm256_##name
#else
#define NEEDLE_VECTOR_BYTES 16
#define NEEDLE_X86(name) _mm_##name
#endif

namespace needle::cpu::NEEDLE_TARGET {
namespace {

template <class T>
constexpr int lanes = NEEDLE_VECTOR_BYTES / static_cast<int>(sizeof(T));

template <class T, int bytes = NEEDLE_VECTOR_BYTES>
struct vector_of {
  typedef T type __attribute__((vector_size(bytes)));
};

template <class T>
using Vec = typename vector_of<T>::type;

template <class V>
using lane_of = std::remove_cvref_t<decltype(V{}[0])>;

template <class V>
using mask_of = decltype(V{} == V{});

template <class T>
[[gnu::always_inline]] inline Vec<T> load(const T *p) {
  Vec<T> v;
  __builtin_memcpy(&v, p, sizeof(v));
  return v;
}

template <class T>
[[gnu::always_inline]] inline void store(T *p, Vec<T> v) {
  __builtin_memcpy(p, &v, sizeof(v));
}

template <class T>
[[gnu::always_inline]] inline Vec<T> splat(T value) {
  return value - Vec<T>{};
}

// The first n < lanes<T> elements, and zeros.
template <class T>
[[gnu::always_inline]] inline Vec<T> load_some(const T *p, int64_t n) {
#ifdef __AVX512BW__
  return (Vec<T>)_mm512_maskz_loadu_epi8((1ull << n * static_cast<int64_t>(sizeof(T))) - 1, p);
#else
  Vec<T> v{};
  __builtin_memcpy(&v, p, static_cast<size_t>(n) * sizeof(T));
  return v;
#endif
}

// The first n < lanes<T> lanes.
template <class T>
[[gnu::always_inline]] inline void store_some(T *p, Vec<T> v, int64_t n) {
#ifdef __AVX512BW__
  _mm512_mask_storeu_epi8(p, (1ull << n * static_cast<int64_t>(sizeof(T))) - 1, (__m512i)v);
#else
  __builtin_memcpy(p, &v, static_cast<size_t>(n) * sizeof(T));
#endif
}

// Past the caches; p is a multiple of the vector's size. `finish_streams` comes before others may read what was stored.
template <class T>
[[gnu::always_inline]] inline void stream(T *p, Vec<T> v) {
#ifdef __SSE4_1__
  NEEDLE_X86(stream_ps)(reinterpret_cast<float *>(p), (Vec<float>)v);
#else
  store(p, v);
#endif
}

inline void finish_streams() {
#ifdef __SSE4_1__
  _mm_sfence();
#endif
}

template <class V>
constexpr bool is_f32 = std::is_same_v<lane_of<V>, float>;

// a * b + c; rounded once where the target has an instruction for it.
template <class V>
[[gnu::always_inline]] inline V multiply_add(V a, V b, V c) {
#ifdef __FMA__
  if constexpr (is_f32<V>) {
    return NEEDLE_X86(fmadd_ps)(a, b, c);
  } else {
    return NEEDLE_X86(fmadd_pd)(a, b, c);
  }
#else
  return a * b + c;
#endif
}

template <class V>
[[gnu::always_inline]] inline V square_root(V x) {
#ifdef __SSE4_1__
  if constexpr (is_f32<V>) {
    return NEEDLE_X86(sqrt_ps)(x);
  } else {
    return NEEDLE_X86(sqrt_pd)(x);
  }
#else
  for (int i = 0; i < lanes<lane_of<V> >; i++) x[i] = __builtin_sqrt(x[i]);
  return x;
#endif
}

// NaN stays NaN.
template <class V>
[[gnu::always_inline]] inline V at_most(V x, lane_of<V> limit) {
#ifdef __SSE4_1__
  if constexpr (is_f32<V>) {
    return NEEDLE_X86(min_ps)(splat(limit), x);
  } else {
    return NEEDLE_X86(min_pd)(splat(limit), x);
  }
#else
  return x > limit ? splat(limit) : x;
#endif
}

template <class V>
[[gnu::always_inline]] inline V at_least(V x, lane_of<V> limit) {
#ifdef __SSE4_1__
  if constexpr (is_f32<V>) {
    return NEEDLE_X86(max_ps)(splat(limit), x);
  } else {
    return NEEDLE_X86(max_pd)(splat(limit), x);
  }
#else
  return x < limit ? splat(limit) : x;
#endif
}

// What the rounding of a * b to `product` left out, exactly.
template <class V>
[[gnu::always_inline]] inline V lost_in_product(V a, V b, V product) {
#ifdef __FMA__
  return multiply_add(a, b, -product);
#else
  using Bits = decltype(V{} == V{});
  constexpr int cut = is_f32<V> ? 12 : 27;
  V upper_a = (V)((Bits)a >> cut << cut), upper_b = (V)((Bits)b >> cut << cut), rest_a = a - upper_a,
    rest_b = b - upper_b;
  return ((upper_a * upper_b - product) + upper_a * rest_b + rest_a * upper_b) + rest_a * rest_b;
#endif
}

enum class Rounding { nearest, down, up, to_zero };  // as x86 numbers them

// To a whole number, halves to the even one.
template <Rounding rounding, class V>
[[gnu::always_inline]] inline V whole(V x) {
#ifdef __SSE4_1__
  constexpr int mode = static_cast<int>(rounding) | _MM_FROUND_NO_EXC;
#endif
#if defined(__AVX512F__)
  if constexpr (is_f32<V>) {
    return _mm512_roundscale_ps(x, mode);
  } else {
    return _mm512_roundscale_pd(x, mode);
  }
#elif defined(__SSE4_1__)
  if constexpr (is_f32<V>) {
    return NEEDLE_X86(round_ps)(x, mode);
  } else {
    return NEEDLE_X86(round_pd)(x, mode);
  }
#else
  for (int i = 0; i < lanes<lane_of<V> >; i++) {
    x[i] = rounding == Rounding::nearest ? __builtin_rint(x[i])
           : rounding == Rounding::down  ? __builtin_floor(x[i])
           : rounding == Rounding::up    ? __builtin_ceil(x[i])
                                         : __builtin_trunc(x[i]);
  }
  return x;
#endif
}

#ifdef __AVX512F__
// x * 2^n for a whole n.
template <class V>
[[gnu::always_inline]] inline V scale_by_instruction(V x, V n) {
  if constexpr (is_f32<V>) {
    return _mm512_scalef_ps(x, n);
  } else {
    return _mm512_scalef_pd(x, n);
  }
}

// x = 2^n m with m in [0.75, 1.5). Of 0 and infinity, n is infinite; of negative numbers, m is NaN.
template <class V>
[[gnu::always_inline]] inline V split_by_instruction(V x, V &n) {
  if constexpr (is_f32<V>) {
    V m = _mm512_getmant_ps(x, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_nan);
    n = (V)_mm512_getexp_ps(x) - (V)_mm512_getexp_ps(m);
    return m;
  } else {
    V m = _mm512_getmant_pd(x, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_nan);
    n = (V)_mm512_getexp_pd(x) - (V)_mm512_getexp_pd(m);
    return m;
  }
}
#endif

// The lower and the upper half of some floats as doubles, and back.
struct Halves {
  Vec<double> low, high;
};

[[gnu::always_inline]] inline Halves widen(Vec<float> x) {
#if defined(__AVX512F__)
  return {_mm512_cvtps_pd(_mm512_castps512_ps256(x)), _mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1))};
#elif defined(__AVX2__)
  return {_mm256_cvtps_pd(_mm256_castps256_ps128(x)), _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1))};
#elif defined(__SSE4_1__)
  return {_mm_cvtps_pd(x), _mm_cvtps_pd(_mm_movehl_ps(x, x))};
#else
  Halves halves;
  for (int i = 0; i < lanes<double>; i++) halves.low[i] = x[i], halves.high[i] = x[lanes<double> + i];
  return halves;
#endif
}

[[gnu::always_inline]] inline Vec<float> narrow(Halves x) {
#if defined(__AVX512F__)
  return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(x.low)), _mm512_cvtpd_ps(x.high), 1);
#elif defined(__AVX2__)
  return _mm256_set_m128(_mm256_cvtpd_ps(x.high), _mm256_cvtpd_ps(x.low));
#elif defined(__SSE4_1__)
  return _mm_movelh_ps(_mm_cvtpd_ps(x.low), _mm_cvtpd_ps(x.high));
#else
  Vec<float> y;
  for (int i = 0; i < lanes<double>; i++) y[i] = x.low[i], y[lanes<double> + i] = x.high[i];
  return y;
#endif
}

// Whether a lane of a mask is set.
template <class M>
[[gnu::always_inline]] inline bool any(M mask) {
  uint64_t words[sizeof(M) / 8], bits = 0;
  __builtin_memcpy(words, &mask, sizeof(M));
  for (uint64_t word : words) bits |= word;
  return bits != 0;
}

// The products of the lower halves of the lanes.
[[gnu::always_inline]] inline Vec<uint64_t> multiply_low_halves(Vec<uint64_t> a, Vec<uint64_t> b) {
#if defined(__AVX512F__)
  return (Vec<uint64_t>)_mm512_maskz_mul_epu32(0xff, (__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
  return (Vec<uint64_t>)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__SSE4_1__)
  return (Vec<uint64_t>)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
  return (a & 0xffffffff) * (b & 0xffffffff);
#endif
}

}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
