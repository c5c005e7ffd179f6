"""Eigenvalues, singular values, and their vectors. All are special: the derivative is that of an implicit function.

Of Hermitian matrices, what is decomposed is the Hermitian part of the operand, so that the gradient is Hermitian too
and a step along it stays among them. Vectors are determined up to a sign, or a unit complex number; a derivative has a
meaning only for results that do not depend on it. Where eigenvalues or singular values are equal, vectors have no
derivative, and what is asked for is infinite or NaN; that of the values alone is right.

Sources: M. Giles, "An extended collection of matrix derivative results for forward and reverse mode algorithmic
differentiation", Oxford NA-08-01 (2008); J. Townsend, "Differentiating the singular value decomposition" (2016);
Z.-Q. Wan and S.-X. Zhang, "Automatic differentiation for complex valued SVD", arXiv:1909.02659 (2019); C. Boeddeker and
others, "On the computation of complex-valued gradients with application to statistically optimum beamforming",
arXiv:1701.00392 (2017), for `eig`.
"""

from __future__ import annotations

import needle.ndarray as nd
from needle.autograd.op import Params, Spec
from needle.autograd.ops.contraction import matmul
from needle.autograd.ops.elementwise import conj, real, where
from needle.autograd.ops.matrices import adjoint, hermitian, matrices, near_diagonal
from needle.autograd.ops.shape import expand_dims
from needle.autograd.ops.solving import solve
from needle.autograd.ops.strides import diagonal, place_diagonal
from needle.autograd.rules import special
from needle.autograd.samples import Draw, Sample
from needle.autograd.tensor import Tensor
from needle.ndarray.errors import message
from needle.ndarray.linalg import EighResult, EigResult, SVDResult

__all__ = ["eig", "eigh", "eigvals", "eigvalsh", "svd", "svdvals"]

Cotangents = tuple[Tensor | None, ...]


def _row(x: Tensor) -> Tensor:
    """Return numbers (..., K) as factors of columns."""
    return expand_dims(x, -2)


def _column(x: Tensor) -> Tensor:
    """Return numbers (..., K) as factors of rows."""
    return expand_dims(x, -1)


def _diagonals(x: Tensor) -> Tensor:
    """Return square matrices that are 0 but for their diagonals."""
    return place_diagonal(x, shape=(x.shape[-1], x.shape[-1]), offset=0)


def _over_gaps(x: Tensor, values: Tensor) -> Tensor:
    """Return x[i, j] / (values[j] - values[i]), and 0 on the diagonal."""
    same = nd.astype(nd.eye(values.shape[-1], device=values.device), nd.bool)
    return where(same, 0.0, x / where(same, 1.0, _row(values) - _column(values)))


# Eigenvalues and eigenvectors of Hermitian matrices.


def eigh(x: Tensor, /) -> EighResult:
    """Return eigenvalues w and eigenvectors V with ``x @ V == V * w[..., None, :]`` of Hermitian ``x``.

    Where eigenvalues are equal, the derivative of their eigenvectors is infinite or NaN.

    Args:
        x: (..., M, M), of which the Hermitian part (x + x^H) / 2 counts.

    Raises:
        LinAlgError: The iteration does not converge.
        ValueError: ``x`` is not square.
        ModuleNotFoundError: NumPy is not installed.

    >>> linalg.eigh(tensor([[2.0, 0.0], [0.0, 1.0]])).eigenvalues.tolist()
    [1.0, 2.0]
    """
    return EighResult(*_eigh(hermitian("eigh", x)))


def _eigh_rule(ct: Cotangents, p: Params, out: tuple[Tensor, Tensor], x: Spec) -> Tensor:
    """Return V (diag(w') + V^H V' over the gaps) V^H: V^H dx V holds dw, and V^H dV times the gaps."""
    (w_ct, v_ct), (w, v) = ct, out
    found = None if w_ct is None else matmul(v * _row(w_ct), adjoint(v))
    if v_ct is not None:
        turned = matmul(matmul(v, _over_gaps(matmul(adjoint(v), v_ct), w)), adjoint(v))
        found = turned if found is None else found + turned
    assert found is not None
    return 0.5 * (found + adjoint(found))


