"""What the ops of linear algebra and the Fourier transforms are to give, in NumPy."""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import Any

import numpy as np

Array = Any


def _adjoint(x: Array) -> Array:
    return np.swapaxes(x, -1, -2).conj()


def _hermitian(x: Array) -> Array:
    return (x + _adjoint(x)) / 2


def _dot_general(x1: Array, x2: Array, contracting: Any, batch: Any = ((), ())) -> Array:
    left, right = list(string.ascii_lowercase[: x1.ndim]), list(string.ascii_uppercase[: x2.ndim])
    for i, j in zip(contracting[0] + batch[0], contracting[1] + batch[1], strict=True):
        right[j] = left[i]
    lead = [left[i] for i in batch[0]]
    rows = [a for a in left if a not in right]
    columns = [a for a in right if a not in left]
    return np.einsum(f"{''.join(left)},{''.join(right)}->{''.join(lead + rows + columns)}", x1, x2)


def _adjugate(x: Array) -> Array:
    return np.linalg.det(x)[..., None, None] * np.linalg.inv(x)


def _lu(x: Array) -> tuple[Array, Array, Array]:
    """Eliminate column by column, each after the row of its greatest element."""
    if x.ndim > 2:
        parts = zip(*map(_lu, x), strict=True)
        p, lower, upper = map(np.stack, parts)
        return p, lower, upper
    k, upper, rows = min(x.shape), x.copy(), np.eye(len(x), dtype=x.dtype)
    lower = np.zeros((len(x), k), x.dtype)
    for i in range(k):
        order = np.arange(len(x))
        best = i + np.abs(upper[i:, i]).argmax()
        order[[i, best]] = order[[best, i]]
        upper, lower, rows = upper[order], lower[order], rows[order]
        lower[i, i] = 1
        lower[i + 1 :, i] = upper[i + 1 :, i] / upper[i, i]
        upper[i + 1 :] -= lower[i + 1 :, i, None] * upper[i]
    return rows.T, lower, upper[:k]


def _lstsq(x1: Array, x2: Array, rtol: float | None = None) -> tuple[Array, ...]:
    right = x2[..., None] if x2.ndim == 1 else x2
    solution = np.linalg.pinv(x1) @ right
    residuals = (np.abs(right - x1 @ solution) ** 2).sum(-2)
    if x2.ndim == 1:
        solution, residuals = solution[..., 0], residuals[..., 0]
    return solution, residuals, np.linalg.matrix_rank(x1), np.linalg.svdvals(x1)


def _with_tolerance(function: Callable[..., Array]) -> Callable[..., Array]:
    def computed(x: Array, rtol: Any = None) -> Array:
        return function(x, rtol=rtol if rtol is None or isinstance(rtol, float) else np.asarray(rtol.tolist()))

    return computed


def _complex(function: Callable[[Array], Any]) -> Callable[[Array], Any]:
    """Return a function whose results are complex where NumPy's may be real."""

    def computed(x: Array) -> Any:
        out = function(x)
        return [each + 0j for each in out] if isinstance(out, tuple) else out + 0j

    return computed


LINALG = (
    "det", "inv", "matrix_norm", "matrix_power", "qr", "slogdet", "solve", "svd", "svdvals", "vector_norm",
)  # fmt: skip
FFT = ("fft", "fftn", "fftshift", "hfft", "ifft", "ifftn", "ifftshift", "ihfft", "irfft", "irfftn", "rfft", "rfftn")

ALGEBRA: dict[str, Callable[..., Any]] = {
    **{name: getattr(np.linalg, name) for name in LINALG},
    **{name: getattr(np.fft, name) for name in FFT},
    "adjugate": _adjugate,
    "cholesky": lambda x, upper=False: np.linalg.cholesky(_hermitian(x), upper=upper),
    "cross": np.linalg.cross,
    "dot_general": _dot_general,
    "eig": _complex(np.linalg.eig),
    "eigh": lambda x: np.linalg.eigh(_hermitian(x)),
    "eigvals": _complex(np.linalg.eigvals),
    "eigvalsh": lambda x: np.linalg.eigvalsh(_hermitian(x)),
    "lstsq": _lstsq,
    "lu": _lu,
    "matrix_rank": _with_tolerance(np.linalg.matrix_rank),
    "pinv": _with_tolerance(np.linalg.pinv),
    "trace": np.linalg.trace,
}
