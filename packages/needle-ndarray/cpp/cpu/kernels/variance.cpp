// Variance: of a few elements at a time the mean, and the squares of the distances from it while they are still in the
// first cache; so memory is read once, and no digits are lost. Groups are joined as in T. F. Chan, G. H. Golub and
// R. J. LeVeque, "Algorithms for computing the sample variance" (1983).
#include "composites.h"
#include "norm.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

constexpr int rows_at_once = 8;
constexpr int64_t most_sets = 1024;  // are taken together
constexpr int64_t enough_sets = 64;  // more than that, and cutting sets gains nothing

// Means, and sums of squared distances from them, of groups of elements: `count` more than the `before` there are.
struct Join {
  double share, weight;

  Join(int64_t before, int64_t count)
      : share(static_cast<double>(count) / static_cast<double>(before + count)),
        weight(static_cast<double>(before) * share) {}
  template <class V>
  [[gnu::always_inline]] void add(double *mean, double *squares, V more_mean, V more_squares) const {
    V m = get<V>(mean), away = more_mean - m;
    put(mean, m + away * share);
    put(squares, get<V>(squares) + more_squares + away * away * weight);
  }
  [[gnu::always_inline]] void add(double *mean, double *squares, float more_mean, float more_squares) const {
    add(mean, squares, static_cast<double>(more_mean), static_cast<double>(more_squares));
  }
  [[gnu::always_inline]] void add(double *means, double *squares, Vec<float> more_means,
                                  Vec<float> more_squares) const {
    Halves m = widen(more_means), s = widen(more_squares);
    add(means, squares, m.low, s.low);
    add(means + lanes<double>, squares + lanes<double>, m.high, s.high);
  }
};

// Column by column, those of `count` rows of n values, a power of 2: the mean of equal numbers is exact then.
template <int count, class T>
void add_rows(const T *const *rows, int64_t n, int64_t before, double *means, double *squares) {
  const Join join(before, count);
  const T *at[count];
  for (int r = 0; r < count; r++) at[r] = rows[r];
  for_vectors<T, 1>(n, [=](int64_t i, int, auto tag) {
    using V = decltype(tag);
    V values[count], sums[count], sum_of_squares{};
#pragma GCC unroll 8
    for (int r = 0; r < count; r++) values[r] = sums[r] = get<V>(at[r] + i);
#pragma GCC unroll 3
    for (int distance = count / 2; distance > 0; distance /= 2) {
#pragma GCC unroll 4
      for (int r = 0; r < distance; r++) sums[r] += sums[r + distance];
    }
    V mean = sums[0] * (T{1} / count);
#pragma GCC unroll 8
    for (int r = 0; r < count; r++) sum_of_squares += (values[r] - mean) * (values[r] - mean);
    join.add(means + i, squares + i, mean, sum_of_squares);
  });
}

// Those of one set.
template <class T>
void add_piece(const T *x, int64_t n, int64_t before, double *mean, double *squares) {
  Lanes<T> sum, sum_of_squares;
  for_vectors<T>(n, [=, &sum](int64_t i, int k, auto tag) { sum.add(k, get<decltype(tag)>(x + i)); });
  const T middle = static_cast<T>(sum.sum() / static_cast<double>(n));
  for_vectors<T>(n, [=, &sum_of_squares](int64_t i, int k, auto tag) {
    auto away = get<decltype(tag)>(x + i) - middle;
    sum_of_squares.add(k, away * away);
  });
  Join(before, n).add(mean, squares, static_cast<double>(middle), sum_of_squares.sum());
}

struct Problem {
  Type type;
  Walk kept, reduced;         // the operands of kept are x and out; that of reduced is x, relative to a set
  bool by_rows;               // sets lie side by side
  int64_t width = most_sets;  // so many sets are taken together
  int64_t chunk;              // elements of a set that are one task's

  int64_t chunks() const { return (reduced.size + chunk - 1) / chunk; }
  int64_t elements(int64_t number) const { return least(chunk, reduced.size - number * chunk); }
};

void plan(Problem &problem) {
  const int64_t sets = problem.kept.size, all = problem.reduced.size;
  problem.chunk = all;
  if (problem.by_rows) {
    const bool direct = is_direct(problem.type, problem.kept.stride(0));
    problem.width = least(problem.kept.inner(), direct ? most_sets : block_elements);
    const int64_t pieces = least(sets * all / task_elements, int64_t{16}) * problem.width / sets;
    if (pieces > 1) problem.chunk = (all + pieces - 1) / pieces;
  } else if (sets < enough_sets) {
    problem.chunk = least(all, task_elements);
  }
}

