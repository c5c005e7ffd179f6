// Reductions over any set of axes. The kept and the reduced dimensions are two walks, and their strides say how to go:
//   lines    a reduced dimension is the innermost in memory: each output folds lines;
//   rows     a kept one is: rows are added up. Narrow rows that follow each other are taken as one wide row;
//   windows  few elements are reduced for each output, as in pooling: two kept and two reduced dimensions at once.
// Long reductions are cut into chunks, whose size follows from the shapes alone, and the partial results are joined in
// order.
#include "../allocator.h"
#include "../iterate.h"
#include "blocks.h"
#include "fold.h"
#include "kernels.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

constexpr int64_t rows_per_sum = 64;   // so many rows are added up before the sums are widened
constexpr int64_t row_columns = 2048;  // at most so many columns are added up at once
constexpr int64_t enough_tasks = 64;   // more than that, and cutting the reduced dimensions gains nothing

// The loops of one operation and type T, whose totals are of type `wide`.
struct Fold {
  Type wide;
  void (*start_totals)(void *totals, int64_t n);
  void (*start_sums)(void *sums, int64_t n);
  void (*lines)(void *totals, const void *values, int64_t stride, int64_t count, int64_t n);
  void (*rows)(void *sums, const void *values, int64_t stride, int64_t count, int64_t n);
  void (*windows)(void *sums, const void *values, const Window &window);
  void (*widen)(void *totals, const void *sums, int64_t n);
  void (*join)(void *totals, const void *more, int64_t n);
};

template <class Op, class T>
void start(void *values_, int64_t n) {
  auto *values = static_cast<T *>(values_);
  int64_t i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>) store(values + i, splat(Op::template start<T>));
  for (; i < n; i++) values[i] = Op::template start<T>;
}

template <class Op, class From, class To>
void combine(void *totals_, const void *values_, int64_t n) {
  constexpr int width = lanes<To>;
  using Values = typename vector_of<From, width *static_cast<int>(sizeof(From))>::type;
  auto *totals = static_cast<To *>(totals_);
  auto *values = static_cast<const From *>(values_);
  int64_t i = 0;
  for (; i + width <= n; i += width) {
    Values v;
    __builtin_memcpy(&v, values + i, sizeof(v));
    store(totals + i, Op::combine(load(totals + i), __builtin_convertvector(v, Vec<To>)));
  }
  for (; i < n; i++) totals[i] = static_cast<To>(Op::combine(totals[i], static_cast<To>(values[i])));
}

