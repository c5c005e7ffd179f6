// The k greatest or least elements of each line, in one pass: what is beyond the k-th of those seen so far is
// collected, and whenever twice as many have come together, the k best of them stay. Most elements take a comparison
// alone.
#include <algorithm>

#include "../allocator.h"
#include "kernels.h"
#include "lines.h"
#include "simd.h"
#include "types.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

// As the contract's sort has it: NaN is above all, and of equal elements the first comes first.
template <class T>
struct Candidate {
  T value;
  int64_t place;
};

template <class T, bool largest>
struct Selection {
  using Item = Candidate<T>;
  Item *items;
  int64_t k, capacity, count = 0;
  bool full = false;     // whether items[k - 1] is the k-th so far, and `limit` its value
  bool bounded = false;  // whether k of all elements are no worse than `limit`
  T limit{};
  static constexpr int group = 4;  // vectors that are looked at together

  static bool beyond(T x, T y) {
    if (x != x || y != y) return largest ? x != x && y == y : x == x && y != y;
    return largest ? x > y : x < y;
  }
  struct Before {
    bool operator()(const Item &x, const Item &y) const {
      return beyond(x.value, y.value) || (!beyond(y.value, x.value) && x.place < y.place);
    }
  };

  void keep_best() {
    std::nth_element(items, items + k - 1, items + count, Before());
    count = k;
    limit = items[k - 1].value;
    full = true;
  }

  // Of the best in each lane, k reach the k-th of them: what is worse is out before there are k to compare with.
  void find_bound(const T *values, int64_t n) {
    constexpr int64_t all = group * lanes<T>;
    if (k > all / 2 || n < 4 * all) return;
    Vec<T> best[group];
    for (int j = 0; j < group; j++) best[j] = load(values + j * lanes<T>);
    for (int64_t i = all; i + all <= n; i += all) {
      for (int j = 0; j < group; j++) {
        Vec<T> x = load(values + i + j * lanes<T>);
        best[j] = (largest ? x > best[j] : x < best[j]) ? x : best[j];
      }
    }
    T found[all];
    for (int j = 0; j < group; j++) store(found + j * lanes<T>, best[j]);
    for (T x : found) {
      if (x != x) return;  // NaN came first in its lane
    }
    std::nth_element(found, found + k - 1, found + all, [](T x, T y) { return largest ? x > y : x < y; });
    limit = found[k - 1];
    bounded = true;
  }

  // Elements that are not among the first k, of those that come now: once k have come, equal ones are not either.
  template <class V>
  auto is_out(V x) const {
    return largest ? (full ? x <= limit : x < limit) : (full ? x >= limit : x > limit);
  }
  void add(T value, int64_t place) {
    if (full ? !beyond(value, limit) : bounded && beyond(limit, value)) return;
    items[count++] = {value, place};
    if (count == capacity) keep_best();
  }
  // `at` is the place of the first of n values.
  void add(const T *values, int64_t n, int64_t at) {
    if (!full && !bounded) find_bound(values, n);
    int64_t i = 0;
    auto some_come = [&](int vectors) {
      auto out = is_out(load(values + i));
      for (int j = 1; j < vectors; j++) out &= is_out(load(values + i + j * lanes<T>));
      return any(~out);
    };
    while (i < n) {
      const bool filter = full || bounded;
      if (filter && i + group * lanes<T> <= n && !some_come(group)) {
        i += group * lanes<T>;
        continue;
      }
      const int64_t end = least(i + group * lanes<T>, n);
      for (; i < end; i += lanes<T>) {
        if (filter && i + lanes<T> <= n && !some_come(1)) continue;
        for (int64_t j = i; j < least(i + lanes<T>, end); j++) add(values[j], at + j);
      }
      i = end;
    }
  }
};

template <class T, bool largest>
void select(const Array &a, int axis, const Array &values, const Array &indices) {
  const int64_t k = values.shape[axis], item = item_size(a.type), capacity = 2 * k + 64;
  const int64_t value_stride = values.strides[axis] * item, index_stride = indices.strides[axis] * 8;
  Lines lines(a, axis, values, indices);
  lines.each([&](const char *from, char *to, char *places) {
    Scratch room(static_cast<size_t>(least(capacity, lines.n)) * sizeof(Candidate<T>));
    Selection<T, largest> best{reinterpret_cast<Candidate<T> *>(room.data), k, capacity};
    Source source(a.type, from, lines.a_stride, lines.n);
    for (int64_t i = 0; i < lines.n; i += block_elements) {
      int64_t m = least(block_elements, lines.n - i);
      best.add(static_cast<const T *>(source.at(i, m)), m, i);
    }
    best.keep_best();
    std::sort(best.items, best.items + k, typename Selection<T, largest>::Before());
    for (int64_t i = 0; i < k; i++) {
      const int64_t place = best.items[i].place;
      move(static_cast<int>(item), from + place * lines.a_stride, 0, to + i * value_stride, 0, 1);
      *reinterpret_cast<int64_t *>(places + i * index_stride) = place;
    }
  });
}

}  // namespace

bool topk(const Arguments &arguments) {
  const Array &a = arguments.inputs[0], &values = arguments.outputs[0], &indices = arguments.outputs[1];
  const int axis = static_cast<int>(arguments.integers[0]);
  const bool largest = arguments.integers[1] != 0;
  const int64_t k = values.shape[axis];
  if (is_complex(a.type) || a.type == Type::e4m3 || a.type == Type::e5m2) return false;
  if (k > a.shape[axis] / 4) return k == 0;  // a sort of all is as fast
  with_compute_type(a.type, [&](auto tag) {
    using T = decltype(tag);
    largest ? select<T, true>(a, axis, values, indices) : select<T, false>(a, axis, values, indices);
  });
  return true;
}

}  // namespace needle::cpu::NEEDLE_TARGET
