"""Discrete Fourier transforms, which are linear: their transposes are the transforms back, but for factors.

Of the real numbers that a spectrum stands for, `rfft` gives one half, and those in the middle of it stand for two: that
is the factor of 2 between the transposes of `rfftn` and `irfftn` and these themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import needle.ndarray as nd
from needle.autograd.op import Params, Spec, axes_of
from needle.autograd.ops.arrangement import roll
from needle.autograd.ops.casts import astype
from needle.autograd.ops.elementwise import conjugate
from needle.autograd.ops.shape import pad, shifted
from needle.autograd.rules import composite, linear
from needle.autograd.samples import Sample, Samples
from needle.autograd.tensor import Axes, Tensor
from needle.ndarray import Device, DType, NDArray
from needle.ndarray.errors import message

__all__ = [
    "fft", "fftfreq", "fftn", "fftshift", "hfft", "ifft", "ifftn", "ifftshift", "ihfft", "irfft", "irfftn", "rfft",
    "rfftfreq", "rfftn",
]  # fmt: skip

Norm: TypeAlias = Literal["backward", "ortho", "forward"]
Sizes: TypeAlias = Sequence[int] | None
OTHER: dict[Any, Norm] = {"backward": "forward", "ortho": "ortho", "forward": "backward"}
"""The norm that the transposed transform, or that of the other direction, has the same factor with."""


def _draws(*settings: tuple[tuple[int, ...], dict[str, Any]]) -> Samples:
    """Return samples with an operand of each shape, and parameters."""
    return lambda draw: [Sample((draw.uniform(*shape),), params) for shape, params in settings]


# Along several axes: what all others are made of.


def _many(op: str, x: Tensor, s: Sizes, axes: Sizes, halves: bool = False) -> tuple[tuple[int, ...], list[int]]:
    """Return the axes from 0 on, and how many elements to transform along each."""
    if s is not None and axes is None:
        raise ValueError(message(op, "s without axes", got=f"s = {s}", hint="name the axes that s is for"))
    found = axes_of(op, axes, x.ndim)
    if not found:
        raise ValueError(message(op, "no axes to transform", got=f"shape {x.shape}"))
    if s is not None and len(s) != len(found):
        raise ValueError(message(op, "s does not fit the axes", got=f"s = {s} and axes = {axes}"))
    whole = [x.shape[axis] for axis in found]
    if halves:
        whole[-1] = 2 * (whole[-1] - 1)
    lengths = whole if s is None else [n if n != -1 else every for n, every in zip(s, whole, strict=True)]
    if min(lengths) < 1:
        got = f"{lengths} along axes {list(found)} of shape {x.shape}"
        raise ValueError(message(op, "too few elements to transform", got=got, expected="at least 1"))
    return found, lengths


def _fitted(x: Tensor, axes: Sequence[int], lengths: Sequence[int]) -> Tensor:
    """Return ``x`` cut or padded with zeros to the lengths along the axes."""
    more = {axis: n - x.shape[axis] for axis, n in zip(axes, lengths, strict=True)}
    return pad(x, [(0, more.get(axis, 0)) for axis in range(x.ndim)]) if any(more.values()) else x


def _as_complex(x: Tensor) -> Tensor:
    return x if x.dtype.kind == "complex" else astype(x, nd.complex128 if x.dtype is nd.float64 else nd.complex64)


def _as_wide(x: Tensor) -> Tensor:
    return x if x.dtype is nd.float64 or x.dtype.kind == "complex" else astype(x, nd.float32)


def fftn(x: Tensor, /, *, s: Sizes = None, axes: Sizes = None, norm: Norm = "backward") -> Tensor:
    """Return the Fourier transform of ``x`` along several axes, one after the other.

    Args:
        x: As for `fft`.
        s: The n of `fft` for each of the axes, which then have to be named; -1 for all elements.
        axes: Which to transform; all by default.
        norm: As for `fft`, where n is the product of ``s``.

    Returns:
        A tensor of x's shape, but ``s`` along the axes, and of x's complex dtype.

    Raises:
        IndexError: There is no such axis.
        ValueError: An axis is named twice, ``s`` does not fit the axes or is out of range, or the norm is unknown.
        ModuleNotFoundError: NumPy is not installed.

    >>> fft.fftn(tensor([[1.0, 0.0], [0.0, 0.0]])).tolist()
    [[(1+0j), (1+0j)], [(1+0j), (1+0j)]]
    """
    found, lengths = _many("fftn", x, s, axes)
    return _fftn(_as_complex(_fitted(x, found, lengths)), axes=found, norm=norm)


def ifftn(x: Tensor, /, *, s: Sizes = None, axes: Sizes = None, norm: Norm = "backward") -> Tensor:
    """Return the x whose `fftn` is given; arguments and result as for that.

    >>> fft.ifftn(tensor([[4.0, 0.0], [0.0, 0.0]])).tolist()
    [[(1+0j), (1+0j)], [(1+0j), (1+0j)]]
    """
    found, lengths = _many("ifftn", x, s, axes)
    return _ifftn(_as_complex(_fitted(x, found, lengths)), axes=found, norm=norm)


def rfftn(x: Tensor, /, *, s: Sizes = None, axes: Sizes = None, norm: Norm = "backward") -> Tensor:
    """Return the `rfft` of a real ``x`` along the last of the axes, and the `fft` along the others; else as `fftn`.

    Raises:
        TypeError: ``x`` is complex.

    >>> fft.rfftn(tensor([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])).shape
    (2, 2)
    """
    found, lengths = _many("rfftn", x, s, axes)
    return _rfftn(_as_wide(_fitted(x, found, lengths)), axes=found, norm=norm)


def irfftn(x: Tensor, /, *, s: Sizes = None, axes: Sizes = None, norm: Norm = "backward") -> Tensor:
    """Return the real tensor whose `rfftn` is given; else as `fftn`.

    By default, and where ``s`` has -1 for it, the last of the axes gets 2 * (extent - 1) elements, an even number.

    >>> fft.irfftn(tensor([[4.0, 0.0, 0.0]]), s=(1, 4), axes=(0, 1)).tolist()
    [[1.0, 1.0, 1.0, 1.0]]
    """
    found, lengths = _many("irfftn", x, s, axes, halves=True)
    fitted = _fitted(x, found, [*lengths[:-1], lengths[-1] // 2 + 1])
    out = _irfftn(_as_complex(fitted), axes=found, n=lengths[-1], norm=norm)
    return astype(out, x.dtype) if x.dtype.kind == "float" else out


def _from_half(x: NDArray, axes: Sequence[int], n: int, norm: Norm) -> NDArray:
    return nd.fft.irfftn(x, s=[*(x.shape[axis] for axis in axes[:-1]), n], axes=axes, norm=norm)


def _back_from_half(ct: Tensor, p: Params, x: Spec) -> Tensor:
    """Return the transpose of `rfftn`: of the half, what stands for two counts half as much as in `irfftn`."""
    last: int = p["axes"][-1]
    n = x.shape[last]
    return _irfftn(_weighted(ct, last, n, 0.5), axes=p["axes"], n=n, norm=OTHER[p["norm"]])


def _back_to_half(ct: Tensor, p: Params, x: Spec) -> Tensor:
    """Return the transpose of `irfftn`: of the half, what stands for two counts twice as much as in `rfftn`."""
    spectrum = _rfftn(ct, axes=p["axes"], norm=OTHER[p["norm"]])
    return _weighted(spectrum, p["axes"][-1], p["n"], 2.0)


def _weighted(x: Tensor, axis: int, n: int, factor: float) -> Tensor:
    """Return half of the spectrum of n real numbers with those elements times a factor that stand for two."""
    once = (0, n // 2) if n % 2 == 0 else (0,)
    factors = [1.0 if i in once else factor for i in range(x.shape[axis])]
    dtype = nd.float64 if x.dtype is nd.complex128 else nd.float32
    return x * nd.reshape(nd.asarray(factors, dtype, x.device), [-1, *[1] * (x.ndim - 1 - axis)])


def _behind(p: Params) -> Params:
    """Return the parameters for a batch axis in front."""
    return {**p, "axes": shifted(p["axes"])}


SEVERAL = _draws(
    ((2, 3), {}),
    ((2, 3, 2), {"axes": (0, -2), "norm": "ortho"}),
    ((3, 4), {"s": (2, 5), "axes": (1, 0), "norm": "forward"}),
    ((2, 4), {"s": (-1, 6), "axes": (0, 1)}),
)

_fftn = linear(
    "fftn",
    nd.fft.fftn,
    lambda ct, p, x: _ifftn(ct, axes=p["axes"], norm=OTHER[p["norm"]]),
    samples=SEVERAL,
    batch=lambda p, x: _fftn(x, **_behind(p)),
)
_ifftn = linear(
    "ifftn",
    nd.fft.ifftn,
    lambda ct, p, x: _fftn(ct, axes=p["axes"], norm=OTHER[p["norm"]]),
    samples=SEVERAL,
    batch=lambda p, x: _ifftn(x, **_behind(p)),
)
_rfftn = linear("rfftn", nd.fft.rfftn, _back_from_half, samples=SEVERAL, batch=lambda p, x: _rfftn(x, **_behind(p)))
_irfftn = linear("irfftn", _from_half, _back_to_half, samples=SEVERAL, batch=lambda p, x: _irfftn(x, **_behind(p)))

# Along one axis.

ONE = _draws(((2, 4), {}), ((3, 2), {"axis": 0, "n": 5, "norm": "ortho"}), ((2, 5), {"n": 3, "norm": "forward"}))


@composite(ONE)
def fft(x: Tensor, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Tensor:
    """Return the Fourier transform of ``x`` along an axis.

    Args:
        x: Complex; a real or integer one is taken as complex, of its precision.
        n: Elements to transform, at least 1, to which ``x`` is cut or padded with zeros; all by default.
        axis: Which to transform.
        norm: Where the factor 1 / n goes: "backward" puts it on the inverse transforms, "forward" on the others, and
            "ortho" its root on both.

    Returns:
        A tensor of x's shape, but n along the axis, and of x's complex dtype.

    Raises:
        IndexError: There is no such axis.
        ValueError: ``n`` is out of range, or the norm unknown.
        ModuleNotFoundError: NumPy is not installed.

    >>> fft.fft(tensor([1.0, 0.0, 0.0])).tolist()
    [(1+0j), (1+0j), (1+0j)]
    """
    return fftn(x, s=_size(n), axes=(axis,), norm=norm)


@composite(ONE)
def ifft(x: Tensor, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Tensor:
    """Return the x whose `fft` is given; arguments and result as for that.

    >>> fft.ifft(tensor([2.0, 0.0])).tolist()
    [(1+0j), (1+0j)]
    """
    return ifftn(x, s=_size(n), axes=(axis,), norm=norm)


@composite(ONE)
def rfft(x: Tensor, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Tensor:
    """Return the first n // 2 + 1 elements of the `fft` of a real ``x``, which determine the others; else as `fft`.

    Raises:
        TypeError: ``x`` is complex.

    >>> fft.rfft(tensor([1.0, 0.0, 0.0, 0.0])).tolist()
    [(1+0j), (1+0j), (1+0j)]
    """
    return rfftn(x, s=_size(n), axes=(axis,), norm=norm)


@composite(ONE)
def irfft(x: Tensor, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Tensor:
    """Return the real tensor, of x's real dtype, whose `rfft` is given; else as `fft`.

    The result has n elements along the axis, by default 2 * (extent - 1), an even number; ``x`` is cut or padded with
    zeros to n // 2 + 1.

    >>> fft.irfft(tensor([1.0, 1.0, 1.0])).tolist()
    [1.0, 0.0, 0.0, 0.0]
    """
    return irfftn(x, s=_size(n), axes=(axis,), norm=norm)


@composite(ONE)
def hfft(x: Tensor, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Tensor:
    """Return the `fft`, which is real, of a signal with Hermitian symmetry, of which ``x`` is the first half.

    Arguments and result are as for `irfft`.

    >>> fft.hfft(tensor([1.0, 0.0, 0.0])).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    return irfftn(conjugate(x), s=_size(n), axes=(axis,), norm=OTHER.get(norm, norm))


