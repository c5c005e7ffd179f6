"""Reductions other than the linear ones, `sum` and `mean`."""

from __future__ import annotations

import builtins
import math

import needle.ndarray as nd
from needle.autograd.op import Op, Params, Spec, axes_of
from needle.autograd.ops.casts import astype
from needle.autograd.ops.elementwise import conjugate, exp, sqrt, where
from needle.autograd.ops.scans import cumulative_prod
from needle.autograd.ops.shape import REDUCTIONS, flip, mean, pad, permute_dims, reshape, shifted, sum
from needle.autograd.rules import composite, opaque, special
from needle.autograd.samples import Draw, Sample
from needle.autograd.tensor import Axes, Tensor
from needle.ndarray import DType, NDArray

__all__ = ["all", "any", "argmax", "argmin", "logsumexp", "max", "min", "prod", "std", "var"]


def reductions(draw: Draw) -> list[Sample]:
    """Return one array reduced over many choices of axes."""
    return [Sample((draw.uniform(2, 3, 2),), params) for params in REDUCTIONS]


def _behind(p: Params) -> Params:
    """Return the parameters for a batch axis in front."""
    return {**p, "axis": shifted(p["axis"])}


def _kept(ct: Tensor, p: Params, x: Tensor) -> Tensor:
    """Return a reduced tensor with the reduced axes put back at extent 1."""
    return reshape(ct, [1 if i in p["axis"] else extent for i, extent in enumerate(x.shape)])


# Extremes.


