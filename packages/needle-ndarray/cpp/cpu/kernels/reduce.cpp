// Reductions over any set of axes. The kept and the reduced dimensions are two walks. Where a reduced dimension is the
// innermost in memory, each output folds lines; where a kept one is, rows are added up. Long reductions are cut into
// chunks, whose size follows from the shapes alone, and the partial results are joined in order.
#include "../allocator.h"
#include "../iterate.h"
#include "blocks.h"
#include "fold.h"
#include "kernels.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

constexpr int64_t rows_per_sum = 64;  // so many rows are added up before the sums are widened
constexpr int64_t enough_tasks = 64;  // more than that, and cutting the reduced dimensions gains nothing

// The loops of one operation and type T, whose totals are of type `wide`.
struct Fold {
  Type wide;
  void (*start_totals)(void *totals, int64_t n);
  void (*start_sums)(void *sums, int64_t n);
  void (*line)(void *total, const void *values, int64_t n);
  void (*rows)(void *sums, const void *values, int64_t n);
  void (*widen)(void *totals, const void *sums, int64_t n);
  void (*join)(void *totals, const void *more, int64_t n);
};

template <class Op, class T>
void start(void *values, int64_t n) {
  for (int64_t i = 0; i < n; i++) static_cast<T *>(values)[i] = Op::template start<T>;
}

template <class Op, class From, class To>
void combine(void *totals_, const void *values_, int64_t n) {
  auto *totals = static_cast<To *>(totals_);
  auto *values = static_cast<const From *>(values_);
  for (int64_t i = 0; i < n; i++) totals[i] = static_cast<To>(Op::combine(totals[i], static_cast<To>(values[i])));
}

template <class Op, class T>
void line(void *total, const void *values, int64_t n) {
  T value = fold_line<Op>(static_cast<const T *>(values), n);
  combine<Op, T, wide_of<Op, T>>(total, &value, 1);
}

template <class Op, class T>
void rows(void *sums, const void *values, int64_t n) {
  fold_rows<Op>(static_cast<T *>(sums), static_cast<const T *>(values), n);
}

template <class Op>
Fold fold_for(Type type) {
  return with_compute_type(type, [&](auto tag) -> Fold {
    using T = decltype(tag);
    using Wide = wide_of<Op, T>;
    Type wide = Op::widens && std::is_floating_point_v<T> ? Type::f64 : compute_type(type);
    return {.wide = wide,
            .start_totals = start<Op, Wide>,
            .start_sums = start<Op, T>,
            .line = line<Op, T>,
            .rows = rows<Op, T>,
            .widen = combine<Op, T, Wide>,
            .join = combine<Op, Wide, Wide>};
  });
}

Fold fold_for(Reduction op, Type type) {
  switch (op) {
    case Reduction::sum: return fold_for<Sum>(type);
    case Reduction::prod: return fold_for<Prod>(type);
    case Reduction::min:
    case Reduction::all: return fold_for<Min>(type);
    default: return fold_for<Max>(type);
  }
}

struct Problem {
  Type from, as;  // of a's elements, and what they are converted to before they are reduced
  Fold fold;
  Walk kept, reduced;  // the operands of kept are a and out; that of reduced is a, relative to an element of kept
  bool by_rows;
  int64_t chunk;  // elements of the reduced walk

  int64_t chunks() const { return chunk < reduced.size ? (reduced.size + chunk - 1) / chunk : 1; }
};

int64_t magnitude(int64_t x) { return x < 0 ? -x : x; }

void plan(Problem &problem, const Array &a, const Array &out) {
  int64_t kept_shape[max_dims], reduced_shape[max_dims];
  for (int d = 0; d < a.ndim; d++) {
    bool keep = a.shape[d] == out.shape[d];
    kept_shape[d] = keep ? a.shape[d] : 1;
    reduced_shape[d] = keep ? 1 : a.shape[d];
  }
  Array kept_a{a.data, a.type, a.ndim, kept_shape, a.strides};
  Array kept_out{out.data, out.type, a.ndim, kept_shape, out.strides};
  problem.kept = walk_over(kept_a, kept_out);
  problem.reduced = walk_over(Array{nullptr, a.type, a.ndim, reduced_shape, a.strides});

  const Walk &kept = problem.kept, &reduced = problem.reduced;
  problem.by_rows = kept.inner() >= 8 && magnitude(kept.stride(0)) < magnitude(reduced.stride(0));
  int64_t width = problem.by_rows ? least(kept.inner(), block_elements) : 1;
  problem.chunk = kept.size >= enough_tasks * width ? reduced.size : task_elements / width;
}

