"""Products of vectors and matrices, made of needle's own functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from needle.ndarray import _core
from needle.ndarray.creation import eye
from needle.ndarray.errors import message
from needle.ndarray.host import check_arrays
from needle.ndarray.linalg.operands import check_matrices, check_square
from needle.ndarray.linalg.solving import inv
from needle.ndarray.manipulation import stack

if TYPE_CHECKING:
    from needle.ndarray._core import DType, NDArray

__all__ = ["cross", "diagonal", "matrix_power", "outer", "trace"]


def outer(x1: NDArray, x2: NDArray, /) -> NDArray:
    """Return the products (N, M) of each element of x1 (N,) with each of x2 (M,), in the promoted dtype.

    Raises:
        ValueError: an operand does not have one dimension.

    >>> outer(nd.asarray([1, 2]), nd.asarray([3, 4])).tolist()
    [[3, 4], [6, 8]]
    """
    check_arrays("outer", x1, x2)
    if x1.ndim != 1 or x2.ndim != 1:
        raise ValueError(message("outer", "not two vectors", got=f"shapes {x1.shape} and {x2.shape}"))
    return _core.expand_dims(x1, axis=1) * x2


def cross(x1: NDArray, x2: NDArray, /, *, axis: int = -1) -> NDArray:
    """Return the vectors at right angles to pairs of vectors of 3 elements, in the promoted dtype.

    Args:
        x1: (..., 3, ...).
        x2: (..., 3, ...), which broadcasts with x1 off the axis.
        axis: where the 3 elements lie, counted from the end: negative.

    Raises:
        IndexError: the axis is not negative, or not in both operands.
        ValueError: its extent is not 3 in both, or the shapes do not broadcast.

    >>> cross(nd.asarray([1, 0, 0]), nd.asarray([0, 1, 0])).tolist()
    [0, 0, 1]
    """
    check_arrays("cross", x1, x2)
    got = f"axis {axis} of shapes {x1.shape} and {x2.shape}"
    if not -min(x1.ndim, x2.ndim) <= axis < 0:
        expected = "one of both operands, counted from the end"
        raise IndexError(message("cross", "axis out of range", got=got, expected=expected))
    if (x1.shape[axis], x2.shape[axis]) != (3, 3):
        raise ValueError(message("cross", "the vectors do not have 3 elements", got=got))
    after = (slice(None),) * (-1 - axis)
    (a1, a2, a3), (b1, b2, b3) = ([x[(..., i, *after)] for i in range(3)] for x in (x1, x2))
    return stack([a2 * b3 - a3 * b2, a3 * b1 - a1 * b3, a1 * b2 - a2 * b1], axis=axis)


def diagonal(x: NDArray, /, *, offset: int = 0) -> NDArray:
    """Return a view of the diagonals (..., K) of x (..., M, N): of the elements [..., i, i + offset].

    Args:
        x: of any dtype.
        offset: which diagonal; the main one is 0, and those above it are positive. One outside x is empty.

    Raises:
        ValueError: x has less than two dimensions.

    >>> diagonal(nd.asarray([[1, 2, 3], [4, 5, 6]]), offset=1).tolist()
    [2, 6]
    """
    check_matrices("diagonal", x)
    x = x[..., min(max(-offset, 0), x.shape[-2]) :, min(max(offset, 0), x.shape[-1]) :]
    shape = (*x.shape[:-2], min(x.shape[-2:]))
    strides = (*x.strides[:-2], x.strides[-2] + x.strides[-1])
    return _core.as_strided(x, shape, strides, x.offset if x.size > 0 else 0)


def trace(x: NDArray, /, *, offset: int = 0, dtype: DType | None = None) -> NDArray:
    """Return the sums (...) of the diagonals of x (..., M, N).

    Args:
        x: of a numeric dtype.
        offset: which diagonal, as in `diagonal`.
        dtype: of the result, in which the elements are added; by default as `sum`'s.

    Raises:
        ValueError: x has less than two dimensions.

    >>> trace(nd.asarray([[1, 2], [3, 4]])).item()
    5
    """
    check_matrices("trace", x)
    return _core.sum(diagonal(x, offset=offset), axis=-1, dtype=dtype)


def matrix_power(x: NDArray, n: int, /) -> NDArray:
    """Return the product of n matrices x (..., M, M), by repeated squaring.

    Args:
        x: of a numeric dtype; integers and bool are taken as float32 where n is negative.
        n: 0 gives the identity, and a negative number the power of the inverse.

    Raises:
        LinAlgError: n is negative, and x singular.
        ValueError: x is not square.
        ModuleNotFoundError: n is negative, and NumPy is not installed.

    >>> matrix_power(nd.asarray([[1, 1], [0, 1]]), 5).tolist()
    [[1, 5], [0, 1]]
    """
    check_square("matrix_power", x)
    if n == 0:
        return _core.copy(_core.broadcast_to(eye(x.shape[-1], dtype=x.dtype, device=x.device), x.shape))
    if n < 0:
        return matrix_power(inv(x), -n)
    if n == 1:
        return _core.copy(x)
    half = matrix_power(x, n // 2)
    square = half @ half
    return square @ x if n % 2 else square
