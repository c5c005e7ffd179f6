"""Gradients of linear algebra and Fourier transforms are those of PyTorch, which `./dev compare` installs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import needle.autograd as ad
import needle.ndarray as nd

INF = math.inf


class Ours:
    """The functions here, under the names that both have."""

    linalg = ad.linalg
    fft = ad.fft
    einsum = staticmethod(ad.einsum)

    @staticmethod
    def conj(x: Any) -> Any:
        return ad.conj(x)

    @staticmethod
    def vector_norm(x: Any, order: float) -> Any:
        return ad.linalg.vector_norm(x, axis=-1, ord=order)

    @staticmethod
    def gradient(f: Callable[[Any, Any], Any], x: Any, weights: Callable[[Any], Any]) -> Any:
        def loss(x: ad.Tensor) -> ad.Tensor:
            y = f(Ours, x)
            w = ad.tensor(nd.asarray(weights(y.shape)))
            return ad.sum(ad.real(y) * w + ad.imag(y) * w * w)

        return np.asarray(ad.grad(loss)(ad.tensor(nd.asarray(x))).tolist())


class Theirs:
    """Those of PyTorch."""

    def __init__(self, torch: Any) -> None:
        self.torch = torch
        self.linalg = torch.linalg
        self.fft = torch.fft
        self.einsum = torch.einsum
        self.conj = torch.conj

    def vector_norm(self, x: Any, order: float) -> Any:
        return self.linalg.vector_norm(x, dim=-1, ord=order)

    def gradient(self, f: Callable[[Any, Any], Any], x: Any, weights: Callable[[Any], Any]) -> Any:
        x = self.torch.tensor(x, requires_grad=True)
        y = f(self, x)
        w = self.torch.tensor(weights(tuple(y.shape)))
        ((y.real * w).sum() + ((y.imag * w * w).sum() if y.is_complex() else 0)).backward()
        return x.grad.resolve_conj().numpy()


def hermitian(m: Any, x: Any) -> Any:
    return (x + m.conj(x).mT) / 2


def turned(v: Any) -> Any:
    """What does not depend on the unit factors of vectors."""
    return abs(v) ** 3


CASES: dict[str, Callable[[Any, Any], Any]] = {
    "cholesky": lambda m, x: m.linalg.cholesky(hermitian(m, x)),
    "det": lambda m, x: m.linalg.det(x),
    "eig": lambda m, x: turned(m.linalg.eig(x)[1]),
    "eigh": lambda m, x: turned(m.linalg.eigh(hermitian(m, x))[1]),
    "eigvals": lambda m, x: m.linalg.eigvals(x),
    "eigvalsh": lambda m, x: m.linalg.eigvalsh(hermitian(m, x)),
    "einsum": lambda m, x: m.einsum("bij,bik,bkk->jb", x, m.conj(x), x),
    "fft": lambda m, x: m.fft.fft(x, n=5, norm="ortho"),
    "hfft": lambda m, x: m.fft.hfft(x),
    "ifft": lambda m, x: m.fft.ifft(x, n=3),
    "inv": lambda m, x: m.linalg.inv(x),
    "irfft": lambda m, x: m.fft.irfft(x, n=5, norm="forward"),
    "lstsq": lambda m, x: m.linalg.lstsq(x[..., :2], x[..., 2:])[0],
    "lu, long": lambda m, x: m.linalg.lu(x[..., :2])[1],
    "lu, square": lambda m, x: m.linalg.lu(x)[1] + m.linalg.lu(x)[2],
    "lu, wide": lambda m, x: m.linalg.lu(x[..., :2, :])[2],
    "matrix_norm": lambda m, x: m.linalg.matrix_norm(x) + m.linalg.matrix_norm(x, ord=1),
    "matrix_norm, values": lambda m, x: m.linalg.matrix_norm(x, ord="nuc") + m.linalg.matrix_norm(x, ord=-2),
    "matrix_power": lambda m, x: m.linalg.matrix_power(x, -3),
    "pinv": lambda m, x: m.linalg.pinv(x[..., :2]),
    "qr, long": lambda m, x: m.linalg.qr(x[..., :2])[0],
    "qr, square": lambda m, x: m.linalg.qr(x)[0] + m.linalg.qr(x)[1],
    "qr, wide": lambda m, x: m.linalg.qr(x[..., :2, :])[1],
    "slogdet": lambda m, x: m.linalg.slogdet(x)[1] + m.linalg.slogdet(x)[0],
    "solve": lambda m, x: m.linalg.solve(x[0], x[1]),
    "svd": lambda m, x: turned(m.linalg.svd(x)[0]),
    "svd, wide": lambda m, x: turned(m.linalg.svd(x[..., :2, :], full_matrices=False)[2]),
    "svdvals": lambda m, x: m.linalg.svdvals(x),
    "vector_norm": lambda m, x: m.vector_norm(x, 2) + m.vector_norm(x, 3) + m.vector_norm(x, INF),
    "vector_norm of zeros": lambda m, x: m.vector_norm(0 * x, 2) + m.vector_norm(0 * x, 1) + m.vector_norm(0 * x, 3),
}


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_pytorch(name: str, kind: str, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; ./dev compare installs it")
    x: Any = 0.3 * rng.normal(size=(2, 4, 4)) + np.diag(np.arange(1.0, 5.0))
    if kind == "complex":
        x = x + 0.3j * rng.normal(size=x.shape)
    factors = rng.normal(size=32)

    def weights(shape: tuple[int, ...]) -> Any:
        return np.resize(factors, shape)

    ours, theirs = (m.gradient(CASES[name], x, weights) for m in (Ours, Theirs(torch)))
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)
