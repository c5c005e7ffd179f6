"""Functions made of the front's elementwise ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from needle.ndarray import _core
from needle.ndarray._core import NDArray
from needle.ndarray._elementwise import maximum, minimum, not_equal
from needle.ndarray.dtypes import bool as bool_
from needle.ndarray.errors import message
from needle.ndarray.manipulation import concat

if TYPE_CHECKING:
    from needle.ndarray._core import Scalar

__all__ = ["clip", "diff"]


def clip(x: NDArray, /, min: NDArray | Scalar | None = None, max: NDArray | Scalar | None = None) -> NDArray:
    """Return x with what lies below `min` or above `max` replaced by these, in x's dtype; NaN in any of them stays.

    Args:
        x: of a real dtype.
        min: broadcast with x; None for no such bound.
        max: as `min`. Where it is less than `min`, it is the result.

    Raises:
        TypeError: a bound is a float, or an array of another kind than x, for an integer x.
        ValueError: the shapes do not broadcast.

    >>> from needle.ndarray import asarray
    >>> clip(asarray([1, 5, 9]), 2, 6).tolist()
    [2, 5, 6]
    """
    result = x
    for bound, apply in ((min, maximum), (max, minimum)):
        if bound is not None:
            limit = bound if isinstance(bound, NDArray) else _core.full((), bound, x.dtype, x.device)
            if limit.dtype.kind != x.dtype.kind:
                expected = f"{x.dtype}, or another dtype of its kind"
                raise TypeError(message("clip", "a bound of another kind", got=limit.dtype.name, expected=expected))
            result = apply(result, limit.astype(x.dtype, copy=False))
    return x.copy() if result is x else result


def diff(
    x: NDArray, /, *, axis: int = -1, n: int = 1, prepend: NDArray | None = None, append: NDArray | None = None
) -> NDArray:
    """Return the differences of neighbours along an axis, taken n times; for bool, whether they differ.

    Args:
        x: of any dtype, with at least one dimension.
        axis: along which; each time its extent falls by 1.
        n: how often.
        prepend: put before x along the axis, first of all; of x's rank.
        append: put behind x.

    Raises:
        ValueError: n is negative.
        IndexError: there is no such axis.

    >>> from needle.ndarray import asarray
    >>> diff(asarray([1, 4, 9, 16])).tolist(), diff(asarray([1, 4, 9, 16]), n=2).tolist()
    ([3, 5, 7], [2, 2])
    """
    if n < 0:
        raise ValueError(message("diff", "a negative number of times", got=str(n)))
    parts = [part for part in (prepend, x, append) if part is not None]
    result = concat(parts, axis=axis)
    lead = (slice(None),) * (axis % x.ndim)
    for _ in range(n):
        later, sooner = result[(*lead, slice(1, None))], result[(*lead, slice(-1))]
        result = not_equal(later, sooner) if result.dtype is bool_ else later - sooner
    return result
