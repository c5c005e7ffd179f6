"""The methods of a `Tensor`: functions of `needle.autograd` under PyTorch's names.

They are looked up there when they are called, as the op table is built on `Tensor`. Axes are called ``axis`` and
``keepdims``, as in the functions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import needle.autograd as package
from needle.ndarray.axes import axes_of

if TYPE_CHECKING:
    from needle.autograd.ops.sorting import TopK
    from needle.autograd.tensor import Axes, Operand, Tensor
    from needle.ndarray import NDArray

__all__ = ["Methods"]

functions: Any = package  # untyped, as this base class is not the Tensor that they take


def _unary(name: str) -> Callable[[Any], Tensor]:
    """Return a method that is a function of the tensor alone."""

    def method(self: Any) -> Tensor:
        return getattr(functions, name)(self)

    method.__name__, method.__qualname__ = name, f"Methods.{name}"
    method.__doc__ = f"Return `needle.autograd.{name}` of this tensor."
    return method


class Methods:
    """A base class of `Tensor`."""

    __slots__ = ()

    # Elementwise.

    abs = _unary("abs")
    acos = _unary("acos")
    asin = _unary("asin")
    atan = _unary("atan")
    ceil = _unary("ceil")
    conj = _unary("conj")
    cos = _unary("cos")
    cosh = _unary("cosh")
    erf = _unary("erf")
    exp = _unary("exp")
    expm1 = _unary("expm1")
    floor = _unary("floor")
    isfinite = _unary("isfinite")
    isinf = _unary("isinf")
    isnan = _unary("isnan")
    log = _unary("log")
    log1p = _unary("log1p")
    log2 = _unary("log2")
    log10 = _unary("log10")
    logical_not = _unary("logical_not")
    reciprocal = _unary("reciprocal")
    relu = _unary("relu")
    round = _unary("round")
    rsqrt = _unary("rsqrt")
    sigmoid = _unary("sigmoid")
    sign = _unary("sign")
    sin = _unary("sin")
    sinh = _unary("sinh")
    sqrt = _unary("sqrt")
    square = _unary("square")
    tan = _unary("tan")
    tanh = _unary("tanh")
    trunc = _unary("trunc")

    def clip(self, min: Operand | None = None, max: Operand | None = None) -> Tensor:
        """Return `needle.autograd.clip` of this tensor."""
        return functions.clip(self, min, max)

    clamp = clip

    def pow(self, exponent: Operand) -> Tensor:
        """Return `needle.autograd.pow` of this tensor."""
        return functions.pow(self, exponent)

    def masked_fill(self, mask: Tensor | NDArray, value: Operand) -> Tensor:
        """Return this tensor with ``value`` where ``mask`` is true."""
        return functions.where(mask, value, self)

    def clone(self) -> Tensor:
        """Return `needle.autograd.copy` of this tensor."""
        return functions.copy(self)

    # Along axes.

    def sum(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Return `needle.autograd.sum` of this tensor."""
        return functions.sum(self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Return `needle.autograd.mean` of this tensor."""
        return functions.mean(self, axis=axis, keepdims=keepdims)

    def prod(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Return `needle.autograd.prod` of this tensor."""
        return functions.prod(self, axis=axis, keepdims=keepdims)

    def var(self, axis: Axes = None, correction: float = 0, keepdims: bool = False) -> Tensor:
        """Return `needle.autograd.var` of this tensor; unlike PyTorch's, of a whole population by default."""
        return functions.var(self, axis=axis, correction=correction, keepdims=keepdims)

    def std(self, axis: Axes = None, correction: float = 0, keepdims: bool = False) -> Tensor:
        """Return `needle.autograd.std` of this tensor; unlike PyTorch's, of a whole population by default."""
        return functions.std(self, axis=axis, correction=correction, keepdims=keepdims)

    def max(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Return `needle.autograd.max` of this tensor."""
        return functions.max(self, axis=axis, keepdims=keepdims)

    def min(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Return `needle.autograd.min` of this tensor."""
        return functions.min(self, axis=axis, keepdims=keepdims)

    def any(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Return `needle.autograd.any` of this tensor."""
        return functions.any(self, axis=axis, keepdims=keepdims)

    def all(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Return `needle.autograd.all` of this tensor."""
        return functions.all(self, axis=axis, keepdims=keepdims)

    def argmax(self, axis: int | None = None, keepdims: bool = False) -> Tensor:
        """Return `needle.autograd.argmax` of this tensor."""
        return functions.argmax(self, axis=axis, keepdims=keepdims)

    def argmin(self, axis: int | None = None, keepdims: bool = False) -> Tensor:
        """Return `needle.autograd.argmin` of this tensor."""
        return functions.argmin(self, axis=axis, keepdims=keepdims)

    def logsumexp(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Return `needle.autograd.logsumexp` of this tensor."""
        return functions.logsumexp(self, axis=axis, keepdims=keepdims)

    def softmax(self, axis: Axes = None) -> Tensor:
        """Return `needle.autograd.softmax` of this tensor."""
        return functions.softmax(self, axis=axis)

    def log_softmax(self, axis: Axes = None) -> Tensor:
        """Return `needle.autograd.log_softmax` of this tensor."""
        return functions.log_softmax(self, axis=axis)

    def cumsum(self, axis: int | None = None) -> Tensor:
        """Return `needle.autograd.cumulative_sum` of this tensor."""
        return functions.cumulative_sum(self, axis=axis)

    def cumprod(self, axis: int | None = None) -> Tensor:
        """Return `needle.autograd.cumulative_prod` of this tensor."""
        return functions.cumulative_prod(self, axis=axis)

    def sort(self, axis: int = -1, descending: bool = False) -> Tensor:
        """Return `needle.autograd.sort` of this tensor: the values alone."""
        return functions.sort(self, axis=axis, descending=descending)

    def argsort(self, axis: int = -1, descending: bool = False) -> Tensor:
        """Return `needle.autograd.argsort` of this tensor."""
        return functions.argsort(self, axis=axis, descending=descending)

    def topk(self, k: int, axis: int = -1, largest: bool = True) -> TopK:
        """Return `needle.autograd.topk` of this tensor."""
        return functions.topk(self, k, axis=axis, largest=largest)

    # Elements at indices.

    def gather(self, axis: int, indices: Tensor | NDArray) -> Tensor:
        """Return `needle.autograd.take_along_axis` of this tensor."""
        return functions.take_along_axis(self, indices, axis=axis)

    def index_select(self, axis: int, indices: Tensor | NDArray) -> Tensor:
        """Return `needle.autograd.take` of this tensor."""
        return functions.take(self, indices, axis=axis)

    def scatter(self, axis: int, indices: Tensor | NDArray, updates: Tensor) -> Tensor:
        """Return `needle.autograd.scatter` of this tensor, which sets elements."""
        return functions.scatter(self, indices, updates, axis=axis)

    def scatter_add(self, axis: int, indices: Tensor | NDArray, updates: Tensor) -> Tensor:
        """Return `needle.autograd.scatter` of this tensor, which adds to elements."""
        return functions.scatter(self, indices, updates, axis=axis, op="add")

    # The same elements in another shape, order or number.

    def reshape(self, *shape: int | Sequence[int]) -> Tensor:
        """Return `needle.autograd.reshape` of this tensor; the extents as one sequence or one by one."""
        return functions.reshape(self, _sequence(shape))

    view = reshape

    def flatten(self: Any, start: int = 0, end: int = -1) -> Tensor:
        """Return this tensor with the axes from ``start`` to ``end``, this one included, made one."""
        shape: tuple[int, ...] = self.shape or (1,)
        first, last = (axes_of("flatten", axis, len(shape))[0] for axis in (start, end))
        return functions.reshape(self, (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :]))

    def permute(self, *axes: int | Sequence[int]) -> Tensor:
        """Return `needle.autograd.permute_dims` of this tensor; the axes as one sequence or one by one."""
        return functions.permute_dims(self, _sequence(axes))

    def transpose(self, axis1: int, axis2: int) -> Tensor:
        """Return `needle.autograd.swapaxes` of this tensor."""
        return functions.swapaxes(self, axis1, axis2)

    swapaxes = transpose

    def movedim(self, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
        """Return `needle.autograd.moveaxis` of this tensor."""
        return functions.moveaxis(self, source, destination)

    def expand(self, *shape: int | Sequence[int]) -> Tensor:
        """Return `needle.autograd.broadcast_to` of this tensor; the extents as one sequence or one by one."""
        return functions.broadcast_to(self, _sequence(shape))

    def squeeze(self, axis: int | Sequence[int]) -> Tensor:
        """Return `needle.autograd.squeeze` of this tensor."""
        return functions.squeeze(self, axis)

    def unsqueeze(self, axis: int) -> Tensor:
        """Return `needle.autograd.expand_dims` of this tensor."""
        return functions.expand_dims(self, axis)

    def flip(self, *axes: int | Sequence[int]) -> Tensor:
        """Return `needle.autograd.flip` of this tensor; the axes as one sequence or one by one."""
        return functions.flip(self, axis=_sequence(axes))

    def roll(self, shifts: int | Sequence[int], axis: Axes = None) -> Tensor:
        """Return `needle.autograd.roll` of this tensor."""
        return functions.roll(self, shifts, axis=axis)

    def tile(self, *counts: int | Sequence[int]) -> Tensor:
        """Return `needle.autograd.tile` of this tensor; the counts as one sequence or one by one."""
        return functions.tile(self, _sequence(counts))

    repeat = tile

    def repeat_interleave(self, repeats: int | Tensor | NDArray, axis: int | None = None) -> Tensor:
        """Return `needle.autograd.repeat` of this tensor."""
        return functions.repeat(self, repeats, axis=axis)

    def split(self, sizes: int | Sequence[int], axis: int = 0) -> tuple[Tensor, ...]:
        """Return `needle.autograd.split` of this tensor."""
        return functions.split(self, sizes, axis=axis)

    def unbind(self, axis: int = 0) -> tuple[Tensor, ...]:
        """Return `needle.autograd.unstack` of this tensor."""
        return functions.unstack(self, axis=axis)

    def unfold(self, axis: int, size: int, step: int) -> Tensor:
        """Return `needle.autograd.unfold` of this tensor."""
        return functions.unfold(self, axis, size, step)

    def tril(self, k: int = 0) -> Tensor:
        """Return `needle.autograd.tril` of this tensor."""
        return functions.tril(self, k=k)

    def triu(self, k: int = 0) -> Tensor:
        """Return `needle.autograd.triu` of this tensor."""
        return functions.triu(self, k=k)

    def diagonal(self, offset: int = 0) -> Tensor:
        """Return `needle.autograd.diagonal` of the last two axes of this tensor."""
        return functions.diagonal(self, offset=offset)


def _sequence(values: tuple[Any, ...]) -> Sequence[int]:
    return values if len(values) != 1 or isinstance(values[0], int) else values[0]
