// The functions of the namespace: each converts its arguments and calls the front's function of the same name.
#include <pybind11/stl.h>

#include "../front/contract.h"
#include "convert.h"

namespace needle::bind {

namespace {

// How a parameter of a function arrives from Python: as it is, but an array, dtype or integer as any object, so that
// the error for another type is ours and names the function.
template <class T>
struct Parameter {
  using type = T;
  static T get(const char *, T value) { return value; }
};
template <>
struct Parameter<const NDArray &> {
  using type = py::handle;
  static NDArray get(const char *op, py::handle object) { return to_array(op, object); }
};

template <>
struct Parameter<DType> {
  using type = py::handle;
  static DType get(const char *op, py::handle object) { return to_dtype(op, object); }
};
template <>
struct Parameter<std::optional<DType>> {
  using type = py::handle;
  static std::optional<DType> get(const char *op, py::handle object) {
    return object.is_none() ? std::nullopt : std::optional(to_dtype(op, object));
  }
};
template <>
struct Parameter<int64_t> {
  using type = py::handle;
  static int64_t get(const char *op, py::handle object) { return to_integer(op, object); }
};
template <>
struct Parameter<std::optional<int64_t>> {
  using type = py::handle;
  static std::optional<int64_t> get(const char *op, py::handle object) {
    return object.is_none() ? std::nullopt : std::optional(to_integer(op, object));
  }
};
template <>
struct Parameter<std::optional<bool>> {
  using type = py::handle;
  static std::optional<bool> get(const char *, py::handle object) {
    return object.is_none() ? std::nullopt : std::optional(object.cast<bool>());
  }
};

template <class F, class Result, class... Params, class... Extra>
void define_with(py::module_ &m, const char *name, F f, Result (F::*)(Params...) const, const Extra &...extra) {
  m.def(
      name,
      [f, name](typename Parameter<Params>::type... values) { return f(Parameter<Params>::get(name, values)...); },
      extra...);
}

// m.def with those conversions.
template <class F, class... Extra>
void define(py::module_ &m, const char *name, F f, const Extra &...extra) {
  define_with(m, name, f, &F::operator(), extra...);
}

void bind_elementwise(py::module_ &m) {
  py::dict unary_functions, binary_functions;
  for (int i = 0; i < kOps; ++i) {
    OpCode code = static_cast<OpCode>(i);
    const Op &op = op_info(code);
    if (op.family == NEEDLE_UNARY) {
      m.def(
          op.name,
          [code, name = op.name](py::handle x, py::handle out) {
            NDArray a = to_array(name, x);
            if (out.is_none()) return unary(code, a, nullptr);
            NDArray o = to_array(name, out);
            return unary(code, a, &o);
          },
          op.doc, py::arg("x"), py::pos_only(), py::kw_only(), py::arg("out") = py::none());
      unary_functions[op.name] = m.attr(op.name);
    } else if (op.family == NEEDLE_BINARY) {
      m.def(
          op.name,
          [code, name = op.name](py::handle x, py::handle y, py::handle out) {
            auto [a, b] = to_operands(name, x, y);
            if (out.is_none()) return binary(code, a, b, nullptr);
            NDArray o = to_array(name, out);
            return binary(code, a, b, &o);
          },
          op.doc, py::arg("x"), py::arg("y"), py::pos_only(), py::kw_only(), py::arg("out") = py::none());
      binary_functions[op.name] = m.attr(op.name);
    }
  }
  m.attr("unary") = unary_functions;
  m.attr("binary") = binary_functions;

  m.def(
      "where",
      [](py::handle condition, py::handle x, py::handle y) {
        NDArray c = to_array("where", condition);
        if (as_array(x) || as_array(y)) {
          auto [a, b] = to_operands("where", x, y);
          return where(c, a, b);
        }
        // Two numbers: they decide the dtype between them, as beside a bool array.
        std::optional<Scalar> a = to_scalar("where", x), b = to_scalar("where", y);
        if (!a || !b) to_array("where", a ? y : x);  // throws
        DType dtype = promote("where", scalar_dtype(*a, DType::boolean), scalar_dtype(*b, DType::boolean));
        return where(c, full({}, *a, dtype, c.device()), full({}, *b, dtype, c.device()));
      },
      py::arg("condition"), py::arg("x"), py::arg("y"), py::pos_only());
  define(
      m, "astype",
      [](const NDArray &x, DType dtype, bool copy, py::handle device) {
        NDArray there = device.is_none() ? x : to_device(x, to_device_or_default(device));
        return astype(there, dtype, copy && there.buffer == x.buffer);
      },
      py::arg("x"), py::arg("dtype"), py::pos_only(), py::kw_only(), py::arg("copy") = true,
      py::arg("device") = py::none());
}

void bind_creation(py::module_ &m) {
  define(
      m, "empty",
      [](py::handle shape, DType dtype, py::handle device) {
        return NDArray::empty("empty", to_dims("empty", shape), dtype, to_device_or_default(device));
      },
      py::arg("shape"), py::arg("dtype"), py::arg("device") = py::none());
  define(
      m, "full",
      [](py::handle shape, py::handle value, DType dtype, py::handle device) {
        std::optional<Scalar> scalar = to_scalar("full", value);
        if (!scalar)
          fail(ErrorKind::type, "full", "the value is not a number", Py_TYPE(value.ptr())->tp_name,
               "bool, int, float or complex");
        return full(to_dims("full", shape), *scalar, dtype, to_device_or_default(device));
      },
      py::arg("shape"), py::arg("value"), py::arg("dtype"), py::arg("device") = py::none());
  define(
      m, "iota", [](int64_t n, DType dtype, py::handle device) { return iota(n, dtype, to_device_or_default(device)); },
      py::arg("n"), py::arg("dtype"), py::arg("device") = py::none());
  m.def("result_type", [](const py::args &operands) {
    // Arrays and dtypes first: numbers take their dtype from what these give.
    std::optional<DType> dtype;
    for (py::handle o : operands) {
      const NDArray *array = as_array(o);
      if (!array && !py::isinstance<PyDType>(o)) continue;
      DType next = array ? array->dtype : to_dtype("result_type", o);
      dtype = dtype ? promote("result_type", *dtype, next) : next;
    }
    if (!dtype) fail(ErrorKind::value, "result_type", "no array and no dtype among the operands");
    DType result = *dtype;
    for (py::handle o : operands) {
      if (as_array(o) || py::isinstance<PyDType>(o)) continue;
      std::optional<Scalar> scalar = to_scalar("result_type", o);
      if (!scalar) to_array("result_type", o);  // throws
      result = promote("result_type", result, scalar_dtype(*scalar, *dtype));
    }
    return dtype_object(result);
  });
  m.def("broadcast_shapes", [](const py::args &shapes) {
    std::vector<Dims> dims;
    for (py::handle shape : shapes) dims.push_back(to_dims("broadcast_shapes", shape));
    return to_tuple(broadcast_shapes("broadcast_shapes", dims));
  });
}

void bind_views(py::module_ &m) {
  define(m, "copy", [](const NDArray &x) { return copy(x); }, py::arg("x"), py::pos_only());
  define(m, "contiguous", [](const NDArray &x) { return contiguous(x); }, py::arg("x"), py::pos_only());
  define(
      m, "reshape",
      [](const NDArray &x, py::handle shape, std::optional<bool> copy) {
        return reshape(x, to_dims("reshape", shape), copy);
      },
      py::arg("x"), py::pos_only(), py::arg("shape"), py::kw_only(), py::arg("copy") = py::none());
  define(
      m, "permute_dims",
      [](const NDArray &x, py::handle axes) { return permute_dims(x, to_dims("permute_dims", axes)); }, py::arg("x"),
      py::pos_only(), py::arg("axes"));
  define(
      m, "broadcast_to",
      [](const NDArray &x, py::handle shape) {
        return broadcast_to("broadcast_to", x, to_dims("broadcast_to", shape));
      },
      py::arg("x"), py::pos_only(), py::arg("shape"));
  define(
      m, "expand_dims", [](const NDArray &x, py::handle axis) { return expand_dims(x, to_dims("expand_dims", axis)); },
      py::arg("x"), py::pos_only(), py::arg("axis") = 0);
  define(
      m, "squeeze", [](const NDArray &x, py::handle axis) { return squeeze(x, to_dims("squeeze", axis)); },
      py::arg("x"), py::pos_only(), py::arg("axis"));
  define(
      m, "flip",
      [](const NDArray &x, py::handle axis) {
        if (std::optional<Dims> axes = to_axes("flip", axis)) return flip(x, *axes);
        Dims all;
        for (int i = 0; i < x.ndim(); ++i) all.push(i);
        return flip(x, all);
      },
      py::arg("x"), py::pos_only(), py::kw_only(), py::arg("axis") = py::none());
  define(
      m, "bitcast", [](const NDArray &x, DType dtype) { return bitcast(x, dtype); }, py::arg("x"), py::arg("dtype"),
      py::pos_only());
  define(
      m, "windows",
      [](const NDArray &x, py::handle size, py::handle stride, py::handle dilation) {
        return windows(x, to_dims("windows", size), to_dims("windows", stride), to_dims("windows", dilation));
      },
      py::arg("x"), py::pos_only(), py::arg("size"), py::arg("stride"), py::arg("dilation"));
  define(
      m, "as_strided",
      [](const NDArray &x, py::handle shape, py::handle strides, std::optional<int64_t> offset) {
        return as_strided(x, to_dims("as_strided", shape), to_dims("as_strided", strides), offset.value_or(x.offset));
      },
      py::arg("x"), py::pos_only(), py::arg("shape"), py::arg("strides"), py::arg("offset") = py::none());
}

void bind_along_axes(py::module_ &m) {
  const std::pair<const char *, OpCode> sums[] = {{"sum", OpCode::reduce_sum}, {"prod", OpCode::reduce_prod}};
  for (auto [name, op] : sums)
    define(
        m, name,
        [op = op, name = name](const NDArray &x, py::handle axis, std::optional<DType> dtype, bool keepdims) {
          std::optional<Dims> axes = to_axes(name, axis);
          return reduce(op, x, axes ? &*axes : nullptr, dtype ? &*dtype : nullptr, keepdims);
        },
        py::arg("x"), py::pos_only(), py::kw_only(), py::arg("axis") = py::none(), py::arg("dtype") = py::none(),
        py::arg("keepdims") = false);
  const std::pair<const char *, OpCode> others[] = {{"max", OpCode::reduce_max},
                                                    {"min", OpCode::reduce_min},
                                                    {"any", OpCode::reduce_any},
                                                    {"all", OpCode::reduce_all}};
  for (auto [name, op] : others)
    define(
        m, name,
        [op = op, name = name](const NDArray &x, py::handle axis, bool keepdims) {
          std::optional<Dims> axes = to_axes(name, axis);
          return reduce(op, x, axes ? &*axes : nullptr, nullptr, keepdims);
        },
        py::arg("x"), py::pos_only(), py::kw_only(), py::arg("axis") = py::none(), py::arg("keepdims") = false);
  const std::pair<const char *, OpCode> extremes[] = {{"argmax", OpCode::argmax}, {"argmin", OpCode::argmin}};
  for (auto [name, op] : extremes)
    define(
        m, name,
        [op = op](const NDArray &x, std::optional<int64_t> axis, bool keepdims) {
          return arg_reduce(op, x, axis ? &*axis : nullptr, keepdims);
        },
        py::arg("x"), py::pos_only(), py::kw_only(), py::arg("axis") = py::none(), py::arg("keepdims") = false);
  const std::pair<const char *, OpCode> scans[] = {{"cumulative_sum", OpCode::scan_sum},
                                                   {"cumulative_prod", OpCode::scan_prod}};
  for (auto [name, op] : scans)
    define(
        m, name,
        [op = op](const NDArray &x, std::optional<int64_t> axis, std::optional<DType> dtype, bool include_initial) {
          return scan(op, x, axis ? &*axis : nullptr, dtype ? &*dtype : nullptr, include_initial);
        },
        py::arg("x"), py::pos_only(), py::kw_only(), py::arg("axis") = py::none(), py::arg("dtype") = py::none(),
        py::arg("include_initial") = false);
  // The sort is stable whatever is asked.
  define(
      m, "sort", [](const NDArray &x, int64_t axis, bool descending, bool) { return sort(x, axis, descending); },
      py::arg("x"), py::pos_only(), py::kw_only(), py::arg("axis") = -1, py::arg("descending") = false,
      py::arg("stable") = true);
  define(
      m, "argsort", [](const NDArray &x, int64_t axis, bool descending, bool) { return argsort(x, axis, descending); },
      py::arg("x"), py::pos_only(), py::kw_only(), py::arg("axis") = -1, py::arg("descending") = false,
      py::arg("stable") = true);
}

void bind_contraction_and_indexed(py::module_ &m) {
  define(
      m, "matmul", [](const NDArray &x, const NDArray &y) { return matmul(x, y); }, py::arg("x"), py::arg("y"),
      py::pos_only());
  define(
      m, "take_along_axis",
      [](const NDArray &x, const NDArray &indices, int64_t axis) { return take_along_axis(x, indices, axis); },
      py::arg("x"), py::arg("indices"), py::pos_only(), py::kw_only(), py::arg("axis") = -1);
  define(
      m, "take",
      [](const NDArray &x, const NDArray &indices, std::optional<int64_t> axis) {
        if (!axis && x.ndim() != 1)
          fail(ErrorKind::value, "take", "no axis is named", "shape " + x.shape.str(),
               "axis=, for other than 1 dimension");
        return take(x, indices, axis.value_or(0));
      },
      py::arg("x"), py::arg("indices"), py::pos_only(), py::kw_only(), py::arg("axis") = py::none());
  define(
      m, "scatter",
      [](const NDArray &x, const NDArray &indices, const NDArray &updates, int64_t axis, const std::string &op) {
        if (op != "set" && op != "add") fail(ErrorKind::value, "scatter", "no such op", op, "\"set\" or \"add\"");
        return scatter(op == "set" ? OpCode::scatter_set : OpCode::scatter_add, x, indices, updates, axis);
      },
      py::arg("x"), py::arg("indices"), py::arg("updates"), py::pos_only(), py::kw_only(), py::arg("axis"),
      py::arg("op") = "set");
  define(
      m, "put",
      [](const NDArray &x, const NDArray &indices, const NDArray &updates) { put("setitem", x, indices, updates); },
      py::arg("x"), py::arg("indices"), py::arg("updates"), py::pos_only());
  define(
      m, "random_bits",
      [](uint64_t key, uint64_t counter, int64_t n, py::handle device) {
        return random_bits(key, counter, n, to_device_or_default(device));
      },
      py::arg("key"), py::arg("counter"), py::arg("n"), py::arg("device") = py::none());
}

}  // namespace

// composite(name, inputs, outputs, integers, reals) -> whether the backend did it. It is called with arrays that the
// functions of Python have made and checked, so that it checks only what it cannot do without.
bool composite(const std::string &name, const py::sequence &inputs, const py::sequence &outputs,
               const std::vector<int64_t> &integers, const std::vector<double> &reals) {
  std::optional<OpCode> op = find_composite(name);
  if (!op) fail(ErrorKind::value, "composite", "there is no such composite", name);
  auto arrays = [&](const py::sequence &objects) {
    std::vector<const NDArray *> pointers;
    for (py::handle object : objects) {
      pointers.push_back(as_array(object));
      if (!pointers.back() && !object.is_none()) to_array(name.c_str(), object);  // throws
    }
    return pointers;
  };
  std::vector<const NDArray *> in = arrays(inputs), out = arrays(outputs);
  for (const std::vector<const NDArray *> &list : {in, out})
    for (const NDArray *x : list)
      if (x) common_device(name.c_str(), {out.at(0), x});
  return contract::composite(*op, in, out, integers, reals);
}

void bind_functions(py::module_ &m) {
  bind_creation(m);
  bind_elementwise(m);
  bind_views(m);
  bind_along_axes(m);
  bind_contraction_and_indexed(m);
  m.def("composite", composite, py::arg("name"), py::arg("inputs"), py::arg("outputs"),
        py::arg("integers") = py::tuple(), py::arg("reals") = py::tuple());
}

}  // namespace needle::bind