// Of the elements [begin, end) of one set, from x on.
template <class T>
void fold_set(const Problem &problem, char *x, int64_t begin, int64_t end, double *mean, double *squares) {
  const int64_t stride = problem.reduced.stride(0);
  const int64_t piece = is_direct(problem.type, stride) ? sum_elements : block_elements;
  Block room;
  auto add = [&](const char *p, int64_t n, int64_t before) {
    for (int64_t i = 0; i < n; i += piece) {
      const int64_t some = least(piece, n - i);
      auto *values = static_cast<const T *>(read(problem.type, p + i * stride, stride, some, room.bytes));
      add_piece(values, some, before + i, mean, squares);
    }
  };
  if (problem.reduced.ndim <= 1) return add(x + begin * stride, end - begin, 0);
  serial_runs(problem.reduced, &x, begin, end,
              [&](char *const *p, int64_t n, int64_t at) { add(p[0], n, at - begin); });
}

// The same of n sets side by side.
template <class T>
void fold_columns(const Problem &problem, char *x, int64_t begin, int64_t end, int64_t n, double *means,
                  double *squares) {
  const int64_t step = problem.kept.stride(0), stride = problem.reduced.stride(0);
  Block rooms[rows_at_once];
  serial_runs(problem.reduced, &x, begin, end, [&](char *const *p, int64_t m, int64_t at) {
    const T *rows[rows_at_once];
    for (int64_t i = 0, some; i < m; i += some) {
      some = m - i < rows_at_once ? 1 : rows_at_once;
      for (int64_t r = 0; r < some; r++) {
        rows[r] = static_cast<const T *>(read(problem.type, p[0] + (i + r) * stride, step, n, rooms[r].bytes));
      }
      (some == 1 ? add_rows<1, T> : add_rows<rows_at_once, T>)(rows, n, at - begin + i, means, squares);
    }
  });
}

// Of a chunk, for n sets.
template <class T>
void fold(const Problem &problem, char *x, int64_t chunk, int64_t n, double *means, double *squares) {
  const int64_t begin = chunk * problem.chunk, end = begin + problem.elements(chunk);
  for (int64_t i = 0; i < n; i++) means[i] = squares[i] = 0;
  if (problem.by_rows) return fold_columns<T>(problem, x, begin, end, n, means, squares);
  for (int64_t i = 0; i < n; i++)
    fold_set<T>(problem, x + i * problem.kept.stride(0), begin, end, means + i, squares + i);
}

template <class T>
void variance_of(const Problem &problem, double divisor, Type type) {
  const Walk &kept = problem.kept;
  const int64_t chunks = problem.chunks(), sets = kept.size;
  auto finish = [=](double *squares, char *p, int64_t stride, int64_t n) {
    for (int64_t i = 0; i < n; i++) squares[i] /= divisor;
    convert(Type::f64, type, reinterpret_cast<const char *>(squares), 8, p, stride, n);
  };
  Scratch room(chunks > 1 ? static_cast<size_t>(2 * chunks * sets) * sizeof(double) : 0);
  auto *partial = reinterpret_cast<double *>(room.data);
  const int64_t grain = problem.by_rows ? problem.width : task_elements / problem.chunk;
  parallel_runs(kept, grain, chunks, [&](char *const *p, int64_t n, int64_t at, int64_t chunk) {
    double means[most_sets], squares[most_sets];
    for (int64_t i = 0; i < n; i += problem.width) {
      const int64_t some = least(problem.width, n - i);
      double *part = partial + 2 * chunk * sets + at + i;
      fold<T>(problem, p[0] + i * kept.stride(0), chunk, some, chunks > 1 ? part : means,
              chunks > 1 ? part + sets : squares);
      if (chunks == 1) finish(squares, p[1] + i * kept.stride(1), kept.stride(1), some);
    }
  });
  if (chunks == 1) return;
  parallel_runs(kept, task_elements / chunks, 1, [&](char *const *p, int64_t n, int64_t at, int64_t) {
    double *means = partial + at, *squares = means + sets;
    for (int64_t c = 1; c < chunks; c++) {
      const double *more = means + 2 * c * sets;
      const Join join(c * problem.chunk, problem.elements(c));
      for (int64_t i = 0; i < n; i++) join.add(means + i, squares + i, more[i], more[sets + i]);
    }
    finish(squares, p[1], kept.stride(1), n);
  });
}

}  // namespace

bool variance(const Arguments &arguments) {
  const Array &x = arguments.inputs[0], &out = arguments.outputs[0];
  const Spread to(x, out);
  const Sets sets(out, x, to);
  Problem problem{
      .type = x.type, .kept = sets.kept, .reduced = sets.reduced, .by_rows = sets.side_by_side(), .chunk = 0};
  problem.reduced.operands = 1;  // along a set x alone moves
  if (problem.kept.size == 0) return true;
  if (problem.reduced.size == 0) return false;
  plan(problem);
  (x.type == Type::f64 ? variance_of<double> : variance_of<float>)(problem, arguments.reals[0], out.type);
  return true;
}

}  // namespace needle::cpu::NEEDLE_TARGET
