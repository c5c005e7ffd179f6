// Small products of matrices for attention, whose operands lie as they come: one register tile, any strides of A.
#pragma once

#include <utility>

#include "softmax.h"
#include "strips.h"
#include "tiles.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

#if defined(__AVX512F__)
constexpr int tile_rows = 12;
#elif defined(__aarch64__)
constexpr int tile_rows = 8;
#else
constexpr int tile_rows = 6;
#endif
constexpr int tile_vectors = 2;

template <class T>
constexpr int64_t panel = tile_vectors * lanes<T>;  // columns of B that are multiplied at a time

// Element (i, k) of A is at p[i * row + k * step].
template <class T>
struct Matrix {
  const T *p;
  int64_t row, step;
};

// A tile of c = or += A b.
template <class T, int rows>
void multiply_rows(Matrix<T> a, int64_t depth, const T *b, int64_t b_row, T *c, int64_t c_row, bool add) {
  Vec<T> sums[rows][tile_vectors];
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) {
    for (int j = 0; j < tile_vectors; j++) sums[i][j] = add ? load(c + i * c_row + j * lanes<T>) : Vec<T>{};
  }
  for (int64_t k = 0; k < depth; k++, b += b_row) {
    Vec<T> x = load(b), y = load(b + lanes<T>);
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
      T factor = a.p[i * a.row + k * a.step];
      sums[i][0] += factor * x;
      sums[i][1] += factor * y;
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) {
    for (int j = 0; j < tile_vectors; j++) store(c + i * c_row + j * lanes<T>, sums[i][j]);
  }
}

template <class T>
using RowsFunction = void (*)(Matrix<T> a, int64_t depth, const T *b, int64_t b_row, T *c, int64_t c_row, bool add);

template <class T, size_t... i>
RowsFunction<T> rows_function(int64_t rows, std::index_sequence<i...>) {
  static constexpr RowsFunction<T> functions[] = {multiply_rows<T, i + 1>...};
  return functions[rows - 1];
}

// c = or += A b for m rows of A and one panel of b.
template <class T>
void multiply_panel(int64_t m, Matrix<T> a, int64_t depth, const T *b, int64_t b_row, T *c, int64_t c_row, bool add) {
  for (int64_t i = 0; i < m; i += tile_rows) {
    auto rows = rows_function<T>(least<int64_t>(m - i, tile_rows), std::make_index_sequence<tile_rows>());
    rows({a.p + i * a.row, a.row, a.step}, depth, b, b_row, c + i * c_row, c_row, add);
  }
}

// c += A b for b and c of n columns, a whole number of panels.
template <class T>
void add_product(int64_t m, int64_t n, Matrix<T> a, int64_t depth, const T *b, int64_t b_row, T *c, int64_t c_row) {
  for (int64_t j = 0; j < n; j += panel<T>) multiply_panel<T>(m, a, depth, b + j, b_row, c + j, c_row, true);
}

template <class T>
constexpr T infinity = static_cast<T>(__builtin_inf());
template <class T>
constexpr int64_t query_block = 2 * panel<T>;  // queries that are taken at a time, each in a lane
constexpr int64_t key_block = 128;

inline char *at(const Array &x, int64_t batch, int64_t head, int64_t row) {
  return x.data + (batch * x.strides[0] + head * x.strides[1] + row * x.strides[2]) * item_size(x.type);
}

inline int64_t stride_of(const Array &x, int axis) { return x.strides[axis] * item_size(x.type); }

// Working memory in pieces.
template <class T>
struct Room {
  explicit Room(int64_t elements) : scratch(static_cast<size_t>(elements) * sizeof(T)) {}
  T *take(int64_t elements) {
    T *piece = reinterpret_cast<T *>(scratch.data) + taken;
    taken += elements;
    return piece;
  }
  T *take_zeros(int64_t elements) {
    return static_cast<T *>(__builtin_memset(take(elements), 0, static_cast<size_t>(elements) * sizeof(T)));
  }
  Scratch scratch;
  int64_t taken = 0;
};

// Rows [first, first + n) of one head of x, (batch, head, row, column): where they lie, or in `room`.
template <class T>
Matrix<T> rows_of(const Array &x, int64_t batch, int64_t head, int64_t first, int64_t n, T *room) {
  char *p = at(x, batch, head, first);
  if (!is_small(x.type)) return {reinterpret_cast<T *>(p), x.strides[2], x.strides[3]};
  int64_t columns = x.shape[3];
  for (int64_t i = 0; i < n; i++) {
    read(x.type, p + i * stride_of(x, 2), stride_of(x, 3), columns, room + i * columns);
  }
  return {room, columns, 1};
}

