"""Tensors as sets. Which elements are distinct is not differentiable; that they are taken from ``x`` is."""

from __future__ import annotations

from typing import NamedTuple

import needle.ndarray as nd
from needle.autograd.ops.indexing import take
from needle.autograd.ops.searching import one_by_one
from needle.autograd.ops.shape import reshape
from needle.autograd.rules import opaque
from needle.autograd.samples import Draw, Sample
from needle.autograd.tensor import Operand, Tensor
from needle.ndarray import NDArray

__all__ = [
    "UniqueAll", "UniqueCounts", "UniqueInverse", "isin", "unique_all", "unique_counts", "unique_inverse",
    "unique_values",
]  # fmt: skip


class UniqueAll(NamedTuple):
    """What `unique_all` returns."""

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCounts(NamedTuple):
    """What `unique_counts` returns."""

    values: Tensor
    counts: Tensor


class UniqueInverse(NamedTuple):
    """What `unique_inverse` returns."""

    values: Tensor
    inverse_indices: Tensor


def unique_all(x: Tensor | NDArray, /) -> UniqueAll:
    """Return the distinct elements, and all that is known of their places.

    The gradient of each goes to the first of the elements that are equal to it. How many there are depends on the
    values, so `vmap` cannot batch it.

    Returns:
        ``values``: (n,), sorted. ``indices``: (n,), the first place of each in the flattened ``x``.
        ``inverse_indices``: of x's shape, the place in ``values`` of each element. ``counts``: (n,). All but
        ``values`` are int64.

    >>> [part.tolist() for part in unique_all(tensor([5, 3, 5]))]
    [[3, 5], [1, 0], [1, 0, 1], [1, 2]]
    """
    indices, inverse_indices, counts = _unique(x)
    return UniqueAll(take(reshape(x, -1), indices, axis=0), indices, inverse_indices, counts)


def unique_counts(x: Tensor | NDArray, /) -> UniqueCounts:
    """Return the distinct elements, sorted, and how often each occurs; as `unique_all`.

    >>> [part.tolist() for part in unique_counts(tensor([5, 3, 5]))]
    [[3, 5], [1, 2]]
    """
    values, _, _, counts = unique_all(x)
    return UniqueCounts(values, counts)


def unique_inverse(x: Tensor | NDArray, /) -> UniqueInverse:
    """Return the distinct elements, sorted, and for each element of ``x`` its place among them; as `unique_all`.

    >>> [part.tolist() for part in unique_inverse(tensor([5, 3, 5]))]
    [[3, 5], [1, 0, 1]]
    """
    values, _, inverse_indices, _ = unique_all(x)
    return UniqueInverse(values, inverse_indices)


def unique_values(x: Tensor | NDArray, /) -> Tensor:
    """Return the distinct elements, sorted; as `unique_all`.

    >>> unique_values(tensor([5, 3, 5])).tolist()
    [3, 5]
    """
    return unique_all(x).values


def isin(x1: Operand, x2: Operand, /, *, invert: bool = False) -> Tensor:
    """Return for each element of ``x1`` whether it is in ``x2``, or with ``invert`` whether it is not.

    >>> isin(tensor([1, 2, 3]), tensor([3, 1])).tolist()
    [True, False, True]
    """
    return _isin(x1, x2, invert=invert)


def _places(x: NDArray) -> tuple[NDArray, ...]:
    return nd.unique_all(x)[1:]


def _repeating(draw: Draw) -> list[Sample]:
    return [Sample((draw.integers(2, 4, high=3),))]


def _members(draw: Draw) -> list[Sample]:
    x1, x2 = draw.integers(2, 4, high=5), draw.integers(3, high=5)
    return [Sample((x1, x2)), Sample((x1, x2), {"invert": True})]


_unique = opaque("unique", _places, samples=_repeating)
_isin = opaque("isin", nd.isin, samples=_members, batch=lambda p, *xs: one_by_one(_isin, p, *xs))
