"""The elements of an array in another order or number: axes moved, elements rolled, repeated and split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import needle.ndarray as nd
from needle.autograd.op import axes_of, filled
from needle.autograd.ops.indexing import take
from needle.autograd.ops.shape import broadcast_to, concat, expand_dims, permute_dims, reshape, stack
from needle.autograd.rules import composite, linear, special
from needle.autograd.samples import Draw, Sample
from needle.autograd.tensor import Axes, Tensor
from needle.ndarray import NDArray
from needle.ndarray.arrangement import moved
from needle.ndarray.errors import message

__all__ = ["broadcast_arrays", "meshgrid", "moveaxis", "repeat", "roll", "split", "swapaxes", "tile", "unstack"]

# Axes moved.


@composite(lambda draw: [Sample((draw.uniform(2, 3, 4), *axes)) for axes in ((0, -1), ((0, 2), (1, 0)))])
def moveaxis(x: Tensor | NDArray, source: int | Sequence[int], destination: int | Sequence[int], /) -> Tensor:
    """Return a view of ``x`` with some axes at other places, and the rest in their order.

    >>> moveaxis(tensor([[[1, 2]]]), 2, 0).shape
    (2, 1, 1)
    """
    return permute_dims(x, moved(source, destination, x.ndim))


@composite(lambda draw: [Sample((draw.uniform(2, 3, 4), 0, -1)), Sample((draw.uniform(2, 3), 1, 1))])
def swapaxes(x: Tensor | NDArray, axis1: int, axis2: int, /) -> Tensor:
    """Return a view of ``x`` with two axes exchanged.

    >>> swapaxes(tensor([[1, 2]]), 0, 1).tolist()
    [[1], [2]]
    """
    order = list(range(x.ndim))
    (a,), (b,) = axes_of("swapaxes", axis1, x.ndim), axes_of("swapaxes", axis2, x.ndim)
    order[a], order[b] = b, a
    return permute_dims(x, order)


# Elements rolled.


def roll(x: Tensor | NDArray, /, shift: int | Sequence[int], *, axis: Axes = None) -> Tensor:
    """Return ``x`` with the elements shifted along the axes; what leaves at the end comes in at the start.

    Without an axis, it is the flattened ``x`` that is shifted.

    >>> roll(tensor([1, 2, 3, 4]), 1).tolist()
    [4, 1, 2, 3]
    """
    if axis is None:
        return reshape(roll(reshape(x, -1), shift, axis=0), x.shape)
    axes = tuple(axes_of("roll", each, x.ndim)[0] for each in ((axis,) if isinstance(axis, int) else axis))
    return _roll(x, shift=(shift,) * len(axes) if isinstance(shift, int) else tuple(shift), axis=axes)


_roll = linear(
    "roll",
    nd.roll,
    lambda ct, p, x: _roll(ct, shift=[-by for by in p["shift"]], axis=p["axis"]),
    samples=lambda draw: [
        Sample((draw.uniform(2, 3), 2)),
        Sample((draw.uniform(2, 3), -4), {"axis": -1}),
        Sample((draw.uniform(2, 3), (1, 2, -1)), {"axis": (0, 1, 1)}),
    ],
    batch=lambda p, x: _roll(x, shift=p["shift"], axis=[axis + 1 for axis in p["axis"]]),
)

# Elements repeated.


def _repeats(draw: Draw) -> list[Sample]:
    x = draw.uniform(2, 3)
    counts = nd.asarray([2, 0, 1], device=draw.device)
    return [Sample((x, 2)), Sample((x, 3), {"axis": -1}), *(Sample((x, n), {"axis": 1}) for n in (counts, counts[:1]))]


@composite(_repeats)
def repeat(x: Tensor | NDArray, repeats: int | Tensor | NDArray, /, *, axis: int | None = None) -> Tensor:
    """Return ``x`` with each element repeated along an axis; without one, the flattened ``x``.

    ``repeats`` says how often: a number for all, or (n,) or (1,) integers, for each place along the axis.

    >>> repeat(tensor([1, 2]), 2).tolist(), repeat(tensor([1, 2]), tensor([0, 3])).tolist()
    ([1, 1, 2, 2], [2, 2, 2])
    """
    if axis is None:
        return repeat(reshape(x, -1), repeats, axis=0)
    (at,) = axes_of("repeat", axis, x.ndim)
    if not isinstance(repeats, int):  # the shape of the result depends on their values
        counts = repeats.data if isinstance(repeats, Tensor) else repeats
        return take(x, nd.repeat(nd.arange(x.shape[at], device=x.device), counts), axis=at)
    if repeats < 0:
        raise ValueError(message("repeat", "a negative number of repeats", got=str(repeats)))
    many = broadcast_to(expand_dims(x, at + 1), (*x.shape[: at + 1], repeats, *x.shape[at + 1 :]))
    return reshape(many, (*x.shape[:at], x.shape[at] * repeats, *x.shape[at + 1 :]))


@composite(lambda draw: [Sample((draw.uniform(2, 3), counts)) for counts in ((2,), (2, 1, 3), (), (0, 1))])
def tile(x: Tensor | NDArray, repetitions: Sequence[int], /) -> Tensor:
    """Return copies of ``x`` side by side, so many along each axis; missing axes are put in front.

    >>> tile(tensor([1, 2]), (2, 2)).tolist()
    [[1, 2, 1, 2], [1, 2, 1, 2]]
    """
    if min(repetitions, default=0) < 0:
        raise ValueError(message("tile", "a negative number of repetitions", got=str(tuple(repetitions))))
    ndim = max(x.ndim, len(repetitions))
    counts = (1,) * (ndim - len(repetitions)) + tuple(repetitions)
    pairs = list(zip(counts, (1,) * (ndim - x.ndim) + x.shape, strict=True))
    apart = reshape(x, [n for _, extent in pairs for n in (1, extent)])
    return reshape(
        broadcast_to(apart, [n for pair in pairs for n in pair]), [count * extent for count, extent in pairs]
    )


@composite(lambda draw: [Sample((draw.uniform(2, 1), draw.uniform(3), draw.uniform()))])
def broadcast_arrays(*arrays: Tensor | NDArray) -> tuple[Tensor, ...]:
    """Return views of the tensors, broadcast to their common shape.

    >>> [x.tolist() for x in broadcast_arrays(tensor([[1], [2]]), tensor([3, 4]))]
    [[[1, 1], [2, 2]], [[3, 4], [3, 4]]]
    """
    shape = nd.broadcast_shapes(*(x.shape for x in arrays))
    return tuple(broadcast_to(x, shape) for x in arrays)


def _grids(draw: Draw) -> list[Sample]:
    axes = draw.uniform(2), draw.uniform(3), draw.uniform(1)
    return [Sample(axes), Sample(axes, {"indexing": "ij"}), Sample(axes[:1])]


@composite(_grids)
def meshgrid(*arrays: Tensor | NDArray, indexing: Literal["xy", "ij"] = "xy") -> tuple[Tensor, ...]:
    """Return the coordinates of a grid's points: for each 1-d tensor a view of it, spread over the axes of the others.

    With "ij" the i-th tensor runs along axis i; with "xy" the first two run along each other's axis.

    >>> x, y = meshgrid(tensor([1, 2, 3]), tensor([4, 5]))
    >>> x.tolist(), y.tolist()
    ([[1, 2, 3], [1, 2, 3]], [[4, 4, 4], [5, 5, 5]])
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(message("meshgrid", "no such indexing", got=repr(indexing), expected='"xy" or "ij"'))
    if any(x.ndim != 1 for x in arrays):
        raise ValueError(message("meshgrid", "a tensor is not 1-d", got=" and ".join(str(x.shape) for x in arrays)))
    axes = list(range(len(arrays)))
    if indexing == "xy":
        axes[:2] = axes[1::-1]
    apart = [reshape(x, [-1 if i == at else 1 for i in range(len(axes))]) for at, x in zip(axes, arrays, strict=True)]
    return broadcast_arrays(*apart)


