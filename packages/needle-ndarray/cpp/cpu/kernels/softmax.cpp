// Softmax and its logarithm along one axis, and their gradients: each line is read from memory once.
#include "softmax.h"

#include "composites.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

template <class T, bool log, class S>
void softmax_strip(const S &s) {
  constexpr int width = lanes<T>;
  typename S::Group top, total;
  sum_powers<T, 1, log ? 1 : 0>(s, top, total);
#pragma GCC unroll 4
  for (int k = 0; k < S::group; k++) {
    // A line's lanes are all alike: its logarithm is found once.
    total[k] = S::across && k > 0 ? total[0] : log ? math::log(total[k]) : 1 / total[k];
  }
  s.template each<1, 0>([&](const T *x, T *out) {
#pragma GCC unroll 4
    for (int k = 0; k < S::group; k++) {
      store(out + k * width, log ? load(x + k * width) - top[k] - total[k] : load(out + k * width) * total[k]);
    }
  });
}

// Softmax: y (ct - sum(ct y)); its logarithm: ct - exp(y) sum(ct).
template <class T, bool log, class S>
void gradient_strip(const S &s) {
  constexpr int width = lanes<T>;
  typename S::Group total = {};
  s.template each<1, 2>([&](const T *y, const T *ct) {
#pragma GCC unroll 4
    for (int k = 0; k < S::group; k++) {
      total[k] += log ? load(ct + k * width) : load(ct + k * width) * load(y + k * width);
    }
  });
  join<S, T>(total, plus);
  s.template each<1, 2, 0>([&](const T *y, const T *ct, T *out) {
#pragma GCC unroll 4
    for (int k = 0; k < S::group; k++) {
      Vec<T> a = load(y + k * width), b = load(ct + k * width);
      store(out + k * width, log ? b - exp_below(a) * total[k] : a * (b - total[k]));
    }
  });
}

// softmax and log_softmax.
template <bool log>
bool along_axis(const Arguments &arguments) {
  const Array &x = arguments.inputs[0], &out = arguments.outputs[0];
  with_float(x.type, [&](auto tag) {
    using T = decltype(tag);
    for_strips<T>(
        static_cast<int>(arguments.integers[0]), -static_cast<T>(__builtin_inf()),
        [](const auto &s) { softmax_strip<T, log>(s); }, LineOperand{out, LineOperand::written},
        LineOperand{x, LineOperand::read});
  });
  return true;
}

template <bool log>
bool gradient_along_axis(const Arguments &arguments) {
  const Array &y = arguments.inputs[0], &cotangent = arguments.inputs[1], &out = arguments.outputs[0];
  with_float(y.type, [&](auto tag) {
    using T = decltype(tag);
    for_strips<T>(
        static_cast<int>(arguments.integers[0]), T{}, [](const auto &s) { gradient_strip<T, log>(s); },
        LineOperand{out, LineOperand::written}, LineOperand{y, LineOperand::read},
        LineOperand{cotangent, LineOperand::read});
  });
  return true;
}

}  // namespace

bool softmax(const Arguments &arguments) { return along_axis<false>(arguments); }
bool log_softmax(const Arguments &arguments) { return along_axis<true>(arguments); }
bool softmax_gradient(const Arguments &arguments) { return gradient_along_axis<false>(arguments); }
bool log_softmax_gradient(const Arguments &arguments) { return gradient_along_axis<true>(arguments); }

}  // namespace needle::cpu::NEEDLE_TARGET
