// Sorting by keys: each element becomes an unsigned integer that orders as it does, NaN above all. Where equal keys
// mean equal bits, the keys themselves are sorted and turned back. Else they are sorted together with their places,
// which keeps equal elements in their order. Many short lines are sorted at once, by comparing vectors of them; others
// by the digits of their keys, from the least on.
#include <algorithm>
#include <bit>
#include <string>

#include "../allocator.h"
#include "../error.h"
#include "../iterate.h"
#include "../targets.h"
#include "generic.h"

namespace needle::cpu {
namespace {

enum class Kind { natural, with_sign, floating };

// Elements of U's size as keys. `infinity` is that of a float's bits; `flip` turns the order around.
template <class U, Kind kind>
struct Keys {
  static constexpr U sign = static_cast<U>(U{1} << (8 * sizeof(U) - 1));
  U infinity, flip;

  // False if some bits cannot be had back: -0 is made +0, and all NaNs are made one.
  bool read(const char *from, int64_t stride, int64_t n, U *keys) const {
    bool exact = true;
    for (int64_t i = 0; i < n; i++) {
      U bits = *reinterpret_cast<const U *>(from + i * stride), key = bits;
      if constexpr (kind == Kind::with_sign) key = bits ^ sign;
      if constexpr (kind == Kind::floating) {
        bool is_nan = static_cast<U>(bits & ~sign) > infinity, is_minus_0 = bits == sign;
        key = is_minus_0 ? sign : is_nan ? static_cast<U>(~U{0}) : bits & sign ? static_cast<U>(~bits) : bits | sign;
        exact = exact && !is_nan && !is_minus_0;
      }
      keys[i] = key ^ flip;
    }
    return exact;
  }

