// Convolutions by kernels of 3 x 3 in steps of one, with 16 multiplications for 4 outputs in place of 36: F(2x2, 3x3)
// of Lavin and Gray, "Fast algorithms for convolutional neural networks" (2016). Additions and halves are all that it
// does besides, so its error is that of the plain sum, times about two.
#pragma once

#include "blocks.h"
#include "conv_stage.h"
#include "gemm.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

template <class T>
class Winograd {
 public:
  using K = Plainly<T>;
  static constexpr int width = K::columns, n = lanes<T>, points = 16;

  // Tiles of 2 x 2 windows see 4 x 4 elements each: a convolution of its own, in steps of two.
  explicit Winograd(const Convolution &c) : c_(c), tiles_(tiles_of(c)), spaces_(tiles_) {
    const int64_t both = c.channels + c.features, panel_bytes = both * points * width * sizeof(T);
    columns_ = width * (panel_bytes > (1 << 18) ? 1 : (1 << 18) / panel_bytes);
    kernel_step_ = c.channels + n;  // and not a power of two
    kernel_point_ = c.features * kernel_step_;
    panel_ = c.channels * width + n;
    input_point_ = columns_ / width * panel_;
    sums_point_ = c.features * columns_ + n;
  }

  // Whether all results are finite: one number that is not spoils its whole tile.
  bool run() {
    const int64_t tiles = spaces_.windows[0] * spaces_.windows[1] * spaces_.windows[2] * spaces_.windows[3];
    Scratch kernels(points * kernel_point_ * sizeof(T));
    kernels_ = reinterpret_cast<T *>(kernels.data);
    for (int64_t group = 0; group < c_.groups; group++) {
      parallel_for(c_.features, [&](int64_t feature) { transform_kernels(group, feature); });
      parallel_for(divide_up(tiles, columns_), [&](int64_t task) {
        int64_t begin = task * columns_;
        if (!block(group, begin, least(begin + columns_, tiles))) __atomic_store_n(&finite_, false, __ATOMIC_RELAXED);
      });
    }
    return finite_;
  }

 private:
  static Convolution tiles_of(Convolution c) {
    for (int a = 1; a < 3; a++) {
      Axis &axis = c.axes[a];
      axis.out = divide_up(axis.out, 2), axis.taps = 4, axis.step = 2;
    }
    return c;
  }

  // G g G^T for each channel of a feature.
  void transform_kernels(int64_t group, int64_t feature) {
    const T *g = reinterpret_cast<const T *>(c_.w) + group * c_.w_strides[0] + feature * c_.w_strides[1];
    T *to = kernels_ + feature * kernel_step_;
    for (int64_t channel = 0; channel < c_.channels; channel++, g += c_.w_strides[2], to++) {
      T rows[4][3];
      for (int x = 0; x < 3; x++) {
        const T *p = g + x * c_.w_strides[5];
        T first = p[0], middle = p[c_.w_strides[4]], last = p[2 * c_.w_strides[4]];
        rows[0][x] = first, rows[1][x] = (first + middle + last) / 2;
        rows[2][x] = (first - middle + last) / 2, rows[3][x] = last;
      }
      for (int y = 0; y < 4; y++) {
        T first = rows[y][0], middle = rows[y][1], last = rows[y][2];
        T *p = to + 4 * y * kernel_point_;
        p[0] = first, p[kernel_point_] = (first + middle + last) / 2;
        p[2 * kernel_point_] = (first - middle + last) / 2, p[3 * kernel_point_] = last;
      }
    }
  }

  // Tiles [begin, end): the input's points, a product for each, and the windows from their sums.
  bool block(int64_t group, int64_t begin, int64_t end) const {
    Scratch room(points * (input_point_ + sums_point_) * sizeof(T));
    T *input = reinterpret_cast<T *>(room.data), *sums = input + points * input_point_;
    constexpr int64_t some = 32;
    for (int64_t channel = 0; channel < c_.channels; channel += some) {
      transform_input(group, begin, end, channel, least(channel + some, c_.channels), input);
    }
    for (int point = 0; point < points; point++) {
      for (int64_t k = 0; k < c_.channels; k += K::depth) {
        const Rows<K> rows{kernels_ + point * kernel_point_ + k, kernel_step_};
        for (int64_t j = 0; j < end - begin; j += width) {
          multiply_panel<K>(c_.features, width, least<int64_t>(c_.channels - k, K::depth), rows,
                            input + point * input_point_ + j / width * panel_ + k * width, width,
                            sums + point * sums_point_ + j, columns_, k > 0);
        }
      }
    }
    return transform_sums(group, begin, end, sums);
  }