def max(x: Tensor | NDArray, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return the greatest element over the axes, or over all; equal ones share the gradient equally.

    >>> max(tensor([[1.0, 2.0], [4.0, 3.0]]), axis=1).tolist()
    [2.0, 4.0]
    """
    return _max(x, axis=axes_of("max", axis, x.ndim), keepdims=keepdims)


def min(x: Tensor | NDArray, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return the least element over the axes, or over all; equal ones share the gradient equally.

    >>> min(tensor([[1.0, 2.0], [4.0, 3.0]]), axis=1).tolist()
    [1.0, 3.0]
    """
    return _min(x, axis=axes_of("min", axis, x.ndim), keepdims=keepdims)


def _share(ct: Tensor, p: Params, out: Tensor, x: Tensor) -> Tensor:
    extreme = astype(x == _kept(out, p, x), x.dtype)
    return extreme * (_kept(ct, p, x) / sum(extreme, p["axis"], keepdims=True))


# Special: which elements count depends on their values.
_max = special("max", nd.max, _share, samples=reductions, batch=lambda p, x: _max(x, **_behind(p)))
_min = special("min", nd.min, _share, samples=reductions, batch=lambda p, x: _min(x, **_behind(p)))

# Products.


def prod(x: Tensor | NDArray, axis: Axes = None, keepdims: bool = False, *, dtype: DType | None = None) -> Tensor:
    """Return the product over the axes, or over all, in ``dtype``; by default integers and bool give int64 or uint64.

    The gradient is right where elements are 0 too.

    >>> prod(tensor([[1.0, 2.0], [3.0, 4.0]]), axis=0).tolist()
    [3.0, 8.0]
    """
    if dtype is not None:
        return astype(prod(astype(x, dtype, copy=False), axis, keepdims), dtype, copy=False)
    return _prod(x, axis=axes_of("prod", axis, x.ndim), keepdims=keepdims)


def _others(ct: Tensor, p: Params, out: Tensor, x: Tensor) -> Tensor:
    """Return ct times, for each element, the product of all others: of those before it and of those after it."""
    rest = [i for i in range(x.ndim) if i not in p["axis"]]
    order = [*rest, *p["axis"]]
    moved = permute_dims(x, order)
    rows = reshape(moved, (*moved.shape[: len(rest)], x.size // (out.size or 1)))
    others = _product_before(rows) * flip(_product_before(flip(rows, -1)), -1)
    back = permute_dims(reshape(others, moved.shape), [order.index(i) for i in range(x.ndim)])
    return _kept(ct, p, x) * conjugate(back)


def _product_before(x: Tensor) -> Tensor:
    """Return for each element the product of those before it on the last axis."""
    products = cumulative_prod(x, axis=-1)
    return pad(products, [*[(0, 0)] * (x.ndim - 1), (1, -1)], 1)


# Special: the partial derivative is the product of all other elements, which division would not give at 0.
_prod = special(
    "prod",
    nd.prod,
    _others,
    samples=lambda draw: [
        *reductions(draw),
        Sample((draw.tensor([2.0, 0.0, 3.0, 0.0, 0.0, 1.5, 2.0, 0.5], draw.dtype, (2, 4)), 1)),
        Sample((draw.tensor([2.0, 0.0, 3.0, 0.5, 1.5], draw.dtype, (5,)),)),
    ],
    batch=lambda p, x: _prod(x, **_behind(p)),
)

# Exponentials summed.


def logsumexp(x: Tensor | NDArray, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return log(sum(exp(x))) over the axes, or over all, without overflow.

    >>> f"{logsumexp(tensor([1000.0, 1000.0])).item():.2f}"
    '1000.69'
    """
    return _logsumexp(x, axis=axes_of("logsumexp", axis, x.ndim), keepdims=keepdims)


def _shifted_log_sum(x: NDArray, axis: tuple[int, ...], keepdims: bool) -> NDArray:
    top = nd.max(x, axis=axis, keepdims=True)
    shift = nd.where(nd.isfinite(top), top, 0.0)  # minus infinity from itself would be NaN
    total = nd.log(nd.sum(nd.exp(nd.subtract(x, shift)), axis=axis, keepdims=True))
    total = nd.add(total, shift)
    return total if keepdims else nd.reshape(total, [n for i, n in enumerate(x.shape) if i not in axis])


# Special: made of ops, it would save several arrays, and lose digits in the low precisions.
_logsumexp = special(
    "logsumexp",
    _shifted_log_sum,
    lambda ct, p, out, x: _kept(ct, p, x) * exp(x - _kept(out, p, x)),
    samples=reductions,
    batch=lambda p, x: _logsumexp(x, **_behind(p)),
)


# Spread.


def var(x: Tensor | NDArray, /, *, axis: Axes = None, correction: float = 0, keepdims: bool = False) -> Tensor:
    """Return the variance over the axes, or over all: the squared distances from the mean, summed and divided.

    The divisor is the number of elements less ``correction`` (1 for the unbiased estimate).

    >>> var(tensor([1.0, 3.0])).item()
    1.0
    """
    return _var(x, axis=axes_of("var", axis, x.ndim), correction=correction, keepdims=keepdims)


def _away(ct: Tensor, p: Params, out: Spec, x: Tensor) -> Tensor:
    divisor = builtins.max(x.size // (out.size or 1) - p["correction"], 0)
    return _kept(ct, p, x) * 2 / divisor * (x - mean(x, p["axis"], keepdims=True))


def _spreads(draw: Draw) -> list[Sample]:
    x = draw.uniform(2, 3, 2)
    return [*reductions(draw), Sample((x,), {"axis": 1, "correction": 0.5, "keepdims": True})]


# Special: of one pass, in float32 for the halves; made of ops, it would keep the distances.
_var = special("var", nd.var, _away, saves="inputs", samples=_spreads, batch=lambda p, x: _var(x, **_behind(p)))


@composite(_spreads)
def std(x: Tensor, /, *, axis: Axes = None, correction: float = 0, keepdims: bool = False) -> Tensor:
    """Return the standard deviation over the axes, or over all: the square root of `var`.

    Where it is 0, so is its gradient.

    >>> std(tensor([1.0, 3.0])).item()
    1.0
    """
    square_of_it = var(x, axis=axis, correction=correction, keepdims=keepdims)
    is_zero = square_of_it == 0
    return where(is_zero, 0.0, sqrt(where(is_zero, 1.0, square_of_it)))


# Answers that are places or truth values.


def argmax(x: Tensor | NDArray, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the place of the first greatest element along an axis, or among all in row-major order, as int64.

    >>> argmax(tensor([[1.0, 2.0], [4.0, 3.0]]), axis=1).tolist()
    [1, 0]
    """
    return _argmax(x, axis=axis, keepdims=keepdims)


def argmin(x: Tensor | NDArray, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the place of the first least element along an axis, or among all in row-major order, as int64.

    >>> argmin(tensor([[1.0, 2.0], [4.0, 3.0]]), axis=1).tolist()
    [0, 1]
    """
    return _argmin(x, axis=axis, keepdims=keepdims)


def any(x: Tensor | NDArray, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return whether an element over the axes, or of all, is not 0.

    >>> any(tensor([[0, 0], [0, 1]]), axis=1).tolist()
    [False, True]
    """
    return _any(x, axis=axes_of("any", axis, x.ndim), keepdims=keepdims)


def all(x: Tensor | NDArray, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return whether no element over the axes, or of all, is 0.

    >>> all(tensor([[1, 1], [0, 1]]), axis=1).tolist()
    [True, False]
    """
    return _all(x, axis=axes_of("all", axis, x.ndim), keepdims=keepdims)


def _bits(draw: Draw) -> list[Sample]:
    return [Sample((draw.integers(2, 3, 2),), params) for params in REDUCTIONS]


def _extremes_of_each(op: Op, p: Params, x: Tensor) -> Tensor:
    """Apply argmax or argmin to each element of a batch."""
    axis: int | None = p["axis"]
    if axis is not None:
        return op(x, axis=axis % (x.ndim - 1) + 1, keepdims=p["keepdims"])
    flat = op(reshape(x, (x.shape[0], math.prod(x.shape[1:]))), axis=1, keepdims=False)
    return reshape(flat, (x.shape[0], *[1] * (x.ndim - 1))) if p["keepdims"] else flat


_argmax = opaque(
    "argmax",
    nd.argmax,
    samples=lambda draw: reductions(draw)[:2],
    batch=lambda p, x: _extremes_of_each(_argmax, p, x),
)
_argmin = opaque(
    "argmin",
    nd.argmin,
    samples=lambda draw: reductions(draw)[:2],
    batch=lambda p, x: _extremes_of_each(_argmin, p, x),
)
_any = opaque("any", nd.any, samples=_bits, batch=lambda p, x: _any(x, **_behind(p)))
_all = opaque("all", nd.all, samples=_bits, batch=lambda p, x: _all(x, **_behind(p)))
