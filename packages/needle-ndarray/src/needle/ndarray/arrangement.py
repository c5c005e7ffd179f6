"""The elements of an array in another order or number: axes moved, elements rolled, repeated and split."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from needle.ndarray import _core
from needle.ndarray._core import NDArray
from needle.ndarray.axes import axes_of
from needle.ndarray.dtypes import int64
from needle.ndarray.errors import message
from needle.ndarray.manipulation import concat
from needle.ndarray.searching import searchsorted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from needle.ndarray._core import Axes

__all__ = ["moveaxis", "moved", "repeat", "roll", "split", "swapaxes", "tile", "unfold", "unstack"]


def moveaxis(x: NDArray, source: int | Sequence[int], destination: int | Sequence[int], /) -> NDArray:
    """Return a view of x with some axes at other places, and the rest in their order.

    Raises:
        ValueError: the two name different numbers of axes, or one axis twice.
        IndexError: there is no such axis.

    >>> from needle.ndarray import ones
    >>> moveaxis(ones((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    return _core.permute_dims(x, moved(source, destination, x.ndim))


def moved(source: int | Sequence[int], destination: int | Sequence[int], ndim: int) -> list[int]:
    """Return the order of axes that `moveaxis` brings about.

    >>> moved(0, -1, 3)
    [1, 2, 0]
    """
    sources, targets = axes_of("moveaxis", source, ndim), axes_of("moveaxis", destination, ndim)
    if len(sources) != len(targets):
        raise ValueError(message("moveaxis", "not one destination for each source", got=f"{source} and {destination}"))
    places = dict(zip(targets, sources, strict=True))
    rest = iter([axis for axis in range(ndim) if axis not in sources])
    return [places[i] if i in places else next(rest) for i in range(ndim)]


def swapaxes(x: NDArray, axis1: int, axis2: int, /) -> NDArray:
    """Return a view of x with two axes exchanged.

    Raises:
        IndexError: there is no such axis.

    >>> from needle.ndarray import ones
    >>> swapaxes(ones((2, 3, 4)), 0, -1).shape
    (4, 3, 2)
    """
    order = list(range(x.ndim))
    (a,), (b,) = axes_of("swapaxes", axis1, x.ndim), axes_of("swapaxes", axis2, x.ndim)
    order[a], order[b] = b, a
    return _core.permute_dims(x, order)


def roll(x: NDArray, /, shift: int | Sequence[int], *, axis: Axes = None) -> NDArray:
    """Return x with the elements shifted along the axes; what leaves at the end comes in at the start.

    Without an axis, it is the flattened x that is shifted.

    Raises:
        ValueError: there is not one shift for each axis.
        IndexError: there is no such axis.

    >>> from needle.ndarray import arange
    >>> roll(arange(5), 2).tolist()
    [3, 4, 0, 1, 2]
    """
    if axis is None:
        return roll(x.reshape(-1), shift, axis=0).reshape(x.shape)
    axes = [axes_of("roll", each, x.ndim)[0] for each in ([axis] if isinstance(axis, int) else axis)]
    shifts = [shift] * len(axes) if isinstance(shift, int) else list(shift)
    if len(shifts) != len(axes):
        raise ValueError(message("roll", "not one shift for each axis", got=f"{shift} for axes {axis}"))
    result = x
    for at, by in zip(axes, shifts, strict=True):
        cut = (x.shape[at] - by) % max(x.shape[at], 1)
        lead = (slice(None),) * at
        result = concat([result[(*lead, slice(cut, None))], result[(*lead, slice(cut))]], axis=at)
    return x.copy() if result is x else result


def repeat(x: NDArray, repeats: int | NDArray, /, *, axis: int | None = None) -> NDArray:
    """Return x with each element repeated along an axis; without one, the flattened x.

    Args:
        x: of any dtype.
        repeats: how often, for all; or (n,) or (1,) integers, for each place along the axis.
        axis: along which.

    Raises:
        ValueError: a number is negative, or `repeats` does not fit the axis.
        IndexError: there is no such axis.

    >>> from needle.ndarray import asarray
    >>> repeat(asarray([1, 2]), 2).tolist(), repeat(asarray([1, 2]), asarray([0, 3])).tolist()
    ([1, 1, 2, 2], [2, 2, 2])
    """
    if axis is None:
        return repeat(x.reshape(-1), repeats, axis=0)
    (at,) = axes_of("repeat", axis, x.ndim)
    extent = x.shape[at]
    if isinstance(repeats, NDArray) and repeats.size == 1:
        repeats = int(repeats)
    if isinstance(repeats, int):
        if repeats < 0:
            raise ValueError(message("repeat", "a negative number of repeats", got=str(repeats)))
        shape = (*x.shape[: at + 1], repeats, *x.shape[at + 1 :])
        wanted = (*x.shape[:at], extent * repeats, *x.shape[at + 1 :])
        return _core.reshape(_core.broadcast_to(_core.expand_dims(x, axis=at + 1), shape), wanted, copy=True)
    if repeats.shape != (extent,) or _core.any(repeats < 0):
        got = f"repeats of shape {repeats.shape} for extent {extent}"
        raise ValueError(message("repeat", "not a number >= 0 for each place along the axis", got=got))
    ends = _core.cumulative_sum(repeats.astype(int64, copy=False))
    total = int(ends[-1]) if extent else 0
    return _core.take(x, searchsorted(ends, _core.iota(total, int64, x.device), side="right"), axis=at)


def tile(x: NDArray, repetitions: Sequence[int], /) -> NDArray:
    """Return copies of x side by side, so many along each axis; missing axes are put in front.

    Raises:
        ValueError: a number is negative.

    >>> from needle.ndarray import asarray
    >>> tile(asarray([1, 2]), (2, 2)).tolist()
    [[1, 2, 1, 2], [1, 2, 1, 2]]
    """
    ndim = max(x.ndim, len(repetitions))
    counts = (1,) * (ndim - len(repetitions)) + tuple(repetitions)
    extents = (1,) * (ndim - x.ndim) + x.shape
    if min(counts, default=0) < 0:
        raise ValueError(message("tile", "a negative number of repetitions", got=str(tuple(repetitions))))
    spread = _core.reshape(x, [n for extent in extents for n in (1, extent)])
    spread = _core.broadcast_to(spread, [n for pair in zip(counts, extents, strict=True) for n in pair])
    shape = [count * extent for count, extent in zip(counts, extents, strict=True)]
    return _core.reshape(spread, shape, copy=True)


def unstack(x: NDArray, /, *, axis: int = 0) -> tuple[NDArray, ...]:
    """Return the parts of x along an axis, as views without it.

    Raises:
        IndexError: there is no such axis.

    >>> from needle.ndarray import asarray
    >>> [part.tolist() for part in unstack(asarray([[1, 2], [3, 4]]), axis=1)]
    [[1, 3], [2, 4]]
    """
    (at,) = axes_of("unstack", axis, x.ndim)
    return tuple(x[(*(slice(None),) * at, i)] for i in range(x.shape[at]))


def split(x: NDArray, sizes: int | Sequence[int], /, *, axis: int = 0) -> tuple[NDArray, ...]:
    """Return x cut into pieces along an axis, as views.

    Args:
        x: of any dtype.
        sizes: the extent of each piece, of which the last may be smaller; or the extents one by one.
        axis: along which.

    Raises:
        ValueError: the extents do not add up to x's, or are negative.
        IndexError: there is no such axis.

    >>> from needle.ndarray import arange
    >>> [part.tolist() for part in split(arange(5), 2)], [part.tolist() for part in split(arange(5), (1, 4))]
    ([[0, 1], [2, 3], [4]], [[0], [1, 2, 3, 4]])
    """
    (at,) = axes_of("split", axis, x.ndim)
    extent = x.shape[at]
    if isinstance(sizes, int):
        if sizes < 1:
            raise ValueError(message("split", "the size of a piece is not positive", got=str(sizes)))
        ends = [*range(sizes, extent, sizes), extent]
    else:
        ends = list(itertools.accumulate(sizes))
        if min(sizes, default=0) < 0 or (ends[-1] if ends else 0) != extent:
            expected = f"extents >= 0 whose sum is {extent}"
            raise ValueError(message("split", "the pieces do not make up the axis", got=str(sizes), expected=expected))
    lead = (slice(None),) * at
    return tuple(x[(*lead, slice(start, end))] for start, end in itertools.pairwise([0, *ends]))


def unfold(x: NDArray, axis: int, size: int, step: int, /) -> NDArray:
    """Return a view of all windows along an axis: the axis counts them, and a new last axis holds their elements.

    Args:
        x: of any dtype.
        axis: along which.
        size: elements of a window, from 1 to x's extent.
        step: from one window to the next, at least 1; windows that would leave x are not there.

    Raises:
        ValueError: size or step is out of range.
        IndexError: there is no such axis.

    >>> from needle.ndarray import arange
    >>> unfold(arange(5), 0, 3, 2).tolist()
    [[0, 1, 2], [2, 3, 4]]
    """
    (at,) = axes_of("unfold", axis, x.ndim)
    last = _core.permute_dims(x, [i for i in range(x.ndim) if i != at] + [at])
    return moveaxis(_core.windows(last, [size], [step], [1]), -2, at)
