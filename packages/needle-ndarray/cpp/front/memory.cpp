// Creation, copies, and the ways between host memory, dtypes and devices.
#include <vector>

#include "contract.h"
#include "error.h"
#include "ndarray.h"

namespace needle {

NDArray full(const Dims &shape, const Scalar &value, DType dtype, Device device) {
  NDArray out = NDArray::empty("full", shape, dtype, device);
  unsigned char element[kMaxItemsize];
  store_scalar("full", value, dtype, element);
  if (out.size() > 0) contract::fill("full", element, out);
  return out;
}

NDArray iota(int64_t n, DType dtype, Device device) {
  expect_order("iota", dtype);
  if (dtype == DType::boolean) fail(ErrorKind::type, "iota", "no counting in bool", "", "an integer or float dtype");
  NDArray out = NDArray::empty("iota", Dims{n}, dtype, device);
  if (n > 0) contract::iota(out);
  return out;
}

NDArray from_host(const void *data, const Dims &shape, DType dtype, Device device) {
  NDArray out = NDArray::empty("from_host", shape, dtype, device);
  if (out.size() > 0) contract::upload(data, out);
  return out;
}

void to_host(const NDArray &x, void *data) {
  if (x.size() > 0) contract::download(contiguous(x), data);
}

NDArray copy(const NDArray &x) {
  NDArray out = NDArray::empty("copy", x.shape, x.dtype, x.device());
  if (out.size() > 0) contract::copy("copy", x, out);
  return out;
}

NDArray contiguous(const NDArray &x) { return x.is_contiguous() ? x : copy(x); }

NDArray astype(const NDArray &x, DType dtype, bool always_copy) {
  if (x.dtype == dtype) return always_copy ? copy(x) : x;
  if (info(x.dtype).kind == kComplex && info(dtype).kind != kComplex && dtype != DType::boolean)
    fail(ErrorKind::type, "astype", "a cast would drop the imaginary parts",
         std::string(info(x.dtype).name) + " to " + info(dtype).name, "a complex dtype or bool",
         "take real(x) or abs(x)");
  NDArray out = NDArray::empty("astype", x.shape, dtype, x.device());
  if (out.size() > 0) contract::cast("astype", x, out);
  return out;
}

NDArray to_device(const NDArray &x, Device device) {
  if (x.device() == device) return x;
  std::vector<unsigned char> host(static_cast<size_t>(x.nbytes()));
  to_host(x, host.data());
  return from_host(host.data(), x.shape, x.dtype, device);
}

void assign(const char *op, const NDArray &x, const NDArray &value) {
  common_device(op, {&x, &value});
  if (promote(op, x.dtype, value.dtype) != x.dtype)
    fail(ErrorKind::type, op, "the value's dtype does not fit into the array's", info(value.dtype).name,
         info(x.dtype).name, "cast it with astype");
  if (x.has_repeats())
    fail(ErrorKind::value, op, "cannot write to a view that shows one element at several places",
         "shape " + x.shape.str() + " with strides " + x.strides.str(), "", "write to a copy()");
  NDArray source = broadcast_to(op, value, x.shape);
  if (x.size() == 0 || source.same_view(x)) return;
  if (source.overlaps(x)) source = copy(source);
  source.dtype == x.dtype ? contract::copy(op, source, x) : contract::cast(op, source, x);
}

NDArray join(const char *op, std::span<const NDArray> arrays, int64_t axis) {
  if (arrays.empty()) fail(ErrorKind::value, op, "no arrays are given", "", "at least one");
  const NDArray &first = arrays[0];
  if (first.ndim() == 0)
    fail(ErrorKind::index, op, "axis out of range", std::to_string(axis), "arrays with dimensions; stack joins others");
  const int at = normalize_axis(op, axis, first.ndim());
  Dims shape = first.shape;
  shape[at] = 0;
  DType dtype = first.dtype;
  for (const NDArray &x : arrays) {
    common_device(op, {&first, &x});
    Dims off_axis = x.shape;
    if (x.ndim() == first.ndim()) off_axis[at] = shape[at];
    if (!(off_axis == shape)) {
      std::string got;
      for (const NDArray &each : arrays) got += (got.empty() ? "" : " and ") + each.shape.str();
      fail(ErrorKind::value, op, "shapes do not fit together", got, "equal extents off axis " + std::to_string(at));
    }
    if (__builtin_add_overflow(shape[at], x.shape[at], &shape[at]))
      fail(ErrorKind::overflow, op, "more elements along the axis than an array can have");
    dtype = promote(op, dtype, x.dtype);
  }
  NDArray out = NDArray::empty(op, shape, dtype, first.device());
  NDArray part = out;
  for (const NDArray &x : arrays) {
    part.shape[at] = x.shape[at];
    if (x.size() > 0) x.dtype == dtype ? contract::copy(op, x, part) : contract::cast(op, x, part);
    part.offset += x.shape[at] * out.strides[at];
  }
  return out;
}

}  // namespace needle
