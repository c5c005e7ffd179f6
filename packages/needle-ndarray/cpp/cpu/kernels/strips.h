// Lines along one axis, as kernels like them: in chunks of some vectors of the compute type. Where the axis is the
// innermost in memory, a line is cut into chunks; elsewhere lines lie side by side, and a chunk is one place of each.
// Either way a kernel sees a strip: chunks that it takes one after the other, lane by lane. Only where the lanes belong
// to one line does it join what they have collected. Operands that do not look like that go through a buffer.
#pragma once

#include <utility>

#include "../allocator.h"
#include "../iterate.h"
#include "blocks.h"
#include "simd.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

struct LineOperand {
  Array array;
  enum Role { read, written, per_line } role;  // the last kind has extent 1 along the axis
};

template <class T, int vectors, bool joined>
struct Strip {
  static constexpr int group = vectors;
  static constexpr int chunk = vectors * lanes<T>;
  static constexpr bool across = joined;  // one line, whose elements are the lanes; else each lane is a line
  using Group = Vec<T>[vectors];

  int64_t lines = 1;
  int64_t full = 0;   // chunks that are whole
  bool rest = false;  // one more chunk follows, in `last`, with elements that are not the line's behind those that are
  T *p[max_operands] = {};
  int64_t step[max_operands] = {};  // in elements
  T *last[max_operands] = {};
  const Array *array[max_operands] = {};
  char *start[max_operands] = {};          // of the first line, in its array
  int64_t line_stride[max_operands] = {};  // in bytes

  // f(chunk of operand `operands`...) for every chunk.
  template <int... operands, class F>
  [[gnu::always_inline]] void each(F &&f) const {
    for (int64_t i = 0; i < full; i++) f((p[operands] + i * step[operands])...);
    if (rest) f(last[operands]...);
  }

  T &element(int operand, int64_t line, int64_t place) const {
    if constexpr (!across) return p[operand][place * step[operand] + line];
    T *begin = place < full * chunk ? p[operand] + place / chunk * step[operand] : last[operand];
    return begin[place % chunk];
  }

  // The values of an operand that has one for each line.
  void load_per_line(int operand, Group &values) const {
    T room[chunk] = {};
    const Array &x = *array[operand];
    T buffer[chunk];
    auto *found =
        static_cast<const T *>(NEEDLE_TARGET::read(x.type, start[operand], line_stride[operand], lines, buffer));
    for (int i = 0; i < chunk; i++) room[i] = across ? found[0] : i < lines ? found[i] : T{};
    for (int k = 0; k < vectors; k++) values[k] = load(room + k * lanes<T>);
  }

  void store_per_line(int operand, const Group &values) const {
    T room[chunk];
    for (int k = 0; k < vectors; k++) store(room + k * lanes<T>, values[k]);
    write(array[operand]->type, room, start[operand], line_stride[operand], lines);
  }
};

// x with each lane swapped for the one `distance` from it, in blocks of twice that.
template <int distance, class V, int... lane>
[[gnu::always_inline]] inline V swap_lanes(V x, std::integer_sequence<int, lane...>) {
  return __builtin_shufflevector(x, x, (lane ^ distance)...);
}

// All lanes of x taken together, in every lane.
template <int distance = 1, class V, class Op>
[[gnu::always_inline]] inline V fold_lanes(V x, Op op) {
  constexpr int count = lanes<lane_of<V>>;
  if constexpr (distance == count) {
    return x;
  } else {
    return fold_lanes<2 * distance>(op(x, swap_lanes<distance>(x, std::make_integer_sequence<int, count>{})), op);
  }
}

// What the lanes have collected, brought together and spread out again where they belong to one line.
template <class S, class T, class Op>
[[gnu::always_inline]] inline void join(Vec<T> (&values)[S::group], Op op) {
  if constexpr (S::across) {
    for (int k = 1; k < S::group; k++) values[0] = op(values[0], values[k]);
    values[0] = fold_lanes(values[0], op);
    for (int k = 1; k < S::group; k++) values[k] = values[0];
  }
}

// The strips that start at one place of the kept walk.
template <class T, class S>
struct Strips {
  const LineOperand *operands;
  int count;
  int axis;
  const Walk &kept;
  int64_t n;  // elements of a line
  T padding;  // for elements that are not the line's
  Scratch room;

  static int64_t chunks(int64_t n) { return S::across ? (n + S::chunk - 1) / S::chunk : n; }

  Strips(const LineOperand *operands_, int count_, int axis_, const Walk &kept_, int64_t n_, T padding_)
      : operands(operands_),
        count(count_),
        axis(axis_),
        kept(kept_),
        n(n_),
        padding(padding_),
        room(sizeof(T) * static_cast<size_t>(count_ * (chunks(n_) + 1) * S::chunk)) {}

  int64_t along(int o) const { return operands[o].array.strides[axis] * item_size(operands[o].array.type); }

