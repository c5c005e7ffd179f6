"""Derivatives at places that samples avoid: kinks, ties, zeros and infinities."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

import needle.autograd as ad
import needle.ndarray as nd
from needle.autograd import Tensor, tensor

INF = math.inf


def gradient(f: Callable[[Tensor], Tensor], values: list[float] | list[list[float]], device: str) -> list[float]:
    x = tensor(values, nd.float64, device, requires_grad=True)
    f(x).sum().backward()
    assert x.grad is not None
    return x.grad.tolist()


CASES: dict[str, tuple[Callable[[Tensor], Tensor], list[float], list[float]]] = {
    "relu": (ad.relu, [0.0, -0.0, -INF], [0, 0, 0]),
    "abs": (ad.abs, [0.0, -INF, INF], [0, -1, 1]),
    "maximum of a number": (lambda x: ad.maximum(x, 1.0), [1.0, 2.0, 0.0], [0.5, 1, 0]),
    "minimum of infinities": (lambda x: ad.minimum(x, -INF), [-INF, 0.0], [0.5, 0]),
    "max": (ad.max, [3.0, 1.0, 3.0], [0.5, 0, 0.5]),
    "min": (ad.min, [3.0, 1.0, 3.0], [0, 1, 0]),
    "square by pow": (lambda x: x**2, [0.0, -3.0], [0, -6]),
    "x to the 0": (lambda x: x**0, [0.0, 2.0], [0, 0]),
    "0 to the x": (lambda x: 0.0**x, [2.0, 1.0], [0, 0]),
    "power of a negative number": (lambda x: x**3, [-2.0], [12]),
    "division by 0": (lambda x: x / 0.0, [1.0], [INF]),
    "prod": (ad.prod, [2.0, 0.0, 5.0], [0, 10, 0]),
    "prod of two zeros": (ad.prod, [0.0, 0.0, 5.0], [0, 0, 0]),
    "cumulative_prod": (ad.cumulative_prod, [2.0, 0.0, 5.0], [1, 12, 0]),
    "cumulative_prod of two zeros": (ad.cumulative_prod, [0.0, 0.0, 5.0], [1, 0, 0]),
    "the least of sorted ties": (lambda x: ad.sort(x)[0], [3.0, 1.0, 1.0], [0, 1, 0]),
    "the greatest of ties": (lambda x: ad.topk(x, 1).values, [1.0, 3.0, 3.0], [0, 1, 0]),
    "std of equal numbers": (ad.std, [3.0, 3.0, 3.0], [0, 0, 0]),
    "var of too few numbers": (lambda x: ad.var(x, correction=2), [1.0, 3.0], [-INF, INF]),
    "logsumexp of large numbers": (ad.logsumexp, [1000.0, 1000.0, -INF], [0.5, 0.5, 0]),
    "log_softmax of large numbers": (lambda x: ad.log_softmax(x)[0], [1000.0, 1000.0], [0.5, -0.5]),
    "where": (lambda x: ad.where(x > 0, ad.log(x), 0.0), [1.0, 2.0], [1, 0.5]),
}


@pytest.mark.parametrize("name", CASES)
def test_derivative(name: str, device: str) -> None:
    f, values, expected = CASES[name]
    np.testing.assert_allclose(gradient(f, values, device), expected, rtol=1e-12)


def test_where_lets_nothing_through_from_the_other_side(device: str) -> None:
    x = tensor([1.0, 2.0], device=device, requires_grad=True)
    y = ad.where(tensor([True, False], device=device), x, 0.0)
    y.backward(tensor([1.0, INF], device=device))
    assert x.grad is not None
    assert x.grad.tolist() == [1.0, 0.0]


def test_logsumexp_of_nothing_but_minus_infinity(device: str) -> None:
    assert ad.logsumexp(tensor([-INF, -INF], device=device)).item() == -INF


def test_set_gives_the_gradient_to_the_last_update_of_a_place(device: str) -> None:
    x = tensor([1.0, 2.0, 3.0], device=device, requires_grad=True)
    updates = tensor([10.0, 20.0, 30.0], device=device, requires_grad=True)
    out = ad.scatter(x, tensor([1, -2, 0], device=device), updates, axis=0)
    assert out.tolist() == [30.0, 20.0, 3.0]
    (out * tensor([1.0, 2.0, 4.0], device=device)).sum().backward()
    assert x.grad is not None
    assert updates.grad is not None
    assert x.grad.tolist() == [0.0, 0.0, 4.0]
    assert updates.grad.tolist() == [0.0, 2.0, 1.0]


def test_take_adds_the_gradients_of_one_element(device: str) -> None:
    x = tensor([1.0, 2.0, 3.0], device=device, requires_grad=True)
    ad.take(x, nd.asarray([0, 0, -1, 0], device=device), axis=0).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [3.0, 0.0, 1.0]


def test_padding_with_infinity_keeps_the_elements(device: str) -> None:
    x = tensor([-0.5, INF], device=device, requires_grad=True)
    y = ad.pad(x, [(1, 1)], -INF)
    assert y.tolist() == [-INF, -0.5, INF, -INF]
    ad.max(y).backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, 1.0]


def test_max_pooling_gives_the_gradient_to_the_first_of_equals(device: str) -> None:
    x = tensor([[2.0, 2.0, 1.0], [2.0, 0.0, 1.0]], device=device, requires_grad=True)
    y = ad.max_pool(x, (2, 2), (1, 1), [(0, 0), (0, 0)], (1, 1))
    (y * tensor([[3.0, 4.0]], device=device)).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[3.0, 4.0, 0.0], [0.0, 0.0, 0.0]]


def test_max_pooling_by_windows(device: str) -> None:
    x = tensor([[1.0, 5.0, 2.0, 0.0], [3.0, 4.0, 9.0, 8.0]], device=device, requires_grad=True)
    y = ad.max(ad.windows(x, (2, 2), (2, 2), (1, 1)), axis=(-2, -1))
    assert y.tolist() == [[5.0, 9.0]]
    (y * tensor([[1.0, 2.0]], device=device)).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0]]
