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
    case 16: return move_elements<Bits128>(src, src_stride, dst, dst_stride, n);
    default: return move_elements<uint64_t>(src, src_stride, dst, dst_stride, n);
  }
}

const void *read(Type type, const char *p, int64_t stride, int64_t n, void *buffer) {
  if (is_direct(type, stride)) return p;
  if (!is_small(type)) {
    move(item_size(type), p, stride, static_cast<char *>(buffer), item_size(type), n);
    return buffer;
  }
  int size = item_size(type);
  for (int64_t i = 0; i < n; i += block_elements) {
    int64_t m = least(block_elements, n - i);
    char room[2 * block_elements];
    const char *small = stride == size ? p + i * stride : room;
    if (small == room) move(size, p + i * stride, stride, room, size, m);
    with_small_type(type, [&](auto tag) {
      to_float(reinterpret_cast<const decltype(tag) *>(small), static_cast<float *>(buffer) + i, m);
    });
  }
  return buffer;
}

void *place(Type type, char *p, int64_t stride, void *buffer) { return is_direct(type, stride) ? p : buffer; }

void write(Type type, const void *values, char *p, int64_t stride, int64_t n) {
  if (values == p) return;
  if (!is_small(type)) return move(item_size(type), static_cast<const char *>(values), item_size(type), p, stride, n);
  int size = item_size(type);
  for (int64_t i = 0; i < n; i += block_elements) {
    int64_t m = least(block_elements, n - i);
    char room[2 * block_elements];
    char *small = stride == size ? p + i * stride : room;
    with_small_type(type, [&](auto tag) {
      from_float(static_cast<const float *>(values) + i, reinterpret_cast<decltype(tag) *>(small), m);
    });
    if (small == room) move(size, room, size, p + i * stride, stride, m);
  }
}

}  // namespace needle::cpu::NEEDLE_TARGET
