"""Functions with derivatives of their own, and those that are computed twice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import needle.autograd as ad
import needle.ndarray as nd
from needle.autograd import Tensor, custom_jvp, custom_vjp, grad, jvp, tensor, vmap


def t(values: object, device: str) -> Tensor:
    return tensor(values, nd.float64, device)


@custom_vjp
def doubled(x: Tensor, scale: Tensor) -> Tensor:
    """A product whose gradient for x is, to be told from the true one, twice that."""
    return x * scale


doubled.defvjp(
    lambda x, scale: (x * scale, (x, scale)),
    lambda kept, ct: (2 * ct * kept[1], (ct * kept[0]).sum()),
)


@custom_jvp
def thrice(x: Tensor) -> Tensor:
    """A square whose derivative is, to be told from the true one, three times that."""
    return x * x


thrice.defjvp(lambda primals, tangents: (thrice(*primals), 6 * primals[0] * tangents[0]))


def test_a_rule_of_cotangents_is_used_at_every_level(device: str) -> None:
    x, scale = t([1.0, 2.0], device), t(5.0, device)
    leaf, factor = x.detach().requires_grad_(), scale.detach().requires_grad_()
    doubled(leaf, factor).sum().backward()
    assert leaf.grad is not None
    assert factor.grad is not None
    assert (leaf.grad.tolist(), factor.grad.item()) == ([10.0, 10.0], 3.0)
    dx, ds = grad(lambda x, s: doubled(x, s).sum(), argnums=(0, 1))(x, scale)
    assert (dx.tolist(), ds.item()) == ([10.0, 10.0], 3.0)
    assert jvp(lambda x: doubled(x, scale), (x,), (t([1.0, 0.0], device),))[1].tolist() == [10.0, 0.0]
    each = vmap(grad(lambda x: doubled(x, scale).sum()))(ad.stack([x, x]))
    assert each.tolist() == [[10.0, 10.0]] * 2
    both = grad(lambda s: vmap(lambda x: doubled(x, s))(ad.stack([x, x])).sum())(scale)  # s is shared by the batch
    assert both.item() == 6.0


def test_a_rule_can_be_differentiated(device: str) -> None:
    x, scale = t([1.0, 2.0], device), t(5.0, device)
    # d/ds of the gradient 2 s, by the levels above and by the tape.
    assert grad(lambda s: grad(lambda x: doubled(x, s).sum())(x).sum())(scale).item() == 4.0
    leaf, factor = x.detach().requires_grad_(), scale.detach().requires_grad_()
    doubled(leaf, factor).sum().backward(create_graph=True)
    first = leaf.grad
    assert first is not None
    factor.grad = None
    first.sum().backward()
    assert isinstance(factor.grad, Tensor)
    assert factor.grad.item() == 4.0


def test_a_rule_of_tangents_is_used_at_every_level(device: str) -> None:
    x = t([1.0, 2.0], device)
    assert jvp(thrice, (x,), (x,))[1].tolist() == [6.0, 24.0]
    assert grad(lambda x: thrice(x).sum())(x).tolist() == [6.0, 12.0]
    assert vmap(grad(thrice))(x).tolist() == [6.0, 12.0]
    assert grad(lambda x: vmap(thrice)(x).sum())(x).tolist() == [6.0, 12.0]
    assert vmap(lambda x: jvp(thrice, (x,), (x,))[1])(x).tolist() == [6.0, 24.0]
    leaf = x.detach().requires_grad_()
    thrice(leaf).sum().backward()
    assert leaf.grad is not None
    assert leaf.grad.tolist() == [6.0, 12.0]


class Cube(ad.Function):
    def __init__(self, factor: float) -> None:
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        self.x = x
        return x**3 * self.factor

    def backward(self, ct: Tensor) -> Tensor:
        return 3 * self.x**2 * self.factor * ct


class Both(ad.Function):
    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        self.x, self.y = x, y
        return x * y, x + y

    def backward(self, product: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
        return product * self.y + total, product * self.x + total


def test_the_class_with_forward_and_backward(device: str) -> None:
    x, y = t([1.0, 2.0], device), t([3.0, 5.0], device)
    ad.gradgradcheck(Cube(2.0), x)
    ad.gradgradcheck(lambda x, y: ad.stack(list(Both()(x, y))), x, y)
    assert vmap(grad(grad(Cube(1.0))))(x).tolist() == [6.0, 12.0]
    assert jvp(Both(), (x, y), (x, y))[1][0].tolist() == [6.0, 20.0]
    shared = Cube(1.0)
    first, second = shared(x.detach().requires_grad_()), shared(y.detach().requires_grad_())
    assert not hasattr(shared, "x"), "an instance that is called twice keeps the tensors of each call apart"
    (first + second).sum().backward()


def test_bad_rules_are_named(device: str) -> None:
    x = t([1.0], device)

    @custom_vjp
    def half(x: Tensor) -> Tensor:
        return x / 2

    with pytest.raises(TypeError, match=r"\[half\] the function has no rule yet; hint: give it one with defvjp"):
        half(x)
    half.defvjp(lambda x: (x / 2, None), lambda kept, ct: ct)
    text = r"\[half\] backward gives a tuple with a cotangent or None for each argument; got Tensor; expected 1 of them"
    with pytest.raises(TypeError, match=text):
        grad(lambda x: half(x).sum())(x)
    half.defvjp(lambda x: (x / 2, None), lambda kept, ct: ([ct],))
    with pytest.raises(TypeError, match=r"\[half\] a cotangent differs from its argument in structure; got \[\*\]"):
        grad(lambda x: half(x).sum())(x)

    @custom_jvp
    def same(x: Tensor) -> Tensor:
        return x

    with pytest.raises(TypeError, match=r"\[same\] the function has no rule yet; hint: give it one with defjvp"):
        same(x)
    same.defjvp(lambda primals, tangents: tangents[0])
    with pytest.raises(TypeError, match=r"\[same\] the rule gives a pair of the result and its tangent; got Tensor"):
        jvp(same, (x,), (x,))
    with pytest.raises(NotImplementedError, match=r"\[Function\] the function has no forward method"):
        ad.Function()(x)


# Checkpoints.


def light(x: Tensor, w: Tensor) -> Tensor:
    return ad.checkpoint(lambda x: ad.exp(ad.sin(x * w) * w))(x)


def test_a_checkpoint_changes_no_derivative(device: str) -> None:
    x, w = t([0.5, 1.5], device), t([0.25, 0.75], device)

    def plain(x: Tensor, w: Tensor) -> Tensor:
        return ad.exp(ad.sin(x * w) * w)

    ad.gradgradcheck(light, x, w)
    for f in (lambda x, w: light(x, w).sum(), lambda x, w: ad.checkpoint(plain)(x, w).sum()):
        for argnums in (0, 1):
            expected = ad.hessian(lambda x, w: plain(x, w).sum(), argnums)(x, w)
            np.testing.assert_allclose(ad.hessian(f, argnums)(x, w).tolist(), expected.tolist())
            np.testing.assert_allclose(ad.jacrev(ad.jacrev(f, argnums), argnums)(x, w).tolist(), expected.tolist())
    batch = ad.stack([x, 2 * x])
    np.testing.assert_allclose(vmap(lambda x: light(x, w))(batch).tolist(), plain(batch, w).tolist())


def test_a_checkpoint_keeps_nothing_between(device: str) -> None:
    x = tensor(nd.ones(1000, nd.float64, device), requires_grad=True)

    def deep(x: Tensor) -> Tensor:
        for _ in range(20):
            x = ad.exp(-x)
        return x

    before = nd._core.live_buffers()
    out = ad.checkpoint(deep)(x)
    assert nd._core.live_buffers() - before == 1
    heavy = deep(x)
    assert nd._core.live_buffers() - before > 20
    out.sum().backward()
    first, x.grad = x.grad, None
    heavy.sum().backward()
    assert first is not None
    assert x.grad is not None
    assert first.tolist() == x.grad.tolist()


def test_a_checkpoint_draws_the_same_random_numbers_again(device: str) -> None:
    generator = nd.random.default_generator(device)
    seen: list[Any] = []

    def noisy(x: Tensor) -> Tensor:
        noise = Tensor(generator.uniform(x.shape, dtype=nd.float64))
        seen.append(noise.tolist())
        return x * noise

    x = t([1.0, 1.0], device).requires_grad_()
    out = ad.checkpoint(noisy)(x)
    between = generator.uniform(2).tolist()
    out.sum().backward()
    assert x.grad is not None
    assert seen[0] == seen[1] == x.grad.tolist()
    assert generator.uniform(2).tolist() != between, "and the others go on where they were"