  void write(const U *keys, int64_t n, char *to, int64_t stride) const {
    for (int64_t i = 0; i < n; i++) {
      U key = keys[i] ^ flip, bits = key;
      if constexpr (kind == Kind::with_sign) bits = key ^ sign;
      if constexpr (kind == Kind::floating) bits = key & sign ? key ^ sign : static_cast<U>(~key);
      *reinterpret_cast<U *>(to + i * stride) = bits;
    }
  }
};

constexpr int64_t few = 64;               // for so many a sort by comparisons is faster
constexpr int64_t longest_column = 1024;  // in a tile that stays in the second cache
constexpr int64_t fewest_columns = 3;

// Sorts by the bits [low, high) alone and leaves what is equal there in its order.
template <class U>
void sort_by_digits(U *x, U *room, int64_t n, int low, int high) {
  constexpr int most = 11;
  const int widest = n < 4096 ? 8 : most, passes = (high - low + widest - 1) / widest;
  const int width = passes > 0 ? (high - low + passes - 1) / passes : 0;
  const U mask = static_cast<U>((U{1} << width) - 1);
  uint32_t starts[5][1 << most];  // keys of at most 33 bits
  for (int pass = 0; pass < passes; pass++) std::fill_n(starts[pass], 1 << width, 0);
  for (int64_t i = 0; i < n; i++) {
    for (int pass = 0; pass < passes; pass++) starts[pass][x[i] >> (low + pass * width) & mask]++;
  }
  U *from = x, *to = room;
  for (int pass = 0; pass < passes; pass++) {
    uint32_t *place = starts[pass], sum = 0;
    const int shift = low + pass * width;
    if (place[from[0] >> shift & mask] == static_cast<uint64_t>(n)) continue;
    for (int digit = 0; digit < 1 << width; digit++) {
      uint32_t count = place[digit];
      place[digit] = sum;
      sum += count;
    }
    for (int64_t i = 0; i < n; i++) to[place[from[i] >> shift & mask]++] = from[i];
    std::swap(from, to);
  }
  if (from != x) std::copy_n(from, n, x);
}

// The bits by which some keys differ.
template <class U>
int width_of(const U *keys, int64_t n) {
  U differ = 0;
  for (int64_t i = 0; i < n; i++) differ |= keys[i] ^ keys[0];
  return std::bit_width(differ);
}

// Calls sort(begin, end) where several elements in a row agree.
template <class Same, class Sort>
void sort_runs(int64_t n, Same &&same, Sort &&sort) {
  for (int64_t begin = 0, end; begin < n; begin = end) {
    for (end = begin + 1; end < n && same(begin, end);) end++;
    if (end - begin > 1) sort(begin, end);
  }
}

template <class U>
void sort_keys(U *keys, U *room, int64_t n) {
  if (n <= few) return std::sort(keys, keys + n);
  const int width = width_of(keys, n), low = std::max(width - 33, 0);
  sort_by_digits(keys, room, n, low, width);
  if (low == 0) return;
  sort_runs(
      n, [&](int64_t i, int64_t j) { return keys[i] >> low == keys[j] >> low; },
      [&](int64_t i, int64_t j) { std::sort(keys + i, keys + j); });
}

// Makes items of a key's upper varying bits and, in the lower 32 bits, its place. Returns how many bits are left out.
template <class U>
int make_items(const U *keys, uint64_t *items, int64_t n) {
  const int width = width_of(keys, n), low = std::max(width - 32, 0);
  const uint64_t mask = ((uint64_t{1} << (width - low)) - 1) << 32;
  for (int64_t i = 0; i < n; i++) {
    items[i] = (static_cast<uint64_t>(keys[i]) >> low << 32 & mask) | static_cast<uint64_t>(i);
  }
  return low;
}

// Puts items that differ in the bits that were left out into their order.
template <class U>
void complete(const U *keys, uint64_t *items, int64_t n, int low) {
  if (low == 0) return;
  sort_runs(
      n, [&](int64_t i, int64_t j) { return items[i] >> 32 == items[j] >> 32; },
      [&](int64_t i, int64_t j) {
        std::sort(items + i, items + j, [&](uint64_t x, uint64_t y) {
          U a = keys[static_cast<uint32_t>(x)], b = keys[static_cast<uint32_t>(y)];
          return a != b ? a < b : x < y;
        });
      });
}

// Sorts `count` lines of n elements, which lie one behind the other, as columns of a tile.
template <class Element, class T>
void sort_together(T *lines, int64_t count, int64_t n, void *room) {
  auto *tile = static_cast<Element *>(room);
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = 0; j < sort_width; j++) tile[i * sort_width + j] = j < count ? lines[j * n + i] : Element{0};
  }
  kernels().sort_columns(sizeof(Element), tile, n);
  for (int64_t j = 0; j < count; j++) {
    for (int64_t i = 0; i < n; i++) lines[j * n + i] = static_cast<T>(tile[i * sort_width + j]);
  }
}

