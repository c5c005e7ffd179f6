"""Access by arrays of indices. All ops are linear in the elements, which the indices only choose."""

from __future__ import annotations

from typing import Literal

import needle.ndarray as nd
from needle.autograd.op import Params, Spec, axes_of, zeros_like
from needle.autograd.ops.shape import broadcast_to, reshape
from needle.autograd.rules import composite, linear
from needle.autograd.samples import Draw, Sample
from needle.autograd.tensor import Tensor
from needle.ndarray import NDArray
from needle.ndarray.errors import message

__all__ = ["scatter", "take", "take_along_axis"]


def take_along_axis(x: Tensor, indices: Tensor | NDArray, axis: int = -1) -> Tensor:
    """Return ``out[.., j, ..] = x[.., indices[.., j, ..], ..]``, with j at ``axis``.

    ``indices`` is integer and has the shape of ``x`` except at ``axis``; negative ones count from the end.

    >>> take_along_axis(tensor([[1, 2], [3, 4]]), tensor([[1], [0]])).tolist()
    [[2], [3]]
    """
    (axis,) = axes_of("take_along_axis", axis, x.ndim)
    return _take_along_axis(x, indices, axis=axis)


def _gather(x: NDArray, indices: NDArray, axis: int) -> NDArray:
    return nd.take_along_axis(x, indices, axis=axis)


_take_along_axis = linear(
    "take_along_axis",
    _gather,
    lambda ct, p, x, indices: _scatter_add(zeros_like(x), indices, ct, axis=p["axis"]),
    None,
    samples=lambda draw: [
        Sample((draw.uniform(2, 3), draw.integers(2, 4, high=3))),
        Sample((draw.uniform(2, 3), draw.integers(1, 3, low=-2, high=2), 0)),
    ],
    batch=lambda p, x, indices: _take_along_axis(x, indices, axis=p["axis"] + 1),
)


def _rows(draw: Draw) -> list[Sample]:
    return [
        Sample((draw.uniform(4, 3), draw.integers(5, high=4), 0)),
        Sample((draw.uniform(2, 4, 3), draw.integers(2, 2, low=-4, high=4), 1)),
        Sample((draw.uniform(4), draw.integers(high=4), -1)),
    ]


@composite(_rows)
def take(x: Tensor, indices: Tensor | NDArray, axis: int) -> Tensor:
    """Return the slices of ``x`` at ``indices`` (integer, of any shape) along ``axis``, which their axes replace.

    >>> take(tensor([[1, 2], [3, 4]]), tensor([1, 1, 0]), axis=0).tolist()
    [[3, 4], [3, 4], [1, 2]]
    """
    (axis,) = axes_of("take", axis, x.ndim)
    index = indices if isinstance(indices, Tensor) else Tensor(indices)
    before, after = x.shape[:axis], x.shape[axis + 1 :]
    along = broadcast_to(reshape(index, (index.size, *[1] * len(after))), (*before, index.size, *after))
    return reshape(take_along_axis(x, along, axis), (*before, *index.shape, *after))


def scatter(
    x: Tensor, indices: Tensor | NDArray, updates: Tensor, axis: int, op: Literal["set", "add"] = "set"
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
        Sample((draw.uniform(2, 3), draw.integers(2, 4, high=3), draw.uniform(2, 4), 1)),
        Sample((draw.uniform(3, 2), draw.integers(2, 2, low=-3, high=3), draw.uniform(2, 2), 0)),
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
    samples=lambda draw: [Sample(sample.args[:3], {"axis": sample.args[3]}) for sample in _samples(draw)],
    batch=lambda p, *operands: _scatter_add(*operands, axis=p["axis"] + 1),
)
