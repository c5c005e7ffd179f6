// Elementwise functions: promote, cast, broadcast, allocate, call.
#include <array>

#include "contract.h"
#include "error.h"
#include "ndarray.h"

namespace needle {

namespace {

// The dtype to compute in: the operands' own, or the default one of the first kind above theirs that the op takes.
DType admit(const Op &op, DType dtype) {
  Kind kind = info(dtype).kind;
  expect_arithmetic(op.name, dtype);
  if (op.takes & kind) return dtype;
  if (kind < kInt && op.takes & kInt) return kDefaultInt;
  if (kind < kFloat && op.takes & kFloat) return kDefaultFloat;
  if (op.takes & kFloat)
    fail(ErrorKind::type, op.name, "the op does not take complex numbers", info(dtype).name, "a real dtype",
         "take abs, real or imag of them");
  fail(ErrorKind::type, op.name, "the op does not take this dtype", info(dtype).name,
       op.takes == kInt ? "an integer dtype" : "a bool or integer dtype", "cast it with astype");
}

DType result_dtype(const Op &op, DType dtype) {
  return op.gives == Gives::boolean ? DType::boolean : op.gives == Gives::component ? component(dtype) : dtype;
}

// The array to write: a new one, or the caller's, if it is what the result needs.
NDArray result(const char *op, const Dims &shape, DType dtype, Device device, const NDArray *out) {
  if (!out) return NDArray::empty(op, shape, dtype, device);
  if (!(out->shape == shape))
    fail(ErrorKind::value, op, "the array to write has another shape than the result", out->shape.str(), shape.str());
  if (out->dtype != dtype)
    fail(ErrorKind::type, op, "the array to write has another dtype than the result", info(out->dtype).name,
         info(dtype).name);
  if (out->device() != device)
    fail(ErrorKind::value, op, "the array to write is on another device", out->device().str(), device.str());
  if (out->has_repeats())
    fail(ErrorKind::value, op, "cannot write to a view that shows one element at several places",
         "shape " + out->shape.str() + " with strides " + out->strides.str(), "", "write to a copy()");
  return *out;
}

// Cast and broadcast; copied if it overlaps `out` without being the same view, which the contract rules out.
NDArray operand(const char *op, const NDArray &x, DType dtype, const NDArray &out, bool out_is_new) {
  NDArray view = broadcast_to(op, x.dtype == dtype ? x : astype(x, dtype, false), out.shape);
  if (!out_is_new && view.overlaps(out) && !view.same_view(out)) {
    // The same elements in another type (bool over uint8) would be safe too, but nobody writes that.
    return copy(view);
  }
  return view;
}

}  // namespace

NDArray unary(OpCode code, const NDArray &x, const NDArray *given) {
  const Op &op = op_info(code);
  DType dtype = admit(op, x.dtype);
  NDArray out = result(op.name, x.shape, result_dtype(op, dtype), x.device(), given);
  NDArray a = operand(op.name, x, dtype, out, !given);
  if (out.size() > 0) contract::unary(code, a, out);
  return out;
}

NDArray binary(OpCode code, const NDArray &x, const NDArray &y, const NDArray *given) {
  const Op &op = op_info(code);
  Device device = common_device(op.name, {&x, &y});
  DType dtype = admit(op, promote(op.name, x.dtype, y.dtype));
  Dims shape = x.shape == y.shape ? x.shape : broadcast_shapes(op.name, std::array{x.shape, y.shape});
  NDArray out = result(op.name, shape, result_dtype(op, dtype), device, given);
  NDArray a = operand(op.name, x, dtype, out, !given), b = operand(op.name, y, dtype, out, !given);
  if (out.size() > 0) contract::binary(code, a, b, out);
  return out;
}

NDArray scalar_beside(const char *op, const Scalar &value, const NDArray &array) {
  DType dtype = scalar_dtype(value, array.dtype);
  unsigned char element[kMaxItemsize];
  store_scalar(op, value, dtype, element);
  NDArray scalar = NDArray::empty(op, {}, dtype, array.device());
  contract::fill(element, scalar);
  return scalar;
}

NDArray where(const NDArray &condition, const NDArray &x, const NDArray &y) {
  Device device = common_device("where", {&condition, &x, &y});
  if (condition.dtype != DType::boolean)
    fail(ErrorKind::type, "where", "the condition is not bool", info(condition.dtype).name, "bool",
         "compare it: condition != 0");
  DType dtype = promote("where", x.dtype, y.dtype);
  Dims shape = broadcast_shapes("where", std::array{condition.shape, x.shape, y.shape});
  NDArray out = NDArray::empty("where", shape, dtype, device);
  if (out.size() > 0)
    contract::where(broadcast_to("where", condition, shape), operand("where", x, dtype, out, true),
                    operand("where", y, dtype, out, true), out);
  return out;
}

}  // namespace needle
