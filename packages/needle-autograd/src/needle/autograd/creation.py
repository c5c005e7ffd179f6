"""Tensors from values: the creation functions of `needle.ndarray`, which give tensors here.

None is an op: what they make depends on no tensor. Those that do are in the op table: `asarray`, `meshgrid`, `tril`,
`triu`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol

import needle.ndarray as nd
from needle.autograd.tensor import Tensor

if TYPE_CHECKING:
    from needle.ndarray import Device, DType, NDArray

__all__ = [
    "arange", "empty", "empty_like", "eye", "from_dlpack", "full", "full_like", "linspace", "ones", "ones_like",
    "zeros", "zeros_like",
]  # fmt: skip

P = ParamSpec("P")


class Like(Protocol):
    """What the ``_like`` functions read of their first operand."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The extents."""
        ...

    @property
    def dtype(self) -> DType:
        """The element type."""
        ...

    @property
    def device(self) -> Device:
        """Where the elements are."""
        ...


def _tensors(function: Callable[P, NDArray]) -> Callable[P, Tensor]:
    """Return the function with tensors for arrays as its results."""

    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Tensor:
        return Tensor(function(*args, **kwargs))

    return update_wrapper(wrapper, function)


def _like(function: Callable[Concatenate[NDArray, P], NDArray]) -> Callable[Concatenate[Like, P], Tensor]:
    """Return the function with a tensor as its result, and for all that has a shape, a dtype and a device."""
    like: Any = function
    return _tensors(like)


arange = _tensors(nd.arange)
empty = _tensors(nd.empty)
eye = _tensors(nd.eye)
from_dlpack = _tensors(nd.from_dlpack)
full = _tensors(nd.full)
linspace = _tensors(nd.linspace)
ones = _tensors(nd.ones)
zeros = _tensors(nd.zeros)

empty_like = _like(nd.empty_like)
full_like = _like(nd.full_like)
ones_like = _like(nd.ones_like)
zeros_like = _like(nd.zeros_like)
