"""Reductions that are made of the front's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from needle.ndarray import _core
from needle.ndarray.dtypes import float32

if TYPE_CHECKING:
    from needle.ndarray._core import Axes, NDArray

__all__ = ["mean"]


def mean(x: NDArray, /, *, axis: Axes = None, keepdims: bool = False) -> NDArray:
    """Return the mean over the axes, or over all; integers and bool give float32, and no elements give NaN.

    float16 and bfloat16 are summed in float32, so that the sum cannot overflow.

    >>> from needle.ndarray import asarray
    >>> mean(asarray([[1, 2], [3, 6]]), axis=0).tolist()
    [2.0, 4.0]
    """
    is_half = x.dtype.kind == "float" and x.dtype.itemsize < float32.itemsize
    total = _core.sum(x, axis=axis, dtype=float32 if is_half else None, keepdims=keepdims)
    result = total / (x.size // max(total.size, 1))
    return result.astype(x.dtype) if is_half else result
