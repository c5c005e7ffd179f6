"""`Tensor`: an array that knows how it was computed.

It has the attributes that the array API standard asks for. Its operators and methods are the functions of
`needle.autograd`, looked up there when they are called, as the op table is built on this file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, cast
from weakref import ref

import needle.autograd as functions
import needle.ndarray as nd
from needle.autograd.hooks import LAST, Handle
from needle.autograd.methods import Methods
from needle.autograd.operators import Operators
from needle.autograd.tape import Node, enable_grad, mode, no_grad, walk
from needle.autograd.values import Values
from needle.ndarray.errors import message

if TYPE_CHECKING:
    from needle.autograd.graph import Graph
    from needle.autograd.hooks import Hook, Hooks
    from needle.ndarray import Device, DType, NDArray

__all__ = ["Axes", "Operand", "Tensor", "tensor"]

type_bool = bool
Axes = int | Sequence[int] | None


class Tensor(Operators, Methods, Values):
    """An n-dimensional array (``data``) whose derivatives can be had.

    Operations on tensors of which one requires grad give tensors that require grad; `backward` then leaves in ``grad``
    of those made by the user the derivative of what it is called on.

    Args:
        data: The elements; they are shared, not copied. `tensor` makes a tensor of numbers and lists.
        requires_grad: Whether to compute derivatives for this tensor; only for a floating dtype.

    Raises:
        TypeError: ``requires_grad`` for a dtype that is not floating.

    >>> x = tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad.tolist()
    [2.0, 4.0]
    """

    __slots__ = ("__weakref__", "grad", "hooks", "node")

    grad: Tensor | None
    """The sum of the gradients that `backward` computed for this leaf; assign None to start anew."""
    hooks: Hooks
    """Of a leaf, the functions that see its gradient; unset until there is one. Others have them in their node."""
    node: Node | None
    """The op that made this tensor; None for a leaf."""

    def __init__(self, data: NDArray, requires_grad: type_bool = False) -> None:
        self.data = data
        self.grad = None
        self.node = None
        self.tracked = False
        if requires_grad:
            self.requires_grad = True

    # What it is.

    @property
    def requires_grad(self) -> type_bool:
        """Whether operations on this tensor are noted. It can be set on leaves: those that no op has made."""
        return self.tracked

    @requires_grad.setter
    def requires_grad(self, value: type_bool) -> None:
        dtype = self.dtype
        if value and (dtype.kind not in ("float", "complex") or dtype.itemsize == 1):  # float8 is for storage
            problem = "only floating and complex tensors can require grad"
            raise TypeError(message("requires_grad", problem, got=dtype.name, hint="cast it with astype"))
        if not value and self.node is not None:
            raise ValueError(
                message("requires_grad", "the tensor was computed from others that require grad", hint="use detach()")
            )
        self.tracked = value

    def requires_grad_(self, requires_grad: type_bool = True) -> Self:
        """Set `requires_grad` and return the tensor."""
        self.requires_grad = requires_grad
        return self

    def detach(self) -> Tensor:
        """Return a tensor of the same data that requires no grad."""
        return Tensor(self.data)

    # Derivatives.

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: type_bool | None = None,
        create_graph: type_bool = False,
    ) -> None:
        """Add to ``grad`` of every leaf that requires grad the gradient of ``sum(self * gradient)``.

        Args:
            gradient: Of this tensor's shape, dtype and device; 1 by default for a tensor of one element.
            retain_graph: Whether to keep the graph, so that it can be walked again; else it is freed on the way. By
                default as ``create_graph``.
            create_graph: Whether to note the walk itself, so that the gradients can be differentiated.

        Raises:
            RuntimeError: Nothing that the tensor depends on requires grad, or the graph is freed, or a value that the
                walk needs was overwritten.
            ValueError: ``gradient`` does not fit, or there is none and the tensor has not just one element.

        >>> x = tensor(3.0, requires_grad=True)
        >>> (x * x).backward()
        >>> x.grad.item()
        6.0
        """
        if not self.tracked:
            raise RuntimeError(
                message(
                    "backward",
                    "the tensor depends on nothing that requires grad",
                    got=self._summary(),
                    hint="set requires_grad=True on the tensors to differentiate for, and compute outside no_grad()",
                )
            )
        if gradient is None:
            if self.size != 1:
                raise ValueError(
                    message(
                        "backward",
                        "only a tensor of one element has a gradient by itself",
                        got=self._summary(),
                        hint="reduce it, as with sum(), or pass gradient=, a tensor of its shape",
                    )
                )
            gradient = Tensor(nd.full(self.shape, 1, self.dtype, self.device))
        elif (gradient.shape, gradient.dtype, gradient.device) != (self.shape, self.dtype, self.device):
            raise ValueError(
                message(
                    "backward", "gradient does not fit the tensor", got=gradient._summary(), expected=self._summary()
                )
            )
        edge = self if self.node is None else self.node
        with enable_grad() if create_graph else no_grad():
            found = walk([(edge, gradient)], retain=create_graph if retain_graph is None else retain_graph)
        for leaf, part in found.items():
            leaf.grad = part if leaf.grad is None else leaf.grad + part

    def register_hook(self, hook: Hook) -> Handle:
        """Have ``hook`` called with the gradient of this tensor whenever a `backward` has computed it.

        It is called once in a walk, with the sum over all uses. A tensor that it returns replaces the gradient, for
        this tensor and all that comes before it. Hooks are called in the order in which they were registered.

        Returns:
            A `Handle`, whose ``remove()`` takes the hook away.

        Raises:
            RuntimeError: The tensor does not require grad. In the walk, TypeError: what the hook returned does not fit.

        >>> x = tensor([1.0, -2.0], requires_grad=True)
        >>> y = x * x
        >>> handle = y.register_hook(lambda gradient: print(gradient.tolist()))
        >>> y.sum().backward()
        [1.0, 1.0]
        """
        return Handle(self._hooks("register_hook"), hook)

    def retain_grad(self) -> None:
        """Have `backward` keep the gradient in ``grad`` as it does for leaves, where this tensor was computed.

        >>> x = tensor([1.0, -2.0], requires_grad=True)
        >>> y = x * x
        >>> y.retain_grad()
        >>> (3 * y).sum().backward()
        >>> y.grad.tolist()
        [3.0, 3.0]
        """
        hooks = self._hooks("retain_grad")
        if self.node is None:
            return
        reference = ref(self)  # the node must not hold the tensor, which holds the node

        def keep(gradient: Tensor) -> None:
            if (x := reference()) is not None:
                own = gradient if gradient.tracked else Tensor(gradient.data.copy())
                x.grad = own if x.grad is None else x.grad + own

        hooks[LAST] = keep

    def graph(self, names: Mapping[str, Tensor] | None = None, limit: int = 200) -> Graph:
        """Return a picture of how this tensor was computed: a `Graph`, with ``to_svg()`` and the like.

        Args:
            names: What to call leaves, as ``dict(model.named_parameters())``.
            limit: How many ops to draw: the last ones.

        >>> x = tensor([1.0, 2.0], requires_grad=True)
        >>> (x.exp() + 1).graph({"x": x}).to_svg().startswith("<svg")
        True
        """
        return functions.Graph(self, names or {}, limit)

    def _hooks(self, op: str) -> Hooks:
        """Return the hooks, those of the node or of the leaf, to add to."""
        if not self.tracked:
            problem, hint = "the tensor does not require grad, so that it gets none", "set requires_grad=True"
            raise RuntimeError(message(op, problem, got=self._summary(), hint=hint))
        place = self if self.node is None else self.node
        if getattr(place, "hooks", None) is None:
            place.hooks = {}
        return cast("Hooks", place.hooks)

    # Operators and parts.

    def __matmul__(self, other: Tensor | NDArray) -> Tensor:
        return functions.matmul(self, other)

    def __rmatmul__(self, other: Tensor | NDArray) -> Tensor:
        return functions.matmul(other, self)

    def __getitem__(self, key: Any) -> Tensor:
        return functions.getitem(self, key)

    def __setitem__(self, key: Any, value: Operand) -> None:
        """Write into the data, which other tensors may share; not where the tape would have to know.

        Raises:
            RuntimeError: The tensor or the value requires grad, outside `no_grad`.
        """
        if mode.recording and (self.tracked or (isinstance(value, Tensor) and value.tracked)):
            raise RuntimeError(unseen("setitem"))
        keys = tuple(map(_data, key)) if isinstance(key, tuple) else _data(key)
        self.data[keys] = _data(value)

    def __iter__(self) -> Iterator[Tensor]:
        len(self)  # raises where there are no axes
        return iter(functions.unstack(self))

    # Forms, types and places.

    @property
    def T(self) -> Tensor:
        """The transpose of a matrix."""
        if self.ndim != 2:  # noqa: PLR2004 - rows and columns
            raise ValueError(message("T", "not a matrix", got=f"shape {self.shape}", hint="use mT or permute"))
        return self.mT

    @property
    def mT(self) -> Tensor:
        """The transpose of the last two axes."""
        return functions.matrix_transpose(self)

    def astype(self, dtype: DType) -> Tensor:
        """Return `needle.autograd.astype` of this tensor."""
        return functions.astype(self, dtype)

    def to_device(self, device: Device | str, /, *, stream: None = None) -> Tensor:
        """Return `needle.autograd.to_device` of this tensor."""
        if stream is not None:
            raise ValueError(message("to_device", "no streams here", got=repr(stream), expected="None"))
        return functions.to_device(self, device)

    def to(self, target: Device | str | DType) -> Tensor:
        """Return the tensor on another device or, given a dtype, in that dtype."""
        if isinstance(target, nd.DType):
            return functions.astype(self, target, copy=False)
        return functions.to_device(self, target)


Operand = Tensor | nd.NDArray | bool | int | float | complex
"""What an elementwise op takes: a tensor, an array (a constant), or a number, which takes the tensors' dtype."""


def unseen(op: str) -> str:
    """Return the text of the error for a write that derivatives would not see."""
    problem = "a write in place would not be seen by derivatives"
    hint = "use where() or scatter(), or write to detach(), or inside no_grad()"
    return message(op, problem, hint=hint)


def _data(x: Any) -> Any:
    return x.data if isinstance(x, Tensor) else x


def tensor(
    obj: object, dtype: DType | None = None, device: Device | str | None = None, requires_grad: type_bool = False
) -> Tensor:
    """Return a new tensor of numbers, nested lists, an array of any library with the buffer protocol, or a tensor.

    Args:
        obj: The values, which are copied.
        dtype: By default that of the values: float32 for Python floats, int64 for ints.
        device: By default that of the values, or the default device.
        requires_grad: Whether to compute derivatives for it.

    Raises:
        TypeError: ``requires_grad`` for a dtype that is not floating.

    >>> tensor([[1, 2], [3, 4]]).shape
    (2, 2)
    """
    return Tensor(nd.asarray(obj.data if isinstance(obj, Tensor) else obj, dtype, device, copy=True), requires_grad)
