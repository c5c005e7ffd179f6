"""Initialisers: they fill a parameter in place from the library's random numbers, and return it.

They take their numbers from the default generator of the parameter's device, so that after
``nd.random.manual_seed(seed)`` the same model has the same values on every device.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import needle.ndarray as nd
from needle.ndarray.errors import message

if TYPE_CHECKING:
    from needle.autograd import Tensor

__all__ = ["constant_", "kaiming_uniform_", "ones_", "uniform_", "zeros_"]


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0) -> Tensor:
    """Fill with uniform random numbers from ``a`` (inclusive) to ``b`` (exclusive).

    >>> from needle.nn import Parameter
    >>> values = uniform_(Parameter(nd.zeros((1000,))), -2.0, 2.0).data
    >>> bool(nd.all(nd.abs(values) <= 2)), bool(nd.max(values) > 1)
    (True, True)
    """
    array = tensor.data
    generator = nd.random.default_generator(array.device)
    array[...] = generator.uniform(array.shape, low=a, high=b, dtype=array.dtype)
    return tensor


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with ``val``."""
    tensor.data[...] = val
    return tensor


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with 0."""
    return constant_(tensor, 0)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with 1."""
    return constant_(tensor, 1)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: Literal["fan_in", "fan_out"] = "fan_in",
    nonlinearity: Literal["leaky_relu", "relu", "linear"] = "leaky_relu",
) -> Tensor:
    """Fill with uniform random numbers that keep the variance of a signal through a layer and its rectifier.

    The bound is ``gain * sqrt(3 / fan)``, the gain being ``sqrt(2 / (1 + a**2))`` for a leaky rectifier of slope ``a``,
    ``sqrt(2)`` for relu and 1 for none.

    Source: K. He, X. Zhang, S. Ren, J. Sun (2015), "Delving deep into rectifiers", ICCV, section 2.2.

    Args:
        tensor: A weight of shape (out, in, ...); axes after the second are a kernel's.
        a: Slope of the rectifier for negative values (only "leaky_relu").
        mode: Whether to keep the variance of the signal ("fan_in") or of the gradient ("fan_out").
        nonlinearity: What follows the layer.

    Raises:
        ValueError: ``tensor`` has fewer than two axes, or ``mode`` or ``nonlinearity`` is unknown.
    """
    gains = {"leaky_relu": math.sqrt(2 / (1 + a * a)), "relu": math.sqrt(2), "linear": 1.0}
    if nonlinearity not in gains:
        raise ValueError(
            message("kaiming_uniform_", "unknown nonlinearity", got=repr(nonlinearity), expected=", ".join(gains))
        )
    bound = gains[nonlinearity] * math.sqrt(3 / fan(tensor, mode))
    return uniform_(tensor, -bound, bound)


def fan(tensor: Tensor, mode: Literal["fan_in", "fan_out"] = "fan_in") -> int:
    """Return how many inputs an output of a weight (out, in, ...) sums, or how many outputs an input reaches."""
    shape = tensor.data.shape
    if len(shape) in (0, 1):
        raise ValueError(message("fan", "not a weight", got=f"shape {shape}", expected="(out, in, ...)"))
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(message("fan", "unknown mode", got=repr(mode), expected="'fan_in' or 'fan_out'"))
    return math.prod(shape[2:]) * shape[1 if mode == "fan_in" else 0]
