"""The greatest element of each window, and its mean."""

from __future__ import annotations

import math
from collections.abc import Sequence

import needle.ndarray as nd
from needle.autograd.op import Params
from needle.autograd.ops.indexing import take_along_axis
from needle.autograd.ops.shape import reshape
from needle.autograd.rules import ZERO, linear, opaque, special
from needle.autograd.samples import Draw, Sample
from needle.autograd.tensor import Tensor

__all__ = ["avg_pool", "max_pool"]


def max_pool(
    x: Tensor,
    size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
) -> Tensor:
    """Return the greatest element of each window over the last 1 to 3 axes; the first of equal ones gets the gradient.

    (..., *S) gives (..., *S'), where S' = (low + S + high - dilation * (size - 1) - 1) // stride + 1.

    Args:
        x: The input.
        size: Elements of a window along each of the axes.
        stride: Steps between windows, one for each axis, as in the other parameters.
        padding: By how much windows reach over the ends; there is nothing to choose there.
        dilation: The distance of a window's neighbours.

    >>> max_pool(tensor([1.0, 3.0, 2.0]), size=(2,), stride=(1,), padding=[(0, 0)], dilation=(1,)).tolist()
    [3.0, 3.0]
    """
    pads = tuple((low, high) for low, high in padding)
    return _max_pool(x, size=tuple(size), stride=tuple(stride), padding=pads, dilation=tuple(dilation))


def avg_pool(
    x: Tensor,
    size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
) -> Tensor:
    """Return the mean of each window over the last 1 to 3 axes, where x is padded with zeros.

    (..., *S) gives (..., *S'), where S' = (low + S + high - dilation * (size - 1) - 1) // stride + 1.

    Args:
        x: The input.
        size: Elements of a window along each of the axes.
        stride: Steps between windows, one for each axis, as in the other parameters.
        padding: Zeros before and after x, which count as elements.
        dilation: The distance of a window's neighbours.

    >>> avg_pool(tensor([1.0, 3.0, 2.0]), size=(2,), stride=(1,), padding=[(0, 0)], dilation=(1,)).tolist()
    [2.0, 2.5]
    """
    pads = tuple((low, high) for low, high in padding)
    return _avg_pool(x, size=tuple(size), stride=tuple(stride), padding=pads, dilation=tuple(dilation))


def _taken(ct: Tensor, p: Params, cotangent: Tensor, x: Tensor) -> Tensor:
    """Return what is at the places to which the cotangent went."""
    places = _max_pool_places(x, **p)
    lead = x.shape[: x.ndim - len(p["size"])]
    rows = reshape(ct, (*lead, math.prod(x.shape[len(lead) :])))
    flat = reshape(places, (*lead, math.prod(places.shape[len(lead) :])))
    return reshape(take_along_axis(rows, flat, axis=-1), cotangent.shape)


def _pools(draw: Draw) -> list[Sample]:
    def sample(x: tuple[int, ...], *params: Sequence[object]) -> Sample:
        return Sample((draw.uniform(*x),), dict(zip(("size", "stride", "padding", "dilation"), params, strict=True)))

    return [
        sample((2, 7), (2,), (2,), ((0, 0),), (1,)),  # the stride leaves an element over
        sample((2, 2, 5, 6), (3, 2), (2, 1), ((1, 1), (0, 1)), (1, 2)),
        sample((3, 4, 3), (2, 2, 2), (1, 2, 1), ((0, 0), (1, 0), (0, 0)), (1, 1, 1)),
    ]


def _gradients(draw: Draw) -> list[Sample]:
    samples = [(x, params, nd.max_pool(x.data, **params)) for (x,), params in _pools(draw)]
    return [Sample((draw.uniform(*out.shape), Tensor(x.data)), params) for x, params, out in samples]


_max_pool_places = opaque("max_pool_places", nd.max_pool_places, samples=_pools, core=0)

_max_pool_gradient = linear(
    "max_pool_gradient",
    nd.max_pool_gradient,
    _taken,
    ZERO,
    samples=_gradients,
    batch=lambda p, ct, x: _max_pool_gradient(ct, x, **p),
)

# Special: which elements count depends on their values.
_max_pool = special(
    "max_pool",
    nd.max_pool,
    lambda ct, p, out, x: _max_pool_gradient(ct, x, **p),
    saves="inputs",
    samples=_pools,
    core=0,
)


def _mean_gradient(ct: Tensor, p: Params, x: Tensor) -> Tensor:
    return _avg_pool_gradient(ct, extents=x.shape[x.ndim - len(p["size"]) :], **p)


def _means(ct: Tensor, p: Params, cotangent: Tensor) -> Tensor:
    del cotangent
    return _avg_pool(ct, **{name: value for name, value in p.items() if name != "extents"})


def _mean_gradients(draw: Draw) -> list[Sample]:
    samples = [(x, params, nd.avg_pool(x.data, **params)) for (x,), params in _pools(draw)]
    return [
        Sample((draw.uniform(*out.shape),), {"extents": x.shape[x.ndim - len(params["size"]) :], **params})
        for x, params, out in samples
    ]


_avg_pool = linear("avg_pool", nd.avg_pool, _mean_gradient, samples=_pools, core=0)
_avg_pool_gradient = linear("avg_pool_gradient", nd.avg_pool_gradient, _means, samples=_mean_gradients, core=0)
