// Convolutions with few features for each group, depthwise ones above all: a product would fill few rows of a tile, so
// windows are summed from the stage itself, a vector of neighbours at a time.
#pragma once

#include "../pool.h"
#include "blocks.h"
#include "conv_stage.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

constexpr int most_few = 4;

// sums[f][v] += the kernels' taps by the vectors that begin at from[v].
template <int features, int vectors, class T>
void add_taps(const T *const *from, const int64_t *taps, int64_t count, const T *w, int64_t w_step,
              Vec<T> (&sums)[most_few][most_few]) {
  Vec<T> local[features][vectors];
#pragma GCC unroll 4
  for (int f = 0; f < features; f++) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) local[f][v] = sums[f][v];
  }
  for (int64_t k = 0; k < count; k++) {
    Vec<T> x[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) x[v] = load(from[v] + taps[k]);
#pragma GCC unroll 4
    for (int f = 0; f < features; f++) {
#pragma GCC unroll 4
      for (int v = 0; v < vectors; v++) local[f][v] += w[f * w_step + k] * x[v];
    }
  }
#pragma GCC unroll 4
  for (int f = 0; f < features; f++) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) sums[f][v] = local[f][v];
  }
}

template <class T>
using AddTaps = void (*)(const T *const *from, const int64_t *taps, int64_t count, const T *w, int64_t w_step,
                         Vec<T> (&sums)[most_few][most_few]);

template <class T, size_t... i>
AddTaps<T> add_taps_function(int features, int vectors, std::index_sequence<i...>) {
  constexpr AddTaps<T> functions[] = {add_taps<i / most_few + 1, i % most_few + 1, T>...};
  return functions[(features - 1) * most_few + vectors - 1];
}

// Kernels are flat: (groups, features, channels * taps).
template <class T>
void few_features(const Convolution &c) {
  constexpr int n = lanes<T>;
  constexpr int64_t block = 16 * n, most_taps = 512;
  const Spaces spaces(c);
  const int64_t windows = c.samples * c.windows(), all_taps = c.channels * c.taps(), size = item_size(c.type);
  // Whole channels at a time, where they are not too large.
  const int64_t depth = c.taps() > most_taps ? most_taps : most_taps / c.taps() * c.taps();
  const int64_t blocks = (windows + block - 1) / block;
  const bool straight = !is_small(c.type) && c.out_strides[5] == 1;
  parallel_for(c.groups * blocks, [&](int64_t task) {
    const int64_t group = task / blocks, begin = task % blocks * block, end = least(begin + block, windows);
    const Box box = cover(spaces.windows, begin, end);
    const T *w = reinterpret_cast<const T *>(c.w) + group * c.w_strides[0];
    Scratch room(most_few * 2 * block * sizeof(T) * n);
    auto *kept = reinterpret_cast<Vec<T> *>(room.data);
    for (int64_t k = 0; k < all_taps; k += depth) {
      const int64_t count = least(depth, all_taps - k);
      const Stage<T> stage(c, group, box, cover(spaces.taps, k, k + count), false);
      int64_t taps[most_taps];
      tap_offsets(stage, spaces.taps, k, k + count, taps);
      int64_t done = 0;
      for (int64_t first = begin; first < end; first += 2 * n) {
        const Neighbours<T> near(stage, spaces.windows, first, least<int64_t>(first + 2 * n, end));
        for (int q = 0; q < near.count; q += most_few) {
          const int vectors = least(near.count - q, most_few);
          const T *from[most_few];
          for (int v = 0; v < most_few; v++) {
            from[v] = stage.data() + near.pieces[v < vectors ? q + v : q].offset;
          }
          Vec<T> sums[most_few][most_few] = {};
          Vec<T> *mine = kept + done * most_few;
          if (k > 0) __builtin_memcpy(sums, mine, sizeof(sums));
          add_taps_function<T>(static_cast<int>(c.features), vectors, std::make_index_sequence<most_few * most_few>())(
              from, taps, count, w + k, c.w_strides[1], sums);
          done += most_few;
          if (k + count < all_taps) {
            __builtin_memcpy(mine, sums, sizeof(sums));
            continue;
          }
          for (int v = 0; v < vectors; v++) {
            const auto &piece = near.pieces[q + v];
            int64_t offset = group * c.out_strides[0] + piece.index[0] * c.out_strides[1];
            for (int a = 0; a < 3; a++) offset += piece.index[a + 1] * c.out_strides[a + 3];
            for (int64_t f = 0; f < c.features; f++, offset += c.out_strides[2]) {
              T line[n];
              store(line, sums[f][v]);
              char *to = c.out + offset * size;
              if (straight) {
                copy_line(static_cast<const T *>(line), 1, reinterpret_cast<T *>(to), piece.n);
              } else {
                write(c.type, line, to, c.out_strides[5] * size, piece.n);
              }
            }
          }
        }
      }
    }
  });
}

}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
