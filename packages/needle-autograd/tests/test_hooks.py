from __future__ import annotations

import gc
import weakref

import pytest

import needle.autograd as ad
import needle.ndarray as nd
from needle.autograd import Tensor, tensor


def leaf(values: object, device: str) -> Tensor:
    return tensor(values, nd.float64, device, requires_grad=True)


def values(x: Tensor | None) -> object:
    assert x is not None
    return x.tolist()


def test_a_hook_sees_the_whole_gradient_once(device: str) -> None:
    x = leaf([1.0, 2.0], device)
    y = x * x
    seen: list[tuple[str, object]] = []
    x.register_hook(lambda g: seen.append(("x", g.tolist())))
    y.register_hook(lambda g: seen.append(("y", g.tolist())))
    (y * 3 + y + x).sum().backward()
    assert seen == [("y", [4.0, 4.0]), ("x", [9.0, 17.0])]
    assert values(x.grad) == [9.0, 17.0]


def test_what_a_hook_returns_replaces_the_gradient(device: str) -> None:
    x, w = leaf([1.0, 2.0], device), leaf([1.0, 1.0], device)
    y = x * w
    y.register_hook(lambda g: g * 10)
    w.register_hook(lambda g: -g)
    y.sum().backward()
    assert (values(x.grad), values(w.grad)) == ([10.0, 10.0], [-10.0, -20.0])


def test_hooks_run_in_the_order_of_their_registration_and_can_be_removed(device: str) -> None:
    x = leaf([1.0], device)
    x.register_hook(lambda g: g + 1)
    handle = x.register_hook(lambda g: g * 10)
    (x * 2).sum().backward()
    assert values(x.grad) == [30.0]
    x.grad = None
    handle.remove()
    handle.remove()
    (x * 2).sum().backward()
    assert values(x.grad) == [3.0]


def test_hooks_of_one_of_several_results(device: str) -> None:
    x = leaf([[3.0, 1.0], [2.0, 4.0]], device)

    class Rows(ad.Function):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return x[0], x[1]

        def backward(self, first: Tensor, second: Tensor) -> Tensor:
            return ad.stack([first, second])

    first, second = Rows()(x)
    first.register_hook(lambda g: g * 5)
    (first + second).sum().backward()
    assert values(x.grad) == [[5.0, 5.0], [1.0, 1.0]]


def test_a_hook_of_the_result_sees_what_backward_was_given(device: str) -> None:
    x = leaf([1.0, 2.0], device)
    y = x * 2
    y.register_hook(lambda g: g * 2)
    y.backward(tensor([1.0, 10.0], nd.float64, device))
    assert values(x.grad) == [4.0, 40.0]


def test_what_a_hook_computes_can_be_differentiated(device: str) -> None:
    x = leaf(3.0, device)
    y = x * x
    y.register_hook(lambda g: g * x)
    y.backward(create_graph=True)  # 2 x^2
    first, x.grad = x.grad, None
    assert first is not None
    first.backward()
    assert values(x.grad) == 12.0


def test_a_gradient_that_is_kept(device: str) -> None:
    x = leaf([1.0, 2.0], device)
    y = x * x
    y.retain_grad()
    y.retain_grad()
    y.register_hook(lambda g: g * 2)
    z = y + 1
    z.retain_grad()
    z.sum().backward(retain_graph=True)
    assert (values(z.grad), values(y.grad), values(x.grad)) == ([1.0, 1.0], [2.0, 2.0], [4.0, 8.0])
    z.sum().backward()
    assert values(y.grad) == [4.0, 4.0]
    x.retain_grad()  # a leaf has it anyway
    x.grad = None
    (x * 2).sum().backward()
    assert values(x.grad) == [2.0, 2.0]


def test_gradients_that_are_kept_own_their_memory(device: str) -> None:
    x = leaf([1.0, 2.0], device)
    y = x * 1
    z = y + 0
    for t in (y, z):
        t.retain_grad()
    z.sum().backward()
    assert y.grad is not None
    y.grad.data[...] = 7.0
    assert values(z.grad) == values(x.grad) == [1.0, 1.0]


