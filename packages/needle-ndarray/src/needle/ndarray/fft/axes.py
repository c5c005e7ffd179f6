"""The axes that a function of this package works on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from needle.ndarray.errors import message
from needle.ndarray.host import check_arrays

if TYPE_CHECKING:
    from needle.ndarray._core import Axes, NDArray

__all__ = ["axes_of"]


def axes_of(op: str, x: NDArray, axes: Axes) -> list[int]:
    """Return the axes of x, all where None, counted from the start; raise where x has no such ones, or one twice."""
    check_arrays(op, x)
    if axes is None:
        return list(range(x.ndim))
    given = [axes] if isinstance(axes, int) else list(axes)
    if not all(-x.ndim <= axis < x.ndim for axis in given):
        raise IndexError(message(op, "axis out of range", got=str(axes), expected=f"axes of shape {x.shape}"))
    found = [axis % x.ndim for axis in given]
    if len(set(found)) < len(found):
        raise ValueError(message(op, "an axis is named twice", got=str(axes)))
    return found
