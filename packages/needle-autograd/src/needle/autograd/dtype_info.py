"""What dtypes and shapes become, as `needle.ndarray` says it; its functions that take arrays take tensors here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import needle.ndarray as nd
from needle.autograd.tensor import Tensor

if TYPE_CHECKING:
    from needle.autograd.tensor import Operand
    from needle.ndarray import DType, NDArray
    from needle.ndarray.dtype_info import FloatInfo, IntegerInfo

__all__ = ["broadcast_shapes", "can_cast", "finfo", "iinfo", "result_type"]


def result_type(*arrays_and_dtypes: Operand | DType) -> DType:
    """Return the dtype that an op on these tensors, arrays, dtypes and numbers computes in.

    >>> result_type(tensor([1, 2]), nd.int8, 1)
    int64
    """
    return nd.result_type(*map(_dtype, arrays_and_dtypes))


def broadcast_shapes(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that arrays of these shapes broadcast to.

    >>> broadcast_shapes((3, 1), (2,))
    (3, 2)
    """
    return nd.broadcast_shapes(*shapes)


def can_cast(from_: DType | Tensor | NDArray, to: DType, /) -> bool:
    """Say whether the promotion rules let a dtype, or a tensor's, become another one.

    >>> can_cast(tensor([1.0]), nd.float64), can_cast(nd.int16, nd.int8)
    (True, False)
    """
    return nd.can_cast(_dtype(from_), to)


def finfo(type: DType | Tensor | NDArray, /) -> FloatInfo:
    """Return the limits of a floating dtype, or of a tensor's; for a complex one, of its parts.

    >>> finfo(tensor([1.0])).bits
    32
    """
    return nd.finfo(_dtype(type))


def iinfo(type: DType | Tensor | NDArray, /) -> IntegerInfo:
    """Return the limits of an integer dtype, or of a tensor's.

    >>> iinfo(tensor([1])).bits
    64
    """
    return nd.iinfo(_dtype(type))


def _dtype(x: Any) -> Any:
    return x.dtype if isinstance(x, Tensor) else x
