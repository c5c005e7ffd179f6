"""Discrete Fourier transforms, by NumPy's FFT on the host.

The sum ``X[k] = sum over j of x[j] * exp(-2 pi i j k / n)`` is that of J. Cooley and J. Tukey, "An algorithm for the
machine calculation of complex Fourier series", Mathematics of Computation 19 (1965).

Where functions take n, x is cut or padded with zeros to n elements along the axis; of the 1-d transforms, all take
`norm`, the place of the factor 1 / n: "backward" puts it on the inverse transforms, "forward" on the others, and
"ortho" its root on both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from needle.ndarray.axes import axes_of
from needle.ndarray.errors import message
from needle.ndarray.host import check_arrays, on_host

if TYPE_CHECKING:
    from needle.ndarray._core import NDArray

__all__ = ["fft", "fftn", "hfft", "ifft", "ifftn", "ihfft", "irfft", "irfftn", "rfft", "rfftn"]

Norm: TypeAlias = Literal["backward", "ortho", "forward"]
Sizes: TypeAlias = Sequence[int] | None  # of several axes, or which these are
NORMS = ("backward", "ortho", "forward")
FROM_HALVES = ("irfft", "irfftn", "hfft")  # n counts elements of the result; x holds about half as many


def fft(x: NDArray, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> NDArray:
    """Return the Fourier transform of x along an axis.

    Args:
        x: complex; a real or integer one is taken as complex, of its precision.
        n: elements to transform, at least 1; all along the axis by default.
        axis: which to transform.
        norm: where the factor 1 / n goes, as said above.

    Returns:
        An array of x's shape, but n along the axis, and of x's complex dtype.

    Raises:
        IndexError: there is no such axis.
        ValueError: n is out of range, or the norm unknown.
        ModuleNotFoundError: NumPy is not installed.

    >>> nd.fft.fft(nd.asarray([1.0, 0.0, 0.0])).tolist()
    [(1+0j), (1+0j), (1+0j)]
    """
    return _one("fft", x, n, axis, norm)


def ifft(x: NDArray, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> NDArray:
    """Return the x whose `fft` is given; arguments and result as for that.

    >>> ifft(nd.asarray([2.0, 0.0])).tolist()
    [(1+0j), (1+0j)]
    """
    return _one("ifft", x, n, axis, norm)


def rfft(x: NDArray, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> NDArray:
    """Return the first n // 2 + 1 elements of the `fft` of a real x, which determine the others; else as `fft`.

    Raises:
        TypeError: x is complex.

    >>> rfft(nd.asarray([1.0, 0.0, 0.0, 0.0])).tolist()
    [(1+0j), (1+0j), (1+0j)]
    """
    _check_real("rfft", x)
    return _one("rfft", x, n, axis, norm)


def irfft(x: NDArray, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> NDArray:
    """Return the real array, of x's real dtype, whose `rfft` is given; else as `fft`.

    The result has n elements along the axis, by default 2 * (extent - 1), an even number; x is cut or padded with zeros
    to n // 2 + 1.

    >>> irfft(nd.asarray([1.0, 1.0, 1.0])).tolist()
    [1.0, 0.0, 0.0, 0.0]
    """
    return _one("irfft", x, n, axis, norm)


def hfft(x: NDArray, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> NDArray:
    """Return the `fft`, which is real, of a signal with Hermitian symmetry, of which x is the first half.

    Arguments and result are as for `irfft`.

    >>> hfft(nd.asarray([1.0, 0.0, 0.0])).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    return _one("hfft", x, n, axis, norm)


