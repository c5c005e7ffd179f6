// gather and scatter. The latter checks all indices before it writes anything.
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string>
#include <type_traits>

#include "../error.h"
#include "../iterate.h"
#include "../targets.h"
#include "generic.h"
#include "temporary.h"

namespace needle::cpu {
namespace {

void check(const Array &indices, int axis, int64_t extent) {
  // An index that is repeated along a dimension is looked at once.
  int64_t shape[max_dims];
  int64_t size = 1;
  for (int d = 0; d < indices.ndim; d++) {
    shape[d] = indices.strides[d] == 0 && indices.shape[d] > 0 ? 1 : indices.shape[d];
    size *= shape[d];
  }
  Walk walk = walk_over(Array{indices.data, indices.type, indices.ndim, shape, indices.strides});
  std::atomic<int64_t> first{size};  // the place of the first wrong one, so that the message is always the same
  parallel_runs(walk, task_elements, 1, [&](char *const *p, int64_t n, int64_t at, int64_t) {
    auto is_wrong = [&](int64_t i) {
      auto index = static_cast<uint64_t>(*reinterpret_cast<const int64_t *>(p[0] + i * walk.stride(0)));
      return index + static_cast<uint64_t>(extent) >= 2 * static_cast<uint64_t>(extent);
    };
    bool some_wrong = false;
    if (walk.stride(0) == 8) {
      auto *index = reinterpret_cast<const uint64_t *>(p[0]);
      const auto most = static_cast<uint64_t>(extent);
      for (int64_t i = 0; i < n; i++) some_wrong |= index[i] + most >= 2 * most;
    } else {
      for (int64_t i = 0; i < n; i++) some_wrong |= is_wrong(i);
    }
    for (int64_t i = 0; some_wrong && i < n; i++) {
      if (!is_wrong(i)) continue;
      int64_t seen = first.load();
      while (at + i < seen && !first.compare_exchange_weak(seen, at + i)) {
      }
      return;
    }
  });
  if (first == size) return;
  int64_t wrong = 0;
  serial_runs(walk, walk.data, first, first + 1,
              [&](char *const *p, int64_t, int64_t) { wrong = *reinterpret_cast<const int64_t *>(p[0]); });
  std::string n = std::to_string(extent);
  throw Failure(NEEDLE_INDEX_ERROR, "index out of range; got " + std::to_string(wrong) + " along axis " +
                                        std::to_string(axis) + " of extent " + n + "; expected -" + n + " <= index < " +
                                        n);
}

int64_t from_start(const char *index, int64_t extent) {
  int64_t i = *reinterpret_cast<const int64_t *>(index);
  return i < 0 ? i + extent : i;
}

// f(T{}) with an unsigned T of the given size: elements are moved, whatever they mean.
template <class F>
void with_bits(int size, F &&f) {
  switch (size) {
    case 1: return f(uint8_t{});
    case 2: return f(uint16_t{});
    case 4: return f(uint32_t{});
    case 16: return f(Bits128{});
    default: return f(uint64_t{});
  }
}

}  // namespace

void gather(const Array &a, const Array &indices, int axis, const Array &out) {
  if (!kernels().gather(a, indices, axis, out)) check(indices, axis, a.shape[axis]);
}

namespace {

constexpr int64_t rows_ahead = 4;  // so many rows are fetched while one is updated

template <class T, class Update>
void update_row(T *to, const T *from, int64_t n, Update update) {
  for (int64_t i = 0; i < n; i++) to[i] = update(to[i], from[i]);
}

// Tasks share out the lines along `axis`; in a line, elements are taken in order. So the result is always the same.
template <class T, class Update>
void scatter_lines(const Array &a, const Array &indices, int axis, const Array &out, Update update) {
  int64_t starts[max_dims];
  for (int d = 0; d < a.ndim; d++) starts[d] = d == axis ? 1 : a.shape[d];
  auto lines = [&](const Array &x) { return Array{x.data, x.type, x.ndim, starts, x.strides}; };
  Walk walk = walk_over(lines(out), lines(indices), lines(a));
  int64_t n = a.shape[axis], extent = out.shape[axis];
  constexpr int64_t size = sizeof(T);
  int64_t out_step = out.strides[axis] * size, a_step = a.strides[axis] * size, index_step = indices.strides[axis] * 8;
  const int64_t out_stride = walk.stride(0), index_stride = walk.stride(1), a_stride = walk.stride(2);
  const bool rows = index_stride == 0 && out_stride == size && a_stride == size;  // one index for all of a row
  const bool long_lines = walk.inner() == 1 || std::abs(a_step) < std::abs(a_stride);
  const int64_t wide = std::clamp<int64_t>(walk.size / 8, rows ? 128 : 16, 512);
  const int64_t grain = std::max(task_elements / std::max<int64_t>(n, 1), wide);
  parallel_runs(walk, grain, 1, [&](char *const *p, int64_t width, int64_t, int64_t) {
    auto out_at = [&](int64_t i, int64_t j) {
      return reinterpret_cast<T *>(p[0] + i * out_stride +
                                   from_start(p[1] + i * index_stride + j * index_step, extent) * out_step);
    };
    auto a_at = [&](int64_t i, int64_t j) { return reinterpret_cast<const T *>(p[2] + i * a_stride + j * a_step); };
    auto put = [&](T *element, const T *value) { *element = update(*element, *value); };
    for (int64_t i = 0; long_lines && i < width; i++) {
      if (out_step == size && a_step == size && index_step == 8) {  // as constants, for the compiler
        T *line = reinterpret_cast<T *>(p[0] + i * out_stride);
        const T *from = a_at(i, 0);
        const char *index = p[1] + i * index_stride;
        for (int64_t j = 0; j < n; j++) put(line + from_start(index + j * 8, extent), from + j);
      } else {
        for (int64_t j = 0; j < n; j++) put(out_at(i, j), a_at(i, j));
      }
    }
    for (int64_t j = 0; rows && !long_lines && j < n; j++) {
      if (j + rows_ahead < n) {
        const T *later = out_at(0, j + rows_ahead);
        for (int64_t i = 0; i < width; i += 64 / size) __builtin_prefetch(later + i, 1);
      }
      update_row(out_at(0, j), a_at(0, j), width, update);
    }
    for (int64_t j = 0; !rows && !long_lines && j < n; j++) {
      for (int64_t i = 0; i < width; i++) put(out_at(i, j), a_at(i, j));
    }
  });
}

void add_lines(const Array &a, const Array &indices, int axis, const Array &out) {
  auto add = [&](auto tag) {
    using T = decltype(tag);
    if constexpr (std::is_arithmetic_v<T>)
      scatter_lines<T>(a, indices, axis, out, [](T x, T y) { return static_cast<T>(x + y); });
  };
  switch (a.type) {
    case Type::b8:
      return scatter_lines<uint8_t>(a, indices, axis, out, [](uint8_t x, uint8_t y) -> uint8_t { return x | y; });
    case Type::f32: return add(float{});
    case Type::f64: return add(double{});
    default: return with_bits(item_size(a.type), add);  // integers wrap, whatever their sign
  }
}

}  // namespace

void scatter(Scatter op, const Array &a, const Array &indices, int axis, const Array &out) {
  check(indices, axis, out.shape[axis]);
  if (op == Scatter::set) {
    with_bits(item_size(a.type), [&](auto tag) {
      using T = decltype(tag);
      scatter_lines<T>(a, indices, axis, out, [](T, T y) { return y; });
    });
  } else if (is_complex(a.type)) {
    complex::scatter_add(a, indices, axis, out);
  } else if (is_small(a.type)) {  // halves are added up in float and rounded once
    Temporary sums(out, Type::f32), values(a, Type::f32);
    kernels().cast(out, sums.array);
    kernels().cast(a, values.array);
    add_lines(values.array, indices, axis, sums.array);
    kernels().cast(sums.array, out);
  } else {
    add_lines(a, indices, axis, out);
  }
}

}  // namespace needle::cpu
