// conv: the windows of the input as the columns of a product with the kernels, brought into its blocks straight from
// the image (implicit GEMM). See Chetlur et al., "cuDNN: efficient primitives for deep learning" (2014), for the
// scheme.
#include "conv.h"

#include "blocks.h"
#include "conv_few.h"
#include "conv_winograd.h"
#include "conv_winograd_gradient.h"
#include "gemm.h"
#include "kernels.h"
#include "pack.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

// Panels of a row for each tap, a lane for each window: each row is put together from pieces in which windows are
// neighbours. Every piece is moved as a whole vector; what it writes too much, the next one overwrites.
template <class T>
void pack_windows(const Stage<T> &stage, const Spaces &s, int64_t j, int64_t columns, int64_t k, int64_t depth, T *to) {
  constexpr int width = Plainly<T>::columns, n = lanes<T>;
  int64_t taps[Plainly<T>::depth];
  tap_offsets(stage, s.taps, k, k + depth, taps);
  for (int64_t first = 0; first < columns; first += width, to += depth * width) {
    const Neighbours<T> near(stage, s.windows, j + first, j + least<int64_t>(first + width, columns));
    const auto &pieces = near.pieces;
    T *row = to;
    const T *from = stage.data();
    if (near.count == 2 && pieces[1].lane == n) {
      const T *left = from + pieces[0].offset, *right = from + pieces[1].offset;
      for (int64_t i = 0; i < depth; i++, row += width) {
        store(row, load(left + taps[i]));
        store(row + n, load(right + taps[i]));
      }
      continue;
    }
    for (int64_t i = 0; i < depth; i++, row += width) {
      for (int q = 0; q < near.count; q++) store(row + pieces[q].lane, load(from + taps[i] + pieces[q].offset));
    }
  }
}

// The same panels where taps are the neighbours: squares of windows x taps, transposed.
template <class T>
void pack_taps(const Stage<T> &stage, const Spaces &s, int64_t j, int64_t columns, int64_t k, int64_t depth, T *to) {
  constexpr int width = Plainly<T>::columns, n = lanes<T>;
  for (int64_t first = 0; first < columns; first += n) {
    const T *lines[n];
    int64_t end = j + least<int64_t>(first + n, columns);
    for_rows(s.windows, j + first, end, [&](int64_t at, const int64_t *index, int64_t count) {
      int64_t moved[4] = {index[0], index[1], index[2], index[3]};
      for (int64_t i = 0; i < count; i++, moved[3]++) lines[at + i] = stage.data() + stage.window(moved);
    });
    for (int64_t i = end - j - first; i < n; i++) lines[i] = lines[0];
    T *panel = to + first / width * width * depth + first % width;
    for_rows(s.taps, k, k + depth, [&](int64_t at, const int64_t *index, int64_t count) {
      int64_t offset = stage.tap(index);
      for (int64_t i = 0; i < count; i += n) {
        Vec<T> v[n];
#pragma GCC unroll 16
        for (int lane = 0; lane < n; lane++) v[lane] = load(lines[lane] + offset + i);
        transpose(v);
        T *row = panel + (at + i) * width;
        const int64_t rows = least<int64_t>(n, count - i);
#pragma GCC unroll 16
        for (int lane = 0; lane < n; lane++) {
          if (lane < rows) store(row + lane * width, v[lane]);
        }
      }
    });
  }
}

// Elements [begin, end) of a space in an array, in pieces whose elements are evenly spaced.
struct Pieces {
  struct Piece {
    int64_t at, offset, count;  // the number of the first element from `begin` on, its place, and how many follow
  };
  static constexpr int most = 512;
  Piece list[most];
  int count = 0;
  int64_t step;

  Pieces(const int64_t (&shape)[4], const int64_t *strides, int64_t begin, int64_t end) : step(strides[3]) {
    for_rows(shape, begin, end, [&](int64_t at, const int64_t *index, int64_t n) {
      int64_t offset = place(index, strides);
      if (count > 0 && list[count - 1].offset + list[count - 1].count * step == offset) {
        list[count - 1].count += n;
      } else {
        list[count++] = {at, offset, n};
      }
    });
  }
};

// Whether each feature's kernel is one row of numbers that can be computed with.
bool has_flat_kernels(const Convolution &c) {
  int64_t expected = 1;
  for (int a = 5; a >= 2; a--) {
    const int64_t extent = a == 2 ? c.channels : c.axes[a - 3].taps;
    if (extent != 1 && c.w_strides[a] != expected) return false;
    expected *= extent;
  }
  return !is_small(c.w_type);
}

