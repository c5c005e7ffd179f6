// Sorting by keys: each element becomes an unsigned integer that orders as it does, NaN above all, and lines of
// (key, place) are sorted. Equal keys keep the order of their places, so no stable algorithm is needed.
#include <algorithm>
#include <cstring>

#include "../allocator.h"
#include "../iterate.h"
#include "generic.h"

namespace needle::cpu {
namespace {

struct Item {
  uint64_t key;
  int64_t place;
  bool operator<(const Item &other) const { return key != other.key ? key < other.key : place < other.place; }
};

constexpr uint64_t top_bit = uint64_t{1} << 63;

uint64_t signed_key(int64_t value) { return static_cast<uint64_t>(value) ^ top_bit; }

// `bits` of a float of `width` bits whose exponent is followed by `fraction` bits.
uint64_t float_key(uint64_t bits, int width, int fraction) {
  uint64_t sign = uint64_t{1} << (width - 1), magnitude = bits & (sign - 1);
  uint64_t infinity = (sign - 1) >> fraction << fraction;
  if (magnitude > infinity) return ~uint64_t{0};
  return bits & sign ? top_bit - magnitude : top_bit + magnitude;  // -0 and +0 are equal
}

template <class T>
T load(const char *p) {
  return *reinterpret_cast<const T *>(p);
}

uint64_t key_of(Type type, const char *p) {
  switch (type) {
    case Type::i8: return signed_key(load<int8_t>(p));
    case Type::i16: return signed_key(load<int16_t>(p));
    case Type::i32: return signed_key(load<int32_t>(p));
    case Type::i64: return signed_key(load<int64_t>(p));
    case Type::b8:
    case Type::u8: return load<uint8_t>(p);
    case Type::u16: return load<uint16_t>(p);
    case Type::u32: return load<uint32_t>(p);
    case Type::u64: return load<uint64_t>(p);
    case Type::f16: return float_key(load<uint16_t>(p), 16, 10);
    case Type::bf16: return float_key(load<uint16_t>(p), 16, 7);
    case Type::f32: return float_key(load<uint32_t>(p), 32, 23);
    default: return float_key(load<uint64_t>(p), 64, 52);
  }
}

}  // namespace

void sort(const Array &a, int axis, bool descending, const Array *values, const Array *indices) {
  int64_t n = a.shape[axis], size = item_size(a.type), stride = a.strides[axis] * size;
  int64_t starts[max_dims];
  for (int d = 0; d < a.ndim; d++) starts[d] = d == axis ? 1 : a.shape[d];
  auto lines = [&](const Array &x) { return Array{x.data, x.type, x.ndim, starts, x.strides}; };
  // An output that is not wanted is walked over as if it were `a`, and not written.
  Walk walk = walk_over(lines(a), lines(values ? *values : a), lines(indices ? *indices : a));
  if (n == 0) return;
  int64_t value_stride = values ? values->strides[axis] * size : 0;
  int64_t index_stride = indices ? indices->strides[axis] * 8 : 0;

  parallel_runs(walk, task_elements / n, 1, [&](char *const *p, int64_t count, int64_t, int64_t) {
    Scratch room(static_cast<size_t>(n) * sizeof(Item));
    auto *items = reinterpret_cast<Item *>(room.data);
    for (int64_t line = 0; line < count; line++) {
      const char *from = p[0] + line * walk.stride(0);
      for (int64_t i = 0; i < n; i++) {
        uint64_t key = key_of(a.type, from + i * stride);
        items[i] = {descending ? ~key : key, i};
      }
      std::sort(items, items + n);
      for (int64_t i = 0; i < n; i++) {
        int64_t place = items[i].place;
        if (values) {
          char *to = p[1] + line * walk.stride(1) + i * value_stride;
          std::memcpy(to, from + place * stride, static_cast<size_t>(size));
        }
        if (indices) *reinterpret_cast<int64_t *>(p[2] + line * walk.stride(2) + i * index_stride) = place;
      }
    }
  });
}

}  // namespace needle::cpu
