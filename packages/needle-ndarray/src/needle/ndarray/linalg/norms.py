"""Norms of vectors and matrices."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from needle.ndarray import _core, _elementwise
from needle.ndarray.errors import message
from needle.ndarray.host import check_arrays, floating, real_of, widened
from needle.ndarray.linalg.decompositions import svdvals
from needle.ndarray.linalg.operands import check_matrices

if TYPE_CHECKING:
    from needle.ndarray._core import Axes, NDArray

__all__ = ["matrix_norm", "vector_norm"]

MATRIX_ORDERS = ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf)


def vector_norm(x: NDArray, /, *, axis: Axes = None, keepdims: bool = False, ord: float = 2) -> NDArray:
    """Return ``sum(abs(x) ** ord) ** (1 / ord)`` over the axes, or over all.

    Args:
        x: integers and bool are taken as float32; float16 and bfloat16 are summed in float32.
        axis: an axis, or several, whose elements are one vector together.
        keepdims: keep the axes, with extent 1.
        ord: inf gives the largest absolute value, -inf the smallest, and 0 the number of elements other than 0.

    Returns:
        An array of x's precision, and real. Of no elements, norms are 0, and inf where `ord` is negative.

    Raises:
        IndexError: there is no such axis.

    >>> vector_norm(nd.asarray([[3.0, 4.0], [6.0, 8.0]]), axis=1).tolist()
    [5.0, 10.0]
    """
    check_arrays("vector_norm", x)
    size = _elementwise.abs(widened(x))
    if ord == math.inf:
        norm = _largest(size, axis, keepdims)
    elif ord == -math.inf:
        norm = _smallest(size, axis, keepdims)
    elif ord == 0:
        norm = _core.sum(size != 0, axis=axis, keepdims=keepdims)
    elif ord == 1:
        norm = _core.sum(size, axis=axis, keepdims=keepdims)
    elif ord == 2:  # noqa: PLR2004
        norm = _elementwise.sqrt(_core.sum(_elementwise.square(size), axis=axis, keepdims=keepdims))
    else:
        norm = _core.sum(size**ord, axis=axis, keepdims=keepdims) ** (1 / ord)
    return norm.astype(real_of(floating(x)), copy=False)


def matrix_norm(x: NDArray, /, *, keepdims: bool = False, ord: float | Literal["fro", "nuc"] = "fro") -> NDArray:
    """Return the norms (...) of the matrices x (..., M, N).

    Args:
        x: integers and bool are taken as float32; float16 and bfloat16 are summed in float32.
        keepdims: return (..., 1, 1).
        ord: "fro" for the root of the sum of squares, "nuc" for the sum of the singular values, 2 and -2 for the
            largest and the smallest of them; 1 and -1 for the largest and the smallest sum of the absolute values of
            a column, inf and -inf of a row.

    Returns:
        An array of x's precision, and real. The largest of nothing is 0, the smallest inf.

    Raises:
        LinAlgError: the iteration for singular values does not converge.
        ValueError: x has less than two dimensions, or there is no such order.
        ModuleNotFoundError: the order needs singular values, and NumPy is not installed.

    >>> matrix_norm(nd.asarray([[1.0, -2.0], [3.0, 4.0]]), ord=1).item()
    6.0
    """
    check_matrices("matrix_norm", x)
    if ord not in MATRIX_ORDERS:
        raise ValueError(message("matrix_norm", "unknown order", got=repr(ord), expected=str(MATRIX_ORDERS)))
    size = _elementwise.abs(widened(x))
    if ord == "fro":
        norm = _elementwise.sqrt(_core.sum(_elementwise.square(size), axis=(-2, -1), keepdims=True))
    elif ord in ("nuc", 2, -2):
        values = _core.expand_dims(svdvals(widened(x)), axis=-2)
        reduce = {"nuc": _total, 2: _largest, -2: _smallest}[ord]
        norm = reduce(values, -1, True)
    else:
        along, across = (-2, -1) if abs(ord) == 1 else (-1, -2)
        reduce = _largest if ord > 0 else _smallest
        norm = reduce(_core.sum(size, axis=along, keepdims=True), across, True)
    norm = norm if keepdims else _core.squeeze(norm, (-2, -1))
    return norm.astype(real_of(floating(x)), copy=False)


def _largest(size: NDArray, axis: Axes, keepdims: bool) -> NDArray:
    if size.size > 0:
        return _core.max(size, axis=axis, keepdims=keepdims)
    return _total(size, axis, keepdims)


def _smallest(size: NDArray, axis: Axes, keepdims: bool) -> NDArray:
    if size.size > 0:
        return _core.min(size, axis=axis, keepdims=keepdims)
    return _total(size, axis, keepdims) + math.inf


def _total(size: NDArray, axis: Axes, keepdims: bool) -> NDArray:
    return _core.sum(size, axis=axis, keepdims=keepdims)
