"""Products of arrays summed over axes, as matrix products."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from needle.ndarray import _core
from needle.ndarray._elementwise import conj
from needle.ndarray.errors import message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from needle.ndarray._core import NDArray

__all__ = ["matrix_transpose", "tensordot", "vecdot"]


def matrix_transpose(x: NDArray, /) -> NDArray:
    """Return a view of x with the last two axes exchanged.

    Raises:
        ValueError: x has fewer than 2 dimensions.

    >>> from needle.ndarray import ones
    >>> matrix_transpose(ones((2, 3, 4))).shape
    (2, 4, 3)
    """
    return x.mT


def tensordot(x1: NDArray, x2: NDArray, /, *, axes: int | tuple[Sequence[int], Sequence[int]] = 2) -> NDArray:
    """Return the products of x1 and x2, summed over pairs of axes.

    Args:
        x1: of a numeric dtype.
        x2: likewise.
        axes: how many of x1's last axes to pair with as many of x2's first; or x1's axes, and x2's in the same order.

    Returns:
        The other axes of x1, then those of x2, in the promoted dtype.

    Raises:
        ValueError: the axes are not pairs of equal extents.
        IndexError: there is no such axis.

    >>> from needle.ndarray import ones
    >>> tensordot(ones((2, 3)), ones((3, 4)), axes=1).shape
    (2, 4)
    """
    if isinstance(axes, int):
        left, right = list(range(x1.ndim - axes, x1.ndim)), list(range(axes))
    else:
        left, right = list(axes[0]), list(axes[1])
    shapes = f"axes {left} of {x1.shape} and {right} of {x2.shape}"
    if any(not -x.ndim <= axis < x.ndim for x, named in ((x1, left), (x2, right)) for axis in named):
        raise IndexError(message("tensordot", "axis out of range", got=shapes))
    left, right = [axis % x1.ndim for axis in left], [axis % x2.ndim for axis in right]
    extents = [x1.shape[axis] for axis in left]
    if extents != [x2.shape[axis] for axis in right] or len(set(left)) < len(left) or len(set(right)) < len(right):
        raise ValueError(message("tensordot", "the axes are not pairs of equal extents", got=shapes))
    rows = [axis for axis in range(x1.ndim) if axis not in left]
    columns = [axis for axis in range(x2.ndim) if axis not in right]
    shape = [x1.shape[axis] for axis in rows], [x2.shape[axis] for axis in columns]
    depth = math.prod(extents)
    a = _core.reshape(_core.permute_dims(x1, rows + left), (math.prod(shape[0]), depth))
    b = _core.reshape(_core.permute_dims(x2, right + columns), (depth, math.prod(shape[1])))
    return _core.reshape(_core.matmul(a, b), [*shape[0], *shape[1]])


def vecdot(x1: NDArray, x2: NDArray, /, *, axis: int = -1) -> NDArray:
    """Return the products of x1, conjugated where it is complex, and x2, summed over one axis; the others broadcast.

    Raises:
        ValueError: the shapes do not broadcast, or the extents of the axis differ.
        IndexError: there is no such axis.

    >>> from needle.ndarray import asarray
    >>> vecdot(asarray([1, 2]), asarray([[3, 4], [5, 6]])).tolist()
    [11, 17]
    """
    shapes = f"axis {axis} of {x1.shape} and {x2.shape}"
    if not -min(x1.ndim, x2.ndim) <= axis < 0:
        expected = f"{-min(x1.ndim, x2.ndim)} to -1, for the axes broadcast from the last one on"
        raise IndexError(message("vecdot", "axis out of range", got=shapes, expected=expected))
    if x1.shape[axis] != x2.shape[axis]:
        raise ValueError(message("vecdot", "the extents of the axis differ", got=shapes))
    shape = _core.broadcast_shapes(x1.shape, x2.shape)
    x1 = conj(x1) if x1.dtype.kind == "complex" else x1
    x1, x2 = (_moved_last(_core.broadcast_to(x, shape), axis) for x in (x1, x2))
    return _core.matmul(x1[..., None, :], x2[..., :, None])[..., 0, 0]


def _moved_last(x: NDArray, axis: int) -> NDArray:
    return _core.permute_dims(x, [i for i in range(x.ndim) if i != axis % x.ndim] + [axis])
