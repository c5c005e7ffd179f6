"""What the distributions are given: shapes, dtypes, and parameters that are numbers or arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from needle.ndarray import _core
from needle.ndarray._core import NDArray
from needle.ndarray.dtypes import float64
from needle.ndarray.errors import message

if TYPE_CHECKING:
    from needle.ndarray._core import Device, DType, Shape

__all__ = [
    "NOT_NEGATIVE",
    "NUMBER",
    "POSITIVE",
    "PROBABILITY",
    "Parameter",
    "Range",
    "as_shape",
    "check",
    "check_float",
    "describe",
    "probabilities",
]

Parameter = float | NDArray
Range = tuple[str, Callable[[Any], Any]]  # what is expected, and whether a number, or each of an array, is that

NUMBER: Range = ("finite numbers", lambda x: (x > -math.inf) & (x < math.inf))
POSITIVE: Range = ("finite numbers > 0", lambda x: (x > 0) & (x < math.inf))
NOT_NEGATIVE: Range = ("finite numbers >= 0", lambda x: (x >= 0) & (x < math.inf))
PROBABILITY: Range = ("0 <= p <= 1", lambda x: (x >= 0) & (x <= 1))
# How far from 1 the sum of probabilities may be, which float32 of them may have been rounded to.
SUM_TOLERANCE = 1e-6


def as_shape(op: str, shape: Shape) -> tuple[int, ...]:
    """Return a shape as a tuple; ValueError where an extent is negative."""
    extents = (shape,) if isinstance(shape, int) else tuple(shape)
    if extents and min(extents) < 0:
        raise ValueError(message(op, "negative extent", got=str(extents), expected="extents >= 0"))
    return extents


def check_float(op: str, dtype: DType) -> None:
    """Raise TypeError unless a dtype is a float."""
    if dtype.kind != "float":
        raise TypeError(message(op, "not a float dtype", got=dtype.name))


def check(op: str, shape: tuple[int, ...], device: Device, within: Range, **parameters: Parameter) -> list[Any]:
    """Return the parameters, numbers as float and arrays as float64.

    Raises:
        TypeError: a parameter is neither a number nor an array.
        ValueError: a parameter is not in the range, an array does not broadcast to the shape, or is on another device.
    """
    return [_check(op, shape, device, within, *each) for each in parameters.items()]


def probabilities(op: str, n: int, p: Sequence[float] | NDArray) -> list[float]:
    """Return n probabilities whose sum is 1 up to rounding, added exactly.

    Raises:
        ValueError: they are not n, one is negative, or they do not add up to 1 within 1e-6.
    """
    weights: list[Any] = p.tolist() if isinstance(p, NDArray) else list(p)
    if (p.ndim if isinstance(p, NDArray) else 1) != 1 or len(weights) != n:
        got = f"shape {p.shape}" if isinstance(p, NDArray) else f"{len(weights)} probabilities"
        raise ValueError(message(op, "p is not one probability for each element", got=got, expected=str(n)))
    if not all(0 <= x < math.inf for x in weights):
        got = f"probabilities from {min(weights)} to {max(weights)}"
        raise ValueError(message(op, "p is out of range", got=got, expected="0 <= p <= 1"))
    total = math.fsum(weights)
    if abs(total - 1) > SUM_TOLERANCE:
        raise ValueError(message(op, "p does not add up to 1", got=str(total), expected="1, within 1e-6"))
    return [x / total for x in weights]


def describe(value: Parameter) -> str:
    """Return a parameter in the words of a message."""
    if not isinstance(value, NDArray):
        return str(value)
    return f"an array from {_core.min(value).item()} to {_core.max(value).item()}"


def _check(op: str, shape: tuple[int, ...], device: Device, within: Range, name: str, value: Parameter) -> Parameter:
    expected, holds = within
    if not isinstance(value, NDArray):
        if not hasattr(value, "__float__"):
            raise TypeError(message(op, f"{name} is neither a number nor an NDArray", got=type(value).__name__))
        number = float(value)
        if not holds(number):
            raise ValueError(message(op, f"{name} is out of range", got=describe(value), expected=expected))
        return number
    if value.device != device:
        raise ValueError(message(op, f"{name} is on another device", got=str(value.device), expected=str(device)))
    _core.broadcast_to(value, shape)  # raises where it cannot
    numbers = value.astype(float64, copy=False)
    if numbers.size and not _core.all(holds(numbers)):
        raise ValueError(message(op, f"{name} is out of range", got=describe(value), expected=expected))
    return numbers
