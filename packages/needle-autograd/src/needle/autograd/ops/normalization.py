"""Shares of a whole, distances from labels, and numbers brought to mean 0 and variance 1: fused, one kernel each."""

from __future__ import annotations

import math
from collections.abc import Sequence

import needle.ndarray as nd
from needle.autograd.op import Params, axes_of
from needle.autograd.ops.casts import astype
from needle.autograd.ops.elementwise import exp, sqrt, square
from needle.autograd.ops.indexing import scatter
from needle.autograd.ops.shape import broadcast_to, expand_dims, mean, permute_dims, reshape, shifted, sum
from needle.autograd.rules import fused
from needle.autograd.samples import Draw, Sample
from needle.autograd.special import Fused
from needle.autograd.tensor import Axes, Tensor
from needle.ndarray import NDArray
from needle.ndarray.errors import message
from needle.ndarray.normalization import normalize as normalize_arrays
from needle.ndarray.normalization import normalize_gradient
from needle.ndarray.softmax import cross_entropy as cross_entropy_of_arrays
from needle.ndarray.softmax import cross_entropy_gradient, log_softmax_gradient, softmax_gradient

__all__ = ["cross_entropy", "log_softmax", "normalize", "softmax"]

Saved = Sequence[NDArray]


def softmax(x: Tensor, axis: Axes = None) -> Tensor:
    """Return exp(x) / sum(exp(x)) over the axes, or over all, without overflow; the shape is that of ``x``.

    >>> softmax(tensor([0.0, 0.0])).tolist()
    [0.5, 0.5]
    """
    return _along(_softmax, x, axes_of("softmax", axis, x.ndim))


def log_softmax(x: Tensor, axis: Axes = None) -> Tensor:
    """Return log(softmax(x)) over the axes, or over all, without overflow; the shape is that of ``x``.

    >>> log_softmax(tensor([0.0, 0.0])).tolist()
    [-0.6931471824645996, -0.6931471824645996]
    """
    return _along(_log_softmax, x, axes_of("log_softmax", axis, x.ndim))


