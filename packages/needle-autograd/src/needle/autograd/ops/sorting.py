"""Elements in order, and the greatest ones. What chooses them is opaque; gradients go to the places they came from."""

from __future__ import annotations

from typing import NamedTuple

import needle.ndarray as nd
from needle.autograd.op import axes_of, records, wrapped
from needle.autograd.ops.indexing import take_along_axis
from needle.autograd.rules import composite, opaque
from needle.autograd.samples import Draw, Sample
from needle.autograd.tensor import Tensor
from needle.ndarray import NDArray

__all__ = ["argsort", "sort", "topk"]


class TopK(NamedTuple):
    """What `topk` returns."""

    values: Tensor
    indices: Tensor


def argsort(x: Tensor | NDArray, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """Return the places along an axis that sort ``x``, as int64; NaN counts as greater than all others.

    >>> argsort(tensor([3.0, 1.0, 2.0])).tolist()
    [1, 2, 0]
    """
    (axis,) = axes_of("argsort", axis, x.ndim)
    return _argsort(x, axis=axis, descending=descending, stable=stable)


def _orders(draw: Draw) -> list[Sample]:
    ties = draw.tensor([1, 0, 1, 0], nd.int64, (2, 2))
    return [
        Sample((draw.uniform(5),)),
        Sample((draw.uniform(2, 3),), {"axis": 0, "descending": True}),
        Sample((ties,), {"descending": True}),
    ]


_argsort = opaque(
    "argsort",
    nd.argsort,
    samples=_orders,
    batch=lambda p, x: _argsort(x, **{**p, "axis": p["axis"] + 1}),
)


@composite(_orders)
def sort(x: Tensor | NDArray, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """Return ``x`` sorted along an axis; NaN counts as greater than all others.

    >>> sort(tensor([3.0, 1.0, 2.0]), descending=True).tolist()
    [3.0, 2.0, 1.0]
    """
    if not records((x,)):  # nobody asks for the places
        return Tensor(nd.sort(wrapped(x).data, axis=axis, descending=descending, stable=stable))
    return take_along_axis(x, argsort(x, axis=axis, descending=descending, stable=stable), axis)


def _greatest(draw: Draw) -> list[Sample]:
    return [
        Sample((draw.uniform(5), 2)),
        Sample((draw.uniform(3, 2), 1), {"axis": 0, "largest": False}),
        Sample((draw.uniform(2, 3), 0)),
    ]


@composite(_greatest)
def topk(x: Tensor | NDArray, k: int, /, *, axis: int = -1, largest: bool = True) -> TopK:
    """Return the ``k`` greatest elements along an axis, the greatest first, and their places; of equal ones the first.

    ``largest`` says whether the greatest, or the least, are wanted.

    >>> values, indices = topk(tensor([3.0, 9.0, 5.0]), 2)
    >>> values.tolist(), indices.tolist()
    ([9.0, 5.0], [1, 2])
    """
    (axis,) = axes_of("topk", axis, x.ndim)
    indices = _topk_places(x, k=k, axis=axis, largest=largest)
    return TopK(take_along_axis(x, indices, axis), indices)


def _places(x: NDArray, k: int, axis: int, largest: bool) -> NDArray:
    return nd.topk(x, k, axis=axis, largest=largest).indices


_topk_places = opaque(
    "topk_places",
    _places,
    samples=lambda draw: [Sample((draw.uniform(2, 3),), {"k": 2, "axis": 1, "largest": True})],
    batch=lambda p, x: _topk_places(x, **{**p, "axis": p["axis"] + 1}),
)
