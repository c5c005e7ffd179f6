// Pooling row by row: a row of results comes from the rows of x that its windows see, joined one above the other, and
// then along the row.
#pragma once

#include "../pool.h"
#include "blocks.h"
#include "conv_stage.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

// As a convolution of one channel, x (B, *S) and the parameters of `arguments`; out has the shape of the windows.
Convolution pooled(const Arguments &arguments, const Array &x, const Array &out) {
  const int n = x.ndim - 1;
  Convolution c{x.type, x.type, 1, x.shape[0], 1, 1, {}, x.data, nullptr, out.data, {}, {}, {}};
  c.x_strides[1] = x.strides[0], c.out_strides[1] = out.strides[0];
  for (int a = 0; a < 3; a++) c.axes[a] = {1, 1, 1, 0, 1, 1};
  for (int i = 0; i < n; i++) {
    const int64_t *size = arguments.integers + i, *stride = size + n, *low = stride + n, *dilation = low + n;
    c.axes[3 - n + i] = {x.shape[i + 1], out.shape[i + 1], *size, -*low, *stride, *dilation};
    c.x_strides[6 - n + i] = x.strides[i + 1], c.out_strides[6 - n + i] = out.strides[i + 1];
  }
  return c;
}

// f(T{}) with the type that is computed in; false where pooling is better composed: also where windows reach so far
// that lines of them would fill the memory.
template <class F>
bool with_pooled_type(const Convolution &c, F &&f) {
  constexpr int64_t farthest = 1 << 20;
  int64_t span = 1;
  for (const auto &axis : c.axes) {
    if (axis.taps > farthest || (axis.taps > 1 && axis.tap_step > farthest)) return false;
    span *= (axis.taps - 1) * axis.tap_step + 1;
    if (span > farthest) return false;
  }
  switch (c.type) {
    case Type::f16:
    case Type::bf16:
    case Type::f32: f(float{}); return true;
    case Type::f64: f(double{}); return true;
    default: return false;
  }
}

// Rows of n elements, `step` bytes apart, joined one by one: into `line`, of which up to a vector past the end is
// overwritten. There is room for another line at `room`.
template <class T, class Join>
class JoinedRows {
 public:
  JoinedRows(Type type, int64_t step, int64_t n, T *line, T *room, Join join)
      : type_(type), step_(step), n_(n), line_(line), room_(room), join_(join) {}

  void add(const char *row) {
    if (count_ == most) flush();
    const bool direct = is_direct(type_, step_);
    rows_[count_++] =
        static_cast<const T *>(direct ? static_cast<const void *>(row) : read(type_, row, step_, n_, room_));
    if (!direct) flush();
  }

  // Returns whether there was any row.
  bool finish() {
    if (count_ > 0) flush();
    return any_;
  }

 private:
  void flush() {
    int64_t i = 0;
    auto joined = [&](auto get) {
      Vec<T> v = any_ ? load(line_ + i) : get(rows_[0]);
      for (int r = any_ ? 0 : 1; r < count_; r++) v = join_(v, get(rows_[r]));
      store(line_ + i, v);
    };
    for (; i + lanes<T> <= n_; i += lanes<T>) joined([&](const T *row) { return load(row + i); });
    if (i < n_) joined([&](const T *row) { return load_some(row + i, n_ - i); });
    any_ = true, count_ = 0;
  }

  static constexpr int most = 8;
  const Type type_;
  const int64_t step_, n_;
  T *const line_, *const room_;
  const Join join_;
  const T *rows_[most];
  int count_ = 0;
  bool any_ = false;
};

// The first `count` lanes.
template <class T>
[[gnu::always_inline]] inline void put(Type type, Vec<T> v, char *to, int64_t step, int64_t count) {
  if (is_direct(type, step) && count >= lanes<T>) return store(reinterpret_cast<T *>(to), v);
  if (is_direct(type, step)) return store_some(reinterpret_cast<T *>(to), v, count);
  T line[lanes<T>];
  store(line, v);
  write(type, line, to, step, least<int64_t>(count, lanes<T>));
}

