// Small products of matrices for attention, whose operands lie as they come: one register tile, any strides of A.
#pragma once

#include "softmax.h"
#include "strips.h"

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

template <class T, int rows>
[[gnu::noinline]] void multiply_rows(Matrix<T> a, int64_t depth, const T *b, int64_t b_row, T *c, int64_t c_row) {
  Vec<T> sums[rows][tile_vectors];
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) {
    for (int j = 0; j < tile_vectors; j++) sums[i][j] = load(c + i * c_row + j * lanes<T>);
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

// c += A b for m rows of A and one panel of b.
template <class T, int rows = tile_rows>
void multiply_panel(int64_t m, Matrix<T> a, int64_t depth, const T *b, int64_t b_row, T *c, int64_t c_row) {
  int64_t i = 0;
  for (; i + rows <= m; i += rows) {
    multiply_rows<T, rows>({a.p + i * a.row, a.row, a.step}, depth, b, b_row, c + i * c_row, c_row);
  }
  if constexpr (rows > 1) {
    multiply_panel<T, rows / 2>(m - i, {a.p + i * a.row, a.row, a.step}, depth, b, b_row, c + i * c_row, c_row);
  }
}

// c += A b for b and c of n columns, a whole number of panels.
template <class T>
void multiply(int64_t m, int64_t n, Matrix<T> a, int64_t depth, const T *b, int64_t b_row, T *c, int64_t c_row) {
  for (int64_t j = 0; j < n; j += panel<T>) multiply_panel<T>(m, a, depth, b + j, b_row, c + j, c_row);
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
  constexpr int64_t width = query_block<T>;
  Matrix<T> rows = rows_of(x, batch, head, first, n, room);
  for (int64_t e = 0; e < x.shape[3]; e++) {
    for (int64_t j = 0; j < width; j++)
      columns[e * width + j] = j < n ? rows.p[j * rows.row + e * rows.step] * factor : T{};
  }
}

// The other way round, with a factor for each row.
template <class T>
void transpose_out(const T *columns, const T *factors, const Array &x, int64_t batch, int64_t head, int64_t first,
                   int64_t n, T *room) {
  for (int64_t j = 0; j < n; j++) {
    for (int64_t e = 0; e < x.shape[3]; e++) room[e] = columns[e * query_block<T> + j] * factors[j];
    write(x.type, room, at(x, batch, head, first + j), stride_of(x, 3), x.shape[3]);
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

  // Of keys [key, key + n), a row each, and `count` queries from `query` on, a lane each.
  void score(int64_t batch, int64_t head, int64_t query, int64_t count, int64_t key, int64_t n, Matrix<T> keys,
             const T *columns, T *scores) const {
    constexpr int64_t lanes_ = query_block<T>;
    __builtin_memset(scores, 0, static_cast<size_t>(n * lanes_) * sizeof(T));
    multiply(n, lanes_, keys, width(), columns, lanes_, scores, lanes_);
    if (mask.data) add_mask(batch, head, query, count, key, n, scores);
    for (int64_t i = 0; i < n; i++) {  // query j does not see key i where key + i > query + j + reach
      int64_t hidden = least(key + i - query - reach, lanes_);
      for (int64_t j = 0; j < hidden; j++) scores[i * lanes_ + j] = -infinity<T>;
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
