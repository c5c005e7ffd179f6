"""Stochastic gradient descent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from needle.ndarray.errors import message
from needle.optim.optimizer import Optimizer

if TYPE_CHECKING:
    from collections.abc import Iterable

    import needle.ndarray as nd
    from needle.autograd import Tensor

__all__ = ["SGD"]


class SGD(Optimizer):
    """Gradient descent, with momentum.

    With gradient g, ``b = momentum * b + g`` (at the first step ``b = g``) and ``value -= lr * b``; with ``nesterov``,
    ``value -= lr * (g + momentum * b)``. ``weight_decay * value`` is added to g first.

    Sources: B. Polyak (1964), "Some methods of speeding up the convergence of iteration methods"; I. Sutskever,
    J. Martens, G. Dahl, G. Hinton (2013), "On the importance of initialization and momentum in deep learning", ICML,
    for Nesterov's form; both as PyTorch writes them, the learning rate outside of the momentum.

    Args:
        params: Tensors, or groups (see `Optimizer`).
        lr: Learning rate.
        momentum: Which part of the last step is kept.
        weight_decay: Factor of the L2 penalty.
        nesterov: Whether to look ahead; needs a momentum.

    Raises:
        ValueError: A setting is negative or not finite, or ``nesterov`` comes without a momentum.

    >>> import needle.autograd as ad
    >>> w = ad.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = SGD([w], lr=0.25)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.tolist()
    [0.5, -1.0]
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        momentum: float = 0.0,
        *,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov)

    def check(self, group: dict[str, Any]) -> None:
        """Raise ValueError where Nesterov's form has no momentum."""
        if group["nesterov"] and not group["momentum"]:
            raise ValueError(message("SGD", "nesterov needs a momentum", got=f"momentum={group['momentum']}"))

    def update(self, value: nd.NDArray, grad: nd.NDArray, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Change ``value`` in place; ``state`` holds ``momentum_buffer``."""
        momentum = group["momentum"]
        if group["weight_decay"]:
            grad = grad + group["weight_decay"] * value
        if momentum:
            buffer = state.get("momentum_buffer")
            if buffer is None:
                buffer = state["momentum_buffer"] = grad.copy()
            else:
                buffer *= momentum
                buffer += grad
            grad = grad + momentum * buffer if group["nesterov"] else buffer
        value -= group["lr"] * grad
