"""Access by tensors of indices. All ops are linear in the elements, which the indices only choose."""

from __future__ import annotations

import math
from typing import Literal

import needle.ndarray as nd
from needle.autograd.creation import zeros_like
from needle.autograd.op import Params, Spec, axes_of, axis_of, wrapped
from needle.autograd.ops.shape import broadcast_to, reshape
from needle.autograd.rules import linear
from needle.autograd.samples import Draw, Sample
from needle.autograd.tensor import Tensor
from needle.ndarray import NDArray
from needle.ndarray.errors import message

__all__ = ["scatter", "take", "take_along_axis"]


def take_along_axis(x: Tensor | NDArray, indices: Tensor | NDArray, axis: int = -1) -> Tensor:
    """Return ``out[.., j, ..] = x[.., indices[.., j, ..], ..]``, with j at ``axis``.

    ``indices`` is integer and broadcasts with ``x`` except at ``axis``; negative ones count from the end.

    >>> take_along_axis(tensor([[1, 2], [3, 4]]), tensor([[1], [0]])).tolist()
    [[2], [3]]
    """
    (axis,) = axes_of("take_along_axis", axis, x.ndim)
    if x.ndim == indices.ndim and _off(x, axis) != _off(indices, axis):
        shape = nd.broadcast_shapes(_off(x, axis), _off(indices, axis))
        x, indices = (broadcast_to(y, (*shape[:axis], y.shape[axis], *shape[axis + 1 :])) for y in (x, indices))
    return _take_along_axis(x, indices, axis=axis)


def _off(x: Tensor | NDArray, axis: int) -> tuple[int, ...]:
    """Return the shape with 1 at the axis."""
    return (*x.shape[:axis], 1, *x.shape[axis + 1 :])


def _gather(x: NDArray, indices: NDArray, axis: int) -> NDArray:
    return nd.take_along_axis(x, indices, axis=axis)


_take_along_axis = linear(
    "take_along_axis",
    _gather,
    lambda ct, p, x, indices: _scatter_add(zeros_like(x), indices, ct, axis=p["axis"]),
    None,
    samples=lambda draw: [
        Sample((draw.uniform(2, 3), draw.integers(2, 4, high=3))),
        Sample((draw.uniform(2, 3), draw.integers(1, 3, low=-2, high=2)), {"axis": 0}),
        Sample((draw.uniform(1, 3), draw.integers(2, 1, high=3)), {"axis": 1}),
    ],
    batch=lambda p, x, indices: _take_along_axis(x, indices, axis=p["axis"] + 1),
)


def _rows(draw: Draw) -> list[Sample]:
    return [
        Sample((draw.uniform(4, 3), draw.integers(5, high=4)), {"axis": 0}),
        Sample((draw.uniform(2, 4, 3), draw.integers(2, 2, low=-4, high=4)), {"axis": 1}),
        Sample((draw.uniform(4), draw.integers(high=4))),
        Sample((draw.uniform(2, 3), draw.integers(0)), {"axis": -1}),
    ]


def take(x: Tensor | NDArray, indices: Tensor | NDArray, axis: int | None = None) -> Tensor:
    """Return the slices of ``x`` at ``indices`` (integer, of any shape) along ``axis``, which their axes replace.

    The axis may be left out where there is one only; negative indices count from the end.

    >>> take(tensor([[1, 2], [3, 4]]), tensor([1, 1, 0]), axis=0).tolist()
    [[3, 4], [3, 4], [1, 2]]
    """
    return _take(x, indices, axis=axis_of("take", axis, x.ndim))


def _add_back(ct: Tensor, p: Params, x: Spec, indices: Tensor) -> Tensor:
    """Return the sums of what was taken of each slice."""
    axis: int = p["axis"]
    shape = (*x.shape[:axis], indices.size, *x.shape[axis + 1 :])
    along = broadcast_to(reshape(wrapped(indices), (indices.size, *[1] * (x.ndim - axis - 1))), shape)
    return _scatter_add(zeros_like(x), along, reshape(ct, shape), axis=axis)


def _take_of_each(p: Params, x: Tensor, indices: Tensor) -> Tensor:
    size, *extents = x.shape
    before, after = extents[: p["axis"]], extents[p["axis"] + 1 :]
    count = math.prod(indices.shape[1:])
    along = reshape(indices, (size, *[1] * len(before), count, *[1] * len(after)))
    out = take_along_axis(x, broadcast_to(along, (size, *before, count, *after)), axis=p["axis"] + 1)
    return reshape(out, (size, *before, *indices.shape[1:], *after))


_take = linear("take", nd.take, _add_back, None, samples=_rows, batch=_take_of_each)


def scatter(
    x: Tensor | NDArray, indices: Tensor | NDArray, updates: Tensor, axis: int, op: Literal["set", "add"] = "set"
) -> Tensor:
    """Return ``x`` with ``out[.., indices[.., j, ..], ..] op= updates[.., j, ..]``, with j at ``axis``.

    ``indices`` (integer) and ``updates`` have one shape, which is that of ``x`` except at ``axis``. Where indices
    repeat, "add" adds all and "set" leaves the last in row-major order.

    >>> scatter(tensor([1, 1, 1]), tensor([0, 2, 2]), tensor([3, 4, 5]), axis=0, op="add").tolist()
    [4, 1, 10]
    """
    (axis,) = axes_of("scatter", axis, x.ndim)
    if op not in ("set", "add"):
        raise ValueError(message("scatter", "unknown op", got=repr(op), expected="'set' or 'add'"))
    return (_scatter_add if op == "add" else _scatter)(x, indices, updates, axis=axis)


def _put(x: NDArray, indices: NDArray, updates: NDArray, axis: int) -> NDArray:
    return nd.scatter(x, indices, updates, axis=axis, op="set")


def _add(x: NDArray, indices: NDArray, updates: NDArray, axis: int) -> NDArray:
    return nd.scatter(x, indices, updates, axis=axis, op="add")


def _from_last(ct: Tensor, p: Params, x: Spec, indices: Tensor, updates: Spec) -> Tensor:
    """Return the cotangents at the indices, for those updates that no later one has replaced."""
    places = Tensor(nd.reshape(nd.arange(indices.size, device=x.device), indices.shape))
    last = _scatter(Tensor(nd.zeros(x.shape, nd.int64, x.device)), indices, places, **p)
    won = take_along_axis(last, indices, **p) == places
    return take_along_axis(ct, indices, **p) * won


def _samples(draw: Draw) -> list[Sample]:
    return [
        Sample((draw.uniform(2, 3), draw.integers(2, 4, high=3), draw.uniform(2, 4)), {"axis": 1}),
        Sample((draw.uniform(3, 2), draw.integers(2, 2, low=-3, high=3), draw.uniform(2, 2)), {"axis": 0}),
    ]


_scatter = linear(
    "scatter",
    _put,
    lambda ct, p, x, indices, updates: _scatter(ct, indices, zeros_like(updates), **p),
    None,
    _from_last,
    samples=_samples,
    batch=lambda p, *operands: _scatter(*operands, axis=p["axis"] + 1),
)

_scatter_add = linear(
    "scatter_add",
    _add,
    lambda ct, p, x, indices, updates: ct,
    None,
    lambda ct, p, x, indices, updates: take_along_axis(ct, indices, **p),
    samples=_samples,
    batch=lambda p, *operands: _scatter_add(*operands, axis=p["axis"] + 1),
)
