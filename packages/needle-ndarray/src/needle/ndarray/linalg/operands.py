"""What the operands of linear algebra have to be, and the error for what the numbers do not allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from needle.ndarray._elementwise import conj
from needle.ndarray.errors import message
from needle.ndarray.host import check_arrays

if TYPE_CHECKING:
    from needle.ndarray._core import NDArray

__all__ = ["LinAlgError", "adjoint", "check_matrices", "check_square"]


class LinAlgError(ValueError):
    """The numbers of a matrix do not allow what was asked: it is singular, say, or an iteration does not converge."""


def check_matrices(op: str, *operands: NDArray) -> None:
    """Raise where an operand is no array of shape (..., M, N), or they are not on one device."""
    check_arrays(op, *operands)
    for x in operands:
        if x.ndim < 2:  # noqa: PLR2004
            raise ValueError(message(op, "not a matrix", got=f"shape {x.shape}", expected="(..., M, N)"))


def check_square(op: str, x: NDArray) -> None:
    """Raise where x is no array of shape (..., M, M)."""
    check_matrices(op, x)
    if x.shape[-1] != x.shape[-2]:
        raise ValueError(message(op, "the matrix is not square", got=f"shape {x.shape}", expected="(..., M, M)"))


def adjoint(x: NDArray) -> NDArray:
    """Return the conjugate transpose of x (..., M, N); a view of a real one."""
    return conj(x.mT) if x.dtype.kind == "complex" else x.mT
