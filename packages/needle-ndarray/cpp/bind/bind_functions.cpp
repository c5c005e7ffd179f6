// The functions of the namespace: each converts its arguments and calls the front's function of the same name.
#include "../front/contract.h"
#include "function.h"

namespace needle::bind {

namespace {

template <OpCode op>
NDArray unary_function(const NDArray &x, const NDArray *out) {
  return unary(op, x, out);
}

template <OpCode op>
NDArray binary_function(py::handle x, py::handle y, const NDArray *out) {
  Operands operands(op_info(op).name, x, y);
  return binary(op, operands.x(), operands.y(), out);
}

void define_elementwise(py::module_ &m) {
  py::dict unary, binary;
#define UNARY(name, takes, gives, functor, doc) \
  unary[#name] = define<unary_function<OpCode::unary_##name>>(m, #name "(x, /, *, out=None)", doc);
#define BINARY(name, takes, gives, functor, doc) \
  binary[#name] = define<binary_function<OpCode::binary_##name>>(m, #name "(x, y, /, *, out=None)", doc);
#include "../ops/elementwise.inc"
  m.attr("unary") = unary;
  m.attr("binary") = binary;

  define<[](const NDArray &condition, py::handle x, py::handle y) {
    if (as_array(x) || as_array(y)) {
      Operands operands("where", x, y);
      return where(condition, operands.x(), operands.y());
    }
    // Two numbers: they decide the dtype between them, as beside a bool array.
    std::optional<Scalar> a = to_scalar("where", x), b = to_scalar("where", y);
    if (!a || !b) to_array("where", a ? y : x);  // throws
    DType dtype = promote("where", scalar_dtype(*a, DType::boolean), scalar_dtype(*b, DType::boolean));
    Device device = condition.device();
    return where(condition, full({}, *a, dtype, device), full({}, *b, dtype, device));
  }>(m, "where(condition, x, y, /)");
  define<[](const NDArray &x, DType dtype, bool copy, std::optional<Device> device) {
    NDArray there = device ? to_device(x, *device) : x;
    return astype(there, dtype, copy && there.buffer == x.buffer);
  }>(m, "astype(x, dtype, /, *, copy=True, device=None)");
}

void define_creation(py::module_ &m) {
  define<[](const Dims &shape, DType dtype, Device device) { return NDArray::empty("empty", shape, dtype, device); }>(
      m, "empty(shape, dtype, device=None)");
  define<[](const Dims &shape, py::handle value, DType dtype, Device device) {
    std::optional<Scalar> scalar = to_scalar("full", value);
    if (!scalar)
      fail(ErrorKind::type, "full", "the value is not a number", Py_TYPE(value.ptr())->tp_name,
           "bool, int, float or complex");
    return full(shape, *scalar, dtype, device);
  }>(m, "full(shape, value, dtype, device=None)");
  define<iota>(m, "iota(n, dtype, device=None)");
  define<[](Arguments operands) {
    // Arrays and dtypes first: numbers take their dtype from what these give.
    auto dtype_of = [](py::handle o) -> const DType * {
      const NDArray *array = as_array(o);
      return array ? &array->dtype : Box<DType>::find(o.ptr());
    };
    std::optional<DType> dtype;
    for (py::handle o : operands)
      if (const DType *next = dtype_of(o)) dtype = dtype ? promote("result_type", *dtype, *next) : *next;
    if (!dtype) fail(ErrorKind::value, "result_type", "no array and no dtype among the operands");
    DType result = *dtype;
    for (py::handle o : operands) {
      if (dtype_of(o)) continue;
      std::optional<Scalar> scalar = to_scalar("result_type", o);
      if (!scalar) to_array("result_type", o);  // throws
      result = promote("result_type", result, scalar_dtype(*scalar, *dtype));
    }
    return result;
  }>(m, "result_type(*operands)");
  define<[](Arguments shapes) {
    std::vector<Dims> dims;
    for (py::handle shape : shapes) dims.push_back(to_dims("broadcast_shapes", shape));
    return to_tuple(broadcast_shapes("broadcast_shapes", dims));
  }>(m, "broadcast_shapes(*shapes)");
}

void define_views(py::module_ &m) {
  define<copy>(m, "copy(x, /)");
  define<contiguous>(m, "contiguous(x, /)");
  define<reshape>(m, "reshape(x, /, shape, *, copy=None)");
  define<permute_dims>(m, "permute_dims(x, /, axes)");
  define<[](const NDArray &x, const Dims &shape) { return broadcast_to("broadcast_to", x, shape); }>(
      m, "broadcast_to(x, /, shape)");
  define<expand_dims>(m, "expand_dims(x, /, axis=0)");
  define<squeeze>(m, "squeeze(x, /, axis)");
  define<[](const NDArray &x, const std::optional<Dims> &axis) {
    if (axis) return flip(x, *axis);
    Dims all;
    for (int i = 0; i < x.ndim(); ++i) all.push(i);
    return flip(x, all);
  }>(m, "flip(x, /, *, axis=None)");
  define<bitcast>(m, "bitcast(x, dtype, /)");
  define<windows>(m, "windows(x, /, size, stride, dilation)");
  define<[](const NDArray &x, const Dims &shape, const Dims &strides, std::optional<int64_t> offset) {
    return as_strided(x, shape, strides, offset.value_or(x.offset));
  }>(m, "as_strided(x, /, shape, strides, offset=None)");
}

template <class T>
const T *pointer(const std::optional<T> &value) {
  return value ? &*value : nullptr;
}

template <OpCode op>
NDArray summed(const NDArray &x, const std::optional<Dims> &axis, std::optional<DType> dtype, bool keepdims) {
  return reduce(op, x, pointer(axis), pointer(dtype), keepdims);
}

template <OpCode op>
NDArray reduced(const NDArray &x, const std::optional<Dims> &axis, bool keepdims) {
  return reduce(op, x, pointer(axis), nullptr, keepdims);
}

template <OpCode op>
NDArray place_of(const NDArray &x, std::optional<int64_t> axis, bool keepdims) {
  return arg_reduce(op, x, pointer(axis), keepdims);
}

template <OpCode op>
NDArray scanned(const NDArray &x, std::optional<int64_t> axis, std::optional<DType> dtype, bool include_initial) {
  return scan(op, x, pointer(axis), pointer(dtype), include_initial);
}

void define_along_axes(py::module_ &m) {
  define<summed<OpCode::reduce_sum>>(m, "sum(x, /, *, axis=None, dtype=None, keepdims=False)");
  define<summed<OpCode::reduce_prod>>(m, "prod(x, /, *, axis=None, dtype=None, keepdims=False)");
  define<reduced<OpCode::reduce_max>>(m, "max(x, /, *, axis=None, keepdims=False)");
  define<reduced<OpCode::reduce_min>>(m, "min(x, /, *, axis=None, keepdims=False)");
  define<reduced<OpCode::reduce_any>>(m, "any(x, /, *, axis=None, keepdims=False)");
  define<reduced<OpCode::reduce_all>>(m, "all(x, /, *, axis=None, keepdims=False)");
  define<place_of<OpCode::argmax>>(m, "argmax(x, /, *, axis=None, keepdims=False)");
  define<place_of<OpCode::argmin>>(m, "argmin(x, /, *, axis=None, keepdims=False)");
  define<scanned<OpCode::scan_sum>>(m, "cumulative_sum(x, /, *, axis=None, dtype=None, include_initial=False)");
  define<scanned<OpCode::scan_prod>>(m, "cumulative_prod(x, /, *, axis=None, dtype=None, include_initial=False)");
  // The sort is stable whatever is asked.
  define<[](const NDArray &x, int64_t axis, bool descending, bool) { return sort(x, axis, descending); }>(
      m, "sort(x, /, *, axis=-1, descending=False, stable=True)");
  define<[](const NDArray &x, int64_t axis, bool descending, bool) { return argsort(x, axis, descending); }>(
      m, "argsort(x, /, *, axis=-1, descending=False, stable=True)");
}

void define_contraction_and_indexed(py::module_ &m) {
  define<matmul>(m, "matmul(x, y, /, *, dtype=None)");
  define<take_along_axis>(m, "take_along_axis(x, indices, /, *, axis=-1)");
  define<[](const NDArray &x, const NDArray &indices, std::optional<int64_t> axis) {
    if (!axis && x.ndim() != 1)
      fail(ErrorKind::value, "take", "no axis is named", "shape " + x.shape.str(), "axis=, for other than 1 dimension");
    return take(x, indices, axis.value_or(0));
  }>(m, "take(x, indices, /, *, axis=None)");
  define<[](const NDArray &x, const NDArray &indices, const NDArray &updates, int64_t axis, const std::string &op) {
    if (op != "set" && op != "add") fail(ErrorKind::value, "scatter", "no such op", op, "\"set\" or \"add\"");
    return scatter(op == "set" ? OpCode::scatter_set : OpCode::scatter_add, x, indices, updates, axis);
  }>(m, "scatter(x, indices, updates, /, *, axis, op=\"set\")");
  define<[](const NDArray &x, const NDArray &indices, const NDArray &updates) { put("setitem", x, indices, updates); }>(
      m, "put(x, indices, updates, /)");
  define<random_bits>(m, "random_bits(key, counter, n, device=None)");
}

using Arrays = std::vector<const NDArray *>;  // null for one that is left out

// Whether the backend did it. It is called with arrays that the functions of Python have made and checked, so that it
// checks only what it cannot do without.
bool composite(const std::string &name, const Arrays &inputs, const Arrays &outputs,
               const std::vector<int64_t> &integers, const std::vector<double> &reals) {
  std::optional<OpCode> op = find_composite(name);
  if (!op) fail(ErrorKind::value, "composite", "there is no such composite", name);
  for (const Arrays &list : {inputs, outputs})
    for (const NDArray *x : list)
      if (x) common_device(name.c_str(), {outputs.at(0), x});
  return contract::composite(*op, inputs, outputs, integers, reals);
}

// `op` is the function that errors name; the arrays are joined along an axis that they have, or along a new one.
NDArray join_arrays(const std::string &op, const Arrays &arrays, int64_t axis, bool new_axis) {
  std::vector<NDArray> parts;
  for (const NDArray *x : arrays) {
    if (!x) fail(ErrorKind::type, op, "None among the arrays");
    if (new_axis && !(x->shape == arrays[0]->shape))
      fail(ErrorKind::value, op, "the arrays differ in shape", arrays[0]->shape.str() + " and " + x->shape.str(),
           "equal shapes");
    parts.push_back(new_axis ? expand_dims(*x, {axis}) : *x);
  }
  return join(op.c_str(), parts, axis);
}

}  // namespace

void bind_functions(py::module_ &m) {
  define_creation(m);
  define_elementwise(m);
  define_views(m);
  define_along_axes(m);
  define_contraction_and_indexed(m);
  define<join_arrays>(m, "join(op, arrays, axis, new_axis=False)");
  define<composite>(m, "composite(name, inputs, outputs, integers=(), reals=())");
}

}  // namespace needle::bind
