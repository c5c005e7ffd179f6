// Convolutions with few features for each group, depthwise ones above all, or with few windows, which is how the
// gradients of their kernels come. A product would fill little of its tiles, so the sums are made from the stage
// itself: a vector holds neighbouring windows, or neighbouring taps.
#pragma once

#include "../pool.h"
#include "blocks.h"
#include "conv_stage.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

constexpr int most_few = 4;

// Multiplications that are worth a task.
constexpr int64_t few_work = 8 * task_elements;

// For each of some rows and features, `out` = or += the kernels' taps by a vector of neighbouring windows.
template <class T>
struct FewSums {
  const T *from;
  int64_t row_step;  // from a row's windows to those of the next
  const int64_t *taps;
  int64_t count;
  const T *w;
  int64_t w_step;
  T *out;
  int64_t out_row, out_feature;

  template <int features, int rows>
  void run(int64_t lanes_left, bool add) const {
    Vec<T> sums[features][rows] = {};
    for (int64_t k = 0; k < count; k++) {
      const T *p = from + taps[k];
      Vec<T> x[rows];
#pragma GCC unroll 4
      for (int r = 0; r < rows; r++) x[r] = load(p + r * row_step);
#pragma GCC unroll 4
      for (int f = 0; f < features; f++) {
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++) sums[f][r] += w[f * w_step + k] * x[r];
      }
    }
#pragma GCC unroll 4
    for (int f = 0; f < features; f++) {
#pragma GCC unroll 4
      for (int r = 0; r < rows; r++) {
        T *to = out + f * out_feature + r * out_row;
        if (lanes_left >= lanes<T>) {
          store(to, add ? load(to) + sums[f][r] : sums[f][r]);
        } else {
          store_some(to, add ? load_some(to, lanes_left) + sums[f][r] : sums[f][r], lanes_left);
        }
      }
    }
  }

  template <int features>
  void run(int64_t rows, int64_t lanes_left, bool add) const {
    switch (rows) {
      case 1: return run<features, 1>(lanes_left, add);
      case 2: return run<features, 2>(lanes_left, add);
      case 3: return run<features, 3>(lanes_left, add);
      default: return run<features, 4>(lanes_left, add);
    }
  }

  void run(int64_t features, int64_t rows, int64_t lanes_left, bool add) const {
    switch (features) {
      case 1: return run<1>(rows, lanes_left, add);
      case 2: return run<2>(rows, lanes_left, add);
      case 3: return run<3>(rows, lanes_left, add);
      default: return run<4>(rows, lanes_left, add);
    }
  }
};

