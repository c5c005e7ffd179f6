// Normalisation: every set of elements that has statistics of its own is read once for them, and once more, from a
// cache where it fits one, for the result. Variance is the mean square distance from the mean of the set's first piece,
// corrected: that one is near the mean, so the correction costs few digits.
#include "norm.h"

#include "composites.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

// Sums of the distances from a number near the mean, and of their squares.
template <class T>
struct Moments {
  T about = 0;
  double first = 0, second = 0;

  // The mean of the first values is near enough: the error of the variance grows with the square of its distance in
  // units of the deviation, which is small but for an outlier, and then bounded by the number of elements.
  [[gnu::always_inline]] void start(const T *x, int64_t n) {
    Lanes<T> sum;
    int64_t some = least<int64_t>(n, sums_of_piece * lanes<T>);
    for_vectors<T>(some, [&](int64_t i, int k, auto tag) { sum.add(k, get<decltype(tag)>(x + i)); });
    about = static_cast<T>(sum.sum()) / static_cast<T>(some);
  }
  void add(const T *x, int64_t n) {
    for (int64_t begin = 0; begin < n; begin += sum_elements) {
      Lanes<T> sum, squares;
      const T *p = x + begin;
      T middle = about;
      for_vectors<T>(least(sum_elements, n - begin), [=, &sum, &squares](int64_t i, int k, auto tag) {
        auto d = get<decltype(tag)>(p + i) - middle;
        sum.add(k, d);
        squares.add(k, d * d);
      });
      first += sum.sum();
      second += squares.sum();
    }
  }
};

template <class T>
struct Statistics {
  T mean, variance, inverse;

  Statistics(const Moments<T> &moments, double share, bool centred, double epsilon) {
    double offset = centred ? moments.first * share : 0;
    double squares = moments.second * share - offset * offset;
    squares = squares < 0 ? 0 : squares;
    mean = static_cast<T>(static_cast<double>(moments.about) + offset);
    variance = static_cast<T>(squares);
    inverse = static_cast<T>(1 / __builtin_sqrt(squares + epsilon));
  }
};

// What is written of a piece: (x - mean) * inverse * scale + shift; scale and shift vary along it or are one number.
// In the same loop, the moments of the piece after it: so memory is read and written at the same time.
template <class T>
void apply(const T *x, T *out, int64_t n, const Statistics<T> &s, const T *scale, bool scales, const T *shift,
           bool shifts, const T *next = nullptr, Moments<T> *moments = nullptr) {
  T mean = s.mean, inverse = s.inverse;
  with_bools(scales, shifts, [&](auto scale_varies, auto shift_varies) {
    auto result = [=](int64_t i, auto tag) {
      using V = decltype(tag);
      V factor = get<V, decltype(scale_varies)::value>(scale, i) * inverse;
      put(out + i, (get<V>(x + i) - mean) * factor + get<V, decltype(shift_varies)::value>(shift, i));
    };
    if (!next) return for_vectors<T>(n, [=](int64_t i, int, auto tag) { result(i, tag); });
    Lanes<T> sum, squares;
    T about = moments->about;
    for_vectors<T, 2>(n, [=, &sum, &squares](int64_t i, int k, auto tag) {
      auto d = get<decltype(tag)>(next + i) - about;
      sum.add(k, d);
      squares.add(k, d * d);
      result(i, tag);
    });
    moments->first = sum.sum();
    moments->second = squares.sum();
  });
}

template <class T>
bool norm_sets(const Array &x, const Array *scale, const Array *shift, double epsilon, const Array &out,
               const Array *mean, const Array &variance) {
  constexpr T one = 1, zero = 0;
  Spread to(x, out), factor(x, scale, &one), added(x, shift, &zero), center(x, mean, &zero), spread(x, variance);
  Sets sets(variance, x, to, factor, added, center, spread);
  if (sets.side_by_side()) return false;
  const Walk &kept = sets.kept;
  const double share = 1 / static_cast<double>(sets.reduced.size);
  parallel_runs(kept, sets.sets_per_task(), 1, [&](char *const *begin, int64_t n, int64_t, int64_t) {
    Pieces<T, 4, 2> pieces(sets.reduced, x, out, factor.array, added.array);
    auto write_statistics = [&](char *const *set, const Statistics<T> &s) {
      if (mean) write(mean->type, &s.mean, set[4], 0, 1);
      write(variance.type, &s.variance, set[5], 0, 1);
    };
    auto apply_to = [&](char *const *p, int64_t m, const Statistics<T> &s, const T *next, Moments<T> *moments) {
      const T *values = pieces.values(0, p[0], m);
      T *results = pieces.place_for(1, p[1]);
      apply(values, results, m, s, pieces.values(2, p[2], m), pieces.varies(2), pieces.values(3, p[3], m),
            pieces.varies(3), next, moments);
      pieces.done(1, results, p[1], m);
    };
    char *set[max_operands];
    auto go_to = [&](int64_t i) {
      for (int o = 0; o < kept.operands; o++) set[o] = begin[o] + i * kept.stride(o);
    };
    if (pieces.one_in_place() && sets.reduced.size <= sum_elements) {
      auto values = [&](int64_t i) { return reinterpret_cast<const T *>(begin[0] + i * kept.stride(0)); };
      Moments<T> moments;
      if (mean) moments.start(values(0), sets.reduced.size);
      moments.add(values(0), sets.reduced.size);
      for (int64_t i = 0; i < n; i++) {
        go_to(i);
        Statistics<T> s(moments, share, mean, epsilon);
        write_statistics(set, s);
        const T *next = i + 1 < n ? values(i + 1) : nullptr;
        if (next && mean) moments.start(next, sets.reduced.size);
        apply_to(set, sets.reduced.size, s, next, &moments);
      }
      return;
    }
    for (int64_t i = 0; i < n; i++) {
      go_to(i);
      Moments<T> moments;
      bool started = mean == nullptr;
      pieces.each(set, [&](char *const *p, int64_t m) {
        const T *values = pieces.values(0, p[0], m);
        if (!started) moments.start(values, m);
        started = true;
        moments.add(values, m);
      });
      Statistics<T> s(moments, share, mean, epsilon);
      write_statistics(set, s);
      pieces.each(set, [&](char *const *p, int64_t m) { apply_to(p, m, s, nullptr, nullptr); });
    }
  });
  return true;
}

}  // namespace

bool norm(const Arguments &arguments) {
  const Array *in = arguments.inputs, *out = arguments.outputs;
  auto given = [](const Array &array) { return array.data ? &array : nullptr; };
  return (in[0].type == Type::f64 ? norm_sets<double> : norm_sets<float>)(in[0], given(in[1]), given(in[2]),
                                                                          arguments.reals[0], out[0], given(out[1]),
                                                                          out[2]);
}

}  // namespace needle::cpu::NEEDLE_TARGET