template <class U, Kind kind>
void sort_lines(const Keys<U, kind> &order, const Array &a, int axis, const Array *values, const Array *indices) {
  int64_t n = a.shape[axis], stride = a.strides[axis] * static_cast<int64_t>(sizeof(U));
  if (n == 0) return;
  int64_t starts[max_dims];
  for (int d = 0; d < a.ndim; d++) starts[d] = d == axis ? 1 : a.shape[d];
  auto lines = [&](const Array &x) { return Array{x.data, x.type, x.ndim, starts, x.strides}; };
  // An output that is not wanted is walked over as if it were `a`, and not written.
  Walk walk = walk_over(lines(a), lines(values ? *values : a), lines(indices ? *indices : a));
  const int64_t value_stride = values ? values->strides[axis] * static_cast<int64_t>(sizeof(U)) : 0;
  const int64_t index_stride = indices ? indices->strides[axis] * 8 : 0;
  const int64_t together = n <= longest_column ? sort_width : 1;
  using Element = std::conditional_t<sizeof(U) == 8, uint64_t, uint32_t>;

  parallel_runs(walk, std::max(task_elements / n, together), 1, [&](char *const *p, int64_t count, int64_t, int64_t) {
    Scratch key_room(static_cast<size_t>(together * n) * sizeof(U)), item_room(static_cast<size_t>(together * n) * 8);
    Scratch room(static_cast<size_t>(together * n) * 8);
    U *keys = reinterpret_cast<U *>(key_room.data);
    auto *items = reinterpret_cast<uint64_t *>(item_room.data);
    int low[sort_width];
    for (int64_t line = 0, some; line < count; line += some) {
      some = std::min(together, count - line);
      if (some < fewest_columns) some = 1;
      bool by_keys = !indices;
      for (int64_t j = 0; j < some; j++) {
        bool exact = order.read(p[0] + (line + j) * walk.stride(0), stride, n, keys + j * n);
        by_keys = by_keys && exact;
      }
      for (int64_t j = 0; !by_keys && j < some; j++) low[j] = make_items(keys + j * n, items + j * n, n);
      if (some > 1) {
        by_keys ? sort_together<Element>(keys, some, n, room.data) : sort_together<uint64_t>(items, some, n, room.data);
      } else if (by_keys) {
        sort_keys(keys, reinterpret_cast<U *>(room.data), n);
      } else if (n <= few) {
        std::sort(items, items + n);
      } else {
        sort_by_digits(items, reinterpret_cast<uint64_t *>(room.data), n, 32, 64);
      }
      for (int64_t j = 0; j < some; j++) {
        const char *from = p[0] + (line + j) * walk.stride(0);
        char *to = p[1] + (line + j) * walk.stride(1), *places = p[2] + (line + j) * walk.stride(2);
        if (by_keys) {
          order.write(keys + j * n, n, to, value_stride);
          continue;
        }
        complete(keys + j * n, items + j * n, n, low[j]);
        for (int64_t i = 0; i < n; i++) {
          int64_t place = static_cast<uint32_t>(items[j * n + i]);
          if (values)
            *reinterpret_cast<U *>(to + i * value_stride) = *reinterpret_cast<const U *>(from + place * stride);
          if (indices) *reinterpret_cast<int64_t *>(places + i * index_stride) = place;
        }
      }
    }
  });
}

}  // namespace

void sort(const Array &a, int axis, bool descending, const Array *values, const Array *indices) {
  if (a.shape[axis] >= int64_t{1} << 32) {
    throw Failure(NEEDLE_UNSUPPORTED, "too many elements along the axis; got " + std::to_string(a.shape[axis]) +
                                          "; expected less than 2^32");
  }
  auto with = [&]<class U, Kind kind>(U infinity) {
    Keys<U, kind> order{infinity, static_cast<U>(descending ? ~U{0} : U{0})};
    sort_lines(order, a, axis, values, indices);
  };
  switch (a.type) {
    case Type::i8: return with.operator()<uint8_t, Kind::with_sign>(0);
    case Type::i16: return with.operator()<uint16_t, Kind::with_sign>(0);
    case Type::i32: return with.operator()<uint32_t, Kind::with_sign>(0);
    case Type::i64: return with.operator()<uint64_t, Kind::with_sign>(0);
    case Type::u16: return with.operator()<uint16_t, Kind::natural>(0);
    case Type::u32: return with.operator()<uint32_t, Kind::natural>(0);
    case Type::u64: return with.operator()<uint64_t, Kind::natural>(0);
    case Type::f16: return with.operator()<uint16_t, Kind::floating>(0x7c00);
    case Type::bf16: return with.operator()<uint16_t, Kind::floating>(0x7f80);
    case Type::f32: return with.operator()<uint32_t, Kind::floating>(0x7f800000);
    case Type::f64: return with.operator()<uint64_t, Kind::floating>(0x7ff0000000000000);
    default: return with.operator()<uint8_t, Kind::natural>(0);
  }
}

}  // namespace needle::cpu