// Rows [i, i + rows) of the kernels' matrix, taps [k, k + depth): where they lie, or copied.
template <class T>
Rows<Plainly<T>> kernel_rows(const Convolution &c, const Spaces &s, int64_t group, int64_t i, int64_t rows, int64_t k,
                             int64_t depth, T *room) {
  constexpr int64_t room_step = room_stride<Plainly<T>>;
  const Pieces pieces(s.taps, c.w_strides + 2, k, k + depth);
  const int64_t start = group * c.w_strides[0] + i * c.w_strides[1];
  // Rows that far apart would share few sets of the first cache.
  const bool collide = c.w_strides[1] * static_cast<int64_t>(sizeof(T)) % 2048 == 0;
  if (pieces.count == 1 && (pieces.step == 1 || depth == 1) && !is_small(c.w_type) && !collide) {
    return {reinterpret_cast<const T *>(c.w) + start + pieces.list[0].offset, c.w_strides[1]};
  }
  with_stored<T>(c.w_type, [&](auto tag) {
    auto *from = reinterpret_cast<const decltype(tag) *>(c.w) + start;
    for (int64_t row = 0; row < rows; row++, from += c.w_strides[1]) {
      for (int p = 0; p < pieces.count; p++) {
        const auto &piece = pieces.list[p];
        copy_line(from + piece.offset, pieces.step, room + row * room_step + piece.at, piece.count);
      }
    }
  });
  return {room, room_step};
}

template <class T>
struct Product {
  using K = Plainly<T>;
  const Convolution &c;
  const Spaces spaces{c};
  const bool along_taps = c.axes[2].out < c.axes[2].taps;

  void columns(int64_t group, int64_t j, int64_t n, int64_t k, int64_t depth, T *room) const {
    Stage<T> stage(c, group, cover(spaces.windows, j, j + n), cover(spaces.taps, k, k + depth), along_taps);
    (along_taps ? pack_taps<T> : pack_windows<T>)(stage, spaces, j, n, k, depth, room);
  }
  Rows<K> rows(int64_t group, int64_t i, int64_t n, int64_t k, int64_t depth, T *room) const {
    return kernel_rows(c, spaces, group, i, n, k, depth, room);
  }
};

// Straight into out, where a sample's windows follow each other there.
template <class T>
struct Whole {
  const Convolution &c;
  const int64_t stride = c.out_strides[2];
  T *rows(int64_t z) const {
    return reinterpret_cast<T *>(c.out) + z / c.samples * c.out_strides[0] + z % c.samples * c.out_strides[1];
  }
};

template <class T>
struct Scattered {
  const Convolution &c;
  bool add;  // to what is there
  const Spaces spaces{c};

  void finish(int64_t group, int64_t i, int64_t j, int64_t m, int64_t n, const T *sums, int64_t stride) const {
    const int64_t strides[] = {c.out_strides[1], c.out_strides[3], c.out_strides[4], c.out_strides[5]};
    const int64_t size = item_size(c.type);
    const Pieces pieces(spaces.windows, strides, j, j + n);
    for (int64_t row = 0; row < m; row++, sums += stride) {
      char *to = c.out + size * (group * c.out_strides[0] + (i + row) * c.out_strides[2]);
      for (int p = 0; p < pieces.count; p++) {
        const auto &piece = pieces.list[p];
        if (add) {
          T *whole = reinterpret_cast<T *>(to) + piece.offset;
          for (int64_t x = 0; x < piece.count; x++) whole[x * pieces.step] += sums[piece.at + x];
        } else {
          write(c.type, sums + piece.at, to + piece.offset * size, pieces.step * size, piece.count);
        }
      }
    }
  }
};