_eigh = special(
    "eigh",
    lambda x: tuple(nd.linalg.eigh(x)),
    _eigh_rule,
    samples=matrices((3, 3), (2, 2, 2)),
    saves="output",
    core=2,
)


def eigvalsh(x: Tensor, /) -> Tensor:
    """Return the eigenvalues (..., M) of Hermitian ``x`` (..., M, M), real and ascending; else as `eigh`.

    >>> linalg.eigvalsh(tensor([[2.0, 0.0], [0.0, 1.0]])).tolist()
    [1.0, 2.0]
    """
    return _eigvalsh(hermitian("eigvalsh", x))


def _eigvalsh_rule(ct: Tensor, p: Params, out: Spec, x: Tensor) -> Tensor:
    vectors = _eigh(x)[1]
    return matmul(vectors * _row(ct), adjoint(vectors))


_eigvalsh = special(
    "eigvalsh", nd.linalg.eigvalsh, _eigvalsh_rule, samples=matrices((3, 3), (2, 2, 2)), saves="inputs", core=2
)

# Eigenvalues and eigenvectors of any square matrices.


def eig(x: Tensor, /) -> EigResult:
    """Return eigenvalues w and eigenvectors V, of unit length, with ``x @ V == V * w[..., None, :]``.

    Where eigenvalues are equal, the derivative of their eigenvectors is infinite or NaN.

    Args:
        x: (..., M, M), with M independent eigenvectors.

    Returns:
        Complex tensors of x's precision, in no particular order; the results for float16 and bfloat16 are complex64.

    Raises:
        LinAlgError: The iteration does not converge.
        ValueError: ``x`` is not square.
        ModuleNotFoundError: NumPy is not installed.

    >>> linalg.eig(tensor([[0.0, 1.0], [-1.0, 0.0]])).eigenvalues.tolist()
    [1j, -1j]
    """
    return EigResult(*_eig(x))


def _eig_rule(ct: Cotangents, p: Params, out: tuple[Tensor, Tensor], x: Spec) -> Tensor:
    """Return V^-H (diag(w') + (V^H V' - V^H V D) over the conjugate gaps) V^H, where D is the real diagonal of V^H V'.

    For V^-1 dx V holds dw, and V^-1 dV times the gaps, but for the factors that keep the vectors' length.
    """
    (w_ct, v_ct), (w, v) = ct, out
    inner = None if w_ct is None else _diagonals(w_ct)
    if v_ct is not None:
        turned = matmul(adjoint(v), v_ct)
        scale = real(diagonal(turned))
        turned = _over_gaps(turned - matmul(adjoint(v), v) * _row(scale), conj(w))
        inner = turned if inner is None else inner + turned
    assert inner is not None
    return solve(adjoint(v), matmul(inner, adjoint(v)))


_eig = special(
    "eig", lambda x: tuple(nd.linalg.eig(x)), _eig_rule, samples=matrices((3, 3), (2, 2, 2)), saves="output", core=2
)


def eigvals(x: Tensor, /) -> Tensor:
    """Return the eigenvalues (..., M) of ``x`` (..., M, M), complex and in no particular order; else as `eig`.

    >>> linalg.eigvals(tensor([[0.0, 1.0], [-1.0, 0.0]])).tolist()
    [1j, -1j]
    """
    return _eigvals(x)


def _eigvals_rule(ct: Tensor, p: Params, out: Spec, x: Tensor) -> Tensor:
    vectors = adjoint(_eig(x)[1])
    return solve(vectors, _column(ct) * vectors)


_eigvals = special(
    "eigvals", nd.linalg.eigvals, _eigvals_rule, samples=matrices((3, 3), (2, 2, 2)), saves="inputs", core=2
)

# Singular values and vectors.


