// Tiles are moved row by row, or, where rows of the one side are columns of the other, turned over in registers.
#include "tiles.h"

#include "every_other.h"
#include "half.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

// So many rows and columns are turned over at once.
template <class T>
constexpr int side = lanes<T> < 16 ? lanes<T> : 16;
template <class T>
using Row = typename vector_of<T, side<T> *static_cast<int>(sizeof(T))>::type;

// a0 b0 a1 b1 ... of the lower halves, or of the upper ones.
template <class T, bool upper>
[[gnu::always_inline]] inline Row<T> interleave(Row<T> a, Row<T> b) {
  Row<T> places{};
#pragma GCC unroll 16
  for (int i = 0; i < side<T>; i++) places[i] = static_cast<T>(i / 2 + upper * side<T> / 2 + i % 2 * side<T>);
  return __builtin_shuffle(a, b, places);
}

template <class T, bool past>
[[gnu::always_inline]] inline void turn_over(const char *src, int64_t src_step, char *dst, int64_t dst_step) {
  constexpr int n = side<T>;
  Row<T> a[n], b[n];
#pragma GCC unroll 16
  for (int i = 0; i < n; i++) __builtin_memcpy(&a[i], src + i * src_step, sizeof(Row<T>));
  // After log2(n) rounds of interleaving each row with the one half the rows further down, rows are columns.
#pragma GCC unroll 4
  for (int round = 1; round < n; round *= 2) {
#pragma GCC unroll 8
    for (int i = 0; i < n / 2; i++) {
      b[2 * i] = interleave<T, false>(a[i], a[i + n / 2]);
      b[2 * i + 1] = interleave<T, true>(a[i], a[i + n / 2]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < n; i++) a[i] = b[i];
  }
#pragma GCC unroll 16
  for (int i = 0; i < n; i++) {
    if constexpr (past && sizeof(Row<T>) == NEEDLE_VECTOR_BYTES) {
      stream(reinterpret_cast<T *>(dst + i * dst_step), a[i]);
    } else {
      __builtin_memcpy(dst + i * dst_step, &a[i], sizeof(Row<T>));
    }
  }
}

bool aligned(const char *p, int64_t step) {
  return (reinterpret_cast<uintptr_t>(p) | static_cast<uintptr_t>(step)) % NEEDLE_VECTOR_BYTES == 0;
}

// bytes[i] = next(i) for all i < n, a vector at a time, past the caches if p allows it. Returns how many were stored.
template <class F>
int64_t stream_bytes(char *p, int64_t n, F &&next) {
  int64_t i = 0;
  if (!aligned(p, 0)) return 0;
  for (; i + NEEDLE_VECTOR_BYTES <= n; i += NEEDLE_VECTOR_BYTES) stream(p + i, next(i));
  return i;
}

// Elements by way of memcpy: those of 8 bytes may be two floats of 4, and lie where those may.
template <class T>
[[gnu::always_inline]] inline T take(const char *p) {
  T value;
  __builtin_memcpy(&value, p, sizeof(T));
  return value;
}

template <class T>
[[gnu::always_inline]] inline void put(char *p, T value) {
  __builtin_memcpy(p, &value, sizeof(T));
}

template <class T>
void move_row(const char *src, int64_t from, char *dst, int64_t to, int64_t n, bool past) {
  constexpr int64_t size = sizeof(T);
  if (to != size) {
    for (int64_t i = 0; i < n; i++) put(dst + i * to, take<T>(src + i * from));
  } else if (from == size) {
    int64_t done = past ? stream_bytes(dst, n * size, [&](int64_t i) { return load(src + i); }) : 0;
    __builtin_memmove(dst + done, src + done, static_cast<size_t>(n * size - done));
  } else if (from == 0) {
    T value = take<T>(src), values[NEEDLE_VECTOR_BYTES / size];
    if constexpr (size <= 8) {
      if (n < lanes<T>) return store_some(reinterpret_cast<T *>(dst), splat(value), n);
    }
    for (T &each : values) each = value;
    auto bytes = load(reinterpret_cast<const char *>(values));
    int64_t i = past ? stream_bytes(dst, n * size, [&](int64_t) { return bytes; }) / size : 0;
    for (; i < n; i++) put(dst + i * size, value);
  } else if (from == 2 * size && size <= 8) {
    if constexpr (size <= 8) {
      copy_every_other<NEEDLE_VECTOR_BYTES>(reinterpret_cast<const T *>(src), reinterpret_cast<T *>(dst), n);
    }
  } else {
    for (int64_t i = 0; i < n; i++) put(dst + i * size, take<T>(src + i * from));
  }
}

template <class T>
void move_rows(const char *src, Steps from, char *dst, Steps to, int64_t rows, int64_t columns, bool past) {
  for (int64_t r = 0; r < rows; r++) {
    move_row<T>(src + r * from.row, from.column, dst + r * to.row, to.column, columns, past);
  }
}

// src's columns and dst's rows are contiguous. What fills no block is moved one by one.
template <class T, bool past>
void turn_tile(const char *src, Steps from, char *dst, Steps to, int64_t rows, int64_t columns) {
  constexpr int n = side<T>;
  int64_t whole_rows = rows - rows % n, whole_columns = columns - columns % n;
  for (int64_t r = 0; r < whole_rows; r += n) {
    for (int64_t c = 0; c < whole_columns; c += n) {
      turn_over<T, past>(src + r * from.row + c * from.column, from.column, dst + r * to.row + c * to.column, to.row);
    }
  }
  auto rest = [&](int64_t r, int64_t c, int64_t height, int64_t width) {
    move_rows<T>(src + r * from.row + c * from.column, from, dst + r * to.row + c * to.column, to, height, width,
                 false);
  };
  rest(0, whole_columns, rows, columns - whole_columns);
  rest(whole_rows, 0, rows - whole_rows, whole_columns);
}

template <class T>
void move_of(const char *src, Steps from, char *dst, Steps to, int64_t rows, int64_t columns, bool past) {
  constexpr int64_t size = sizeof(T);
  bool to_rows = to.column == size, from_columns = from.row == size;
  if constexpr (size <= 8) {
    if (to_rows && from_columns && rows > 1 && from.column != size) {
      if (past && aligned(dst, to.row)) return turn_tile<T, true>(src, from, dst, to, rows, columns);
      return turn_tile<T, false>(src, from, dst, to, rows, columns);
    }
    if (to.row == size && from.column == size && columns > 1 && to.column != size) {
      return turn_tile<T, false>(src, {from.column, from.row}, dst, {to.column, to.row}, columns, rows);
    }
  }
  move_rows<T>(src, from, dst, to, rows, columns, past);
}

template <class T>
void fill_vector(const char *p, void *vector) {
  T value = take<T>(p);
  for (int i = 0; i < NEEDLE_VECTOR_BYTES / static_cast<int>(sizeof(T)); i++) static_cast<T *>(vector)[i] = value;
}

}  // namespace

