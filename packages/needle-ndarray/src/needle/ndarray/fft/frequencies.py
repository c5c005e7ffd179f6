"""The frequencies that the elements of a spectrum belong to, and their order; made of needle's own functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from needle.ndarray.arrangement import roll
from needle.ndarray.axes import axes_of
from needle.ndarray.creation import arange
from needle.ndarray.dtypes import float32, float64
from needle.ndarray.errors import message
from needle.ndarray.host import check_arrays

if TYPE_CHECKING:
    from needle.ndarray._core import Axes, DType, NDArray
    from needle.ndarray.devices import DeviceLike

__all__ = ["fftfreq", "fftshift", "ifftshift", "rfftfreq"]


def fftfreq(n: int, /, *, d: float = 1.0, dtype: DType | None = None, device: DeviceLike = None) -> NDArray:
    """Return the frequencies (n,) of the elements of `fft`: ``[0, 1, ..., -2, -1] / (d * n)``.

    Args:
        n: the number of elements, at least 1; for an even one, the middle frequency is negative.
        d: the time between two of them, not 0.
        dtype: real and floating, float32 by default.
        device: of the result.

    Raises:
        TypeError: the dtype is another one.
        ValueError: n or d is out of range.

    >>> fftfreq(4).tolist()
    [0.0, 0.25, -0.5, -0.25]
    """
    return ifftshift(_frequencies("fftfreq", n, range(-(n // 2), (n + 1) // 2), d, dtype, device))


def rfftfreq(n: int, /, *, d: float = 1.0, dtype: DType | None = None, device: DeviceLike = None) -> NDArray:
    """Return the frequencies (n // 2 + 1,) of the elements of `rfft`, ``[0, 1, ...] / (d * n)``; else as `fftfreq`.

    >>> rfftfreq(4).tolist()
    [0.0, 0.25, 0.5]
    """
    return _frequencies("rfftfreq", n, range(n // 2 + 1), d, dtype, device)


def fftshift(x: NDArray, /, *, axes: Axes = None) -> NDArray:
    """Return x with the frequency 0, which `fft` puts first, in the middle of the axes, or of all.

    Raises:
        IndexError: there is no such axis.

    >>> fftshift(fftfreq(4)).tolist()
    [-0.5, -0.25, 0.0, 0.25]
    """
    check_arrays("fftshift", x)
    found = axes_of("fftshift", axes, x.ndim)
    return roll(x, [x.shape[axis] // 2 for axis in found], axis=found)


def ifftshift(x: NDArray, /, *, axes: Axes = None) -> NDArray:
    """Return what `fftshift` was given; else as that.

    >>> ifftshift(fftshift(fftfreq(5))).tolist() == fftfreq(5).tolist()
    True
    """
    check_arrays("ifftshift", x)
    found = axes_of("ifftshift", axes, x.ndim)
    return roll(x, [-(x.shape[axis] // 2) for axis in found], axis=found)


def _frequencies(op: str, n: int, index: range, d: float, dtype: DType | None, device: DeviceLike) -> NDArray:
    """Return the index, divided by d * n."""
    dtype = dtype or float32
    if dtype.kind != "float":
        raise TypeError(
            message(op, "frequencies are real numbers", got=f"dtype {dtype}", expected="a floating-point one")
        )
    if n < 1:
        raise ValueError(message(op, "no elements", got=f"n = {n}", expected="at least 1"))
    if d == 0:
        raise ValueError(message(op, "no time between elements", got=f"d = {d}"))
    # Counted in int64, as float16 does not hold large numbers.
    frequencies = arange(index.start, index.stop, device=device).astype(dtype if dtype is float64 else float32) / (
        d * n
    )
    return frequencies.astype(dtype, copy=False)