  template <class Body>
  void run(char *const *p, int64_t lines, Body &&body) {
    S s;
    s.lines = lines;
    s.full = S::across ? n / S::chunk : n;
    s.rest = S::across && n % S::chunk != 0;
    bool buffered[max_operands];
    T *free = reinterpret_cast<T *>(room.data);
    for (int o = 0; o < count; o++) {
      s.array[o] = &operands[o].array;
      s.start[o] = p[o];
      s.line_stride[o] = kept.stride(o);
      if (operands[o].role == LineOperand::per_line) continue;
      buffered[o] = bring(s, o, free);
      free += (chunks(n) + 1) * S::chunk;
    }
    body(s);
    for (int o = 0; o < count; o++) {
      if (operands[o].role == LineOperand::written) put_back(s, o, buffered[o]);
    }
  }

 private:
  bool bring(S &s, int o, T *free) const {
    Type type = operands[o].array.type;
    bool reads = operands[o].role == LineOperand::read;
    char *p = s.start[o];
    int64_t size = S::chunk * static_cast<int64_t>(sizeof(T));
    if constexpr (S::across) {
      bool direct = is_direct(type, along(o));
      s.p[o] = direct ? reinterpret_cast<T *>(p) : free;
      s.step[o] = S::chunk;
      s.last[o] = free + (direct ? 0 : s.full * S::chunk);
      int64_t from = direct ? s.full * S::chunk : 0;
      if (s.rest && reads) {
        for (int i = 0; i < S::chunk; i++) s.last[o][i] = padding;
      }
      if (reads && from < n) {
        auto *found = read(type, p + from * along(o), along(o), n - from, free);
        if (found != free) __builtin_memcpy(free, found, static_cast<size_t>(n - from) * sizeof(T));
      }
      return !direct;
    }
    bool direct =
        s.lines == S::chunk && is_direct(type, s.line_stride[o]) && along(o) % static_cast<int64_t>(sizeof(T)) == 0;
    s.p[o] = direct ? reinterpret_cast<T *>(p) : free;
    s.step[o] = direct ? along(o) / static_cast<int64_t>(sizeof(T)) : S::chunk;
    if (direct || !reads) return !direct;
    if (s.lines < S::chunk) __builtin_memset(free, 0, static_cast<size_t>(n * size));
    for (int64_t i = 0; i < n; i++, free += S::chunk) {
      auto *found = read(type, p + i * along(o), s.line_stride[o], s.lines, free);
      if (found != free) __builtin_memcpy(free, found, static_cast<size_t>(s.lines) * sizeof(T));
    }
    return true;
  }

  void put_back(const S &s, int o, bool buffered) const {
    Type type = operands[o].array.type;
    if constexpr (S::across) {
      int64_t from = buffered ? 0 : s.full * S::chunk;
      const T *values = buffered ? s.p[o] : s.last[o];
      if (from < n) write(type, values, s.start[o] + from * along(o), along(o), n - from);
    } else if (buffered) {
      for (int64_t i = 0; i < n; i++) {
        write(type, s.p[o] + i * S::chunk, s.start[o] + i * along(o), s.line_stride[o], s.lines);
      }
    }
  }
};

template <class T, class S, class Body>
void run_strips(const LineOperand *operands, int count, int axis, const Walk &kept, int64_t n, T padding, Body &&body) {
  constexpr int64_t width = S::across ? 1 : S::chunk;
  int64_t grain = (task_elements / (n > 0 ? n : 1) + width - 1) / width * width;
  parallel_runs(kept, grain, 1, [&](char *const *p, int64_t lines, int64_t, int64_t) {
    Strips<T, S> strips(operands, count, axis, kept, n, padding);
    for (int64_t i = 0; i < lines; i += width) {
      char *at[max_operands];
      for (int o = 0; o < count; o++) at[o] = p[o] + i * kept.stride(o);
      strips.run(at, least(width, lines - i), body);
    }
  });
}

// body(strip) for strips that make up all lines along the axis, in parallel. The first operand decides which way; one
// that is not per_line. Elements behind the end of a line are `padding`.
template <class T, class... Operands, class Body>
void for_strips(int axis, T padding, Body &&body, const Operands &...given) {
  const LineOperand operands[] = {given...};
  constexpr int count = sizeof...(given);
  const Array &first = operands[0].array;
  int64_t n = first.shape[axis], shape[max_dims];
  for (int d = 0; d < first.ndim; d++) shape[d] = d == axis ? 1 : first.shape[d];
  Walk kept = [&](const auto &...x) {
    return walk_over(Array{x.array.data, x.array.type, x.array.ndim, shape, x.array.strides}...);
  }(given...);
  int64_t along = first.strides[axis] * item_size(first.type), beside = kept.stride(0);
  bool across = n > 1 && (kept.inner() < 8 || (along < 0 ? -along : along) < (beside < 0 ? -beside : beside));
  auto go = [&]<class S>(S) { run_strips<T, S>(operands, count, axis, kept, n, padding, body); };
  if (across) return n <= lanes<T> ? go(Strip<T, 1, true>{}) : go(Strip<T, 4, true>{});
  return kept.inner() <= lanes<T> ? go(Strip<T, 1, false>{}) : go(Strip<T, 4, false>{});
}

}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