// Kernels are flat: (groups, features, channels * taps). Some rows of a sample at a time, or a part of a long one.
template <class T>
void few_features(const Convolution &c) {
  constexpr int64_t most_taps = 512, some_windows = 1024;
  const Spaces spaces(c);
  const int64_t all_taps = c.channels * c.taps(), size = item_size(c.type);
  // Whole channels at a time, where they are not too large.
  const int64_t depth = c.taps() > most_taps ? most_taps : most_taps / c.taps() * c.taps();
  const int64_t rows = c.axes[1].out, slices = c.axes[0].out, columns = least(c.axes[2].out, some_windows);
  const int64_t band = least(rows, (some_windows + columns - 1) / columns), bands = (rows + band - 1) / band;
  const int64_t strips = (c.axes[2].out + columns - 1) / columns,
                units = c.groups * c.samples * slices * bands * strips;
  const int64_t at_once = few_work / (band * columns * all_taps * c.features) + 1;
  const bool straight = !is_small(c.type) && c.out_strides[5] == 1;
  auto unit = [&](int64_t group, const Box &windows, T *room) {
    const int64_t high = windows.extent(2), width = windows.extent(3);
    int64_t start = group * c.out_strides[0] + windows.low[0] * c.out_strides[1];
    for (int a = 1; a < 4; a++) start += windows.low[a] * c.out_strides[a + 2];
    T *const out = straight ? reinterpret_cast<T *>(c.out) + start : room;
    const int64_t out_row = straight ? c.out_strides[4] : columns;
    const int64_t out_feature = straight ? c.out_strides[2] : band * columns;
    for (int64_t k = 0; k < all_taps; k += depth) {
      const int64_t count = least(depth, all_taps - k);
      const Stage<T> stage(c, group, windows, cover(spaces.taps, k, k + count), false);
      int64_t taps[most_taps];
      tap_offsets(stage, spaces.taps, k, k + count, taps);
      const int64_t *here = windows.low, next[] = {here[0], here[1], here[2] + 1, here[3]};
      const int64_t row_step = stage.window(next) - stage.window(here);
      const T *w = reinterpret_cast<const T *>(c.w) + group * c.w_strides[0] + k;
      const T *from = stage.data() + stage.window(here);
      const int64_t most_rows = c.features > 2 ? 2 : 4;
      for (int64_t y = 0; y < high; y += most_rows) {
        for (int64_t x = 0; x < width; x += lanes<T>) {
          const FewSums<T> sums{from + y * row_step + x, row_step, taps,       count, w, c.w_strides[1],
                                out + y * out_row + x,   out_row,  out_feature};
          sums.run(c.features, least(most_rows, high - y), width - x, k > 0);
        }
      }
    }
    for (int64_t f = 0; !straight && f < c.features; f++) {
      for (int64_t y = 0; y < high; y++) {
        char *to = c.out + (start + f * c.out_strides[2] + y * c.out_strides[4]) * size;
        write(c.type, room + f * out_feature + y * columns, to, c.out_strides[5] * size, width);
      }
    }
  };
  parallel_for((units + at_once - 1) / at_once, [&](int64_t task) {
    Scratch room(straight ? 1 : most_few * band * columns * sizeof(T));
    for (int64_t i = task * at_once; i < least(units, (task + 1) * at_once); i++) {
      // Groups are channels, mostly, whose planes follow each other in memory.
      const int64_t x = i % strips * columns, y = i / strips % bands * band, slice = i / strips / bands % slices;
      const int64_t outer = i / strips / bands / slices, sample = outer / c.groups;
      const Box windows{{sample, slice, y, x},
                        {sample + 1, slice + 1, least(y + band, rows), least(x + columns, c.axes[2].out)}};
      unit(outer % c.groups, windows, reinterpret_cast<T *>(room.data));
    }
  });
}

// sums[i] += the products of a row of kernels and one of x, for windows that begin at from[i].
template <class T>
struct FewWindows {
  static constexpr int most = 9;

  const int64_t *offsets;
  Vec<T> *sums;

  // Over rows of n taps, which are x_step and w_step apart.
  template <int windows>
  void run(const T *x, int64_t x_step, const T *w, int64_t w_step, int64_t rows, int64_t n) const {
    Vec<T> local[windows];
#pragma GCC unroll 9
    for (int i = 0; i < windows; i++) local[i] = sums[i];
    for (int64_t row = 0; row < rows; row++, x += x_step, w += w_step) {
      int64_t k = 0;
      for (; k + lanes<T> <= n; k += lanes<T>) {
        const Vec<T> v = load(w + k);
#pragma GCC unroll 9
        for (int i = 0; i < windows; i++) local[i] += v * load(x + offsets[i] + k);
      }
      if (k == n) continue;
      const Vec<T> v = load_some(w + k, n - k);
#pragma GCC unroll 9
      for (int i = 0; i < windows; i++) local[i] += v * load_some(x + offsets[i] + k, n - k);
    }
#pragma GCC unroll 9
    for (int i = 0; i < windows; i++) sums[i] = local[i];
  }

  template <size_t... i>
  static auto function(int64_t windows, std::index_sequence<i...>) {
    using Run = void (FewWindows::*)(const T *, int64_t, const T *, int64_t, int64_t, int64_t) const;
    constexpr Run functions[] = {&FewWindows::run<static_cast<int>(i) + 1>...};
    return functions[windows - 1];
  }
};