// Contiguous values, as the fold wants them, of a run of a.
struct Values {
  const Problem &problem;
  Block converted, buffer;

  explicit Values(const Problem &p) : problem(p) {}  // leaves the blocks as they are
  const void *at(const char *p, int64_t stride, int64_t n) {
    Type as = problem.as;
    if (problem.from == as) return read(as, p, stride, n, buffer.bytes);
    convert(problem.from, as, p, stride, converted.bytes, item_size(as), n);
    return read(as, converted.bytes, item_size(as), n, buffer.bytes);
  }
  int64_t step(int64_t stride) const {
    return problem.from == problem.as && is_direct(problem.as, stride) ? line_elements : block_elements;
  }
};

void fold_rows(const Problem &problem, char *a, int64_t begin, int64_t end, void *totals, int64_t n) {
  const Fold &fold = problem.fold;
  Values values(problem);
  Block sums;
  int64_t count = 0;
  fold.start_sums(sums.bytes, n);
  auto widen = [&] {
    fold.widen(totals, sums.bytes, n);
    fold.start_sums(sums.bytes, n);
    count = 0;
  };
  serial_runs(problem.reduced, &a, begin, end, [&](char *const *p, int64_t m, int64_t) {
    for (int64_t i = 0; i < m; i++) {
      const char *row = p[0] + i * problem.reduced.stride(0);
      fold.rows(sums.bytes, values.at(row, problem.kept.stride(0), n), n);
      if (++count == rows_per_sum) widen();
    }
  });
  widen();
}

void fold_lines(const Problem &problem, char *a, int64_t begin, int64_t end, void *total) {
  Values values(problem);
  int64_t stride = problem.reduced.stride(0), step = values.step(stride);
  serial_runs(problem.reduced, &a, begin, end, [&](char *const *p, int64_t n, int64_t) {
    for (int64_t i = 0; i < n; i += step) {
      int64_t m = least(step, n - i);
      problem.fold.line(total, values.at(p[0] + i * stride, stride, m), m);
    }
  });
}

// The totals of n <= block_elements outputs next to each other in the kept walk, over one chunk.
void fold_chunk(const Problem &problem, char *a, int64_t chunk, char *totals, int64_t n) {
  int64_t begin = chunk * problem.chunk, end = least(begin + problem.chunk, problem.reduced.size);
  problem.fold.start_totals(totals, n);
  if (problem.by_rows) return fold_rows(problem, a, begin, end, totals, n);
  int size = item_size(problem.fold.wide);
  for (int64_t i = 0; i < n; i++) fold_lines(problem, a + i * problem.kept.stride(0), begin, end, totals + i * size);
}

}  // namespace

void reduce(Reduction op, const Array &a, const Array &out) {
  Problem problem;
  problem.from = a.type;
  problem.as = op == Reduction::any || op == Reduction::all ? Type::b8 : out.type;
  problem.fold = fold_for(op, problem.as);
  plan(problem, a, out);

  const Walk &kept = problem.kept;
  Type wide = problem.fold.wide;
  int64_t size = item_size(wide), chunks = problem.chunks();
  auto finish = [&](const char *totals, char *p, int64_t n) {
    convert(wide, out.type, totals, size, p, kept.stride(1), n);
  };
  Scratch partial(chunks > 1 ? static_cast<size_t>(chunks * kept.size * size) : 0);
  int64_t grain = task_elements / (problem.chunk > 0 ? problem.chunk : 1);
  if (problem.by_rows && grain < 64) grain = 64;  // rows shorter than some cache lines are slow
  parallel_runs(kept, grain, chunks, [&](char *const *p, int64_t n, int64_t at, int64_t chunk) {
    Block room;
    for (int64_t i = 0; i < n; i += block_elements) {
      int64_t m = least(block_elements, n - i);
      char *totals = chunks > 1 ? partial.data + (chunk * kept.size + at + i) * size : room.bytes;
      fold_chunk(problem, p[0] + i * kept.stride(0), chunk, totals, m);
      if (chunks == 1) finish(totals, p[1] + i * kept.stride(1), m);
    }
  });
  if (chunks == 1) return;
  parallel_runs(kept, task_elements / chunks, 1, [&](char *const *p, int64_t n, int64_t at, int64_t) {
    char *totals = partial.data + at * size;
    for (int64_t c = 1; c < chunks; c++) problem.fold.join(totals, totals + c * kept.size * size, n);
    finish(totals, p[1], n);
  });
}

}  // namespace needle::cpu::NEEDLE_TARGET
