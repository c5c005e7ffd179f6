"""Where elements are: places that are not zero, places in sorted order, the greatest ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from needle.ndarray import _core
from needle.ndarray._core import NDArray
from needle.ndarray._elementwise import isnan, less, logical_not, not_equal
from needle.ndarray.axes import axes_of
from needle.ndarray.dtypes import bool as bool_
from needle.ndarray.dtypes import int64
from needle.ndarray.errors import message

if TYPE_CHECKING:
    from needle.ndarray._core import Axes, Scalar

__all__ = ["TopK", "count_nonzero", "nonzero", "searchsorted", "topk"]


class TopK(NamedTuple):
    """What `topk` returns."""

    values: NDArray
    indices: NDArray


def count_nonzero(x: NDArray, /, *, axis: Axes = None, keepdims: bool = False) -> NDArray:
    """Return how many elements are not zero along the axes, or in all, as int64.

    >>> from needle.ndarray import asarray
    >>> count_nonzero(asarray([[0, 1], [2, 3]]), axis=1).tolist()
    [1, 2]
    """
    return _core.sum(_is_nonzero(x), axis=axis, keepdims=keepdims)


def nonzero(x: NDArray, /) -> tuple[NDArray, ...]:
    """Return the places of the elements that are not zero, in row-major order: int64 indices, one array for each axis.

    Raises:
        ValueError: x has 0 dimensions.

    >>> from needle.ndarray import asarray
    >>> [indices.tolist() for indices in nonzero(asarray([[0, 1], [2, 3]]))]
    [[0, 1, 1], [1, 0, 1]]
    """
    if x.ndim == 0:
        raise ValueError(message("nonzero", "an array of 0 dimensions has no places", hint="reshape it to (1,)"))
    # Each wanted element goes to its rank among the wanted; the others go behind the end, where they are cut off.
    mask = _is_nonzero(x).reshape(-1)
    ranks = _core.cumulative_sum(mask)
    count = int(ranks[-1]) if mask.size else 0
    targets = _core.where(mask, ranks - 1, count)
    places = _core.empty(count + 1, int64, x.device)
    places = _core.scatter(places, targets, _core.iota(mask.size, int64, x.device), axis=0)[:count]
    indices: list[NDArray] = []
    for extent in x.shape[:0:-1]:
        indices.append(places % extent)
        places = places // extent
    return (places, *reversed(indices))


def searchsorted(
    x1: NDArray,
    x2: NDArray | Scalar,
    /,
    *,
    side: Literal["left", "right"] = "left",
    sorter: NDArray | None = None,
) -> NDArray:
    """Return where in the sorted x1 the elements of x2 would have to be put to keep it sorted.

    Args:
        x1: (n,), sorted upwards, NaN last; or in any order, with `sorter`.
        x2: of any shape, which is that of the result; or a number.
        side: before ("left") or behind ("right") elements that are equal.
        sorter: (n,) integers, the order that sorts x1, as `argsort` gives it.

    Raises:
        ValueError: x1 is not 1-d, or there is no such side.

    >>> from needle.ndarray import asarray
    >>> searchsorted(asarray([1, 3, 3, 5]), asarray([0, 3, 6])).tolist()
    [0, 1, 4]
    """
    if x1.ndim != 1:
        raise ValueError(message("searchsorted", "x1 is not 1-d", got=f"shape {x1.shape}"))
    if side not in ("left", "right"):
        raise ValueError(message("searchsorted", "no such side", got=repr(side), expected='"left" or "right"'))
    if sorter is not None:
        x1 = _core.take(x1, sorter, axis=0)
    if not isinstance(x2, NDArray):
        x2 = _core.full((), x2, _core.result_type(x1, x2), x1.device)
    n = x1.size
    low, high = (_core.full(x2.shape, end, int64, x1.device) for end in (0, n))
    for _ in range(n.bit_length()):  # binary search, of all elements at once
        middle = (low + high) // 2
        probe = _core.take(x1, _core.where(middle < n, middle, n - 1), axis=0)
        lies_behind = _precedes(probe, x2) if side == "left" else logical_not(_precedes(x2, probe))
        lies_behind = lies_behind & (low < high)
        high = _core.where(lies_behind, high, _core.where(low < high, middle, high))
        low = _core.where(lies_behind, middle + 1, low)
    return low


def topk(x: NDArray, k: int, /, *, axis: int = -1, largest: bool = True) -> TopK:
    """Return the k greatest elements along an axis, the greatest first, and their places; of equal ones the first.

    Args:
        x: of a real dtype.
        k: how many.
        axis: along which.
        largest: whether the greatest, or the least, are wanted.

    Returns:
        ``values`` in x's dtype and ``indices`` in int64, both of x's shape but for the extent k.

    Raises:
        ValueError: there are fewer than k elements along the axis.
        IndexError: there is no such axis.

    >>> from needle.ndarray import asarray
    >>> values, indices = topk(asarray([3, 9, 5]), 2)
    >>> values.tolist(), indices.tolist()
    ([9, 5], [1, 2])
    """
    (at,) = axes_of("topk", axis, x.ndim)
    if not 0 <= k <= x.shape[at]:
        expected = f"0 to {x.shape[at]}, the extent of axis {axis}"
        raise ValueError(message("topk", "no such number of elements", got=str(k), expected=expected))
    shape = (*x.shape[:at], k, *x.shape[at + 1 :])
    values, indices = _core.empty(shape, x.dtype, x.device), _core.empty(shape, int64, x.device)
    if not values.size or _core.composite("topk", [x], [values, indices], [at, int(largest)]):
        return TopK(values, indices)
    indices = _core.argsort(x, axis=at, descending=largest)[(slice(None),) * at + (slice(k),)]
    return TopK(_core.take_along_axis(x, indices, axis=at), indices)


def _is_nonzero(x: NDArray) -> NDArray:
    return x if x.dtype is bool_ else not_equal(x, 0)


def _precedes(x: NDArray, y: NDArray) -> NDArray:
    """Return x < y, with NaN behind all other numbers."""
    before = less(x, y)
    return before | (isnan(y) & logical_not(isnan(x))) if "float" in (x.dtype.kind, y.dtype.kind) else before
