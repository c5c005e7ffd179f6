"""Modules that hold modules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from needle.ndarray.errors import message
from needle.nn.module import Module

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Sequential"]


class Sequential(Module):
    """Modules one after the other: each gets the output of the one before.

    They are the attributes "0", "1", ..., which gives the state dict its names.

    Args:
        *modules: In the order in which they are applied.

    Raises:
        TypeError: One of them is not a `Module`.

    >>> from needle.nn import Linear, ReLU
    >>> model = Sequential(Linear(4, 8), ReLU(), Linear(8, 2))
    >>> list(model.state_dict())
    ['0.weight', '0.bias', '2.weight', '2.bias']
    >>> model[1]
    ReLU()
    """

    def __init__(self, *modules: Module) -> None:
        for position, module in enumerate(modules):
            if not isinstance(module, Module):  # pyright: ignore[reportUnnecessaryIsInstance] - a list, often
                raise TypeError(
                    message(
                        "Sequential",
                        f"argument {position} is not a module",
                        got=repr(module),
                        hint="pass modules as arguments of their own: Sequential(*modules)",
                    )
                )
            setattr(self, str(position), module)

    def __len__(self) -> int:
        """Return the number of modules."""
        return len(list(self.children()))

    def __iter__(self) -> Iterator[Module]:
        """Yield the modules in order."""
        return self.children()

    def __getitem__(self, index: int) -> Module:
        """Return one module."""
        return list(self.children())[index]

    def forward(self, input: Any) -> Any:
        """Return the output of the last module."""
        for module in self.children():
            input = module(input)
        return input
