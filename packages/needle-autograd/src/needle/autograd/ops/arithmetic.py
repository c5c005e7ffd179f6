"""Functions made of the elementwise ones."""

from __future__ import annotations

import needle.ndarray as nd
from needle.autograd.creation import full
from needle.autograd.op import axes_of
from needle.autograd.ops.casts import astype, copy
from needle.autograd.ops.elementwise import maximum, minimum
from needle.autograd.ops.keys import getitem
from needle.autograd.ops.shape import concat
from needle.autograd.rules import composite
from needle.autograd.samples import Draw, Sample
from needle.autograd.tensor import Operand, Tensor
from needle.ndarray import NDArray
from needle.ndarray.errors import message

__all__ = ["clip", "diff"]


def _bounds(draw: Draw) -> list[Sample]:
    x = draw.uniform(2, 3)
    return [Sample((x, -0.5, 1)), Sample((x, draw.uniform(3, low=-1, high=0))), Sample((x, None, draw.uniform(2, 1)))]


@composite(_bounds)
def clip(x: Tensor | NDArray, /, min: Operand | None = None, max: Operand | None = None) -> Tensor:
    """Return ``x`` with what lies below ``min`` or above ``max`` replaced by these, in x's dtype; NaN in any stays.

    Where an element is equal to a bound, both get half of the gradient.

    Args:
        x: Of a real dtype.
        min: Broadcast with ``x``; None for no such bound.
        max: As ``min``. Where it is less than ``min``, it is the result.

    Raises:
        TypeError: A bound is a float, or a tensor of another kind than ``x``, for an integer ``x``.

    >>> clip(tensor([1, 5, 9]), 2, 6).tolist()
    [2, 5, 6]
    """
    result = x
    for bound, apply in ((min, maximum), (max, minimum)):
        if bound is not None:
            limit = bound if isinstance(bound, Tensor | NDArray) else full((), bound, x.dtype, x.device)
            if limit.dtype.kind != x.dtype.kind:
                expected = f"{x.dtype}, or another dtype of its kind"
                raise TypeError(message("clip", "a bound of another kind", got=limit.dtype.name, expected=expected))
            result = apply(result, astype(limit, x.dtype, copy=False))
    return copy(x) if result is x else result


def _neighbours(draw: Draw) -> list[Sample]:
    x = draw.uniform(3, 4)
    ends = {"prepend": draw.uniform(3, 1), "append": draw.uniform(3, 2)}
    return [Sample((x,)), Sample((x,), {"axis": 0, "n": 2}), Sample((x,), ends), Sample((x,), {"n": 0})]


@composite(_neighbours)
def diff(
    x: Tensor | NDArray,
    /,
    *,
    axis: int = -1,
    n: int = 1,
    prepend: Tensor | NDArray | None = None,
    append: Tensor | NDArray | None = None,
) -> Tensor:
    """Return the differences of neighbours along an axis, taken n times; for bool, whether they differ.

    Args:
        x: Of any dtype.
        axis: Along which; each time its extent falls by 1.
        n: How often.
        prepend: Put before ``x`` along the axis, first of all; of x's rank.
        append: Put behind ``x``.

    Raises:
        ValueError: ``n`` is negative.
        IndexError: There is no such axis.

    >>> diff(tensor([1, 4, 9, 16])).tolist(), diff(tensor([1, 4, 9, 16]), n=2).tolist()
    ([3, 5, 7], [2, 2])
    """
    if n < 0:
        raise ValueError(message("diff", "a negative number of times", got=str(n)))
    (at,) = axes_of("diff", axis, x.ndim)
    result = concat([part for part in (prepend, x, append) if part is not None], axis=at)
    lead = (slice(None),) * at
    for _ in range(n):
        later, sooner = getitem(result, (*lead, slice(1, None))), getitem(result, (*lead, slice(-1)))
        result = later != sooner if result.dtype is nd.bool else later - sooner
    return result
