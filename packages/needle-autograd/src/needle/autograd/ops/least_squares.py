"""Matrices that need not have an inverse: ranks, pseudoinverses and least squares.

Source: G. Golub and V. Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose
variables separate", SIAM Journal on Numerical Analysis 10 (1973).
"""

from __future__ import annotations

from typing import Any

import needle.ndarray as nd
from needle.autograd.op import Params, promoted, wrapped
from needle.autograd.ops.contraction import matmul
from needle.autograd.ops.elementwise import abs, square
from needle.autograd.ops.matrices import adjoint, floating, near_diagonal
from needle.autograd.ops.shape import broadcast_to, expand_dims, squeeze, sum
from needle.autograd.ops.spectra import svdvals
from needle.autograd.rules import composite, opaque, special
from needle.autograd.samples import Draw, Sample
from needle.autograd.tensor import Tensor
from needle.ndarray import NDArray
from needle.ndarray.errors import message
from needle.ndarray.linalg import LstsqResult

__all__ = ["lstsq", "matrix_rank", "pinv"]

Tolerance = float | Tensor | NDArray | None


def _fitting(op: str, x: Tensor, rtol: Tolerance) -> Any:
    """Return a tolerance with an element for each matrix, or as a number."""
    if x.ndim < 2:  # noqa: PLR2004 - rows and columns
        raise ValueError(message(op, "not a matrix", got=f"shape {x.shape}", expected="(..., M, N)"))
    return broadcast_to(wrapped(rtol), x.shape[:-2]) if isinstance(rtol, Tensor | NDArray) else rtol


def _ranks(x: NDArray, rtol: Any) -> NDArray:
    return nd.linalg.matrix_rank(x, rtol=rtol)


def _pseudoinverse(x: NDArray, rtol: Any) -> NDArray:
    return nd.linalg.pinv(x, rtol=rtol)


def _rectangles(draw: Draw) -> list[Sample]:
    return [
        *(Sample((near_diagonal(draw, *shape),)) for shape in ((3, 3), (4, 2), (2, 2, 3))),
        Sample((near_diagonal(draw, 2, 3, 2),), {"rtol": 1e-3}),
        Sample((near_diagonal(draw, 2, 3, 2),), {"rtol": nd.asarray([1e-3, 2e-3], nd.float64, draw.device)}),
    ]


def matrix_rank(x: Tensor, /, *, rtol: Tolerance = None) -> Tensor:
    """Return how many singular values of ``x`` (..., M, N) exceed ``rtol`` times the largest, as int64 (...).

    Args:
        x: Matrices.
        rtol: A number, or a tensor that broadcasts to (...); by default max(M, N) times the dtype's epsilon.

    Raises:
        LinAlgError: The iteration does not converge.
        ValueError: ``x`` has less than two axes, or ``rtol`` does not fit.
        ModuleNotFoundError: NumPy is not installed.

    >>> linalg.matrix_rank(tensor([[1.0, 1.0], [1.0, 1.0]])).item()
    1
    """
    return _matrix_rank(x, _fitting("matrix_rank", x, rtol))


_matrix_rank = opaque("matrix_rank", _ranks, samples=_rectangles, batch=lambda p, x, rtol: _matrix_rank(x, rtol))


def pinv(x: Tensor, /, *, rtol: Tolerance = None) -> Tensor:
    """Return the Moore-Penrose inverse (..., N, M) of ``x`` (..., M, N).

    The derivative is that among matrices of the same rank.

    Args:
        x: Matrices.
        rtol: As in `matrix_rank`; smaller singular values count as zero.

    Raises:
        LinAlgError: The iteration does not converge.
        ValueError: ``x`` has less than two axes, or ``rtol`` does not fit.
        ModuleNotFoundError: NumPy is not installed.

    >>> linalg.pinv(tensor([[2.0, 0.0], [0.0, 0.0], [0.0, 0.0]])).tolist()
    [[0.5, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    return _pinv(x, _fitting("pinv", x, rtol))


def _pinv_rule(ct: Tensor, p: Params, out: Tensor, x: Tensor, rtol: Any) -> tuple[Tensor, None]:
    """Return -Y^H ct Y^H + (1 - X Y) ct^H Y Y^H + Y^H Y ct^H (1 - Y X) for Y = X^+, after Golub and Pereyra."""
    turned, ct_turned = adjoint(out), adjoint(ct)
    found = -matmul(matmul(turned, ct), turned)
    left = matmul(matmul(ct_turned, out), turned)
    right = matmul(turned, matmul(out, ct_turned))
    return found + left - matmul(x, matmul(out, left)) + right - matmul(matmul(right, out), x), None


# Special: the derivative is that of an implicit function.
_pinv = special("pinv", _pseudoinverse, _pinv_rule, samples=_rectangles, batch=lambda p, x, rtol: _pinv(x, rtol))


def _overdetermined(draw: Draw) -> list[Sample]:
    return [
        Sample((near_diagonal(draw, 4, 2), draw.uniform(4))),
        Sample((near_diagonal(draw, 2, 3), draw.uniform(3, 2, 2)), {"rtol": 1e-3}),
    ]


@composite(_overdetermined)
def lstsq(x1: Tensor, x2: Tensor, /, *, rtol: Tolerance = None) -> LstsqResult:
    """Return the X that makes the sum of ``abs(x2 - x1 @ X) ** 2`` least and, where several do, is the shortest.

    The derivative is that among matrices of the same rank.

    Args:
        x1: (..., M, N).
        x2: (M,), or (..., M, K) whose leading axes broadcast with those of ``x1``.
        rtol: As in `matrix_rank`, of ``x1``; smaller singular values count as zero.

    Returns:
        The solution (..., N) or (..., N, K); the sums that are least, (...) or (..., K); rank and singular values of
        ``x1``.

    Raises:
        LinAlgError: The iteration does not converge.
        ValueError: Shapes or devices do not fit.
        ModuleNotFoundError: NumPy is not installed.

    >>> linalg.lstsq(tensor([[2.0], [0.0]]), tensor([4.0, 1.0])).solution.tolist()
    [2.0]
    """
    right = expand_dims(x2, -1) if x2.ndim == 1 else x2
    if x1.ndim < 2 or right.ndim < 2 or right.shape[-2] != x1.shape[-2]:  # noqa: PLR2004 - rows and columns
        problem, got = "the right side does not fit the rows of the matrix", f"shapes {x1.shape} and {x2.shape}"
        raise ValueError(message("lstsq", problem, got=got, expected="(..., M, N), and (M,) or (..., M, K)"))
    x1, right = promoted(floating(x1), floating(right))
    solution = matmul(pinv(x1, rtol=rtol), right)
    residuals = sum(square(abs(right - matmul(x1, solution))), -2)
    if x2.ndim == 1:
        solution, residuals = squeeze(solution, -1), squeeze(residuals, -1)
    parts: Any = (solution, residuals, matrix_rank(x1, rtol=rtol), svdvals(x1))
    return LstsqResult(*parts)
