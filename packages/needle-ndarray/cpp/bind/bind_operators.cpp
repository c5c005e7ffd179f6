// Python's operators on NDArray: each is an op of elementwise.inc, or matmul.
#include "convert.h"

namespace needle::bind {

namespace {

py::object not_implemented() { return py::reinterpret_borrow<py::object>(Py_NotImplemented); }

// Both sides as arrays, or nothing where the other type should have its say.
bool understands(py::handle other) {
  return as_array(other) || PyFloat_Check(other.ptr()) || PyComplex_Check(other.ptr()) || PyIndex_Check(other.ptr());
}

void define(py::class_<NDArray> &cls, const std::string &stem, OpCode op, bool is_comparison) {
  auto forward = [op](const py::object &x, const py::object &y) -> py::object {
    if (!understands(y)) return not_implemented();
    auto [a, b] = to_operands(op_info(op).name, x, y);
    return py::cast(binary(op, a, b, nullptr));
  };
  cls.def(("__" + stem + "__").c_str(), forward, py::is_operator());
  if (is_comparison) return;  // Python reflects a < b into b > a by itself, and has no a <= b in place
  cls.def(("__r" + stem + "__").c_str(),
          [forward](const py::object &x, const py::object &y) {
            return understands(y) ? forward(y, x) : not_implemented();
          },
          py::is_operator());
  cls.def(("__i" + stem + "__").c_str(),
          [op](const py::object &x, const py::object &y) -> py::object {
            if (!understands(y)) return not_implemented();
            auto [a, b] = to_operands(op_info(op).name, x, y);
            binary(op, a, b, &a);
            return x;
          },
          py::is_operator());
}

}  // namespace

void bind_operators(py::class_<NDArray> &cls) {
  const std::pair<const char *, OpCode> arithmetic[] = {
      {"add", OpCode::binary_add},
      {"sub", OpCode::binary_subtract},
      {"mul", OpCode::binary_multiply},
      {"truediv", OpCode::binary_divide},
      {"mod", OpCode::binary_remainder},
      {"floordiv", OpCode::binary_floor_divide},
      {"pow", OpCode::binary_pow},
      {"and", OpCode::binary_bitwise_and},
      {"or", OpCode::binary_bitwise_or},
      {"xor", OpCode::binary_bitwise_xor},
      {"lshift", OpCode::binary_bitwise_left_shift},
      {"rshift", OpCode::binary_bitwise_right_shift},
  };
  for (auto [stem, op] : arithmetic) define(cls, stem, op, false);
  const std::pair<const char *, OpCode> comparisons[] = {
      {"eq", OpCode::binary_equal},   {"ne", OpCode::binary_not_equal},  {"lt", OpCode::binary_less},
      {"gt", OpCode::binary_greater}, {"le", OpCode::binary_less_equal}, {"ge", OpCode::binary_greater_equal},
  };
  for (auto [stem, op] : comparisons) define(cls, stem, op, true);
  cls.attr("__hash__") = py::none();  // == gives an array

  cls.def(
         "__matmul__",
         [](const NDArray &x, py::handle y) -> py::object {
           const NDArray *other = as_array(y);
           return other ? py::cast(matmul(x, *other)) : not_implemented();
         },
         py::is_operator())
      .def(
          "__imatmul__",
          [](const py::object &x, py::handle y) -> py::object {
            const NDArray *other = as_array(y);
            if (!other) return not_implemented();
            const NDArray &self = x.cast<const NDArray &>();
            NDArray product = matmul(self, *other);
            if (!(product.shape == self.shape))
              fail(ErrorKind::value, "matmul", "the product does not fit in place", product.shape.str(),
                   self.shape.str());
            assign("matmul", self, product);
            return x;
          },
          py::is_operator())
      .def("__neg__", [](const NDArray &x) { return unary(OpCode::unary_negative, x, nullptr); })
      .def("__pos__", [](const NDArray &x) { return x; })
      .def("__abs__", [](const NDArray &x) { return unary(OpCode::unary_abs, x, nullptr); })
      .def("__invert__", [](const NDArray &x) { return unary(OpCode::unary_bitwise_invert, x, nullptr); });
}

}  // namespace needle::bind
