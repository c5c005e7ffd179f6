// A row-major array in working memory.
#pragma once

#include "../allocator.h"
#include "../array.h"

namespace needle::cpu {
namespace {

struct Temporary {
  Temporary(const Array &like, Type type)
      : room(static_cast<size_t>(elements(like) * item_size(type))),
        array{room.data, type, like.ndim, like.shape, strides} {
    int64_t stride = 1;
    for (int d = like.ndim; d-- > 0; stride *= like.shape[d]) strides[d] = stride;
  }
  static int64_t elements(const Array &x) {
    int64_t n = 1;
    for (int d = 0; d < x.ndim; d++) n *= x.shape[d];
    return n;
  }
  Scratch room;
  int64_t strides[max_dims];
  Array array;
};

}  // namespace
}  // namespace needle::cpu
