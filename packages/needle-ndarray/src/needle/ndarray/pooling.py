"""The greatest element of each window, where it is, the mean of each window, and their gradients."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from needle.ndarray import _core
from needle.ndarray.creation import arange, zeros
from needle.ndarray.dtype_info import iinfo
from needle.ndarray.dtypes import int64
from needle.ndarray.errors import message
from needle.ndarray.host import check_arrays, widened
from needle.ndarray.manipulation import pad, spread
from needle.ndarray.reductions import mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from needle.ndarray._core import NDArray

__all__ = ["avg_pool", "avg_pool_gradient", "max_pool", "max_pool_gradient", "max_pool_places"]

WRONG_COTANGENT = "the cotangent is not that of the windows"


def max_pool(
    x: NDArray,
    /,
    size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
) -> NDArray:
    """Return the greatest element of each window over the last 1 to 3 axes.

    Args:
        x: (..., *S).
        size: elements of a window along each of the axes.
        stride: steps between windows, one for each axis, as in the other parameters.
        padding: by how much windows reach over x's ends; there is nothing to choose there.
        dilation: distance of a window's neighbours.

    Returns:
        (..., *S'), with ``S' = (low + S + high - dilation * (size - 1) - 1) // stride + 1``.

    Raises:
        ValueError: the parameters do not fit, or a window has no element of x.

    >>> from needle.ndarray import asarray
    >>> max_pool(asarray([1.0, 3.0, 2.0]), (2,), (1,), [(0, 0)], (1,)).tolist()
    [3.0, 3.0]
    """
    flat, sizes = _prepared("max_pool", x, size, stride, padding, dilation)
    out = _core.empty((flat.shape[0], *sizes), x.dtype, x.device)
    if not _core.composite("max_pool", [flat], [out, None], _integers(size, stride, padding, dilation)):
        windows = _core.windows(_padded(flat, padding), size, stride, dilation)
        out = _core.max(windows, axis=tuple(range(-len(size), 0)))
    return out.reshape(*x.shape[: x.ndim - len(size)], *sizes)


def max_pool_places(
    x: NDArray,
    /,
    size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
) -> NDArray:
    """Return the place of each window's first greatest element, as int64; the first NaN is the greatest.

    A place is the number of the element among those of its last axes in row-major order. All else is as in `max_pool`.

    >>> from needle.ndarray import asarray
    >>> max_pool_places(asarray([[1.0, 3.0], [3.0, 2.0]]), (2, 2), (1, 1), [(0, 0)] * 2, (1, 1)).tolist()
    [[1]]
    """
    flat, sizes = _prepared("max_pool_places", x, size, stride, padding, dilation)
    out = _core.empty((flat.shape[0], *sizes), int64, x.device)
    values = _core.empty(out.shape, x.dtype, x.device)
    if not _core.composite("max_pool", [flat], [values, out], _integers(size, stride, padding, dilation)):
        count, elements = math.prod(flat.shape[1:]), math.prod(size)
        windows = _core.windows(_padded(flat, padding), size, stride, dilation).reshape(*out.shape, elements)
        numbers = arange(count, dtype=int64, device=x.device).reshape(1, *flat.shape[1:])
        numbers = pad(numbers, [(0, 0), *padding], count)  # no place
        numbers = _core.windows(numbers, size, stride, dilation).reshape(1, *sizes, elements)
        best = _core.argmax(windows, axis=-1, keepdims=True)
        out = _core.take_along_axis(_core.broadcast_to(numbers, windows.shape), best, axis=-1)
        out = _core.where(out == count, _core.min(numbers, axis=-1, keepdims=True), out)
    return out.reshape(*x.shape[: x.ndim - len(size)], *sizes)


def max_pool_gradient(
    cotangent: NDArray,
    x: NDArray,
    /,
    size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
) -> NDArray:
    """Return zeros in x's shape, to which each window's number is added at its first greatest element.

    Args:
        cotangent: (..., *S'), a number for each window.
        x: (..., *S).
        size: as for `max_pool`, as the others.
        stride: steps between windows.
        padding: by how much windows reach over x's ends.
        dilation: distance of a window's neighbours.

    Returns:
        An array of x's shape, in the promoted dtype of both.

    Raises:
        ValueError: as for `max_pool`, or the cotangent has another shape.

    >>> from needle.ndarray import asarray
    >>> max_pool_gradient(asarray([10.0, 20.0]), asarray([1.0, 3.0, 2.0]), (2,), (1,), [(0, 0)], (1,)).tolist()
    [0.0, 30.0, 0.0]
    """
    check_arrays("max_pool_gradient", cotangent, x)
    flat, sizes = _prepared("max_pool_gradient", x, size, stride, padding, dilation)
    shape = (*x.shape[: x.ndim - len(size)], *sizes)
    if cotangent.shape != shape:
        raise ValueError(message("max_pool_gradient", WRONG_COTANGENT, got=str(cotangent.shape), expected=str(shape)))
    dtype = _core.result_type(cotangent, x)
    flat, numbers = flat.astype(dtype, copy=False), cotangent.astype(dtype, copy=False).reshape(flat.shape[0], *sizes)
    out = _core.empty(flat.shape, dtype, x.device)
    integers = _integers(size, stride, padding, dilation)
    if not _core.composite("max_pool_gradient", [numbers, flat], [out], integers):
        places = max_pool_places(flat, size, stride, padding, dilation).reshape(flat.shape[0], math.prod(sizes))
        rows = zeros((flat.shape[0], math.prod(flat.shape[1:])), dtype=widened(flat).dtype, device=x.device)
        updates = numbers.reshape(places.shape).astype(rows.dtype, copy=False)
        out = _core.scatter(rows, places, updates, axis=1, op="add").astype(dtype, copy=False)
    return out.reshape(x.shape)


def avg_pool(
    x: NDArray,
    /,
    size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
) -> NDArray:
    """Return the mean of each window over the last 1 to 3 axes, where x is padded with zeros.

    Args:
        x: (..., *S), floating-point.
        size: elements of a window along each of the axes.
        stride: steps between windows, one for each axis, as in the other parameters.
        padding: zeros before and after x, which count as elements.
        dilation: distance of a window's neighbours.

    Returns:
        (..., *S'), with ``S' = (low + S + high - dilation * (size - 1) - 1) // stride + 1``.

    Raises:
        TypeError: the dtype is not floating-point.
        ValueError: the parameters do not fit, or a window has no element of x.

    >>> from needle.ndarray import asarray
    >>> avg_pool(asarray([1.0, 3.0, 2.0]), (2,), (1,), [(0, 0)], (1,)).tolist()
    [2.0, 2.5]
    """
    flat, sizes = _prepared("avg_pool", x, size, stride, padding, dilation)
    _check_floating("avg_pool", x)
    out = _core.empty((flat.shape[0], *sizes), x.dtype, x.device)
    if not _core.composite("avg_pool", [flat], [out], _integers(size, stride, padding, dilation)):
        out = _means(pad(flat, [(0, 0), *padding], 0), size, stride, dilation)
    return out.reshape(*x.shape[: x.ndim - len(size)], *sizes)


def avg_pool_gradient(
    cotangent: NDArray,
    /,
    extents: Sequence[int],
    size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
) -> NDArray:
    """Return zeros, to whose elements each window that sees them adds its number, divided by the elements of a window.

    Args:
        cotangent: (..., *S'), floating-point: a number for each window.
        extents: S, the extents of what was pooled.
        size: as for `avg_pool`, as the others.
        stride: steps between windows.
        padding: zeros before and after.
        dilation: distance of a window's neighbours.

    Returns:
        (..., *S), in the cotangent's dtype.

    Raises:
        TypeError: as for `avg_pool`.
        ValueError: as for `avg_pool`, or the cotangent has another shape.

    >>> from needle.ndarray import asarray
    >>> avg_pool_gradient(asarray([10.0, 20.0]), (3,), (2,), (1,), [(0, 0)], (1,)).tolist()
    [5.0, 15.0, 10.0]
    """
    op = "avg_pool_gradient"
    check_arrays(op, cotangent)
    if len(extents) != len(size):
        got, expected = f"extents {extents}, size {size}", "one of each for the last 1 to 3 axes"
        raise ValueError(message(op, "the parameters do not fit", got=got, expected=expected))
    lead = cotangent.shape[: max(cotangent.ndim - len(size), 0)]
    out = _core.empty((*lead, *extents), cotangent.dtype, cotangent.device)
    flat, sizes = _prepared(op, out, size, stride, padding, dilation)
    _check_floating(op, cotangent)
    if cotangent.shape != (*lead, *sizes):
        raise ValueError(message(op, WRONG_COTANGENT, got=str(cotangent.shape), expected=str((*lead, *sizes))))
    numbers = cotangent.reshape(flat.shape[0], *sizes)
    if _core.composite(op, [numbers], [flat], _integers(size, stride, padding, dilation)):
        return out
    # An element is seen by windows as many steps before it as their taps are apart: again means of such windows.
    widths = [(0, 0)]
    for extent, windows, taps, step, (low, _), distance in zip(
        extents, sizes, size, stride, padding, dilation, strict=True
    ):
        widths.append((distance * (taps - 1) - low, low + extent - 1 - (windows - 1) * step))
    apart = spread(op, numbers, widths, [1, *stride])
    return _means(apart, size, [1] * len(size), dilation).reshape(*lead, *extents)


def _means(x: NDArray, size: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> NDArray:
    return mean(_core.windows(x, size, stride, dilation), axis=tuple(range(-len(size), 0)))


def _check_floating(op: str, x: NDArray) -> None:
    if x.dtype.kind not in ("float", "complex"):
        raise TypeError(message(op, "the dtype is not floating-point", got=x.dtype.name, hint="cast it with astype"))


def _integers(
    size: Sequence[int], stride: Sequence[int], padding: Sequence[tuple[int, int]], dilation: Sequence[int]
) -> list[int]:
    return [*size, *stride, *(low for low, _ in padding), *dilation]


def _padded(x: NDArray, padding: Sequence[tuple[int, int]]) -> NDArray:
    if not any(map(any, padding)):
        return x
    kind = x.dtype.kind
    least = -math.inf if kind == "float" else False if kind == "bool" else int(iinfo(x.dtype).min)
    return pad(x, [(0, 0), *padding], least)


def _all_reach(extent: int, windows: int, taps: int, step: int, low: int, distance: int) -> bool:
    """Return whether there are windows, and each has an element of x."""
    before = min(-(-low // step), distance // math.gcd(step, distance))  # windows that start before x, less repetitions
    return (
        windows > 0
        and low <= (taps - 1) * distance
        and (windows - 1) * step - low < extent
        # The first neighbour in x or behind it: it is behind only where x is shorter than neighbours are apart.
        and (extent >= distance or all((k * step - low) % distance < extent for k in range(min(before, windows))))
    )


def _prepared(
    op: str,
    x: NDArray,
    size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
) -> tuple[NDArray, list[int]]:
    """Return x as (B, *S), and S'."""
    check_arrays(op, x)
    n = len(size)
    if not 1 <= n <= min(x.ndim, 3) or {len(stride), len(padding), len(dilation)} != {n}:
        got = f"x {x.shape}, size {size}, stride {stride}, padding {padding}, dilation {dilation}"
        expected = "one of each for the last 1 to 3 axes"
        raise ValueError(message(op, "the parameters do not fit", got=got, expected=expected))
    if min(*size, *stride, *dilation) < 1 or min(map(min, padding)) < 0:
        got = f"size {size}, stride {stride}, padding {padding}, dilation {dilation}"
        expected = "positive numbers, and padding that is not negative"
        raise ValueError(message(op, "the parameters are out of range", got=got, expected=expected))
    sizes: list[int] = []
    for extent, taps, step, (low, high), distance in zip(x.shape[-n:], size, stride, padding, dilation, strict=True):
        windows = (low + extent + high - distance * (taps - 1) - 1) // step + 1
        if not _all_reach(extent, windows, taps, step, low, distance):
            got = f"x {x.shape}, size {size}, stride {stride}, padding {padding}, dilation {dilation}"
            raise ValueError(message(op, "a window has no element of x", got=got))
        sizes.append(windows)
    return x.reshape(math.prod(x.shape[:-n]), *x.shape[-n:]), sizes
