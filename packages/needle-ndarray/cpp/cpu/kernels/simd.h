// SIMD vectors of the target's width, on the vector extensions that GCC and Clang share. + - * / & | ^ ~ << >> and
// comparisons come with them; a comparison gives a mask: lanes of signed integers, all ones or 0, and `mask ? a : b`
// selects.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#if defined(__AVX512F__)
#define NEEDLE_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define NEEDLE_VECTOR_BYTES 32
#else
#define NEEDLE_VECTOR_BYTES 16
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
  Vec<T> v{};
  __builtin_memcpy(&v, p, static_cast<size_t>(n) * sizeof(T));
  return v;
}

}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
