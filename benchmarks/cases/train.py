"""Whole steps of training: forward, backward and Adam, with each library's own optimizer where it has one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any

from benchmarks.case import Build, Case, Input, Target, floats, integers
from benchmarks.cases.conv import Form, functions
from benchmarks.cases.dispatch import RELU
from benchmarks.cases.images import POOL
from benchmarks.cases.rows import CROSS_ENTROPY

RATE = 1e-3
SCALE = 0.05  # of the weights at the start
BATCH, CLASSES = 128, 10

Model = Callable[..., Any]
"""From an array of inputs and the weights to scores."""


def cases() -> Iterator[Case]:
    """Yield the cases of the family."""
    labels = integers(BATCH, below=CLASSES)
    sizes = 784, 512, 512, CLASSES
    weights = [spec for a, b in pairwise(sizes) for spec in (floats(a, b), floats(b))]
    yield Case("train/mlp", (floats(BATCH, 784), labels, *weights), None, _steps(_mlp), None, Target(), eager=True)
    images = Input((BATCH, 3, 32, 32), layout="image", small=(12, 3, 8, 8))
    kernels = [
        Input((outputs, inputs, 3, 3), layout="kernel", small=(8, min(inputs, 8), 3, 3))
        for inputs, outputs in ((3, 32), (32, 64), (64, 128))
    ]
    head = Input((128 * 4 * 4, CLASSES), small=(8, CLASSES))
    yield Case("train/cnn", (images, labels, *kernels, head), None, _steps(_cnn), None, Target(), eager=True)


def _mlp(library: str, root: Any) -> Model:
    relu = RELU[library](root)

    def model(x: Any, *weights: Any) -> Any:
        for i in range(0, len(weights), 2):
            x = (relu(x) if i else x) @ weights[i] + weights[i + 1]
        return x

    return model


def _cnn(library: str, root: Any) -> Model:
    relu, pool, conv = RELU[library](root), POOL[library](root), functions(Form(1, 1, 1, 1, 3))[library](root)

    def model(x: Any, *weights: Any) -> Any:
        for kernel in weights[:-1]:
            x = pool(relu(conv(x, kernel)))
        return x.reshape(x.shape[0], -1) @ weights[-1]

    return model


def _steps(model: Callable[[str, Any], Model]) -> dict[str, Build | None]:
    """Functions that make a step with the same inputs and labels, go on from the one before, and return the loss."""

    def build(library: str, start: Callable[[Any, Model, list[Any]], Callable[..., Any]], root: Any) -> Any:
        scores, cross_entropy = model(library, root), CROSS_ENTROPY[library](root)
        step: list[Callable[..., Any]] = []

        def loss(x: Any, labels: Any, *weights: Any) -> Any:
            return cross_entropy(scores(x, *weights), labels)

        def run(x: Any, labels: Any, *weights: Any) -> Any:
            if not step:
                step.append(start(root, loss, [weight * SCALE for weight in weights]))
            return step[0](x, labels)

        return run

    return {name: partial(build, name, start) for name, start in STARTS.items()}


def _needle(needle: Any, loss: Model, weights: list[Any]) -> Callable[..., Any]:
    parameters, tensor = [needle.nn.Parameter(weight) for weight in weights], needle.autograd.Tensor
    optimizer = needle.optim.Adam(parameters, lr=RATE)

    def step(x: Any, labels: Any) -> Any:
        optimizer.zero_grad()
        value = loss(tensor(x), tensor(labels), *parameters)
        value.backward()
        optimizer.step()
        return value.data

    return step


def _torch(torch: Any, loss: Model, weights: list[Any]) -> Callable[..., Any]:
    parameters = [torch.nn.Parameter(weight) for weight in weights]
    optimizer = torch.optim.Adam(parameters, lr=RATE)

    def step(x: Any, labels: Any) -> Any:
        optimizer.zero_grad()
        value = loss(x, labels, *parameters)
        value.backward()
        optimizer.step()
        return value.detach()

    return step


def _jax(jax: Any, loss: Model, weights: list[Any]) -> Callable[..., Any]:
    """Adam is written out, for JAX has no optimizers."""
    np, first, second, epsilon = jax.numpy, 0.9, 0.999, 1e-8
    zeros = [np.zeros_like(weight) for weight in weights]

    @partial(jax.jit, donate_argnums=0)
    def advance(state: Any, x: Any, labels: Any) -> Any:
        count, weights, means, squares = state
        value, slopes = jax.value_and_grad(lambda weights: loss(x, labels, *weights))(weights)
        count = count + 1
        means = [first * m + (1 - first) * g for m, g in zip(means, slopes, strict=True)]
        squares = [second * s + (1 - second) * g * g for s, g in zip(squares, slopes, strict=True)]
        rate = RATE * np.sqrt(1 - second**count) / (1 - first**count)
        moved = [w - rate * m / (np.sqrt(s) + epsilon) for w, m, s in zip(weights, means, squares, strict=True)]
        return (count, moved, means, squares), value

    state: Any = (np.float32(0), weights, zeros, [zero.copy() for zero in zeros])

    def step(x: Any, labels: Any) -> Any:
        nonlocal state
        state, value = advance(state, x, labels)
        return value

    return step


def _mlx(mlx: Any, loss: Model, weights: list[Any]) -> Callable[..., Any]:
    optimizer = mlx.optimizers.Adam(RATE)
    both = mlx.core.value_and_grad(lambda weights, x, labels: loss(x, labels, *weights.values()))
    parameters = {str(i): weight for i, weight in enumerate(weights)}

    def step(x: Any, labels: Any) -> Any:
        nonlocal parameters
        value, slopes = both(parameters, x, labels)
        parameters = optimizer.apply_gradients(slopes, parameters)
        return [value, parameters, optimizer.state]

    return step


def _tinygrad(tinygrad: Any, loss: Model, weights: list[Any]) -> Callable[..., Any]:
    parameters = [weight.contiguous().realize() for weight in weights]
    optimizer = tinygrad.nn.optim.Adam(parameters, lr=RATE)

    @tinygrad.TinyJit
    def step(x: Any, labels: Any) -> Any:
        with tinygrad.Context(TRAINING=1):
            optimizer.zero_grad()
            value = loss(x, labels, *parameters)
            value.backward()
            optimizer.step()
            return value.realize()

    return step


STARTS = {"needle": _needle, "torch": _torch, "jax": _jax, "mlx": _mlx, "tinygrad": _tinygrad}
