// avg_pool and its gradient: both are sums of rows, and then along the row.
#include "kernels.h"
#include "pooling.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

constexpr auto add = [](auto x, auto y) { return x + y; };

// Where tap `tap` of a window is element i; false if of none.
bool window_of(const Axis &axis, int64_t i, int64_t tap, int64_t &window) {
  const int64_t distance = i - axis.base - tap * axis.tap_step;
  window = distance / axis.step;
  return distance >= 0 && distance % axis.step == 0 && window < axis.out;
}

// Each row of x gets the windows' rows that see it, summed, at the places of the row that each window sees. Elements
// whose place leaves the same remainder of the step are neighbours in a line of their own.
template <class T>
void gradient(const Convolution &c, T scale) {
  constexpr int n = lanes<T>;
  const Axis &axis = c.axes[2];
  const int64_t work = (axis.in + 1) * c.axes[0].taps * c.axes[1].taps;
  auto for_windows = [=](const Row &at, auto &&run) __attribute__((always_inline)) {
    int64_t slice, row;
    for (int64_t k = 0; k < c.axes[0].taps; k++) {
      if (!window_of(c.axes[0], at.slice, k, slice)) continue;
      for (int64_t t = 0; t < c.axes[1].taps; t++) {
        if (window_of(c.axes[1], at.row, t, row)) run(out_row(c, at.sample, slice, row));
      }
    }
  };
  if (has_pairs(c) && axis.in == 2 * axis.out) {
    return for_all_rows(c.samples, c.axes[0].in, c.axes[1].in, work, [=](const Row &at) __attribute__((always_inline)) {
      T *to = reinterpret_cast<T *>(const_cast<char *>(x_row(c, at.sample, at.slice, at.row)));
      for (int64_t k = 0; k < axis.out; k += n) {
        const int64_t left = axis.out - k;
        Vec<T> sum{};
        for_windows(at, [&](const char *row) __attribute__((always_inline)) {
          const T *from = reinterpret_cast<const T *>(row) + k;
          sum += left < n ? load_some(from, left) : load(from);
        });
        sum *= scale;
        constexpr auto all = std::make_index_sequence<n>();
        put<T>(c.type, interleaved(sum, sum, all), reinterpret_cast<char *>(to + 2 * k), sizeof(T), 2 * left);
        if (2 * left > n) {
          put<T>(c.type, interleaved<n / 2>(sum, sum, all), reinterpret_cast<char *>(to + 2 * k + n), sizeof(T),
                 2 * left - n);
        }
      }
    });
  }
  const int64_t low = -axis.base, size = item_size(c.type), x_step = c.x_strides[5] * size;
  const int64_t reach = (axis.out - 1) * axis.step + (axis.taps - 1) * axis.tap_step + 1;
  const int64_t phase = (low + axis.in > reach ? low + axis.in : reach) / axis.step + 2 * n;
  const int64_t pitch = axis.step * phase + axis.out + n;
  auto fill = [=](const Row &at, T *line) {
    T *const sums = line + axis.step * phase;
    for (int64_t k = 0; k < axis.step * phase; k += n) store(line + k, Vec<T>{});
    JoinedRows rows(c.type, c.out_strides[5] * size, axis.out, sums, line + pitch, add);
    for_windows(at, [&](const char *row) { rows.add(row); });
    if (!rows.finish()) return;
    store(sums + axis.out, Vec<T>{});
    for (int64_t t = 0; t < axis.taps; t++) {
      const int64_t place = t * axis.tap_step;
      T *to = line + place % axis.step * phase + place / axis.step;
      for (int64_t k = 0; k < axis.out; k += n) store(to + k, load(to + k) + scale * load(sums + k));
    }
  };
  auto finish = [=](const Row &at, const T *line) {
    char *to = const_cast<char *>(x_row(c, at.sample, at.slice, at.row));
    for (int64_t k = 0; k < axis.in; k += n, to += n * x_step) {
      auto from = [&](int64_t place) { return line + place % axis.step * phase + place / axis.step; };
      Vec<T> v = load(from(low + k));
      if (axis.step == 2) v = interleaved(v, load(from(low + k + 1)), std::make_index_sequence<n>());
      for (int lane = 1; axis.step > 2 && lane < n; lane++) v[lane] = *from(low + k + lane);
      put<T>(c.type, v, to, x_step, axis.in - k);
    }
  };
  for_lines<T>(c.samples, c.axes[0].in, c.axes[1].in, pitch, work, fill, finish);
}

}  // namespace

bool avg_pool(const Arguments &arguments) {
  const Convolution c = pooled(arguments, arguments.inputs[0], arguments.outputs[0]);
  return with_pooled_type(c, [&](auto tag) {
    using T = decltype(tag);
    const T scale = T{1} / static_cast<T>(c.taps());
    pool_rows(c, T{}, add, [=](Vec<T> sum) { return sum * scale; });
  });
}

bool avg_pool_gradient(const Arguments &arguments) {
  const Convolution c = pooled(arguments, arguments.outputs[0], arguments.inputs[0]);
  constexpr int64_t longest = 1 << 20;  // row, of which each thread has two lines
  const Axis &axis = c.axes[2];
  if (axis.in - axis.base > longest || axis.step > longest || axis.out > longest / axis.step) return false;
  return with_pooled_type(c, [&](auto tag) {
    using T = decltype(tag);
    gradient(c, T{1} / static_cast<T>(c.taps()));
  });
}

}  // namespace needle::cpu::NEEDLE_TARGET
