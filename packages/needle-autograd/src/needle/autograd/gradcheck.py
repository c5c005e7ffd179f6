"""A check of gradients against finite differences."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import needle.ndarray as nd
from needle.autograd.tape import enable_grad, walk
from needle.autograd.tensor import Tensor
from needle.ndarray.errors import message

__all__ = ["gradcheck"]


def gradcheck(
    f: Callable[..., Tensor], *inputs: Tensor, order: int = 2, step: float = 1e-5, tolerance: float = 1e-6
) -> None:
    """Raise AssertionError unless the gradients of ``f`` at ``inputs`` agree with central differences.

    One random direction v in the inputs and one random cotangent w of the output are tried: the derivative of
    ``sum(w * f(inputs + t * v))`` for t must be the sum of ``v * gradient``. A wrong gradient passes by chance alone.
    For order 2 the gradients, as a function of inputs and w, are checked in the same way.

    Args:
        f: A function from tensors to a tensor.
        inputs: float64 tensors.
        order: How many times to differentiate.
        step: The distance on both sides of t = 0 in the difference.
        tolerance: The largest error, as a part of the sum of the magnitudes that are compared, or absolute below 1.

    Raises:
        AssertionError: They do not agree.
        TypeError: An input or the output is not float64.

    >>> gradcheck(lambda x: x.exp() * x, tensor([1.0, 2.0], nd.float64))
    """
    _check(lambda *xs: [f(*xs)], [x.detach() for x in inputs], order, step, tolerance, 1)


def _check(
    f: Callable[..., list[Tensor]], inputs: list[Tensor], order: int, step: float, tolerance: float, level: int
) -> None:
    random = Random(level)
    outputs = f(*inputs)
    for x in [*inputs, *outputs]:
        if x.dtype is not nd.float64:
            problem = "differences need float64"
            raise TypeError(message("gradcheck", problem, got=x.dtype.name, hint="make the inputs in float64"))
    directions = [_draw(random, x) for x in inputs]
    weights = [_draw(random, y) for y in outputs]

    def along(t: float) -> float:
        moved = f(*[x + t * v for x, v in zip(inputs, directions, strict=True)])
        return sum(float((w * y).sum()) for w, y in zip(weights, moved, strict=True))

    def pulled(*args: Tensor) -> list[Tensor]:
        return _pull(f, args[: len(inputs)], args[len(inputs) :])

    parts = pulled(*inputs, *weights)
    for i, (part, x) in enumerate(zip(parts, inputs, strict=True)):
        if part.shape != x.shape:
            text = message("gradcheck", f"gradient {i} has another shape", got=str(part.shape), expected=str(x.shape))
            raise AssertionError(text)
    terms = [float((v * part).sum()) for v, part in zip(directions, parts, strict=True)]
    exact, difference = sum(terms), (along(step) - along(-step)) / (2 * step)
    if not abs(exact - difference) <= tolerance * max(1.0, sum(map(abs, terms)), abs(difference)):
        problem = f"the derivative of order {level} along a random direction is wrong"
        got = f"{exact} by gradients, {difference} by differences, for inputs {[x.shape for x in inputs]}"
        raise AssertionError(message("gradcheck", problem, got=got))
    if order > 1:
        _check(pulled, [*inputs, *weights], order - 1, step, tolerance, level + 1)


def _pull(f: Callable[..., list[Tensor]], inputs: tuple[Tensor, ...], weights: tuple[Tensor, ...]) -> list[Tensor]:
    """Return the gradients of sum(w * f(inputs)), zero where nothing depends on an input, with a graph of their own."""
    leaves = [x if x.tracked else x.detach().requires_grad_() for x in inputs]
    total = Tensor(nd.zeros((), nd.float64, inputs[0].device))
    for w, y in zip(weights, f(*leaves), strict=True):
        total = total + (w * y).sum().to(total.device)
    with enable_grad():
        seed = Tensor(nd.ones((), nd.float64, total.device))
        found = walk([(total.node or total, seed)], retain=True) if total.tracked else {}
    return [found.get(x, Tensor(nd.zeros_like(x.data))) for x in leaves]


def _draw(random: Random, like: Tensor) -> Tensor:
    numbers = nd.asarray([random.uniform(-1, 1) for _ in range(like.size)], nd.float64, like.device)
    return Tensor(nd.reshape(numbers, like.shape))