// A row of results: the sample and the places on the first two axes.
struct Row {
  int64_t sample, slice, row;

  void next(int64_t slices, int64_t rows) {
    if (++row < rows) return;
    row = 0;
    if (++slice == slices) slice = 0, sample++;
  }
};

// Where a row of x, or of the results, begins.
inline const char *x_row(const Convolution &c, int64_t sample, int64_t slice, int64_t row) {
  return c.x + (sample * c.x_strides[1] + slice * c.x_strides[3] + row * c.x_strides[4]) * item_size(c.type);
}
inline char *out_row(const Convolution &c, int64_t sample, int64_t slice, int64_t row) {
  return c.out + (sample * c.out_strides[1] + slice * c.out_strides[3] + row * c.out_strides[4]) * item_size(c.type);
}

// Calls run with every row of x that the windows of a row see.
template <class F>
[[gnu::always_inline]] inline void for_seen(const Convolution &c, const Row &at, F &&run) {
  for (int64_t k = 0; k < c.axes[0].taps; k++) {
    const int64_t slice = c.axes[0].base + at.slice * c.axes[0].step + k * c.axes[0].tap_step;
    for (int64_t t = 0; t < c.axes[1].taps; t++) {
      const int64_t row = c.axes[1].base + at.row * c.axes[1].step + t * c.axes[1].tap_step;
      if (slice < 0 || slice >= c.axes[0].in || row < 0 || row >= c.axes[1].in) continue;
      run(x_row(c, at.sample, slice, row));
    }
  }
}

// Pairs of neighbours side by side, in rows that can be used as they are: by far the most frequent kind of pooling.
bool has_pairs(const Convolution &c) {
  const Axis &axis = c.axes[2];
  return axis.taps == 2 && axis.step == 2 && axis.tap_step == 1 && axis.base == 0 && axis.in >= 2 * axis.out &&
         is_direct(c.type, c.x_strides[5] * item_size(c.type)) &&
         is_direct(c.type, c.out_strides[5] * item_size(c.type));
}

// Calls run(row) for rows in tasks of some thousand elements, each row `work`.
template <class F>
void for_all_rows(int64_t samples, int64_t slices, int64_t rows, int64_t work, F run) {
  const int64_t some = task_elements / work + 1, count = samples * slices * rows;
  parallel_for((count + some - 1) / some, [&](int64_t task) {
    const int64_t begin = task * some, end = least(count, begin + some);
    Row at{begin / rows / slices, begin / rows % slices, begin % rows};
    for (int64_t i = begin; i < end; i++, at.next(slices, rows)) run(at);
  });
}

// Goes through all rows with a line of `pitch` elements each, some at a time, which fit in the first cache: fill(row,
// line) for all of them, then finish(row, line), which so does not wait for what was just stored. In fill, there is
// room for another line behind the line.
template <class T, class Fill, class Finish>
void for_lines(int64_t samples, int64_t slices, int64_t rows, int64_t pitch, int64_t work, Fill fill, Finish finish) {
  const int64_t at_once = 4096 / pitch + 1, some = task_elements / work + 1, count = samples * slices * rows;
  parallel_for((count + some - 1) / some, [&](int64_t task) {
    Scratch lines((at_once + 1) * pitch * sizeof(T));
    const int64_t begin = task * some, end = least(count, begin + some);
    Row at{begin / rows / slices, begin / rows % slices, begin % rows};
    for (int64_t i = begin; i < end; i += at_once) {
      const Row first = at;
      T *line = reinterpret_cast<T *>(lines.data);
      auto each = [&](auto &run) {
        for (int64_t left = least(at_once, end - i); left > 0; left--, line += pitch) {
          run(at, line);
          at.next(slices, rows);
        }
      };
      each(fill);
      at = first, line = reinterpret_cast<T *>(lines.data);
      each(finish);
    }
  });
}

// A vector of the first n elements at even distances, n > 0; others, and up to a vector behind them, may be read too.
template <class T>
[[gnu::always_inline]] inline Vec<T> spaced(const T *from, int64_t step, int64_t n) {
  Vec<T> v = load(from);
  if (step == 1) return v;
  if (step == 2) return every_other(v, load(from + lanes<T> - 1), std::make_index_sequence<lanes<T>>());
  for (int64_t i = 1; i < least<int64_t>(n, lanes<T>); i++) v[i] = from[i * step];
  return v;
}

