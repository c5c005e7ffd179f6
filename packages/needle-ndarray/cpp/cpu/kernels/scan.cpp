// Along one axis, line by line: running sums and products, and the place of an extreme.
#include "../iterate.h"
#include "blocks.h"
#include "fold.h"
#include "kernels.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

// Calls line(a, out) for the start of every line along `axis`, in parallel; out may have extent 1 there.
template <class F>
void parallel_lines(const Array &a, int axis, const Array &out, F &&line) {
  if (a.shape[axis] == 0) return;
  int64_t shape[max_dims];
  for (int d = 0; d < a.ndim; d++) shape[d] = d == axis ? 1 : a.shape[d];
  Array a_starts{a.data, a.type, a.ndim, shape, a.strides}, out_starts{out.data, out.type, a.ndim, shape, out.strides};
  Walk walk = walk_over(out_starts, a_starts);
  parallel_runs(walk, task_elements / a.shape[axis], 1, [&](char *const *p, int64_t n, int64_t, int64_t) {
    for (int64_t i = 0; i < n; i++) line(p[1] + i * walk.stride(1), p[0] + i * walk.stride(0));
  });
}

template <class Op, class T>
void scan_lines(const Array &a, int axis, const Array &out) {
  int64_t n = a.shape[axis];
  int64_t a_stride = a.strides[axis] * item_size(a.type), out_stride = out.strides[axis] * item_size(out.type);
  parallel_lines(a, axis, out, [&](const char *from, char *to) {
    wide_of<Op, T> total = Op::template start<wide_of<Op, T>>;
    Source source(a.type, from, a_stride, n);
    Block room;
    for (int64_t i = 0; i < n; i += block_elements) {
      int64_t m = least(block_elements, n - i);
      auto *values = static_cast<const T *>(source.at(i, m));
      auto *sums = static_cast<T *>(place(out.type, to + i * out_stride, out_stride, room.bytes));
      for (int64_t j = 0; j < m; j++) {
        total = static_cast<wide_of<Op, T>>(Op::combine(total, static_cast<wide_of<Op, T>>(values[j])));
        sums[j] = static_cast<T>(total);
      }
      write(out.type, sums, to + i * out_stride, out_stride, m);
    }
  });
}

template <class Op, class T>
void arg_lines(const Array &a, int axis, const Array &out) {
  int64_t n = a.shape[axis], stride = a.strides[axis] * item_size(a.type);
  parallel_lines(a, axis, out, [&](const char *from, char *to) {
    Source source(a.type, from, stride, n);
    T best{};
    int64_t place = -1;
    for (int64_t i = 0; i < n && best == best; i += block_elements) {  // the first NaN ends it
      int64_t m = least(block_elements, n - i);
      auto *values = static_cast<const T *>(source.at(i, m));
      T value = fold_line<Op>(values, m);
      if (place >= 0 && Op::combine(best, value) == best) continue;
      best = value;
      int64_t j = 0;
      while (value == value ? values[j] != value : values[j] == values[j]) j++;
      place = i + j;
    }
    *reinterpret_cast<int64_t *>(to) = place;
  });
}

}  // namespace

void scan(Reduction op, const Array &a, int axis, const Array &out) {
  with_compute_type(a.type, [&](auto tag) {
    using T = decltype(tag);
    op == Reduction::sum ? scan_lines<Sum, T>(a, axis, out) : scan_lines<Prod, T>(a, axis, out);
  });
}

void arg_reduce(Extreme op, const Array &a, int axis, const Array &out) {
  with_compute_type(a.type, [&](auto tag) {
    using T = decltype(tag);
    op == Extreme::max ? arg_lines<Max, T>(a, axis, out) : arg_lines<Min, T>(a, axis, out);
  });
}

}  // namespace needle::cpu::NEEDLE_TARGET