def ihfft(x: NDArray, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> NDArray:
    """Return the first n // 2 + 1 elements of the signal whose `fft` is x, a real array; else as `fft`.

    Raises:
        TypeError: x is complex.

    >>> ihfft(nd.ones(4)).tolist()
    [(1-0j), -0j, -0j]
    """
    _check_real("ihfft", x)
    return _one("ihfft", x, n, axis, norm)


def fftn(x: NDArray, /, *, s: Sizes = None, axes: Sizes = None, norm: Norm = "backward") -> NDArray:
    """Return the Fourier transform of x along several axes, one after the other.

    Args:
        x: as for `fft`.
        s: the n of `fft` for each of the axes, which then have to be named; -1 for all elements.
        axes: which to transform; all by default.
        norm: as for `fft`, where n is the product of s.

    Returns:
        An array of x's shape, but s along the axes, and of x's complex dtype.

    Raises:
        IndexError: there is no such axis.
        ValueError: an axis is named twice, s does not fit the axes or is out of range, or the norm is unknown.
        ModuleNotFoundError: NumPy is not installed.

    >>> fftn(nd.asarray([[1.0, 0.0], [0.0, 0.0]])).tolist()
    [[(1+0j), (1+0j)], [(1+0j), (1+0j)]]
    """
    return _many("fftn", x, s, axes, norm)


def ifftn(x: NDArray, /, *, s: Sizes = None, axes: Sizes = None, norm: Norm = "backward") -> NDArray:
    """Return the x whose `fftn` is given; arguments and result as for that.

    >>> ifftn(nd.asarray([[4.0, 0.0], [0.0, 0.0]])).tolist()
    [[(1+0j), (1+0j)], [(1+0j), (1+0j)]]
    """
    return _many("ifftn", x, s, axes, norm)


def rfftn(x: NDArray, /, *, s: Sizes = None, axes: Sizes = None, norm: Norm = "backward") -> NDArray:
    """Return the `rfft` of a real x along the last of the axes, and the `fft` along the others; else as `fftn`.

    Raises:
        TypeError: x is complex.

    >>> rfftn(nd.ones((2, 3))).shape
    (2, 2)
    """
    _check_real("rfftn", x)
    return _many("rfftn", x, s, axes, norm)


def irfftn(x: NDArray, /, *, s: Sizes = None, axes: Sizes = None, norm: Norm = "backward") -> NDArray:
    """Return the real array whose `rfftn` is given; else as `fftn`.

    By default, and where `s` has -1 for it, the last of the axes gets 2 * (extent - 1) elements, an even number.

    >>> irfftn(rfftn(nd.ones((2, 3))), s=(2, 3), axes=(0, 1)).shape
    (2, 3)
    """
    return _many("irfftn", x, s, axes, norm)


def _one(op: str, x: NDArray, n: int | None, axis: int, norm: Norm) -> NDArray:
    check_arrays(op, x)
    (axis,) = axes_of(op, axis, x.ndim)
    return _transform(op, x, [_length(op, x, axis) if n is None else n], [axis], norm)


def _many(op: str, x: NDArray, s: Sizes, axes: Sizes, norm: Norm) -> NDArray:
    if s is not None and axes is None:
        raise ValueError(message(op, "s without axes", got=f"s = {s}", hint="name the axes that s is for"))
    found = axes_of(op, axes, x.ndim)
    if not found:
        raise ValueError(message(op, "no axes to transform", got=f"shape {x.shape}"))
    s = [-1] * len(found) if s is None else s
    if len(s) != len(found):
        raise ValueError(message(op, "s does not fit the axes", got=f"s = {s} and axes = {axes}"))
    ops = ["fftn"] * (len(found) - 1) + [op]
    lengths = [_length(each, x, axis) if n == -1 else n for each, n, axis in zip(ops, s, found, strict=True)]
    return _transform(op, x, lengths, found, norm)


def _length(op: str, x: NDArray, axis: int) -> int:
    """Return how many elements the transform of the whole axis has, on the side that is not half of a spectrum."""
    return 2 * (x.shape[axis] - 1) if op in FROM_HALVES else x.shape[axis]


def _transform(op: str, x: NDArray, lengths: list[int], axes: Sequence[int], norm: Norm) -> NDArray:
    if norm not in NORMS:
        raise ValueError(message(op, "unknown norm", got=repr(norm), expected=", ".join(map(repr, NORMS))))
    if min(lengths) < 1:
        got = f"{lengths} along axes {list(axes)} of shape {x.shape}"
        raise ValueError(message(op, "too few elements to transform", got=got, expected="at least 1"))
    size, at = (lengths, axes) if op.endswith("n") else (lengths[0], axes[0])
    (result,) = on_host(op, lambda np, a: getattr(np.fft, op)(a, size, at, norm), x)
    return result


def _check_real(op: str, x: NDArray) -> None:
    check_arrays(op, x)
    if x.dtype.kind == "complex":
        got, hint = f"dtype {x.dtype}", f"{op.replace('r', '').replace('h', '')} takes complex numbers"
        raise TypeError(message(op, "x is not real", got=got, hint=hint))
