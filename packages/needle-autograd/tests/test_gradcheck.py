from __future__ import annotations

import re

import pytest

import needle.autograd as ad
import needle.ndarray as nd
from needle.autograd import Tensor, tensor
from needle.autograd.op import table
from needle.autograd.rules import special
from needle.autograd.samples import unary


def cube_of(x: nd.NDArray) -> nd.NDArray:
    return nd.multiply(nd.square(x), x)


def double(x: nd.NDArray) -> nd.NDArray:
    return nd.multiply(x, 2)


def test_functions_of_several_tensors_pass(device: str) -> None:
    def f(x: Tensor, y: Tensor) -> Tensor:
        return ad.tanh(x @ y) + ad.exp(x).sum() * y

    x, y = tensor([[0.5, 1.0]], nd.float64, device), tensor([[2.0], [3.0]], nd.float64, device)
    ad.gradcheck(f, x, y, order=3)
    assert x.grad is None


def test_a_function_that_ignores_an_input_passes(device: str) -> None:
    def first(x: Tensor, y: Tensor) -> Tensor:
        return x * x

    def constant(x: Tensor) -> Tensor:
        return tensor([1.0], nd.float64, device)

    x, y = tensor([1.0], nd.float64, device), tensor([2.0], nd.float64, device)
    ad.gradgradcheck(first, x, y)
    ad.gradgradcheck(constant, x)


def test_a_wrong_first_derivative_is_found() -> None:
    def half(x: Tensor) -> Tensor:
        return x * x.detach()

    text = r"\[gradcheck\] the derivative of order 1 .*; got for input 0, float64 \(2,\): .* by gradients, .* by diff"
    with pytest.raises(AssertionError, match=text):
        ad.gradcheck(half, tensor([1.0, 2.0], nd.float64))


def test_the_error_says_which_input_and_by_how_much() -> None:
    def lost(x: Tensor, y: Tensor) -> Tensor:
        return x * y.detach()

    with pytest.raises(AssertionError) as caught:
        ad.gradcheck(lost, tensor(1.0, nd.float64), tensor([2.0], nd.float64))
    text = r"\[gradcheck\] .*; got for input 1, float64 \(1,\): 0 by gradients, -?0\.\d+ by differences"
    assert re.fullmatch(text, str(caught.value))


def test_the_error_of_the_second_order_tells_inputs_from_cotangents() -> None:
    @ad.custom_vjp
    def square(x: Tensor) -> Tensor:
        return x * x

    square.defvjp(lambda x: (square(x), x), lambda x, ct: (2 * ad.stop_gradient(x) * ct,))
    with pytest.raises(
        AssertionError, match=r"order 2 .*; got for input 0, float64 \(\): \S+ by gradients, \S+ by diff"
    ):
        ad.gradgradcheck(square, tensor(3.0, nd.float64))


def test_a_wrong_second_derivative_is_found() -> None:
    def slope(ct: Tensor, p: object, out: Tensor, x: Tensor) -> Tensor:
        return ct * 3 * x.detach() * x.detach()

    try:
        cube = special("cube", cube_of, slope, samples=unary((2,)))
        ad.gradcheck(cube, tensor([1.0, 2.0], nd.float64))
        with pytest.raises(AssertionError, match="derivative of order 2"):
            ad.gradgradcheck(cube, tensor([1.0, 2.0], nd.float64))
    finally:
        del table["cube"]


def test_a_gradient_of_another_shape_is_found() -> None:
    try:
        twice = special("twice", double, lambda ct, p, out, x: ct.sum() * 2, samples=unary((2,)))
        with pytest.raises(
            AssertionError, match=r"gradient 0 does not fit its input; got float64 \(\); expected float64 \(2,\)"
        ):
            ad.gradcheck(twice, tensor([1.0, 2.0], nd.float64))
    finally:
        del table["twice"]


def test_differences_need_float64() -> None:
    def narrow(x: Tensor) -> Tensor:
        return x.astype(nd.float32)

    with pytest.raises(
        TypeError, match=r"\[gradcheck\] differences need float64 or complex128; got float32; hint: make"
    ):
        ad.gradcheck(Tensor.abs, tensor([1.0]))
    with pytest.raises(TypeError, match="got float32"):
        ad.gradcheck(narrow, tensor([1.0], nd.float64))
