// Running sums and products. Sums of floats run in double: four elements at a time along a line, which is cut into
// chunks where it is long; or row by row, many lines at once.
#include "../allocator.h"
#include "fold.h"
#include "kernels.h"
#include "lines.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

constexpr int64_t chunk_elements = 2 * task_elements;

// out[i] = total op values[0] op ... op values[i]; total becomes the last of these.
template <class Op, class T, class Wide>
void scan_values(Wide &total, const T *values, T *out, int64_t n) {
  int64_t i = 0;
  if constexpr (std::is_floating_point_v<T>) {
    using V = typename vector_of<Wide, 4 * sizeof(Wide)>::type;
    using Narrow = typename vector_of<T, 4 * sizeof(T)>::type;
    const V start = Op::template start<Wide> - V{};
    V before = total - V{};
    for (; i + 4 <= n; i += 4) {
      Narrow narrow;
      __builtin_memcpy(&narrow, values + i, sizeof(narrow));
      V v = __builtin_convertvector(narrow, V);
      v = Op::combine(__builtin_shufflevector(start, v, 0, 4, 5, 6), v);
      v = Op::combine(__builtin_shufflevector(start, v, 0, 1, 4, 5), v);
      narrow = __builtin_convertvector(Op::combine(before, v), Narrow);
      __builtin_memcpy(out + i, &narrow, sizeof(narrow));
      before = Op::combine(before, __builtin_shufflevector(v, v, 3, 3, 3, 3));
    }
    total = before[0];
  }
  for (; i < n; i++) {
    total = static_cast<Wide>(Op::combine(total, static_cast<Wide>(values[i])));
    out[i] = static_cast<T>(total);
  }
}

// totals[i] = out[i] = totals[i] op values[i].
template <class Op, class T, class Wide>
void scan_row(Wide *totals, const T *values, T *out, int64_t n) {
  constexpr int64_t width = lanes<Wide>;
  using Narrow = typename vector_of<T, width * sizeof(T)>::type;
  int64_t i = 0;
  for (; i + width <= n; i += width) {
    Narrow narrow;
    __builtin_memcpy(&narrow, values + i, sizeof(narrow));
    Vec<Wide> v = Op::combine(load(totals + i), __builtin_convertvector(narrow, Vec<Wide>));
    store(totals + i, v);
    narrow = __builtin_convertvector(v, Narrow);
    __builtin_memcpy(out + i, &narrow, sizeof(narrow));
  }
  for (; i < n; i++) {
    totals[i] = static_cast<Wide>(Op::combine(totals[i], static_cast<Wide>(values[i])));
    out[i] = static_cast<T>(totals[i]);
  }
}

// n elements of a line, from `total` on.
template <class Op, class T, class Wide>
void scan_line(Type type, Wide total, const char *from, int64_t from_stride, char *to, int64_t to_stride, int64_t n) {
  if (is_direct(type, from_stride) && is_direct(type, to_stride)) {
    return scan_values<Op>(total, reinterpret_cast<const T *>(from), reinterpret_cast<T *>(to), n);
  }
  Source source(type, from, from_stride, n);
  Block room;
  for (int64_t i = 0; i < n; i += block_elements) {
    int64_t m = least(block_elements, n - i);
    auto *values = static_cast<const T *>(source.at(i, m));
    auto *sums = static_cast<T *>(place(type, to + i * to_stride, to_stride, room.bytes));
    scan_values<Op>(total, values, sums, m);
    write(type, sums, to + i * to_stride, to_stride, m);
  }
}

template <class Op, class T, class Wide>
Wide fold_wide(Type type, const char *from, int64_t stride, int64_t n) {
  Wide total = Op::template start<Wide>;
  Source source(type, from, stride, n);
  Block room;
  for (int64_t i = 0; i < n; i += block_elements) {
    int64_t m = least(block_elements, n - i);
    auto *values = static_cast<const T *>(source.at(i, m));
    auto *wide = reinterpret_cast<Wide *>(room.bytes);
    for (int64_t j = 0; j < m; j++) wide[j] = static_cast<Wide>(values[j]);
    total = static_cast<Wide>(Op::combine(total, fold_line<Op>(wide, m)));
  }
  return total;
}

// A few long lines: the totals of their chunks first, then the chunks, each from what is before it.
template <class Op, class T>
void scan_chunks(const Lines &lines, Type type) {
  using Wide = wide_of<Op, T>;
  const int64_t chunks = (lines.n + chunk_elements - 1) / chunk_elements;
  Scratch room(static_cast<size_t>(lines.walk.size * chunks) * sizeof(Wide));
  auto *totals = reinterpret_cast<Wide *>(room.data);
  auto each = [&](auto &&chunk) {
    parallel_runs(lines.walk, 1, chunks, [&](char *const *p, int64_t, int64_t at, int64_t i) {
      int64_t begin = i * chunk_elements;
      chunk(totals[at * chunks + i], p[1] + begin * lines.a_stride, p[0] + begin * lines.out_stride,
            least(chunk_elements, lines.n - begin));
    });
  };
  each([&](Wide &total, const char *from, char *, int64_t n) {
    total = fold_wide<Op, T, Wide>(type, from, lines.a_stride, n);
  });
  for (int64_t line = 0; line < lines.walk.size; line++) {
    Wide before = Op::template start<Wide>;
    for (int64_t i = line * chunks; i < (line + 1) * chunks; i++) {
      Wide next = static_cast<Wide>(Op::combine(before, totals[i]));
      totals[i] = before;
      before = next;
    }
  }
  each([&](Wide &total, const char *from, char *to, int64_t n) {
    scan_line<Op, T>(type, total, from, lines.a_stride, to, lines.out_stride, n);
  });
}

template <class Op, class T>
void scan_rows(const Lines &lines, Type type) {
  using Wide = wide_of<Op, T>;
  lines.each_block([&](const char *from, char *to, int64_t m) {
    Wide totals[block_elements];
    Block values, room;
    for (int64_t j = 0; j < m; j++) totals[j] = Op::template start<Wide>;
    const int64_t step = lines.walk.stride(1), out_step = lines.walk.stride(0);
    for (int64_t i = 0; i < lines.n; i++, from += lines.a_stride, to += lines.out_stride) {
      auto *sums = static_cast<T *>(place(type, to, out_step, room.bytes));
      scan_row<Op>(totals, static_cast<const T *>(read(type, from, step, m, values.bytes)), sums, m);
      write(type, sums, to, out_step, m);
    }
  });
}

template <class Op, class T>
void scan(const Array &a, int axis, const Array &out) {
  Lines lines(a, axis, out);
  if (lines.by_rows) return scan_rows<Op, T>(lines, a.type);
  if (lines.walk.size < 8 && lines.n >= 2 * chunk_elements) return scan_chunks<Op, T>(lines, a.type);
  lines.each([&](const char *from, char *to, char *) {
    scan_line<Op, T>(a.type, Op::template start<wide_of<Op, T>>, from, lines.a_stride, to, lines.out_stride, lines.n);
  });
}

}  // namespace

void scan(Reduction op, const Array &a, int axis, const Array &out) {
  with_compute_type(a.type, [&](auto tag) {
    using T = decltype(tag);
    op == Reduction::sum ? scan<Sum, T>(a, axis, out) : scan<Prod, T>(a, axis, out);
  });
}

}  // namespace needle::cpu::NEEDLE_TARGET
