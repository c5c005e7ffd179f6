"""Hooks: functions that see the cotangent of a tensor while a walk passes it, and may replace it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from math import inf
from typing import TYPE_CHECKING, Any

from needle.ndarray.errors import message

if TYPE_CHECKING:
    from needle.autograd.tensor import Tensor

__all__ = ["LAST", "Handle", "Hook", "Hooks", "hooked"]

Hook = Callable[..., Any]
"""A function of the cotangent; what it returns takes its place, unless that is None."""
Hooks = dict[float, Hook]
"""The hooks of a tensor by their numbers, in whose order they are called."""
LAST = inf
"""The number of the hook of `Tensor.retain_grad`, which is to see what the others leave."""

_numbers = count()


class Handle:
    """What `Tensor.register_hook` returns, to take the hook away again.

    >>> x = tensor(3.0, requires_grad=True)
    >>> handle = x.register_hook(lambda gradient: gradient * 10)
    >>> (x * x).backward()
    >>> handle.remove()
    >>> (x * x).backward()
    >>> x.grad.item()
    66.0
    """

    def __init__(self, hooks: Hooks, hook: Hook) -> None:
        self._hooks = hooks
        self._number = next(_numbers)
        hooks[self._number] = hook

    def remove(self) -> None:
        """Take the hook away; it may be gone already."""
        self._hooks.pop(self._number, None)


def hooked(hooks: Hooks, cotangent: Tensor) -> Tensor:
    """Return the cotangent as the hooks, one after the other, leave it."""
    for _, hook in sorted(hooks.items(), key=lambda pair: pair[0]):
        try:
            changed = hook(cotangent)
        except Exception as error:
            error.add_note(f"[register_hook] raised by the hook {_name(hook)} for {_text(cotangent)}")
            raise
        if changed is not None:
            if _text(changed) != _text(cotangent):
                problem = f"the hook {_name(hook)} returned what does not fit the gradient"
                got, hint = _text(changed), "return a tensor like the one it is given, or None"
                raise TypeError(message("register_hook", problem, got=got, expected=_text(cotangent), hint=hint))
            cotangent = changed
    return cotangent


def _name(hook: object) -> str:
    return getattr(hook, "__qualname__", None) or repr(hook)


def _text(x: Any) -> str:
    return f"{x.dtype.name} {x.shape} on {x.device}" if hasattr(x, "node") else type(x).__name__
