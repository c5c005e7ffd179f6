// Between arrays and kernels: a kernel sees short contiguous blocks of a compute type. Operands that already look like
// that are used where they are; others are gathered into a buffer that stays in the first cache, and converted there.
#pragma once

#include "../array.h"

namespace needle::cpu::NEEDLE_TARGET {

constexpr int64_t block_elements = 512;

// Strides are in bytes. A run of n elements is read as n values of compute_type(type); the result is `p` itself where
// possible, else in `buffer`, which holds n.
const void *read(Type type, const char *p, int64_t stride, int64_t n, void *buffer);
// Where to put n values of compute_type(type) that are meant for `p`: there, or in `buffer`.
void *place(Type type, char *p, int64_t stride, void *buffer);
// Brings them from there to p. Does nothing where they are there already.
void write(Type type, const void *values, char *p, int64_t stride, int64_t n);

// dst[i] = src[i] for elements of `size` bytes.
void move(int size, const char *src, int64_t src_stride, char *dst, int64_t dst_stride, int64_t n);
// The same with a cast, by the contract's rules.
void convert(Type from, Type to, const char *src, int64_t src_stride, char *dst, int64_t dst_stride, int64_t n);

namespace {

struct alignas(64) Block {
  char bytes[block_elements * 8];
};

inline bool is_direct(Type type, int64_t stride) { return stride == item_size(type) && !is_small(type); }

// An operand of a run. A single element for all of the run is spread out once.
struct Source {
  Type type;
  const char *p;
  int64_t stride;
  const void *spread;
  Block buffer;

  Source(Type type_, const char *p_, int64_t stride_, int64_t n) : type(type_), p(p_), stride(stride_) {
    spread = stride == 0 ? read(type, p, 0, least(n, block_elements), buffer.bytes) : nullptr;
  }
  const void *at(int64_t i, int64_t n) { return spread ? spread : read(type, p + i * stride, stride, n, buffer.bytes); }
};

}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
