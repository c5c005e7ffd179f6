"""Statistics that are made of the front's reductions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from needle.ndarray import _core
from needle.ndarray._elementwise import sqrt, square
from needle.ndarray.axes import axes_of
from needle.ndarray.creation import empty
from needle.ndarray.dtypes import float32
from needle.ndarray.host import widened

if TYPE_CHECKING:
    from needle.ndarray._core import Axes, NDArray

__all__ = ["mean", "std", "var"]


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


def var(x: NDArray, /, *, axis: Axes = None, correction: float = 0, keepdims: bool = False) -> NDArray:
    """Return the variance over the axes, or over all: the squared distances from the mean, summed and divided.

    The divisor is the number of elements less the correction: 0 for the variance of a population, 1 for the unbiased
    estimate from a sample. Where it is not positive the result is NaN or infinite. Dtypes are as in `mean`.

    >>> from needle.ndarray import asarray
    >>> var(asarray([1.0, 2.0, 3.0])).item(), var(asarray([1.0, 2.0, 3.0]), correction=1).item()
    (0.6666666865348816, 1.0)
    """
    wide = x if x.dtype.kind == "float" else x.astype(float32)
    at = axes_of("var", axis, x.ndim)
    kept = tuple(1 if i in at else n for i, n in enumerate(x.shape))
    divisor = max(math.prod(x.shape[i] for i in at) - correction, 0)
    result = empty(kept, wide.dtype, x.device)
    if not x.size or not _core.composite("variance", [wide], [result], (), [divisor]):
        wide = widened(wide)
        total = _core.sum(square(wide - mean(wide, axis=at, keepdims=True)), axis=at, keepdims=True)
        result = (total / divisor).astype(result.dtype, copy=False)
    return result if keepdims else _core.squeeze(result, axis=at)


def std(x: NDArray, /, *, axis: Axes = None, correction: float = 0, keepdims: bool = False) -> NDArray:
    """Return the standard deviation over the axes, or over all: the square root of `var`.

    >>> from needle.ndarray import asarray
    >>> std(asarray([1.0, 2.0, 3.0]), correction=1).item()
    1.0
    """
    return sqrt(var(x, axis=axis, correction=correction, keepdims=keepdims))
