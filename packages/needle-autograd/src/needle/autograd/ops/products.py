"""Products summed over any axes, bilinear: `dot_general` and what is made of it; and `cross` and `trace`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import needle.ndarray as nd
from needle.autograd.kinds import Bilinear
from needle.autograd.op import Params, Spec, axes_of
from needle.autograd.ops.casts import astype
from needle.autograd.ops.elementwise import conjugate
from needle.autograd.ops.shape import broadcast_to, permute_dims, shifted, stack, sum
from needle.autograd.ops.strides import diagonal
from needle.autograd.rules import composite
from needle.autograd.samples import Draw, Sample
from needle.autograd.tensor import Tensor
from needle.ndarray import DType, NDArray
from needle.ndarray.errors import message

__all__ = ["dot_general", "tensordot", "vecdot"]

Pairs = tuple[Sequence[int], Sequence[int]]
"""Axes of the one operand and, in the same order, those of the other that they go with."""
NONE: Pairs = ((), ())


def dot_general(x1: Tensor, x2: Tensor, /, *, contracting: Pairs, batch: Pairs = NONE) -> Tensor:
    """Return the products of two tensors, summed over pairs of axes, for each index of other pairs.

    Args:
        x1: Of a numeric dtype.
        x2: Likewise.
        contracting: The axes of ``x1`` to sum over, and those of ``x2`` in the same order.
        batch: The axes of ``x1`` that are indexed together with those of ``x2``.

    Returns:
        The batch axes, then the other axes of ``x1``, then those of ``x2``, in the promoted dtype.

    Raises:
        IndexError: There is no such axis.
        ValueError: The axes are not pairs of equal extents, or one is named twice.

    >>> x, y = tensor([[1.0, 2.0], [3.0, 4.0]]), tensor([[1.0, 1.0], [0.0, 2.0]])
    >>> dot_general(x, y, contracting=([1], [1]), batch=([0], [0])).tolist()
    [3.0, 8.0]
    """
    named = [(*contracting[i], *batch[i]) for i in (0, 1)]
    axes = [axes_of("dot_general", each, x.ndim) for each, x in zip(named, (x1, x2), strict=True)]
    lengths = [len(contracting[i]) for i in (0, 1)]
    extents = [[x.shape[a] for a in each] for each, x in zip(axes, (x1, x2), strict=True)]
    if lengths[0] != lengths[1] or extents[0] != extents[1]:
        got = f"axes {list(axes[0])} of {x1.shape} and {list(axes[1])} of {x2.shape}"
        raise ValueError(message("dot_general", "the axes are not pairs of equal extents", got=got))
    n = lengths[0]
    return _dot_general(x1, x2, contracting=(axes[0][:n], axes[1][:n]), batch=(axes[0][n:], axes[1][n:]))


def _others(ndim: int, *groups: Sequence[int]) -> list[int]:
    """Return the axes that are in none of the groups."""
    return [i for i in range(ndim) if not any(i in group for group in groups)]


def _dot(x: NDArray, y: NDArray, contracting: Pairs, batch: Pairs) -> NDArray:
    rows, columns = (_others(a.ndim, contracting[i], batch[i]) for i, a in enumerate((x, y)))
    lead, rows_shape = [x.shape[a] for a in batch[0]], [x.shape[a] for a in rows]
    columns_shape = [y.shape[a] for a in columns]
    depth = math.prod(x.shape[a] for a in contracting[0])
    left = nd.reshape(nd.permute_dims(x, [*batch[0], *rows, *contracting[0]]), [*lead, math.prod(rows_shape), depth])
    right = nd.permute_dims(y, [*batch[1], *contracting[1], *columns])
    right = nd.reshape(right, [*lead, depth, math.prod(columns_shape)])
    out = nd.matmul(left, right) if contracting[0] else nd.multiply(left, right)
    return nd.reshape(out, [*lead, *rows_shape, *columns_shape])


def _gradient_of_left(ct: Tensor, p: Params, x: Spec, y: Tensor) -> Tensor:
    """Sum over the columns: the result has the batch axes, the rows, and what was summed, in the order of y's axes."""
    (summed, summed_y), (lead, lead_y) = p["contracting"], p["batch"]
    rows, columns = _others(x.ndim, summed, lead), _others(y.ndim, summed_y, lead_y)
    n = len(lead)
    last = tuple(range(n + len(rows), ct.ndim))
    out = _dot_general(ct, conjugate(y), contracting=(last, tuple(columns)), batch=(tuple(range(n)), lead_y))
    order = [*lead, *rows, *(summed[summed_y.index(a)] for a in sorted(summed_y))]
    return permute_dims(out, [order.index(i) for i in range(x.ndim)])


