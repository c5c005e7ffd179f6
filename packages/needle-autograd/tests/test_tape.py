from __future__ import annotations

import gc
import threading
import weakref

import pytest

import needle.autograd as ad
import needle.ndarray as nd
from needle.autograd import Tensor, tensor
from needle.ndarray._core import live_buffers


def leaf(values: object, device: str, dtype: nd.DType | None = None) -> Tensor:
    return tensor(values, dtype, device, requires_grad=True)


def grad(x: Tensor) -> object:
    assert x.grad is not None
    return x.grad.tolist()


def test_gradients_of_all_uses_are_summed(device: str) -> None:
    x = leaf([1.0, 2.0], device)
    y = x * x
    (y * y + y + x).sum().backward()  # x^4 + x^2 + x
    assert grad(x) == [4 + 2 + 1, 32 + 4 + 1]


def test_backward_adds_to_grad_until_it_is_cleared(device: str) -> None:
    x = leaf([1.0, 2.0], device)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert grad(x) == [4.0, 8.0]
    x.grad = None
    (x * x).sum().backward()
    assert grad(x) == [2.0, 4.0]


def test_a_graph_is_freed_by_its_walk(device: str) -> None:
    x = leaf([1.0, 2.0], device)
    y = (x * x).sum()
    y.backward()
    text = r"\[backward\] this graph was walked before and is freed; hint: pass retain_graph=True"
    with pytest.raises(RuntimeError, match=text):
        y.backward()
    assert grad(x) == [2.0, 4.0]


def test_only_leaves_that_require_grad_get_one(device: str) -> None:
    x, constant = leaf([1.0], device), tensor([2.0], device=device)
    y = x * constant
    y.sum().backward()
    assert grad(x) == [2.0]
    assert constant.grad is None
    assert y.grad is None


def test_backward_of_a_leaf_gives_it_the_gradient(device: str) -> None:
    x, gradient = leaf([1.0, 2.0], device), tensor([3.0, 4.0], device=device)
    x.backward(gradient)
    assert grad(x) == [3.0, 4.0]


def test_gradient_weights_the_elements(device: str) -> None:
    x = leaf([1.0, 2.0], device)
    (x * x).backward(tensor([10.0, 100.0], device=device))
    assert grad(x) == [20.0, 400.0]


def test_a_tensor_of_one_element_needs_no_gradient(device: str) -> None:
    x = leaf([[3.0]], device)
    (x * 2).backward()
    assert grad(x) == [[2.0]]


def test_gradients_own_their_memory(device: str) -> None:
    # add passes its cotangent on to both operands, and the gradient of sum is a view of one element.
    x, y, gradient = leaf([1.0, 2.0], device), leaf([1.0, 2.0], device), tensor([1.0, 1.0], device=device)
    (x + y).backward(gradient)
    assert x.grad is not None
    x.grad.data[...] = 5.0
    assert grad(y) == gradient.tolist() == [1.0, 1.0]
    x.grad = None
    x.sum().backward()
    assert isinstance(x.grad, Tensor)
    assert x.grad.data.is_contiguous
    x.grad.data[...] = nd.asarray([7.0, 8.0], device=device)
    assert grad(x) == [7.0, 8.0]
    y.grad = None
    y.mean().backward()  # a new element, seen twice
    assert isinstance(y.grad, Tensor)
    assert y.grad.data.is_contiguous


def test_an_operand_that_is_broadcast_gets_a_gradient_of_its_shape(device: str) -> None:
    x, row, number = leaf([[1.0, 2.0], [3.0, 4.0]], device), leaf([10.0, 20.0], device), leaf(2.0, device)
    (x * row * number).sum().backward()
    assert grad(x) == [[20.0, 40.0], [20.0, 40.0]]
    assert grad(row) == [8.0, 12.0]
    assert grad(number) == 10 + 40 + 30 + 80


def test_gradients_have_the_dtype_of_their_leaf_through_promotion(device: str) -> None:
    x, y = leaf([1.5], device, nd.float16), leaf([2.0], device, nd.float64)
    z = x * y
    assert z.dtype is nd.float64
    z.backward()
    assert x.grad is not None
    assert y.grad is not None
    assert (x.grad.dtype, x.grad.item()) == (nd.float16, 2.0)
    assert (y.grad.dtype, y.grad.item()) == (nd.float64, 1.5)


