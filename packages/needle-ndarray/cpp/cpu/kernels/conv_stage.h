// The part of a convolution's input that a block of windows and taps needs, in the cache: converted to the type that is
// computed in, with the padding around it, and so laid out that neighbours along one axis are next to each other.
#pragma once

#include "../allocator.h"
#include "conv.h"
#include "every_other.h"
#include "half.h"
#include "simd.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

template <class T, class S>
[[gnu::always_inline]] inline T number(S x) {
  if constexpr (std::is_arithmetic_v<S>) {
    return static_cast<T>(x);
  } else {
    return to_float(x);
  }
}

// n elements by vectors of `bytes`, or of halves of that: the last one overlaps the one before it.
template <int bytes, class T>
[[gnu::always_inline]] inline void copy_neighbours(const T *from, T *to, int64_t n) {
  constexpr int64_t width = bytes / static_cast<int64_t>(sizeof(T));
  if constexpr (width == 1) {
    if (n > 0) *to = *from;
  } else if (n >= width) {
    auto move = [&](int64_t i) { __builtin_memcpy(to + i, from + i, bytes); };
    for (int64_t i = 0; i + width < n; i += width) move(i);
    move(n - width);
  } else {
    copy_neighbours<bytes / 2>(from, to, n);
  }
}

// Two vectors' elements in turns, from element `first` on.
template <int first = 0, class V, size_t... i>
V interleaved(V a, V b, std::index_sequence<i...>) {
  return __builtin_shufflevector(a, b, (i % 2 * sizeof...(i) + first + i / 2)...);
}

// The elements with even numbers of two vectors that follow each other, and those with odd ones.
template <class V, size_t... i>
V evens(V a, V b, std::index_sequence<i...>) {
  return __builtin_shufflevector(a, b, (2 * i)...);
}
template <class V, size_t... i>
V odds(V a, V b, std::index_sequence<i...>) {
  return __builtin_shufflevector(a, b, (2 * i + 1)...);
}

template <class T, class S>
[[gnu::always_inline]] inline void copy_line(const S *from, int64_t stride, T *to, int64_t n) {
  if constexpr (std::is_same_v<S, T>) {
    if (stride == 1) return copy_neighbours<NEEDLE_VECTOR_BYTES>(from, to, n);
    if (stride == 2) return copy_every_other<NEEDLE_VECTOR_BYTES>(from, to, n);
  }
  for (int64_t i = 0; i < n; i++) to[i] = number<T>(from[i * stride]);
}

// f(S{}), where S is how elements of `type` are stored that are computed as T.
template <class T, class F>
void with_stored(Type type, F &&f) {
  if constexpr (sizeof(T) == sizeof(float)) {
    if (type == Type::f16) return f(f16{});
    if (type == Type::bf16) return f(bf16{});
  }
  f(T{});
}

// Window and tap are at offset window(...) + tap(...). Along the last axis, neighbours are those that step by one
// window, or by one tap: x is dealt out to `phases` lines, one for each remainder of that step.
template <class T>
class Stage {
 public:
  Stage(const Convolution &c, int64_t group, const Box &windows, const Box &taps, bool along_taps, T around = {})
      : windows_(windows), taps_(taps), along_taps_(along_taps), around_(around), room_(lay_out(c) * sizeof(T)) {
    with_stored<T>(c.type, [&](auto tag) { fill<decltype(tag)>(c, group); });
  }

  const T *data() const { return reinterpret_cast<const T *>(room_.data); }

  int64_t window(const int64_t *index) const {
    return (index[0] - windows_.low[0]) * strides_[0] + (index[1] - windows_.low[1]) * steps_[0] * strides_[2] +
           (index[2] - windows_.low[2]) * steps_[1] * strides_[3] +
           along(index[3] - windows_.low[3], steps_[2], !along_taps_);
  }

  int64_t tap(const int64_t *index) const {
    return (index[0] - taps_.low[0]) * strides_[1] + (index[1] - taps_.low[1]) * tap_steps_[0] * strides_[2] +
           (index[2] - taps_.low[2]) * tap_steps_[1] * strides_[3] +
           along(index[3] - taps_.low[3], tap_steps_[2], along_taps_);
  }

 private:
  // Returns how many elements there are. Whole vectors may be read where fewer of them count.
  int64_t lay_out(const Convolution &c) {
    for (int a = 0; a < 3; a++) {
      const Axis &axis = c.axes[a];
      const int64_t windows = windows_.extent(a + 1), taps = taps_.extent(a + 1);
      steps_[a] = windows > 1 ? axis.step : 1, tap_steps_[a] = taps > 1 ? axis.tap_step : 1;
      spans_[a] = (windows - 1) * steps_[a] + (taps - 1) * tap_steps_[a] + 1;
      lows_[a] = axis.base + windows_.low[a + 1] * axis.step + taps_.low[a + 1] * axis.tap_step;
      dense_[a] = (steps_[a] == 1 && windows >= tap_steps_[a]) || (tap_steps_[a] == 1 && taps >= steps_[a]);
    }
    phases_ = along_taps_ ? tap_steps_[2] : steps_[2];
    pitch_ = (spans_[2] + phases_ - 1) / phases_;
    strides_[3] = phases_ * pitch_;
    strides_[2] = strides_[3] * spans_[1];
    strides_[1] = strides_[2] * spans_[0];
    strides_[0] = strides_[1] * taps_.extent(0);
    return strides_[0] * windows_.extent(0) + lanes<T>;
  }

