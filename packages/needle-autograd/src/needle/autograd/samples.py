"""The samples in the op table: arguments on which the tests try each op, on any device and in any dtype."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from random import Random
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import needle.ndarray as nd
from needle.autograd.tensor import Tensor

if TYPE_CHECKING:
    from needle.ndarray import Device, DType

__all__ = ["Draw", "Sample", "Samples", "integers", "unary", "uniform"]


class Sample(NamedTuple):
    """Arguments of one call: tensors, lists of tensors and others; and the parameters passed by name."""

    args: tuple[Any, ...]
    params: Mapping[str, Any] = MappingProxyType({})


class Draw:
    """Makes tensors of random numbers, the same in every run and on every device."""

    def __init__(self, dtype: DType, device: Device | str) -> None:
        self.dtype = dtype
        self.device = device
        self.random = Random(0)

    def uniform(self, *shape: int, low: float = -2.0, high: float = 2.0) -> Tensor:
        """Return floating numbers between two bounds, or complex ones of two such; chance keeps them off the kinks."""
        numbers: list[complex] = [self.random.uniform(low, high) for _ in range(math.prod(shape))]
        if self.dtype.kind == "complex":
            numbers = [x + 1j * self.random.uniform(low, high) for x in numbers]
        return self.tensor(numbers, self.dtype, shape)

    def integers(self, *shape: int, low: int = 0, high: int = 2) -> Tensor:
        """Return int64 numbers from ``low`` on and below ``high``."""
        return self.tensor([self.random.randrange(low, high) for _ in range(math.prod(shape))], nd.int64, shape)

    def tensor(self, numbers: Sequence[complex], dtype: DType, shape: tuple[int, ...]) -> Tensor:
        """Return the numbers in a shape."""
        return Tensor(nd.reshape(nd.asarray(numbers, dtype, self.device), shape))


Samples = Callable[[Draw], list[Sample]]

BROADCAST = [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2, 2)), ((0, 2), (1, 2))]


def unary(*shapes: tuple[int, ...], **params: Any) -> Samples:
    """Return samples of one tensor of each shape, with the same parameters."""
    return lambda draw: [Sample((draw.uniform(*shape),), params) for shape in shapes]


def uniform(*bounds: tuple[float, float]) -> Samples:
    """Return samples for an elementwise op with operands within ``bounds``: equal in shape, broadcast, and numbers."""
    if len(bounds) == 1:
        ((low, high),) = bounds
        return lambda draw: [Sample((draw.uniform(*shape, low=low, high=high),)) for shape in ((2, 3), (), (0, 2))]

    def samples(draw: Draw) -> list[Sample]:
        (low, high), (low2, high2) = bounds
        pairs = [
            (draw.uniform(*shape, low=low, high=high), draw.uniform(*shape2, low=low2, high=high2))
            for shape, shape2 in BROADCAST
        ]
        x, y = pairs[0]
        numbers = [(x, draw.random.uniform(low2, high2)), (draw.random.uniform(low, high), y)]
        return [Sample(pair) for pair in [*pairs, *numbers]]

    return samples


def integers(*bounds: tuple[int, int]) -> Samples:
    """Return samples for an elementwise op of integers within ``bounds``, which are as for `range`."""
    return lambda draw: [Sample(tuple(draw.integers(2, 3, low=low, high=high) for low, high in bounds))]
