"""The operators of a `Tensor`.

They are the functions of `needle.autograd`, looked up there when they are called, as the op table is built on `Tensor`.
There are none that write in place: ``x += y`` makes ``x`` the name of a new tensor, which the tape knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import needle.autograd as functions

if TYPE_CHECKING:
    from needle.autograd.tensor import Operand, Tensor

__all__ = ["Operators"]


class Operators:
    """The base class of `Tensor`."""

    __slots__ = ()
    __array_ufunc__ = None  # NumPy then leaves `array + tensor` to this class

    def __neg__(self) -> Tensor:
        return functions.negative(self)

    def __pos__(self) -> Tensor:
        return functions.positive(self)

    def __abs__(self) -> Tensor:
        return functions.abs(self)

    def __invert__(self) -> Tensor:
        return functions.bitwise_invert(self)

    def __add__(self, other: Operand) -> Tensor:
        return functions.add(self, other)

    def __radd__(self, other: Operand) -> Tensor:
        return functions.add(other, self)

    def __sub__(self, other: Operand) -> Tensor:
        return functions.subtract(self, other)

    def __rsub__(self, other: Operand) -> Tensor:
        return functions.subtract(other, self)

    def __mul__(self, other: Operand) -> Tensor:
        return functions.multiply(self, other)

    def __rmul__(self, other: Operand) -> Tensor:
        return functions.multiply(other, self)

    def __truediv__(self, other: Operand) -> Tensor:
        return functions.divide(self, other)

    def __rtruediv__(self, other: Operand) -> Tensor:
        return functions.divide(other, self)

    def __floordiv__(self, other: Operand) -> Tensor:
        return functions.floor_divide(self, other)

    def __rfloordiv__(self, other: Operand) -> Tensor:
        return functions.floor_divide(other, self)

    def __mod__(self, other: Operand) -> Tensor:
        return functions.remainder(self, other)

    def __rmod__(self, other: Operand) -> Tensor:
        return functions.remainder(other, self)

    def __pow__(self, other: Operand) -> Tensor:
        return functions.pow(self, other)

    def __rpow__(self, other: Operand) -> Tensor:
        return functions.pow(other, self)

    def __and__(self, other: Operand) -> Tensor:
        return functions.bitwise_and(self, other)

    def __rand__(self, other: Operand) -> Tensor:
        return functions.bitwise_and(other, self)

    def __or__(self, other: Operand) -> Tensor:
        return functions.bitwise_or(self, other)

    def __ror__(self, other: Operand) -> Tensor:
        return functions.bitwise_or(other, self)

    def __xor__(self, other: Operand) -> Tensor:
        return functions.bitwise_xor(self, other)

    def __rxor__(self, other: Operand) -> Tensor:
        return functions.bitwise_xor(other, self)

    def __lshift__(self, other: Operand) -> Tensor:
        return functions.bitwise_left_shift(self, other)

    def __rlshift__(self, other: Operand) -> Tensor:
        return functions.bitwise_left_shift(other, self)

    def __rshift__(self, other: Operand) -> Tensor:
        return functions.bitwise_right_shift(self, other)

    def __rrshift__(self, other: Operand) -> Tensor:
        return functions.bitwise_right_shift(other, self)

    def __eq__(self, other: Operand) -> Tensor:  # type: ignore[override]
        return functions.equal(self, other)

    def __ne__(self, other: Operand) -> Tensor:  # type: ignore[override]
        return functions.not_equal(self, other)

    def __lt__(self, other: Operand) -> Tensor:
        return functions.less(self, other)

    def __le__(self, other: Operand) -> Tensor:
        return functions.less_equal(self, other)

    def __gt__(self, other: Operand) -> Tensor:
        return functions.greater(self, other)

    def __ge__(self, other: Operand) -> Tensor:
        return functions.greater_equal(self, other)

    __hash__ = object.__hash__  # by identity, as `==` compares elements
