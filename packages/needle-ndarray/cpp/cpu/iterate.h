// Walking over several arrays of one shape at once: dimensions are ordered by stride and merged where that is possible,
// then cut into runs, the pieces along the innermost dimension, and tasks of about `task_elements` elements.
#pragma once

#include "array.h"
#include "pool.h"

namespace needle::cpu {
namespace {

constexpr int max_operands = 8;

struct Walk {
  int ndim = 0;
  int operands = 0;
  int64_t size = 1;
  int64_t shape[max_dims];                  // [0] is the innermost
  int64_t strides[max_operands][max_dims];  // in bytes
  char *data[max_operands];

  int64_t inner() const { return ndim > 0 ? shape[0] : 1; }
  int64_t stride(int operand) const { return ndim > 0 ? strides[operand][0] : 0; }
};

inline void add_operand(Walk &walk, char *data, int64_t item, int ndim, const int64_t *strides) {
  for (int d = 0; d < ndim; d++) walk.strides[walk.operands][d] = strides[ndim - 1 - d] * item;
  walk.data[walk.operands++] = data;
}

// Whether dimension i lies inside dimension j: the first operand that tells them apart decides.
inline bool lies_inside(const Walk &walk, int i, int j) {
  for (int o = 0; o < walk.operands; o++) {
    int64_t a = walk.strides[o][i] < 0 ? -walk.strides[o][i] : walk.strides[o][i];
    int64_t b = walk.strides[o][j] < 0 ? -walk.strides[o][j] : walk.strides[o][j];
    if (a != b) return a < b;
  }
  return false;
}

inline void move_dimension(Walk &walk, int from, int to) {
  walk.shape[to] = walk.shape[from];
  for (int o = 0; o < walk.operands; o++) walk.strides[o][to] = walk.strides[o][from];
}

inline void swap_dimensions(Walk &walk, int i, int j) {
  int64_t extent = walk.shape[i];
  walk.shape[i] = walk.shape[j];
  walk.shape[j] = extent;
  for (int o = 0; o < walk.operands; o++) {
    int64_t stride = walk.strides[o][i];
    walk.strides[o][i] = walk.strides[o][j];
    walk.strides[o][j] = stride;
  }
}

// Drops extents of 1, orders the dimensions and merges neighbours that all operands step through evenly.
inline void simplify(Walk &walk, int ndim) {
  int kept = 0;
  for (int d = 0; d < ndim; d++) {
    walk.size *= walk.shape[d];
    if (walk.shape[d] != 1) move_dimension(walk, d, kept++);
  }
  for (int i = 1; i < kept; i++) {
    for (int j = i; j > 0 && lies_inside(walk, j, j - 1); j--) swap_dimensions(walk, j, j - 1);
  }
  int last = 0;
  for (int d = 1; d < kept; d++) {
    bool even = true;
    for (int o = 0; o < walk.operands; o++) {
      even = even && walk.strides[o][d] == walk.strides[o][last] * walk.shape[last];
    }
    if (even) {
      walk.shape[last] *= walk.shape[d];
    } else {
      move_dimension(walk, d, ++last);
    }
  }
  walk.ndim = kept > 0 ? last + 1 : 0;
}

// A walk over arrays of one shape. The first one, usually the output, decides first on the order.
template <class... Arrays>
Walk walk_over(const Array &first, const Arrays &...others) {
  Walk walk;
  for (int d = 0; d < first.ndim; d++) walk.shape[d] = first.shape[first.ndim - 1 - d];
  add_operand(walk, first.data, item_size(first.type), first.ndim, first.strides);
  (add_operand(walk, others.data, item_size(others.type), others.ndim, others.strides), ...);
  simplify(walk, first.ndim);
  return walk;
}

// Calls run(pointers, n, position) for the runs that make up elements [begin, end) of the walk, whose arrays start at
// `base`; position is the number of the run's first element.
template <class F>
void serial_runs(const Walk &walk, char *const *base, int64_t begin, int64_t end, F &&run) {
  if (begin >= end) return;
  char *p[max_operands];
  for (int o = 0; o < walk.operands; o++) p[o] = base[o];
  int64_t index[max_dims];
  int64_t rest = begin;
  for (int d = 0; d < walk.ndim; d++) {
    index[d] = rest % walk.shape[d];
    rest /= walk.shape[d];
    for (int o = 0; o < walk.operands; o++) p[o] += index[d] * walk.strides[o][d];
  }
  for (int64_t at = begin; at < end;) {
    int64_t n = least(walk.ndim > 0 ? walk.shape[0] - index[0] : 1, end - at);
    run(static_cast<char *const *>(p), n, at);
    at += n;
    if (at >= end) return;
    // The row is used up: go back to its start and one step along the next dimension that is not.
    for (int o = 0; o < walk.operands; o++) p[o] -= index[0] * walk.strides[o][0];
    index[0] = 0;
    for (int d = 1; d < walk.ndim; d++) {
      for (int o = 0; o < walk.operands; o++) p[o] += walk.strides[o][d];
      if (++index[d] < walk.shape[d]) break;
      for (int o = 0; o < walk.operands; o++) p[o] -= walk.strides[o][d] * walk.shape[d];
      index[d] = 0;
    }
  }
}

// All runs, in parallel tasks of about `grain` elements, each made `repeat` times: run(pointers, n, position, i).
template <class F>
void parallel_runs(const Walk &walk, int64_t grain, int64_t repeat, F &&run) {
  if (walk.size == 0) return;
  int64_t inner = walk.inner();
  if (grain < 1) grain = 1;
  if (grain > inner) grain -= grain % inner;  // whole rows
  int64_t pieces = (walk.size + grain - 1) / grain;
  parallel_for(pieces * repeat, [&](int64_t task) {
    int64_t begin = task % pieces * grain, i = task / pieces;
    serial_runs(walk, walk.data, begin, least(begin + grain, walk.size),
                [&](char *const *p, int64_t n, int64_t at) { run(p, n, at, i); });
  });
}

template <class F>
void parallel_runs(const Walk &walk, F &&run) {
  parallel_runs(walk, task_elements, 1, [&](char *const *p, int64_t n, int64_t, int64_t) { run(p, n); });
}

// Cuts the walk into tiles of at most rows x columns elements of its dimensions 1 and 0, those along dimension 1 first.
// Calls task(tiles) for parallel tasks of about `task_elements` elements; tiles(f) calls f(pointers, height, width) for
// each tile of the task.
template <class F>
void parallel_tiles(const Walk &walk, int64_t rows, int64_t columns, F &&task) {
  if (walk.size == 0) return;
  int dims = walk.ndim < 2 ? 2 : walk.ndim;
  int64_t shape[max_dims], order[max_dims], step[max_dims], tiles[max_dims], total = 1;
  for (int d = 0; d < dims; d++) {
    order[d] = d < 2 ? 1 - d : d;
    shape[d] = order[d] < walk.ndim ? walk.shape[order[d]] : 1;
    step[d] = d == 0 ? rows : d == 1 ? columns : 1;
    tiles[d] = (shape[d] + step[d] - 1) / step[d];
    total *= tiles[d];
  }
  int64_t group = task_elements / (least(rows, shape[0]) * least(columns, shape[1]));
  if (group < 1) group = 1;
  parallel_for((total + group - 1) / group, [&](int64_t i) {
    task([&](auto &&f) {
      int64_t begin = i * group, end = least(begin + group, total), index[max_dims];
      for (int64_t d = 0, rest = begin; d < dims; rest /= tiles[d++]) index[d] = rest % tiles[d] * step[d];
      for (int64_t at = begin; at < end; at++) {
        char *p[max_operands];
        for (int o = 0; o < walk.operands; o++) {
          p[o] = walk.data[o];
          for (int d = 0; d < dims; d++) {
            if (order[d] < walk.ndim) p[o] += index[d] * walk.strides[o][order[d]];
          }
        }
        f(static_cast<char *const *>(p), least(rows, shape[0] - index[0]), least(columns, shape[1] - index[1]));
        for (int d = 0; d < dims && (index[d] += step[d]) >= shape[d]; d++) index[d] = 0;
      }
    });
  });
}

}  // namespace
}  // namespace needle::cpu
