// Blocked products of matrices, for whatever can be brought into blocks: matmul's operands, the windows of a
// convolution.
//
//   multiply<K>(batch, shape, a, b, out)      out[i] = A[i] B[i] for i < batch, in parallel
//
// K says what is computed in (below). The product is cut into tasks, regions of the output and parts of k, by its shape
// alone; each goes along k in blocks of at most K::depth, an even number, takes blocks of the operands from the
// callbacks and adds up, so nothing but the output is shared and no task waits for another. Where k has several parts,
// their sums are added in the end. Callbacks count words, which hold K::group elements that
// follow each other along k (1, but for the dot-product instructions; `k` is the number of words, the last one filled
// up with zeros):
//
//   Rows<K> a(batch, i, rows, k, depth, room)   words [k, k + depth) of rows [i, i + rows) of A: where they lie, if
//       each row is contiguous, else in `room`, which has place for `rows` times room_stride<K> words and one sum
//   void b(batch, j, columns, k, depth, room)   the same words of columns [j, j + columns) of B, in panels of
//       K::columns: word p of column c at room[(panel * depth + p) * K::columns + c]. What is past the last column does
//       not matter. j is always a multiple of K::columns.
//   Rows<K> b.in_place(batch, j, k), b.lies()   optional: B's rows from there on, where B lies in memory by rows. Few
//       rows of A use whole panels so, which spares copying them.
//
// Where a.copies() says that A will lie in `room`, regions are about square. `out` has either a `stride` and
// rows(batch), which returns where its contiguous rows of K::Sum begin, or finish(batch, i, j, m, n, sums, stride),
// which gets each region's sums once and puts them where they belong.
//
// The scheme is that of Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008), and of Van
// Zee and van de Geijn, "BLIS" (2015).
#pragma once

#include <optional>
#include <utility>

#include "../allocator.h"
#include "../array.h"
#include "../pool.h"
#include "dot.h"
#include "simd.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

// Tile and block sizes of the target. A tile of rows x vectors registers, with a row of B and an element of A, fills
// the register file. A panel of B (depth words) stays in the first cache; a block of A (block_rows) and one of B in the
// second.
struct Sizes {
#if defined(__AVX512F__)
  static constexpr int rows = 14, vectors = 2, depth = 512;
#elif defined(__aarch64__)
  static constexpr int rows = 8, vectors = 3, depth = 256;
#else
  static constexpr int rows = 6, vectors = 2, depth = 256;
#endif
  static constexpr int block_rows = 98 / rows * rows;
  static constexpr int few_rows = 3 * rows;  // of A, for which B is not worth copying
  // A task's region: as many rows and columns as keep packing cheap and its sums in the second cache.
  static constexpr int task_rows = 504, task_columns = 256;
};

// Products of words that are the elements themselves.
template <class T>
struct Plainly {
  using Word = T;
  using Sum = T;
  static constexpr int group = 1;
  static constexpr int columns = Sizes::vectors * lanes<T>;
  static constexpr int depth = Sizes::depth * 4 / static_cast<int>(sizeof(T));
  [[gnu::always_inline]] static inline void step(Vec<T> &sum, T a, Vec<T> b) { sum += a * b; }
};

// Products of words of several narrow elements, by the CPU's instruction (dot.h).
template <class S, void step_of(Vec<S> &, uint32_t, Vec<uint32_t>), int elements>
struct Dotted {
  using Word = uint32_t;
  using Sum = S;
  static constexpr int group = elements;
  static constexpr int columns = Sizes::vectors * lanes<S>;
  static constexpr int depth = Sizes::depth;
  [[gnu::always_inline]] static inline void step(Vec<S> &sum, uint32_t a, Vec<uint32_t> b) { step_of(sum, a, b); }
};

// What bfloat16 and int8 are computed in.
#ifdef NEEDLE_DOT_PRODUCTS
using Bf16Products = Dotted<float, dot_bf16, 2>;
using Int8Products = Dotted<int32_t, dot_i8, 4>;
#else
using Bf16Products = Plainly<float>;
using Int8Products = Plainly<uint32_t>;
#endif

struct Shape {
  int64_t m, n, k;  // k in words
};

template <class K>
struct Rows {
  const typename K::Word *data;
  int64_t stride;
  const typename K::Sum *start = nullptr;  // what is added to the sums of each row; null: nothing
};

// Rows that are not a power of two apart do not meet in one set of the cache.
template <class K>
constexpr int64_t room_stride = K::depth + 64 / static_cast<int64_t>(sizeof(typename K::Word));

static constexpr int64_t divide_up(int64_t x, int64_t y) { return (x + y - 1) / y; }