  // B^T d B for each channel.
  void transform_input(int64_t group, int64_t begin, int64_t end, int64_t channel, int64_t last, T *input) const {
    Box taps{{channel, 0, 0, 0}, {last, 1, 4, 4}};
    const Stage<T> stage(tiles_, group, cover(spaces_.windows, begin, end), taps, false);
    int64_t offsets[points];
    for (int i = 0; i < points; i++) {
      const int64_t index[] = {channel, 0, i / 4, i % 4};
      offsets[i] = stage.tap(index);
    }
    const int64_t next[] = {channel + 1, 0, 0, 0}, channel_step = stage.tap(next) - offsets[0];
    for (int64_t first = begin; first < end; first += width) {
      const Neighbours<T> near(stage, spaces_.windows, first, least(first + width, end));
      T *panel = input + (first - begin) / width * panel_ + channel * width;
      for (int64_t i = 0; i < last - channel; i++, panel += width) {
        for (int q = 0; q < near.count; q++) {
          const T *d = stage.data() + near.pieces[q].offset + i * channel_step;
          T *to = panel + near.pieces[q].lane;
          Vec<T> rows[4][4];
#pragma GCC unroll 4
          for (int x = 0; x < 4; x++) {
            Vec<T> d0 = load(d + offsets[x]), d1 = load(d + offsets[4 + x]);
            Vec<T> d2 = load(d + offsets[8 + x]), d3 = load(d + offsets[12 + x]);
            rows[0][x] = d0 - d2, rows[1][x] = d1 + d2, rows[2][x] = d2 - d1, rows[3][x] = d1 - d3;
          }
#pragma GCC unroll 4
          for (int y = 0; y < 4; y++, to += 4 * input_point_) {
            store(to, rows[y][0] - rows[y][2]);
            store(to + input_point_, rows[y][1] + rows[y][2]);
            store(to + 2 * input_point_, rows[y][2] - rows[y][1]);
            store(to + 3 * input_point_, rows[y][1] - rows[y][3]);
          }
        }
      }
    }
  }

  // A^T m A for each feature, into out.
  bool transform_sums(int64_t group, int64_t begin, int64_t end, const T *sums) const {
    Vec<T> spoiled{};
    const int64_t size = item_size(c_.type), x_step = c_.out_strides[5];
    const bool straight = !is_small(c_.type) && x_step == 1;
    for_rows(spaces_.windows, begin, end, [&](int64_t at, const int64_t *index, int64_t count) {
      for (int64_t i = 0; i < count; i += n) {
        const int64_t y = 2 * index[2], x = 2 * (index[3] + i);
        const int64_t rows = least<int64_t>(2, c_.axes[1].out - y);
        const int64_t columns = least(2 * least<int64_t>(n, count - i), c_.axes[2].out - x);
        int64_t offset = group * c_.out_strides[0] + index[0] * c_.out_strides[1] + index[1] * c_.out_strides[3] +
                         y * c_.out_strides[4] + x * x_step;
        const T *m = sums + at + i;
        for (int64_t feature = 0; feature < c_.features; feature++, m += columns_, offset += c_.out_strides[2]) {
          Vec<T> halves[2][4];
#pragma GCC unroll 4
          for (int q = 0; q < 4; q++) {
            Vec<T> m0 = load(m + q * sums_point_), m1 = load(m + (4 + q) * sums_point_);
            Vec<T> m2 = load(m + (8 + q) * sums_point_), m3 = load(m + (12 + q) * sums_point_);
            halves[0][q] = m0 + m1 + m2, halves[1][q] = m1 - m2 - m3;
          }
          for (int row = 0; row < rows; row++) {
            const Vec<T> *h = halves[row];
            Vec<T> even = h[0] + h[1] + h[2], odd = h[1] - h[2] - h[3];
            T line[2 * n];
            char *to = c_.out + (offset + row * c_.out_strides[4]) * size;
            T *p = straight && columns == 2 * n ? reinterpret_cast<T *>(to) : line;
            store(p, interleaved(even, odd, std::make_index_sequence<n>()));
            store(p + n, interleaved<n / 2>(even, odd, std::make_index_sequence<n>()));
            if (p == line) finish(line, to, columns, spoiled);
            if (p != line) spoiled += (even - even) + (odd - odd);
          }
        }
      }
    });
    for (int i = 0; i < n; i++) {
      if (spoiled[i] != 0) return false;
    }
    return true;
  }

  void finish(const T *line, char *to, int64_t columns, Vec<T> &spoiled) const {
    T total{};
    for (int64_t i = 0; i < columns; i++) total += line[i] - line[i];
    spoiled[0] += total;
    if (!is_small(c_.type) && c_.out_strides[5] == 1) return copy_line(line, 1, reinterpret_cast<T *>(to), columns);
    const int64_t size = item_size(c_.type);
    write(c_.type, line, to, c_.out_strides[5] * size, columns);
  }

  const Convolution &c_;
  const Convolution tiles_;
  const Spaces spaces_;
  int64_t columns_;  // tiles of a task
  // From row to row of the kernels, and from point to point of the kernels, the input and the sums.
  int64_t kernel_step_, kernel_point_, input_point_, sums_point_;
  int64_t panel_;  // of the input; each may be written a vector too far
  T *kernels_ = nullptr;
  bool finite_ = true;
};

template <class T>
bool suits_winograd(const Convolution &c) {
  const Axis *a = c.axes;
  for (int i = 1; i < 3; i++) {
    if (a[i].taps != 3 || a[i].step != 1 || a[i].tap_step != 1) return false;
  }
  const int64_t windows = c.samples * c.windows();
  const int64_t covered = c.samples * a[0].out * divide_up(a[1].out, 2) * divide_up(a[2].out, 2) * 4;
  return a[0].taps == 1 && least(c.channels, c.features) >= 32 && windows >= 512 && 3 * covered <= 4 * windows &&
         !is_small(c.w_type) && sizeof(T) <= sizeof(float);
}

// Whether all has been written.
template <class T>
bool winograd(const Convolution &c) {
  // As many features at once as keep the transformed kernels small.
  const int64_t most = least<int64_t>(c.features, (4 << 20) / (16 * sizeof(T) * (c.channels + lanes<T>)));
  for (int64_t first = 0; first < c.features; first += most) {
    Convolution part = c;
    part.features = least(most, c.features - first);
    part.w += first * c.w_strides[1] * static_cast<int64_t>(sizeof(T));
    part.out += first * c.out_strides[2] * item_size(c.type);
    if (!Winograd<T>(part).run()) return false;
  }
  return true;
}

}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
