"""Transformations against finite differences, loops and each other, nested in any order."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import needle.autograd as ad
import needle.ndarray as nd
from needle.autograd import Tensor, grad, hessian, jacfwd, jacrev, jvp, linearize, tensor, value_and_grad, vjp, vmap


def t(values: object, device: str) -> Tensor:
    return tensor(values, nd.float64, device)


def close(x: Tensor, y: Tensor, tolerance: float = 1e-9) -> bool:
    assert x.shape == y.shape
    return bool((ad.abs(x - y) <= tolerance * (1 + ad.abs(y))).all())


def network(device: str) -> tuple[Callable[..., Tensor], dict[str, Tensor], Tensor]:
    """A small network with a softmax, its parameters, and inputs."""
    parameters = {
        "w": t([[0.3, -0.2, 0.5], [0.1, 0.7, -0.4]], device),
        "b": t([0.1, -0.1, 0.2], device),
        "v": t([[1.0, -1.0], [0.5, 0.25], [-0.75, 0.5]], device),
    }

    def loss(p: dict[str, Tensor], x: Tensor) -> Tensor:
        hidden = ad.tanh(x @ p["w"] + p["b"])
        return -ad.log_softmax(hidden @ p["v"], -1)[..., 0].sum()

    return loss, parameters, t([[1.0, -0.5], [0.25, 2.0], [-1.0, 0.5]], device)


# One transformation.


def test_grad_follows_trees_of_arguments(device: str) -> None:
    loss, parameters, x = network(device)
    value, gradient = value_and_grad(loss)(parameters, x)
    assert close(value, loss(parameters, x))
    leaves = {name: p.detach().requires_grad_() for name, p in parameters.items()}
    loss(leaves, x).backward()
    assert list(gradient) == list(parameters)
    for name, leaf in leaves.items():
        assert leaf.grad is not None
        assert close(gradient[name], leaf.grad)
        assert not gradient[name].requires_grad


@dataclass
class Line:
    slope: Tensor
    shift: Tensor
    name: str = "line"


def test_dataclasses_lists_and_what_is_not_floating(device: str) -> None:
    line = Line(t(2.0, device), t(1.0, device))

    def f(line: Line, points: list[Any]) -> Tensor:
        return (line.slope * points[0] + line.shift) * points[1]

    gradient, others = grad(f, argnums=(0, 1))(line, [t(3.0, device), 5])
    assert isinstance(gradient, Line)
    assert (gradient.slope.item(), gradient.shift.item(), gradient.name) == (15.0, 5.0, None)
    assert (others[0].item(), others[1]) == (10.0, None)


def test_floats_and_arrays_are_arguments_too(device: str) -> None:
    assert grad(lambda x: x * x)(3.0).item() == 6.0
    assert grad(lambda x: (x * x).sum())(nd.asarray([3.0, 4.0], device=device)).tolist() == [6.0, 8.0]


def test_aux_is_handed_through(device: str) -> None:
    x = t([1.0, 2.0], device)
    gradient, aux = grad(lambda x: ((x * x).sum(), {"twice": 2 * x}), has_aux=True)(x)
    assert gradient.tolist() == aux["twice"].tolist() == [2.0, 4.0]
    (value, _), _ = value_and_grad(lambda x: ((x * x).sum(), None), has_aux=True)(x)
    assert value.item() == 5.0
    _, _, aux = jvp(lambda x: (x, x * 3), (x,), (x,), has_aux=True)
    assert aux.tolist() == [3.0, 6.0]
    assert not isinstance(aux, ad.frames.Traced)  # type: ignore[attr-defined]


def test_vjp_pulls_as_often_as_one_likes_for_several_results(device: str) -> None:
    x, y = t([1.0, 2.0], device), t([3.0, 4.0], device)
    out, pull = vjp(lambda x, y: {"product": x * y, "sum": x + y}, x, y)
    assert out["product"].tolist() == [3.0, 8.0]
    one, zero = t([1.0, 1.0], device), t([0.0, 0.0], device)
    for _ in range(2):
        assert [ct.tolist() for ct in pull({"product": one, "sum": zero})] == [[3.0, 4.0], [1.0, 2.0]]
    assert [ct.tolist() for ct in pull({"product": zero, "sum": one})] == [[1.0, 1.0], [1.0, 1.0]]


def test_what_does_not_depend_on_an_argument_has_a_zero_derivative(device: str) -> None:
    x = t([1.0, 2.0], device)
    constant = t(7.0, device)
    assert grad(lambda x: constant)(x).tolist() == [0.0, 0.0]
    assert jvp(lambda x: constant, (x,), (x,))[1].item() == 0.0
    assert jacfwd(lambda x: constant)(x).tolist() == [0.0, 0.0]


def test_linearize_runs_the_function_once(device: str) -> None:
    calls: list[int] = []

    def f(x: Tensor) -> Tensor:
        calls.append(1)
        return ad.sin(x) * x

    x = t([0.5, 1.5], device)
    out, push = linearize(f, x)
    for direction in (t([1.0, 0.0], device), t([0.5, -2.0], device)):
        expected = jvp(f, (x,), (direction,))
        assert close(out, expected[0])
        assert close(push(direction), expected[1])
    assert len(calls) == 3


def test_jacobians_by_both_modes_and_by_differences(device: str) -> None:
    x = t([[0.5, 1.5, -0.25]], device)

    def f(x: Tensor) -> Tensor:
        return ad.softmax(x @ x.mT * x, -1)

    forward, reverse = jacfwd(f)(x), jacrev(f)(x)
    assert forward.shape == (1, 3, 1, 3)
    assert close(forward, reverse)
    for i in range(3):
        step = t([[1e-6 * (i == k) for k in range(3)]], device)
        assert close(forward[:, :, 0, i], (f(x + step) - f(x - step)) / 2e-6, 1e-6)


def test_a_hessian_by_three_routes_and_a_product_with_it(device: str) -> None:
    loss, parameters, x = network(device)
    routes = [jacfwd(jacrev(loss)), jacrev(jacrev(loss)), jacfwd(jacfwd(loss)), hessian(loss)]
    first, *others = [route(parameters, x) for route in routes]
    for other in others:
        assert all(close(first[a][b], other[a][b]) for a in parameters for b in parameters)
    direction = {name: ad.cos(p) for name, p in parameters.items()}
    (product,) = ad.hvp(lambda p: loss(p, x), (parameters,), (direction,))
    for a, p in parameters.items():
        rows = [(first[a][b] * direction[b]).sum(tuple(range(p.ndim, p.ndim + direction[b].ndim))) for b in parameters]
        assert close(product[a], rows[0] + rows[1] + rows[2])


# One inside another.


def test_per_sample_gradients_are_those_of_a_loop(device: str) -> None:
    loss, parameters, x = network(device)
    each = vmap(grad(loss), in_axes=(None, 0))(parameters, x)
    for i in range(3):
        alone = grad(loss)(parameters, x[i])
        assert all(close(each[name][i], alone[name]) for name in parameters)


def test_grad_of_vmap_is_vmap_of_grad(device: str) -> None:
    x = t([[0.1, 0.2], [0.3, 0.4]], device)

    def f(x: Tensor) -> Tensor:
        return (ad.exp(x) * x).sum()

    assert close(grad(lambda x: vmap(f)(x).sum())(x), vmap(grad(f))(x))


def test_vmap_in_vmap_is_two_loops(device: str) -> None:
    x, y = t([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], device), t([[1.0, -1.0], [0.5, 2.0]], device)
    dot = vmap(vmap(lambda a, b: (a * b).sum(), in_axes=(None, 0)), in_axes=(0, None))
    assert close(dot(x, y), x @ y.mT)


def test_jvp_of_grad_and_grad_of_jvp(device: str) -> None:
    x, v = t([0.3, 0.7], device), t([1.0, -2.0], device)

    def f(x: Tensor) -> Tensor:
        return (ad.sin(x) * x[0]).sum()

    forward_over_reverse = jvp(grad(f), (x,), (v,))[1]
    reverse_over_forward = grad(lambda x: jvp(f, (x,), (v,))[1])(x)
    reverse_over_reverse = grad(lambda x: (grad(f)(x) * v).sum())(x)
    assert close(forward_over_reverse, reverse_over_forward)
    assert close(forward_over_reverse, reverse_over_reverse)


def test_third_derivatives_however_they_are_nested(device: str) -> None:
    def f(x: Tensor) -> Tensor:
        return x**4

    def along(f: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        return lambda x: jvp(f, (x,), (Tensor(nd.ones((), x.dtype, x.device)),))[1]

    for outer in (grad, along):
        for middle in (grad, along):
            for inner in (grad, along):
                assert outer(middle(inner(f)))(t(2.0, device)).item() == 48.0


def test_no_perturbation_is_taken_for_another(device: str) -> None:
    one = t(1.0, device)
    # d/dx (x * d/dy (x + y)) = 1, not 2: J. M. Siskind and B. A. Pearlmutter, "Perturbation confusion" (2005).
    assert grad(lambda x: x * grad(lambda y: x + y)(one))(one).item() == 1.0
    assert jvp(lambda x: x * jvp(lambda y: x + y, (one,), (one,))[1], (one,), (one,))[1].item() == 1.0
    assert grad(lambda x: x * jvp(lambda y: x + y, (one,), (one,))[1])(one).item() == 1.0
    assert jvp(lambda x: x * grad(lambda y: x + y)(one), (one,), (one,))[1].item() == 1.0
    assert grad(lambda x: grad(lambda y: x * y * y)(x))(t(3.0, device)).item() == 12.0  # d/dx 2 x^2
    # A function that returns a function: the inner derivative is asked for inside the outer one, with its own x.
    assert grad(lambda x: vmap(grad(lambda y: x * y**2))(t([1.0, 2.0], device)).sum())(one).item() == 6.0


def test_the_tape_of_tensors_lies_below_all(device: str) -> None:
    w = t([1.0, 2.0], device).requires_grad_()
    inner = grad(lambda x: (w * x * x).sum())(t([3.0, 4.0], device))
    inner.sum().backward()
    assert w.grad is not None
    assert w.grad.tolist() == [6.0, 8.0]
    w.grad = None
    vmap(lambda x: (w * x).sum())(t([[1.0, 2.0], [3.0, 4.0]], device)).sum().backward()
    assert w.grad.tolist() == [4.0, 6.0]
    w.grad = None
    jvp(lambda x: w * x, (t([1.0, 1.0], device),), (t([5.0, 6.0], device),))[1].sum().backward()
    assert w.grad.tolist() == [5.0, 6.0]


def test_a_gradient_through_steps_of_gradient_descent(device: str) -> None:
    loss, parameters, x = network(device)

    def after(rate: Tensor) -> Tensor:
        p = parameters
        for _ in range(2):
            p = ad.tree_map(lambda p, g: p - rate * g, p, grad(loss)(p, x))
        return loss(p, x)

    rate = t(0.1, device)
    step = 1e-6
    assert close(grad(after)(rate), (after(rate + step) - after(rate - step)) / (2 * step), 1e-6)


# What is noted, and what is not.


def test_no_grad_inside_and_outside(device: str) -> None:
    def f(x: Tensor) -> Tensor:
        with ad.no_grad():
            constant = x * x
        return (constant * x).sum()

    x = t([2.0], device)
    assert grad(f)(x).tolist() == [4.0]
    with ad.no_grad():
        assert grad(lambda x: (x * x).sum())(x).tolist() == [4.0]
        assert not ad.is_grad_enabled()
    assert jvp(f, (x,), (x,))[1].item() == 24.0  # forward mode notes nothing, so there is nothing to mute


def test_stop_gradient_counts_as_constant_at_every_level(device: str) -> None:
    x = t([2.0, 3.0], device)

    def f(x: Tensor) -> Tensor:
        return (x * ad.stop_gradient(x)).sum()

    assert grad(f)(x).tolist() == jacfwd(f)(x).tolist() == [2.0, 3.0]
    assert vmap(grad(lambda x: x * ad.stop_gradient({"x": x})["x"]))(x).tolist() == [2.0, 3.0]
    leaf = x.detach().requires_grad_()
    f(leaf).backward()
    assert leaf.grad is not None
    assert leaf.grad.tolist() == [2.0, 3.0]


def test_values_can_be_read_in_derivatives_but_not_in_batches(device: str) -> None:
    def f(x: Tensor) -> Tensor:
        return x * x if x > 0 else -x

    assert grad(f)(t(3.0, device)).item() == 6.0
    assert jvp(f, (t(-3.0, device),), (t(1.0, device),))[1].item() == -1.0
    text = (
        r"\[vmap\] the values are needed as they are, .*; got shape \(\), batch 2; hint: use ops on tensors, as where"
    )
    with pytest.raises(RuntimeError, match=text):
        vmap(f)(t([1.0, -1.0], device))


# Axes of batches.


def test_axes_in_and_out(device: str) -> None:
    x, y = t([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], device), {"a": t([10.0, 20.0, 30.0], device), "b": t(1.0, device)}

    def f(x: Tensor, y: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        return x * y["a"] + y["b"], y["b"]

    out, same = vmap(f, in_axes=(1, {"a": 0, "b": None}), out_axes=(-1, None))(x, y)
    assert out.tolist() == [[11.0, 41.0, 91.0], [41.0, 101.0, 181.0]]
    assert same.item() == 1.0
    assert vmap(lambda: t(1.0, device), axis_size=3)().tolist() == [1.0, 1.0, 1.0]
    assert vmap(lambda x, scale: x * scale, in_axes=(0,))(x[0], scale=x[1]).tolist() == [4.0, 10.0, 18.0]


# Bad input.


def test_bad_input_is_named(device: str) -> None:
    x = t([1.0, 2.0], device)
    _, pull = vjp(lambda x: x * 2, x)
    calls: list[tuple[Callable[[], Any], type[Exception], str]] = [
        (
            lambda: grad(lambda x: x)(x),
            TypeError,
            r"[grad] the function must give a floating tensor",
        ),
        (
            lambda: grad(lambda x: (x * 1j).sum())(x),
            TypeError,
            "[grad] the function must give a real number",
        ),
        (
            lambda: grad(lambda x: x)(tensor([1])),
            ValueError,
            "[grad] argument 0 has no floating tensor",
        ),
        (
            lambda: grad(lambda x: x, 2)(x),
            ValueError,
            "[grad] there is no such positional argument; got argnums 2",
        ),
        (lambda: grad(lambda x: x, has_aux=True)(x), TypeError, "[grad] with has_aux the function returns a pair; got"),
        (lambda: jvp(ad.exp, (x,), (x[0],)), ValueError, "[jvp] the tangents and the arguments differ in shape; got"),
        (
            lambda: jvp(ad.exp, (x,), ([x],)),
            ValueError,
            "[jvp] the tangents and the arguments differ in structure",
        ),
        (lambda: pull(x.astype(nd.float32)), ValueError, "[vjp] the cotangents and the result differ in dtype; got"),
        (
            lambda: vmap(ad.add)(x, x[:1]),
            ValueError,
            "[vmap] the sizes of the batch differ; got 2 (axis 0",
        ),
        (lambda: vmap(ad.exp, in_axes=None)(x), ValueError, "[vmap] no argument has a batch axis; hint: set in_axes"),
        (lambda: vmap(ad.exp, in_axes=(0, 0))(x), ValueError, "[vmap] in_axes differs in structure; got (0, 0)"),
        (lambda: vmap(ad.exp, out_axes=None)(x), ValueError, "[vmap] out_axes is None for a result that depends on"),
        (lambda: vmap(ad.exp, in_axes=3)(x), IndexError, "[vmap] axis out of range"),
    ]
    for call, error, text in calls:
        with pytest.raises(error, match=re.escape(text)):
            call()


def test_a_tensor_of_an_ended_transformation_is_refused(device: str) -> None:
    kept: list[Tensor] = []

    def f(x: Tensor) -> Tensor:
        kept.append(x)
        return (x * x).sum()

    grad(f)(t([1.0], device))
    text = r"\[grad\] a tensor is used after the grad that it belongs to has ended; hint: return it"
    with pytest.raises(RuntimeError, match=text):
        kept[0] * 2
    with pytest.raises(RuntimeError, match=text):
        kept[0].tolist()


def test_backward_is_refused_inside(device: str) -> None:
    def f(x: Tensor) -> Tensor:
        (x * x).sum().backward()
        return x.sum()

    with pytest.raises(RuntimeError, match=r"\[backward\] not inside grad; hint: use grad or vjp there"):
        grad(f)(t([1.0], device))


def test_an_error_closes_its_frame(device: str) -> None:
    def f(x: Tensor) -> Tensor:
        raise KeyError

    for transformed in (grad(f), vmap(f), lambda x: jvp(f, (x,), (x,))):
        with pytest.raises(KeyError):
            transformed(t([1.0], device))
    assert ad.tape.scopes == set()  # type: ignore[attr-defined]
    assert grad(lambda x: (x * x).sum())(t([3.0], device)).tolist() == [6.0]
