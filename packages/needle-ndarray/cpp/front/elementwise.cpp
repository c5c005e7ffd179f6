// Elementwise functions: promote, cast, broadcast, allocate, call.
#include <array>

#include "contract.h"
#include "error.h"
#include "ndarray.h"
#include "operand.h"

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

}  // namespace

NDArray unary(OpCode code, const NDArray &x, const NDArray *given) {
  const Op &op = op_info(code);
  DType dtype = admit(op, x.dtype);
  NDArray out = result(op.name, x.shape, result_dtype(op, dtype), x.device(), given);
  Operand a(op.name, x, dtype, out.shape);
  if (given) a.keep_apart(out);
  if (out.size() > 0) contract::unary(code, a, out);
  return out;
}

NDArray binary(OpCode code, const NDArray &x, const NDArray &y, const NDArray *given) {
  const Op &op = op_info(code);
  Device device = common_device(op.name, {&x, &y});
  DType dtype = admit(op, promote(op.name, x.dtype, y.dtype));
  Dims shape = x.shape == y.shape ? x.shape : broadcast_shapes(op.name, std::array{x.shape, y.shape});
  NDArray out = result(op.name, shape, result_dtype(op, dtype), device, given);
  Operand a(op.name, x, dtype, out.shape), b(op.name, y, dtype, out.shape);
  if (given) {
    a.keep_apart(out);
    b.keep_apart(out);
  }
  if (out.size() > 0) contract::binary(code, a, b, out);
  return out;
}

NDArray scalar_beside(const char *op, const Scalar &value, const NDArray &array) {
  DType dtype = scalar_dtype(value, array.dtype);
  unsigned char element[kMaxItemsize];
  store_scalar(op, value, dtype, element);
  NDArray scalar = NDArray::empty(op, {}, dtype, array.device());
  contract::fill(op, element, scalar);
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
    contract::where(Operand("where", condition, DType::boolean, shape), Operand("where", x, dtype, shape),
                    Operand("where", y, dtype, shape), out);
  return out;
}

}  // namespace needle