def _along(op: Fused, x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Apply an op that takes one axis; several become one."""
    if len(axes) == 1:
        return op(x, axis=axes[0])
    rest = [i for i in range(x.ndim) if i not in axes]
    order = [*rest, *axes]
    moved = permute_dims(x, order)
    extents = moved.shape[: len(rest)]
    out = op(reshape(moved, (*extents, math.prod(moved.shape[len(rest) :]))), axis=len(rest))
    return permute_dims(reshape(out, moved.shape), [order.index(i) for i in range(x.ndim)])


def _samples(draw: Draw) -> list[Sample]:
    return [Sample((draw.uniform(2, 3, 2),), {"axis": axis}) for axis in (0, 1, 2)]


_softmax = fused(
    "softmax",
    lambda x, axis: (nd.softmax(x, axis=axis), ()),
    lambda ct, p, out, saved, x: [softmax_gradient(out, ct, axis=p["axis"])],
    lambda ct, p, out, x: [out * (ct - sum(ct * out, p["axis"], keepdims=True))],
    samples=_samples,
    saves="output",
    batch=lambda p, x: _softmax(x, axis=p["axis"] + 1),
)

_log_softmax = fused(
    "log_softmax",
    lambda x, axis: (nd.log_softmax(x, axis=axis), ()),
    lambda ct, p, out, saved, x: [log_softmax_gradient(out, ct, axis=p["axis"])],
    lambda ct, p, out, x: [ct - exp(out) * sum(ct, p["axis"], keepdims=True)],
    samples=_samples,
    saves="output",
    batch=lambda p, x: _log_softmax(x, axis=p["axis"] + 1),
)


def cross_entropy(x: Tensor, labels: Tensor | NDArray, axis: int = -1) -> Tensor:
    """Return ``-log_softmax(x, axis)`` at each label, in the labels' shape.

    Args:
        x: Scores; float16 and bfloat16 give losses in float32.
        labels: int64, of the shape of ``x`` without ``axis``, along which they count.
        axis: That of the classes.

    >>> cross_entropy(tensor([0.0, 0.0]), tensor(1)).item()
    0.6931471824645996
    """
    if not isinstance(axis, int):  # pyright: ignore[reportUnnecessaryIsInstance] - for callers without a type checker
        raise TypeError(message("cross_entropy", "not one axis", got=str(axis), expected="an int"))
    (axis,) = axes_of("cross_entropy", axis, x.ndim)
    return _cross_entropy(x, labels, axis=axis)


def _losses(x: NDArray, labels: NDArray, axis: int) -> tuple[NDArray, Saved]:
    losses, sums = cross_entropy_of_arrays(x, labels, axis=axis)
    return losses, [sums]


def _losses_gradient(
    ct: NDArray, p: Params, out: object, saved: Saved, x: NDArray, labels: NDArray
) -> list[NDArray | None]:
    return [cross_entropy_gradient(x, labels, *saved, ct, axis=p["axis"]), None]


def _losses_rule(ct: Tensor, p: Params, out: Tensor, x: Tensor, labels: Tensor) -> list[Tensor | None]:
    axis: int = p["axis"]
    ct, at = expand_dims(astype(ct, x.dtype, copy=False), axis), expand_dims(labels, axis)
    return [scatter(softmax(x, axis) * ct, at, -ct, axis, "add"), None]


_cross_entropy = fused(
    "cross_entropy",
    _losses,
    _losses_gradient,
    _losses_rule,
    samples=lambda draw: [
        Sample((draw.uniform(4, 3), draw.integers(4, high=3))),
        Sample((draw.uniform(2, 3, 4), draw.integers(2, 4, high=3), 1)),
        Sample((draw.uniform(5), draw.integers(high=5))),
    ],
    saves="inputs",
    batch=lambda p, x, labels: _cross_entropy(x, labels, axis=p["axis"] + 1),
)


def normalize(
    x: Tensor,
    scale: Tensor | None,
    shift: Tensor | None,
    axes: Axes,
    epsilon: float = 1e-5,
    centred: bool = True,
) -> Tensor:
    """Return (x - mean) / sqrt(variance + epsilon) * scale + shift, with statistics over the axes.

    Args:
        x: Any numbers.
        scale: Of the rank of ``x``, its extents those of ``x`` or 1; or None.
        shift: Likewise.
        axes: Those over which mean and variance are taken; None for all.
        epsilon: What is added to the variance.
        centred: Whether the mean is subtracted; if not, the variance is the mean square.

    >>> normalize(tensor([1.0, 3.0]), None, None, axes=0, epsilon=0.0).tolist()
    [-1.0, 1.0]
    """
    at = axes_of("normalize", axes, x.ndim)
    scale, shift = (a if a is None else astype(a, x.dtype, copy=False) for a in (scale, shift))
    if scale is not None and shift is not None and scale.shape != shift.shape:  # the kernel's are of one shape
        shape = nd.broadcast_shapes(scale.shape, shift.shape)
        scale, shift = broadcast_to(scale, shape), broadcast_to(shift, shape)
    return _normalize(x, scale, shift, axes=at, epsilon=epsilon, centred=centred)


def _normalized(
    x: NDArray, scale: NDArray | None, shift: NDArray | None, axes: Axes, epsilon: float, centred: bool
) -> tuple[NDArray, Sequence[NDArray | None]]:
    out, average, variance = normalize_arrays(x, scale, shift, axes=axes, epsilon=epsilon, centred=centred)
    return out, [average, variance]


def _normalize_gradients(
    ct: NDArray, p: Params, out: object, saved: Saved, x: NDArray, scale: NDArray | None, shift: NDArray | None
) -> Sequence[NDArray | None]:
    like = shift if scale is None else scale
    shape = None if like is None else like.shape
    return normalize_gradient(x, *saved, scale, ct, epsilon=p["epsilon"], parameters=shape)


def _normalize_rule(
    ct: Tensor, p: Params, out: Tensor, x: Tensor, scale: Tensor | None, shift: Tensor | None
) -> list[Tensor | None]:
    axes: Axes = p["axes"]
    below = x - mean(x, axes, keepdims=True) if p["centred"] else x
    inverse = 1 / sqrt(mean(square(below), axes, keepdims=True) + p["epsilon"])
    h = below * inverse
    g = ct if scale is None else ct * scale
    rest = g - h * mean(g * h, axes, keepdims=True)
    rest = rest - mean(g, axes, keepdims=True) if p["centred"] else rest
    return [
        rest * inverse,
        None if scale is None else _sum_to(ct * h, scale.shape),
        None if shift is None else _sum_to(ct, shift.shape),
    ]


def _sum_to(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    return sum(x, [i for i, n in enumerate(shape) if n == 1], keepdims=True)


def _normalize_samples(draw: Draw) -> list[Sample]:
    x, row = draw.uniform(3, 4), draw.uniform(1, 4)
    images, channels = draw.uniform(2, 3, 4), draw.uniform(1, 3, 1)
    groups = draw.uniform(2, 2, 2, 3), draw.uniform(1, 2, 2, 1), draw.uniform(1, 2, 2, 1)
    return [
        Sample((x, row, draw.uniform(1, 4)), {"axes": 1}),
        Sample((x, row, None), {"axes": -1, "centred": False}),
        Sample((x, None, None), {"axes": None, "epsilon": 0.1}),
        Sample((images, channels, draw.uniform(1, 3, 1)), {"axes": (0, 2)}),
        Sample(groups, {"axes": (2, 3)}),
        Sample((x, None, row), {"axes": 0}),
    ]


_normalize = fused(
    "normalize",
    _normalized,
    _normalize_gradients,
    _normalize_rule,
    samples=_normalize_samples,
    saves="inputs",
    batch=lambda p, x, scale, shift: _normalize(x, scale, shift, **{**p, "axes": shifted(p["axes"])}),
)