  int64_t along(int64_t i, int64_t step, bool neighbours) const {
    return neighbours ? i : i * step % phases_ * pitch_ + i * step / phases_;
  }

  // Whether a window and a tap meet at `place` of the span.
  bool needed(int axis, int64_t place) const {
    if (dense_[axis]) return true;
    for (int64_t t = 0; t < taps_.extent(axis + 1); t++) {
      int64_t rest = place - t * tap_steps_[axis];
      if (rest >= 0 && rest % steps_[axis] == 0 && rest / steps_[axis] < windows_.extent(axis + 1)) return true;
    }
    return false;
  }

  template <class S>
  void fill(const Convolution &c, int64_t group) {
    const S *x = reinterpret_cast<const S *>(c.x) + group * c.x_strides[0];
    T *const data = reinterpret_cast<T *>(room_.data);
    const int64_t in = c.axes[2].in, step = c.x_strides[5];
    for (int64_t phase = 0; phase < phases_; phase++) {
      const int64_t first = lows_[2] + phase;  // x's index of a line's place 0
      int64_t begin = first >= 0 ? 0 : (-first + phases_ - 1) / phases_;
      int64_t end = first < in ? (in - 1 - first) / phases_ + 1 : 0;
      begin = least(begin, pitch_), end = end > pitch_ ? pitch_ : end < begin ? begin : end;
      T *to = data + phase * pitch_;
      for (int64_t n = windows_.low[0]; n < windows_.high[0]; n++) {
        for (int64_t channel = taps_.low[0]; channel < taps_.high[0]; channel++, to += strides_[1]) {
          const S *from = x + n * c.x_strides[1] + channel * c.x_strides[2] + (first + begin * phases_) * step;
          for (int64_t d = 0; d < spans_[0]; d++) {
            if (!needed(0, d)) continue;
            for (int64_t y = 0; y < spans_[1]; y++) {
              if (!needed(1, y)) continue;
              T *line = to + d * strides_[2] + y * strides_[3];
              const int64_t slice = lows_[0] + d, row = lows_[1] + y;
              if (slice < 0 || slice >= c.axes[0].in || row < 0 || row >= c.axes[1].in) {
                for (int64_t i = 0; i < pitch_; i++) line[i] = around_;
                continue;
              }
              for (int64_t i = 0; i < begin; i++) line[i] = around_;
              copy_line(from + slice * c.x_strides[3] + row * c.x_strides[4], phases_ * step, line + begin,
                        end - begin);
              for (int64_t i = end; i < pitch_; i++) line[i] = around_;
            }
          }
        }
      }
    }
  }

  Box windows_, taps_;
  bool along_taps_;
  T around_;
  int64_t steps_[3], tap_steps_[3], spans_[3], lows_[3];
  int64_t phases_, pitch_;
  int64_t strides_[4];  // samples, channels, rows of the first axis, rows of the second
  bool dense_[3];
  Scratch room_;
};

// The offsets of taps [begin, end).
template <class T>
void tap_offsets(const Stage<T> &stage, const int64_t (&taps)[4], int64_t begin, int64_t end, int64_t *offsets) {
  for_rows(taps, begin, end, [&](int64_t at, const int64_t *index, int64_t n) {
    int64_t moved[4] = {index[0], index[1], index[2], index[3]};
    for (int64_t i = 0; i < n; i++, moved[3]++) offsets[at + i] = stage.tap(moved);
  });
}

// Windows [begin, end), a lane for each, in pieces that are neighbours in the stage and fit in a vector. A piece is
// moved as a whole vector; what that writes too much, the next piece overwrites.
template <class T>
struct Neighbours {
  struct Piece {
    int64_t lane, offset, n;
    int64_t index[4];  // of the first window
  };
  Piece pieces[2 * lanes<T>];
  int count = 0;

  Neighbours(const Stage<T> &stage, const int64_t (&windows)[4], int64_t begin, int64_t end) {
    for_rows(windows, begin, end, [&](int64_t at, const int64_t *index, int64_t n) {
      int64_t offset = stage.window(index);
      for (int64_t i = 0; i < n; i += lanes<T>) {
        pieces[count++] = {
            at + i, offset + i, least<int64_t>(n - i, lanes<T>), {index[0], index[1], index[2], index[3] + i}};
      }
    });
  }
};

}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
