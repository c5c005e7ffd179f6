"""Arrays joined, padded and brought to one shape, by views and copies of the front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from needle.ndarray import _core
from needle.ndarray.errors import message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from needle.ndarray._core import NDArray, Scalar

__all__ = ["broadcast_arrays", "concat", "pad", "spread", "stack"]


def broadcast_arrays(*arrays: NDArray) -> tuple[NDArray, ...]:
    """Return views of the arrays, broadcast to their common shape.

    Raises:
        ValueError: the shapes do not broadcast.

    >>> from needle.ndarray import ones
    >>> [x.shape for x in broadcast_arrays(ones((2, 1)), ones(3))]
    [(2, 3), (2, 3)]
    """
    shape = _core.broadcast_shapes(*(x.shape for x in arrays))
    return tuple(_core.broadcast_to(x, shape) for x in arrays)


def concat(arrays: Sequence[NDArray], /, *, axis: int | None = 0) -> NDArray:
    """Return the arrays joined along an axis that they have, or flattened where it is None, in their promoted dtype.

    Raises:
        ValueError: there are none, or they differ in rank, in device, or in an extent off the axis.
        IndexError: there is no such axis.

    >>> from needle.ndarray import asarray
    >>> concat([asarray([1, 2]), asarray([3])]).tolist()
    [1, 2, 3]
    """
    if axis is None:
        return _core.join("concat", [x.reshape(-1) for x in arrays], 0)
    return _core.join("concat", arrays, axis)


def stack(arrays: Sequence[NDArray], /, *, axis: int = 0) -> NDArray:
    """Return the arrays, which have one shape, joined along a new axis.

    Raises:
        ValueError: there are none, or they differ in shape or device.
        IndexError: the result would have no such axis.

    >>> from needle.ndarray import asarray
    >>> stack([asarray([1, 2]), asarray([3, 4])], axis=1).tolist()
    [[1, 3], [2, 4]]
    """
    return _core.join("stack", arrays, axis, new_axis=True)


def pad(x: NDArray, /, widths: Sequence[tuple[int, int]], value: Scalar = 0) -> NDArray:
    """Return x with `value` around it.

    Args:
        x: of any dtype.
        widths: for each axis, how many elements to put before and after; a negative number cuts as many off.
        value: the new elements, which must fit into x's dtype.

    Raises:
        ValueError: there is not one pair for each axis, or more is cut off than there is.

    >>> from needle.ndarray import asarray
    >>> pad(asarray([1, 2, 3]), [(2, -1)]).tolist()
    [0, 0, 1, 2]
    """
    return spread("pad", x, widths, (1,) * x.ndim, value)


def spread(op: str, x: NDArray, widths: Sequence[tuple[int, int]], steps: Sequence[int], value: Scalar = 0) -> NDArray:
    """Return x with ``steps - 1`` new elements between its own along each axis, then padded or cut by `widths`."""
    if len(widths) != x.ndim:
        expected = f"{x.ndim} pairs, for shape {x.shape}"
        raise ValueError(message(op, "not one pair of widths for each axis", got=str(list(widths)), expected=expected))
    shape: list[int] = []
    source: list[slice] = []
    target: list[slice] = []
    for extent, (low, high), step in zip(x.shape, widths, steps, strict=True):
        whole = low + max((extent - 1) * step + 1, 0) + high
        if whole < 0:
            got = f"widths {list(widths)} for shape {x.shape}"
            raise ValueError(message(op, "more is cut off than there is", got=got))
        # Element i of x goes to low + i * step; those from first up to last land inside.
        first = min(-(min(low, 0) // step), extent)
        last = max(min(-((low - whole) // step), extent), first)
        shape.append(whole)
        source.append(slice(first, last))
        target.append(slice(low + first * step, low + (last - 1) * step + 1, step) if first < last else slice(0, 0))
    out = _core.full(shape, value, x.dtype, x.device)
    out[tuple(target)] = x[tuple(source)]
    return out