void move_tile(int size, const char *src, Steps from, char *dst, Steps to, int64_t rows, int64_t columns, bool past) {
  switch (size) {
    case 1: return move_of<uint8_t>(src, from, dst, to, rows, columns, past);
    case 2: return move_of<uint16_t>(src, from, dst, to, rows, columns, past);
    case 4: return move_of<uint32_t>(src, from, dst, to, rows, columns, past);
    case 16: return move_of<Bits128>(src, from, dst, to, rows, columns, past);
    default: return move_of<uint64_t>(src, from, dst, to, rows, columns, past);
  }
}

void read_tile(Type type, const char *p, Steps steps, int64_t rows, int64_t columns, void *values) {
  int size = item_size(type);
  if (!is_small(type))
    return move_tile(size, p, steps, static_cast<char *>(values), {columns * size, size}, rows, columns, false);
  Block room;
  bool in_one_run = steps.column == size && (rows == 1 || steps.row == columns * size);
  if (!in_one_run) move_tile(size, p, steps, room.bytes, {columns * size, size}, rows, columns, false);
  with_small_type(type, [&](auto tag) {
    auto *small = reinterpret_cast<const decltype(tag) *>(in_one_run ? p : room.bytes);
    to_float(small, static_cast<float *>(values), rows * columns);
  });
}

void write_tile(Type type, const void *values, char *p, Steps steps, int64_t rows, int64_t columns, bool past) {
  int size = item_size(type);
  auto *from = static_cast<const char *>(values);
  if (!is_small(type)) return move_tile(size, from, {columns * size, size}, p, steps, rows, columns, past);
  Block room;
  bool in_one_run = steps.column == size && (rows == 1 || steps.row == columns * size) && !past;
  with_small_type(type, [&](auto tag) {
    auto *small = reinterpret_cast<decltype(tag) *>(in_one_run ? p : room.bytes);
    from_float(static_cast<const float *>(values), small, rows * columns);
  });
  if (!in_one_run) move_tile(size, room.bytes, {columns * size, size}, p, steps, rows, columns, past);
}

void spread(Type type, const char *p, void *vector) {
  float value;
  if (is_small(type)) {
    read_tile(type, p, {0, 0}, 1, 1, &value);
    return fill_vector<float>(reinterpret_cast<const char *>(&value), vector);
  }
  switch (item_size(type)) {
    case 1: return fill_vector<uint8_t>(p, vector);
    case 2: return fill_vector<uint16_t>(p, vector);
    case 4: return fill_vector<uint32_t>(p, vector);
    default: return fill_vector<uint64_t>(p, vector);
  }
}

}  // namespace needle::cpu::NEEDLE_TARGET