// c = or += rows of A by a panel of B: a tile in registers. Of its last vectors, `last` lanes are stored.
template <class K, int rows, int vectors>
void multiply_tile(int64_t depth, Rows<K> a, const typename K::Word *b, int64_t b_stride, typename K::Sum *c,
                   int64_t c_stride, int64_t last, bool add) {
  using Word = typename K::Word;
  using Sum = typename K::Sum;
  Vec<Sum> sums[rows][vectors];
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) sums[i][j] = a.start ? splat(a.start[i]) : Vec<Sum>{};
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) __builtin_prefetch(c + i * c_stride + j * lanes<Sum>, 1);
  }
  for (int64_t k = 0; k < depth; k++, b += b_stride) {
    Vec<Word> row[vectors];
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) row[j] = load(b + j * lanes<Word>);
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
      Word element;
      __builtin_memcpy(&element, a.data + i * a.stride + k, sizeof(element));  // narrow elements may lie anywhere
#pragma GCC unroll 4
      for (int j = 0; j < vectors; j++) K::step(sums[i][j], element, row[j]);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) {
      Sum *p = c + i * c_stride + j * lanes<Sum>;
      if (j < vectors - 1 || last == lanes<Sum>) {
        store(p, add ? load(p) + sums[i][j] : sums[i][j]);
      } else {
        store_some(p, add ? load_some(p, last) + sums[i][j] : sums[i][j], last);
      }
    }
  }
}

template <class K>
using TileFunction = void (*)(int64_t depth, Rows<K> a, const typename K::Word *b, int64_t b_stride, typename K::Sum *c,
                              int64_t c_stride, int64_t last, bool add);

template <class K, size_t... i>
TileFunction<K> tile_function(int64_t index, std::index_sequence<i...>) {
  static constexpr TileFunction<K> functions[] = {multiply_tile<K, i / Sizes::vectors + 1, i % Sizes::vectors + 1>...};
  return functions[index];
}

// The kernel for a tile of up to Sizes::rows rows and up to K::columns columns.
template <class K>
TileFunction<K> tile_function(int64_t rows, int64_t columns) {
  int64_t vectors = divide_up(columns, lanes<typename K::Sum>);
  return tile_function<K>((rows - 1) * Sizes::vectors + vectors - 1,
                          std::make_index_sequence<Sizes::rows * Sizes::vectors>());
}

// c (m x n, n <= K::columns) = or += rows of A by one panel of B.
template <class K>
void multiply_panel(int64_t m, int64_t n, int64_t depth, Rows<K> a, const typename K::Word *b, int64_t b_stride,
                    typename K::Sum *c, int64_t c_stride, bool add) {
  const int64_t last = (n - 1) % lanes<typename K::Sum> + 1;
  const int64_t height = divide_up(m, divide_up(m, Sizes::rows));  // of tiles, about equal
  for (int64_t i = 0; i < m; i += height) {
    const int64_t rows = least(m - i, height);
    const Rows<K> tile_rows{a.data + i * a.stride, a.stride, a.start ? a.start + i : nullptr};
    tile_function<K>(rows, n)(depth, tile_rows, b, b_stride, c + i * c_stride, c_stride, last, add);
  }
}

// How the outputs are cut into tasks: regions of rows x columns, about equal, and parts of k, `deep` each.
struct Regions {
  static constexpr int64_t wanted = 8, least_work = int64_t{1} << 17;  // tasks, and multiplications in each
  int64_t rows, columns, deep, down, across, parts = 1;

  Regions(int64_t batch, Shape s, int64_t width, int64_t depth, bool wide) {
    const int64_t panels = divide_up(s.n, width);
    down = divide_up(s.m, Sizes::task_rows), across = divide_up(panels, Sizes::task_columns / width);
    // Smaller ones while there are few and each is worth handing to a thread.
    auto few = [&] {
      const int64_t count = down * across * parts;
      return batch * count < wanted && s.m * s.n * s.k >= count * 2 * least_work;
    };
    // Parts of k need none of the operands twice, but take sums of their own: where these are small beside it.
    while (few() && s.k >= 2 * parts * depth && s.k >= 16 * parts * (s.m > s.n ? s.m : s.n)) parts *= 2;
    deep = divide_up(divide_up(s.k, parts), depth) * depth, parts = divide_up(s.k, deep);
    // A further column of regions has A copied once more, a further row of them B.
    for (const int64_t lowest = divide_up(s.m, Sizes::rows); few() && (across < panels || down < lowest);) {
      const bool narrower = across < panels && (!wide || across * s.m <= down * s.n || down == lowest);
      narrower ? across = least(2 * across, panels) : down = least(2 * down, lowest);
    }
    rows = divide_up(s.m, down), columns = divide_up(panels, across) * width;
    down = divide_up(s.m, rows), across = divide_up(s.n, columns);
  }
};

template <class A>
bool copies(const A &a) {
  if constexpr (requires { a.copies(); }) {
    return a.copies();
  } else {
    return false;
  }
}

