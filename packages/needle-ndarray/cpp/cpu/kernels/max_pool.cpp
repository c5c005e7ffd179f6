// max_pool and its gradient: the greatest element of each window and its place, for a vector of neighbouring windows at
// a time.
#include "kernels.h"
#include "pooling.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

constexpr int64_t most_taps = 256;

// Where the window at `index` is in an array (B, *S').
char *at(const Array &x, const int64_t *index) {
  int64_t offset = index[0] * x.strides[0];
  for (int a = 1; a < x.ndim; a++) offset += index[a + 4 - x.ndim] * x.strides[a];
  return x.data + offset * item_size(x.type);
}

template <class T>
class MaxPool {
 public:
  using Place = lane_of<mask_of<Vec<T>>>;  // as wide as an element
  static constexpr int n = lanes<T>;

  explicit MaxPool(const Convolution &c) : c_(c), spaces_(c) {
    for (int i = 0; i < n; i++) steps_[i] = static_cast<Place>(i * c.axes[2].step);
    for_rows(spaces_.taps, 0, c.taps(), [&](int64_t first, const int64_t *tap, int64_t count) {
      for (int64_t i = 0; i < count; i++) {
        const int64_t x = (tap[3] + i) * c.axes[2].tap_step;
        tap_places_[first + i] = place(tap[1] * c.axes[0].tap_step, tap[2] * c.axes[1].tap_step, x);
      }
    });
  }

  // Windows [begin, end): found(index, count, greatest, places) for each vector of neighbours.
  template <class F>
  void search(int64_t begin, int64_t end, F &&found) const {
    const Box windows = cover(spaces_.windows, begin, end), taps = cover(spaces_.taps, 0, c_.taps());
    const Stage<T> stage(c_, 0, windows, taps, false, -static_cast<T>(__builtin_inf()));
    int64_t offsets[most_taps];
    tap_offsets(stage, spaces_.taps, 0, c_.taps(), offsets);
    for_rows(spaces_.windows, begin, end, [&](int64_t, const int64_t *first, int64_t count) {
      int64_t index[4] = {first[0], first[1], first[2], first[3]};
      const T *from = stage.data() + stage.window(index);
      for (int64_t i = 0; i < count; i += n, index[3] += n) {
        Vec<T> best = load(from + i);
        Vec<Place> base, places;
        start_at(index, base, places);
        for (int64_t k = 1; k < c_.taps(); k++) {
          const Vec<T> v = load(from + i + offsets[k]);
          const auto better = (v > best) | ((v != v) & (best == best));
          best = better ? v : best;
          places = better ? base + tap_places_[k] : places;
        }
        found(static_cast<const int64_t *>(index), least<int64_t>(n, count - i), best, places);
      }
    });
  }

 private:
  Place place(int64_t d, int64_t y, int64_t x) const {
    return static_cast<Place>((d * c_.axes[1].in + y) * c_.axes[2].in + x);
  }

  // The places of the windows' first elements, in x or before it (base), and of the first ones inside of x, which are
  // the answer where all are minus infinity.
  void start_at(const int64_t *index, Vec<Place> &base, Vec<Place> &inside) const {
    int64_t start[3];
    for (int a = 0; a < 3; a++) start[a] = c_.axes[a].base + index[a + 1] * c_.axes[a].step;
    base = steps_ + place(start[0], start[1], start[2]);
    inside = base;
    if (start[0] >= 0 && start[1] >= 0 && start[2] >= 0) return;
    auto first = [&](int a, int64_t i) {
      const int64_t step = c_.axes[a].tap_step;
      return i >= 0 ? i : i + (-i + step - 1) / step * step;
    };
    for (int i = 0; i < n; i++) {
      inside[i] = place(first(0, start[0]), first(1, start[1]), first(2, start[2] + i * c_.axes[2].step));
    }
  }

  const Convolution &c_;
  const Spaces spaces_;
  Place tap_places_[most_taps];
  Vec<Place> steps_;
};