template <class Op>
Fold fold_for(Type type) {
  return with_compute_type(type, [&](auto tag) -> Fold {
    using T = decltype(tag);
    using Wide = wide_of<Op, T>;
    return {.wide = Op::widens && std::is_floating_point_v<T> ? Type::f64 : compute_type(type),
            .start_totals = start<Op, Wide>,
            .start_sums = start<Op, T>,
            .lines =
                [](void *totals, const void *values, int64_t stride, int64_t count, int64_t n) {
                  fold_lines<Op>(static_cast<Wide *>(totals), static_cast<const T *>(values), stride, count, n);
                },
            .rows =
                [](void *sums, const void *values, int64_t stride, int64_t count, int64_t n) {
                  fold_rows<Op>(static_cast<T *>(sums), static_cast<const T *>(values), stride, count, n);
                },
            .windows =
                [](void *sums, const void *values, const Window &window) {
                  fold_windows<Op>(static_cast<T *>(sums), static_cast<const T *>(values), window);
                },
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

enum class Way { lines, rows, windows };

struct Problem {
  Type from, as, to;  // of a's elements, what they are converted to before they are reduced, of out's elements
  Fold fold;
  Walk kept, reduced;  // the operands of kept are a and out; that of reduced is a, relative to an element of kept
  Way way;
  bool direct;      // a's elements can be used where they are
  bool dense;       // rows follow each other without a gap
  int64_t repeats;  // so many rows make up one wide row
  int64_t width;    // at most so many outputs are computed together
  int64_t chunk;    // elements of the reduced walk
  int64_t grain;    // outputs of a task

  int64_t chunks() const { return chunk < reduced.size ? (reduced.size + chunk - 1) / chunk : 1; }
};

int64_t magnitude(int64_t x) { return x < 0 ? -x : x; }

// Whether the elements that a few outputs need are few enough for all loops over them to lie in one kernel.
bool suits_windows(const Problem &problem, int64_t item) {
  const Walk &kept = problem.kept, &reduced = problem.reduced;
  if (!problem.direct || reduced.ndim == 0 || reduced.ndim > 2 || kept.ndim == 0) return false;
  if (reduced.size == 0 || reduced.size > 64) return false;
  int64_t step = kept.stride(0);
  if (step == item || step == 2 * item) {
    return kept.inner() >= 4 && (reduced.size <= 4 || kept.inner() * reduced.size <= 4096);
  }
  return reduced.inner() < 4 || reduced.stride(0) != item;
}

// n elements in so many pieces, of a multiple of `whole` each.
int64_t cut(int64_t n, int64_t pieces, int64_t whole) {
  return pieces > 1 ? ((n + pieces - 1) / pieces + whole - 1) / whole * whole : n;
}

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
  const int64_t item = item_size(a.type), inner = kept.inner();
  if (kept.size == 0) return;
  problem.direct = a.type == problem.as && !is_small(a.type);
  problem.dense = kept.stride(0) == item && reduced.stride(0) == inner * item;
  problem.repeats = 1;
  problem.width = block_elements;
  problem.chunk = reduced.size;
  if (suits_windows(problem, item)) {
    problem.way = Way::windows;
    return;
  }
  const int64_t pieces = least(kept.size * reduced.size / task_elements, int64_t{16});
  bool by_rows = inner >= 8 || (problem.dense && reduced.inner() >= 64);
  by_rows = by_rows && kept.ndim > 0 && magnitude(kept.stride(0)) < magnitude(reduced.stride(0));
  if (by_rows) {
    problem.way = Way::rows;
    if (problem.direct && kept.stride(0) == item) problem.width = row_columns;
    problem.dense = problem.dense && inner <= problem.width;
    problem.width = least(inner, problem.width);
    if (problem.dense && inner < 64) problem.repeats = (inner + 63) / inner;
    // A chunk is a number of whole sums.
    int64_t whole = rows_per_sum * problem.repeats, rows = kept.size / inner;
    problem.chunk = cut(reduced.size, pieces / (rows * ((inner + problem.width - 1) / problem.width)), whole);
  } else {
    problem.way = Way::lines;
    auto far = [](const Walk &walk) { return walk.ndim > 0 ? magnitude(walk.strides[0][walk.ndim - 1]) : 0; };
    if (kept.ndim > 0 && reduced.ndim > 1 && far(reduced) > far(kept)) {
      problem.chunk = cut(reduced.size, pieces, reduced.inner());  // each is of memory next to each other
    } else if (kept.size < enough_tasks) {
      problem.chunk = task_elements;
    }
  }
  problem.grain = task_elements / (problem.chunk > 0 ? problem.chunk : 1);
  if (by_rows || problem.chunk < reduced.size)
    problem.grain = problem.width > problem.grain ? problem.width : problem.grain;
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
    return problem.direct && stride == item_size(problem.as) ? line_elements : block_elements;
  }
};

struct alignas(64) Room {
  char bytes[row_columns * 8];
};

// Adds up rows and widens the sums now and then.
struct Rows {
  const Problem &problem;
  char *totals, *sums;  // of n elements, or as many wide rows have
  int64_t n, count = 0;

  void widen() {
    problem.fold.widen(totals, sums, n * problem.repeats);
    problem.fold.start_sums(sums, n * problem.repeats);
    count = 0;
  }
  // m contiguous rows, which follow each other where several of them make up one.
  void add(const void *rows, int64_t stride, int64_t m) {
    const int64_t item = item_size(compute_type(problem.as)), wide_n = n * problem.repeats;
    const int64_t at_once = wide_n * item > 2048 ? 8 : rows_per_sum;  // memory is read in as many places
    auto *p = static_cast<const char *>(rows);
    for (int64_t i = 0; i < m;) {
      int64_t some = least((m - i) / problem.repeats, least(at_once, rows_per_sum - count));
      bool rest = some == 0;
      problem.fold.rows(sums, p + i * stride, stride / item * problem.repeats, rest ? 1 : some,
                        rest ? (m - i) * n : wide_n);
      i += rest ? m - i : some * problem.repeats;
      count += rest ? 1 : some;
      if (count == rows_per_sum) widen();
    }
  }
};

void reduce_rows(const Problem &problem, char *a, int64_t begin, int64_t end, char *totals, int64_t n) {
  const Fold &fold = problem.fold;
  const int64_t size = item_size(fold.wide), wide_n = n * problem.repeats, item = item_size(problem.as);
  const int64_t step = problem.kept.stride(0), stride = problem.reduced.stride(0);
  Room sums;
  Block wide;
  Rows rows{problem, problem.repeats > 1 ? wide.bytes : totals, sums.bytes, n};
  fold.start_sums(sums.bytes, wide_n);
  if (problem.repeats > 1) fold.start_totals(wide.bytes, wide_n);
  Values values(problem);
  serial_runs(problem.reduced, &a, begin, end, [&](char *const *p, int64_t m, int64_t) {
    if (problem.direct && step == item) return rows.add(p[0], stride, m);
    int64_t at_once = problem.dense ? block_elements / n : 1;
    for (int64_t i = 0; i < m; i += at_once) {
      int64_t some = least(at_once, m - i);
      rows.add(values.at(p[0] + i * stride, step, some * n), n * item_size(compute_type(problem.as)), some);
    }
  });
  rows.widen();
  for (int64_t i = 0; problem.repeats > 1 && i < problem.repeats; i++) fold.join(totals, wide.bytes + i * n * size, n);
}

void reduce_lines(const Problem &problem, char *a, int64_t begin, int64_t end, char *totals, int64_t n) {
  const int64_t size = item_size(problem.fold.wide), item = item_size(problem.from);
  const int64_t step = problem.kept.stride(0), stride = problem.reduced.stride(0);
  Values values(problem);
  serial_runs(problem.reduced, &a, begin, end, [&](char *const *p, int64_t m, int64_t) {
    if (stride == item && problem.direct && step >= 0 && m <= line_elements) {
      return problem.fold.lines(totals, p[0], step / item, n, m);
    }
    const bool follow = stride == item && step == m * item;  // the lines follow each other: several fit into a block
    const int64_t at_once = follow && m < block_elements ? block_elements / m : 1, piece = values.step(stride);
    for (int64_t j = 0; j < n; j += at_once) {
      int64_t lines = least(at_once, n - j);
      for (int64_t i = 0; i < m; i += piece) {
        int64_t some = least(piece, m - i);
        const void *line = values.at(p[0] + j * step + i * stride, stride, lines * some);
        problem.fold.lines(totals + j * size, line, some, lines, some);
      }
    }
  });
}

// The totals of n <= width outputs next to each other in the kept walk, over one chunk.
void reduce_chunk(const Problem &problem, char *a, int64_t chunk, char *totals, int64_t n) {
  int64_t begin = chunk * problem.chunk, end = least(begin + problem.chunk, problem.reduced.size);
  problem.fold.start_totals(totals, n);
  (problem.way == Way::rows ? reduce_rows : reduce_lines)(problem, a, begin, end, totals, n);
}

void reduce_in_chunks(const Problem &problem) {
  const Walk &kept = problem.kept;
  const Fold &fold = problem.fold;
  int64_t size = item_size(fold.wide), chunks = problem.chunks(), width = problem.width;
  auto finish = [&](const char *totals, char *p, int64_t n) {
    convert(fold.wide, problem.to, totals, size, p, kept.stride(1), n);
  };
  Scratch partial(chunks > 1 ? static_cast<size_t>(chunks * kept.size * size) : 0);
  parallel_runs(kept, problem.grain, chunks, [&](char *const *p, int64_t n, int64_t at, int64_t chunk) {
    Room room;
    for (int64_t i = 0; i < n; i += width) {
      int64_t m = least(width, n - i);
      char *totals = chunks > 1 ? partial.data + (chunk * kept.size + at + i) * size : room.bytes;
      reduce_chunk(problem, p[0] + i * kept.stride(0), chunk, totals, m);
      if (chunks == 1) finish(totals, p[1] + i * kept.stride(1), m);
    }
  });
  if (chunks == 1) return;
  parallel_runs(kept, task_elements / chunks, 1, [&](char *const *p, int64_t n, int64_t at, int64_t) {
    char *totals = partial.data + at * size;
    for (int64_t c = 1; c < chunks; c++) fold.join(totals, totals + c * kept.size * size, n);
    finish(totals, p[1], n);
  });
}

void reduce_windows(const Problem &problem) {
  const Walk &kept = problem.kept, &reduced = problem.reduced;
  const int64_t item = item_size(problem.as), out_item = item_size(problem.to), inner = kept.inner();
  Walk rows = kept;  // of outputs
  rows.ndim--;
  rows.size = kept.size / inner;
  for (int d = 0; d < rows.ndim; d++) move_dimension(rows, d + 1, d);
  Window window{{inner, 1}, {kept.stride(0) / item, rows.stride(0) / item}, {1, 1}, {0, 0}};
  for (int d = 0; d < reduced.ndim; d++) {
    window.reduced[d] = reduced.shape[d];
    window.reduced_strides[d] = reduced.strides[0][d] / item;
  }
  const Type sums_type = compute_type(problem.as);
  // The results of whole rows can be put next to each other where they are wanted.
  const bool in_place = sums_type == compute_type(problem.to) && !is_small(problem.to) && kept.stride(1) == out_item &&
                        (rows.ndim == 0 || rows.stride(1) == inner * out_item) && inner <= row_columns;
  const int64_t pieces = (inner + row_columns - 1) / row_columns, grain = task_elements / (inner * reduced.size);
  parallel_runs(rows, grain, pieces, [&](char *const *p, int64_t n, int64_t, int64_t piece) {
    Window part = window;
    if (in_place) {
      part.kept[1] = n;
      return problem.fold.windows(p[1], p[0], part);
    }
    Block sums;
    const int64_t end = least((piece + 1) * row_columns, inner);
    for (int64_t row = 0; row < n; row++) {
      for (int64_t i = piece * row_columns; i < end; i += block_elements) {
        part.kept[0] = least(end - i, block_elements);
        problem.fold.windows(sums.bytes, p[0] + row * rows.stride(0) + i * kept.stride(0), part);
        convert(sums_type, problem.to, sums.bytes, item, p[1] + row * rows.stride(1) + i * kept.stride(1),
                kept.stride(1), part.kept[0]);
      }
    }
  });
}

}  // namespace

void reduce(Reduction op, const Array &a, const Array &out) {
  Problem problem;
  problem.from = a.type;
  problem.as = op == Reduction::any || op == Reduction::all ? Type::b8 : out.type;
  problem.to = out.type;
  problem.fold = fold_for(op, problem.as);
  plan(problem, a, out);
  if (problem.kept.size == 0) return;
  problem.way == Way::windows ? reduce_windows(problem) : reduce_in_chunks(problem);
}

}  // namespace needle::cpu::NEEDLE_TARGET
