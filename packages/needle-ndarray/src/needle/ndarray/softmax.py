"""Numbers as shares of a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from needle.ndarray import _core
from needle.ndarray._elementwise import exp
from needle.ndarray.axes import axes_of
from needle.ndarray.creation import empty_like
from needle.ndarray.errors import message
from needle.ndarray.host import check_arrays, widened

if TYPE_CHECKING:
    from needle.ndarray._core import NDArray

__all__ = ["softmax"]


def softmax(x: NDArray, /, *, axis: int = -1) -> NDArray:
    """Return exp(x) / sum(exp(x)) along an axis, without overflow.

    Args:
        x: of a float dtype.
        axis: along which the shares add up to 1.

    Returns:
        An array of x's shape and dtype; float16 and bfloat16 are computed in float32.

    Raises:
        TypeError: x is not of a float dtype.
        IndexError: there is no such axis.

    >>> from needle.ndarray import asarray
    >>> softmax(asarray([0.0, 0.0])).tolist()
    [0.5, 0.5]
    """
    check_arrays("softmax", x)
    if x.dtype.kind != "float":
        raise TypeError(message("softmax", "not of a float dtype", got=x.dtype.name, hint="cast with astype"))
    (at,) = axes_of("softmax", axis, x.ndim)
    out = empty_like(x)
    if _core.composite("softmax", [x], [out], [at]):
        return out
    wide = widened(x)
    powers = exp(wide - _core.max(wide, axis=at, keepdims=True)) if x.size else wide
    return (powers / _core.sum(powers, axis=at, keepdims=True)).astype(x.dtype, copy=False)
