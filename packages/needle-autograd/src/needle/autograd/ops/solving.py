"""Linear systems, inverses and determinants. All are special: they are not linear in the matrix.

Source: M. Giles, "An extended collection of matrix derivative results for forward and reverse mode algorithmic
differentiation", Oxford NA-08-01 (2008).
"""

from __future__ import annotations

import needle.ndarray as nd
from needle.autograd.op import Params, Spec, promoted
from needle.autograd.ops.casts import copy
from needle.autograd.ops.contraction import matmul
from needle.autograd.ops.elementwise import conj, imag, real
from needle.autograd.ops.matrices import adjoint, check_square, matrices, near_diagonal
from needle.autograd.ops.products import trace
from needle.autograd.ops.shape import broadcast_to, expand_dims, squeeze
from needle.autograd.rules import composite, special
from needle.autograd.samples import Draw, Sample
from needle.autograd.tensor import Tensor
from needle.ndarray import NDArray
from needle.ndarray.linalg import SlogdetResult

__all__ = ["det", "inv", "matrix_power", "slogdet", "solve"]


SQUARES = matrices((3, 3), (2, 2, 2), (1, 1))


# Inverses and systems.


def inv(x: Tensor, /) -> Tensor:
    """Return the inverse of ``x`` (..., M, M).

    Raises:
        LinAlgError: ``x`` is singular.
        ValueError: ``x`` is not square.
        ModuleNotFoundError: NumPy is not installed.

    >>> linalg.inv(tensor([[2.0, 0.0], [0.0, 4.0]])).tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """
    return _inv(x)


def _inv_rule(ct: Tensor, p: Params, out: Tensor, x: Spec) -> Tensor:
    turned = adjoint(out)
    return -matmul(matmul(turned, ct), turned)


_inv = special("inv", nd.linalg.inv, _inv_rule, samples=SQUARES, saves="output", core=2)


def solve(x1: Tensor, x2: Tensor, /) -> Tensor:
    """Return the X with ``x1 @ X == x2``.

    Args:
        x1: (..., M, M).
        x2: (M,), or (..., M, K) whose leading axes broadcast with those of ``x1``.

    Returns:
        (..., M) or (..., M, K), in the promoted dtype.

    Raises:
        LinAlgError: ``x1`` is singular.
        ValueError: Shapes or devices do not fit.
        ModuleNotFoundError: NumPy is not installed.

    >>> linalg.solve(tensor([[2.0, 0.0], [0.0, 4.0]]), tensor([1.0, 1.0])).tolist()
    [0.5, 0.25]
    """
    x1, x2 = promoted(x1, x2)
    return squeeze(_solve(x1, expand_dims(x2, -1)), -1) if x2.ndim == 1 else _solve(x1, x2)


def _solve_rule(ct: Tensor, p: Params, out: Tensor, x1: Tensor, x2: Tensor) -> tuple[Tensor, Tensor]:
    right = _solve(adjoint(x1), ct)
    return -matmul(right, adjoint(out)), right


def _systems(draw: Draw) -> list[Sample]:
    return [
        Sample((near_diagonal(draw, 3, 3), draw.uniform(3))),
        Sample((near_diagonal(draw, 3, 3), draw.uniform(2, 3, 1))),
        Sample((near_diagonal(draw, 2, 1, 2, 2), draw.uniform(3, 2, 2))),
        Sample((near_diagonal(draw, 2, 3, 3), draw.uniform(3))),
    ]


_solve = special("solve", nd.linalg.solve, _solve_rule, samples=_systems, core=2)

# Determinants.


def det(x: Tensor, /) -> Tensor:
    """Return the determinant (...) of ``x`` (..., M, M).

    The gradient is right where ``x`` is singular too; that of the gradient needs an inverse.

    Raises:
        ValueError: ``x`` is not square.
        ModuleNotFoundError: NumPy is not installed.

    >>> linalg.det(tensor([[2.0, 1.0], [0.0, 4.0]])).item()
    8.0
    """
    return _det(x)


