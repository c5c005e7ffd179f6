// Python's operators on NDArray: each is an op of elementwise.inc, or matmul. They are the type's slots, where either
// side may be the array; what they do not understand they leave to the other side.
#include "function.h"

namespace needle::bind {

namespace {

// Objects that hold many elements may have __index__ as well: they know better, as needle.autograd's tensors do.
bool understands(PyObject *x) {
  return as_array(x) || PyFloat_Check(x) || PyComplex_Check(x) || (PyIndex_Check(x) && !PySequence_Check(x));
}

template <OpCode op>
PyObject *binary_slot(PyObject *x, PyObject *y) {
  if (!understands(x) || !understands(y)) return Py_NewRef(Py_NotImplemented);
  return guarded([&] {
    Operands operands(op_info(op).name, x, y);
    return binary(op, operands.x(), operands.y(), nullptr);
  });
}

template <OpCode op>
PyObject *in_place_slot(PyObject *x, PyObject *y) {
  if (!understands(y)) return Py_NewRef(Py_NotImplemented);
  return guarded([&] {
    Operands operands(op_info(op).name, x, y);
    binary(op, operands.x(), operands.y(), &operands.x());
    return py::reinterpret_borrow<py::object>(x);
  });
}

template <OpCode op>
PyObject *unary_slot(PyObject *x) {
  return guarded([&] { return unary(op, Box<NDArray>::of(x), nullptr); });
}

// pow(x, y, modulus) has no meaning here.
template <PyObject *(*slot)(PyObject *, PyObject *)>
PyObject *power_slot(PyObject *x, PyObject *y, PyObject *modulus) {
  return modulus == Py_None ? slot(x, y) : Py_NewRef(Py_NotImplemented);
}

PyObject *compare(PyObject *x, PyObject *y, int comparison) {
  switch (comparison) {
    case Py_LT: return binary_slot<OpCode::binary_less>(x, y);
    case Py_LE: return binary_slot<OpCode::binary_less_equal>(x, y);
    case Py_EQ: return binary_slot<OpCode::binary_equal>(x, y);
    case Py_NE: return binary_slot<OpCode::binary_not_equal>(x, y);
    case Py_GT: return binary_slot<OpCode::binary_greater>(x, y);
    default: return binary_slot<OpCode::binary_greater_equal>(x, y);
  }
}

PyObject *matmul_slot(PyObject *x, PyObject *y) {
  const NDArray *a = as_array(x), *b = as_array(y);
  if (!a || !b) return Py_NewRef(Py_NotImplemented);
  return guarded([&] { return matmul(*a, *b); });
}

PyObject *in_place_matmul_slot(PyObject *x, PyObject *y) {
  const NDArray &self = Box<NDArray>::of(x), *other = as_array(y);
  if (!other) return Py_NewRef(Py_NotImplemented);
  return guarded([&] {
    NDArray product = matmul(self, *other);
    if (!(product.shape == self.shape))
      fail(ErrorKind::value, "matmul", "the product does not fit in place", product.shape.str(), self.shape.str());
    assign("matmul", self, product);
    return py::reinterpret_borrow<py::object>(x);
  });
}

PyObject *positive(PyObject *x) {
  return guarded([&] { return NDArray(Box<NDArray>::of(x)); });
}

}  // namespace

void bind_operators(TypeParts &type) {
#define OPERATOR(name, op)                                   \
  type.slot(Py_nb_##name, binary_slot<OpCode::binary_##op>); \
  type.slot(Py_nb_inplace_##name, in_place_slot<OpCode::binary_##op>);
  OPERATOR(add, add)
  OPERATOR(subtract, subtract)
  OPERATOR(multiply, multiply)
  OPERATOR(true_divide, divide)
  OPERATOR(remainder, remainder)
  OPERATOR(floor_divide, floor_divide)
  OPERATOR(and, bitwise_and)
  OPERATOR(or, bitwise_or)
  OPERATOR(xor, bitwise_xor)
  OPERATOR(lshift, bitwise_left_shift)
  OPERATOR(rshift, bitwise_right_shift)
#undef OPERATOR
  type.slot(Py_nb_power, power_slot<binary_slot<OpCode::binary_pow>>);
  type.slot(Py_nb_inplace_power, power_slot<in_place_slot<OpCode::binary_pow>>);
  type.slot(Py_nb_matrix_multiply, matmul_slot);
  type.slot(Py_nb_inplace_matrix_multiply, in_place_matmul_slot);
  type.slot(Py_nb_negative, unary_slot<OpCode::unary_negative>);
  type.slot(Py_nb_positive, positive);
  type.slot(Py_nb_absolute, unary_slot<OpCode::unary_abs>);
  type.slot(Py_nb_invert, unary_slot<OpCode::unary_bitwise_invert>);
  type.slot(Py_tp_richcompare, compare);
  type.slot(Py_tp_hash, PyObject_HashNotImplemented);  // == gives an array
}

}  // namespace needle::bind
