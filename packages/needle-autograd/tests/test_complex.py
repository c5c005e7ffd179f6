"""Complex gradients: the convention, real and complex numbers together, and places that samples avoid."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import needle.autograd as ad
import needle.ndarray as nd
from needle.autograd import Tensor, tensor
from needle.autograd.samples import Draw


def gradient(f: Callable[[Tensor], Tensor], z: complex, device: str) -> complex:
    x = tensor(z, nd.complex128, device, requires_grad=True)
    f(x).backward()
    assert x.grad is not None
    assert x.grad.dtype is nd.complex128
    return x.grad.item()


def squared(z: Tensor) -> Tensor:
    return ad.square(ad.abs(z))


# dL/dx + i dL/dy for z = x + iy.
CASES: dict[str, tuple[Callable[[Tensor], Tensor], complex, complex]] = {
    "the real part": (ad.real, 3 + 4j, 1),
    "the imaginary part": (ad.imag, 3 + 4j, 1j),
    "the distance from 0": (ad.abs, 3 + 4j, 0.6 + 0.8j),
    "the distance from 0, at 0": (ad.abs, 0j, 0),
    "its square": (squared, 3 + 4j, 6 + 8j),
    "a function with a derivative": (lambda z: ad.real(z * z), 3 + 4j, 6 - 8j),
    "the direction, at 0": (lambda z: ad.real(ad.sign(z)), 0j, 0),
}


@pytest.mark.parametrize("name", CASES)
def test_gradient_is_the_direction_of_ascent(name: str, device: str) -> None:
    f, z, expected = CASES[name]
    assert gradient(f, z, device) == pytest.approx(expected)


def test_a_step_against_the_gradient_descends(device: str) -> None:
    z = tensor([1 + 2j, -0.5j], nd.complex128, device)

    def loss(z: Tensor) -> Tensor:
        return ad.sum(squared(ad.exp(z) - 1j))

    assert loss(z - 1e-3 * ad.grad(loss)(z)).item() < loss(z).item()


MIXED: dict[str, Callable[..., Tensor]] = {
    "add": ad.add,
    "subtract": ad.subtract,
    "multiply": ad.multiply,
    "divide": ad.divide,
    "pow": ad.pow,
    "where": lambda x, y: ad.where(ad.real(x) > 1.0, x, y),
    "matmul": lambda x, y: x @ y.mT,
    "concat": lambda x, y: ad.concat([x, y]),
}


@pytest.mark.parametrize("name", MIXED)
@pytest.mark.parametrize("dtypes", [(nd.float64, nd.complex128), (nd.complex128, nd.float64)], ids=["real", "complex"])
def test_real_and_complex_operands(name: str, dtypes: tuple[nd.DType, nd.DType], device: str) -> None:
    x, y = (Draw(dtype, device).uniform(2, 3, low=0.3, high=2.0) for dtype in dtypes)
    ad.gradgradcheck(MIXED[name], x, y)


def test_complex_numbers_of_python(device: str) -> None:
    x = tensor([1.0, 2.0], nd.float64, device)
    ad.gradgradcheck(lambda x: ad.real(ad.exp(x * (1 + 2j)) / (2 - 1j)), x)
    assert ad.grad(lambda x: ad.imag(x * 2j).sum())(x).tolist() == [2.0, 2.0]