def test_hooks_inside_grad_and_under_vmap(device: str) -> None:
    seen: list[object] = []

    def f(x: Tensor) -> Tensor:
        y = x * x
        y.register_hook(lambda g: g * 10)
        x.register_hook(lambda g: seen.append(g.shape))
        return y * x

    assert ad.grad(f)(tensor(2.0, device=device)).item() == 4 + 10 * 8
    assert ad.vmap(ad.grad(f))(tensor([2.0, 1.0], device=device)).tolist() == [84.0, 21.0]
    assert ad.grad(ad.grad(f))(tensor(2.0, device=device)).item() == 42 * 2
    assert seen == [(), (), ()]


def test_a_checkpoint_calls_hooks_once(device: str) -> None:
    x = leaf([1.0, 2.0], device)
    y = x * 1
    calls: list[str] = []
    for name, t in (("x", x), ("y", y)):
        t.register_hook(lambda g, name=name: calls.append(name))

    def inner(y: Tensor) -> Tensor:
        z = y * y
        z.register_hook(lambda g: calls.append("z"))
        return z * x

    ad.checkpoint(inner)(y).sum().backward()
    assert calls == ["z", "y", "x"]
    assert values(x.grad) == [3.0, 12.0]


def test_a_tensor_without_gradient_takes_no_hook() -> None:
    text = r"\[(register_hook|retain_grad)\] the tensor does not require grad.*; got float32 \(1,\) on cpu; hint: set"
    with pytest.raises(RuntimeError, match=text):
        tensor([1.0], device="cpu").register_hook(lambda g: g)
    with pytest.raises(RuntimeError, match=text):
        tensor([1.0], device="cpu").retain_grad()


def test_hooks_where_no_walk_passes_are_an_error() -> None:
    def hook(x: Tensor) -> Tensor:
        x.register_hook(lambda g: g)
        return x

    def retain(x: Tensor) -> Tensor:
        x.retain_grad()
        return x

    with pytest.raises(RuntimeError, match=r"\[register_hook\] not inside vmap; hint: register it inside grad"):
        ad.vmap(hook)(tensor([1.0]))
    with pytest.raises(RuntimeError, match=r"\[register_hook\] not inside jvp"):
        ad.jvp(hook, (tensor(1.0),), (tensor(1.0),))
    with pytest.raises(RuntimeError, match=r"\[retain_grad\] not inside grad; hint: use register_hook"):
        ad.grad(retain)(tensor(1.0))


@pytest.mark.parametrize("wrong", [lambda g: g.sum(), lambda g: g.astype(nd.float32), lambda g: 3.0])
def test_a_hook_that_returns_what_does_not_fit_is_an_error(wrong: object) -> None:
    x = leaf([1.0, 2.0], "cpu")
    x.register_hook(wrong)  # type: ignore[arg-type]
    text = r"\[register_hook\] the hook .*<lambda> returned what .*; expected float64 \(2,\) on cpu; hint: return"
    with pytest.raises(TypeError, match=text):
        (x * 2).sum().backward()
    assert x.grad is None


def test_an_error_in_a_hook_names_it() -> None:
    def broken(gradient: Tensor) -> None:
        raise KeyError("missing")

    x = leaf([1.0], "cpu")
    (x * 2).register_hook(broken)
    y = x * 2
    y.register_hook(broken)
    with pytest.raises(KeyError) as caught:
        y.sum().backward()
    (note,) = caught.value.__notes__
    assert note.startswith("[register_hook] raised by the hook ")
    assert note.endswith("broken for float64 (1,) on cpu")


def test_hooks_make_no_cycle() -> None:
    gc.collect()
    gc.disable()
    try:
        x = leaf([1.0], "cpu")
        y = x * x
        y.retain_grad()
        handle = y.register_hook(lambda g: g)
        watched = weakref.ref(y)
        y.sum().backward()
        del y
        assert watched() is None
        del handle
        assert gc.collect() == 0
    finally:
        gc.enable()
