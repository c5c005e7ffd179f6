"""Matrices as products of simpler ones, by LAPACK (E. Anderson and others, "LAPACK Users' Guide", 1999)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from needle.ndarray._core import NDArray
from needle.ndarray.errors import message
from needle.ndarray.host import complex_of, floating, on_host
from needle.ndarray.linalg.operands import LinAlgError, check_matrices, check_square

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "EigResult", "EighResult", "QRResult", "SVDResult", "cholesky", "eig", "eigh", "eigvals", "eigvalsh", "lapack",
    "qr", "svd", "svdvals",
]  # fmt: skip

NO_CONVERGENCE = "the iteration does not converge"


class EigResult(NamedTuple):
    """Eigenvalues (..., M) and, as columns, eigenvectors (..., M, M); both complex."""

    eigenvalues: NDArray
    eigenvectors: NDArray


class EighResult(NamedTuple):
    """Eigenvalues (..., M), ascending and real, and, as columns, orthonormal eigenvectors (..., M, M)."""

    eigenvalues: NDArray
    eigenvectors: NDArray


class QRResult(NamedTuple):
    """Q with orthonormal columns, and R, upper triangular."""

    Q: NDArray
    R: NDArray


class SVDResult(NamedTuple):
    """U with orthonormal columns, the singular values S (..., K), descending and real, and Vh with orthonormal rows."""

    U: NDArray
    S: NDArray
    Vh: NDArray


def lapack(op: str, compute: Callable[..., Any], *operands: NDArray, failure: str) -> tuple[NDArray, ...]:
    """Return what `on_host` does, and raise LinAlgError, with `failure` as the problem, where NumPy raises its own."""

    def checked(np: Any, *arrays: Any) -> Any:
        try:
            return compute(np, *arrays)
        except np.linalg.LinAlgError as error:
            finite = all(np.isfinite(a).all() for a in arrays)
            problem = failure if finite else "an operand holds NaN or an infinity"
            got = ", ".join(f"shape {x.shape} of {x.dtype}" for x in operands)
            raise LinAlgError(message(op, problem, got=got)) from error

    return on_host(op, checked, *operands)


def cholesky(x: NDArray, /, *, upper: bool = False) -> NDArray:
    """Return the triangular L with ``x == L @ L^H``, or U with ``x == U^H @ U``, of Hermitian positive-definite x.

    Args:
        x: (..., M, M); integers and bool are taken as float32. Only the triangle that is asked for is read.
        upper: return U instead of L.

    Returns:
        (..., M, M), with zeros in the other triangle.

    Raises:
        LinAlgError: x is not positive definite.
        ValueError: x is not square.
        ModuleNotFoundError: NumPy is not installed.

    >>> cholesky(nd.asarray([[4.0, 2.0], [2.0, 5.0]])).tolist()
    [[2.0, 0.0], [1.0, 2.0]]
    """
    check_square("cholesky", x)

    def compute(np: Any, a: Any) -> Any:
        # The lower triangle of the conjugate transpose is the upper one of x, so that one routine serves both.
        return np.linalg.cholesky(a.swapaxes(-1, -2).conj()).swapaxes(-1, -2).conj() if upper else np.linalg.cholesky(a)

    (factor,) = lapack("cholesky", compute, x, failure="the matrix is not positive definite")
    return factor


def qr(x: NDArray, /, *, mode: Literal["reduced", "complete"] = "reduced") -> QRResult:
    """Return Q and R with ``x == Q @ R``, by Householder reflections.

    Args:
        x: (..., M, N); integers and bool are taken as float32.
        mode: "reduced" for Q (..., M, K) and R (..., K, N), where K = min(M, N); "complete" for (..., M, M) and
            (..., M, N).

    Raises:
        ValueError: x has less than two dimensions, or there is no such mode.
        ModuleNotFoundError: NumPy is not installed.

    >>> nd.abs(qr(nd.asarray([[3.0], [4.0]])).R).tolist()
    [[5.0]]
    """
    check_matrices("qr", x)
    if mode not in ("reduced", "complete"):
        raise ValueError(message("qr", "unknown mode", got=repr(mode), expected="'reduced' or 'complete'"))
    return QRResult(*on_host("qr", lambda np, a: tuple(np.linalg.qr(a, mode)), x))


def svd(x: NDArray, /, *, full_matrices: bool = True) -> SVDResult:
    """Return U, S and Vh with ``x == U[..., :K] * S[..., None, :] @ Vh[..., :K, :]``, where K = min(M, N).

    Args:
        x: (..., M, N); integers and bool are taken as float32.
        full_matrices: U (..., M, M) and Vh (..., N, N); else (..., M, K) and (..., K, N).

    Raises:
        LinAlgError: the iteration does not converge.
        ValueError: x has less than two dimensions.
        ModuleNotFoundError: NumPy is not installed.

    >>> svd(nd.asarray([[3.0, 0.0], [0.0, 4.0]])).S.tolist()
    [4.0, 3.0]
    """
    check_matrices("svd", x)
    return SVDResult(*lapack("svd", lambda np, a: tuple(np.linalg.svd(a, full_matrices)), x, failure=NO_CONVERGENCE))


def svdvals(x: NDArray, /) -> NDArray:
    """Return the singular values (..., min(M, N)) of x (..., M, N), real and descending; else as `svd`.

    >>> svdvals(nd.asarray([[3.0, 0.0], [0.0, 4.0]])).tolist()
    [4.0, 3.0]
    """
    check_matrices("svdvals", x)
    (values,) = lapack("svdvals", lambda np, a: np.linalg.svd(a, compute_uv=False), x, failure=NO_CONVERGENCE)
    return values


def eigh(x: NDArray, /) -> EighResult:
    """Return eigenvalues w and eigenvectors V with ``x @ V == V * w[..., None, :]`` of Hermitian x.

    Args:
        x: (..., M, M); integers and bool are taken as float32. Only the lower triangle is read.

    Raises:
        LinAlgError: the iteration does not converge.
        ValueError: x is not square.
        ModuleNotFoundError: NumPy is not installed.

    >>> eigh(nd.asarray([[2.0, 0.0], [0.0, 1.0]])).eigenvalues.tolist()
    [1.0, 2.0]
    """
    check_square("eigh", x)
    return EighResult(*lapack("eigh", lambda np, a: tuple(np.linalg.eigh(a)), x, failure=NO_CONVERGENCE))


def eigvalsh(x: NDArray, /) -> NDArray:
    """Return the eigenvalues (..., M) of Hermitian x (..., M, M), real and ascending; else as `eigh`.

    >>> eigvalsh(nd.asarray([[2.0, 0.0], [0.0, 1.0]])).tolist()
    [1.0, 2.0]
    """
    check_square("eigvalsh", x)
    (values,) = lapack("eigvalsh", lambda np, a: np.linalg.eigvalsh(a), x, failure=NO_CONVERGENCE)
    return values


def eig(x: NDArray, /) -> EigResult:
    """Return eigenvalues w and eigenvectors V, of unit length, with ``x @ V == V * w[..., None, :]``.

    Args:
        x: (..., M, M); integers and bool are taken as float32.

    Returns:
        Complex arrays of x's precision, in no particular order; the results for float16 and bfloat16 are complex64.

    Raises:
        LinAlgError: the iteration does not converge.
        ValueError: x is not square.
        ModuleNotFoundError: NumPy is not installed.

    >>> eig(nd.asarray([[0.0, 1.0], [-1.0, 0.0]])).eigenvalues.tolist()
    [1j, -1j]
    """
    check_square("eig", x)
    results = lapack("eig", lambda np, a: tuple(np.linalg.eig(a)), x, failure=NO_CONVERGENCE)
    # NumPy returns real arrays where no eigenvalue of the stack has an imaginary part.
    return EigResult(*(each.astype(complex_of(floating(x)), copy=False) for each in results))


def eigvals(x: NDArray, /) -> NDArray:
    """Return the eigenvalues (..., M) of x (..., M, M), complex and in no particular order; else as `eig`.

    >>> eigvals(nd.asarray([[0.0, 1.0], [-1.0, 0.0]])).tolist()
    [1j, -1j]
    """
    check_square("eigvals", x)
    (values,) = lapack("eigvals", lambda np, a: np.linalg.eigvals(a), x, failure=NO_CONVERGENCE)
    return values.astype(complex_of(floating(x)), copy=False)
