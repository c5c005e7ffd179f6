// softmax along an axis, line by line.
#include "../iterate.h"
#include "blocks.h"
#include "fold.h"
#include "kernels.h"
#include "math.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

// f(values, n, i) for the blocks of a line, i being the number of a block's first element.
template <class T, class F>
void blocks_of(const Array &x, int axis, const char *line, F &&f) {
  int64_t n = x.shape[axis], stride = x.strides[axis] * item_size(x.type);
  Source source(x.type, line, stride, n);
  for (int64_t i = 0; i < n; i += block_elements) {
    int64_t m = least(block_elements, n - i);
    f(static_cast<const T *>(source.at(i, m)), m, i);
  }
}

// to[i] = exp(from[i] - shift) for n elements.
template <class T>
void shifted_exp(const T *from, T shift, int64_t n, T *to) {
  int64_t i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>) store(to + i, math::exp(load(from + i) - shift));
  Vec<T> last = math::exp(load_some(from + i, n - i) - shift);
  __builtin_memcpy(to + i, &last, static_cast<size_t>(n - i) * sizeof(T));
}

template <class T>
void softmax_line(const Array &x, int axis, const char *from, const Array &y, char *to) {
  int64_t y_stride = y.strides[axis] * item_size(y.type);
  T greatest{}, total{};
  blocks_of<T>(x, axis, from, [&](const T *values, int64_t n, int64_t i) {
    T block = fold_line<Max>(values, n);
    greatest = i == 0 ? block : Max::combine(greatest, block);
  });
  Block powers, results;
  blocks_of<T>(x, axis, from, [&](const T *values, int64_t n, int64_t) {
    shifted_exp(values, greatest, n, reinterpret_cast<T *>(powers.bytes));
    total += fold_line<Sum>(reinterpret_cast<const T *>(powers.bytes), n);
  });
  blocks_of<T>(x, axis, from, [&](const T *values, int64_t n, int64_t i) {
    shifted_exp(values, greatest, n, reinterpret_cast<T *>(powers.bytes));
    T *shares = static_cast<T *>(place(y.type, to + i * y_stride, y_stride, results.bytes));
    for (int64_t j = 0; j < n; j++) shares[j] = reinterpret_cast<const T *>(powers.bytes)[j] / total;
    write(y.type, shares, to + i * y_stride, y_stride, n);
  });
}

}  // namespace

bool softmax(const Arguments &arguments) {
  const Array &x = arguments.inputs[0], &y = arguments.outputs[0];
  int axis = static_cast<int>(arguments.integers[0]);
  if (x.shape[axis] == 0) return true;
  int64_t shape[max_dims];
  for (int d = 0; d < x.ndim; d++) shape[d] = d == axis ? 1 : x.shape[d];
  Array x_starts{x.data, x.type, x.ndim, shape, x.strides}, y_starts{y.data, y.type, x.ndim, shape, y.strides};
  Walk walk = walk_over(y_starts, x_starts);
  parallel_runs(walk, task_elements / x.shape[axis], 1, [&](char *const *p, int64_t n, int64_t, int64_t) {
    for (int64_t i = 0; i < n; i++) {
      const char *from = p[1] + i * walk.stride(1);
      char *to = p[0] + i * walk.stride(0);
      compute_type(x.type) == Type::f64 ? softmax_line<double>(x, axis, from, y, to)
                                        : softmax_line<float>(x, axis, from, y, to);
    }
  });
  return true;
}

}  // namespace needle::cpu::NEEDLE_TARGET
