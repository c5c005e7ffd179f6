// The places of extremes. Along a line, the extreme of a piece is found first, and its place where it is a new one;
// many lines next to each other are gone through row by row.
#include "../allocator.h"
#include "fold.h"
#include "kernels.h"
#include "lines.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

constexpr int64_t chunk_elements = 2 * task_elements;

template <class T>
struct Best {
  T value{};
  int64_t place = -1;
};

// Whether x, which comes later, takes the place of `best`: it is beyond it, or the first NaN.
template <class Op, class V>
auto beats(V x, V best) {
  auto beyond = [&] {
    if constexpr (std::is_same_v<Op, Max>) return x > best;
    return x < best;
  };
  return beyond() | ((x != x) & (best == best));
}

// The first place of `value`, which is there; of the first NaN if it is one.
template <class T>
int64_t find(const T *values, int64_t n, T value) {
  auto search = [&](auto is_it) {
    int64_t i = 0;
    for (; i + 4 * lanes<T> <= n; i += 4 * lanes<T>) {
      auto hits = is_it(load(values + i));
      for (int j = 1; j < 4; j++) hits |= is_it(load(values + i + j * lanes<T>));
      if (any(hits)) break;
    }
    while (!is_it(values[i])) i++;
    return i;
  };
  return value == value ? search([=](auto x) { return x == value; }) : search([](auto x) { return x != x; });
}

template <class Op, class T>
void update(Best<T> &best, const T *values, int64_t n, int64_t at) {
  T value = fold_line<Op>(values, n);
  if (best.place >= 0 && !beats<Op>(value, best.value)) return;
  best = {value, at + find(values, n, value)};
}

template <class Op, class T>
Best<T> arg_line(Type type, const char *from, int64_t stride, int64_t n) {
  Best<T> best;
  if (is_direct(type, stride)) {
    for (int64_t i = 0; i < n; i += line_elements) {
      update<Op>(best, reinterpret_cast<const T *>(from) + i, least(line_elements, n - i), i);
    }
    return best;
  }
  Source source(type, from, stride, n);
  for (int64_t i = 0; i < n; i += block_elements) {
    int64_t m = least(block_elements, n - i);
    update<Op>(best, static_cast<const T *>(source.at(i, m)), m, i);
  }
  return best;
}

// The places in `width` short lines: the extremes of all at once, then the first lane and row of each that has it.
template <class Op, class T>
void arg_short_lines(const T *values, int64_t stride, int64_t readable, int64_t n, char *to, int64_t to_stride) {
  using Place = lane_of<mask_of<Vec<T>>>;
  constexpr int width = lanes<T>;
  Vec<T> extremes[width];
  Vec<Place> places[width], count;
  for (int j = 0; j < width; j++) extremes[j] = fold_to_vector<Op>(values + j * stride, n, readable - j * stride);
  join_lines<Op, T>(extremes);
  for (int j = 0; j < width; j++) count[j] = static_cast<Place>(j);
  const Vec<Place> none = splat(static_cast<Place>(n));
  for (int j = 0; j < width; j++) {
    const Vec<T> extreme = splat(extremes[0][j]);
    const T *line = values + j * stride;
    Vec<Place> first = none;
    for (int64_t i = 0; i < n; i += width) {
      Vec<T> x = load_first<Op>(line + i, least(n - i, int64_t{width}), readable - j * stride - i >= width);
      Vec<Place> place = (x == extreme) | (x != x) ? count + static_cast<Place>(i) : none;
      first = place < first ? place : first;
    }
    places[j] = first;
  }
  join_lines<Min, Place>(places);
  for (int j = 0; j < width; j++) *reinterpret_cast<int64_t *>(to + j * to_stride) = places[0][j];
}

template <class Op, class T>
void arg_lines(const Lines &lines, Type type) {
  const int64_t step = lines.walk.stride(1), item = sizeof(T);
  if constexpr (sizeof(T) >= 4) {
    if (lines.n <= 256 && is_direct(type, lines.a_stride) && step >= 0) {
      lines.each_run([&](const char *from, char *to, int64_t m) {
        int64_t i = 0;
        for (; i + lanes<T> <= m; i += lanes<T>) {
          arg_short_lines<Op>(reinterpret_cast<const T *>(from + i * step), step / item,
                              (m - 1 - i) * (step / item) + lines.n, lines.n, to + i * lines.walk.stride(0),
                              lines.walk.stride(0));
        }
        for (; i < m; i++) {
          *reinterpret_cast<int64_t *>(to + i * lines.walk.stride(0)) =
              arg_line<Op, T>(type, from + i * step, lines.a_stride, lines.n).place;
        }
      });
      return;
    }
  }
  lines.each([&](const char *from, char *to, char *) {
    *reinterpret_cast<int64_t *>(to) = arg_line<Op, T>(type, from, lines.a_stride, lines.n).place;
  });
}

