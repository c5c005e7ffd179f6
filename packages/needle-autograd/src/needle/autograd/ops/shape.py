"""Ops that lay out an array anew, and `sum`, the transpose of broadcasting. All are linear."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import needle.ndarray as nd
from needle.autograd.op import Params, Spec, axes_of
from needle.autograd.ops.casts import astype
from needle.autograd.rules import composite, linear
from needle.autograd.samples import Sample, unary
from needle.autograd.tensor import Axes, Tensor
from needle.ndarray import DType, NDArray
from needle.ndarray.errors import message

__all__ = [
    "broadcast_to", "concat", "expand_dims", "flip", "matrix_transpose", "mean", "pad",
    "permute_dims", "reshape", "squeeze", "stack", "sum",
]  # fmt: skip

# Broadcasting and its transpose.


def broadcast_to(x: Tensor | NDArray, shape: Sequence[int]) -> Tensor:
    """Return ``x`` repeated along new leading axes and along those of extent 1, as a view.

    >>> broadcast_to(tensor([1, 2]), (2, 2)).tolist()
    [[1, 2], [1, 2]]
    """
    return _broadcast_to(x, shape=tuple(shape))


def _sum_to(ct: Tensor, shape: tuple[int, ...]) -> Tensor:
    lead = ct.ndim - len(shape)
    kept = [lead + i for i, extent in enumerate(shape) if extent == 1 and ct.shape[lead + i] != 1]
    return reshape(sum(ct, (*range(lead), *kept)), shape)


_broadcast_to = linear(
    "broadcast_to",
    nd.broadcast_to,
    lambda ct, p, x: _sum_to(ct, x.shape),
    samples=lambda draw: [
        Sample((draw.uniform(3), (2, 3))),
        Sample((draw.uniform(2, 1, 1), (4, 2, 3, 1))),
        Sample((draw.uniform(), (2,))),
        Sample((draw.uniform(1, 2), (0, 2))),
    ],
    batch=lambda p, x: _repeat_all(x, p["shape"]),
)


def _repeat_all(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    size, *extents = x.shape
    return broadcast_to(reshape(x, (size, *[1] * (len(shape) - len(extents)), *extents)), (size, *shape))


REDUCTIONS = [{}, {"axis": 1}, {"axis": (0, -1)}, {"axis": -2, "keepdims": True}, {"axis": ()}]


def sum(x: Tensor | NDArray, axis: Axes = None, keepdims: bool = False, *, dtype: DType | None = None) -> Tensor:
    """Return the sum over the axes, or over all, in ``dtype``; by default integers and bool give int64 or uint64.

    >>> sum(tensor([[1.0, 2.0], [3.0, 4.0]]), axis=0).tolist()
    [4.0, 6.0]
    """
    if dtype is not None:
        return astype(sum(astype(x, dtype, copy=False), axis, keepdims), dtype, copy=False)
    return _sum(x, axis=axes_of("sum", axis, x.ndim), keepdims=keepdims)


def _spread(ct: Tensor, p: Params, x: Spec) -> Tensor:
    shape, axes = x.shape, p["axis"]
    if len(axes) < len(shape):
        ct = reshape(ct, tuple(1 if i in axes else extent for i, extent in enumerate(shape)))
    return broadcast_to(ct, shape)


_sum = linear(
    "sum",
    nd.sum,
    _spread,
    samples=lambda draw: [Sample((draw.uniform(2, 3, 2),), params) for params in REDUCTIONS],
    batch=lambda p, x: _sum(x, axis=shifted(p["axis"]), keepdims=p["keepdims"]),
)


def shifted(axes: Sequence[int]) -> tuple[int, ...]:
    """Return the axes, numbers from 0 on, behind one more."""
    return tuple(a + 1 for a in axes)


def mean(x: Tensor | NDArray, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return the mean over the axes, or over all; integers give float32, and no elements give NaN.

    >>> mean(tensor([[1.0, 2.0], [3.0, 4.0]]), axis=0).tolist()
    [2.0, 3.0]
    """
    return _mean(x, axis=axes_of("mean", axis, x.ndim), keepdims=keepdims)


