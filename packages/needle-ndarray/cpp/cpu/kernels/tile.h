// The heart of matmul: one tile of the product from packed panels, in registers. See Goto and van de Geijn, "Anatomy of
// High-Performance Matrix Multiplication" (2008), and Van Zee and van de Geijn, "BLIS" (2015), for the scheme.
#pragma once

#include "simd.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

// Tile and block sizes. A tile is `rows` x `vectors` registers, which with a row of B and a broadcast element of A
// fill the register file. A panel of B (depth x columns) stays in the first cache, a block of A (block_rows x depth)
// in the second.
template <class T>
struct Tile {
#if defined(__AVX512F__)
  static constexpr int rows = 14, vectors = 2;
#elif defined(__aarch64__)
  static constexpr int rows = 8, vectors = 3;
#else
  static constexpr int rows = 6, vectors = 2;
#endif
  static constexpr int columns = vectors * lanes<T>;
  static constexpr int64_t depth = 256;
  static constexpr int64_t block_rows = (96 + rows - 1) / rows * rows;
  static constexpr int64_t block_columns = 128 / columns * columns;
};

// c = or += the product of a panel of A (depth x rows) and one of B (depth x columns).
template <class T>
void multiply_tile(int64_t depth, const T *a, const T *b, T *c, int64_t c_stride, bool add) {
  constexpr int rows = Tile<T>::rows, vectors = Tile<T>::vectors;
  Vec<T> sums[rows][vectors];
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) sums[i][j] = Vec<T>{};
  }
  for (int64_t k = 0; k < depth; k++, a += rows, b += vectors * lanes<T>) {
    Vec<T> row[vectors];
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) row[j] = load(b + j * lanes<T>);
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
#pragma GCC unroll 4
      for (int j = 0; j < vectors; j++) sums[i][j] += a[i] * row[j];
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) {
      T *p = c + i * c_stride + j * lanes<T>;
      store(p, add ? load(p) + sums[i][j] : sums[i][j]);
    }
  }
}

}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
