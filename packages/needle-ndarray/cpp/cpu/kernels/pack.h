// Elements of any dtype and strides on their way into the blocks of gemm.h: L = lanes<Word> words at a time, either
// across the lines (rows of A, columns of B) or along k.
#pragma once

#include <type_traits>
#include <utility>

#include "gemm.h"
#include "half.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

template <class V, int distance, bool second, size_t... i>
V exchanged(V a, V b, std::index_sequence<i...>) {
  constexpr int n = sizeof...(i);
  // Lane i of the pair's first vector: a's own, or where bit `distance` of i is set, b's from `distance` below.
  if constexpr (second) return __builtin_shufflevector(a, b, (i & distance ? n + i : i + distance)...);
  return __builtin_shufflevector(a, b, (i & distance ? n + i - distance : i)...);
}

// v[i][j] and v[j][i] change places.
template <class V, int n, int distance = n / 2>
[[gnu::always_inline]] inline void transpose(V (&v)[n]) {
  if constexpr (distance > 0) {
#pragma GCC unroll 32
    for (int i = 0; i < n; i++) {
      if (i & distance) continue;
      V a = v[i], b = v[i + distance];
      v[i] = exchanged<V, distance, false>(a, b, std::make_index_sequence<n>());
      v[i + distance] = exchanged<V, distance, true>(a, b, std::make_index_sequence<n>());
    }
    transpose<V, n, distance / 2>(v);
  }
}

template <class T, class S>
T value_as(S x) {
  if constexpr (std::is_arithmetic_v<S>) {
    return static_cast<T>(x);
  } else {
    return to_float(x);
  }
}

// L elements as numbers of type T.
template <class T, class S>
[[gnu::always_inline]] inline Vec<T> load_as(const S *p) {
  constexpr int n = lanes<T>;
  using Bits = std::conditional_t<std::is_integral_v<S>, S, uint16_t>;
  if constexpr (std::is_same_v<S, T>) {
    return load(p);
  } else if constexpr (std::is_same_v<S, f16>) {
    T values[n];
    to_float(p, values, n);
    return load(values);
  } else {
    typename vector_of<Bits, n * sizeof(S)>::type narrow;
    __builtin_memcpy(&narrow, p, sizeof(narrow));
    if constexpr (std::is_same_v<S, bf16>) {
      return reinterpret_cast<Vec<T>>(__builtin_convertvector(narrow, Vec<uint32_t>) << 16);
    } else {
      return __builtin_convertvector(narrow, Vec<T>);
    }
  }
}

// Elements of twice the width: x below, y above.
template <class V>
[[gnu::always_inline]] inline auto paired(V x, V y) {
  using Narrow = lane_of<V>;
  using Wide = std::conditional_t<sizeof(Narrow) == 1, uint16_t, uint32_t>;
  using Result = typename vector_of<Wide, 2 * sizeof(V)>::type;
  return __builtin_convertvector(x, Result) | __builtin_convertvector(y, Result)
                                                  << 8 * static_cast<int>(sizeof(Narrow));
}

// Bytes of int8 whose partner takes them without a sign are raised by 128.
template <class K>
constexpr uint32_t raised = K::group == 4 ? 0x80808080u : 0;

// L words of one k, of lines next to each other; `step` leads to the next element along k.
template <class K, class S>
[[gnu::always_inline]] inline Vec<typename K::Word> words_across(const S *p, int64_t step) {
  using Word = typename K::Word;
  if constexpr (K::group == 1) {
    return load_as<Word>(p);
  } else {
    using Bits = std::conditional_t<sizeof(S) == 2, uint16_t, uint8_t>;
    using Lines = typename vector_of<Bits, lanes<Word> * sizeof(S)>::type;
    Lines x[K::group];
#pragma GCC unroll 4
    for (int i = 0; i < K::group; i++) __builtin_memcpy(&x[i], p + i * step, sizeof(Lines));
    if constexpr (K::group == 2) return paired(x[0], x[1]);
    if constexpr (K::group == 4) return paired(paired(x[0], x[1]), paired(x[2], x[3]));
  }
}

// L words of one line, whose elements follow each other along k.
template <class K, class S>
[[gnu::always_inline]] inline Vec<typename K::Word> words_along(const S *p) {
  if constexpr (K::group == 1) {
    return load_as<typename K::Word>(p);
  } else {
    Vec<typename K::Word> words;
    __builtin_memcpy(&words, p, sizeof(words));
    return words;
  }
}

