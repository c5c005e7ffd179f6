"""Where elements are, in integers: nothing to differentiate."""

from __future__ import annotations

from typing import Any, Literal

import needle.ndarray as nd
from needle.autograd.op import Op, Params, axes_of
from needle.autograd.ops.shape import REDUCTIONS, shifted, stack
from needle.autograd.rules import opaque
from needle.autograd.samples import Draw, Sample
from needle.autograd.tensor import Axes, Operand, Tensor
from needle.ndarray import NDArray

__all__ = ["count_nonzero", "searchsorted"]


def count_nonzero(x: Tensor | NDArray, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return how many elements over the axes, or of all, are not 0, as int64.

    >>> count_nonzero(tensor([[0, 1], [2, 3]]), axis=1).tolist()
    [1, 2]
    """
    return _count_nonzero(x, axis=axes_of("count_nonzero", axis, x.ndim), keepdims=keepdims)


def searchsorted(
    x1: Tensor | NDArray,
    x2: Operand,
    /,
    *,
    side: Literal["left", "right"] = "left",
    sorter: Tensor | NDArray | None = None,
) -> Tensor:
    """Return where in the sorted ``x1`` the elements of ``x2`` would have to be put to keep it sorted, as int64.

    Args:
        x1: (n,), sorted upwards; or in any order, with ``sorter``.
        x2: Of any shape, which is that of the result; or a number.
        side: Before ("left") or behind ("right") elements that are equal.
        sorter: (n,) integers, the order that sorts ``x1``.

    >>> searchsorted(tensor([1, 3, 3, 5]), tensor([0, 3, 6])).tolist()
    [0, 1, 4]
    """
    return _searchsorted(x1, x2, sorter, side=side)


def _sorted_search(x1: NDArray, x2: NDArray, sorter: NDArray | None, side: Literal["left", "right"]) -> NDArray:
    return nd.searchsorted(x1, x2, side=side, sorter=sorter)


def _searches(draw: Draw) -> list[Sample]:
    x1 = draw.tensor([-1.0, 0.0, 0.5, 0.5, 1.5], draw.dtype, (5,))
    order = draw.tensor([2, 0, 1], nd.int64, (3,))
    x3 = draw.tensor([0.0, 1.0, -1.0], draw.dtype, (3,))
    x2 = draw.tensor([0.5, -3.0, 0.2, 4.0], draw.dtype, (2, 2))
    return [Sample((x1, x2)), Sample((x1, x2), {"side": "right"}), Sample((x3, x2), {"sorter": order})]


def one_by_one(op: Op, p: Params, *operands: Any) -> Tensor:
    """Apply the op to each element of a batch: a batching rule for what has no other."""
    (size,) = {x.shape[0] for x in operands if isinstance(x, Tensor)}
    return stack([op(*[x[i] if isinstance(x, Tensor) else x for x in operands], **p) for i in range(size)])


_count_nonzero = opaque(
    "count_nonzero",
    nd.count_nonzero,
    samples=lambda draw: [Sample((draw.integers(2, 3, 2),), params) for params in REDUCTIONS],
    batch=lambda p, x: _count_nonzero(x, axis=shifted(p["axis"]), keepdims=p["keepdims"]),
)
_searchsorted = opaque(
    "searchsorted", _sorted_search, samples=_searches, batch=lambda p, *xs: one_by_one(_searchsorted, p, *xs)
)