@pytest.mark.parametrize("op", ["concat", "matmul", "scatter", "where"])
def test_ops_of_several_arrays_promote_too(op: str, device: str) -> None:
    x, y = leaf([[1.0]], device, nd.float32), leaf([[2.0]], device, nd.float64)
    index, condition = tensor([[0]], device=device), tensor([[True]], device=device)
    calls = {
        "concat": lambda: ad.concat([x, y]),
        "matmul": lambda: x @ y,
        "scatter": lambda: ad.scatter(y, index, x, 0, "add"),
        "where": lambda: ad.where(condition, x, y),
    }
    out = calls[op]()
    assert out.dtype is nd.float64
    out.sum().backward()
    assert x.grad is not None
    assert y.grad is not None
    assert (x.grad.dtype, y.grad.dtype) == (nd.float32, nd.float64)


def test_constants_may_be_integers_arrays_and_numbers(device: str) -> None:
    x = leaf([1.0, 2.0], device)
    y = x * tensor([2, 3], device=device) + nd.asarray([5.0, 6.0], device=device) - 1
    assert y.tolist() == [6.0, 11.0]
    y.sum().backward()
    assert grad(x) == [2.0, 3.0]


def test_no_grad_notes_nothing(device: str) -> None:
    x = leaf([1.0], device)
    with ad.no_grad():
        assert not ad.is_grad_enabled()
        y = x * 2
        with ad.enable_grad():
            z = x * 2
    assert ad.is_grad_enabled()
    assert (y.requires_grad, z.requires_grad) == (False, True)

    @ad.no_grad()
    def double(x: Tensor) -> Tensor:
        return x * 2

    assert not double(x).requires_grad


def test_no_grad_ends_with_an_error() -> None:
    with pytest.raises(KeyError), ad.no_grad():
        raise KeyError
    assert ad.is_grad_enabled()


