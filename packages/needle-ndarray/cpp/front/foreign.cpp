// Arrays in host memory that is not ours: in place where that can be, else copied.
#include <algorithm>
#include <cstring>
#include <vector>

#include "error.h"
#include "ndarray.h"

namespace needle {

namespace {

// Whether a kernel may read the elements where they are.
bool is_aligned(const Foreign &x) {
  int64_t itemsize = info(x.dtype).itemsize;
  bool aligned = reinterpret_cast<uintptr_t>(x.data) % static_cast<uintptr_t>(itemsize) == 0;
  for (int i = 0; i < x.shape.size(); ++i) aligned &= x.shape[i] == 1 || x.strides[i] % itemsize == 0;
  return aligned;
}

NDArray in_place(const Foreign &x, Device device) {
  int64_t itemsize = info(x.dtype).itemsize, low = 0, high = itemsize;  // bytes that it spans around x.data
  Dims strides(x.shape.size());
  for (int i = 0; i < x.shape.size(); ++i) {
    if (x.shape[i] == 1) continue;
    int64_t reach = (x.shape[i] - 1) * x.strides[i];
    (reach < 0 ? low : high) += reach;
    strides[i] = x.strides[i] / itemsize;
  }
  auto buffer = std::make_shared<Buffer>(device, static_cast<char *>(x.data) + low, high - low, x.owner);
  return {std::move(buffer), x.dtype, x.shape, strides, -low / itemsize};
}

// Writes the elements from `axis` on in row-major order, whatever their alignment.
void gather(const Foreign &x, const char *from, int axis, char *&to) {
  int64_t itemsize = info(x.dtype).itemsize;
  if (axis == x.shape.size()) {
    std::memcpy(to, from, itemsize);
    to += itemsize;
  } else if (axis == x.shape.size() - 1 && x.strides[axis] == itemsize) {
    std::memcpy(to, from, x.shape[axis] * itemsize);
    to += x.shape[axis] * itemsize;
  } else {
    for (int64_t i = 0; i < x.shape[axis]; ++i) gather(x, from + i * x.strides[axis], axis + 1, to);
  }
}

}  // namespace

NDArray from_foreign(const char *op, ErrorKind kind, const Foreign &source, Device device, std::optional<bool> copy) {
  int64_t itemsize = info(source.dtype).itemsize, size = checked_size(op, source.shape, itemsize);
  if (size == 0) return NDArray::empty(op, source.shape, source.dtype, device);
  bool in_reach = device.backend->table.host_memory && is_aligned(source);
  if (copy == false && (!in_reach || source.is_read_only))
    fail(kind, op, "the memory cannot be used as it is",
         !device.backend->table.host_memory ? "device " + device.str() + ", which has memory of its own"
         : source.is_read_only              ? "read-only memory"
                                            : "elements that are not aligned to their size",
         "", "with copy=None it is copied");
  if (in_reach) {
    NDArray view = in_place(source, device);
    return copy == true || source.is_read_only ? needle::copy(view) : view;
  }
  std::vector<char> host(static_cast<size_t>(size * itemsize));
  char *to = host.data();
  gather(source, static_cast<const char *>(source.data), 0, to);
  return from_host(host.data(), source.shape, source.dtype, device);
}

}  // namespace needle
