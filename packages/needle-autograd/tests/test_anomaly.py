from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable

import pytest

import needle.autograd as ad
import needle.ndarray as nd
from needle.autograd import AnomalyError, Tensor, tensor
from needle.autograd.tape import scopes

INF = math.inf


def leaf(values: object, device: str = "cpu") -> Tensor:
    return tensor(values, nd.float64, device, requires_grad=True)


def caught(f: Callable[[], object]) -> AnomalyError:
    with pytest.raises(AnomalyError) as error, ad.detect_anomaly():
        f()
    return error.value


def test_the_first_op_forward_is_named_with_its_line_and_values(device: str) -> None:
    x = leaf([1.0, 0.0], device)
    error = caught(lambda: ad.sin(ad.log(x) * 2))
    assert isinstance(error, FloatingPointError)
    assert (error.op, error.module) == ("log", None)
    assert [y.tolist() for y in error.operands] == [[1.0, 0.0]]
    assert error.result.tolist() == [0.0, -INF]
    assert not error.result.requires_grad
    assert re.search(r"test_anomaly\.py:\d+$", error.line)
    text = r"\[log\] Inf appeared in the result, in the call at \S+test_anomaly.py:\d+ \(error = caught\(.*\)\); "
    text += r"got float64 \(2,\) from float64 \(2,\); hint: the error keeps \.operands and \.result"
    assert re.fullmatch(text, str(error))


def test_what_operands_bring_along_is_not_new(device: str) -> None:
    x = leaf([INF, 1.0], device)
    with ad.detect_anomaly():
        assert (x * 2 + 1).tolist() == [INF, 3.0]
        assert ad.where(x > 2, x, -INF).tolist() == [INF, -INF]
        assert (tensor([math.nan]) * 2).tolist() != [1.0]
    error = caught(lambda: x - x)
    assert (error.op, "NaN appeared" in str(error)) == ("subtract", True)
    error = caught(lambda: 1 / (leaf([0.0, 1.0], device) * math.nan + x * 0))
    assert error.op == "multiply"


def test_nothing_is_said_of_finite_numbers_and_integers(device: str) -> None:
    x = leaf([1.0, 4.0], device)
    with ad.detect_anomaly():
        (x.sqrt() * ad.argmax(x)).sum().backward()
    assert isinstance(x.grad, Tensor)
    assert x.grad.tolist() == [0.5, 0.25]


def test_without_the_mode_nothing_is_looked_at(device: str) -> None:
    with pytest.raises(KeyError), ad.detect_anomaly():
        raise KeyError
    assert not scopes
    x = leaf([0.0], device)
    y = x.sqrt()
    y.backward()
    assert isinstance(x.grad, Tensor)
    assert x.grad.tolist() == [INF]
    assert y.node is not None
    assert y.node.value is None


def test_backward_names_the_op_whose_rule_it_was_and_its_forward_line(device: str) -> None:
    x = leaf([4.0, 0.0], device)
    y = x.sqrt()
    error = caught((y * 3).sum().backward)
    assert error.op == "sqrt"
    assert error.result.tolist() == [0.75, INF]
    assert [z.tolist() for z in error.operands if isinstance(z, Tensor)] == [[3.0, 3.0]]
    text = r"\[sqrt\] Inf appeared in the gradient for operand 0, in the call at \S+test_anomaly.py:\d+ "
    assert re.match(text + r"\(y = x\.sqrt\(\)\)", str(error))
    assert x.grad is None


def test_a_rule_may_divide_by_zero_where_nobody_looks(device: str) -> None:
    x = leaf([-2.0, 0.0, 1.0], device)
    with ad.detect_anomaly():
        for f in (ad.sign, ad.abs, ad.relu):
            f(x).sum().backward()
        ad.prod(x).backward()
        (x**2).sum().backward()


def test_kernels_that_make_gradients_are_looked_at(device: str) -> None:
    x = leaf([[1.0, 2.0]], device)
    y = ad.softmax(x, axis=-1)
    error = caught(lambda: y.backward(tensor([[1e308, -1e308]], nd.float64, device) * 1.7))
    assert error.op == "softmax"
    error = caught(lambda: ad.softmax(tensor([[-INF, -INF]], device=device)))
    assert error.op == "softmax"


@pytest.mark.parametrize(
    "transform",
    [
        ad.grad,
        lambda f: ad.grad(ad.grad(f)),
        lambda f: lambda x: ad.vmap(ad.grad(f))(ad.stack([x, x])),
        lambda f: ad.grad(lambda x: ad.vmap(f)(ad.stack([x, x])).sum()),
        lambda f: ad.grad(ad.checkpoint(f)),
    ],
)
def test_values_are_looked_at_through_all_levels(transform: Callable[..., Callable[..., object]], device: str) -> None:
    x = tensor(0.0, nd.float64, device)
    assert caught(lambda: transform(lambda x: ad.log(x) * x)(x)).op == "log"
    assert caught(lambda: transform(lambda x: ad.sqrt(x) * 2)(x)).op == "sqrt"


def test_forward_mode(device: str) -> None:
    x = tensor(0.0, nd.float64, device)
    error = caught(lambda: ad.jvp(ad.sqrt, (x,), (x + 1,)))
    assert error.result.tolist() == INF


def test_functions_of_ones_own_are_named(device: str) -> None:
    class Root(ad.Function):
        def forward(self, x: Tensor) -> Tensor:
            self.y = ad.sqrt(x)
            return self.y

        def backward(self, ct: Tensor) -> Tensor:
            return ct / self.y

    x = leaf([0.0], device)
    y = Root()(x)
    assert caught(y.sum().backward).op == "Root"


def test_the_mode_is_a_decorator_and_of_one_thread() -> None:
    @ad.detect_anomaly()
    def f(depth: int) -> Tensor:
        return f(depth - 1) if depth else ad.log(tensor(0.0))

    with pytest.raises(AnomalyError):
        f(3)
    assert not scopes
    found: list[object] = []
    with ad.detect_anomaly():
        thread = threading.Thread(target=lambda: found.append(ad.log(tensor(0.0)).item()))
        thread.start()
        thread.join()
    assert found == [-INF]
