"""Ranges by their number of elements, coordinates of grids, and triangles of matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from needle.ndarray import _core
from needle.ndarray.devices import device as find_device
from needle.ndarray.dtypes import complex64, float32, float64, int64
from needle.ndarray.errors import message
from needle.ndarray.manipulation import broadcast_arrays

if TYPE_CHECKING:
    from needle.ndarray._core import DType, NDArray
    from needle.ndarray.devices import DeviceLike

__all__ = ["linspace", "meshgrid", "tril", "triu"]


def linspace(
    start: complex,
    stop: complex,
    /,
    num: int,
    *,
    dtype: DType | None = None,
    device: DeviceLike = None,
    endpoint: bool = True,
) -> NDArray:
    """Return `num` numbers at equal distances from `start` to `stop`, or to just before it without `endpoint`.

    They are computed in float64 or complex128, then cast to the dtype: float32 or complex64, unless told otherwise.

    Raises:
        ValueError: `num` is negative.

    >>> linspace(0, 1, 5).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    if num < 0:
        raise ValueError(message("linspace", "a negative number of elements", got=str(num)))
    intervals = max(num - 1 if endpoint else num, 1)
    # Halved, so that the distance of the ends cannot overflow.
    step = (stop / 2 - start / 2) / intervals * 2
    result = _core.iota(num, float64, find_device(device)) * step + start
    if endpoint and num > 1:
        result[-1] = stop
    natural = complex64 if result.dtype.kind == "complex" else float32
    return result.astype(dtype or natural, copy=False)


def meshgrid(*arrays: NDArray, indexing: Literal["xy", "ij"] = "xy") -> tuple[NDArray, ...]:
    """Return the coordinates of a grid's points: for each 1-d array a view of it, spread over the axes of the others.

    Args:
        arrays: 1-d, the coordinates along each axis.
        indexing: "ij": the i-th array runs along axis i; "xy": the first two along each other's axis.

    Raises:
        ValueError: an array is not 1-d, or there is no such indexing.

    >>> from needle.ndarray import asarray
    >>> x, y = meshgrid(asarray([1, 2, 3]), asarray([4, 5]))
    >>> x.tolist(), y.tolist()
    ([[1, 2, 3], [1, 2, 3]], [[4, 4, 4], [5, 5, 5]])
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(message("meshgrid", "no such indexing", got=repr(indexing), expected='"xy" or "ij"'))
    if any(x.ndim != 1 for x in arrays):
        raise ValueError(message("meshgrid", "an array is not 1-d", got=" and ".join(str(x.shape) for x in arrays)))
    axes = list(range(len(arrays)))
    if indexing == "xy":
        axes[:2] = axes[1::-1]
    spread = [
        x.reshape(*(-1 if i == axis else 1 for i in range(len(arrays)))) for axis, x in zip(axes, arrays, strict=True)
    ]
    return broadcast_arrays(*spread)


def tril(x: NDArray, /, *, k: int = 0) -> NDArray:
    """Return the matrices of x with zeros above the k-th diagonal.

    Raises:
        ValueError: x has fewer than 2 dimensions.

    >>> from needle.ndarray import asarray
    >>> tril(asarray([[1, 2], [3, 4]])).tolist()
    [[1, 0], [3, 4]]
    """
    return _triangle("tril", x, k, is_lower=True)


def triu(x: NDArray, /, *, k: int = 0) -> NDArray:
    """Return the matrices of x with zeros below the k-th diagonal; else as `tril`.

    >>> triu(nd.asarray([[1, 2], [3, 4]])).tolist()
    [[1, 2], [0, 4]]
    """
    return _triangle("triu", x, k, is_lower=False)


def _triangle(op: str, x: NDArray, k: int, *, is_lower: bool) -> NDArray:
    if x.ndim < 2:  # noqa: PLR2004 - rows and columns
        raise ValueError(message(op, "not a matrix", got=f"shape {x.shape}", expected="at least 2 dimensions"))
    rows, columns = (_core.iota(n, int64, x.device) for n in x.shape[-2:])
    diagonal = rows[:, None] + max(min(k, columns.size), -rows.size)  # a k beyond may not fit into int64
    mask = columns <= diagonal if is_lower else columns >= diagonal
    return _core.where(mask, x, _core.full((), 0, x.dtype, x.device))
