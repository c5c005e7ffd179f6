"""What a call from Python costs before there is much to compute."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

from benchmarks.case import Build, Case, Target, floats, integers
from benchmarks.cases.rows import CROSS_ENTROPY
from benchmarks.gradients import gradients

CHAIN = 10
CLASSES = 10


def cases() -> Iterator[Case]:
    """Yield the cases of the family."""
    two = (floats(16), floats(16))
    cheap = Target(0.4, against="torch")
    yield Case("dispatch/add16", two, lambda _: operator.add, eager=True, wait=False, target=cheap)
    yield Case("dispatch/add16_sync", two, lambda _: operator.add, eager=True, target=cheap)
    square = (floats(8, 8), floats(8, 8))
    yield Case("dispatch/matmul8", square, lambda _: operator.matmul, eager=True, target=Target())
    yield Case("dispatch/chain10_16", two, lambda _: _chain, eager=True)
    network = (floats(784, 100), floats(100, CLASSES), floats(32, 784), integers(32, below=CLASSES))
    losses = {library: _mlp(library) for library in RELU}
    steps = {**gradients(losses, 2, scalar=True), "numpy": _numpy_mlp}
    yield Case("dispatch/mlp_fwdbwd_b32", network, None, steps, eager=True, target=Target(0.7, against="torch"))


def _chain(x: Any, y: Any) -> Any:
    for _ in range(CHAIN // 2):
        x = (x + y) * y
    return x


RELU: dict[str, Build] = {
    "needle": lambda needle: needle.autograd.relu,
    "torch": lambda torch: torch.relu,
    "jax": lambda jax: jax.nn.relu,
    "mlx": lambda mlx: mlx.nn.relu,
    "tinygrad": lambda tinygrad: tinygrad.Tensor.relu,
}


def _mlp(library: str) -> Build:
    """The loss of a network of two layers."""

    def build(root: Any) -> Any:
        relu, cross_entropy = RELU[library](root), CROSS_ENTROPY[library](root)
        return lambda first, second, x, labels: cross_entropy(relu(x @ first) @ second, labels)

    return build


def _numpy_mlp(np: Any) -> Any:
    """Its loss and gradients, by hand."""

    def step(first: Any, second: Any, x: Any, labels: Any) -> Any:
        hidden = np.maximum(x @ first, 0)
        scores = hidden @ second
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        rows = np.arange(len(labels))
        loss = -np.log(shares[rows, labels]).mean()
        shares[rows, labels] -= 1
        shares /= np.float32(len(labels))
        back = (shares @ second.T) * (hidden > 0)
        return [loss, x.T @ back, hidden.T @ shares]

    return step
