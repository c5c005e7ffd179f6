// copy, fill, where and iota: elements are moved by their size, whatever they mean.
#include "blocks.h"
#include "kernels.h"
#include "tiles.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

template <class T>
void choose(const Values *values, void *out_, int64_t n, bool past) {
  auto *condition = static_cast<const uint8_t *>(values[0].at);
  auto *a = static_cast<const T *>(values[1].at), *b = static_cast<const T *>(values[2].at);
  auto *out = static_cast<T *>(out_);
  int64_t i = 0;
  if constexpr (sizeof(T) <= 8) {
    using Bytes = typename vector_of<int8_t, lanes<T>>::type;
    for (; past && i + lanes<T> <= n; i += lanes<T>) {
      Bytes chosen;
      __builtin_memcpy(&chosen, condition + i, sizeof(chosen));
      auto mask = __builtin_convertvector(chosen, mask_of<Vec<T>>) != 0;
      stream(out + i, mask ? load(a + i) : load(b + i));
    }
  }
  for (; i < n; i++) out[i] = condition[i] ? a[i] : b[i];
}

// An array whose elements are moved as integers of their size.
Array as_bits(const Array &a) {
  constexpr Type types[] = {Type::u8, Type::u16, Type::u32, Type::u64, Type::c128};
  return {a.data, types[__builtin_ctz(static_cast<unsigned>(item_size(a.type)))], a.ndim, a.shape, a.strides};
}

constexpr int64_t copied_tile = 64 * 64;  // elements of an array that is turned over

}  // namespace

void copy(const Array &a, const Array &out) {
  Tiling t = tiling(copied_tile, {.takes_uniform = true}, as_bits(out), as_bits(a));
  parallel_tiles(t.walk, t.rows, t.columns, [&](auto &&tiles) {
    tiles([&](char *const *p, int64_t height, int64_t width) {
      move_tile(item_size(a.type), p[1], t.steps(1, height), p[0], t.steps(0, height), height, width, t.past);
    });
    if (t.past) finish_streams();
  });
}

void fill(const void *value, const Array &out) {
  int64_t strides[max_dims] = {};
  copy({static_cast<char *>(const_cast<void *>(value)), out.type, out.ndim, out.shape, strides}, out);
}

void where(const Array &condition, const Array &a, const Array &b, const Array &out) {
  Tiling t = tiling(room_for(out.type), {.streams = true}, as_bits(out), condition, as_bits(a), as_bits(b));
  switch (item_size(out.type)) {
    case 1: return run_tiles(t, choose<uint8_t>);
    case 2: return run_tiles(t, choose<uint16_t>);
    case 4: return run_tiles(t, choose<uint32_t>);
    default: return run_tiles(t, choose<uint64_t>);
  }
}

void iota(const Array &out) {
  int64_t n = out.shape[0], stride = out.strides[0] * item_size(out.type);
  // Counted in int64, then cast: integers keep the low bits, floats are rounded once.
  parallel_for((n + task_elements - 1) / task_elements, [&](int64_t task) {
    int64_t counts[block_elements];
    for (int64_t i = task * task_elements; i < least(n, (task + 1) * task_elements); i += block_elements) {
      int64_t m = least(block_elements, n - i);
      for (int64_t j = 0; j < m; j++) counts[j] = i + j;
      convert(Type::i64, out.type, reinterpret_cast<const char *>(counts), 8, out.data + i * stride, stride, m);
    }
  });
}

}  // namespace needle::cpu::NEEDLE_TARGET
