// The gradient of 3 x 3 kernels with 16 multiplications for each 2 x 2 windows and kernel in place of 36: the
// transposed form of conv_winograd.h. It comes as a convolution with 3 x 3 windows, whose taps are the cotangent's
// elements, and whose channels are samples.
#pragma once

#include "conv_winograd.h"
#include "pack.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

template <class T>
class WinogradGradient {
 public:
  using K = Plainly<T>;
  static constexpr int n = lanes<T>, points = 16;

  explicit WinogradGradient(const Convolution &c)
      : c_(c), x_(tiles_of(c, 4)), ct_(tiles_of(c, 2)), x_spaces_(x_), ct_spaces_(ct_) {
    tiles_ = c.channels * x_.axes[1].out * x_.axes[2].out;
    sums_step_ = divide_up(c.samples, K::columns) * K::columns;
    sums_point_ = c.features * sums_step_, sums_part_ = points * sums_point_;
    constexpr int64_t most_sums = (4 << 20) / sizeof(T), most_points = (3 << 19) / sizeof(T), most_parts = 8;
    parts_ = 1;
    while (parts_ < most_parts && 2 * parts_ * sums_part_ <= most_sums) parts_ *= 2;
    block_ = parts_ < 4 ? least<int64_t>(c.features, 64) : c.features, blocks_ = divide_up(c.features, block_);
    part_ = divide_up(divide_up(tiles_, parts_), n) * n, parts_ = divide_up(tiles_, part_);
    at_once_ = least(least<int64_t>(most_points / (points * (c.samples + block_)) / n * n, K::depth), part_);
    if (at_once_ < 2 * n) at_once_ = 2 * n;
    pitch_ = at_once_ + n;  // and not a power of two
  }

  // Whether all results are finite: one number that is not spoils more than it should.
  bool run() {
    Scratch room(parts_ * sums_part_ * sizeof(T));
    sums_ = reinterpret_cast<T *>(room.data);
    for (int64_t group = 0; group < c_.groups; group++) {
      parallel_for(parts_ * blocks_, [&](int64_t i) { sum_up(group, i / blocks_, i % blocks_ * block_); });
      parallel_for(c_.features, [&](int64_t feature) {
        if (!put_feature(group, feature)) __atomic_store_n(&finite_, false, __ATOMIC_RELAXED);
      });
    }
    return finite_;
  }

 private:
  // Tiles of 2 x 2 of the cotangent's elements, or of the 4 x 4 of x that meet them, as windows in steps of two.
  static Convolution tiles_of(const Convolution &c, int64_t size) {
    Convolution tiles = c;
    tiles.samples = c.channels, tiles.channels = size == 4 ? c.samples : c.features;
    if (size == 2) {
      tiles.x = c.w, tiles.type = c.w_type;
      for (int a = 0; a < 6; a++) tiles.x_strides[a] = c.w_strides[a];
    }
    const int64_t outer = tiles.x_strides[1];
    tiles.x_strides[1] = tiles.x_strides[2], tiles.x_strides[2] = outer;
    for (int a = 1; a < 3; a++) {
      const Axis &axis = c.axes[a];
      tiles.axes[a] = {size == 4 ? axis.in : axis.taps, divide_up(axis.taps, 2), size, size == 4 ? axis.base : 0, 2, 1};
    }
    return tiles;
  }

  // One part of the tiles, for some features: some tiles at a time, whose points stay in the second cache.
  void sum_up(int64_t group, int64_t part, int64_t first) const {
    const int64_t features = least(block_, c_.features - first),
                  columns = divide_up(c_.samples, K::columns) * K::columns;
    const int64_t x_points = points * c_.samples * pitch_, ct_points = points * features * pitch_;
    Scratch room((x_points + ct_points + columns * at_once_ + n) * sizeof(T));
    T *const x = reinterpret_cast<T *>(room.data), *const ct = x + x_points, *const b = ct + ct_points;
    const int64_t last = least(tiles_, (part + 1) * part_);
    for (int64_t begin = part * part_; begin < last; begin += at_once_) {
      const int64_t end = least(begin + at_once_, last), tiles = end - begin;
      constexpr int64_t some = 16;  // channels, whose stage the first cache holds
      for (int64_t i = 0; i < c_.samples; i += some) {
        transform<4>(x_, x_spaces_, group, begin, end, i, least(i + some, c_.samples), x + i * pitch_,
                     c_.samples * pitch_);
      }
      for (int64_t i = 0; i < features; i += some) {
        transform<2>(ct_, ct_spaces_, group, begin, end, first + i, first + least(i + some, features), ct + i * pitch_,
                     features * pitch_);
      }
      for (int point = 0; point < points; point++) {
        pack_panels<K>(x + point * c_.samples * pitch_, pitch_, 1, c_.samples, tiles, b);
        const Rows<K> rows{ct + point * features * pitch_, pitch_};
        T *sums = sums_ + part * sums_part_ + point * sums_point_ + first * sums_step_;
        for (int64_t j = 0; j < columns; j += K::columns) {
          multiply_panel<K>(features, K::columns, tiles, rows, b + j * tiles, K::columns, sums + j, sums_step_,
                            begin > part * part_);
        }
      }
    }
  }