_mean = linear(
    "mean",
    nd.mean,
    lambda ct, p, x: _spread(ct / (x.size // max(ct.size, 1)), p, x),
    samples=lambda draw: [Sample((draw.uniform(2, 3, 2),), params) for params in REDUCTIONS],
    batch=lambda p, x: _mean(x, axis=shifted(p["axis"]), keepdims=p["keepdims"]),
)

# The same elements in another shape or order.


def reshape(x: Tensor | NDArray, shape: int | Sequence[int], *, copy: bool | None = None) -> Tensor:
    """Return the elements, in row-major order, in another shape; one extent may be -1, which means the rest.

    It is a view where the layout allows: always with ``copy=False``, which raises ValueError else, never with True.

    >>> reshape(tensor([[1, 2], [3, 4]]), (4,)).tolist()
    [1, 2, 3, 4]
    """
    return _reshape(x, shape=(shape,) if isinstance(shape, int) else tuple(shape), copy=copy)


_reshape = linear(
    "reshape",
    nd.reshape,
    lambda ct, p, x: reshape(ct, x.shape),
    samples=lambda draw: [Sample((draw.uniform(2, 3), (3, -1))), Sample((draw.uniform(2, 3), 6))],
    batch=lambda p, x: _reshape_each(x, p["shape"]),
)


def _reshape_each(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    if -1 in shape:  # one extent cannot be inferred for no elements
        known = -math.prod(shape)
        shape = tuple(math.prod(x.shape[1:]) // known if n == -1 else n for n in shape)
    return reshape(x, (x.shape[0], *shape))


def permute_dims(x: Tensor | NDArray, axes: Sequence[int]) -> Tensor:
    """Return the array whose axis ``i`` is axis ``axes[i]`` of ``x``, as a view.

    >>> permute_dims(tensor([[1, 2], [3, 4]]), (1, 0)).tolist()
    [[1, 3], [2, 4]]
    """
    return _permute_dims(x, axes=axes_of("permute_dims", axes, x.ndim))


_permute_dims = linear(
    "permute_dims",
    nd.permute_dims,
    lambda ct, p, x: permute_dims(ct, [p["axes"].index(i) for i in range(x.ndim)]),
    samples=lambda draw: [Sample((draw.uniform(2, 3, 4), (2, 0, 1))), Sample((draw.uniform(2, 3), (-1, 0)))],
    batch=lambda p, x: permute_dims(x, (0, *shifted(p["axes"]))),
)


def matrix_transpose(x: Tensor) -> Tensor:
    """Return the array with its last two axes swapped, as a view.

    >>> matrix_transpose(tensor([[1, 2], [3, 4]])).tolist()
    [[1, 3], [2, 4]]
    """
    return _matrix_transpose(x)


_matrix_transpose = linear(
    "matrix_transpose",
    nd.matrix_transpose,
    lambda ct, p, x: matrix_transpose(ct),
    samples=unary((2, 3), (2, 3, 4)),
    core=2,
)


@composite(lambda draw: [Sample((draw.uniform(2, 3), axis)) for axis in (0, -1, (0, 2))])
def expand_dims(x: Tensor | NDArray, axis: int | Sequence[int] = 0) -> Tensor:
    """Return ``x`` with axes of extent 1 put in, so that they are at ``axis`` in the result.

    >>> expand_dims(tensor([1, 2]), 1).shape
    (2, 1)
    """
    count = 1 if isinstance(axis, int) else len(axis)
    axes = axes_of("expand_dims", axis, x.ndim + count)
    extents = iter(x.shape)
    return reshape(x, [1 if i in axes else next(extents) for i in range(x.ndim + count)])


@composite(lambda draw: [Sample((draw.uniform(2, 1, 3, 1), axis)) for axis in (1, (-1, 1))])
def squeeze(x: Tensor | NDArray, axis: int | Sequence[int]) -> Tensor:
    """Return ``x`` without the given axes, whose extents are 1.

    Raises:
        ValueError: Another extent is not 1.

    >>> squeeze(tensor([[1, 2]]), 0).shape
    (2,)
    """
    axes = axes_of("squeeze", axis, x.ndim)
    if any(x.shape[i] != 1 for i in axes):
        raise ValueError(message("squeeze", "the extent is not 1", got=f"axis {axis} of shape {x.shape}"))
    return reshape(x, [extent for i, extent in enumerate(x.shape) if i not in axes])


def flip(x: Tensor | NDArray, axis: Axes = None) -> Tensor:
    """Return the elements in reverse order along the axes, or along all, as a view.

    >>> flip(tensor([1, 2, 3])).tolist()
    [3, 2, 1]
    """
    return _flip(x, axis=axes_of("flip", axis, x.ndim))


_flip = linear(
    "flip",
    nd.flip,
    lambda ct, p, x: flip(ct, p["axis"]),
    samples=lambda draw: [Sample((draw.uniform(2, 3), axis)) for axis in (None, 1, (0, -1))],
    batch=lambda p, x: flip(x, shifted(p["axis"])),
)

# Arrays made longer, and put together.


def pad(x: Tensor | NDArray, widths: Sequence[tuple[int, int]], value: float = 0) -> Tensor:
    """Return ``x`` with ``value`` around it: ``widths`` has for each axis how many before and after; negative cuts off.

    >>> pad(tensor([1, 2, 3]), [(2, -1)]).tolist()
    [0, 0, 1, 2]
    """
    padded = _pad(x, widths=[(low, high) for low, high in widths])
    # Of the kind linear only with zeros: what is not zero is added, exactly, as a constant.
    frame = nd.zeros(x.shape, x.dtype, x.device)
    return padded + Tensor(nd.pad(frame, widths, value)) if value else padded


_pad = linear(
    "pad",
    nd.pad,
    lambda ct, p, x: pad(ct, [(-low, -high) for low, high in p["widths"]]),
    samples=lambda draw: [
        Sample((draw.uniform(2, 3), [(1, 2), (0, 1)])),
        Sample((draw.uniform(3, 4), [(-1, 2), (1, -2)])),
        Sample((draw.uniform(2, 3), [(1, 0), (-1, 1)], -1.5)),
    ],
    batch=lambda p, x: pad(x, [(0, 0), *p["widths"]]),
)


def concat(arrays: Sequence[Tensor | NDArray], axis: int | None = 0) -> Tensor:
    """Return the tensors joined along an axis that they have, or flattened where it is None.

    >>> concat([tensor([1, 2]), tensor([3])]).tolist()
    [1, 2, 3]
    """
    if axis is None:
        return _concat(*[reshape(x, -1) for x in arrays], axis=0)
    return _concat(*arrays, axis=axis % arrays[0].ndim if arrays and -arrays[0].ndim <= axis < 0 else axis)


def _join(*arrays: NDArray, axis: int) -> NDArray:
    return nd.concat(arrays, axis=axis)


def _part(ct: Tensor, p: Params, i: int, arrays: Sequence[Spec]) -> Tensor:
    axis: int = p["axis"]
    stops = list(itertools.accumulate(x.shape[axis] for x in arrays))
    return ct[(slice(None),) * axis + (slice(stops[i] - arrays[i].shape[axis], stops[i]),)]


_concat = linear(
    "concat",
    _join,
    every=_part,
    samples=lambda draw: [
        Sample(([draw.uniform(2, 3), draw.uniform(1, 3), draw.uniform(0, 3)],)),
        Sample(([draw.uniform(2, 3), draw.uniform(2, 2)], -1)),
    ],
    batch=lambda p, *arrays: _concat(*arrays, axis=p["axis"] + 1),
)


@composite(lambda draw: [Sample(([draw.uniform(2, 3), draw.uniform(2, 3)], axis)) for axis in (0, 1, -1)])
def stack(arrays: Sequence[Tensor | NDArray], axis: int = 0) -> Tensor:
    """Return the tensors, which have one shape, joined along a new axis.

    >>> stack([tensor([1, 2]), tensor([3, 4])], axis=1).tolist()
    [[1, 3], [2, 4]]
    """
    if len({x.shape for x in arrays}) > 1:
        got = " and ".join(str(x.shape) for x in arrays)
        raise ValueError(message("stack", "the tensors differ in shape", got=got, expected="equal shapes"))
    return concat([expand_dims(x, axis) for x in arrays], axis)
