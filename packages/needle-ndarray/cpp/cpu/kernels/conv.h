// A convolution as the kernels see it: always three spatial axes, and the input never dilated (conv.cpp takes a dilated
// one apart).
#pragma once

#include "../array.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

// Window i and tap t of a spatial axis meet at x's index base + i * step + t * tap_step, which may lie outside of x.
struct Axis {
  int64_t in, out, taps, base, step, tap_step;
};

struct Convolution {
  Type type, w_type;  // x's and out's; w's may have been converted before
  int64_t groups, samples, channels, features;
  Axis axes[3];
  const char *x, *w;
  char *out;
  // In elements: groups, then samples, channels | features, channels | samples, features, then the spatial axes.
  int64_t x_strides[6], w_strides[6], out_strides[6];

  int64_t windows() const { return axes[0].out * axes[1].out * axes[2].out; }
  int64_t taps() const { return axes[0].taps * axes[1].taps * axes[2].taps; }
};

// The spaces of which rows and columns of the product are made.
struct Spaces {
  int64_t windows[4], taps[4];

  explicit Spaces(const Convolution &c)
      : windows{c.samples, c.axes[0].out, c.axes[1].out, c.axes[2].out},
        taps{c.channels, c.axes[0].taps, c.axes[1].taps, c.axes[2].taps} {}
};

[[maybe_unused]] int64_t place(const int64_t *index, const int64_t *strides) {
  return index[0] * strides[0] + index[1] * strides[1] + index[2] * strides[2] + index[3] * strides[3];
}

// A box of a space of four axes: samples and windows, or channels and taps.
struct Box {
  int64_t low[4], high[4];

  int64_t extent(int axis) const { return high[axis] - low[axis]; }
};

// The least box that holds elements [begin, end) of the space in row-major order.
[[maybe_unused]] Box cover(const int64_t (&shape)[4], int64_t begin, int64_t end) {
  int64_t first[4], last[4];
  end--;
  for (int a = 3; a >= 0; a--) {
    first[a] = begin % shape[a], begin /= shape[a];
    last[a] = end % shape[a], end /= shape[a];
  }
  Box box;
  bool whole = false;
  for (int a = 0; a < 4; a++) {
    box.low[a] = whole ? 0 : first[a], box.high[a] = whole ? shape[a] : last[a] + 1;
    whole = whole || first[a] != last[a];
  }
  return box;
}

// Goes through elements [begin, end) of a space in row-major order, row by row: run(position, index, n), where index is
// that of the first of n neighbours on the last axis, and position its number, counted from begin.
template <class F>
void for_rows(const int64_t (&shape)[4], int64_t begin, int64_t end, F &&run) {
  int64_t index[4], rest = begin;
  for (int a = 3; a >= 0; a--) index[a] = rest % shape[a], rest /= shape[a];
  for (int64_t at = begin; at < end;) {
    int64_t n = least(shape[3] - index[3], end - at);
    run(at - begin, static_cast<const int64_t *>(index), n);
    at += n, index[3] = 0;
    for (int a = 2; a >= 0 && ++index[a] == shape[a] && a > 0; a--) index[a] = 0;
  }
}

}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
