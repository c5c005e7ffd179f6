"""Numbers as shares of a whole, their logarithms, and how far labels are from them; with the gradients.

Each is a composite of the contract: one kernel where the backend has it, made of other functions elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from needle.ndarray import _core
from needle.ndarray._elementwise import exp, log
from needle.ndarray.axes import axes_of
from needle.ndarray.creation import empty_like
from needle.ndarray.dtypes import int64
from needle.ndarray.errors import message
from needle.ndarray.host import check_arrays, check_fits, computed_in, widened

if TYPE_CHECKING:
    from needle.ndarray._core import NDArray

__all__ = [
    "cross_entropy", "cross_entropy_gradient", "log_softmax", "log_softmax_gradient", "softmax", "softmax_gradient",
]  # fmt: skip


def softmax(x: NDArray, /, *, axis: int = -1) -> NDArray:
    """Return exp(x) / sum(exp(x)) along an axis, without overflow.

    Args:
        x: of a float dtype.
        axis: along which the shares add up to 1.

    Returns:
        An array of x's shape and dtype; float16 and bfloat16 are computed in float32.

    Raises:
        TypeError: x is not of a float dtype.
        IndexError: there is no such axis.

    >>> from needle.ndarray import asarray
    >>> softmax(asarray([0.0, 0.0])).tolist()
    [0.5, 0.5]
    """
    at = _axis("softmax", x, axis)
    out = empty_like(x)
    if not out.size or _core.composite("softmax", [x], [out], [at]):
        return out
    powers = exp(_below(x, at))
    return (powers / _core.sum(powers, axis=at, keepdims=True)).astype(x.dtype, copy=False)


def softmax_gradient(y: NDArray, cotangent: NDArray, /, *, axis: int = -1) -> NDArray:
    """Return the gradient of sum(cotangent * y) for x, where y is softmax(x).

    >>> from needle.ndarray import asarray
    >>> softmax_gradient(asarray([0.5, 0.5]), asarray([1.0, 0.0])).tolist()
    [0.25, -0.25]
    """
    at = _axis("softmax_gradient", y, axis)
    check_fits("softmax_gradient", "the cotangent", cotangent, y.shape, y.dtype)
    out = empty_like(y)
    if not out.size or _core.composite("softmax_gradient", [y, cotangent], [out], [at]):
        return out
    shares, ct = widened(y), widened(cotangent)
    return (shares * (ct - _core.sum(ct * shares, axis=at, keepdims=True))).astype(y.dtype, copy=False)


def log_softmax(x: NDArray, /, *, axis: int = -1) -> NDArray:
    """Return log(softmax(x)) along an axis, without overflow; arguments and errors are those of `softmax`.

    >>> from needle.ndarray import asarray
    >>> log_softmax(asarray([0.0, 0.0])).tolist()
    [-0.6931471824645996, -0.6931471824645996]
    """
    at = _axis("log_softmax", x, axis)
    out = empty_like(x)
    if not out.size or _core.composite("log_softmax", [x], [out], [at]):
        return out
    below = _below(x, at)
    return (below - log(_core.sum(exp(below), axis=at, keepdims=True))).astype(x.dtype, copy=False)


def log_softmax_gradient(y: NDArray, cotangent: NDArray, /, *, axis: int = -1) -> NDArray:
    """Return the gradient of sum(cotangent * y) for x, where y is log_softmax(x).

    >>> from needle.ndarray import asarray
    >>> log_softmax_gradient(asarray([0.0]), asarray([1.0])).tolist()
    [0.0]
    """
    at = _axis("log_softmax_gradient", y, axis)
    check_fits("log_softmax_gradient", "the cotangent", cotangent, y.shape, y.dtype)
    out = empty_like(y)
    if not out.size or _core.composite("log_softmax_gradient", [y, cotangent], [out], [at]):
        return out
    ct = widened(cotangent)
    return (ct - exp(widened(y)) * _core.sum(ct, axis=at, keepdims=True)).astype(y.dtype, copy=False)


def cross_entropy(x: NDArray, labels: NDArray, /, *, axis: int = -1) -> tuple[NDArray, NDArray]:
    """Return -log(softmax(x)) at each label, and log(sum(exp(x))).

    Args:
        x: scores, of a float dtype.
        labels: int64, of x's shape without the axis; they count places along it.
        axis: of the classes.

    Returns:
        Two arrays of the labels' shape, float64 for float64 scores and float32 for others.

    Raises:
        TypeError: the scores are not of a float dtype, or the labels not int64.
        ValueError: the labels have another shape.
        IndexError: there is no such axis, or a label is none of the classes (a negative one may count from the end).

    >>> from needle.ndarray import asarray
    >>> cross_entropy(asarray([0.0, 0.0]), asarray(1))[0].item()
    0.6931471824645996
    """
    at = _axis("cross_entropy", x, axis)
    check_fits("cross_entropy", "the labels", labels, _without(x, at), int64)
    kept = _core.expand_dims(labels, axis=at)
    dtype = computed_in(x)
    losses, sums = (_core.empty(kept.shape, dtype, x.device) for _ in range(2))
    if not _core.composite("cross_entropy", [x, kept], [losses, sums], [at]):
        below = _below(x, at)
        total = log(_core.sum(exp(below), axis=at, keepdims=True))
        losses = total - _core.take_along_axis(below, kept, axis=at)
        sums = total + _top(x, at)
    return losses.reshape(labels.shape), sums.reshape(labels.shape)


def cross_entropy_gradient(
    x: NDArray, labels: NDArray, sums: NDArray, cotangent: NDArray, /, *, axis: int = -1
) -> NDArray:
    """Return the gradient of sum(cotangent * losses) for x; losses and sums are what `cross_entropy` gives.

    >>> from needle.ndarray import asarray, log
    >>> x, one = asarray([0.0, 0.0]), asarray(1.0)
    >>> cross_entropy_gradient(x, asarray(1), log(asarray(2.0)), one).tolist()
    [0.5, -0.5]
    """
    op = "cross_entropy_gradient"
    at = _axis(op, x, axis)
    shape, dtype = _without(x, at), computed_in(x)
    check_fits(op, "the labels", labels, shape, int64)
    check_fits(op, "the sums", sums, shape, dtype)
    check_fits(op, "the cotangent", cotangent, shape, dtype)
    kept, sums, ct = [_core.expand_dims(a, axis=at) for a in (labels, sums, cotangent)]
    out = _core.empty(x.shape, x.dtype, x.device)
    if _core.composite("cross_entropy_gradient", [x, kept, sums, ct], [out], [at]):
        return out
    gradient = exp(widened(x) - sums) * ct
    return _core.scatter(gradient, kept, -ct, axis=at, op="add").astype(x.dtype, copy=False)


def _axis(op: str, x: NDArray, axis: int) -> int:
    check_arrays(op, x)
    if x.dtype.kind != "float":
        raise TypeError(message(op, "not of a float dtype", got=x.dtype.name, hint="cast with astype"))
    if not isinstance(axis, int):  # pyright: ignore[reportUnnecessaryIsInstance] - for callers without a type checker
        raise TypeError(message(op, "not one axis", got=str(axis), expected="an int"))
    return axes_of(op, axis, x.ndim)[0]


def _without(x: NDArray, axis: int) -> tuple[int, ...]:
    shape = x.shape
    return shape[:axis] + shape[axis + 1 :]


def _top(x: NDArray, axis: int) -> NDArray:
    return _core.max(widened(x), axis=axis, keepdims=True)


def _below(x: NDArray, axis: int) -> NDArray:
    """Return the distance of each element from the greatest one along the axis."""
    return widened(x) - _top(x, axis) if x.size else widened(x)
