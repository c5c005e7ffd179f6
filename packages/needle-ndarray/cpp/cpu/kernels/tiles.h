// Elementwise work: arrays of one shape are cut into tiles, whose operands a kernel gets as contiguous values of their
// compute types, in place where they lie like that and gathered into a buffer where they do not.
#pragma once

#include "../iterate.h"
#include "blocks.h"
#include "simd.h"

namespace needle::cpu::NEEDLE_TARGET {

// Between neighbours of a tile's column, and of its row, in bytes.
struct Steps {
  int64_t row, column;
};

// dst[r][c] = src[r][c] for elements of `size` bytes; past the caches where dst's rows are contiguous.
void move_tile(int size, const char *src, Steps from, char *dst, Steps to, int64_t rows, int64_t columns, bool past);
// To contiguous values of compute_type(type), and back.
void read_tile(Type type, const char *p, Steps steps, int64_t rows, int64_t columns, void *values);
void write_tile(Type type, const void *values, char *p, Steps steps, int64_t rows, int64_t columns, bool past);
// A vector of the value of one element.
void spread(Type type, const char *p, void *vector);

namespace {

// Results of more bytes than this go past the caches, which could not hold them until they are read.
constexpr int64_t cached_bytes = 24 << 20;
// So many elements at a time where nothing is gathered: longer stretches of memory than a task takes otherwise.
constexpr int64_t streamed_elements = 256 * 1024;
// Rows shorter than this are worked on several at a time.
constexpr int64_t short_row = 256;

// How the work is cut. Operand 0 is the output.
struct Tiling {
  Walk walk;
  Type types[max_operands];
  int64_t rows = 1, columns;  // of a tile: along the walk's dimensions 1 and 0
  bool past;                  // the caches
  bool streamed;              // by the kernel itself, since results lie where its vectors may go
  bool takes_uniform;         // the kernel takes an element that is repeated as a vector of equal ones

  // Operand o's part of a tile lies as kernels want it.
  bool in_place(int o, int64_t height, int64_t width) const {
    bool one_run = height == 1 || walk.strides[o][1] == width * item_size(types[o]);
    return one_run && (is_direct(types[o], walk.stride(o)) || (width == 1 && height == 1 && !is_small(types[o])));
  }
  // It is one element for all of the tile.
  bool uniform(int o, int64_t height) const { return walk.stride(o) == 0 && (height == 1 || walk.strides[o][1] == 0); }
  Steps steps(int o, int64_t height) const { return {height == 1 ? 0 : walk.strides[o][1], walk.stride(o)}; }
};

// A dimension along which operand o is contiguous, while along dimension 0 it is not; or 0.
inline int crosswise(const Walk &walk, int o, int64_t size) {
  if (walk.stride(o) == 0 || walk.stride(o) == size) return 0;
  for (int d = 1; d < walk.ndim; d++) {
    if (walk.strides[o][d] == size && walk.shape[d] >= 8) return d;
  }
  return 0;
}

// Whether all rows of the output begin at a multiple of a vector's size.
inline bool takes_vectors(const Walk &walk) {
  auto bits = reinterpret_cast<uint64_t>(walk.data[0]);
  for (int d = 1; d < walk.ndim; d++) bits |= static_cast<uint64_t>(walk.strides[0][d]);
  return bits % NEEDLE_VECTOR_BYTES == 0;
}

// What a kernel can do: take an element that is repeated as a vector of equal ones, and store past the caches.
struct Skills {
  bool takes_uniform = false, streams = false;
};

// Tiles of at most `room` elements where operands have to be gathered.
template <class... Inputs>
Tiling tiling(int64_t room, Skills skills, const Array &out, const Inputs &...inputs) {
  Tiling t{.walk = walk_over(out, inputs...),
           .types = {out.type, inputs.type...},
           .columns = room,
           .past = false,
           .streamed = false,
           .takes_uniform = skills.takes_uniform};
  Walk &walk = t.walk;
  if (walk.size == 0) return t;
  int64_t size = item_size(out.type);
  t.past = walk.size * size > cached_bytes && walk.stride(0) == size;
  bool in_place = !t.past || (skills.streams && takes_vectors(walk));
  int other = 0;
  for (int o = 0; o < walk.operands; o++) {
    const bool uniform = t.takes_uniform && o > 0 && walk.stride(o) == 0;
    in_place = in_place && (is_direct(t.types[o], walk.stride(o)) || uniform);
    if (int d = crosswise(walk, o, item_size(t.types[o]))) other = d;
  }
  if (other) {
    swap_dimensions(walk, 1, other);
    int64_t side = 1;
    while (4 * side * side <= room) side *= 2;
    t.columns = least(room / side, walk.shape[0]);
    t.rows = least(room / t.columns, walk.shape[1]);
    t.columns = least(room / t.rows, walk.shape[0]);
  } else if (walk.ndim > 1 && walk.shape[0] < least(short_row, room / 2)) {
    t.columns = walk.shape[0];
    t.rows = room / t.columns;
  } else if (in_place) {
    t.streamed = t.past;
    t.columns = t.past ? streamed_elements : task_elements;
  }
  return t;
}

// Values of a compute type; `uniform`: a vector of equal ones, which stands for as many as there are.
struct Values {
  const void *at;
  bool uniform;
};

// What one thread works on its tiles with.
template <class F>
struct Worker {
  const Tiling &tiling;
  F &kernel;
  Block buffers[max_operands];
  const char *held[max_operands] = {};  // what a buffer was made from, where that is the same for all rows
  int64_t held_rows[max_operands], held_columns[max_operands];

  Worker(const Tiling &t, F &f) : tiling(t), kernel(f) {}  // leaves the buffers as they are

  Values operand(int o, const char *p, int64_t height, int64_t width) {
    if (tiling.in_place(o, height, width)) return {p, false};
    bool uniform = tiling.takes_uniform && tiling.uniform(o, height);
    Steps steps = tiling.steps(o, height);
    void *buffer = buffers[o].bytes;
    bool reusable = steps.row == 0 && held[o] == p && held_rows[o] >= height && held_columns[o] == width;
    if (reusable) return {buffer, uniform};
    if (uniform) {
      spread(tiling.types[o], p, buffer);
    } else {
      read_tile(tiling.types[o], p, steps, height, width, buffer);
    }
    held[o] = steps.row == 0 ? p : nullptr;
    held_rows[o] = height;
    held_columns[o] = width;
    return {buffer, uniform};
  }

  void run(char *const *p, int64_t height, int64_t width) {
    Values values[max_operands];
    for (int o = 1; o < tiling.walk.operands; o++) values[o - 1] = operand(o, p[o], height, width);
    bool direct = tiling.streamed || (tiling.in_place(0, height, width) && !tiling.past);
    void *out = direct ? p[0] : buffers[0].bytes;
    kernel(values, out, height * width, tiling.streamed);
    if (!direct) write_tile(tiling.types[0], out, p[0], tiling.steps(0, height), height, width, tiling.past);
  }
};

// kernel(values, out, n, whether to store past the caches) for all of the arrays, in parallel.
template <class F>
void run_tiles(const Tiling &tiling, F &&kernel) {
  parallel_tiles(tiling.walk, tiling.rows, tiling.columns, [&](auto &&tiles) {
    Worker<F> worker(tiling, kernel);
    tiles([&](char *const *p, int64_t height, int64_t width) { worker.run(p, height, width); });
    if (tiling.past) finish_streams();
  });
}

// Elements of a type that a buffer has room for.
inline int64_t room_for(Type type) { return static_cast<int64_t>(sizeof(Block)) / item_size(compute_type(type)); }

}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
