"""Matrices as products with triangular ones. All are special: the derivative is that of an implicit function.

Sources: M. Giles, "An extended collection of matrix derivative results for forward and reverse mode algorithmic
differentiation", Oxford NA-08-01 (2008); S. Walter and L. Lehmann, "Algorithmic differentiation of linear algebra
functions with application in optimum experimental design", arXiv:1001.1654 (2010); I. Murray, "Differentiation of the
Cholesky decomposition", arXiv:1602.07527 (2016).
"""

from __future__ import annotations

from typing import Any, Literal

import needle.ndarray as nd
from needle.autograd.op import Params, Spec, filled
from needle.autograd.ops.contraction import matmul
from needle.autograd.ops.matrices import adjoint, floating, hermitian, matrices, near_diagonal
from needle.autograd.ops.shape import concat
from needle.autograd.ops.solving import solve
from needle.autograd.ops.triangles import tril, triu
from needle.autograd.rules import special
from needle.autograd.samples import Draw, Sample
from needle.autograd.tensor import Tensor
from needle.ndarray.errors import message
from needle.ndarray.linalg import LUResult, QRResult

__all__ = ["cholesky", "lu", "qr"]

Cotangents = tuple[Tensor | None, ...]

# Cholesky.


def _positive(draw: Draw) -> list[Sample]:
    return [
        Sample((near_diagonal(draw, 3, 3),)),
        Sample((near_diagonal(draw, 2, 2, 2),), {"upper": True}),
        Sample((near_diagonal(draw, 0, 0),)),
    ]


def cholesky(x: Tensor, /, *, upper: bool = False) -> Tensor:
    """Return the triangular L with ``x == L @ L^H``, or U with ``x == U^H @ U``, of Hermitian positive-definite x.

    Args:
        x: (..., M, M), of which the Hermitian part (x + x^H) / 2 counts.
        upper: Return U instead of L.

    Returns:
        (..., M, M), with zeros in the other triangle.

    Raises:
        LinAlgError: ``x`` is not positive definite.
        ValueError: ``x`` is not square.
        ModuleNotFoundError: NumPy is not installed.

    >>> linalg.cholesky(tensor([[4.0, 2.0], [2.0, 5.0]])).tolist()
    [[2.0, 0.0], [1.0, 2.0]]
    """
    factor = _cholesky(hermitian("cholesky", x))
    return adjoint(factor) if upper else factor


def _cholesky_rule(ct: Tensor, p: Params, out: Tensor, x: Spec) -> Tensor:
    """Return L^-H P L^-1, where P is the lower triangle of L^H ct with half its diagonal; of it, the Hermitian part.

    For dx = dL L^H + L dL^H, and so L^-1 dL is the lower triangle of L^-1 dx L^-H with half its diagonal.
    """
    upper = adjoint(out)
    inner = _lower_half(matmul(upper, ct))
    found = adjoint(solve(upper, adjoint(solve(upper, inner))))
    return 0.5 * (found + adjoint(found))


def _lower_half(x: Tensor) -> Tensor:
    """Return the lower triangle of ``x`` with half its diagonal."""
    return 0.5 * (tril(x) + tril(x, k=-1))


_cholesky = special("cholesky", nd.linalg.cholesky, _cholesky_rule, samples=_positive, saves="output", core=2)

# QR.


def qr(x: Tensor, /, *, mode: Literal["reduced", "complete"] = "reduced") -> QRResult:
    """Return Q and R with ``x == Q @ R``.

    The derivative needs the first min(M, N) columns of ``x`` to be linearly independent. There is none of the columns
    that complete Q, where M > N.

    Args:
        x: (..., M, N).
        mode: "reduced" for Q (..., M, K) and R (..., K, N), where K = min(M, N); "complete" for (..., M, M) and
            (..., M, N).

    Raises:
        ValueError: ``x`` has less than two axes, or there is no such mode.
        ModuleNotFoundError: NumPy is not installed.

    >>> abs(linalg.qr(tensor([[3.0], [4.0]])).R).tolist()
    [[5.0]]
    """
    rows = x.shape[-2] if x.ndim > 1 else 0
    if not 0 < rows < x.shape[-1]:
        return QRResult(*_qr(x, mode=mode))
    # Of a wide matrix, the first columns alone determine Q.
    q, r = _qr(x[..., :rows], mode=mode)
    rest: Any = concat([r, matmul(adjoint(q), floating(x[..., rows:]))], -1)
    return QRResult(q, rest)