template <class T>
void pool(const Convolution &c, const Array &places) {
  using Place = typename MaxPool<T>::Place;
  const MaxPool<T> windows(c);
  const int64_t size = item_size(c.type), step = c.out_strides[5] * size, place_step = places.strides[places.ndim - 1];
  // Whole rows, and enough of them to be worth a task.
  const int64_t all = c.samples * c.windows(), row = c.axes[2].out, rows = task_elements / 8 / row + 1;
  parallel_for((all + rows * row - 1) / (rows * row), [&](int64_t task) {
    const int64_t begin = task * rows * row, end = least(begin + rows * row, all);
    windows.search(begin, end, [&](const int64_t *index, int64_t count, Vec<T> greatest, Vec<Place> found) {
      int64_t offset = index[0] * c.out_strides[1];
      for (int a = 1; a < 4; a++) offset += index[a] * c.out_strides[a + 2];
      put<T>(c.type, greatest, c.out + offset * size, step, count);
      auto *to = reinterpret_cast<int64_t *>(at(places, index));
      for (int64_t i = 0; i < count; i++) to[i * place_step] = found[i];
    });
  });
}

// Sample by sample: its elements set to 0, then each window's number added to its greatest element.
template <class T>
void pool_gradient(const Convolution &c, const Array &cotangent, const Array &out) {
  using Place = typename MaxPool<T>::Place;
  const MaxPool<T> windows(c);
  const int64_t elements = c.axes[0].in * c.axes[1].in * c.axes[2].in, size = item_size(c.type);
  const int64_t step = cotangent.strides[cotangent.ndim - 1] * size;
  int64_t shape[4] = {1, 1, 1, 1}, strides[4] = {}, expected = 1;
  bool flat = !is_small(c.type);
  for (int a = 3, d = out.ndim - 1; d > 0; a--, d--) {
    shape[a] = out.shape[d], strides[a] = out.strides[d];
    flat = flat && (shape[a] == 1 || strides[a] == expected);
    expected *= shape[a];
  }
  const bool direct = !is_small(c.type) && step == size;
  const int64_t some = task_elements / elements + 1;
  parallel_for((c.samples + some - 1) / some, [&](int64_t task) {
    const int64_t begin = task * some, end = least(begin + some, c.samples);
    Scratch room(flat ? 1 : (end - begin) * elements * sizeof(T));
    char *const first = out.data + begin * out.strides[0] * size;
    T *const sums = reinterpret_cast<T *>(flat ? first : room.data);
    const int64_t apart = flat ? out.strides[0] : elements;
    for (int64_t i = 0; i < end - begin; i++) __builtin_memset(sums + i * apart, 0, elements * sizeof(T));
    auto add = [&](const int64_t *index, int64_t count, Vec<T>, Vec<Place> found) {
      T buffer[lanes<T>];
      const char *from = at(cotangent, index);
      const void *numbers = direct ? from : read(c.type, from, step, count, buffer);
      T *to = sums + (index[0] - begin) * apart;
      for (int64_t i = 0; i < count; i++) to[found[i]] += static_cast<const T *>(numbers)[i];
    };
    windows.search(begin * c.windows(), end * c.windows(), add);
    for (int64_t i = 0; !flat && i < end - begin; i++) {
      for_rows(shape, 0, elements, [&](int64_t place, const int64_t *index, int64_t count) {
        const int64_t offset = i * out.strides[0] + index[1] * strides[1] + index[2] * strides[2];
        write(c.type, sums + i * elements + place, first + offset * size, strides[3] * size, count);
      });
    }
  });
}

// Whether places can be counted in the lanes of float.
bool fits(const Convolution &c) {
  return c.taps() <= most_taps && c.axes[0].in * c.axes[1].in * c.axes[2].in <= INT32_MAX;
}

}  // namespace

bool max_pool(const Arguments &arguments) {
  const Array &places = arguments.outputs[1];
  const Convolution c = pooled(arguments, arguments.inputs[0], arguments.outputs[0]);
  if (places.shape && !fits(c)) return false;
  return with_pooled_type(c, [&](auto tag) {
    using T = decltype(tag);
    if (c.samples == 0) return;
    if (places.shape) return pool<T>(c, places);
    auto greater = [](Vec<T> x, Vec<T> y) { return (x >= y) | (x != x) ? x : y; };
    pool_rows(c, -static_cast<T>(__builtin_inf()), greater, [](Vec<T> greatest) { return greatest; });
  });
}

bool max_pool_gradient(const Arguments &arguments) {
  const Convolution c = pooled(arguments, arguments.inputs[1], arguments.inputs[0]);
  if (!fits(c)) return false;
  return with_pooled_type(c, [&](auto tag) {
    if (c.samples > 0) pool_gradient<decltype(tag)>(c, arguments.inputs[0], arguments.outputs[0]);
  });
}

}  // namespace needle::cpu::NEEDLE_TARGET
