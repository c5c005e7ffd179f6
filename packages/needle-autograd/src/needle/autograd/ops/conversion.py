"""`asarray`, which makes tensors of numbers and arrays, and of tensors that stay on the tape."""

from __future__ import annotations

from typing import Any

import needle.ndarray as nd
from needle.autograd.ops.casts import astype, copy, to_device
from needle.autograd.ops.shape import stack
from needle.autograd.tensor import Tensor
from needle.ndarray import Device, DType
from needle.ndarray.errors import message

__all__ = ["asarray"]

_copy = copy


def asarray(
    obj: object, /, *, dtype: DType | None = None, device: Device | str | None = None, copy: bool | None = None
) -> Tensor:
    """Return a tensor with the elements of ``obj``, in its memory where that is possible.

    Args:
        obj: What `needle.ndarray.asarray` takes, or a tensor, or nested lists with tensors among their elements.
            Derivatives pass through tensors; all else is constant.
        dtype: By default that of the values: float32 for Python floats, int64 for ints.
        device: By default that of the values, or the default device.
        copy: None copies where it must, True always, False never.

    Raises:
        ValueError: ``copy=False`` where a copy is needed.

    >>> x = tensor(2.0, requires_grad=True)
    >>> asarray([x, 3 * x]).sum().backward()
    >>> x.grad.item()
    4.0
    """
    if isinstance(obj, list | tuple) and copy is not False and _has_tensors(obj):
        return stack([asarray(x, dtype=dtype, device=device) for x in obj])
    if not isinstance(obj, Tensor):
        return Tensor(nd.asarray(obj, dtype, device, copy=copy))
    out = obj if device is None or nd.device(device) == obj.device else to_device(obj, device)
    out = out if dtype is None else astype(out, dtype, copy=False)
    if copy is False and out is not obj:
        got, expected = f"{obj.dtype} on {obj.device}", f"{dtype or obj.dtype} on {device or obj.device}"
        raise ValueError(message("asarray", "another dtype or device takes a copy", got=got, expected=expected))
    return _copy(out) if copy and out is obj else out


def _has_tensors(obj: Any) -> bool:
    return any(isinstance(x, Tensor) or (isinstance(x, list | tuple) and _has_tensors(x)) for x in obj)
