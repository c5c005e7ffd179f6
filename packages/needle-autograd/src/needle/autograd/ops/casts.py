"""Ops that type and place an array anew. All are linear."""

from __future__ import annotations

import needle.ndarray as nd
from needle.autograd.op import wrapped
from needle.autograd.rules import linear
from needle.autograd.samples import Sample, unary
from needle.autograd.tensor import Tensor
from needle.ndarray import Device, DType, NDArray

__all__ = ["astype", "copy", "to_device"]


def astype(x: Tensor | NDArray, dtype: DType, /, *, copy: bool = True, device: Device | str | None = None) -> Tensor:
    """Return ``x`` in another dtype, and on ``device``; gradients pass between floating dtypes.

    Without ``copy`` it is ``x`` itself where nothing changes.

    >>> astype(tensor([1.5, -1.5]), nd.int32).tolist()
    [1, -1]
    """
    if device is not None:
        x = to_device(x, device)
    if x.dtype is not dtype:
        return _astype(x, dtype=dtype)
    return _copy(x) if copy else wrapped(x)


def _cast(x: NDArray, dtype: DType) -> NDArray:
    return nd.astype(x, dtype, copy=False)


_astype = linear(
    "astype",
    _cast,
    lambda ct, p, x: ct,  # every transpose's result is cast back to the operand's dtype
    samples=lambda draw: [
        Sample((draw.uniform(2, 3), dtype))
        for dtype in (nd.complex128, nd.float64, nd.int64)[: 1 if draw.dtype.kind == "complex" else 3]
    ],
    core=0,
)


def to_device(x: Tensor | NDArray, device: Device | str) -> Tensor:
    """Return ``x`` on ``device``.

    >>> str(to_device(tensor([1.0]), "numpy").device)
    'numpy'
    """
    return _to_device(x, device=device)


def _move(x: NDArray, device: Device | str) -> NDArray:
    return x.to_device(device)


_to_device = linear(
    "to_device",
    _move,
    lambda ct, p, x: to_device(ct, x.device),
    samples=lambda draw: [Sample((draw.uniform(2, 3), "cpu"))],
    core=0,
)


def copy(x: Tensor | NDArray) -> Tensor:
    """Return ``x`` in a buffer of its own.

    >>> copy(tensor([1, 2])).tolist()
    [1, 2]
    """
    return _copy(x)


_copy = linear("copy", nd.copy, lambda ct, p, x: ct, samples=unary((2, 3)), core=0)
