"""Frames: the levels of `grad`, `jvp` and `vmap` above the tape of `Tensor.backward`.

A transformation of f opens a frame, wraps its arguments in tensors of that frame, and calls f. A wrapped tensor has a
value that is a tensor of a lower level: plain, or wrapped by a frame further out. An op on wrapped tensors goes to the
innermost frame among them, which unwraps its own, applies the op to the values (and so to the frames further out), and
wraps the result with what the frame is for: a node of its tape, a tangent, or a batch axis. As each frame touches its
own tensors alone, transformations nest in any order and no perturbation is taken for another.

Source: the interpreters of B. Pearlmutter and J. M. Siskind, "Reverse-mode AD in a functional framework", ACM TOPLAS 30
(2008), and of the first Autograd (D. Maclaurin, "Modeling, inference and optimization with composable differentiable
procedures", thesis, Harvard 2016).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self

from needle.autograd.tape import Node, mode, scopes
from needle.autograd.tensor import Tensor, unseen
from needle.ndarray.errors import message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from needle.autograd.hooks import Handle, Hook
    from needle.autograd.op import Op
    from needle.ndarray import Device, DType, NDArray

__all__ = ["BatchFrame", "Batched", "Dual", "DualFrame", "Frame", "TapeFrame", "Taped", "Traced", "top_frame"]


class Frame:
    """One application of a transformation, open while its function runs, and again while that is run anew."""

    name: ClassVar[str]

    def __init__(self) -> None:
        self.level = 0

    def __enter__(self) -> Self:
        mode.frames = (*mode.frames, self)
        scopes.add(self)
        self.level = len(mode.frames)
        return self

    def __exit__(self, *_: object) -> None:
        mode.frames = mode.frames[:-1]
        scopes.discard(self)
        self.level = 0

    def process(self, op: Op, operands: Sequence[Any], params: dict[str, Any]) -> Any:
        """Return the result of an op on operands of which this frame's are the innermost."""
        raise NotImplementedError

    def owns(self, x: object) -> bool:
        """Return whether ``x`` is a tensor of this frame."""
        return isinstance(x, Traced) and x.frame is self

    def lower(self, x: Any) -> Any:
        """Return the value where ``x`` is a tensor of this frame, and ``x`` where not."""
        return x.value if isinstance(x, Traced) and x.frame is self else x


class Traced(Tensor):
    """A tensor of a frame: ``value``, a tensor of a lower level, and what the frame knows of it."""

    __slots__ = ("frame", "value")

    frame: Frame
    value: Tensor

    def __init__(self, frame: Frame, value: Tensor) -> None:
        self.frame = frame
        self.value = value
        self.grad = None
        self.node = None
        self.tracked = True

    @property
    def data(self) -> NDArray:  # type: ignore[override] - where a plain tensor has its array, this has that of its value
        """The elements, as constants; writing into them is not seen by the transformation."""
        self._opened()
        return self.value.data

    @property
    def shape(self) -> tuple[int, ...]:
        """The extents."""
        return self.value.shape

    @property
    def dtype(self) -> DType:
        """The element type."""
        return self.value.dtype

    @property
    def device(self) -> Device:
        """Where the elements are."""
        return self.value.device

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.value.size

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError(message("len", "a tensor without axes has no length"))
        return self.shape[0]

    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        """Raise, as the transformation would not see the write."""
        raise RuntimeError(unseen(self.frame.name))

    def _opened(self) -> None:
        if not self.frame.level:
            problem = f"a tensor is used after the {self.frame.name} that it belongs to has ended"
            raise RuntimeError(message(self.frame.name, problem, hint="return it from the function, as aux for one"))

    def __repr__(self) -> str:
        return f"{self.frame.name}({self.value!r})"

    def backward(self, *_: Any, **__: Any) -> NoReturn:
        """Raise, as inside a transformation gradients are values, not attributes."""
        raise RuntimeError(message("backward", f"not inside {self.frame.name}", hint="use grad or vjp there"))

    def retain_grad(self) -> NoReturn:
        """Raise, as `backward` does."""
        raise RuntimeError(message("retain_grad", f"not inside {self.frame.name}", hint="use register_hook, in grad"))

    def register_hook(self, hook: Hook) -> Handle:
        """Raise, as there is no walk that would pass this tensor; `Taped` has hooks."""
        problem, hint = f"not inside {self.frame.name}", "register it inside grad or vjp, or on what is made outside"
        raise RuntimeError(message("register_hook", problem, hint=hint))


