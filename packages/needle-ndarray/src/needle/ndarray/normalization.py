"""Numbers brought to mean 0 and variance 1: the heart of layer, batch, group, instance and RMS normalisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from needle.ndarray import _core
from needle.ndarray._elementwise import sqrt, square
from needle.ndarray.axes import axes_of
from needle.ndarray.creation import empty, empty_like
from needle.ndarray.errors import message
from needle.ndarray.host import check_arrays, check_fits, computed_in, widened
from needle.ndarray.reductions import mean as mean_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from needle.ndarray._core import Axes, NDArray

__all__ = ["Normalized", "normalize", "normalize_gradient"]


class Normalized(NamedTuple):
    """What `normalize` gives; ``mean`` and ``variance`` have extent 1 at the axes."""

    out: NDArray
    mean: NDArray | None
    variance: NDArray


def normalize(
    x: NDArray,
    scale: NDArray | None = None,
    shift: NDArray | None = None,
    /,
    *,
    axes: Axes,
    epsilon: float = 1e-5,
    centred: bool = True,
) -> Normalized:
    """Return (x - mean) / sqrt(variance + epsilon) * scale + shift, with statistics over the axes.

    Args:
        x: of a float dtype.
        scale: of x's dtype and rank; its extents are x's or 1.
        shift: likewise.
        axes: those over which mean and variance are taken.
        epsilon: is added to the variance.
        centred: whether the mean is subtracted; if not, the variance is the mean square.

    Returns:
        An array of x's shape and dtype; the mean, None if not centred; and the variance. These are float64 for a
        float64 x and float32 for others.

    Raises:
        TypeError: x is not of a float dtype, or scale or shift of another one.
        ValueError: scale or shift does not fit x.
        IndexError: there is no such axis.

    Source: J. L. Ba, J. R. Kiros and G. E. Hinton, "Layer normalization" (2016), among others.

    >>> from needle.ndarray import asarray
    >>> normalize(asarray([1.0, 3.0]), axes=0, epsilon=0.0).out.tolist()
    [-1.0, 1.0]
    """
    at = _check("normalize", x, (scale, shift), axes)
    shape = _kept(x, at)
    dtype = computed_in(x)
    mean = empty(shape, dtype, x.device) if centred else None
    variance = empty(shape, dtype, x.device)
    out = empty_like(x)
    if x.size and _core.composite("norm", [x, scale, shift], [out, mean, variance], (), [epsilon]):
        return Normalized(out, mean, variance)
    wide = widened(x)
    mean = mean_of(wide, axis=at, keepdims=True) if centred else None
    below = wide if mean is None else wide - mean
    variance = mean_of(square(below), axis=at, keepdims=True)
    result = below / sqrt(variance + epsilon)
    result = result if scale is None else result * scale
    result = result if shift is None else result + shift
    return Normalized(result.astype(x.dtype, copy=False), mean, variance)


def normalize_gradient(
    x: NDArray,
    mean: NDArray | None,
    variance: NDArray,
    scale: NDArray | None,
    cotangent: NDArray,
    /,
    *,
    epsilon: float,
    parameters: tuple[int, ...] | None = None,
) -> tuple[NDArray, NDArray | None, NDArray | None]:
    """Return the gradients of sum(cotangent * normalize(x, ...).out) for x, scale and shift.

    Args:
        x: as in `normalize`.
        mean: what `normalize` gave.
        variance: likewise.
        scale: as in `normalize`.
        cotangent: of x's shape and dtype.
        epsilon: as in `normalize`.
        parameters: the shape of scale and shift; where it is None, only the gradient for x is computed.

    >>> from needle.ndarray import asarray
    >>> x, ct = asarray([1.0, 3.0]), asarray([1.0, 0.0])
    >>> _, mean, variance = normalize(x, axes=0)
    >>> normalize_gradient(x, mean, variance, None, ct, epsilon=0.0, parameters=(2,))[2].tolist()
    [1.0, 0.0]
    """
    op, dtype = "normalize_gradient", computed_in(x)
    _check(op, x, (scale,), ())
    check_fits(op, "the cotangent", cotangent, x.shape, x.dtype)
    check_fits(op, "the variance", variance, _kept(x, _reduced(variance)), dtype)
    if mean is not None:
        check_fits(op, "the mean", mean, variance.shape, dtype)
    if parameters is not None:
        _check_parameters(op, parameters, x)
        if scale is not None:
            check_fits(op, "scale", scale, parameters, x.dtype)
    out = empty_like(x)
    scaling, shifting = (None if parameters is None else empty(parameters, x.dtype, x.device) for _ in range(2))
    inputs, outputs = [x, mean, variance, scale, cotangent], [out, scaling, shifting]
    if x.size and _core.composite("norm_gradient", inputs, outputs, (), [epsilon]):
        return out, scaling, shifting
    at = _reduced(variance)
    wide, ct = widened(x), widened(cotangent)
    inverse = 1 / sqrt(variance + epsilon)
    h = (wide if mean is None else wide - mean) * inverse
    g = ct if scale is None else ct * scale
    below = g - h * mean_of(g * h, axis=at, keepdims=True)
    gradient = ((below if mean is None else below - mean_of(g, axis=at, keepdims=True)) * inverse).astype(
        x.dtype, copy=False
    )
    if parameters is None:
        return gradient, None, None
    rest = tuple(i for i in range(x.ndim) if parameters[i] == 1)
    sums = (_core.sum(part, axis=rest, keepdims=True).astype(x.dtype, copy=False) for part in (ct * h, ct))
    return gradient, *sums


def _check(op: str, x: NDArray, parameters: Sequence[NDArray | None], axes: Axes) -> tuple[int, ...]:
    given = [p for p in parameters if p is not None]
    check_arrays(op, x, *given)
    if x.dtype.kind != "float" or any(p.dtype is not x.dtype for p in given):
        got = " and ".join(a.dtype.name for a in (x, *given))
        raise TypeError(message(op, "not of one float dtype", got=got, hint="cast with astype"))
    for p in given:
        _check_parameters(op, p.shape, x)
    if len({p.shape for p in given}) > 1:
        raise ValueError(
            message(op, "scale and shift have different shapes", got=" and ".join(str(p.shape) for p in given))
        )
    return axes_of(op, axes, x.ndim)


def _check_parameters(op: str, shape: tuple[int, ...], x: NDArray) -> None:
    if len(shape) != x.ndim or any(n not in (1, extent) for n, extent in zip(shape, x.shape, strict=True)):
        got = f"{shape} for x {x.shape}"
        raise ValueError(message(op, "scale or shift does not fit x", got=got, expected="extents of x or 1"))


def _reduced(statistics: NDArray) -> tuple[int, ...]:
    return tuple(i for i, n in enumerate(statistics.shape) if n == 1)


def _kept(x: NDArray, axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(1 if i in axes else n for i, n in enumerate(x.shape))
