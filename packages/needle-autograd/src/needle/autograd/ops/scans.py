"""Sums and products that accumulate along an axis."""

from __future__ import annotations

import needle.ndarray as nd
from needle.autograd.op import Params, axis_of
from needle.autograd.ops.arrangement import moveaxis
from needle.autograd.ops.casts import astype
from needle.autograd.ops.elementwise import conjugate
from needle.autograd.ops.shape import flip, pad
from needle.autograd.rules import linear, special
from needle.autograd.samples import Draw, Sample
from needle.autograd.tensor import Tensor
from needle.ndarray import DType, NDArray

__all__ = ["cumulative_prod", "cumulative_sum"]


def cumulative_sum(
    x: Tensor | NDArray, /, *, axis: int | None = None, dtype: DType | None = None, include_initial: bool = False
) -> Tensor:
    """Return for each place along an axis the sum up to it; integers and bool give int64 (uint64 for unsigned).

    Args:
        x: Of any numeric dtype.
        axis: Along which; it may be left out where there is one only.
        dtype: In which to add.
        include_initial: Whether to begin with a 0, which makes the result longer by 1.

    >>> cumulative_sum(tensor([1, 2, 3])).tolist()
    [1, 3, 6]
    """
    axis = axis_of("cumulative_sum", axis, x.ndim)
    out = _cumulative_sum(x if dtype is None else astype(x, dtype, copy=False), axis=axis)
    out = out if dtype is None else astype(out, dtype, copy=False)
    return _behind(out, axis, 0) if include_initial else out


def cumulative_prod(
    x: Tensor | NDArray, /, *, axis: int | None = None, dtype: DType | None = None, include_initial: bool = False
) -> Tensor:
    """Return for each place along an axis the product up to it; the parameters are those of `cumulative_sum`.

    The gradient is right where elements are 0 too.

    >>> cumulative_prod(tensor([1, 2, 3])).tolist()
    [1, 2, 6]
    """
    axis = axis_of("cumulative_prod", axis, x.ndim)
    out = _cumulative_prod(x if dtype is None else astype(x, dtype, copy=False), axis=axis)
    out = out if dtype is None else astype(out, dtype, copy=False)
    return _behind(out, axis, 1) if include_initial else out


def _behind(x: Tensor, axis: int, first: int) -> Tensor:
    """Return ``x`` with a number put before it along the axis."""
    return pad(x, [(int(i == axis), 0) for i in range(x.ndim)], first)


def _scans(draw: Draw) -> list[Sample]:
    return [
        Sample((draw.uniform(5),)),
        Sample((draw.uniform(2, 3),), {"axis": 0}),
        Sample((draw.uniform(2, 3),), {"axis": -1, "include_initial": True}),
        Sample((draw.uniform(2, 0),), {"axis": 1}),
    ]


_cumulative_sum = linear(
    "cumulative_sum",
    nd.cumulative_sum,
    lambda ct, p, x: flip(_cumulative_sum(flip(ct, p["axis"]), **p), p["axis"]),
    samples=_scans,
    batch=lambda p, x: _cumulative_sum(x, axis=p["axis"] + 1),
)


def _products_of_others(ct: Tensor, p: Params, out: Tensor, x: Tensor) -> Tensor:
    """Return for each j the product of the elements before it times S(j), the sum of ct(i) x(j+1)...x(i) over i >= j.

    S(j) = ct(j) + x(j+1) S(j+1) is summed in log2(n) steps, each of which doubles how far it looks ahead.
    Source: W. D. Hillis and G. L. Steele, "Data parallel algorithms", Communications of the ACM 29 (1986).
    """
    ct, out, x = (moveaxis(a, p["axis"], -1) for a in (ct, conjugate(out), conjugate(x)))
    total, factor, step = ct, _from(x, 1), 1
    while step < x.shape[-1]:
        total = total + factor * _from(total, step)
        factor = factor * _from(factor, step)
        step *= 2
    before = pad(out, [*[(0, 0)] * (x.ndim - 1), (1, -1)], 1)
    return moveaxis(before * total, -1, p["axis"])


def _from(x: Tensor, step: int) -> Tensor:
    """Return what lies that far ahead on the last axis, and 0 where nothing does."""
    return pad(x, [*[(0, 0)] * (x.ndim - 1), (-step, step)])


# Special: the partial derivatives are products without the element, which division would not give at 0.
_cumulative_prod = special(
    "cumulative_prod",
    nd.cumulative_prod,
    _products_of_others,
    samples=_scans,
    batch=lambda p, x: _cumulative_prod(x, axis=p["axis"] + 1),
)