# Reverse mode.


class Taped(Traced):
    """A tensor on a frame's tape."""

    __slots__ = ()

    def __init__(self, frame: Frame, value: Tensor, node: Node | None = None) -> None:
        super().__init__(frame, value)
        self.node = node

    register_hook = Tensor.register_hook


class TapeFrame(Frame):
    """Notes each op on a tape of its own."""

    name = "grad"

    def process(self, op: Op, operands: Sequence[Any], params: dict[str, Any]) -> Any:
        """Compute the values, and note the op unless `no_grad` mutes this level."""
        lower = self.lower
        values = [lower(x) for x in operands]
        out, extra = op.saving(values, params)
        if self.level <= mode.muted:
            return out
        if isinstance(out, tuple):
            node = op.note(self.edges(operands), values, params, out, extra)
            parts = ((x, op.part(node, i, x)) if op.differentiable(x) else (x, None) for i, x in enumerate(out))
            return tuple(x if part is None else self.taped(x, part) for x, part in parts)
        if not op.differentiable(out):
            return out
        return self.taped(out, op.note(self.edges(operands), values, params, out, extra))

    def taped(self, value: Tensor, node: Node) -> Taped:
        """Return a result on this tape."""
        if mode.anomaly is not None:
            mode.anomaly.keep(node, value)
        return Taped(self, value, node)

    def edges(self, operands: Sequence[Any]) -> list[Any]:
        """Return where the cotangent of each operand goes on this tape."""
        return [(x if x.node is None else x.node) if self.owns(x) else None for x in operands]


# Forward mode.


class Dual(Traced):
    """A tensor with a tangent: the derivative of its value along the direction that `jvp` was given."""

    __slots__ = ("tangent",)

    tangent: Tensor

    def __init__(self, frame: Frame, value: Tensor, tangent: Tensor) -> None:
        super().__init__(frame, value)
        self.tangent = tangent


class DualFrame(Frame):
    """Computes the tangent of each result beside it."""

    name = "jvp"

    def process(self, op: Op, operands: Sequence[Any], params: dict[str, Any]) -> Any:
        """Compute the value and its tangent."""
        lower = self.lower
        values = [lower(x) for x in operands]
        out = op(*values, **params)
        if isinstance(out, tuple):
            tangents = op.push(values, [self.tangent(x) for x in operands], params, out)
            pairs = zip(out, tangents, strict=True)
            return tuple(x if t is None or not op.differentiable(x) else Dual(self, x, t) for x, t in pairs)
        if not op.differentiable(out):
            return out
        tangent = op.push(values, [self.tangent(x) for x in operands], params, out)
        return out if tangent is None else Dual(self, out, tangent)

    def tangent(self, x: Any) -> Tensor | None:
        """Return the tangent of an operand; None for zero."""
        return x.tangent if isinstance(x, Dual) and x.frame is self else None


# Batches.


class Batched(Traced):
    """A tensor for each element of a batch, whose axis is the first of the value and hidden from the function."""

    __slots__ = ()

    @property
    def data(self) -> NDArray:  # type: ignore[override]
        """Raise: there is one array for each element of the batch."""
        self._opened()
        problem = "the values are needed as they are, and there is one for each element of the batch"
        hint = "use ops on tensors, as where() instead of if"
        raise RuntimeError(message("vmap", problem, got=f"shape {self.shape}, batch {self.value.shape[0]}", hint=hint))

    @property
    def shape(self) -> tuple[int, ...]:
        """The extents for one element of the batch."""
        return self.value.shape[1:]

    @property
    def size(self) -> int:
        """The number of elements for one element of the batch."""
        return math.prod(self.shape)


class BatchFrame(Frame):
    """Applies each op to a whole batch."""

    name = "vmap"

    def __init__(self, size: int, axis_name: str | None = None) -> None:
        super().__init__()
        self.size = size
        self.axis_name = axis_name

    def process(self, op: Op, operands: Sequence[Any], params: dict[str, Any]) -> Any:
        """Compute the batch of results."""
        out = op.spread(self.size, [self.lower(x) for x in operands], [self.owns(x) for x in operands], params)
        return tuple(Batched(self, x) for x in out) if isinstance(out, tuple) else Batched(self, out)


def top_frame(operands: Sequence[Any]) -> Frame | None:
    """Return the innermost frame that an operand belongs to."""
    top: Frame | None = None
    for x in operands:
        if isinstance(x, Traced):
            x._opened()
            if top is None or x.frame.level > top.level:
                top = x.frame
    return top
