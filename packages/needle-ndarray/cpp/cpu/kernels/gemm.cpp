// matmul. Operands of any strides and dtype are packed into panels of float, double or uint64_t (all integers: modulo
// 2^64 they share one product, of which the result keeps the low bits), and tiles of the product are made from those.
#include "../allocator.h"
#include "../iterate.h"
#include "blocks.h"
#include "half.h"
#include "kernels.h"
#include "tile.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

// Strides of a matrix in elements.
struct Steps {
  int64_t row, column;
};

struct Shape {
  int64_t m, n, k;
};

template <class T, class S>
T value_of(S x) {
  return static_cast<T>(x);
}
template <class T>
float value_of(f16 x) {
  return to_float(x);
}
template <class T>
float value_of(bf16 x) {
  return to_float(x);
}

// Packs n lines of `depth` elements, `across` apart, into panels of `width` lines: element k of each, then k + 1. The
// last panel is filled up with zeros.
template <class T, class S, int width>
void pack_panels(const char *src, int64_t across, int64_t along, int64_t n, int64_t depth, void *panels) {
  auto *lines = reinterpret_cast<const S *>(src);
  auto *to = static_cast<T *>(panels);
  for (; n > 0; n -= width, lines += width * across) {
    if (n >= width && across == 1) {
      for (int64_t k = 0; k < depth; k++, to += width) {
        for (int i = 0; i < width; i++) to[i] = value_of<T>(lines[k * along + i]);
      }
    } else if (n >= width) {
      for (int64_t k = 0; k < depth; k++, to += width) {
        for (int i = 0; i < width; i++) to[i] = value_of<T>(lines[k * along + i * across]);
      }
    } else {
      for (int64_t k = 0; k < depth; k++, to += width) {
        for (int i = 0; i < width; i++) to[i] = i < n ? value_of<T>(lines[k * along + i * across]) : T{};
      }
    }
  }
}

using Pack = void (*)(const char *src, int64_t across, int64_t along, int64_t n, int64_t depth, void *panels);

// How elements of `type` are packed into panels of T.
template <class T, int width>
Pack pack_for(Type type) {
  if constexpr (sizeof(T) == 4) {
    if (type == Type::f16) return pack_panels<T, f16, width>;
    if (type == Type::bf16) return pack_panels<T, bf16, width>;
  }
  if constexpr (std::is_integral_v<T>) {
    switch (type) {
      case Type::i8: return pack_panels<T, int8_t, width>;
      case Type::i16: return pack_panels<T, int16_t, width>;
      case Type::i32: return pack_panels<T, int32_t, width>;
      case Type::u8: return pack_panels<T, uint8_t, width>;
      case Type::u16: return pack_panels<T, uint16_t, width>;
      case Type::u32: return pack_panels<T, uint32_t, width>;
      default: break;
    }
  }
  return pack_panels<T, T, width>;
}

int64_t divide_up(int64_t x, int64_t y) { return (x + y - 1) / y; }

// c = A B with rows of c next to each other in memory, `c_stride` apart.
template <class T>
void product(Type type, Shape s, const char *a, Steps a_steps, const char *b, Steps b_steps, T *c, int64_t c_stride) {
  using Tile = Tile<T>;
  constexpr int64_t rows = Tile::rows, columns = Tile::columns;
  constexpr int64_t packed_rows = 40 * Tile::block_rows, packed_columns = 32 * Tile::block_columns;
  const Pack pack_a = pack_for<T, rows>(type), pack_b = pack_for<T, columns>(type);
  const int64_t size = item_size(type);
  const int64_t most_depth = least(s.k, Tile::depth);
  Scratch a_panels(sizeof(T) * least(divide_up(s.m, rows) * rows, packed_rows) * most_depth);
  Scratch b_panels(sizeof(T) * least(divide_up(s.n, columns) * columns, packed_columns) * most_depth);

  for (int64_t j0 = 0; j0 < s.n; j0 += packed_columns) {
    int64_t n = least(s.n - j0, packed_columns), b_blocks = divide_up(n, Tile::block_columns);
    for (int64_t k0 = 0; k0 < s.k; k0 += Tile::depth) {
      int64_t depth = least(s.k - k0, Tile::depth);
      for (int64_t i0 = 0; i0 < s.m; i0 += packed_rows) {
        int64_t m = least(s.m - i0, packed_rows), a_blocks = divide_up(m, Tile::block_rows);
        auto a_block = [&](int64_t i) { return reinterpret_cast<T *>(a_panels.data) + i * depth; };
        auto b_block = [&](int64_t j) { return reinterpret_cast<T *>(b_panels.data) + j * depth; };
        parallel_for(a_blocks + (i0 == 0 ? b_blocks : 0), [&](int64_t task) {
          if (task < a_blocks) {
            int64_t i = task * Tile::block_rows, count = least(m - i, Tile::block_rows);
            const char *from = a + size * ((i0 + i) * a_steps.row + k0 * a_steps.column);
            pack_a(from, a_steps.row, a_steps.column, count, depth, a_block(i));
          } else {
            int64_t j = (task - a_blocks) * Tile::block_columns, count = least(n - j, Tile::block_columns);
            const char *from = b + size * (k0 * b_steps.row + (j0 + j) * b_steps.column);
            pack_b(from, b_steps.column, b_steps.row, count, depth, b_block(j));
          }
        });
        parallel_for(a_blocks * b_blocks, [&](int64_t task) {
          int64_t i_begin = task / b_blocks * Tile::block_rows, i_end = least(i_begin + Tile::block_rows, m);
          int64_t j_begin = task % b_blocks * Tile::block_columns, j_end = least(j_begin + Tile::block_columns, n);
          for (int64_t j = j_begin; j < j_end; j += columns) {
            for (int64_t i = i_begin; i < i_end; i += rows) {
              T *to = c + (i0 + i) * c_stride + j0 + j;
              if (i + rows <= m && j + columns <= n) {
                multiply_tile(depth, a_block(i), b_block(j), to, c_stride, k0 > 0);
                continue;
              }
              T tile[rows * columns];
              multiply_tile(depth, a_block(i), b_block(j), tile, columns, false);
              for (int64_t y = 0; y < least(rows, m - i); y++) {
                for (int64_t x = 0; x < least(columns, n - j); x++) {
                  T &element = to[y * c_stride + x];
                  element = k0 > 0 ? element + tile[y * columns + x] : tile[y * columns + x];
                }
              }
            }
          }
        });
      }
    }
  }
}

