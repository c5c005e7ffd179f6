// Every other element of a line.
#pragma once

#include <utility>

#include "simd.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

template <class V, size_t... i>
V every_other(V a, V b, std::index_sequence<i...>) {
  constexpr size_t n = sizeof...(i);
  return __builtin_shufflevector(a, b, (i < n / 2 ? 2 * i : 2 * i + 1)...);
}

// n elements by vectors of `bytes`, or of halves of that: the last one overlaps the one before it. Nothing is read
// beyond the last element that is wanted.
template <int bytes, class T>
[[gnu::always_inline]] inline void copy_every_other(const T *from, T *to, int64_t n) {
  constexpr int64_t width = bytes / static_cast<int64_t>(sizeof(T));
  if constexpr (width == 1) {
    if (n > 0) __builtin_memcpy(to, from, sizeof(T));
  } else if (n >= width) {
    auto move = [&](int64_t i) {
      typename vector_of<T, bytes>::type a, b;
      __builtin_memcpy(&a, from + 2 * i, bytes);
      __builtin_memcpy(&b, from + 2 * i + width - 1, bytes);
      a = every_other(a, b, std::make_index_sequence<width>());
      __builtin_memcpy(to + i, &a, bytes);
    };
    for (int64_t i = 0; i + width < n; i += width) move(i);
    move(n - width);
  } else {
    copy_every_other<bytes / 2>(from, to, n);
  }
}

}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
