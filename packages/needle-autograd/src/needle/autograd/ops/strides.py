"""Views that step through the elements: by any strides, along diagonals, and windows along one axis."""

from __future__ import annotations

import math
from collections.abc import Sequence

import needle.ndarray as nd
from needle.autograd.op import Params, Spec, axes_of
from needle.autograd.ops.arrangement import moveaxis
from needle.autograd.ops.indexing import scatter
from needle.autograd.ops.shape import reshape
from needle.autograd.ops.windows import windows
from needle.autograd.rules import composite, linear
from needle.autograd.samples import Sample
from needle.autograd.tensor import Tensor
from needle.ndarray import NDArray
from needle.ndarray.errors import message

__all__ = ["as_strided", "diagonal", "unfold"]


def as_strided(
    x: Tensor | NDArray, /, shape: int | Sequence[int], strides: int | Sequence[int], offset: int | None = None
) -> Tensor:
    """Return any view of the elements of ``x`` in row-major order, whatever its layout: it counts them, not a buffer's.

    Args:
        x: The elements.
        shape: The extents of the view.
        strides: How many elements each axis steps.
        offset: The first element; 0 by default.

    Raises:
        IndexError: The view would leave ``x``.

    >>> as_strided(tensor([1, 2, 3, 4]), (3, 2), (1, 1)).tolist()
    [[1, 2], [2, 3], [3, 4]]
    """
    extents, steps = (((n,) if isinstance(n, int) else tuple(n)) for n in (shape, strides))
    first = offset or 0
    ways = [(extent - 1) * step for extent, step in zip(extents, steps, strict=True)]
    low, high = (first + sum(pick(way, 0) for way in ways) for pick in (min, max))
    if 0 not in extents and not 0 <= low <= high < x.size:
        got = f"elements {low} to {high} of {x.size}, by shape {extents} and strides {steps}"
        raise IndexError(message("as_strided", "the view would leave the tensor", got=got))
    return _as_strided(x, shape=extents, strides=steps, offset=first)


def _view(x: NDArray, shape: tuple[int, ...], strides: tuple[int, ...], offset: int) -> NDArray:
    x = nd.contiguous(x)
    return nd.as_strided(x, shape, strides, x.offset + offset if 0 not in shape else None)


def _add_up(ct: Tensor, p: Params, x: Spec) -> Tensor:
    """Return the sums of what was read from each element."""
    places = Tensor(nd.reshape(_view(nd.arange(x.size, device=x.device), **p), (ct.size,)))
    none = Tensor(nd.zeros((x.size,), x.dtype, x.device))
    return reshape(scatter(none, places, reshape(ct, (ct.size,)), axis=0, op="add"), x.shape)


def _of_each(p: Params, x: Tensor) -> Tensor:
    size, *extents = x.shape
    return as_strided(x, (size, *p["shape"]), (math.prod(extents), *p["strides"]), p["offset"])


_as_strided = linear(
    "as_strided",
    _view,
    _add_up,
    samples=lambda draw: [
        Sample((draw.uniform(2, 3), (2, 2, 2), (1, 1, 2), 1)),
        Sample((draw.uniform(6), 3, -2), {"offset": 5}),
        Sample((draw.uniform(2, 2), (0, 3), (9, 9))),
    ],
    batch=_of_each,
)


def diagonal(x: Tensor | NDArray, /, *, offset: int = 0) -> Tensor:
    """Return a view of the diagonals (..., K) of ``x`` (..., M, N): of the elements [..., i, i + offset].

    >>> diagonal(tensor([[1, 2, 3], [4, 5, 6]]), offset=1).tolist()
    [2, 6]
    """
    return _diagonal(x, offset=offset)


_diagonal = linear(
    "diagonal",
    nd.linalg.diagonal,
    lambda ct, p, x: place_diagonal(ct, shape=x.shape[-2:], **p),
    samples=lambda draw: [
        Sample((draw.uniform(2, 3),), {"offset": 1}),
        Sample((draw.uniform(2, 3, 2),), {"offset": -1}),
        Sample((draw.uniform(2, 2),), {"offset": 3}),
    ],
    core=2,
)


def _put(x: NDArray, shape: tuple[int, int], offset: int) -> NDArray:
    out = nd.zeros((*x.shape[:-1], *shape), x.dtype, x.device)
    nd.linalg.diagonal(out, offset=offset)[...] = x
    return out


place_diagonal = linear(
    "place_diagonal",
    _put,
    lambda ct, p, x: _diagonal(ct, offset=p["offset"]),
    samples=lambda draw: [Sample((draw.uniform(2, 2),), {"shape": (2, 3), "offset": 1})],
    core=1,
)


@composite(lambda draw: [Sample((draw.uniform(2, 6), -1, 3, 2)), Sample((draw.uniform(4, 2, 2), 0, 2, 1))])
def unfold(x: Tensor | NDArray, axis: int, size: int, step: int, /) -> Tensor:
    """Return a view of all windows along an axis: the axis counts them, and a new last axis holds their elements.

    ``step`` is from one window to the next; windows that would leave ``x`` are not there.

    >>> unfold(tensor([1, 2, 3, 4, 5]), 0, 3, 2).tolist()
    [[1, 2, 3], [3, 4, 5]]
    """
    (at,) = axes_of("unfold", axis, x.ndim)
    return moveaxis(windows(moveaxis(x, at, -1), (size,), (step,), (1,)), -2, at)
