"""The axes that a function works on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from needle.ndarray.errors import message

if TYPE_CHECKING:
    from needle.ndarray._core import Axes

__all__ = ["axes_of"]


def axes_of(op: str, axes: Axes, ndim: int) -> tuple[int, ...]:
    """Return the axes, all where None, counted from the start.

    Raises:
        IndexError: there is no such axis.
        ValueError: an axis is named twice.

    >>> axes_of("roll", (0, -1), 3)
    (0, 2)
    """
    if axes is None:
        return tuple(range(ndim))
    if isinstance(axes, int) and -ndim <= axes < ndim:
        return (axes % ndim,)
    named = (axes,) if isinstance(axes, int) else tuple(axes)
    if any(not -ndim <= axis < ndim for axis in named):
        expected = f"{-ndim} to {ndim - 1}" if ndim else "no axis, for an array of 0 dimensions"
        raise IndexError(message(op, "axis out of range", got=str(axes), expected=expected))
    found = tuple(axis % ndim for axis in named)
    if len(set(found)) < len(found):
        raise ValueError(message(op, "an axis is named twice", got=str(axes)))
    return found
