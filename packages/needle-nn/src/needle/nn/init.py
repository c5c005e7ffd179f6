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

__all__ = [
    "constant_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

Mode = Literal["fan_in", "fan_out"]
Nonlinearity = Literal["leaky_relu", "relu", "linear"]


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


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """Fill with normal random numbers.

    Raises:
        ValueError: ``std`` is negative.

    >>> from needle.nn import Parameter
    >>> values = normal_(Parameter(nd.zeros((1000,))), 5.0, 0.1).data
    >>> bool(nd.all(nd.abs(values - 5) < 0.5))
    True
    """
    array = tensor.data
    array[...] = nd.random.default_generator(array.device).normal(array.shape, mean, std, array.dtype)
    return tensor


def trunc_normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0) -> Tensor:
    """Fill with normal random numbers under the condition that they are from ``a`` to ``b``, which ``std`` scales not.

    Raises:
        ValueError: ``std`` is not positive, or ``a`` is above ``b``.

    >>> from needle.nn import Parameter
    >>> values = trunc_normal_(Parameter(nd.zeros((1000,)))).data
    >>> bool(nd.all(nd.abs(values) <= 2))
    True
    """
    array = tensor.data
    generator = nd.random.default_generator(array.device)
    array[...] = generator.truncated_normal(array.shape, a, b, mean, std, array.dtype)
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


def xavier_uniform_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Fill with uniform random numbers that keep the variances of a signal and of its gradient through a layer.

    The bound is ``gain * sqrt(6 / (fan_in + fan_out))``.

    Source: X. Glorot, Y. Bengio (2010), "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS, section 4.2.

    Args:
        tensor: A weight of shape (out, in, ...); axes after the second are a kernel's.
        gain: Makes up for what follows the layer.

    Raises:
        ValueError: ``tensor`` has fewer than two axes.
    """
    bound = gain * math.sqrt(6 / (fan(tensor, "fan_in") + fan(tensor, "fan_out")))
    return uniform_(tensor, -bound, bound)


def xavier_normal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Fill with normal random numbers to the end of `xavier_uniform_`, whose variance they have.

    The standard deviation is ``gain * sqrt(2 / (fan_in + fan_out))``.

    Raises:
        ValueError: ``tensor`` has fewer than two axes.
    """
    return normal_(tensor, 0.0, gain * math.sqrt(2 / (fan(tensor, "fan_in") + fan(tensor, "fan_out"))))


def kaiming_uniform_(
    tensor: Tensor, a: float = 0.0, mode: Mode = "fan_in", nonlinearity: Nonlinearity = "leaky_relu"
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
    bound = math.sqrt(3) * _kaiming_std("kaiming_uniform_", tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound)


def kaiming_normal_(
    tensor: Tensor, a: float = 0.0, mode: Mode = "fan_in", nonlinearity: Nonlinearity = "leaky_relu"
) -> Tensor:
    """Fill with normal random numbers to the end of `kaiming_uniform_`, whose arguments and variance they have.

    The standard deviation is ``gain / sqrt(fan)``.

    Raises:
        ValueError: ``tensor`` has fewer than two axes, or ``mode`` or ``nonlinearity`` is unknown.
    """
    return normal_(tensor, 0.0, _kaiming_std("kaiming_normal_", tensor, a, mode, nonlinearity))


def _kaiming_std(op: str, tensor: Tensor, a: float, mode: Mode, nonlinearity: Nonlinearity) -> float:
    gains = {"leaky_relu": math.sqrt(2 / (1 + a * a)), "relu": math.sqrt(2), "linear": 1.0}
    if nonlinearity not in gains:
        raise ValueError(message(op, "unknown nonlinearity", got=repr(nonlinearity), expected=", ".join(gains)))
    return gains[nonlinearity] / math.sqrt(fan(tensor, mode))


def fan(tensor: Tensor, mode: Mode = "fan_in") -> int:
    """Return how many inputs an output of a weight (out, in, ...) sums, or how many outputs an input reaches."""
    shape = tensor.data.shape
    if len(shape) in (0, 1):
        raise ValueError(message("fan", "not a weight", got=f"shape {shape}", expected="(out, in, ...)"))
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(message("fan", "unknown mode", got=repr(mode), expected="'fan_in' or 'fan_out'"))
    return math.prod(shape[2:]) * shape[1 if mode == "fan_in" else 0]
