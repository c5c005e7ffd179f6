"""Layers: functions of `needle.nn.functional` with the parameters and settings that they keep."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import needle.autograd as ad
import needle.ndarray as nd
from needle.ndarray.errors import message
from needle.nn import functional as F
from needle.nn import init
from needle.nn.module import Module, Parameter

if TYPE_CHECKING:
    from needle.autograd import Tensor
    from needle.nn.functional import Pair

__all__ = ["Conv2d", "CrossEntropyLoss", "Dropout", "Flatten", "Linear", "MaxPool2d", "ReLU"]


class Linear(Module):
    """``x @ weight.T + bias``: (..., in_features) -> (..., out_features).

    Both parameters start uniform within ``1 / sqrt(in_features)`` of 0.

    Args:
        in_features: Length of the input's last axis.
        out_features: Length of the output's last axis.
        bias: Whether there is a bias.
        device: Where the parameters lie; by default the default device.
        dtype: Their floating-point dtype.

    Attributes:
        weight: (out_features, in_features).
        bias: (out_features,), or None.

    >>> Linear(64, 10)(ad.tensor(nd.zeros((32, 64)))).shape
    (32, 10)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        device: nd.Device | str | None = None,
        dtype: nd.DType = nd.float32,
    ) -> None:
        check_sizes("Linear", in_features=in_features, out_features=out_features)
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(nd.empty((out_features, in_features), dtype=dtype, device=device))
        self.bias = Parameter(nd.empty((out_features,), dtype=dtype, device=device)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Fill the parameters anew from the default generator."""
        reset(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Return ``input @ weight.T + bias``."""
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Conv2d(Module):
    """Cross-correlation of images with learnt kernels: (N, in_channels, H, W) -> (N, out_channels, H', W').

    Both parameters start uniform within ``1 / sqrt(in_channels / groups * KH * KW)`` of 0.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Height and width of the kernels.
        stride: Step between outputs.
        padding: Rows and columns of zeros on each side, "valid" (none) or "same" (keep H and W).
        dilation: Step between the elements of a kernel.
        groups: Into how many groups the channels are divided; both numbers of channels are multiples of it.
        bias: Whether there is a bias.
        device: Where the parameters lie; by default the default device.
        dtype: Their floating-point dtype.

    Attributes:
        weight: (out_channels, in_channels / groups, KH, KW).
        bias: (out_channels,), or None.

    >>> Conv2d(1, 16, 3, padding=1)(ad.tensor(nd.zeros((32, 1, 8, 8)))).shape
    (32, 16, 8, 8)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair | Literal["valid", "same"] = 0,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        device: nd.Device | str | None = None,
        dtype: nd.DType = nd.float32,
    ) -> None:
        check_sizes("Conv2d", in_channels=in_channels, out_channels=out_channels, groups=groups)
        if in_channels % groups or out_channels % groups:
            raise ValueError(
                message(
                    "Conv2d",
                    "the channels cannot be divided into groups",
                    got=f"in_channels {in_channels}, out_channels {out_channels}, groups {groups}",
                    expected="both multiples of groups",
                )
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = F.pair(kernel_size, "Conv2d", "kernel_size", least=1)
        self.stride = F.pair(stride, "Conv2d", "stride", least=1)
        self.dilation = F.pair(dilation, "Conv2d", "dilation", least=1)
        F.conv_padding(padding, self.stride, self.kernel_size, self.dilation)
        self.padding: tuple[int, int] | Literal["valid", "same"] = (
            padding if isinstance(padding, str) else F.pair(padding, "Conv2d", "padding", least=0)
        )
        self.groups = groups
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        self.weight = Parameter(nd.empty(shape, dtype=dtype, device=device))
        self.bias = Parameter(nd.empty((out_channels,), dtype=dtype, device=device)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Fill the parameters anew from the default generator."""
        reset(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Return the cross-correlation of ``input`` with the kernels, plus the bias."""
        return F.conv2d(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)

    def extra_repr(self) -> str:
        """Return the settings that are not the default ones."""
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        for name, default in (("padding", (0, 0)), ("dilation", (1, 1)), ("groups", 1)):
            value = getattr(self, name)
            text += f", {name}={value!r}" if value != default else ""
        return text if self.bias is not None else f"{text}, bias=False"


class MaxPool2d(Module):
    """The largest element of each window: (..., H, W) -> (..., H', W').

    Args:
        kernel_size: Height and width of the windows.
        stride: Step between windows; by default ``kernel_size``.
        padding: Rows and columns of minus infinity on each side, at most half of the window.
        dilation: Step between the elements of a window.

    >>> MaxPool2d(2)(ad.tensor(nd.zeros((32, 16, 8, 8)))).shape
    (32, 16, 4, 4)
    """

    def __init__(self, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0, dilation: Pair = 1) -> None:
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation

    def forward(self, input: Tensor) -> Tensor:
        """Return the largest element of each window."""
        return F.max_pool2d(input, self.kernel_size, self.stride, self.padding, self.dilation)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, dilation={self.dilation}"


class ReLU(Module):
    """``max(x, 0)``, element by element."""

    def forward(self, input: Tensor) -> Tensor:
        """Return ``max(input, 0)``."""
        return F.relu(input)


class Dropout(Module):
    """In training, set each element to 0 with probability ``p`` and scale the others by ``1 / (1 - p)``.

    Args:
        p: The probability, from 0 to 1.

    >>> Dropout(0.5).eval()(ad.tensor([1.0, 2.0])).tolist()
    [1.0, 2.0]
    """

    def __init__(self, p: float = 0.5) -> None:
        F.check_probability("Dropout", p)
        self.p = p

    def forward(self, input: Tensor) -> Tensor:
        """Return ``input`` with elements dropped, or ``input`` itself when not training."""
        return F.dropout(input, self.p, self.training)

    def extra_repr(self) -> str:
        """Return the probability."""
        return f"p={self.p}"


class Flatten(Module):
    """Join the axes from ``start_dim`` to ``end_dim`` into one: by default (N, ...) -> (N, rest).

    >>> Flatten()(ad.tensor(nd.zeros((32, 16, 2, 2)))).shape
    (32, 64)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        """Return ``input`` with the axes joined."""
        shape = input.shape
        start, end = (dim + len(shape) if dim < 0 else dim for dim in (self.start_dim, self.end_dim))
        if not 0 <= start <= end < len(shape):
            raise ValueError(
                message(
                    "Flatten",
                    "the input does not have these axes in this order",
                    got=f"input {shape}, start_dim {self.start_dim}, end_dim {self.end_dim}",
                )
            )
        return ad.reshape(input, (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))

    def extra_repr(self) -> str:
        """Return the axes."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class CrossEntropyLoss(Module):
    """`needle.nn.functional.cross_entropy` as a module.

    Args:
        reduction: "mean" or "sum" over all labels, or "none".

    >>> CrossEntropyLoss()(ad.tensor([[0.0, 100.0]]), ad.tensor([1])).item()
    0.0
    """

    def __init__(self, reduction: Literal["none", "mean", "sum"] = "mean") -> None:
        self.reduction: Literal["none", "mean", "sum"] = reduction

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of scores (N, C, ...) for labels (N, ...)."""
        return F.cross_entropy(input, target, reduction=self.reduction)


def reset(weight: Parameter, bias: Parameter | None) -> None:
    """Initialise as PyTorch does: both uniform within ``1 / sqrt(fan_in)`` of 0."""
    init.kaiming_uniform_(weight, a=math.sqrt(5))
    if bias is not None:
        bound = 1 / math.sqrt(init.fan(weight))
        init.uniform_(bias, -bound, bound)


def check_sizes(op: str, **sizes: int) -> None:
    """Raise ValueError unless each size is a positive integer."""
    for name, size in sizes.items():
        if type(size) is not int or size < 1:
            raise ValueError(message(op, f"{name} is not usable", got=repr(size), expected="an integer >= 1"))
