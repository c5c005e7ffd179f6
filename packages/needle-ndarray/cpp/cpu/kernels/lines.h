// Walking over the lines along one axis, for kernels that take them one by one, or many next to each other at a time.
#pragma once

#include "../iterate.h"
#include "blocks.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

struct Lines {
  Walk walk;                        // over the lines' starts; its operands are out, a and a second output
  int64_t n, a_stride, out_stride;  // along a line, in bytes
  // Whether lines lie closer to each other than the elements of one.
  bool by_rows;

  Lines(const Array &a, int axis, const Array &out) : Lines(a, axis, out, out) {}
  Lines(const Array &a, int axis, const Array &out, const Array &more)
      : n(a.shape[axis]),
        a_stride(a.strides[axis] * item_size(a.type)),
        out_stride(out.strides[axis] * item_size(out.type)) {
    int64_t shape[max_dims];
    for (int d = 0; d < a.ndim; d++) shape[d] = d == axis ? 1 : a.shape[d];
    auto starts = [&](const Array &x) { return Array{x.data, x.type, x.ndim, shape, x.strides}; };
    walk = walk_over(starts(out), starts(a), starts(more));
    int64_t step = walk.stride(1);
    by_rows = walk.inner() >= 8 && (step < 0 ? -step : step) < (a_stride < 0 ? -a_stride : a_stride);
  }

  // Calls line(a, out, more) for the start of every line.
  template <class F>
  void each(F &&line) const {
    if (n == 0) return;
    parallel_runs(walk, task_elements / n, 1, [&](char *const *p, int64_t m, int64_t, int64_t) {
      for (int64_t i = 0; i < m; i++) {
        line(p[1] + i * walk.stride(1), p[0] + i * walk.stride(0), p[2] + i * walk.stride(2));
      }
    });
  }

  // Calls run(a, out, m) for the starts of m lines at even distances.
  template <class F>
  void each_run(F &&run) const {
    if (n == 0) return;
    parallel_runs(walk, task_elements / n, 1, [&](char *const *p, int64_t m, int64_t, int64_t) { run(p[1], p[0], m); });
  }

  // Calls rows(a, out, m) for the starts of m <= block_elements lines next to each other.
  template <class F>
  void each_block(F &&rows) const {
    if (n == 0) return;
    // Rows that are long enough for memory, but so short that there are some tasks.
    int64_t grain = least(block_elements, walk.size / 16 / 64 * 64);
    parallel_runs(walk, grain < 64 ? 64 : grain, 1, [&](char *const *p, int64_t m, int64_t, int64_t) {
      for (int64_t i = 0; i < m; i += block_elements) {
        rows(p[1] + i * walk.stride(1), p[0] + i * walk.stride(0), least(block_elements, m - i));
      }
    });
  }
};

}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