def _adjugate_of(x: NDArray) -> NDArray:
    """Return the transposed cofactors, adj(x) = adj(Vh) adj(diag(S)) adj(U), which need no inverse."""
    if not x.shape[-1]:
        return nd.zeros_like(x)
    u, s, vh = nd.linalg.svd(x)
    unit = nd.linalg.det(u) * nd.linalg.det(vh)
    same = nd.astype(nd.eye(s.shape[-1], device=x.device), nd.bool)
    others = nd.prod(nd.where(same, 1.0, s[..., None, :]), axis=-1)
    u, vh = (nd.conj(a.mT) if a.dtype.kind == "complex" else a.mT for a in (u, vh))
    return nd.matmul(vh * others[..., None, :], u) * unit[..., None, None]


def _adjugate_rule(ct: Tensor, p: Params, out: Tensor, x: Tensor) -> Tensor:
    """Return tr(X^-H ct) Y^H - Y^H ct X^-H for Y = det(X) X^-1, whose differential is tr(Y dX) X^-1 - Y dX X^-1."""
    turned, inverse = adjoint(out), adjoint(_inv(x))
    right = matmul(ct, inverse)
    return expand_dims(trace(right), (-2, -1)) * turned - matmul(turned, right)


_adjugate = special("adjugate", _adjugate_of, _adjugate_rule, samples=SQUARES, core=2)
_det = special(
    "det",
    nd.linalg.det,
    lambda ct, p, out, x: expand_dims(ct, (-2, -1)) * adjoint(_adjugate(x)),
    samples=matrices((3, 3), (2, 2, 2), (1, 1), (0, 0)),
    saves="inputs",
    core=2,
)


def slogdet(x: Tensor, /) -> SlogdetResult:
    """Return the sign (or unit complex number) and the logarithm of the absolute value of the determinant of ``x``.

    They stay in range where `det` does not. A determinant of zero gives 0 and -inf, and has no derivative.

    Args:
        x: (..., M, M).

    Raises:
        ValueError: ``x`` is not square.
        ModuleNotFoundError: NumPy is not installed.

    >>> [each.item() for each in linalg.slogdet(tensor([[0.0, 1.0], [1.0, 0.0]]))]
    [-1.0, 0.0]
    """
    return SlogdetResult(*_slogdet(x))


def _slogdet_rule(ct: tuple[Tensor | None, Tensor | None], p: Params, out: tuple[Tensor, Tensor], x: Tensor) -> Tensor:
    """Return c X^-H: the differential of the logarithm is tr(X^-1 dX), whose imaginary part turns the sign."""
    (sign_ct, log_ct), sign = ct, out[0]
    inverse = adjoint(_inv(x))
    factor = 0.0 * real(sign) if log_ct is None else log_ct
    if sign_ct is not None and sign.dtype.kind == "complex":
        factor = factor + 1j * imag(sign_ct * conj(sign))
    return expand_dims(factor, (-2, -1)) * inverse


_slogdet = special("slogdet", lambda x: tuple(nd.linalg.slogdet(x)), _slogdet_rule, samples=SQUARES, core=2)

# Powers.


@composite(lambda draw: [Sample((near_diagonal(draw, *shape), n)) for shape, n in (((3, 3), 5), ((2, 2, 2), -2))])
def matrix_power(x: Tensor, n: int, /) -> Tensor:
    """Return the product of n matrices ``x`` (..., M, M), by repeated squaring.

    Args:
        x: Of a numeric dtype.
        n: 0 gives the identity, and a negative number the power of the inverse.

    Raises:
        LinAlgError: ``n`` is negative, and ``x`` singular.
        ValueError: ``x`` is not square.
        ModuleNotFoundError: ``n`` is negative, and NumPy is not installed.

    >>> linalg.matrix_power(tensor([[1, 1], [0, 1]]), 5).tolist()
    [[1, 5], [0, 1]]
    """
    check_square("matrix_power", x)
    if n == 0:
        return copy(broadcast_to(Tensor(nd.eye(x.shape[-1], dtype=x.dtype, device=x.device)), x.shape))
    if n < 0:
        return matrix_power(inv(x), -n)
    if n == 1:
        return copy(x)
    half = matrix_power(x, n // 2)
    square_of_half = matmul(half, half)
    return matmul(square_of_half, x) if n % 2 else square_of_half