// The rows of the output that parts of k have been summed up for: (batch, parts, m, n).
template <class T, class Out>
void add_parts(int64_t batch, int64_t parts, Shape s, T *sums, const Out &out) {
  parallel_for(batch * s.m, [&](int64_t row) {
    const int64_t z = row / s.m, i = row % s.m;
    T *first = sums + (z * parts * s.m + i) * s.n;
    for (int64_t part = 1; part < parts; part++) {
      const T *more = first + part * s.m * s.n;
      int64_t j = 0;
      for (; j + lanes<T> <= s.n; j += lanes<T>) store(first + j, load(first + j) + load(more + j));
      for (; j < s.n; j++) first[j] += more[j];
    }
    if constexpr (requires { out.rows(0); }) {
      __builtin_memcpy(out.rows(z) + i * out.stride, first, s.n * sizeof(T));
    } else {
      out.finish(z, i, 0, 1, s.n, first, s.n);
    }
  });
}

template <class K, class A, class B, class Out>
void multiply(int64_t batch, Shape s, const A &a, const B &b, const Out &out) {
  using Word = typename K::Word;
  using Sum = typename K::Sum;
  constexpr bool plain = requires { out.rows(0); };
  const Regions regions(batch, s, K::columns, K::depth, copies(a));
  const int64_t deep = regions.deep < s.k ? regions.deep : s.k, parts = regions.parts;
  const int64_t block_depth = divide_up(divide_up(deep, divide_up(deep, K::depth)), 2) * 2;
  const size_t b_words = regions.columns * block_depth;
  const size_t a_words = least<int64_t>(regions.rows, Sizes::block_rows) * (room_stride<K> + 1);
  const size_t sums = plain || parts > 1 ? 0 : regions.rows * regions.columns;
  std::optional<Scratch> part_sums;
  if (parts > 1) part_sums.emplace(batch * parts * s.m * s.n * sizeof(Sum));
  auto run = [&](int64_t task, char *room) {
    const int64_t part = task % parts, place = task / parts;
    int64_t z = place / (regions.down * regions.across), region = place % (regions.down * regions.across);
    // Along the rows first: threads with shares of neighbouring tasks meet in few cache lines of the output.
    int64_t i0 = region / regions.across * regions.rows, j0 = region % regions.across * regions.columns;
    int64_t m = least(s.m - i0, regions.rows), n = least(s.n - j0, regions.columns);
    Word *b_room = reinterpret_cast<Word *>(room), *a_room = b_room + b_words;
    Sum *c = reinterpret_cast<Sum *>(a_room + a_words);
    int64_t c_stride = regions.columns;
    if constexpr (plain) c = out.rows(z) + i0 * out.stride + j0, c_stride = out.stride;
    if (part_sums) {
      c = reinterpret_cast<Sum *>(part_sums->data) + ((z * parts + part) * s.m + i0) * s.n + j0, c_stride = s.n;
    }
    const int64_t begin = part * deep, end = least(s.k, begin + deep);
    for (int64_t k = begin; k < end; k += block_depth) {
      int64_t depth = least(end - k, block_depth);
      int64_t placed = 0;  // columns of whole panels that are read in place
      Rows<K> b_rows{};
      if constexpr (requires { b.lies(); }) {
        if (m <= Sizes::few_rows && b.lies()) placed = n / K::columns * K::columns, b_rows = b.in_place(z, j0, k);
      }
      if (placed < n) b(z, j0 + placed, n - placed, k, depth, b_room);
      for (int64_t i = 0; i < m; i += Sizes::block_rows) {
        int64_t rows = least<int64_t>(m - i, Sizes::block_rows);
        Rows<K> a_rows = a(z, i0 + i, rows, k, depth, a_room);
        for (int64_t j = 0; j < n; j += K::columns) {
          const bool ready = j < placed;
          multiply_panel<K>(rows, least<int64_t>(n - j, K::columns), depth, a_rows,
                            ready ? b_rows.data + j : b_room + (j - placed) * depth, ready ? b_rows.stride : K::columns,
                            c + i * c_stride + j, c_stride, k > begin);
        }
      }
    }
    if constexpr (!plain) {
      if (!part_sums) out.finish(z, i0, j0, m, n, c, c_stride);
    }
  };
  // Of small products in a batch, a thread takes several at once.
  const int64_t count = batch * regions.down * regions.across * parts;
  const int64_t at_once = divide_up(Regions::least_work, regions.rows * regions.columns * deep);
  parallel_for(divide_up(count, at_once), [&](int64_t i) {
    Scratch room((b_words + a_words) * sizeof(Word) + sums * sizeof(Sum));
    for (int64_t task = i * at_once; task < least(count, (i + 1) * at_once); task++) run(task, room.data);
  });
  if (part_sums) add_parts(batch, parts, s, reinterpret_cast<Sum *>(part_sums->data), out);
}

}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