def svd(x: Tensor, /, *, full_matrices: bool = True) -> SVDResult:
    """Return U, S and Vh with ``x == U[..., :K] * S[..., None, :] @ Vh[..., :K, :]``, where K = min(M, N).

    Where singular values are equal, or 0, the derivative of their vectors is infinite or NaN. There is none of the
    vectors that only complete a basis: pass ``full_matrices=False`` where M and N differ.

    Args:
        x: (..., M, N).
        full_matrices: U (..., M, M) and Vh (..., N, N); else (..., M, K) and (..., K, N).

    Raises:
        LinAlgError: The iteration does not converge.
        ValueError: ``x`` has less than two axes.
        ModuleNotFoundError: NumPy is not installed.

    >>> linalg.svd(tensor([[3.0, 0.0], [0.0, 4.0]])).S.tolist()
    [4.0, 3.0]
    """
    return SVDResult(*_svd(x, full_matrices=full_matrices))


def _svd_rule(ct: Cotangents, p: Params, out: tuple[Tensor, Tensor, Tensor], x: Spec) -> Tensor:
    """Return U (diag(S') + (J - J^H) S + S (K - K^H)) V^H and, for what is in neither basis, the rest.

    J is U^H U' and K is V^H V', each over the gaps of the squares of S, and the imaginary diagonal of U^H U' over S.
    """
    (u_ct, s_ct, vh_ct), (u, s, vh) = ct, out
    rows, columns = x.shape[-2:]
    if p["full_matrices"] and rows != columns:
        if u_ct is not None or vh_ct is not None:
            problem = "no derivative is known of the vectors that complete a basis"
            raise NotImplementedError(message("svd", problem, hint="full_matrices=False"))
        u, vh = u[..., : s.shape[-1]], vh[..., : s.shape[-1], :]
    terms: list[Tensor] = [] if s_ct is None else [matmul(u * _row(s_ct), vh)]
    if u_ct is not None:
        skew = _skew(matmul(adjoint(u), u_ct))
        inner = _over_gaps(skew, s * s) * _row(s)
        if skew.dtype.kind == "complex":
            inner = inner + _diagonals(0.5 * diagonal(skew) / s)
        terms.append(matmul(matmul(u, inner), vh))
        if rows > columns:
            outside = u_ct / _row(s)
            terms.append(matmul(outside - matmul(u, matmul(adjoint(u), outside)), vh))
    if vh_ct is not None:
        inner = _column(s) * _over_gaps(_skew(matmul(vh, adjoint(vh_ct))), s * s)
        terms.append(matmul(matmul(u, inner), vh))
        if columns > rows:
            outside = vh_ct / _column(s)
            terms.append(matmul(u, outside - matmul(matmul(outside, adjoint(vh)), vh)))
    found, *others = terms
    for term in others:
        found = found + term
    return found


def _skew(x: Tensor) -> Tensor:
    return x - adjoint(x)


def _rectangles(draw: Draw) -> list[Sample]:
    shapes = [(3, 3), (4, 2), (2, 2, 3)]
    return [Sample((near_diagonal(draw, *shape),), {"full_matrices": shape == (3, 3)}) for shape in shapes]


_svd = special(
    "svd",
    lambda x, full_matrices: tuple(nd.linalg.svd(x, full_matrices=full_matrices)),
    _svd_rule,
    samples=_rectangles,
    saves="output",
    core=2,
)


def svdvals(x: Tensor, /) -> Tensor:
    """Return the singular values (..., min(M, N)) of ``x`` (..., M, N), real and descending; else as `svd`.

    >>> linalg.svdvals(tensor([[3.0, 0.0], [0.0, 4.0]])).tolist()
    [4.0, 3.0]
    """
    return _svdvals(x)


def _svdvals_rule(ct: Tensor, p: Params, out: Spec, x: Tensor) -> Tensor:
    u, _, vh = _svd(x, full_matrices=False)
    return matmul(u * _row(ct), vh)


_svdvals = special(
    "svdvals", nd.linalg.svdvals, _svdvals_rule, samples=matrices((3, 3), (2, 4), (2, 3, 2)), saves="inputs", core=2
)
