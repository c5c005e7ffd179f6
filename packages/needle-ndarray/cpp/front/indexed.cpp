// Access by arrays of indices, and random words.
#include "contract.h"
#include "error.h"
#include "ndarray.h"

namespace needle {

namespace {

NDArray as_indices(const char *op, const NDArray &indices) {
  if (info(indices.dtype).kind != kInt)
    fail(ErrorKind::type, op, "the indices are not integers", info(indices.dtype).name, "an integer dtype");
  return astype(indices, DType::int64, false);
}

// Both shapes with the extents off `axis` broadcast together.
std::pair<Dims, Dims> broadcast_but(const char *op, const Dims &x, const Dims &y, int axis) {
  bool fits = x.size() == y.size();
  Dims to_x = x, to_y = y;
  for (int i = 0; fits && i < x.size(); ++i) {
    if (i == axis) continue;
    fits = x[i] == y[i] || x[i] == 1 || y[i] == 1;
    to_x[i] = to_y[i] = x[i] == 1 ? y[i] : x[i];
  }
  if (!fits)
    fail(ErrorKind::value, op, "array and indices do not fit together", x.str() + " and " + y.str(),
         "equal rank, and extents that broadcast off axis " + std::to_string(axis));
  return {to_x, to_y};
}

}  // namespace

NDArray take_along_axis(const NDArray &x, const NDArray &indices, int64_t axis) {
  common_device("take_along_axis", {&x, &indices});
  int at = normalize_axis("take_along_axis", axis, x.ndim());
  NDArray places = as_indices("take_along_axis", indices);
  auto [x_shape, shape] = broadcast_but("take_along_axis", x.shape, places.shape, at);
  NDArray out = NDArray::empty("take_along_axis", shape, x.dtype, x.device());
  if (out.size() > 0)
    contract::gather("take_along_axis", broadcast_to("take_along_axis", x, x_shape),
                     broadcast_to("take_along_axis", places, shape), at, out);
  return out;
}

NDArray take(const NDArray &x, const NDArray &indices, int64_t axis) {
  common_device("take", {&x, &indices});
  int at = normalize_axis("take", axis, x.ndim());
  NDArray places = reshape(as_indices("take", indices), {-1});
  // The same indices for every position off the axis: one 0-stride view of them.
  Dims shape = x.shape;
  shape[at] = places.shape[0];
  NDArray spread{places.buffer, places.dtype, shape, Dims(shape.size(), 0), places.offset};
  spread.strides[at] = places.strides[0];
  NDArray out = NDArray::empty("take", shape, x.dtype, x.device());
  if (out.size() > 0) contract::gather("take", x, spread, at, out);
  Dims result;
  for (int i = 0; i < at; ++i) result.push(x.shape[i]);
  for (int64_t extent : indices.shape) result.push(extent);
  for (int i = at + 1; i < x.ndim(); ++i) result.push(x.shape[i]);
  return reshape(out, result);
}

NDArray scatter(OpCode op, const NDArray &x, const NDArray &indices, const NDArray &updates, int64_t axis) {
  common_device("scatter", {&x, &indices, &updates});
  int at = normalize_axis("scatter", axis, x.ndim());
  NDArray places = as_indices("scatter", indices);
  if (!(updates.shape == places.shape))
    fail(ErrorKind::value, "scatter", "updates and indices differ in shape",
         updates.shape.str() + " and " + places.shape.str(), "equal shapes");
  auto [x_shape, shape] = broadcast_but("scatter", x.shape, places.shape, at);
  if (!(x_shape == x.shape) || !(shape == places.shape))
    fail(ErrorKind::value, "scatter", "indices do not fit the array", places.shape.str() + " for " + x.shape.str(),
         "equal extents off axis " + std::to_string(at));
  if (promote("scatter", x.dtype, updates.dtype) != x.dtype)
    fail(ErrorKind::type, "scatter", "the updates' dtype does not fit into the array's", info(updates.dtype).name,
         info(x.dtype).name, "cast them with astype");
  if (op == OpCode::scatter_add) expect_arithmetic("scatter", x.dtype);
  if (op == OpCode::scatter_add && info(x.dtype).kind == kBool)
    fail(ErrorKind::type, "scatter", "no arithmetic in bool", "op add on a bool array", "op \"set\", or numbers");
  NDArray out = copy(x);
  if (places.size() > 0) contract::scatter("scatter", op, astype(updates, x.dtype, false), places, at, out);
  return out;
}

void put(const char *op, const NDArray &x, const NDArray &indices, const NDArray &updates) {
  common_device(op, {&x, &indices, &updates});
  if (promote(op, x.dtype, updates.dtype) != x.dtype)
    fail(ErrorKind::type, op, "the value's dtype does not fit into the array's", info(updates.dtype).name,
         info(x.dtype).name, "cast it with astype");
  NDArray places = as_indices(op, indices);
  NDArray values = broadcast_to(op, astype(updates, x.dtype, false), places.shape);
  if (values.overlaps(x)) values = copy(values);
  if (places.size() > 0) contract::scatter(op, OpCode::scatter_set, reshape(values, {-1}), reshape(places, {-1}), 0, x);
}

NDArray random_bits(uint64_t key, uint64_t counter, int64_t n, Device device) {
  NDArray out = NDArray::empty("random_bits", Dims{n}, DType::uint32, device);
  if (n > 0) contract::random_bits(key, counter, out);
  return out;
}

}  // namespace needle
