"""The LU decomposition, which NumPy does not offer: LAPACK's recursion, in NumPy's matrix products."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from needle.ndarray.host import on_host
from needle.ndarray.linalg.operands import check_matrices

if TYPE_CHECKING:
    from needle.ndarray._core import NDArray

__all__ = ["LUResult", "lu"]


class LUResult(NamedTuple):
    """A permutation matrix, a lower triangular one with ones on the diagonal, and an upper triangular one."""

    P: NDArray
    L: NDArray
    U: NDArray


def lu(x: NDArray, /) -> LUResult:
    """Return P, L and U with ``x == P @ L @ U``, by elimination with partial pivoting.

    The recursion over halves of the columns is that of S. Toledo, "Locality of reference in LU decomposition with
    partial pivoting", SIAM Journal on Matrix Analysis and Applications 18 (1997).

    Args:
        x: (..., M, N), singular or not; integers and bool are taken as float32.

    Returns:
        P (..., M, M), L (..., M, K) and U (..., K, N), where K = min(M, N).

    Raises:
        ValueError: x has less than two dimensions.
        ModuleNotFoundError: NumPy is not installed.

    >>> p, l, u = lu(nd.asarray([[1.0, 2.0], [4.0, 4.0]]))
    >>> p.tolist(), l.tolist(), u.tolist()
    ([[0.0, 1.0], [1.0, 0.0]], [[1.0, 0.0], [0.25, 1.0]], [[4.0, 4.0], [0.0, 1.0]])
    """
    check_matrices("lu", x)
    return LUResult(*on_host("lu", _decompose, x))


def _decompose(np: Any, a: Any) -> tuple[Any, Any, Any]:
    *lead, m, n = a.shape
    k = min(m, n)
    packed = np.array(a, order="C").reshape(math.prod(lead), m, n)
    rows = np.tile(np.arange(m), (len(packed), 1))
    _eliminate(np, packed, rows, 0, k)
    lower = _unit_lower(np, packed[:, :, :k])
    packed[:, :k, k:] = np.linalg.solve(lower[:, :k], packed[:, :k, k:])
    # Row i of L @ U is row rows[i] of x.
    permutation = (np.arange(m)[:, None] == rows[:, None, :]).astype(a.dtype)
    return tuple(each.reshape(*lead, *each.shape[1:]) for each in (permutation, lower, np.triu(packed[:, :k])))


def _eliminate(np: Any, packed: Any, rows: Any, start: int, stop: int) -> None:
    """Decompose columns start to stop from row `start` on, in place: U on and above the diagonal, L below it."""
    if stop - start > 1:
        middle = (start + stop) // 2
        left, right = slice(start, middle), slice(middle, stop)
        _eliminate(np, packed, rows, start, middle)
        # Forward substitution: LAPACK's pivoting finds nothing larger than the ones on the diagonal.
        packed[:, left, right] = np.linalg.solve(_unit_lower(np, packed[:, left, left]), packed[:, left, right])
        packed[:, middle:, right] -= packed[:, middle:, left] @ packed[:, left, right]
        _eliminate(np, packed, rows, middle, stop)
    elif stop > start:
        every, pivot = np.arange(len(packed)), start + np.argmax(np.abs(packed[:, start:, start]), axis=1)
        for each in (packed, rows):
            each[every, start], each[every, pivot] = each[every, pivot], each[every, start]
        top = packed[:, start, start, None]
        packed[:, start + 1 :, start] /= np.where(top == 0, 1, top)  # where the largest is 0, all are


def _unit_lower(np: Any, packed: Any) -> Any:
    return np.tril(packed, -1) + np.eye(*packed.shape[1:], dtype=packed.dtype)