// Windows [first, first + count) of the last axis alone.
inline Convolution part_of_rows(Convolution c, int64_t first, int64_t count) {
  Axis &axis = c.axes[2];
  const int64_t size = item_size(c.type), start = axis.base + first * axis.step, cut = start > 0 ? start : 0;
  c.x += cut * c.x_strides[5] * size, c.out += first * c.out_strides[5] * size;
  axis.in = cut < axis.in ? axis.in - cut : 0, axis.base = start - cut, axis.out = count;
  return c;
}

// out[i] = finish(the elements of window i, joined); `around` is what x is padded with.
template <class T, class Join, class Finish>
void pool_rows(const Convolution &c, T around, Join join, Finish finish) {
  constexpr int n = lanes<T>;
  const Axis &axis = c.axes[2];
  const int64_t some = axis.step < 4096 ? 4096 / axis.step : 1;
  if (axis.out > some && !has_pairs(c)) {
    for (int64_t first = 0; first < axis.out; first += some) {
      pool_rows(part_of_rows(c, first, least(some, axis.out - first)), around, join, finish);
    }
    return;
  }
  const int64_t reach = (axis.out - 1) * axis.step + (axis.taps - 1) * axis.tap_step + 1;
  const int64_t low = -axis.base, in = low < reach ? least(axis.in, reach - low) : 0, size = item_size(c.type);
  // With whole vectors, and what is read past the last one.
  const int64_t pitch = reach + 3 * n;
  const int64_t work = (axis.in + 1) * c.axes[0].taps * c.axes[1].taps;
  if (has_pairs(c)) {
    return for_all_rows(
        c.samples, c.axes[0].out, c.axes[1].out, work, [=](const Row &at) __attribute__((always_inline)) {
          T *to = reinterpret_cast<T *>(out_row(c, at.sample, at.slice, at.row));
          for (int64_t x = 0; x < axis.out; x += n) {
            const int64_t left = 2 * (axis.out - x);
            Vec<T> low = splat(around), high = low;
            bool first = true;
            for_seen(c, at, [&](const char *row) __attribute__((always_inline)) {
              const T *from = reinterpret_cast<const T *>(row) + 2 * x;
              const Vec<T> a = left < n ? load_some(from, left) : load(from);
              const Vec<T> b = left < n ? a : left < 2 * n ? load_some(from + n, left - n) : load(from + n);
              low = first ? a : join(low, a), high = first ? b : join(high, b);
              first = false;
            });
            constexpr auto all = std::make_index_sequence<n>();
            put<T>(c.type, finish(join(evens(low, high, all), odds(low, high, all))), reinterpret_cast<char *>(to + x),
                   sizeof(T), axis.out - x);
          }
        });
  }
  auto fill = [=](const Row &at, T *line) {
    JoinedRows rows(c.type, c.x_strides[5] * size, in, line + low, line + pitch, join);
    for_seen(c, at, [&](const char *row) { rows.add(row); });
    const int64_t end = rows.finish() ? low + in : low;
    for (int64_t k = 0; k < low; k++) line[k] = around;
    for (int64_t k = end; k < reach; k++) line[k] = around;
  };
  auto put_row = [=](const Row &at, const T *line) {
    const int64_t step = c.out_strides[5] * size;
    char *to = out_row(c, at.sample, at.slice, at.row);
    for (int64_t x = 0; x < axis.out; x += n, to += n * step) {
      const T *from = line + x * axis.step;
      Vec<T> v = spaced(from, axis.step, axis.out - x);
      for (int64_t k = 1; k < axis.taps; k++) v = join(v, spaced(from + k * axis.tap_step, axis.step, axis.out - x));
      put<T>(c.type, finish(v), to, step, axis.out - x);
    }
  };
  for_lines<T>(c.samples, c.axes[0].out, c.axes[1].out, pitch, work, fill, put_row);
}

}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