// A few long lines: the best of each chunk, and of these the best.
template <class Op, class T>
void arg_chunks(const Lines &lines, Type type) {
  const int64_t chunks = (lines.n + chunk_elements - 1) / chunk_elements;
  Scratch room(static_cast<size_t>(lines.walk.size * chunks) * sizeof(Best<T>));
  auto *found = reinterpret_cast<Best<T> *>(room.data);
  parallel_runs(lines.walk, 1, chunks, [&](char *const *p, int64_t, int64_t at, int64_t i) {
    int64_t begin = i * chunk_elements, n = least(chunk_elements, lines.n - begin);
    found[at * chunks + i] = arg_line<Op, T>(type, p[1] + begin * lines.a_stride, lines.a_stride, n);
  });
  serial_runs(lines.walk, lines.walk.data, 0, lines.walk.size, [&](char *const *p, int64_t m, int64_t at) {
    for (int64_t j = 0; j < m; j++) {
      const Best<T> *chunk = found + (at + j) * chunks;
      int64_t best = 0;
      for (int64_t i = 1; i < chunks; i++) {
        if (beats<Op>(chunk[i].value, chunk[best].value)) best = i;
      }
      *reinterpret_cast<int64_t *>(p[0] + j * lines.walk.stride(0)) = best * chunk_elements + chunk[best].place;
    }
  });
}

// The extremes so far of lines next to each other, and in which of at most 127 rows they were found; -1 in none.
template <class Op, class T, class Row>
void update_row(T *best, Row *rows, const T *values, Row row, int64_t n) {
  int64_t j = 0;
  for (; j + lanes<T> <= n; j += lanes<T>) {
    Vec<T> x = load(values + j), before = load(best + j);
    auto beaten = beats<Op>(x, before);
    store(best + j, beaten ? x : before);
    store(rows + j, beaten ? splat(row) : load(rows + j));
  }
  for (; j < n; j++) {
    if (!beats<Op>(values[j], best[j])) continue;
    best[j] = values[j];
    rows[j] = row;
  }
}

template <class Op, class T>
void arg_rows(const Lines &lines, Type type) {
  using Row = lane_of<mask_of<Vec<T>>>;
  lines.each_block([&](const char *from, char *to, int64_t m) {
    T best[block_elements];
    Row rows[block_elements];
    int64_t places[block_elements];
    Block buffer;
    const int64_t step = lines.walk.stride(1);
    auto values = [&](int64_t i) {
      return static_cast<const T *>(read(type, from + i * lines.a_stride, step, m, buffer.bytes));
    };
    __builtin_memcpy(best, values(0), static_cast<size_t>(m) * sizeof(T));
    for (int64_t j = 0; j < m; j++) places[j] = 0;
    for (int64_t i = 0; i < lines.n; i += 127) {
      for (int64_t j = 0; j < m; j++) rows[j] = -1;
      int64_t count = least(int64_t{127}, lines.n - i);
      for (int64_t row = 0; row < count; row++) update_row<Op>(best, rows, values(i + row), static_cast<Row>(row), m);
      for (int64_t j = 0; j < m; j++) places[j] = rows[j] < 0 ? places[j] : i + rows[j];
    }
    for (int64_t j = 0; j < m; j++) *reinterpret_cast<int64_t *>(to + j * lines.walk.stride(0)) = places[j];
  });
}

template <class Op, class T>
void arg_reduce(const Array &a, int axis, const Array &out) {
  Lines lines(a, axis, out);
  if (lines.by_rows) return arg_rows<Op, T>(lines, a.type);
  if (lines.walk.size < 8 && lines.n >= 2 * chunk_elements) return arg_chunks<Op, T>(lines, a.type);
  arg_lines<Op, T>(lines, a.type);
}

}  // namespace

void arg_reduce(Extreme op, const Array &a, int axis, const Array &out) {
  with_compute_type(a.type, [&](auto tag) {
    using T = decltype(tag);
    op == Extreme::max ? arg_reduce<Max, T>(a, axis, out) : arg_reduce<Min, T>(a, axis, out);
  });
}

}  // namespace needle::cpu::NEEDLE_TARGET
