"""Adam."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import needle.ndarray as nd
from needle.ndarray.errors import message
from needle.optim.optimizer import Optimizer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from needle.autograd import Tensor

__all__ = ["Adam"]


class Adam(Optimizer):
    """Gradient descent whose step adapts to the mean and the mean square of each element's gradient.

    With gradient g at step t, ``m = beta1 * m + (1 - beta1) * g``, ``v = beta2 * v + (1 - beta2) * g**2`` and
    ``value -= lr * (m / (1 - beta1**t)) / (sqrt(v / (1 - beta2**t)) + eps)``. ``weight_decay * value`` is added to g
    first.

    Source: D. Kingma, J. Ba (2015), "Adam: a method for stochastic optimization", ICLR, algorithm 1.

    Args:
        params: Tensors, or groups (see `Optimizer`).
        lr: Learning rate, about the largest change of an element in a step.
        betas: How much of each mean is kept at a step.
        eps: Added to the denominator.
        weight_decay: Factor of the L2 penalty.

    Raises:
        ValueError: A setting is negative or not finite, or a beta is not in [0, 1).

    >>> import needle.autograd as ad
    >>> w = ad.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = Adam([w], lr=0.25)
    >>> (w * w).sum().backward()
    >>> optimizer.step()  # the first step is lr against the sign of the gradient
    >>> w.tolist()
    [0.75, -1.75]
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def check(self, group: dict[str, Any]) -> None:
        """Raise ValueError where a beta is out of range."""
        betas = group["betas"]
        if [0 <= beta < 1 for beta in betas] != [True, True]:
            expected = "two numbers in [0, 1)"
            raise ValueError(message("Adam", "betas are out of range", got=repr(betas), expected=expected))

    def update(self, value: nd.NDArray, grad: nd.NDArray, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Change ``value`` in place; ``state`` holds ``step`` and the means ``exp_avg`` and ``exp_avg_sq``."""
        if not state:
            state |= {"step": 0, "exp_avg": nd.zeros_like(value), "exp_avg_sq": nd.zeros_like(value)}
        beta1, beta2 = group["betas"]
        if group["weight_decay"]:
            grad = grad + group["weight_decay"] * value
        state["step"] += 1
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        mean *= beta1
        mean += (1 - beta1) * grad
        square *= beta2
        square += (1 - beta2) * nd.square(grad)
        correction1, correction2 = 1 - beta1 ** state["step"], 1 - beta2 ** state["step"]
        step = nd.sqrt(square)
        step /= math.sqrt(correction2)
        step += group["eps"]
        nd.divide(mean, step, out=step)
        step *= group["lr"] / correction1
        value -= step
