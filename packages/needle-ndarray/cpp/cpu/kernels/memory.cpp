// copy, fill, where and iota: elements are moved by their size, whatever they mean.
#include "../iterate.h"
#include "blocks.h"
#include "kernels.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

template <class T>
void choose(const uint8_t *condition, const T *a, const T *b, T *out, int64_t n) {
  for (int64_t i = 0; i < n; i++) out[i] = condition[i] ? a[i] : b[i];
}

template <class T>
void where_runs(const Walk &walk, Type type) {
  parallel_runs(walk, [&](char *const *p, int64_t n) {
    Source condition(Type::u8, p[1], walk.stride(1), n);
    Source a(type, p[2], walk.stride(2), n), b(type, p[3], walk.stride(3), n);
    Block room;
    for (int64_t i = 0; i < n; i += block_elements) {
      int64_t m = least(block_elements, n - i);
      char *out = p[0] + i * walk.stride(0);
      void *values = place(type, out, walk.stride(0), room.bytes);
      choose(static_cast<const uint8_t *>(condition.at(i, m)), static_cast<const T *>(a.at(i, m)),
             static_cast<const T *>(b.at(i, m)), static_cast<T *>(values), m);
      write(type, values, out, walk.stride(0), m);
    }
  });
}

}  // namespace

void copy(const Array &a, const Array &out) {
  Walk walk = walk_over(out, a);
  int size = item_size(a.type);
  parallel_runs(walk, [&](char *const *p, int64_t n) { move(size, p[1], walk.stride(1), p[0], walk.stride(0), n); });
}

void fill(const void *value, const Array &out) {
  Walk walk = walk_over(out);
  int size = item_size(out.type);
  parallel_runs(walk, [&](char *const *p, int64_t n) {
    move(size, static_cast<const char *>(value), 0, p[0], walk.stride(0), n);
  });
}

void where(const Array &condition, const Array &a, const Array &b, const Array &out) {
  Walk walk = walk_over(out, condition, a, b);
  switch (item_size(out.type)) {
    case 1: return where_runs<uint8_t>(walk, Type::u8);
    case 2: return where_runs<uint16_t>(walk, Type::u16);
    case 4: return where_runs<uint32_t>(walk, Type::u32);
    default: return where_runs<uint64_t>(walk, Type::u64);
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
