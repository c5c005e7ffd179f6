// The matrix product.
#include <array>

#include "contract.h"
#include "error.h"
#include "ndarray.h"
#include "operand.h"

namespace needle {

NDArray matmul(const NDArray &x, const NDArray &y, std::optional<DType> asked) {
  Device device = common_device("matmul", {&x, &y});
  DType dtype = promote("matmul", x.dtype, y.dtype);
  expect_arithmetic("matmul", dtype);
  auto shapes = [&] { return x.shape.str() + " @ " + y.shape.str(); };
  if (info(dtype).kind == kBool)
    fail(ErrorKind::type, "matmul", "operands are not numbers", "bool", "", "cast with astype");
  if (x.ndim() == 0 || y.ndim() == 0)
    fail(ErrorKind::value, "matmul", "an operand has no dimensions", shapes(), "at least 1 each", "use x * y");
  // A vector is a row on the left and a column on the right; its axis is dropped from the result.
  NDArray a = x.ndim() == 1 ? expand_dims(x, {0}) : x, b = y.ndim() == 1 ? expand_dims(y, {1}) : y;
  int64_t m = a.shape[a.ndim() - 2], k = a.shape[a.ndim() - 1], n = b.shape[b.ndim() - 1];
  if (b.shape[b.ndim() - 2] != k)
    fail(ErrorKind::value, "matmul", "the inner extents differ", shapes(),
         "the last of the left equal to the last but one of the right (a vector: its only one)");
  auto batch = [](const NDArray &z) {
    Dims lead;
    for (int i = 0; i < z.ndim() - 2; ++i) lead.push(z.shape[i]);
    return lead;
  };
  Dims lead = broadcast_shapes("matmul", std::array{batch(a), batch(b)});
  auto with_lead = [&](int64_t rows, int64_t columns) {
    Dims shape = lead;
    shape.push(rows);
    shape.push(columns);
    return shape;
  };
  DType result = asked.value_or(dtype);
  if (promote("matmul", dtype, result) != result)
    fail(ErrorKind::type, "matmul", "the dtype asked for does not hold the product's", info(result).name,
         std::string(info(dtype).name) + " or a wider one");
  NDArray out = NDArray::empty("matmul", with_lead(m, n), result, device);
  // f(a, b) with the operands in a dtype.
  auto with_operands = [&](DType of, auto &&f) {
    Operand left("matmul", a, of, with_lead(m, k)), right("matmul", b, of, with_lead(k, n));
    return f(static_cast<const NDArray &>(left), static_cast<const NDArray &>(right));
  };
  bool done = out.size() == 0;
  if (!done && result != dtype)
    done = with_operands(dtype, [&](const NDArray &left, const NDArray &right) {
      const NDArray *in[] = {&left, &right}, *to[] = {&out};
      return contract::composite(OpCode::composite_wide_matmul, in, to, {}, {});
    });
  if (!done)
    with_operands(result, [&](const NDArray &left, const NDArray &right) { contract::matmul(left, right, out); });
  Dims dropped;
  if (x.ndim() == 1) dropped.push(out.ndim() - 2);
  if (y.ndim() == 1) dropped.push(out.ndim() - 1);
  return dropped.size() ? squeeze(out, dropped) : out;
}

}  // namespace needle