// Their columns as rows of query_block elements, times `factor`; behind those of n rows, zeros.
template <class T>
void transpose_in(const Array &x, int64_t batch, int64_t head, int64_t first, int64_t n, T factor, T *columns,
                  T *room) {
  constexpr int64_t width = query_block<T>, size = sizeof(T);
  Matrix<T> rows = rows_of(x, batch, head, first, n, room);
  const int64_t count = x.shape[3] * width;
  if (n < width) __builtin_memset(columns, 0, static_cast<size_t>(count * size));
  move_tile(size, reinterpret_cast<const char *>(rows.p), {rows.row * size, rows.step * size},
            reinterpret_cast<char *>(columns), {size, width * size}, n, x.shape[3], false);
  for (int64_t i = 0; i < count; i += lanes<T>) store(columns + i, load(columns + i) * factor);
}

// The other way round, with a factor for each row.
template <class T>
void transpose_out(T *columns, const T *factors, const Array &x, int64_t batch, int64_t head, int64_t first, int64_t n,
                   T *room) {
  constexpr int64_t width = query_block<T>, size = sizeof(T);
  const int64_t count = x.shape[3];
  for (int64_t i = 0; i < count * width; i += lanes<T>) {
    store(columns + i, load(columns + i) * load(factors + i % width));
  }
  const bool direct = !is_small(x.type);
  char *to = direct ? at(x, batch, head, first) : reinterpret_cast<char *>(room);
  const Steps steps = direct ? Steps{stride_of(x, 2), stride_of(x, 3)} : Steps{count * size, size};
  move_tile(size, reinterpret_cast<const char *>(columns), {size, width * size}, to, steps, n, count, false);
  for (int64_t j = 0; j < n && !direct; j++) {
    write(x.type, room + j * count, at(x, batch, head, first + j), stride_of(x, 3), count);
  }
}

// What forward and gradient share: the operands, and a tile of masked scores.
template <class T>
struct Attention {
  const Array &q, &k, &v, &mask;  // a mask without data is none
  int64_t reach;                  // query i sees the keys up to i + reach
  T scale;

  int64_t queries() const { return q.shape[2]; }
  int64_t group() const { return q.shape[1] / (k.shape[1] > 0 ? k.shape[1] : 1); }
  int64_t width() const { return q.shape[3]; }
  int64_t value_width() const { return v.shape[3]; }
  // How many keys the query sees, but for the mask.
  int64_t seen_by(int64_t query) const {
    int64_t seen = query + reach + 1;
    return seen < 0 ? 0 : least(seen, k.shape[2]);
  }

  // How many of the n keys from `key` on the queries in lanes [lane, lane + panel<T>) see, but for the mask.
  int64_t seen_by_lanes(int64_t query, int64_t lane, int64_t key, int64_t n) const {
    const int64_t seen = seen_by(query + lane + panel<T> - 1) - key;
    return seen < 0 ? 0 : least(seen, n);
  }

  // Of keys [key, key + n), a row each, and `count` queries from `query` on, a lane each. What none of a panel's lanes
  // sees is left as it is.
  void score(int64_t batch, int64_t head, int64_t query, int64_t count, int64_t key, int64_t n, Matrix<T> keys,
             const T *columns, T *scores) const {
    constexpr int64_t lanes_ = query_block<T>;
    for (int64_t lane = 0; lane < lanes_; lane += panel<T>) {
      const int64_t seen = seen_by_lanes(query, lane, key, n);
      multiply_panel(seen, keys, width(), columns + lane, lanes_, scores + lane, lanes_, false);
    }
    if (mask.data) add_mask(batch, head, query, count, key, n, scores);
    for (int64_t i = 0; i < n; i++) {  // query j does not see key i where key + i > query + j + reach
      int64_t hidden = least(key + i - query - reach, lanes_), j = 0;
      for (; j + lanes<T> <= hidden; j += lanes<T>) store(scores + i * lanes_ + j, splat(-infinity<T>));
      for (; j < hidden; j++) scores[i * lanes_ + j] = -infinity<T>;
    }
  }

 private:
  void add_mask(int64_t batch, int64_t head, int64_t query, int64_t count, int64_t key, int64_t n, T *scores) const {
    constexpr int64_t lanes_ = query_block<T>;
    const int64_t step = stride_of(mask, 3);
    const bool one_for_all = mask.strides[2] == 0;
    T values[key_block];
    for (int64_t j = 0; j < (one_for_all ? 1 : count); j++) {
      const char *p = at(mask, batch, head, query + j) + key * step;
      if (mask.type == Type::b8) {
        for (int64_t i = 0; i < n; i++) values[i] = p[i * step] ? T{} : -infinity<T>;
      } else {
        T room[key_block];
        auto *found = static_cast<const T *>(read(mask.type, p, step, n, room));
        for (int64_t i = 0; i < n; i++) values[i] = found[i];
      }
      for (int64_t i = 0; i < n; i++) {
        if (!one_for_all) {
          scores[i * lanes_ + j] += values[i];
          continue;
        }
        for (int64_t l = 0; l < lanes_; l += lanes<T>) {
          T *row = scores + i * lanes_ + l;
          store(row, load(row) + splat(values[i]));
        }
      }
    }
  }
};

}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