// All windows of a sample for each feature, from one plane after the other. Each task has some groups, whose planes
// follow each other in memory, mostly.
template <class T>
void few_windows(const Convolution &c) {
  constexpr int64_t most = FewWindows<T>::most, at_once = 8;
  const Spaces spaces(c);
  const int64_t count = c.windows(), size = item_size(c.type), results = count * c.features;
  auto plane = [&](int64_t group, int64_t sample, int64_t channel, Vec<T> *sums, int64_t *offsets) {
    const Box windows{{sample, 0, 0, 0}, {sample + 1, c.axes[0].out, c.axes[1].out, c.axes[2].out}};
    const Box taps{{channel, 0, 0, 0}, {channel + 1, c.axes[0].taps, c.axes[1].taps, c.axes[2].taps}};
    const Stage<T> stage(c, group, windows, taps, true);
    for_rows(spaces.windows, sample * count, (sample + 1) * count, [&](int64_t at, const int64_t *index, int64_t n) {
      int64_t moved[] = {index[0], index[1], index[2], index[3]};
      for (int64_t i = 0; i < n; i++, moved[3]++) offsets[at + i] = stage.window(moved);
    });
    const T *w = reinterpret_cast<const T *>(c.w) + group * c.w_strides[0] + channel * c.w_strides[2];
    for (int64_t slice = 0; slice < c.axes[0].taps; slice++) {
      const int64_t here[] = {channel, slice, 0, 0}, next[] = {channel, slice, 1, 0};
      const T *x = stage.data() + stage.tap(here);
      const int64_t x_step = stage.tap(next) - stage.tap(here);
      for (int64_t i = 0; i < results; i += least(most, count - i % count)) {
        const int64_t windows = least(most, count - i % count);
        const FewWindows<T> some{offsets + i % count, sums + i};
        (some.*FewWindows<T>::function(windows, std::make_index_sequence<most>()))(
            x, x_step, w + i / count * c.w_strides[1] + slice * c.w_strides[3], c.w_strides[4], c.axes[1].taps,
            c.axes[2].taps);
      }
    }
  };
  auto put_sums = [&](int64_t group, int64_t sample, const Vec<T> *sums) {
    for_rows(spaces.windows, sample * count, (sample + 1) * count, [&](int64_t at, const int64_t *index, int64_t n) {
      int64_t offset = group * c.out_strides[0] + index[0] * c.out_strides[1];
      for (int a = 0; a < 3; a++) offset += index[a + 1] * c.out_strides[a + 3];
      for (int64_t i = 0; i < n * c.features; i++) {
        T total{};
        for (int lane = 0; lane < lanes<T>; lane++) total += sums[i / n * count + at + i % n][lane];
        write(c.type, &total, c.out + (offset + i / n * c.out_strides[2] + i % n * c.out_strides[5]) * size, size, 1);
      }
    });
  };
  parallel_for((c.groups + at_once - 1) / at_once, [&](int64_t task) {
    const int64_t first = task * at_once, some = least(at_once, c.groups - first);
    Scratch room(some * results * sizeof(Vec<T>) + count * sizeof(int64_t));
    auto *sums = reinterpret_cast<Vec<T> *>(room.data);
    auto *offsets = reinterpret_cast<int64_t *>(sums + some * results);
    for (int64_t sample = 0; sample < c.samples; sample++) {
      for (int64_t i = 0; i < some * results; i++) sums[i] = Vec<T>{};
      for (int64_t channel = 0; channel < c.channels; channel++) {
        for (int64_t g = 0; g < some; g++) plane(first + g, sample, channel, sums + g * results, offsets);
      }
      for (int64_t g = 0; g < some; g++) put_sums(first + g, sample, sums + g * results);
    }
  });
}

}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
