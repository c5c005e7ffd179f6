"""Arrays as sets: the distinct elements, how often and where they are, and membership.

NaN differs from itself, so each one counts as distinct.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from needle.ndarray import _core
from needle.ndarray._core import NDArray
from needle.ndarray._elementwise import imag, logical_not, not_equal, real
from needle.ndarray.dtypes import bool as bool_
from needle.ndarray.dtypes import int64
from needle.ndarray.errors import message
from needle.ndarray.manipulation import concat
from needle.ndarray.searching import nonzero

if TYPE_CHECKING:
    from needle.ndarray._core import Scalar

__all__ = [
    "UniqueAll", "UniqueCounts", "UniqueInverse", "isin", "unique_all", "unique_counts", "unique_inverse",
    "unique_values",
]  # fmt: skip


class UniqueAll(NamedTuple):
    """What `unique_all` returns."""

    values: NDArray
    indices: NDArray
    inverse_indices: NDArray
    counts: NDArray


class UniqueCounts(NamedTuple):
    """What `unique_counts` returns."""

    values: NDArray
    counts: NDArray


class UniqueInverse(NamedTuple):
    """What `unique_inverse` returns."""

    values: NDArray
    inverse_indices: NDArray


def unique_all(x: NDArray, /) -> UniqueAll:
    """Return the distinct elements, and all that is known of their places.

    Returns:
        ``values``: (n,), sorted. ``indices``: (n,), the first place of each in the flattened x. ``inverse_indices``: of
        x's shape, the place in ``values`` of each element of x. ``counts``: (n,). All but ``values`` are int64.

    >>> from needle.ndarray import asarray
    >>> [part.tolist() for part in unique_all(asarray([5, 3, 5]))]
    [[3, 5], [1, 0], [1, 0, 1], [1, 2]]
    """
    flat = x.reshape(-1)
    order = _order(flat)
    ordered = _core.take(flat, order, axis=0)
    first = _core.full(flat.shape, True, bool_, x.device)  # whether it starts a run of equal elements
    first[1:] = not_equal(ordered[1:], ordered[:-1])
    (starts,) = nonzero(first)
    ends = concat([starts[1:], _core.full((min(flat.size, 1),), flat.size, int64, x.device)])
    inverse = _core.scatter(_core.empty(flat.shape, int64, x.device), order, _core.cumulative_sum(first) - 1, axis=0)
    return UniqueAll(
        _core.take(ordered, starts, axis=0), _core.take(order, starts, axis=0), inverse.reshape(x.shape), ends - starts
    )


def _order(flat: NDArray) -> NDArray:
    """Return the places that sort the elements, of equal ones the first one first; complex ones by real part first."""
    if flat.dtype.kind != "complex":
        return _core.argsort(flat)
    order = _core.argsort(imag(flat))
    return _core.take(order, _core.argsort(_core.take(real(flat), order, axis=0)), axis=0)


def unique_counts(x: NDArray, /) -> UniqueCounts:
    """Return the distinct elements, sorted, and how often each occurs.

    >>> from needle.ndarray import asarray
    >>> [part.tolist() for part in unique_counts(asarray([5, 3, 5]))]
    [[3, 5], [1, 2]]
    """
    values, _, _, counts = unique_all(x)
    return UniqueCounts(values, counts)


def unique_inverse(x: NDArray, /) -> UniqueInverse:
    """Return the distinct elements, sorted, and for each element of x its place among them.

    >>> from needle.ndarray import asarray
    >>> [part.tolist() for part in unique_inverse(asarray([5, 3, 5]))]
    [[3, 5], [1, 0, 1]]
    """
    values, _, inverse, _ = unique_all(x)
    return UniqueInverse(values, inverse)


def unique_values(x: NDArray, /) -> NDArray:
    """Return the distinct elements, sorted.

    >>> from needle.ndarray import asarray
    >>> unique_values(asarray([5, 3, 5])).tolist()
    [3, 5]
    """
    return unique_all(x).values


def isin(x1: NDArray | Scalar, x2: NDArray | Scalar, /, *, invert: bool = False) -> NDArray:
    """Return for each element of x1 whether it is in x2, or with `invert` whether it is not.

    Raises:
        TypeError: neither is an array.

    >>> from needle.ndarray import asarray
    >>> isin(asarray([1, 2, 3]), asarray([3, 1])).tolist()
    [True, False, True]
    """
    array = x1 if isinstance(x1, NDArray) else x2
    if not isinstance(array, NDArray):
        raise TypeError(message("isin", "not an array", got=f"{type(x1).__name__} and {type(x2).__name__}"))
    dtype = _core.result_type(x1, x2)
    x1, x2 = (
        x.astype(dtype, copy=False) if isinstance(x, NDArray) else _core.full((), x, dtype, array.device)
        for x in (x1, x2)
    )
    # Both are numbered as one set: then membership is a table with one entry for each number.
    numbers = unique_inverse(concat([x1, x2], axis=None)).inverse_indices
    wanted = numbers[x1.size :]
    table = _core.full(numbers.shape, False, bool_, array.device)
    table = _core.scatter(table, wanted, _core.full(wanted.shape, True, bool_, array.device), axis=0)
    found = _core.take(table, numbers[: x1.size], axis=0).reshape(x1.shape)
    return logical_not(found) if invert else found