@composite(ONE)
def ihfft(x: Tensor, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Tensor:
    """Return the first n // 2 + 1 elements of the signal whose `fft` is ``x``, a real tensor; else as `fft`.

    Raises:
        TypeError: ``x`` is complex.

    >>> fft.ihfft(tensor([1.0, 1.0, 1.0, 1.0])).tolist()
    [(1-0j), -0j, -0j]
    """
    return conjugate(rfftn(x, s=_size(n), axes=(axis,), norm=OTHER.get(norm, norm)))


def _size(n: int | None) -> Sizes:
    return None if n is None else (n,)


# The order of frequencies, and these themselves.


@composite(_draws(((4, 3), {}), ((5, 2), {"axes": 0})))
def fftshift(x: Tensor, /, *, axes: Axes = None) -> Tensor:
    """Return ``x`` with the frequency 0, which `fft` puts first, in the middle of the axes, or of all.

    Raises:
        IndexError: There is no such axis.

    >>> fft.fftshift(fft.fftfreq(4)).tolist()
    [-0.5, -0.25, 0.0, 0.25]
    """
    found = axes_of("fftshift", axes, x.ndim)
    return roll(x, [x.shape[axis] // 2 for axis in found], axis=found)


@composite(_draws(((4, 3), {}), ((5, 2), {"axes": 0})))
def ifftshift(x: Tensor, /, *, axes: Axes = None) -> Tensor:
    """Return what `fftshift` was given; else as that.

    >>> fft.ifftshift(fft.fftshift(fft.fftfreq(5))).tolist() == fft.fftfreq(5).tolist()
    True
    """
    found = axes_of("ifftshift", axes, x.ndim)
    return roll(x, [-(x.shape[axis] // 2) for axis in found], axis=found)


def fftfreq(n: int, /, *, d: float = 1.0, dtype: DType | None = None, device: Device | str | None = None) -> Tensor:
    """Return the frequencies (n,) of the elements of `fft`: ``[0, 1, ..., -2, -1] / (d * n)``.

    Args:
        n: The number of elements, at least 1; for an even one, the middle frequency is negative.
        d: The time between two of them, not 0.
        dtype: Real and floating, float32 by default.
        device: Of the result.

    Raises:
        TypeError: The dtype is another one.
        ValueError: ``n`` or ``d`` is out of range.

    >>> fft.fftfreq(4).tolist()
    [0.0, 0.25, -0.5, -0.25]
    """
    return Tensor(nd.fft.fftfreq(n, d=d, dtype=dtype, device=device))


def rfftfreq(n: int, /, *, d: float = 1.0, dtype: DType | None = None, device: Device | str | None = None) -> Tensor:
    """Return the frequencies (n // 2 + 1,) of the elements of `rfft`, ``[0, 1, ...] / (d * n)``; else as `fftfreq`.

    >>> fft.rfftfreq(4).tolist()
    [0.0, 0.25, 0.5]
    """
    return Tensor(nd.fft.rfftfreq(n, d=d, dtype=dtype, device=device))