// Kernels of one tap that sees every element of x once: out = w x for each sample, whose elements are a matrix as they
// are. False where it is not so.
bool plain_product(const Convolution &c) {
  int64_t elements = 1, x_step = 1, out_step = 1;
  for (int a = 2; a >= 0; a--) {
    const Axis &axis = c.axes[a];
    if (axis.taps != 1 || axis.step != 1 || axis.base != 0 || axis.in != axis.out) return false;
    if (axis.out == 1) continue;
    if (elements == 1) x_step = c.x_strides[a + 3], out_step = c.out_strides[a + 3];
    if (c.x_strides[a + 3] != x_step * elements || c.out_strides[a + 3] != out_step * elements) return false;
    elements *= axis.out;
  }
  const int64_t w_shape[] = {c.groups, c.samples, c.features, c.channels};
  const int64_t x_shape[] = {c.groups, c.samples, c.channels, elements};
  const int64_t out_shape[] = {c.groups, c.samples, c.features, elements};
  const int64_t w_strides[] = {c.w_strides[0], 0, c.w_strides[1], c.w_strides[2]};
  const int64_t x_strides[] = {c.x_strides[0], c.x_strides[1], c.x_strides[2], x_step};
  const int64_t out_strides[] = {c.out_strides[0], c.out_strides[1], c.out_strides[2], out_step};
  matmul({const_cast<char *>(c.w), c.type, 4, w_shape, w_strides},
         {const_cast<char *>(c.x), c.type, 4, x_shape, x_strides}, {c.out, c.type, 4, out_shape, out_strides});
  return true;
}

template <class T>
void product(const Convolution &c, bool add = false) {
  using K = Plainly<T>;
  const Product<T> product{c};
  const int64_t windows = c.windows(), taps = c.channels * c.taps();
  bool flat = !add && !is_small(c.type) && windows % K::columns == 0 && windows >= 4 * K::columns;
  int64_t expected = 1;
  for (int a = 2; a >= 0; a--) {
    flat = flat && (c.axes[a].out == 1 || c.out_strides[a + 3] == expected);
    expected *= c.axes[a].out;
  }
  if (flat) {
    auto rows = [&](int64_t z, auto... rest) { return product.rows(z / c.samples, rest...); };
    auto columns = [&](int64_t z, int64_t j, auto... rest) {
      product.columns(z / c.samples, z % c.samples * windows + j, rest...);
    };
    multiply<K>(c.groups * c.samples, {c.features, windows, taps}, rows, columns, Whole<T>{c});
  } else {
    auto rows = [&](auto... all) { return product.rows(all...); };
    auto columns = [&](auto... all) { product.columns(all...); };
    multiply<K>(c.groups, {c.features, c.samples * windows, taps}, rows, columns, Scattered<T>{c, add});
  }
}

template <class T>
void convolve(const Convolution &c) {
  if (c.features <= most_few && c.axes[2].out >= c.axes[2].taps && has_flat_kernels(c)) return few_features<T>(c);
  const bool rows = c.w_strides[5] == 1 && !is_small(c.w_type);
  if (rows && c.groups >= 8 && least(c.samples, c.features) == 1 && c.samples * c.features <= most_few &&
      c.axes[2].taps >= lanes<T> && c.windows() <= 64) {
    return few_windows<T>(c);
  }
  if (suits_winograd<T>(c) && winograd<T>(c)) return;
  if (suits_winograd_gradient<T>(c) && winograd_gradient<T>(c)) return;
  // Kernels as large as x, which is how the gradient of kernels comes: some channels at a time, so that what all tasks
  // read of them stays in the cache.
  constexpr int64_t cached = 4 << 20;
  const int64_t elements = c.axes[0].in * c.axes[1].in * c.axes[2].in;
  const int64_t channel = (c.samples * elements + c.features * c.taps()) * c.groups * static_cast<int64_t>(sizeof(T));
  const int64_t some = is_small(c.type) || c.windows() >= c.taps() || channel == 0 ? c.channels : cached / channel + 1;
  for (int64_t first = 0; first < c.channels; first += some) {
    Convolution part = c;
    part.channels = least(some, c.channels - first);
    part.x += first * c.x_strides[2] * static_cast<int64_t>(sizeof(T));
    part.w += first * c.w_strides[2] * static_cast<int64_t>(sizeof(T));
    product<T>(part, first > 0);
  }
}

// With the kernels in the type that is computed in, each as one row, if they are not large.
template <class T>
void with_flat_kernels(Convolution c, Type native) {
  constexpr int64_t most_bytes = 4 << 20;
  const int64_t bytes = c.groups * c.features * c.channels * c.taps() * sizeof(T);
  const bool long_rows = c.w_strides[5] == 1 && c.axes[2].taps >= 16 && !is_small(c.w_type);
  if (bytes > most_bytes || long_rows || suits_winograd<T>(c) || suits_winograd_gradient<T>(c) || has_flat_kernels(c))
    return convolve<T>(c);
  Scratch flat(bytes);
  int64_t shape[] = {c.groups, c.features, c.channels, c.axes[0].taps, c.axes[1].taps, c.axes[2].taps}, strides[6];
  int64_t expected = 1;
  for (int a = 5; a >= 0; a--) strides[a] = expected, expected *= shape[a];
  cast({const_cast<char *>(c.w), c.w_type, 6, shape, c.w_strides}, {flat.data, native, 6, shape, strides});
  c.w = flat.data, c.w_type = native;
  for (int a = 0; a < 6; a++) c.w_strides[a] = strides[a];
  convolve<T>(c);
}

