// Cross-entropy of scores and labels along one axis: log(sum(exp(x))) - x[label], and its gradient.
#include "../error.h"
#include "composites.h"
#include "softmax.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

// The label of one of a strip's lines, which has n elements.
template <class S>
int64_t label_of(const S &s, int operand, int64_t line, int64_t n) {
  int64_t label = *reinterpret_cast<const int64_t *>(s.start[operand] + line * s.line_stride[operand]);
  if (label < -n || label >= n) fail_index(label, n);
  return label < 0 ? label + n : label;
}

template <class T, class S>
void losses_strip(const S &s, int64_t n) {
  typename S::Group top, total;
  sum_powers<T, 0, 0>(s, top, total);
  T greatest[S::chunk], sum[S::chunk];
  for (int k = 0; k < S::group; k++) {
    total[k] = S::across && k > 0 ? total[0] : math::log(total[k]);
    store(greatest + k * lanes<T>, top[k]);
    store(sum + k * lanes<T>, total[k]);
    top[k] += total[k];
  }
  for (int64_t i = 0; i < s.lines; i++) sum[i] -= s.element(0, i, label_of(s, 1, i, n)) - greatest[i];
  for (int k = 0; k < S::group; k++) total[k] = load(sum + k * lanes<T>);
  s.store_per_line(2, total);
  s.store_per_line(3, top);
}

// cotangent * (exp(x - logsumexp) - [the label's place]).
template <class T, class S>
void gradient_strip(const S &s, int64_t n) {
  typename S::Group sum, ct;
  s.load_per_line(3, sum);
  s.load_per_line(4, ct);
  s.template each<1, 0>([&](const T *x, T *out) {
#pragma GCC unroll 4
    for (int k = 0; k < S::group; k++) {
      store(out + k * lanes<T>, exp_below(load(x + k * lanes<T>) - sum[k]) * ct[k]);
    }
  });
  T each_ct[S::chunk];
  for (int k = 0; k < S::group; k++) store(each_ct + k * lanes<T>, ct[k]);
  for (int64_t i = 0; i < s.lines; i++) s.element(0, i, label_of(s, 2, i, n)) -= each_ct[i];
}

}  // namespace

bool cross_entropy(const Arguments &arguments) {
  const Array &x = arguments.inputs[0], &labels = arguments.inputs[1];
  const Array &losses = arguments.outputs[0], &sums = arguments.outputs[1];
  int axis = static_cast<int>(arguments.integers[0]);
  with_float(x.type, [&](auto tag) {
    using T = decltype(tag);
    for_strips<T>(
        axis, -static_cast<T>(__builtin_inf()), [&](const auto &s) { losses_strip<T>(s, x.shape[axis]); },
        LineOperand{x, LineOperand::read}, LineOperand{labels, LineOperand::per_line},
        LineOperand{losses, LineOperand::per_line}, LineOperand{sums, LineOperand::per_line});
  });
  return true;
}

bool cross_entropy_gradient(const Arguments &arguments) {
  const Array &x = arguments.inputs[0], &labels = arguments.inputs[1], &sums = arguments.inputs[2];
  const Array &cotangent = arguments.inputs[3], &out = arguments.outputs[0];
  int axis = static_cast<int>(arguments.integers[0]);
  with_float(x.type, [&](auto tag) {
    using T = decltype(tag);
    for_strips<T>(
        axis, T{}, [&](const auto &s) { gradient_strip<T>(s, x.shape[axis]); }, LineOperand{out, LineOperand::written},
        LineOperand{x, LineOperand::read}, LineOperand{labels, LineOperand::per_line},
        LineOperand{sums, LineOperand::per_line}, LineOperand{cotangent, LineOperand::per_line});
  });
  return true;
}

}  // namespace needle::cpu::NEEDLE_TARGET
