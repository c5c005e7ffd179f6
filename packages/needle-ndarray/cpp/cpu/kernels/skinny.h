// Products of a few rows by a large matrix. Each element of the matrix is used a few times only, so it is read where it
// lies, once, and how fast memory gives it is how fast this is.
#pragma once

#include "pack.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

constexpr int skinny_rows = 8;

template <class T>
T sum_of_lanes(Vec<T> v) {
  T sum{};
  for (int i = 0; i < lanes<T>; i++) sum += v[i];
  return sum;
}

// sums[i][j] = x[i][k] * b[k][j] over k, for j < n: rows of b are contiguous. Several rows of b are read at once.
template <class T, int rows, class S>
void combine_rows(int64_t n, int64_t depth, const T *x, int64_t x_stride, const S *b, int64_t b_stride, T *sums,
                  int64_t stride) {
  for (int i = 0; i < rows; i++) __builtin_memset(static_cast<void *>(sums + i * stride), 0, n * sizeof(T));
  auto add = [&]<int at_once>(int64_t k, std::integral_constant<int, at_once>) {
    const S *row = b + k * b_stride;
    int64_t j = 0;
    for (; j + lanes<T> <= n; j += lanes<T>) {
      Vec<T> values[at_once];
#pragma GCC unroll 8
      for (int q = 0; q < at_once; q++) values[q] = load_as<T>(row + q * b_stride + j);
#pragma GCC unroll 8
      for (int i = 0; i < rows; i++) {
        Vec<T> sum = load(sums + i * stride + j);
#pragma GCC unroll 8
        for (int q = 0; q < at_once; q++) sum += x[i * x_stride + k + q] * values[q];
        store(sums + i * stride + j, sum);
      }
    }
    for (; j < n; j++) {
      for (int q = 0; q < at_once; q++) {
        for (int i = 0; i < rows; i++)
          sums[i * stride + j] += x[i * x_stride + k + q] * value_as<T>(row[q * b_stride + j]);
      }
    }
  };
  int64_t k = 0;
  for (; k + 8 <= depth; k += 8) add(k, std::integral_constant<int, 8>());
  for (; k < depth; k++) add(k, std::integral_constant<int, 1>());
}

// The same where columns of b are contiguous: sums[i][j] = x[i] . b[j].
template <class T, int rows, class S>
void combine_columns(int64_t n, int64_t depth, const T *x, int64_t x_stride, const S *b, int64_t b_stride, T *sums,
                     int64_t stride) {
  constexpr int at_once = rows > 4 ? 2 : rows > 2 ? 4 : 8, deep = lanes<T>;
  auto take = [&]<int columns>(int64_t j, std::integral_constant<int, columns>) {
    const S *column = b + j * b_stride;
    Vec<T> totals[rows][columns] = {};
    int64_t k = 0;
    for (; k + deep <= depth; k += deep) {
#pragma GCC unroll 8
      for (int q = 0; q < columns; q++) {
        Vec<T> values = load_as<T>(column + q * b_stride + k);
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++) totals[i][q] += load(x + i * x_stride + k) * values;
      }
    }
    for (int q = 0; q < columns; q++) {
      for (int i = 0; i < rows; i++) {
        T sum = sum_of_lanes<T>(totals[i][q]);
        for (int64_t y = k; y < depth; y++) sum += x[i * x_stride + y] * value_as<T>(column[q * b_stride + y]);
        sums[i * stride + j + q] = sum;
      }
    }
  };
  int64_t j = 0;
  for (; j + at_once <= n; j += at_once) take(j, std::integral_constant<int, at_once>());
  for (; j < n; j++) take(j, std::integral_constant<int, 1>());
}

template <class T, class S>
using Combine = void (*)(int64_t n, int64_t depth, const T *x, int64_t x_stride, const S *b, int64_t b_stride, T *sums,
                         int64_t stride);

template <class T, class S, size_t... i>
Combine<T, S> combine_function(int64_t rows, bool by_rows, std::index_sequence<i...>) {
  static constexpr Combine<T, S> functions[][2] = {{combine_columns<T, i + 1, S>, combine_rows<T, i + 1, S>}...};
  return functions[rows - 1][by_rows];
}

}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
