"""Graphs go away with their tensors, without the garbage collector; deep ones too."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator

import pytest

import needle.autograd as ad
import needle.ndarray as nd
from needle.autograd import Tensor, tensor
from needle.autograd.tape import Node
from needle.ndarray._core import live_buffers

DEPTH = 100_000


@pytest.fixture(autouse=True)
def no_garbage_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def nodes() -> int:
    return sum(type(x) is Node for x in gc.get_objects())


Loss = Callable[[Tensor, Tensor], Tensor]


def loss_of(w: Tensor, x: Tensor) -> Tensor:
    out = ad.softmax(ad.tanh(x @ w) * 2, axis=-1)
    return (out.max(-1) + ad.logsumexp(x @ w, axis=-1)).sum()


def by_backward(w: Tensor, x: Tensor, loss: Loss = loss_of) -> Tensor:
    w = w.detach().requires_grad_()
    loss(w, x).backward()
    assert w.grad is not None
    return w.grad


def by_second_order(w: Tensor, x: Tensor) -> Tensor:
    w = w.detach().requires_grad_()
    loss_of(w, x).backward(create_graph=True)
    first, w.grad = w.grad, None
    assert first is not None
    (first * first).sum().backward()
    assert isinstance(w.grad, Tensor)
    return w.grad


def hooked(w: Tensor, x: Tensor) -> Tensor:
    y = x @ w
    y.retain_grad()
    y.register_hook(lambda g: g * 2)
    w.register_hook(lambda g: g + 1)
    return loss_of(w, x) + y.sum()


STEPS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "backward": by_backward,
    "second order": by_second_order,
    "without a walk": lambda w, x: loss_of(w.detach().requires_grad_(), x).detach() * w,
    "grad": ad.grad(loss_of),
    "grad of grad": ad.grad(lambda w, x: (ad.grad(loss_of)(w, x) ** 2).sum()),
    "vmap of grad": lambda w, x: ad.vmap(ad.grad(loss_of), in_axes=(None, 0))(w, x).sum(0),
    "checkpoint": lambda w, x: by_backward(w, x, ad.checkpoint(loss_of)),
    "hooks": lambda w, x: by_backward(w, x, hooked),
    "jvp": lambda w, x: ad.jvp(loss_of, (w, x), (w, x))[1] * w,
}


@pytest.mark.parametrize("name", STEPS)
def test_training_leaves_nothing_behind(name: str, device: str) -> None:
    w = Tensor(nd.ones((3, 2), nd.float64, device))
    x = Tensor(nd.reshape(nd.arange(12, dtype=nd.float64, device=device) / 10, (4, 3)))
    before = nodes()
    counts: list[tuple[int, int]] = []
    for _ in range(4):
        w = (w - 0.01 * STEPS[name](w, x)).detach()
        counts.append((live_buffers(), nodes()))
    assert counts[1:] == [(counts[0][0], before)] * 3
    assert gc.collect() == 0


def test_deep_graphs_neither_overflow_the_stack_nor_go_quadratic() -> None:
    x = tensor(1.0, nd.float64, "cpu", requires_grad=True)
    y = x
    for _ in range(DEPTH):
        y = y + x
    last = weakref.ref(y)
    y.backward()
    assert isinstance(x.grad, Tensor)
    assert x.grad.item() == DEPTH + 1
    del y
    assert last() is None


def test_deep_graphs_that_were_not_walked_are_freed() -> None:
    x = tensor(1.0, nd.float64, "cpu", requires_grad=True)
    before = live_buffers()
    y = x
    for _ in range(DEPTH):
        y = ad.sin(y)
    del y
    assert live_buffers() == before


def deep(x: Tensor) -> Tensor:
    y = x
    for _ in range(DEPTH // 2):
        y = y * 1.0 + x
    return y


def test_deep_graphs_of_frames() -> None:
    x = tensor(1.0, nd.float64, "cpu")
    assert ad.grad(deep)(x).item() == DEPTH // 2 + 1


def test_deep_graphs_of_nested_frames() -> None:
    def f(x: Tensor) -> Tensor:
        y = x
        for _ in range(DEPTH // 10):
            y = y * 1.0 + x
        return y * y

    x = tensor(1.0, nd.float64, "cpu")
    assert ad.grad(ad.grad(f))(x).item() == 2.0 * (DEPTH // 10 + 1) ** 2
    _, pull = ad.vjp(deep, x)
    assert pull(x)[0].item() == DEPTH // 2 + 1