def _qr_rule(ct: Cotangents, p: Params, out: tuple[Tensor, Tensor], x: Spec) -> Tensor:
    """Return (Q' + Q P) R^-H, where P is Hermitian, with the upper triangle of R' R^H - Q^H Q'.

    For Q^H dQ is skew-Hermitian, and so dR R^-1 is the upper triangle of C + C^H with half its diagonal, for
    C = Q^H dx R^-1, and dQ = dx R^-1 - Q dR R^-1.
    """
    (q_ct, r_ct), (q, r) = ct, out
    if q.shape[-1] > r.shape[-1]:
        problem = "no derivative is known of a complete Q of more rows than columns"
        raise NotImplementedError(message("qr", problem, hint='mode="reduced"'))
    inner = None if r_ct is None else matmul(r_ct, adjoint(r))
    if q_ct is not None:
        turned = -matmul(adjoint(q), q_ct)
        inner = turned if inner is None else inner + turned
    assert inner is not None
    half = _lower_half(adjoint(inner))
    found = matmul(q, half + adjoint(half))
    return adjoint(solve(r, adjoint(found if q_ct is None else q_ct + found)))


def _tall(draw: Draw) -> list[Sample]:
    shapes = [(3, 3), (4, 2), (2, 3, 2), (2, 4)]
    return [
        *(Sample((near_diagonal(draw, *shape),)) for shape in shapes),
        Sample((near_diagonal(draw, 2, 3),), {"mode": "complete"}),
    ]


_qr = special("qr", lambda x, mode: tuple(nd.linalg.qr(x, mode=mode)), _qr_rule, samples=_tall, saves="output", core=2)

# LU.


def lu(x: Tensor, /) -> LUResult:
    """Return P, L and U with ``x == P @ L @ U``: a permutation and two triangles, L with ones on its diagonal.

    The derivative needs the first min(M, N) rows of ``P^T @ x`` to have independent first columns; that of P is 0.

    Args:
        x: (..., M, N).

    Returns:
        P (..., M, M), L (..., M, K) and U (..., K, N), where K = min(M, N).

    Raises:
        ValueError: ``x`` has less than two axes.
        ModuleNotFoundError: NumPy is not installed.

    >>> [each.tolist() for each in linalg.lu(tensor([[1.0, 2.0], [4.0, 4.0]]))[1:]]
    [[[1.0, 0.0], [0.25, 1.0]], [[4.0, 4.0], [0.0, 1.0]]]
    """
    return LUResult(*_lu(x))


def _lu_rule(ct: Cotangents, p: Params, out: tuple[Tensor, Tensor, Tensor], x: Spec) -> Tensor:
    """Return P times the cotangent of ``P^T @ x``, whose first K rows and columns are those of L1 U1.

    There L1^-1 d(L1 U1) U1^-1 = L1^-1 dL1 + dU1 U1^-1 is a strictly lower triangle and an upper one. The rows below are
    L2 U1, and the columns beyond are L1 U2.
    """
    (_, l_ct, u_ct), (permutation, lower, upper) = filled(ct, out), out
    k = upper.shape[-2]
    l1, u1 = adjoint(lower[..., :k, :]), adjoint(upper[..., :k])
    l1_ct, u1_ct = l_ct[..., :k, :], u_ct[..., :k]
    below = beyond = None
    if lower.shape[-2] > k:
        below = adjoint(solve(adjoint(u1), adjoint(l_ct[..., k:, :])))
        u1_ct = u1_ct - matmul(adjoint(lower[..., k:, :]), below)
    if upper.shape[-1] > k:
        beyond = solve(l1, u_ct[..., k:])
        l1_ct = l1_ct - matmul(beyond, adjoint(upper[..., k:]))
    inner = tril(matmul(l1, l1_ct), k=-1) + triu(matmul(u1_ct, u1))
    found = solve(l1, adjoint(solve(adjoint(u1), adjoint(inner))))
    if below is not None:
        found = concat([found, below], -2)
    if beyond is not None:
        found = concat([found, beyond], -1)
    return matmul(permutation, found)


_lu = special(
    "lu",
    lambda x: tuple(nd.linalg.lu(x)),
    _lu_rule,
    samples=matrices((3, 3), (2, 4), (2, 3, 2)),
    saves="output",
    core=2,
)