constexpr int64_t tiny = 2048;  // below that many multiplications, packing costs more than it saves

template <class T>
void tiny_product(Shape s, const T *a, Steps a_steps, const T *b, Steps b_steps, T *c, Steps c_steps) {
  for (int64_t i = 0; i < s.m; i++) {
    for (int64_t j = 0; j < s.n; j++) {
      T sum{};
      for (int64_t k = 0; k < s.k; k++) {
        sum += a[i * a_steps.row + k * a_steps.column] * b[k * b_steps.row + j * b_steps.column];
      }
      c[i * c_steps.row + j * c_steps.column] = sum;
    }
  }
}

// One product, whatever the strides. T is what it is computed in, `native` the dtype that is stored like that.
template <class T>
void one_product(Type type, Type native, Shape s, const char *a, Steps a_steps, const char *b, Steps b_steps, char *c,
                 Steps c_steps) {
  bool same = item_size(type) == sizeof(T) && !is_small(type);
  if (same && s.m * s.n * s.k <= tiny) {
    return tiny_product(s, reinterpret_cast<const T *>(a), a_steps, reinterpret_cast<const T *>(b), b_steps,
                        reinterpret_cast<T *>(c), c_steps);
  }
  if (same && (s.n == 1 || c_steps.column == 1)) {
    return product(type, s, a, a_steps, b, b_steps, reinterpret_cast<T *>(c), c_steps.row);
  }
  if (same && (s.m == 1 || c_steps.row == 1)) {  // c is laid out as its transpose, which is B^T A^T
    return product(type, {s.n, s.m, s.k}, b, Steps{b_steps.column, b_steps.row}, a, Steps{a_steps.column, a_steps.row},
                   reinterpret_cast<T *>(c), c_steps.column);
  }
  Scratch whole(sizeof(T) * s.m * s.n);
  product(type, s, a, a_steps, b, b_steps, reinterpret_cast<T *>(whole.data), s.n);
  int64_t shape[] = {s.m, s.n}, from_strides[] = {s.n, 1}, to_strides[] = {c_steps.row, c_steps.column};
  cast({whole.data, native, 2, shape, from_strides}, {c, type, 2, shape, to_strides});
}

// The array's leading dimensions.
Array batch_of(const Array &x) { return {x.data, x.type, x.ndim - 2, x.shape, x.strides}; }

Steps steps_of(const Array &x) { return {x.strides[x.ndim - 2], x.strides[x.ndim - 1]}; }

template <class T>
void products(Type native, const Array &a, const Array &b, const Array &out) {
  Shape s{out.shape[out.ndim - 2], out.shape[out.ndim - 1], a.shape[a.ndim - 1]};
  Steps a_steps = steps_of(a), b_steps = steps_of(b), c_steps = steps_of(out);
  Walk batch = walk_over(batch_of(out), batch_of(a), batch_of(b));
  int64_t size = item_size(a.type);
  auto one = [&](char *c, const char *x, const char *y) {
    one_product<T>(a.type, native, s, x, a_steps, y, b_steps, c, c_steps);
  };
  if (batch.size == 1) return one(batch.data[0], batch.data[1], batch.data[2]);
  if (batch.ndim == 1 && batch.stride(2) == 0 && batch.stride(0) == s.m * c_steps.row * size &&
      batch.stride(1) == s.m * a_steps.row * size) {  // one B for all: the batch is a number of further rows
    s.m *= batch.size;
    return one(batch.data[0], batch.data[1], batch.data[2]);
  }
  auto run = [&](char *const *p, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
      one(p[0] + i * batch.stride(0), p[1] + i * batch.stride(1), p[2] + i * batch.stride(2));
    }
  };
  // Products with too little to share out are shared out whole; the others one after the other.
  constexpr int64_t enough_tasks = 16, task_multiplications = int64_t{1} << 18;
  if (divide_up(s.m, Tile<T>::block_rows) * divide_up(s.n, Tile<T>::block_columns) < enough_tasks) {
    int64_t work = s.m * s.n * s.k;
    int64_t grain = task_multiplications / work;
    parallel_runs(batch, grain, 1, [&](char *const *p, int64_t n, int64_t, int64_t) { run(p, n); });
  } else {
    serial_runs(batch, batch.data, 0, batch.size, [&](char *const *p, int64_t n, int64_t) { run(p, n); });
  }
}

}  // namespace

void matmul(const Array &a, const Array &b, const Array &out) {
  for (int d = 0; d < out.ndim; d++) {
    if (out.shape[d] == 0) return;
  }
  if (a.shape[a.ndim - 1] == 0) {
    constexpr uint64_t zero = 0;
    return fill(&zero, out);
  }
  switch (compute_type(a.type)) {
    case Type::f32: return products<float>(Type::f32, a, b, out);
    case Type::f64: return products<double>(Type::f64, a, b, out);
    default: return products<uint64_t>(Type::u64, a, b, out);
  }
}

}  // namespace needle::cpu::NEEDLE_TARGET