def _gradient_of_right(ct: Tensor, p: Params, x: Tensor, y: Spec) -> Tensor:
    """Sum over the rows: the result has the batch axes, what was summed, in the order of x's axes, and the columns."""
    (summed_x, summed), (lead_x, lead) = p["contracting"], p["batch"]
    rows, columns = _others(x.ndim, summed_x, lead_x), _others(y.ndim, summed, lead)
    n = len(lead)
    middle = tuple(range(n, n + len(rows)))
    out = _dot_general(conjugate(x), ct, contracting=(tuple(rows), middle), batch=(lead_x, tuple(range(n))))
    order = [*lead, *(summed[summed_x.index(a)] for a in sorted(summed_x)), *columns]
    return permute_dims(out, [order.index(i) for i in range(y.ndim)])


class _DotGeneral(Bilinear):
    """The op, which does not repeat an operand that all elements of a batch share."""

    def spread(self, size: int, operands: Sequence[Any], batched: Sequence[bool], params: Params) -> Tensor:
        """Return the products for a batch, which is one more pair of axes, or a row or column of the one operand."""
        summed, lead = (
            [shifted(axes) if flag else axes for axes, flag in zip(params[name], batched, strict=True)]
            for name in ("contracting", "batch")
        )
        if all(batched):
            return self(*operands, contracting=tuple(summed), batch=tuple((0, *axes) for axes in lead))
        out = self(*operands, contracting=tuple(summed), batch=tuple(lead))
        at = len(lead[0]) if batched[0] else operands[0].ndim - len(summed[0])
        return permute_dims(out, [at, *_others(out.ndim, (at,))])


def _general(draw: Draw) -> list[Sample]:
    def sample(x: tuple[int, ...], y: tuple[int, ...], contracting: Pairs, batch: Pairs = NONE) -> Sample:
        return Sample((draw.uniform(*x), draw.uniform(*y)), {"contracting": contracting, "batch": batch})

    return [
        sample((2, 3), (3, 4), ((1,), (0,))),
        sample((2, 3, 4), (4, 5, 3), ((1, -1), (2, 0))),
        sample((3, 2, 4), (5, 4, 3), ((2,), (1,)), ((0,), (-1,))),
        sample((2, 3, 2), (3, 2, 2), ((0,), (1,)), ((2, 1), (2, 0))),
        sample((2, 3), (2, 3), NONE, ((0, 1), (0, 1))),
        sample((2,), (3,), NONE),
        sample((0, 3), (3, 0), ((1,), (0,))),
    ]


_dot_general = _DotGeneral("dot_general", _dot, (_gradient_of_left, _gradient_of_right), None, _general, None, None)


def _tensordots(draw: Draw) -> list[Sample]:
    axes = ([1, 0], [0, -1])
    return [
        Sample((draw.uniform(2, 3, 4), draw.uniform(3, 4, 2))),
        Sample((draw.uniform(2, 3), draw.uniform(2)), {"axes": 0}),
        Sample((draw.uniform(2, 3, 4), draw.uniform(3, 5, 2)), {"axes": axes}),
    ]


@composite(_tensordots)
def tensordot(x1: Tensor, x2: Tensor, /, *, axes: int | Pairs = 2) -> Tensor:
    """Return the products of two tensors, summed over pairs of axes.

    Args:
        x1: Of a numeric dtype.
        x2: Likewise.
        axes: How many of the last axes of ``x1`` to pair with as many of the first of ``x2``; or the axes of ``x1``,
            and those of ``x2`` in the same order.

    Returns:
        The other axes of ``x1``, then those of ``x2``, in the promoted dtype.

    Raises:
        IndexError: There is no such axis.
        ValueError: The axes are not pairs of equal extents.

    >>> tensordot(tensor([[1.0, 2.0], [3.0, 4.0]]), tensor([1.0, 1.0]), axes=1).tolist()
    [3.0, 7.0]
    """
    pairs = (range(x1.ndim - axes, x1.ndim), range(axes)) if isinstance(axes, int) else axes
    return dot_general(x1, x2, contracting=pairs)


def _vectors(draw: Draw) -> list[Sample]:
    return [
        Sample((draw.uniform(2, 3), draw.uniform(2, 3))),
        Sample((draw.uniform(3), draw.uniform(2, 3))),
        Sample((draw.uniform(2, 3, 1), draw.uniform(3, 4)), {"axis": -2}),
    ]


