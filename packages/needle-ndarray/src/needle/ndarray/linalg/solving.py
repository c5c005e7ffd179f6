"""Linear systems, inverses and determinants, by the platform's LAPACK."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from needle.ndarray import _core, _elementwise
from needle.ndarray._core import NDArray
from needle.ndarray.dtype_info import finfo
from needle.ndarray.errors import message
from needle.ndarray.host import check_arrays, floating, on_host, real_of, widened
from needle.ndarray.linalg.decompositions import lapack, svd, svdvals
from needle.ndarray.linalg.operands import adjoint, check_matrices, check_square

__all__ = ["LstsqResult", "SlogdetResult", "det", "inv", "lstsq", "matrix_rank", "pinv", "slogdet", "solve"]

SINGULAR = "the matrix is singular"


class SlogdetResult(NamedTuple):
    """The determinant as ``sign * exp(logabsdet)``."""

    sign: NDArray
    logabsdet: NDArray


class LstsqResult(NamedTuple):
    """The solution, the least sums of squares, and the rank and the singular values of the matrix."""

    solution: NDArray
    residuals: NDArray
    rank: NDArray
    singular_values: NDArray


def inv(x: NDArray, /) -> NDArray:
    """Return the inverse of x (..., M, M); integers and bool are taken as float32.

    Raises:
        LinAlgError: x is singular.
        ValueError: x is not square.
        ModuleNotFoundError: NumPy is not installed.

    >>> inv(nd.asarray([[2.0, 0.0], [0.0, 4.0]])).tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """
    check_square("inv", x)
    (inverse,) = lapack("inv", lambda np, a: np.linalg.inv(a), x, failure=SINGULAR)
    return inverse


def solve(x1: NDArray, x2: NDArray, /) -> NDArray:
    """Return the X with ``x1 @ X == x2``.

    Args:
        x1: (..., M, M).
        x2: (M,), or (..., M, K) whose leading axes broadcast with those of x1.

    Returns:
        (..., M) or (..., M, K), in the promoted dtype; float32 for integers and bool.

    Raises:
        LinAlgError: x1 is singular.
        ValueError: shapes or devices do not fit.
        ModuleNotFoundError: NumPy is not installed.

    >>> solve(nd.asarray([[2.0, 0.0], [0.0, 4.0]]), nd.asarray([1.0, 1.0])).tolist()
    [0.5, 0.25]
    """
    check_square("solve", x1)
    right = _columns("solve", x1, x2)

    def compute(np: Any, a: Any, b: Any) -> Any:
        if a.ndim > 2 or b.ndim == 2:  # noqa: PLR2004 - rows and columns
            return np.linalg.solve(a, b)
        # One matrix is factorised once: a stack of right sides becomes columns.
        rows = np.moveaxis(b, -2, 0)
        columns = rows.reshape(len(rows), math.prod(rows.shape[1:]))
        return np.moveaxis(np.linalg.solve(a, columns).reshape(rows.shape), 0, -2)

    (solution,) = lapack("solve", compute, x1, right, failure=SINGULAR)
    return solution if x2.ndim > 1 else _core.squeeze(solution, -1)


def det(x: NDArray, /) -> NDArray:
    """Return the determinant (...) of x (..., M, M), in x's dtype; float32 for integers and bool.

    Raises:
        ValueError: x is not square.
        ModuleNotFoundError: NumPy is not installed.

    >>> det(nd.asarray([[2.0, 1.0], [0.0, 4.0]])).item()
    8.0
    """
    check_square("det", x)
    (result,) = on_host("det", lambda np, a: np.linalg.det(a), x)
    return result


def slogdet(x: NDArray, /) -> SlogdetResult:
    """Return the sign (or unit complex number) and the logarithm of the absolute value of x's determinant.

    They stay in range where `det` does not. A determinant of zero gives 0 and -inf.

    Args:
        x: (..., M, M); integers and bool are taken as float32.

    Raises:
        ValueError: x is not square.
        ModuleNotFoundError: NumPy is not installed.

    >>> [each.item() for each in slogdet(nd.asarray([[0.0, 1.0], [1.0, 0.0]]))]
    [-1.0, 0.0]
    """
    check_square("slogdet", x)
    return SlogdetResult(*on_host("slogdet", lambda np, a: tuple(np.linalg.slogdet(a)), x))


def matrix_rank(x: NDArray, /, *, rtol: float | NDArray | None = None) -> NDArray:
    """Return how many singular values of x (..., M, N) exceed ``rtol`` times the largest, as int64 of shape (...).

    Args:
        x: integers and bool are taken as float32.
        rtol: a number, or an array that broadcasts with (...); max(M, N) times the dtype's epsilon by default.

    Raises:
        LinAlgError: the iteration does not converge.
        ValueError: x has less than two dimensions, or `rtol` does not fit.
        ModuleNotFoundError: NumPy is not installed.

    >>> matrix_rank(nd.ones((3, 3))).item()
    1
    """
    check_matrices("matrix_rank", x)
    return _core.sum(_significant(svdvals(widened(x)), x, rtol), axis=-1)


def pinv(x: NDArray, /, *, rtol: float | NDArray | None = None) -> NDArray:
    """Return the Moore-Penrose inverse (..., N, M) of x (..., M, N), by its singular values.

    Args:
        x: integers and bool are taken as float32.
        rtol: as in `matrix_rank`; smaller singular values count as zero.

    Raises:
        LinAlgError: the iteration does not converge.
        ValueError: x has less than two dimensions, or `rtol` does not fit.
        ModuleNotFoundError: NumPy is not installed.

    >>> pinv(nd.asarray([[2.0, 0.0], [0.0, 0.0], [0.0, 0.0]])).tolist()
    [[0.5, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    check_matrices("pinv", x)
    u, values, vh = svd(widened(x), full_matrices=False)
    factors = _core.where(_significant(values, x, rtol), 1 / values, 0)
    inverse = (adjoint(vh) * _core.expand_dims(factors, axis=-2)) @ adjoint(u)
    return inverse.astype(floating(x), copy=False)


def lstsq(x1: NDArray, x2: NDArray, /, *, rtol: float | NDArray | None = None) -> LstsqResult:
    """Return the X that makes the sum of ``abs(x2 - x1 @ X) ** 2`` least and, where several do, is the shortest.

    By singular values: G. Golub and C. Van Loan, "Matrix Computations", 4th edition (2013), section 5.5.

    Args:
        x1: (..., M, N).
        x2: (M,), or (..., M, K) whose leading axes broadcast with those of x1.
        rtol: as in `matrix_rank`, of x1; smaller singular values count as zero.

    Returns:
        The solution (..., N) or (..., N, K); the sums that are least, (...) or (..., K); rank and singular values of
        x1. Dtypes are the promoted one (float32 for integers and bool), its real one, and int64 for the rank.

    Raises:
        LinAlgError: the iteration does not converge.
        ValueError: shapes or devices do not fit.
        ModuleNotFoundError: NumPy is not installed.

    >>> lstsq(nd.asarray([[2.0], [0.0]]), nd.asarray([4.0, 1.0])).solution.tolist()
    [2.0]
    """
    check_matrices("lstsq", x1)
    right = _columns("lstsq", x1, x2)
    dtype = floating(x1, x2)
    a, b = (widened(each.astype(dtype, copy=False)) for each in (x1, right))
    u, values, vh = svd(a, full_matrices=False)
    keep = _significant(values, x1, rtol)
    factors = _core.where(keep, 1 / values, 0)
    solution = adjoint(vh) @ (_core.expand_dims(factors, axis=-1) * (adjoint(u) @ b))
    residuals = _core.sum(_elementwise.square(_elementwise.abs(b - a @ solution)), axis=-2)
    if x2.ndim == 1:
        solution, residuals = _core.squeeze(solution, -1), _core.squeeze(residuals, -1)
    real = real_of(dtype)
    return LstsqResult(
        solution.astype(dtype, copy=False),
        residuals.astype(real, copy=False),
        _core.sum(keep, axis=-1),
        values.astype(real, copy=False),
    )


def _columns(op: str, x1: NDArray, x2: NDArray) -> NDArray:
    """Return x2 as (..., M, K); raise where it does not fit to x1 (..., M, N)."""
    check_arrays(op, x1, x2)
    right = _core.expand_dims(x2, axis=-1) if x2.ndim == 1 else x2
    got = f"shapes {x1.shape} and {x2.shape}"
    if right.ndim == 0 or right.shape[-2] != x1.shape[-2]:
        expected = f"({x1.shape[-2]},) or (..., {x1.shape[-2]}, K) on the right"
        raise ValueError(message(op, "the right side does not fit the rows of the matrix", got=got, expected=expected))
    pairs = zip(reversed(x1.shape[:-2]), reversed(right.shape[:-2]), strict=False)
    if any(m != n and 1 not in (m, n) for m, n in pairs):
        raise ValueError(message(op, "leading axes do not broadcast", got=got))
    return right


def _significant(values: NDArray, x: NDArray, rtol: float | NDArray | None) -> NDArray:
    """Say which of the singular values of x, (..., K), exceed the largest times `rtol`."""
    if rtol is None:
        rtol = max(x.shape[-2:]) * finfo(floating(x)).eps
    # The largest comes first; there is none where K = 0, and nothing to compare.
    return values > _core.expand_dims(_core.sum(values[..., :1], axis=-1) * rtol, axis=-1)
