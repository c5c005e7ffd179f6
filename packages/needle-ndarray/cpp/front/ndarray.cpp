#include "ndarray.h"

#include <algorithm>

#include "error.h"

namespace needle {

int64_t checked_size(const char *op, const Dims &shape, int64_t itemsize) {
  constexpr int64_t limit = int64_t{1} << 47;  // bytes: the user part of a 48-bit address space
  int64_t size = 1;
  bool is_empty = false;
  for (int64_t extent : shape) {
    if (extent < 0) fail(ErrorKind::value, op, "negative extent in a shape", shape.str(), "extents >= 0");
    is_empty |= extent == 0;
  }
  if (is_empty) return 0;
  for (int64_t extent : shape)
    if (__builtin_mul_overflow(size, extent, &size) || size > limit / itemsize)
      fail(ErrorKind::memory, op, "array too large for any memory", "shape " + shape.str());
  return size;
}

Dims row_major_strides(const Dims &shape) {
  Dims strides(shape.size());
  int64_t step = 1;
  for (int i = shape.size(); i-- > 0;) {
    strides[i] = step;
    step *= std::max<int64_t>(shape[i], 1);
  }
  return strides;
}

NDArray NDArray::empty(const char *op, const Dims &shape, DType dtype, Device device) {
  int64_t itemsize = info(dtype).itemsize;
  int64_t size = checked_size(op, shape, itemsize);
  NDArray x{std::make_shared<Buffer>(device, static_cast<size_t>(size * itemsize)), dtype, shape, {}, 0};
  x.strides = row_major_strides(size == 0 ? Dims(shape.size()) : shape);
  return x;
}

int64_t NDArray::size() const {
  uint64_t n = 1;  // which may wrap: extents beside a 0 can be of any size
  for (int64_t extent : shape) n *= static_cast<uint64_t>(extent);
  return static_cast<int64_t>(n);
}

bool NDArray::is_contiguous() const {
  if (size() == 0) return true;
  int64_t step = 1;
  for (int i = ndim(); i-- > 0;) {
    if (shape[i] != 1 && strides[i] != step) return false;
    step *= shape[i];
  }
  return true;
}

bool NDArray::same_view(const NDArray &other) const {
  return buffer == other.buffer && dtype == other.dtype && offset == other.offset && shape == other.shape &&
         strides == other.strides;
}

bool NDArray::overlaps(const NDArray &other) const {
  // Memory that is not ours may lie in several buffers, so that there addresses alone decide.
  if (buffer != other.buffer && !buffer->owner && !other.buffer->owner) return false;
  if (size() == 0 || other.size() == 0) return false;
  auto range = [](const NDArray &x) {
    int64_t low = x.offset, high = x.offset;
    for (int i = 0; i < x.ndim(); ++i) {
      int64_t reach = (x.shape[i] - 1) * x.strides[i];
      (reach < 0 ? low : high) += reach;
    }
    int64_t itemsize = info(x.dtype).itemsize, base = reinterpret_cast<intptr_t>(x.buffer->data);
    return std::pair{base + low * itemsize, base + (high + 1) * itemsize};
  };
  auto [low, high] = range(*this);
  auto [other_low, other_high] = range(other);
  return low < other_high && other_low < high;
}

bool NDArray::has_repeats() const {
  // Sorted by stride, each axis must step over all that the smaller ones reach. Not necessary, but true of every view
  // that is not a broadcast or a window.
  int order[kMaxDims], n = 0;
  for (int i = 0; i < ndim(); ++i) {
    if (shape[i] == 0) return false;
    if (shape[i] > 1) order[n++] = i;
  }
  auto step = [&](int axis) { return std::abs(strides[axis]); };
  std::sort(order, order + n, [&](int a, int b) { return step(a) < step(b); });
  int64_t reach = 0;
  for (int i = 0; i < n; ++i) {
    if (step(order[i]) <= reach) return true;
    reach += (shape[order[i]] - 1) * step(order[i]);
  }
  return false;
}

int normalize_axis(const char *op, int64_t axis, int ndim) {
  if (axis < -ndim || axis >= ndim)
    fail(ErrorKind::index, op, "axis out of range", std::to_string(axis),
         ndim == 0 ? "no axis, for an array of 0 dimensions"
                   : std::to_string(-ndim) + " to " + std::to_string(ndim - 1));
  return static_cast<int>(axis < 0 ? axis + ndim : axis);
}

Dims broadcast_shapes(const char *op, std::span<const Dims> shapes) {
  int ndim = 0;
  for (const Dims &shape : shapes) ndim = std::max(ndim, shape.size());
  Dims result(ndim, 1);
  for (const Dims &shape : shapes)
    for (int i = 0; i < shape.size(); ++i) {
      int64_t &extent = result[ndim - shape.size() + i];
      if (shape[i] == extent || shape[i] == 1) continue;
      if (extent != 1) {
        std::string got;
        for (const Dims &s : shapes) got += (got.empty() ? "" : " and ") + s.str();
        fail(ErrorKind::value, op, "shapes do not broadcast", got, "extents that are equal or 1, from the last one on");
      }
      extent = shape[i];
    }
  return result;
}

Device common_device(const char *op, std::initializer_list<const NDArray *> arrays) {
  Device device = (*arrays.begin())->device();
  for (const NDArray *x : arrays)
    if (x->device() != device)
      fail(ErrorKind::value, op, "operands on different devices", device.str() + " and " + x->device().str(), "",
           "move one with to_device");
  return device;
}

}  // namespace needle