# Parts. Special: linear, but of several results, whose gradients are joined at once.


def split(x: Tensor | NDArray, sizes: int | Sequence[int], /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """Return ``x`` cut into pieces along an axis, as views.

    ``sizes`` is the extent of each piece, of which the last may be smaller; or has the extents one by one.

    >>> [part.tolist() for part in split(tensor([1, 2, 3, 4, 5]), 2)]
    [[1, 2], [3, 4], [5]]
    """
    (axis,) = axes_of("split", axis, x.ndim)
    return _split(x, sizes=sizes if isinstance(sizes, int) else tuple(sizes), axis=axis)


def _cut(x: NDArray, sizes: int | Sequence[int], axis: int) -> tuple[NDArray, ...]:
    return nd.split(x, sizes, axis=axis)


_split = special(
    "split",
    _cut,
    lambda ct, p, out, x: concat(filled(ct, out), p["axis"]),
    saves="neither",
    jvp=lambda tangents, p, out, x: _split(*tangents, **p),
    samples=lambda draw: [Sample((draw.uniform(5, 2), 2)), Sample((draw.uniform(2, 5), (1, 0, 4)), {"axis": -1})],
    batch=lambda p, x: _split(x, sizes=p["sizes"], axis=p["axis"] + 1),
)


def unstack(x: Tensor | NDArray, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """Return the parts of ``x`` along an axis, as views without it.

    >>> [part.tolist() for part in unstack(tensor([[1, 2], [3, 4]]), axis=1)]
    [[1, 3], [2, 4]]
    """
    return _unstack(x, axis=axes_of("unstack", axis, x.ndim)[0])


_unstack = special(
    "unstack",
    nd.unstack,
    lambda ct, p, out, x: stack(filled(ct, out), p["axis"]),
    saves="neither",
    jvp=lambda tangents, p, out, x: _unstack(*tangents, **p),
    samples=lambda draw: [Sample((draw.uniform(3, 2),)), Sample((draw.uniform(2, 3),), {"axis": -1})],
    batch=lambda p, x: _unstack(x, axis=p["axis"] + 1),
)
