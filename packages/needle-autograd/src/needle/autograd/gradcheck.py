"""A check of gradients against finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import needle.ndarray as nd
from needle.autograd.ops.elementwise import imag, real
from needle.autograd.tape import enable_grad, walk
from needle.autograd.tensor import Tensor
from needle.ndarray.errors import message

__all__ = ["gradcheck", "gradgradcheck"]


def gradcheck(
    f: Callable[..., Tensor | Sequence[Tensor]],
    *inputs: Tensor,
    order: int = 1,
    step: float = 1e-5,
    tolerance: float = 1e-6,
) -> None:
    """Raise AssertionError unless the gradients of ``f`` at ``inputs`` agree with central differences.

    One random direction v in the inputs and one random cotangent w of the output are tried: the derivative of
    ``sum(w * f(inputs + t * v))`` for t must be the sum of ``v * gradient``. A wrong gradient passes by chance alone.
    For order 2 the gradients, as a function of inputs and w, are checked in the same way, and so on. Complex numbers
    count as pairs of real ones, so a product here is that of the real parts plus that of the imaginary ones.

    Args:
        f: A function from tensors to a tensor, or to several.
        inputs: float64 or complex128 tensors.
        order: How many times to differentiate.
        step: The distance on both sides of t = 0 in the difference.
        tolerance: The largest error, as a part of the sum of the magnitudes that are compared, or absolute below 1.

    Raises:
        AssertionError: They do not agree; the text says for which inputs, and by how much.
        TypeError: An input or an output is neither float64 nor complex128.

    >>> gradcheck(lambda x: x.exp() * x, tensor([1.0, 2.0], nd.float64))
    """

    def outputs(*xs: Tensor) -> list[Tensor]:
        result = f(*xs)
        return [result] if isinstance(result, Tensor) else list(result)

    _check(outputs, [x.detach() for x in inputs], order, step, tolerance, 1, len(inputs))


def gradgradcheck(
    f: Callable[..., Tensor | Sequence[Tensor]],
    *inputs: Tensor,
    step: float = 1e-5,
    tolerance: float = 1e-6,
) -> None:
    """Do what `gradcheck` does, and the same with the gradients themselves: it is `gradcheck` of order 2.

    >>> gradgradcheck(lambda x: x.exp() * x, tensor([1.0, 2.0], nd.float64))
    """
    gradcheck(f, *inputs, order=2, step=step, tolerance=tolerance)


def _check(
    f: Callable[..., list[Tensor]],
    inputs: list[Tensor],
    order: int,
    step: float,
    tolerance: float,
    level: int,
    count: int,
) -> None:
    random = Random(level)
    outputs = f(*inputs)
    for x in [*inputs, *outputs]:
        if x.dtype not in (nd.float64, nd.complex128):
            problem = "differences need float64 or complex128"
            raise TypeError(message("gradcheck", problem, got=x.dtype.name, hint="make the inputs in float64"))
    directions = [_draw(random, x) for x in inputs]
    weights = [_draw(random, y) for y in outputs]

    def slope(moved: Sequence[int]) -> float:
        """Return the difference quotient along the directions of some of the inputs."""

        def at(t: float) -> float:
            outs = f(*[x + t * v if i in moved else x for i, (x, v) in enumerate(zip(inputs, directions, strict=True))])
            return sum(float(inner(w, y)) for w, y in zip(weights, outs, strict=True))

        return (at(step) - at(-step)) / (2 * step)

    def pulled(*args: Tensor) -> list[Tensor]:
        return _pull(f, args[: len(inputs)], args[len(inputs) :])

    parts = pulled(*inputs, *weights)
    for i, (part, x) in enumerate(zip(parts, inputs, strict=True)):
        if (part.shape, part.dtype) != (x.shape, x.dtype):
            got, expected = (f"{y.dtype.name} {y.shape}" for y in (part, x))
            text = message("gradcheck", f"gradient {i} does not fit its input", got=got, expected=expected)
            raise AssertionError(text)
    terms = [float(inner(v, part)) for v, part in zip(directions, parts, strict=True)]
    scale = max(1.0, sum(map(abs, terms)))

    def agree(exact: float, difference: float) -> bool:
        return abs(exact - difference) <= tolerance * max(scale, abs(difference))

    if not agree(sum(terms), slope(range(len(inputs)))):
        pairs = [(exact, slope([i])) for i, exact in enumerate(terms)]
        wrong = [
            f"{_title(i, inputs, count)}: {exact:.10g} by gradients, {difference:.10g} by differences"
            for i, (exact, difference) in enumerate(pairs)
            if not agree(exact, difference)
        ]
        problem = f"the derivative of order {level} along a random direction is wrong"
        together = f"{sum(terms):.10g} by gradients, {slope(range(len(inputs))):.10g} by differences, over all inputs"
        raise AssertionError(message("gradcheck", problem, got="; ".join(wrong) or together))
    if order > 1:
        _check(pulled, [*inputs, *weights], order - 1, step, tolerance, level + 1, count)


def _title(i: int, inputs: Sequence[Tensor], count: int) -> str:
    """Return how to call an input: those after the first ``count`` are cotangents of the orders before."""
    text = f"{inputs[i].dtype.name} {inputs[i].shape}"
    return f"for input {i}, {text}" if i < count else f"for the cotangent {i - count}, {text}"


def inner(x: Tensor, y: Tensor) -> Tensor:
    """Return the sum of the products of elements, of complex ones as pairs of real numbers.

    >>> inner(tensor([1 + 2j]), tensor([3 + 1j])).item()
    5.0
    """
    if x.dtype.kind == "complex":
        return (real(x) * real(y) + imag(x) * imag(y)).sum()
    return (x * y).sum()


def _pull(f: Callable[..., list[Tensor]], inputs: tuple[Tensor, ...], weights: tuple[Tensor, ...]) -> list[Tensor]:
    """Return the gradients of sum(w * f(inputs)), zero where nothing depends on an input, with a graph of their own."""
    leaves = [x if x.tracked else x.detach().requires_grad_() for x in inputs]
    total = Tensor(nd.zeros((), nd.float64, inputs[0].device))
    for w, y in zip(weights, f(*leaves), strict=True):
        total = total + inner(w, y).to(total.device)
    with enable_grad():
        seed = Tensor(nd.ones((), nd.float64, total.device))
        found = walk([(total.node or total, seed)], retain=True) if total.tracked else {}
    return [found.get(x, Tensor(nd.zeros_like(x.data))) for x in leaves]


def _draw(random: Random, like: Tensor) -> Tensor:
    def numbers(count: int) -> Any:
        return nd.asarray([random.uniform(-1, 1) for _ in range(count)], nd.float64, like.device)

    drawn = numbers(like.size)
    if like.dtype.kind == "complex":
        drawn = drawn + 1j * numbers(like.size)
    return Tensor(nd.reshape(drawn, like.shape))
