// Any dtype to any other, block by block: read as the compute type, convert to the other compute type, write.
#include <limits>
#include <type_traits>

#include "kernels.h"
#include "tiles.h"
#include "types.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

// Truncated and saturated; NaN gives 0.
template <class To, class From>
To to_integer(From x) {
  constexpr To greatest = std::numeric_limits<To>::max(), least = std::numeric_limits<To>::min();
  constexpr From above = static_cast<From>(greatest / 2 + 1) * 2;  // `greatest` itself need not be a float
  constexpr bool exact = std::numeric_limits<To>::digits <= std::numeric_limits<From>::digits;
  constexpr From below = above - above * std::numeric_limits<From>::epsilon() / 2;  // the next float
  constexpr From most = exact ? static_cast<From>(greatest) : below;
  From y = x > static_cast<From>(least) ? x : static_cast<From>(least);
  y = y > most ? most : y;
  if constexpr (least != 0) y = x == x ? y : From{};
  if constexpr (sizeof(To) < 4) return static_cast<To>(static_cast<int32_t>(y));
  To truncated = static_cast<To>(y);
  return exact || x < above || x != x ? truncated : greatest;
}

// To float, to a neighbour whose last bit is set where x lies between two floats. Rounding that to a half gives the
// half nearest to x; after a first rounding to nearest it could start from a tie that x was not on.
float to_odd_float(double x) {
  float nearest = static_cast<float>(x);
  double error = x - static_cast<double>(nearest);
  uint32_t bits = __builtin_bit_cast(uint32_t, nearest);
  bool exact = error == 0 || !(error - error == 0);  // infinities and NaN are as they should be
  if (exact || (bits & 1)) return nearest;
  return __builtin_bit_cast(float, (error > 0) == (x > 0) ? bits + 1 : bits - 1);
}

// To double in the same way: of a large integer, the low bits matter only as being 0 or not.
template <class T>
double to_odd_double(T x) {
  if constexpr (sizeof(T) == 8 && std::is_integral_v<T>) {
    T top = x >> 48;
    if (top != 0 && top != static_cast<T>(-1)) x = static_cast<T>((x >> 16 | ((x & 0xffff) != 0)) << 16);
  }
  return static_cast<double>(x);
}

struct OddFloat {};

template <class From, class To>
[[gnu::noinline]] void convert_values(const From *values, void *out, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    if constexpr (std::is_same_v<To, bool>) {
      static_cast<uint8_t *>(out)[i] = values[i] != 0;
    } else if constexpr (std::is_same_v<To, OddFloat>) {
      static_cast<float *>(out)[i] = to_odd_float(to_odd_double(values[i]));
    } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
      static_cast<To *>(out)[i] = to_integer<To>(values[i]);
    } else {
      static_cast<To *>(out)[i] = static_cast<To>(values[i]);
    }
  }
}

// From integer to integer the bits that are kept do not depend on the sign of the result's type.
template <class From, class To>
using stored_as = typename std::conditional_t<std::is_integral_v<From> && std::is_integral_v<To>,
                                              std::make_unsigned<To>, std::type_identity<To>>::type;

// From values of one compute type to those of another; `to` also tells bool and the halves apart.
void convert_block(Type from, Type to, const void *values, void *out, int64_t n) {
  with_compute_type(from, [&](auto from_tag) {
    using From = decltype(from_tag);
    auto *x = static_cast<const From *>(values);
    if (to == Type::b8) return convert_values<From, bool>(x, out, n);
    if (is_small(to) && from != Type::f32) return convert_values<From, OddFloat>(x, out, n);
    with_compute_type(to, [&](auto to_tag) { convert_values<From, stored_as<From, decltype(to_tag)>>(x, out, n); });
  });
}

}  // namespace

void convert(Type from, Type to, const char *src, int64_t src_stride, char *dst, int64_t dst_stride, int64_t n) {
  if (from == to) return move(item_size(from), src, src_stride, dst, dst_stride, n);
  bool same_values = to != Type::b8 && compute_type(from) == compute_type(to);
  Source source(from, src, src_stride, n);
  Block room;
  for (int64_t i = 0; i < n; i += block_elements) {
    int64_t m = least(block_elements, n - i);
    char *out = dst + i * dst_stride;
    const void *values = source.at(i, m);
    if (!same_values) {
      void *converted = place(to, out, dst_stride, room.bytes);
      convert_block(from, to, values, converted, m);
      values = converted;
    }
    write(to, values, out, dst_stride, m);
  }
}

void cast(const Array &a, const Array &out) {
  if (a.type == out.type) return copy(a, out);
  bool same_values = out.type != Type::b8 && compute_type(a.type) == compute_type(out.type);
  Tiling t = tiling(least(room_for(a.type), room_for(out.type)), {}, out, a);
  if (!same_values) {
    return run_tiles(t, [&](const Values *values, void *converted, int64_t n, bool) {
      convert_block(a.type, out.type, values[0].at, converted, n);
    });
  }
  // To or from a small float: reading or writing it is all there is to do.
  parallel_tiles(t.walk, t.rows, t.columns, [&](auto &&tiles) {
    Block buffer;
    tiles([&](char *const *p, int64_t height, int64_t width) {
      Steps from = t.steps(1, height), to = t.steps(0, height);
      if (t.in_place(0, height, width) && !t.past) return read_tile(a.type, p[1], from, height, width, p[0]);
      bool direct = t.in_place(1, height, width);
      if (!direct) read_tile(a.type, p[1], from, height, width, buffer.bytes);
      write_tile(out.type, direct ? p[1] : buffer.bytes, p[0], to, height, width, t.past);
    });
    if (t.past) finish_streams();
  });
}

}  // namespace needle::cpu::NEEDLE_TARGET
