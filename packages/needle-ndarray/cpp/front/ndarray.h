// NDArray: a buffer and how to read it. Views share the buffer; every view function resolves to strides and an offset.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "device.h"
#include "dims.h"
#include "dtype.h"

namespace needle {

struct NDArray {
  std::shared_ptr<Buffer> buffer;
  DType dtype;
  Dims shape, strides;  // strides in elements
  int64_t offset = 0;   // in elements

  // A new row-major array, its elements undefined.
  static NDArray empty(const char *op, const Dims &shape, DType dtype, Device device);

  int ndim() const { return shape.size(); }
  int64_t size() const;
  int64_t nbytes() const { return size() * info(dtype).itemsize; }
  Device device() const { return buffer->device; }
  bool is_contiguous() const;  // row-major without gaps
  bool same_view(const NDArray &other) const;
  bool overlaps(const NDArray &other) const;  // may share elements: decided by the ranges of addresses
  bool has_repeats() const;                   // may hold one element at two places (a 0-stride), so is not for writing
};

// The number of elements; throws on a negative extent or a product beyond what memory could ever hold.
int64_t checked_size(const char *op, const Dims &shape, int64_t itemsize);
Dims row_major_strides(const Dims &shape);
int normalize_axis(const char *op, int64_t axis, int ndim);
Dims broadcast_shapes(const char *op, std::span<const Dims> shapes);
// Throws unless all live on one device, which it returns.
Device common_device(const char *op, std::initializer_list<const NDArray *> arrays);

// -- views.cpp
// A view where strides allow it, else a copy; always a copy if so asked, and an error for a copy that is ruled out.
NDArray reshape(const NDArray &x, Dims shape, std::optional<bool> copy = std::nullopt);
NDArray permute_dims(const NDArray &x, const Dims &axes);
NDArray transpose_last(const NDArray &x);
NDArray broadcast_to(const char *op, const NDArray &x, const Dims &shape);
NDArray expand_dims(const NDArray &x, Dims axes);
NDArray squeeze(const NDArray &x, Dims axes);
NDArray flip(const NDArray &x, const Dims &axes);
NDArray bitcast(const NDArray &x, DType dtype);  // the same bits read as another type of the same size
NDArray windows(const NDArray &x, const Dims &size, const Dims &stride, const Dims &dilation);
NDArray as_strided(const NDArray &x, const Dims &shape, const Dims &strides, int64_t offset);

// One part of x[...]: an integer or a slice takes the next axis, at positions that lie inside it; new_axis makes one.
struct IndexItem {
  enum { integer, slice, new_axis } kind;
  int64_t start = 0, step = 1, count = 0;
};
// Axes beyond the items stay whole.
NDArray index(const NDArray &x, const std::vector<IndexItem> &items);

// -- memory.cpp
NDArray full(const Dims &shape, const Scalar &value, DType dtype, Device device);
NDArray iota(int64_t n, DType dtype, Device device);
NDArray from_host(const void *data, const Dims &shape, DType dtype, Device device);
void to_host(const NDArray &x, void *data);  // row-major
NDArray copy(const NDArray &x);
NDArray contiguous(const NDArray &x);  // x itself where it is contiguous
NDArray astype(const NDArray &x, DType dtype, bool copy);
NDArray to_device(const NDArray &x, Device device);
// Host memory that is not ours: how to read it, and what keeps it alive.
struct Foreign {
  void *data;  // the first element
  DType dtype;
  Dims shape, strides;  // strides in bytes
  bool is_read_only;
  std::shared_ptr<void> owner;
};
// An array in that memory, or of a copy: always, never (an error of `kind` where it needs one), or where it needs one,
// which is on devices that have memory of their own, of memory that is read-only, and of elements that are not aligned.
NDArray from_foreign(const char *op, ErrorKind kind, const Foreign &source, Device device, std::optional<bool> copy);
// x[...] = value, broadcast; the value's dtype must promote to x's.
void assign(const char *op, const NDArray &x, const NDArray &value);
// The arrays along an axis that they have, one behind the other, in their promoted dtype.
NDArray join(const char *op, std::span<const NDArray> arrays, int64_t axis);

// -- elementwise.cpp
NDArray unary(OpCode op, const NDArray &x, const NDArray *out);
NDArray binary(OpCode op, const NDArray &x, const NDArray &y, const NDArray *out);
// A scalar as a 0-d array beside an array: of the dtype that the promotion rules give it.
NDArray scalar_beside(const char *op, const Scalar &value, const NDArray &array);
NDArray where(const NDArray &condition, const NDArray &x, const NDArray &y);

// -- along_axes.cpp
// No axes: all of them. dtype, for sum and prod, is that of the result.
NDArray reduce(OpCode op, const NDArray &x, const Dims *axes, const DType *dtype, bool keepdims);
NDArray arg_reduce(OpCode op, const NDArray &x, const int64_t *axis, bool keepdims);
// dtype is that of the result; include_initial puts the empty sum or product before the others.
NDArray scan(OpCode op, const NDArray &x, const int64_t *axis, const DType *dtype, bool include_initial);
NDArray sort(const NDArray &x, int64_t axis, bool descending);
NDArray argsort(const NDArray &x, int64_t axis, bool descending);

// -- contraction.cpp
NDArray matmul(const NDArray &x, const NDArray &y, std::optional<DType> dtype = std::nullopt);

// -- indexed.cpp
NDArray take_along_axis(const NDArray &x, const NDArray &indices, int64_t axis);
NDArray take(const NDArray &x, const NDArray &indices, int64_t axis);
NDArray scatter(OpCode op, const NDArray &x, const NDArray &indices, const NDArray &updates, int64_t axis);
// x[indices] = updates, broadcast, for a 1-d x; where indices repeat, the last one stays.
void put(const char *op, const NDArray &x, const NDArray &indices, const NDArray &updates);
NDArray random_bits(uint64_t key, uint64_t counter, int64_t n, Device device);

}  // namespace needle
