"""What rules about matrices are made of: adjoints and Hermitian parts; and samples."""

from __future__ import annotations

from typing import Any

import needle.ndarray as nd
from needle.autograd.ops.casts import astype
from needle.autograd.ops.elementwise import conjugate
from needle.autograd.samples import Draw, Sample, Samples
from needle.autograd.tensor import Tensor
from needle.ndarray.errors import message

__all__ = ["adjoint", "check_square", "floating", "hermitian", "matrices", "near_diagonal"]


def adjoint(x: Tensor) -> Tensor:
    """Return the conjugate transpose of ``x`` (..., M, N)."""
    return conjugate(x).mT


def check_square(op: str, x: Tensor) -> None:
    """Raise where ``x`` is not of shape (..., M, M)."""
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:  # noqa: PLR2004 - rows and columns
        raise ValueError(message(op, "the matrix is not square", got=f"shape {x.shape}", expected="(..., M, M)"))


def floating(x: Tensor) -> Tensor:
    """Return ``x``, which is cast to float32 where it is not floating or complex."""
    return x if x.dtype.kind in ("float", "complex") else astype(x, nd.float32)


def hermitian(op: str, x: Tensor) -> Tensor:
    """Return (x + x^H) / 2, exactly ``x`` where that is Hermitian: gradients are so too then."""
    check_square(op, x)
    x = floating(x)
    return 0.5 * (x + adjoint(x))


def near_diagonal(draw: Draw, *shape: int) -> Tensor:
    """Return matrices of small numbers, but for the diagonal of 1, 2, ...: what is done with them loses few digits."""
    rows, columns = shape[-2:]
    numbers: Any = [[i + 1.0 if i == j else 0.0 for j in range(columns)] for i in range(rows)]
    return draw.uniform(*shape, low=-0.3, high=0.3) + nd.asarray(numbers, draw.dtype, draw.device)


def matrices(*shapes: tuple[int, ...]) -> Samples:
    """Return samples of one such operand of each shape."""
    return lambda draw: [Sample((near_diagonal(draw, *shape),)) for shape in shapes]