  // The points of tiles [begin, end) for channels [first, last): B^T d B of x, A d A^T of the cotangent.
  template <int size>
  void transform(const Convolution &tiles, const Spaces &spaces, int64_t group, int64_t begin, int64_t end,
                 int64_t first, int64_t last, T *to, int64_t point_step) const {
    const Stage<T> stage(tiles, group, cover(spaces.windows, begin, end), {{first, 0, 0, 0}, {last, 1, size, size}},
                         false);
    int64_t offsets[size * size];
    for (int i = 0; i < size * size; i++) {
      const int64_t index[] = {first, 0, i / size, i % size};
      offsets[i] = stage.tap(index);
    }
    const int64_t next[] = {first + 1, 0, 0, 0}, channel_step = stage.tap(next) - offsets[0];
    for (int64_t at = begin; at < end; at += K::columns) {
      const Neighbours<T> near(stage, spaces.windows, at, least<int64_t>(at + K::columns, end));
      for (int64_t channel = first; channel < last; channel++) {
        for (int q = 0; q < near.count; q++) {
          const T *d = stage.data() + near.pieces[q].offset + (channel - first) * channel_step;
          T *p = to + (channel - first) * pitch_ + at - begin + near.pieces[q].lane;
          Vec<T> rows[4][size];
#pragma GCC unroll 4
          for (int x = 0; x < size; x++) {
            Vec<T> column[size];
#pragma GCC unroll 4
            for (int y = 0; y < size; y++) column[y] = load(d + offsets[y * size + x]);
            Vec<T> four[4];
            points_of(column, four);
#pragma GCC unroll 4
            for (int y = 0; y < 4; y++) rows[y][x] = four[y];
          }
#pragma GCC unroll 4
          for (int y = 0; y < 4; y++) {
            Vec<T> four[4];
            points_of(rows[y], four);
#pragma GCC unroll 4
            for (int x = 0; x < 4; x++) store(p + (4 * y + x) * point_step, four[x]);
          }
        }
      }
    }
  }

  [[gnu::always_inline]] static inline void points_of(const Vec<T> (&d)[4], Vec<T> (&to)[4]) {
    to[0] = d[0] - d[2], to[1] = d[1] + d[2], to[2] = d[2] - d[1], to[3] = d[1] - d[3];
  }
  [[gnu::always_inline]] static inline void points_of(const Vec<T> (&d)[2], Vec<T> (&to)[4]) {
    to[0] = d[0], to[1] = d[0] + d[1], to[2] = d[0] - d[1], to[3] = -d[1];
  }

  // G^T m G for each channel of x, into out.
  bool put_feature(int64_t group, int64_t feature) const {
    const int64_t size = item_size(c_.type);
    T spoiled{};
    for (int64_t sample = 0; sample < c_.samples; sample++) {
      const T *m = sums_ + feature * sums_step_ + sample;
      T rows[3][4];
      for (int x = 0; x < 4; x++) {
        auto at = [&](int y) {
          T sum = m[(4 * y + x) * sums_point_];
          for (int64_t part = 1; part < parts_; part++) sum += m[(4 * y + x) * sums_point_ + part * sums_part_];
          return sum;
        };
        const T second = at(1), third = at(2), sum = (second + third) / 2;
        rows[0][x] = at(0) + sum, rows[1][x] = (second - third) / 2, rows[2][x] = sum + at(3);
      }
      for (int y = 0; y < 3; y++) {
        const T sum = (rows[y][1] + rows[y][2]) / 2;
        const T line[] = {rows[y][0] + sum, (rows[y][1] - rows[y][2]) / 2, sum + rows[y][3]};
        spoiled += (line[0] - line[0]) + (line[1] - line[1]) + (line[2] - line[2]);
        const int64_t offset = group * c_.out_strides[0] + sample * c_.out_strides[1] + feature * c_.out_strides[2] +
                               y * c_.out_strides[4];
        write(c_.type, line, c_.out + offset * size, c_.out_strides[5] * size, 3);
      }
    }
    return spoiled == 0;
  }

  const Convolution &c_;
  const Convolution x_, ct_;
  const Spaces x_spaces_, ct_spaces_;
  int64_t block_, blocks_;                      // features of a task
  int64_t tiles_, part_, parts_;                // all of them, and those of a task
  int64_t at_once_, pitch_;                     // tiles, and from channel to channel of their points
  int64_t sums_step_, sums_point_, sums_part_;  // from feature to feature, point to point, part to part
  T *sums_ = nullptr;
  bool finite_ = true;
};

template <class T>
bool suits_winograd_gradient(const Convolution &c) {
  int64_t taps = c.channels, covered = c.channels;
  for (int a = 1; a < 3; a++) {
    const Axis &axis = c.axes[a];
    if (axis.out != 3 || axis.step != 1 || axis.tap_step != 1) return false;
    taps *= axis.taps, covered *= 2 * divide_up(axis.taps, 2);
  }
  return c.axes[0].out == 1 && c.axes[0].taps == 1 && least(c.samples, c.features) >= 32 && taps >= 2048 &&
         3 * covered <= 4 * taps && sizeof(T) <= sizeof(float);
}

// Whether all has been written.
template <class T>
bool winograd_gradient(const Convolution &c) {
  // As many features at once as keep the sums small.
  const int64_t some = (4 << 20) / (16 * static_cast<int64_t>(sizeof(T)) * divide_up(c.samples, lanes<T>) * lanes<T>);
  if (some < 1) return false;
  for (int64_t first = 0; first < c.features; first += some) {
    Convolution part = c;
    part.features = least(some, c.features - first);
    part.w += first * c.w_strides[1] * item_size(c.w_type);
    part.out += first * c.out_strides[2] * item_size(c.type);
    if (!WinogradGradient<T>(part).run()) return false;
  }
  return true;
}

}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