def test_no_grad_is_of_one_thread() -> None:
    seen: list[bool] = []
    with ad.no_grad():
        thread = threading.Thread(target=lambda: seen.append(ad.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_detach_ends_the_graph_and_shares_the_data(device: str) -> None:
    x = leaf([3.0], device)
    y = (x * x).detach()
    assert not y.requires_grad
    (x * y).backward()
    assert grad(x) == [9.0]
    assert x.detach().data is x.data


def test_gradients_can_be_differentiated_if_asked(device: str) -> None:
    x = leaf([2.0], device)
    (x * x * x).backward(create_graph=True)
    first = x.grad
    assert first is not None
    assert first.item() == 12.0
    assert first.requires_grad
    x.grad = None
    first.backward()
    assert grad(x) == [12.0]  # 6 x


def test_gradients_have_no_graph_unless_asked(device: str) -> None:
    x = leaf([2.0], device)
    (x * x).backward()
    assert isinstance(x.grad, Tensor)
    assert not x.grad.requires_grad


def test_a_constant_slope_gives_zeros_rather_than_nothing(device: str) -> None:
    x = leaf([1.5, -1.5], device)
    ad.floor(x).sum().backward()
    assert grad(x) == [0.0, 0.0]


def test_what_is_computed_from_integers_requires_no_grad(device: str) -> None:
    x = leaf([1.5, 2.5], device)
    assert not (x > 2).requires_grad
    assert not x.argmax().requires_grad
    assert not x.astype(nd.int32).requires_grad


def test_backward_without_a_graph_is_an_error(device: str) -> None:
    text = rf"\[backward\] the tensor depends on nothing that requires grad; got float32 \(1,\) on {device}; hint: set"
    with pytest.raises(RuntimeError, match=text):
        tensor([1.0], device=device).backward()


def test_backward_of_many_elements_needs_a_gradient() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(ValueError, match=r"\[backward\] only a tensor of one element .*; got float32 \(2,\) on cpu"):
        (x * 2).backward()
    assert x.grad is None


@pytest.mark.parametrize(
    "gradient",
    [
        tensor([1.0], device="cpu"),
        tensor([1.0, 1.0], nd.float64, "cpu"),
        tensor([1.0, 1.0], device="numpy"),
    ],
)
def test_a_gradient_that_does_not_fit_is_an_error(gradient: Tensor) -> None:
    x = tensor([1.0, 2.0], device="cpu", requires_grad=True)
    text = r"\[backward\] gradient does not fit the tensor; got float.* on .*; expected float32 \(2,\) on cpu"
    with pytest.raises(ValueError, match=text):
        (x * 2).backward(gradient)
    assert x.grad is None


def test_graphs_are_freed_without_the_garbage_collector(device: str) -> None:
    gc.collect()
    gc.disable()
    try:
        x = leaf([[1.0, 2.0]], device)
        before = live_buffers()
        y = ad.softmax(ad.exp(x) @ x.mT, axis=0)
        loss = (y * 2 + x.sum()).sum()
        loss.backward(create_graph=True)
        watched = [weakref.ref(t) for t in (y, loss)]
        x.grad = None
        del y, loss
        assert [ref() for ref in watched] == [None, None]
        assert live_buffers() == before
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_a_ladder_of_diamonds_visits_each_node_once() -> None:
    x = tensor(1.0, nd.float64, "cpu", requires_grad=True)
    y = x
    for _ in range(60):  # 2^60 paths
        y = y + y
    y.backward()
    assert grad(x) == 2.0**60


def test_a_write_that_spoils_a_saved_value_is_an_error_that_names_both_lines(device: str) -> None:
    x, y = leaf([1.0, 2.0], device), tensor([3.0, 4.0], device=device)
    product = x * y
    y.data[0] = 5.0
    text = (
        r"\[multiply\] a value that the derivative needs was overwritten; "
        r"got written by setitem at .*test_tape\.py:\d+; "
        r"expected that of .*test_tape\.py:\d+; hint: write after backward, or into a copy"
    )
    with pytest.raises(RuntimeError, match=text) as caught:
        product.sum().backward()
    written, saved = (int(part.split(";")[0]) for part in str(caught.value).split("test_tape.py:")[1:])
    assert written == saved + 1
    assert x.grad is None


@pytest.mark.parametrize("kind", ["output", "operand", "linear", "fused", "frame"])
def test_writes_are_seen_wherever_a_value_is_saved(kind: str, device: str) -> None:
    x = leaf([[1.0, 2.0], [3.0, 4.0]], device)
    index = tensor([[0], [1]], device=device)
    if kind == "frame":

        def f(x: Tensor) -> Tensor:
            constant = tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
            out = x * constant
            constant.data[...] = 0.0
            return out.sum()

        with pytest.raises(RuntimeError, match=r"\[multiply\] a value that the derivative needs was overwritten"):
            ad.grad(f)(x)
        return
    out = {
        "output": lambda: ad.exp(x),
        "operand": lambda: ad.sin(x),
        "linear": lambda: ad.take_along_axis(x, index, 1),
        "fused": lambda: ad.softmax(x, 1),
    }[kind]()
    spoilt = {"output": out, "operand": x, "linear": index, "fused": out}[kind]
    spoilt.data[...] = 0
    with pytest.raises(RuntimeError, match="a value that the derivative needs was overwritten"):
        out.sum().backward()


def test_writes_into_what_no_rule_reads_are_free(device: str) -> None:
    x, y = leaf([1.0, 2.0], device), leaf([3.0, 4.0], device)
    total = x + y
    total.data[...] = 7.0
    (-total).sum().backward()
    assert grad(x) == grad(y) == [-1.0, -1.0]


def test_an_error_of_a_rule_names_the_forward_line(device: str) -> None:
    x = leaf([1.0, 2.0], device)
    y = ad.bitwise_invert(ad.tensor([1], device=device)) * x
    node = y.node
    assert node is not None
    assert "test_tape.py" in node.line

    class Bad(ad.Function):
        def forward(self, x: Tensor) -> Tensor:
            return x * 1

        def backward(self, ct: Tensor) -> Tensor:
            raise KeyError("bad")

    with pytest.raises(KeyError) as caught:
        Bad()(x).sum().backward()
    assert "in the backward of Bad at" in caught.value.__notes__[0]
    assert "test_tape.py" in caught.value.__notes__[0]
