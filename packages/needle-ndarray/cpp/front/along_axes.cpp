// Functions along axes: reductions, places of extremes, running sums, sorting.
#include <algorithm>

#include "contract.h"
#include "error.h"
#include "ndarray.h"

namespace needle {

namespace {

// The dtype in which integers are summed: wide enough not to wrap in practice, as the array API wants.
DType sum_dtype(DType dtype) {
  const DTypeInfo &type = info(dtype);
  if (type.kind >= kFloat) return dtype;
  return type.is_unsigned ? DType::uint64 : DType::int64;
}

const char *scan_name(OpCode op) { return op == OpCode::scan_sum ? "cumulative_sum" : "cumulative_prod"; }

}  // namespace

NDArray reduce(OpCode code, const NDArray &x, const Dims *axes, const DType *dtype, bool keepdims) {
  const Op &op = op_info(code);
  bool is_sum = code == OpCode::reduce_sum || code == OpCode::reduce_prod;
  bool reduced[kMaxDims] = {};
  if (axes) {
    for (int64_t axis : *axes) {
      bool &flag = reduced[normalize_axis(op.name, axis, x.ndim())];
      if (flag) fail(ErrorKind::value, op.name, "an axis is named twice", axes->str());
      flag = true;
    }
  } else {
    std::fill_n(reduced, x.ndim(), true);
  }
  Dims shape = x.shape;
  for (int i = 0; i < x.ndim(); ++i) {
    if (!reduced[i]) continue;
    if (x.shape[i] == 0 && (code == OpCode::reduce_max || code == OpCode::reduce_min))
      fail(ErrorKind::value, op.name, "no extreme of no elements", "shape " + x.shape.str());
    shape[i] = 1;
  }
  DType out_dtype = is_sum                       ? (dtype ? *dtype : sum_dtype(x.dtype))
                    : op.gives == Gives::boolean ? DType::boolean
                                                 : x.dtype;
  if (code == OpCode::reduce_max || code == OpCode::reduce_min) expect_order(op.name, x.dtype);
  expect_arithmetic(op.name, x.dtype);
  expect_arithmetic(op.name, out_dtype);
  if (info(x.dtype).kind == kComplex && is_sum && info(out_dtype).kind != kComplex)
    fail(ErrorKind::type, op.name, "the dtype of the result would drop the imaginary parts",
         std::string(info(x.dtype).name) + " to " + info(out_dtype).name, "a complex dtype");
  if (is_sum && info(out_dtype).kind == kBool)
    fail(ErrorKind::type, op.name, "no arithmetic in bool", "dtype bool", "an integer or float dtype");
  NDArray out = NDArray::empty(op.name, shape, out_dtype, x.device());
  if (out.size() > 0) contract::reduce(code, x, out);
  if (keepdims) return out;
  Dims dropped;
  for (int i = 0; i < x.ndim(); ++i)
    if (reduced[i]) dropped.push(i);
  return squeeze(out, dropped);
}

NDArray arg_reduce(OpCode code, const NDArray &x, const int64_t *axis, bool keepdims) {
  const char *op = op_info(code).name;
  expect_order(op, x.dtype);
  NDArray a = axis ? x : reshape(x, {-1});
  int at = axis ? normalize_axis(op, *axis, x.ndim()) : 0;
  if (a.shape[at] == 0) fail(ErrorKind::value, op, "no extreme of no elements", "shape " + x.shape.str());
  Dims shape = a.shape;
  shape[at] = 1;
  NDArray out = NDArray::empty(op, shape, DType::int64, x.device());
  if (out.size() > 0) contract::arg_reduce(code, a, at, out);
  if (!keepdims) return squeeze(out, {at});
  return axis ? out : reshape(out, Dims(x.ndim(), 1));
}

NDArray scan(OpCode code, const NDArray &x, const int64_t *axis, const DType *dtype, bool include_initial) {
  const char *op = scan_name(code);
  expect_arithmetic(op, x.dtype);
  if (!axis && x.ndim() != 1)
    fail(ErrorKind::value, op, "no axis is named", "shape " + x.shape.str(), "axis=, for other than 1 dimension");
  int at = normalize_axis(op, axis ? *axis : 0, x.ndim());
  NDArray a = astype(x, dtype ? *dtype : sum_dtype(x.dtype), false);
  if (info(a.dtype).kind == kBool)
    fail(ErrorKind::type, op, "no arithmetic in bool", "dtype bool", "an integer or float dtype");
  Dims shape = a.shape;
  shape[at] += include_initial;
  NDArray out = NDArray::empty(op, shape, a.dtype, a.device()), sums = out;
  if (include_initial) {
    NDArray first = out;
    first.shape[at] = 1;
    unsigned char element[kMaxItemsize];
    store_scalar(op, Scalar{kInt, 0, code == OpCode::scan_prod, false}, a.dtype, element);
    if (first.size() > 0) contract::fill(op, element, first);
    sums.shape = a.shape;
    if (a.size() > 0) sums.offset += out.strides[at];
  }
  if (a.size() > 0) contract::scan(code, a, at, sums);
  return out;
}

NDArray sort(const NDArray &x, int64_t axis, bool descending) {
  expect_order("sort", x.dtype);
  int at = normalize_axis("sort", axis, x.ndim());
  NDArray out = NDArray::empty("sort", x.shape, x.dtype, x.device());
  if (out.size() > 0) contract::sort(x, at, descending, &out, nullptr);
  return out;
}

NDArray argsort(const NDArray &x, int64_t axis, bool descending) {
  expect_order("argsort", x.dtype);
  int at = normalize_axis("argsort", axis, x.ndim());
  NDArray out = NDArray::empty("argsort", x.shape, DType::int64, x.device());
  if (out.size() > 0) contract::sort(x, at, descending, nullptr, &out);
  return out;
}

}  // namespace needle
