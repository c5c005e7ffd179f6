"""A model as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import needle.autograd as ad
import needle.ndarray as nd

if TYPE_CHECKING:
    from needle.nn.module import Module

__all__ = ["summary"]


def summary(model: Module, input_shape: tuple[int, ...]) -> str:
    """Return a table of the layers in the order of the forward pass: path, class, output shape, parameters.

    The shapes come from one pass with zeros, in evaluation mode and without a tape, on the model's device.

    Args:
        model: Any module whose ``forward`` takes one float32 tensor.
        input_shape: The input's whole shape, the batch included.

    >>> from needle import nn
    >>> print(summary(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), (1, 1, 8, 8)))
    layer  type     output   parameters
    0      Flatten  (1, 64)           0
    1      Linear   (1, 10)         650
    650 parameters, 2.539 KiB
    """
    rows = [("layer", "type", "output", "parameters")]
    leaves = [(path, module) for path, module in model.named_modules() if not list(module.children())]

    def record(path: str, module: Module) -> None:
        forward = module.forward

        def recorded(*args: Any, **kwargs: Any) -> Any:
            out = forward(*args, **kwargs)
            count = sum(parameter.data.size for parameter in module.parameters())
            rows.append((path, type(module).__name__, str(out.shape), f"{count:,}"))
            return out

        module.forward = recorded  # of this object alone, until `del` uncovers the class's

    parameters = [parameter.data for parameter in model.parameters()]
    device = parameters[0].device if parameters else None
    modes = [(module, module.training) for module in model.modules()]
    for path, module in leaves:
        record(path, module)
    try:
        with ad.no_grad():
            model.eval()(ad.tensor(nd.zeros(input_shape, device=device)))
    finally:
        for _, module in leaves:
            del module.forward
        for module, training in modes:
            module.training = training
    total = sum(array.size for array in parameters)
    size = sum(array.nbytes for array in parameters)
    return f"{_table(rows)}\n{total:,} parameters, {_bytes(size)}"


def _table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    last = len(widths) - 1
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place == last else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def _bytes(size: int) -> str:
    exponent = min(max(size.bit_length() - 1, 0) // 10, 3)
    return f"{size / 1024**exponent:.4g} {('bytes', 'KiB', 'MiB', 'GiB')[exponent]}"
