#include "blocks.h"

#include "half.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

template <class T>
void move_elements(const char *src, int64_t src_stride, char *dst, int64_t dst_stride, int64_t n) {
  constexpr int64_t size = sizeof(T);
  if (src_stride == size && dst_stride == size) {
    __builtin_memmove(dst, src, static_cast<size_t>(n * size));
  } else if (dst_stride == size) {
    T *out = reinterpret_cast<T *>(dst);
    if (src_stride == 0) {
      T value = *reinterpret_cast<const T *>(src);
      for (int64_t i = 0; i < n; i++) out[i] = value;
    } else {
      for (int64_t i = 0; i < n; i++) out[i] = *reinterpret_cast<const T *>(src + i * src_stride);
    }
  } else {
    for (int64_t i = 0; i < n; i++) {
      *reinterpret_cast<T *>(dst + i * dst_stride) = *reinterpret_cast<const T *>(src + i * src_stride);
    }
  }
}

}  // namespace

void move(int size, const char *src, int64_t src_stride, char *dst, int64_t dst_stride, int64_t n) {
  switch (size) {
    case 1: return move_elements<uint8_t>(src, src_stride, dst, dst_stride, n);
    case 2: return move_elements<uint16_t>(src, src_stride, dst, dst_stride, n);
    case 4: return move_elements<uint32_t>(src, src_stride, dst, dst_stride, n);
    default: return move_elements<uint64_t>(src, src_stride, dst, dst_stride, n);
  }
}

const void *read(Type type, const char *p, int64_t stride, int64_t n, void *buffer) {
  if (is_direct(type, stride)) return p;
  if (!is_half(type)) {
    move(item_size(type), p, stride, static_cast<char *>(buffer), item_size(type), n);
    return buffer;
  }
  for (int64_t i = 0; i < n; i += block_elements) {
    int64_t m = least(block_elements, n - i);
    char room[2 * block_elements];
    const char *halves = stride == 2 ? p + i * stride : room;
    if (halves == room) move_elements<uint16_t>(p + i * stride, stride, room, 2, m);
    float *values = static_cast<float *>(buffer) + i;
    if (type == Type::f16) {
      to_float(reinterpret_cast<const f16 *>(halves), values, m);
    } else {
      to_float(reinterpret_cast<const bf16 *>(halves), values, m);
    }
  }
  return buffer;
}

void *place(Type type, char *p, int64_t stride, void *buffer) { return is_direct(type, stride) ? p : buffer; }

void write(Type type, const void *values, char *p, int64_t stride, int64_t n) {
  if (values == p) return;
  if (!is_half(type)) return move(item_size(type), static_cast<const char *>(values), item_size(type), p, stride, n);
  for (int64_t i = 0; i < n; i += block_elements) {
    int64_t m = least(block_elements, n - i);
    char room[2 * block_elements];
    char *halves = stride == 2 ? p + i * stride : room;
    const float *from = static_cast<const float *>(values) + i;
    if (type == Type::f16) {
      from_float(from, reinterpret_cast<f16 *>(halves), m);
    } else {
      from_float(from, reinterpret_cast<bf16 *>(halves), m);
    }
    if (halves == room) move_elements<uint16_t>(room, 2, p + i * stride, stride, m);
  }
}

}  // namespace needle::cpu::NEEDLE_TARGET