// A block of elements in any layout as L x L words: v[i] holds words [0, L) of line i. `lines` and `depth` (elements)
// are what there is of it, the rest is zero.
template <class K, class S>
[[gnu::always_inline]] inline void load_block(const S *p, int64_t across, int64_t along, int64_t lines, int64_t depth,
                                              bool lines_first, Vec<typename K::Word> (&v)[lanes<typename K::Word>]) {
  constexpr int n = lanes<typename K::Word>, deep = n * K::group;
  if constexpr (std::is_same_v<S, typename K::Word>) {
    if (along == 1 || across == 1) {
      const bool by_lines = along == 1;
      const int64_t count = by_lines ? lines : depth, length = by_lines ? depth : lines;
#pragma GCC unroll 16
      for (int i = 0; i < n; i++) {
        const S *from = p + i * (by_lines ? across : along);
        v[i] = i >= count ? Vec<S>{} : length >= n ? load(from) : load_some(from, length);
      }
      if (lines_first != by_lines) transpose(v);
      return;
    }
  }
  S gathered[n * deep];
  const bool ready = depth >= deep && (along == 1 || (across == 1 && lines >= n));
  if (!ready) {
    __builtin_memset(static_cast<void *>(gathered), 0, sizeof(gathered));
    lines = least<int64_t>(lines, n), depth = least<int64_t>(depth, deep);
    for (int64_t i = 0; i < lines; i++) {
      for (int64_t k = 0; k < depth; k++) gathered[i * deep + k] = p[i * across + k * along];
    }
    p = gathered, across = deep, along = 1;
  }
  if (along == 1) {
#pragma GCC unroll 16
    for (int i = 0; i < n; i++) v[i] = i < lines ? words_along<K>(p + i * across) : Vec<typename K::Word>{};
  } else {
#pragma GCC unroll 16
    for (int i = 0; i < n; i++) v[i] = words_across<K>(p + i * K::group * along, along);
  }
  if (lines_first != (along == 1)) transpose(v);
}

// Lines of `depth` elements, `across` apart, as rows of contiguous words.
template <class K, class S>
void pack_rows(const S *p, int64_t across, int64_t along, int64_t lines, int64_t depth, typename K::Word *to,
               int64_t to_stride) {
  using Word = typename K::Word;
  constexpr int n = lanes<Word>, deep = n * K::group;
  int64_t k = 0;
  if (along == 1) {
    k = depth / deep * deep;
    for (int64_t i = 0; i < lines; i++) {
      const S *line = p + i * across;
      Word *row = to + i * to_stride;
      for (int64_t x = 0; x < k; x += deep) store(row + x / K::group, words_along<K>(line + x));
    }
  }
  for (; k < depth; k += deep) {
    for (int64_t i = 0; i < lines; i += n) {
      Vec<Word> v[n];
      load_block<K>(p + i * across + k * along, across, along, lines - i, depth - k, true, v);
      Word *at = to + i * to_stride + k / K::group;  // rows are padded to whole vectors
#pragma GCC unroll 16
      for (int y = 0; y < n; y++) {
        if (i + y < lines) store(at + y * to_stride, v[y]);
      }
    }
  }
}

// Lines of `depth` elements, `across` apart, as panels of K::columns.
template <class K, class S>
void pack_panels(const S *p, int64_t across, int64_t along, int64_t lines, int64_t depth, typename K::Word *to) {
  using Word = typename K::Word;
  constexpr int n = lanes<Word>, deep = n * K::group;
  const int64_t words = divide_up(depth, K::group), whole_lines = across == 1 ? lines / n * n : 0;
  const Vec<Word> flipped = splat(static_cast<Word>(raised<K>));
  auto at = [&](int64_t line, int64_t word) {
    return to + line / K::columns * K::columns * words + line % K::columns + word * K::columns;
  };
  int64_t whole_depth = depth / K::group * K::group;
  // A few words at a time of all lines: rows of memory are read whole, and panels are written in whole cache lines.
  constexpr int at_once = 4;
  for (int64_t k = 0; k < whole_depth; k += at_once * K::group) {
    for (int64_t i = 0; i < whole_lines; i += n) {
      Word *panel = at(i, k / K::group);
      for (int64_t x = k; x < least(whole_depth, k + at_once * K::group); x += K::group, panel += K::columns) {
        Vec<Word> v = words_across<K>(p + i + x * along, along);
        if constexpr (K::group == 4) v ^= flipped;
        store(panel, v);
      }
    }
  }
  for (int64_t i = 0; i < lines; i += n) {
    for (int64_t k = i < whole_lines ? whole_depth : 0; k < depth; k += deep) {
      Vec<Word> v[n];
      load_block<K>(p + i * across + k * along, across, along, lines - i, depth - k, false, v);
#pragma GCC unroll 16
      for (int y = 0; y < n; y++) {
        if constexpr (K::group == 4) v[y] ^= flipped;
        if (k / K::group + y < words) store(at(i, k / K::group + y), v[y]);
      }
    }
  }
}

}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