int64_t greatest_common_divisor(int64_t a, int64_t b) { return b == 0 ? a : greatest_common_divisor(b, a % b); }

// Of a dilated input a window sees its own elements alone: windows whose remainder is the same see them at the same
// taps. Makes the undilated convolutions of which the one over spatial axes from `axis` on consists.
template <class F>
void for_phases(const Convolution &c, int axis, const int64_t *low, const int64_t *dilation_in, F &&run) {
  if (axis == 3) return run(c);
  const Axis &whole = c.axes[axis];
  const int64_t in = dilation_in[axis];
  const int64_t period = in / greatest_common_divisor(whole.step, in);
  const int64_t tap_period = in / greatest_common_divisor(whole.tap_step, in);
  for (int64_t i = 0; i < least(period, whole.out); i++) {
    auto remainder = [&](int64_t t) { return ((i * whole.step + t * whole.tap_step - low[axis]) % in + in) % in; };
    int64_t t = 0;
    while (t < least(tap_period, whole.taps) && remainder(t) != 0) t++;
    Convolution part = c;
    Axis &p = part.axes[axis];
    p.out = (whole.out - i + period - 1) / period;
    p.taps = t < least(tap_period, whole.taps) ? (whole.taps - t + tap_period - 1) / tap_period : 0;
    p.base = (i * whole.step + t * whole.tap_step - low[axis]) / in;
    p.step = period * whole.step / in, p.tap_step = tap_period * whole.tap_step / in;
    const int64_t size = item_size(c.type);
    part.w += t * c.w_strides[axis + 3] * size, part.out += i * c.out_strides[axis + 3] * size;
    part.w_strides[axis + 3] *= tap_period, part.out_strides[axis + 3] *= period;
    for_phases(part, axis + 1, low, dilation_in, run);
  }
}

void undilated(const Convolution &c) {
  if (c.channels * c.taps() == 0) {
    const int64_t shape[] = {c.groups, c.samples, c.features, c.axes[0].out, c.axes[1].out, c.axes[2].out},
                  zero[2] = {};
    return fill(zero, {c.out, c.type, 6, shape, c.out_strides});
  }
  if (plain_product(c)) return;
  if (c.type == Type::f64) {
    with_flat_kernels<double>(c, Type::f64);
  } else {
    with_flat_kernels<float>(c, Type::f32);
  }
}

}  // namespace

bool conv(const Arguments &arguments) {
  const Array &x = arguments.inputs[0], &w = arguments.inputs[1], &out = arguments.outputs[0];
  switch (x.type) {
    case Type::f16:
    case Type::bf16:
    case Type::f32:
    case Type::f64: break;
    default: return false;
  }
  const int n = x.ndim - 3, missing = 3 - n;
  const int64_t *stride = arguments.integers, *low = stride + n, *dilation_in = low + 2 * n,
                *dilation = dilation_in + n;
  Convolution c{x.type, x.type, x.shape[0], x.shape[1], x.shape[2], w.shape[1], {},
                x.data, w.data, out.data,   {},         {},         {}};
  int64_t lows[3] = {}, dilations_in[3] = {1, 1, 1};
  for (int a = 0; a < 3; a++) {
    c.x_strides[a] = x.strides[a], c.w_strides[a] = w.strides[a], c.out_strides[a] = out.strides[a];
    c.axes[a] = {1, 1, 1, 0, 1, 1};
    if (a < missing) continue;
    const int i = a - missing, from = i + 3;
    c.axes[a] = {x.shape[from], out.shape[from], w.shape[from], 0, stride[i], dilation[i]};
    c.x_strides[a + 3] = x.strides[from], c.w_strides[a + 3] = w.strides[from];
    c.out_strides[a + 3] = out.strides[from];
    lows[a] = low[i], dilations_in[a] = dilation_in[i];
  }
  if (c.groups * c.samples * c.features * c.windows() == 0) return true;
  for_phases(c, 0, lows, dilations_in, undilated);
  return true;
}

}  // namespace needle::cpu::NEEDLE_TARGET
