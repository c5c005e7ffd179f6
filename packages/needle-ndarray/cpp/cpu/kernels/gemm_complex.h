// Products of complex matrices as products of real ones: a row of A is what lies in memory, real and imaginary parts by
// turns, and each row of B comes twice, as it is and times i. (Van Zee and Smith, "Implementing High-Performance
// Complex Matrix Multiplication via the 1m Method", 2020.)
#pragma once

#include "gemm.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

// Element (i, k) of matrix z has its parts at data(z) + i * across + k * along, counted in parts; so are words and
// columns, of which there are always pairs.
template <class T, class Data>
struct ComplexLeft {
  Data data;
  int64_t across, along;

  bool copies() const { return along != 2 || across * static_cast<int64_t>(sizeof(T)) % 2048 == 0; }

  Rows<Plainly<T>> operator()(int64_t z, int64_t i, int64_t rows, int64_t word, int64_t depth, T *room) const {
    constexpr int64_t stride = room_stride<Plainly<T>>;
    const T *p = data(z) + i * across;
    if (!copies()) return {p + word, across};
    for (int64_t y = 0; y < rows; y++) {
      const T *row = p + y * across + word / 2 * along;
      T *to = room + y * stride;
      if (along == 2) {
        __builtin_memcpy(to, row, depth * sizeof(T));
      } else {
        for (int64_t k = 0; k < depth; k += 2, row += along) __builtin_memcpy(to + k, row, 2 * sizeof(T));
      }
    }
    return {room, stride};
  }
};

template <class V, size_t... i>
V times_i(V v, std::index_sequence<i...>) {
  constexpr V signs = {(i % 2 ? 1 : -1)...};
  return __builtin_shufflevector(v, v, (i ^ 1)...) * signs;
}

template <class T, class Data>
struct ComplexRight {
  Data data;
  int64_t across, along;

  void operator()(int64_t z, int64_t j, int64_t columns, int64_t word, int64_t depth, T *room) const {
    constexpr int n = lanes<T>, width = Plainly<T>::columns;
    const T *row = data(z) + j / 2 * across + word / 2 * along;
    for (int64_t k = 0; k < depth; k += 2, row += along) {
      for (int64_t c = 0; c < columns; c += n) {
        Vec<T> v{};
        if (across == 2 && columns - c >= n) {
          v = load(row + c);
        } else {
          for (int64_t x = 0; x < least<int64_t>(n, columns - c); x++) v[x] = row[(c + x) / 2 * across + x % 2];
        }
        T *to = room + c / width * width * depth + k * width + c % width;
        store(to, v);
        store(to + width, times_i(v, std::make_index_sequence<n>()));
      }
    }
  }
};

}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