@composite(_vectors)
def vecdot(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """Return the products of ``x1``, conjugated where it is complex, and ``x2``, summed over an axis of both.

    The other axes broadcast; the axis is counted from the end.

    Raises:
        IndexError: There is no such axis, or it is not negative.
        ValueError: The shapes do not broadcast, or the extents of the axis differ.

    >>> vecdot(tensor([1.0, 2.0]), tensor([[3.0, 4.0], [5.0, 6.0]])).tolist()
    [11.0, 17.0]
    """
    got = f"axis {axis} of {x1.shape} and {x2.shape}"
    if not -min(x1.ndim, x2.ndim) <= axis < 0:
        raise IndexError(message("vecdot", "axis out of range", got=got, expected="one of both, counted from the end"))
    if x1.shape[axis] != x2.shape[axis]:
        raise ValueError(message("vecdot", "the extents of the axis differ", got=got))
    shape = nd.broadcast_shapes(x1.shape, x2.shape)
    x1, x2 = (x if x.shape == shape else broadcast_to(x, shape) for x in (conjugate(x1), x2))
    at = len(shape) + axis
    others = tuple(_others(len(shape), (at,)))
    return _dot_general(x1, x2, contracting=((at,), (at,)), batch=(others, others))


@composite(lambda draw: [Sample((draw.uniform(2), draw.uniform(3)))])
def outer(x1: Tensor, x2: Tensor, /) -> Tensor:
    """Return the products (N, M) of each element of ``x1`` (N,) with each of ``x2`` (M,).

    Raises:
        ValueError: An operand does not have one axis.

    >>> linalg.outer(tensor([1.0, 2.0]), tensor([3.0, 4.0])).tolist()
    [[3.0, 4.0], [6.0, 8.0]]
    """
    if (x1.ndim, x2.ndim) != (1, 1):
        got = f"shapes {x1.shape} and {x2.shape}"
        raise ValueError(message("outer", "not vectors", got=got, expected="(N,) and (M,)"))
    return _dot_general(x1, x2, contracting=NONE, batch=NONE)


def _triples(draw: Draw) -> list[Sample]:
    return [
        Sample((draw.uniform(2, 3), draw.uniform(3))),
        Sample((draw.uniform(3, 2), draw.uniform(4, 3, 1)), {"axis": -2}),
    ]


@composite(_triples)
def cross(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """Return the vectors at right angles to pairs of vectors of 3 elements.

    Args:
        x1: (..., 3, ...).
        x2: (..., 3, ...), which broadcasts with ``x1`` off the axis.
        axis: Where the 3 elements lie, counted from the end: negative.

    Raises:
        IndexError: The axis is not negative, or not in both operands.
        ValueError: Its extent is not 3 in both, or the shapes do not broadcast.

    >>> linalg.cross(tensor([1.0, 0.0, 0.0]), tensor([0.0, 1.0, 0.0])).tolist()
    [0.0, 0.0, 1.0]
    """
    got = f"axis {axis} of shapes {x1.shape} and {x2.shape}"
    if not -min(x1.ndim, x2.ndim) <= axis < 0:
        raise IndexError(message("cross", "axis out of range", got=got, expected="one of both, counted from the end"))
    if (x1.shape[axis], x2.shape[axis]) != (3, 3):
        raise ValueError(message("cross", "the vectors do not have 3 elements", got=got))
    after = (slice(None),) * (-1 - axis)
    (a1, a2, a3), (b1, b2, b3) = ([x[(..., i, *after)] for i in range(3)] for x in (x1, x2))
    return stack([a2 * b3 - a3 * b2, a3 * b1 - a1 * b3, a1 * b2 - a2 * b1], axis=axis)


def _matrices(draw: Draw) -> list[Sample]:
    return [Sample((draw.uniform(2, 3),)), Sample((draw.uniform(2, 3, 3),), {"offset": 1})]


@composite(_matrices)
def trace(x: Tensor, /, *, offset: int = 0, dtype: DType | None = None) -> Tensor:
    """Return the sums (...) of the diagonals of ``x`` (..., M, N).

    Args:
        x: Of a numeric dtype.
        offset: Which diagonal, as in `diagonal`.
        dtype: Of the result, in which the elements are added; by default that of `sum`.

    Raises:
        ValueError: ``x`` has less than two axes.

    >>> linalg.trace(tensor([[1.0, 2.0], [3.0, 4.0]])).item()
    5.0
    """
    elements = diagonal(x, offset=offset)
    return sum(elements if dtype is None else astype(elements, dtype), -1)
