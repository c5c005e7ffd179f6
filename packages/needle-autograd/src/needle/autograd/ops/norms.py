"""Norms of vectors and matrices. At 0, where they have a kink, the gradient is 0."""

from __future__ import annotations

import math
from typing import Literal

import needle.ndarray as nd
from needle.autograd.op import Params, axes_of
from needle.autograd.ops.casts import astype
from needle.autograd.ops.elementwise import abs, where
from needle.autograd.ops.matrices import floating
from needle.autograd.ops.reduction import max, min
from needle.autograd.ops.shape import expand_dims, reshape, shifted, squeeze, sum
from needle.autograd.ops.spectra import svdvals
from needle.autograd.rules import composite, special
from needle.autograd.samples import Draw, Sample
from needle.autograd.tensor import Axes, Tensor
from needle.ndarray.errors import message
from needle.ndarray.host import real_of

__all__ = ["matrix_norm", "vector_norm"]

MATRIX_ORDERS = ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf)


def _vectors(draw: Draw) -> list[Sample]:
    def sample(axis: Axes = None, keepdims: bool = False, order: float = 2) -> Sample:
        return Sample((draw.uniform(2, 3, 2),), {"axis": axis, "keepdims": keepdims, "ord": order})

    orders = [sample(1, order=order) for order in (1, 3, 1.5, 0.5, -1, math.inf, -math.inf)]
    return [sample(), sample((0, -1)), sample(1, True), *orders, sample((0, 1), True, 3)]


def vector_norm(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False, ord: float = 2) -> Tensor:
    """Return ``sum(abs(x) ** ord) ** (1 / ord)`` over the axes, or over all.

    The gradient is 0 for vectors of zeros, and for elements that are 0; largest elements share it equally.

    Args:
        x: Of a numeric dtype; float16 and bfloat16 are summed in float32.
        axis: An axis, or several, whose elements are one vector together.
        keepdims: Keep the axes, with extent 1.
        ord: inf gives the largest absolute value, -inf the smallest, and 0 the number of elements other than 0, which
            has no derivative.

    Returns:
        A tensor of x's precision, and real. Of no elements, norms are 0, and inf where ``ord`` is negative.

    Raises:
        IndexError: There is no such axis.

    >>> linalg.vector_norm(tensor([[3.0, 4.0], [6.0, 8.0]]), axis=1).tolist()
    [5.0, 10.0]
    """
    x, axes = floating(x), axes_of("vector_norm", axis, x.ndim)
    if ord == 0:
        return astype(sum(x != 0, axes, keepdims), real_of(x.dtype))
    if math.prod(x.shape[i] for i in axes) and math.isinf(ord):
        return (max if ord > 0 else min)(abs(x), axes, keepdims)
    return _vector_norm(x, axis=axes, keepdims=keepdims, ord=ord)


def _vector_rule(ct: Tensor, p: Params, out: Tensor, x: Tensor) -> Tensor:
    """Return x |x|^(ord - 2) ct out^(1 - ord), with 1 for the powers of zeros."""
    kept = [1 if i in p["axis"] else extent for i, extent in enumerate(x.shape)]
    ct, out = reshape(ct, kept), reshape(out, kept)
    zero = out == 0
    ct, out = where(zero, 0.0, ct), where(zero, 1.0, out)
    if p["ord"] == 2:  # noqa: PLR2004 - the usual norm
        return x * (ct / out)
    return x * where(x == 0, 1.0, abs(where(x == 0, 1.0, x))) ** (p["ord"] - 2) * (ct * out ** (1 - p["ord"]))


def _behind(p: Params, x: Tensor) -> Tensor:
    return _vector_norm(x, axis=shifted(p["axis"]), keepdims=p["keepdims"], ord=p["ord"])


# Special: made of ops, its gradient would be NaN at 0.
_vector_norm = special("vector_norm", nd.linalg.vector_norm, _vector_rule, samples=_vectors, batch=_behind)


def _matrices(draw: Draw) -> list[Sample]:
    kept = Sample((draw.uniform(2, 2, 3),), {"keepdims": True, "ord": "nuc"})
    return [kept, *(Sample((draw.uniform(2, 3, 2),), {"ord": order}) for order in MATRIX_ORDERS)]


@composite(_matrices)
def matrix_norm(x: Tensor, /, *, keepdims: bool = False, ord: float | Literal["fro", "nuc"] = "fro") -> Tensor:
    """Return the norms (...) of the matrices ``x`` (..., M, N); the gradient is 0 for matrices of zeros.

    Args:
        x: Of a numeric dtype; float16 and bfloat16 are summed in float32.
        keepdims: Return (..., 1, 1).
        ord: "fro" for the root of the sum of squares, "nuc" for the sum of the singular values, 2 and -2 for the
            largest and the smallest of them; 1 and -1 for the largest and the smallest sum of the absolute values of
            a column, inf and -inf of a row.

    Returns:
        A tensor of x's precision, and real. The largest of nothing is 0, the smallest inf.

    Raises:
        LinAlgError: The iteration for singular values does not converge.
        ValueError: ``x`` has less than two axes, or there is no such order.
        ModuleNotFoundError: The order needs singular values, and NumPy is not installed.

    >>> linalg.matrix_norm(tensor([[1.0, -2.0], [3.0, 4.0]]), ord=1).item()
    6.0
    """
    if x.ndim < 2:  # noqa: PLR2004 - rows and columns
        raise ValueError(message("matrix_norm", "not a matrix", got=f"shape {x.shape}", expected="(..., M, N)"))
    if ord not in MATRIX_ORDERS:
        raise ValueError(message("matrix_norm", "unknown order", got=repr(ord), expected=str(MATRIX_ORDERS)))
    if ord == "fro":
        return vector_norm(x, axis=(-2, -1), keepdims=keepdims)
    if ord in ("nuc", 2, -2):
        values, orders = expand_dims(svdvals(x), -2), {"nuc": 1, 2: math.inf, -2: -math.inf}
        norm = vector_norm(values, axis=-1, keepdims=True, ord=orders[ord])
    else:
        along, across = (-2, -1) if ord in (1, -1) else (-1, -2)
        sums = vector_norm(x, axis=along, keepdims=True, ord=1)
        norm = vector_norm(sums, axis=across, keepdims=True, ord=math.copysign(math.inf, ord))
    return norm if keepdims else squeeze(norm, (-2, -1))
