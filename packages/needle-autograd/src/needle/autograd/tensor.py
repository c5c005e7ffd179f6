"""`Tensor`: an array that knows how it was computed.

Its methods and operators are the functions of `needle.autograd` under PyTorch's names. They are looked up there when
they are called, as the op table is built on this file.

Over 400 lines: one class, whose operators and methods take a line or two each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self, cast
from weakref import ref

import needle.autograd as functions
import needle.ndarray as nd
from needle.autograd.hooks import LAST, Handle
from needle.autograd.tape import Node, enable_grad, no_grad, walk
from needle.ndarray.errors import message

if TYPE_CHECKING:
    from needle.autograd.hooks import Hook, Hooks
    from needle.ndarray import Device, DType, NDArray

__all__ = ["Axes", "Operand", "Scalar", "Tensor", "tensor"]

type_bool = bool
Scalar = bool | int | float
Axes = int | Sequence[int] | None


class Tensor:
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

    __slots__ = ("__weakref__", "data", "grad", "hooks", "node", "tracked")
    __array_ufunc__ = None  # NumPy then leaves `array + tensor` to this class

    data: NDArray
    """The elements. Assigning or writing here is not noted on the tape."""
    grad: Tensor | None
    """The sum of the gradients that `backward` computed for this leaf; assign None to start anew."""
    hooks: Hooks
    """Of a leaf, the functions that see its gradient; unset until there is one. Others have them in their node."""
    node: Node | None
    """The op that made this tensor; None for a leaf."""
    tracked: type_bool
    """What `requires_grad` shows, without a check; ops read and set it."""

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

    @property
    def shape(self) -> tuple[int, ...]:
        """The extents."""
        return self.data.shape

    @property
    def dtype(self) -> DType:
        """The element type."""
        return self.data.dtype

    @property
    def device(self) -> Device:
        """Where the elements are."""
        return self.data.device

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.data.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.data.size

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        text = repr(self.data).removeprefix("NDArray(").removesuffix(")").replace("\n ", "\n")
        return f"tensor({text}{', requires_grad=True' if self.tracked else ''})"

    # Its values, outside the tape.

    def item(self) -> Scalar:
        """Return the one element as a Python number."""
        return self.data.item()

    def tolist(self) -> Any:
        """Return the elements as nested lists."""
        return self.data.tolist()

    def numpy(self) -> Any:
        """Return the elements as a NumPy array; on the host it shares them."""
        return self.data.numpy()

    def detach(self) -> Tensor:
        """Return a tensor of the same data that requires no grad."""
        return Tensor(self.data)

    def __bool__(self) -> type_bool:
        return bool(self.data)

    def __int__(self) -> int:
        return int(self.data)

    def __index__(self) -> int:
        return self.data.__index__()

    def __float__(self) -> float:
        return float(self.data)

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

    def _hooks(self, op: str) -> Hooks:
        """Return the hooks, those of the node or of the leaf, to add to."""
        if not self.tracked:
            problem, hint = "the tensor does not require grad, so that it gets none", "set requires_grad=True"
            raise RuntimeError(message(op, problem, got=self._summary(), hint=hint))
        place = self if self.node is None else self.node
        if getattr(place, "hooks", None) is None:
            place.hooks = {}
        return cast("Hooks", place.hooks)

    def _summary(self) -> str:
        return f"{self.dtype.name} {self.shape} on {self.device}"

    # Operators.

    def __neg__(self) -> Tensor:
        return functions.negative(self)

    def __pos__(self) -> Tensor:
        return self

    def __abs__(self) -> Tensor:
        return functions.abs(self)

    def __invert__(self) -> Tensor:
        return functions.bitwise_invert(self)

    def __add__(self, other: Operand) -> Tensor:
        return functions.add(self, other)

    def __radd__(self, other: Operand) -> Tensor:
        return functions.add(other, self)

    def __sub__(self, other: Operand) -> Tensor:
        return functions.subtract(self, other)

    def __rsub__(self, other: Operand) -> Tensor:
        return functions.subtract(other, self)

    def __mul__(self, other: Operand) -> Tensor:
        return functions.multiply(self, other)

    def __rmul__(self, other: Operand) -> Tensor:
        return functions.multiply(other, self)

    def __truediv__(self, other: Operand) -> Tensor:
        return functions.divide(self, other)

    def __rtruediv__(self, other: Operand) -> Tensor:
        return functions.divide(other, self)

    def __floordiv__(self, other: Operand) -> Tensor:
        return functions.floor_divide(self, other)

    def __rfloordiv__(self, other: Operand) -> Tensor:
        return functions.floor_divide(other, self)

    def __mod__(self, other: Operand) -> Tensor:
        return functions.remainder(self, other)

    def __rmod__(self, other: Operand) -> Tensor:
        return functions.remainder(other, self)

    def __pow__(self, other: Operand) -> Tensor:
        return functions.pow(self, other)

    def __rpow__(self, other: Operand) -> Tensor:
        return functions.pow(other, self)

    def __matmul__(self, other: Tensor) -> Tensor:
        return functions.matmul(self, other)

    def __and__(self, other: Operand) -> Tensor:
        return functions.bitwise_and(self, other)

    def __or__(self, other: Operand) -> Tensor:
        return functions.bitwise_or(self, other)

    def __xor__(self, other: Operand) -> Tensor:
        return functions.bitwise_xor(self, other)

    def __lshift__(self, other: Operand) -> Tensor:
        return functions.bitwise_left_shift(self, other)

    def __rshift__(self, other: Operand) -> Tensor:
        return functions.bitwise_right_shift(self, other)

    def __eq__(self, other: Operand) -> Tensor:  # type: ignore[override]
        return functions.equal(self, other)

    def __ne__(self, other: Operand) -> Tensor:  # type: ignore[override]
        return functions.not_equal(self, other)

    def __lt__(self, other: Operand) -> Tensor:
        return functions.less(self, other)

    def __le__(self, other: Operand) -> Tensor:
        return functions.less_equal(self, other)

    def __gt__(self, other: Operand) -> Tensor:
        return functions.greater(self, other)

    def __ge__(self, other: Operand) -> Tensor:
        return functions.greater_equal(self, other)

    __hash__ = object.__hash__  # by identity, as `==` compares elements

    def __getitem__(self, key: Any) -> Tensor:
        return functions.getitem(self, key)

    def __iter__(self) -> Iterator[Tensor]:
        len(self)  # raises where there are no axes
        return iter(functions.unstack(self))

    # Methods, under PyTorch's names.

    def exp(self) -> Tensor:
        """Return `needle.autograd.exp` of this tensor."""
        return functions.exp(self)

    def log(self) -> Tensor:
        """Return `needle.autograd.log` of this tensor."""
        return functions.log(self)

    def sqrt(self) -> Tensor:
        """Return `needle.autograd.sqrt` of this tensor."""
        return functions.sqrt(self)

    def square(self) -> Tensor:
        """Return `needle.autograd.square` of this tensor."""
        return functions.square(self)

    def abs(self) -> Tensor:
        """Return `needle.autograd.abs` of this tensor."""
        return functions.abs(self)

    def tanh(self) -> Tensor:
        """Return `needle.autograd.tanh` of this tensor."""
        return functions.tanh(self)

    def sigmoid(self) -> Tensor:
        """Return `needle.autograd.sigmoid` of this tensor."""
        return functions.sigmoid(self)

    def relu(self) -> Tensor:
        """Return `needle.autograd.relu` of this tensor."""
        return functions.relu(self)

    def sum(self, axis: Axes = None, keepdims: type_bool = False) -> Tensor:
        """Return `needle.autograd.sum` of this tensor."""
        return functions.sum(self, axis, keepdims)

    def mean(self, axis: Axes = None, keepdims: type_bool = False) -> Tensor:
        """Return `needle.autograd.mean` of this tensor."""
        return functions.mean(self, axis, keepdims)

    def max(self, axis: Axes = None, keepdims: type_bool = False) -> Tensor:
        """Return `needle.autograd.max` of this tensor."""
        return functions.max(self, axis, keepdims)

    def min(self, axis: Axes = None, keepdims: type_bool = False) -> Tensor:
        """Return `needle.autograd.min` of this tensor."""
        return functions.min(self, axis, keepdims)

    def any(self, axis: Axes = None, keepdims: type_bool = False) -> Tensor:
        """Return `needle.autograd.any` of this tensor."""
        return functions.any(self, axis, keepdims)

    def all(self, axis: Axes = None, keepdims: type_bool = False) -> Tensor:
        """Return `needle.autograd.all` of this tensor."""
        return functions.all(self, axis, keepdims)

    def argmax(self, axis: int | None = None, keepdims: type_bool = False) -> Tensor:
        """Return `needle.autograd.argmax` of this tensor."""
        return functions.argmax(self, axis, keepdims)

    def reshape(self, *shape: int | Sequence[int]) -> Tensor:
        """Return `needle.autograd.reshape` of this tensor; the extents as one sequence or one by one."""
        return functions.reshape(self, _sequence(shape))

    def permute(self, *axes: int | Sequence[int]) -> Tensor:
        """Return `needle.autograd.permute_dims` of this tensor; the axes as one sequence or one by one."""
        return functions.permute_dims(self, _sequence(axes))

    def expand(self, *shape: int | Sequence[int]) -> Tensor:
        """Return `needle.autograd.broadcast_to` of this tensor; the extents as one sequence or one by one."""
        return functions.broadcast_to(self, _sequence(shape))

    def squeeze(self, axis: int | Sequence[int]) -> Tensor:
        """Return `needle.autograd.squeeze` of this tensor."""
        return functions.squeeze(self, axis)

    def unsqueeze(self, axis: int) -> Tensor:
        """Return `needle.autograd.expand_dims` of this tensor."""
        return functions.expand_dims(self, axis)

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

    def to(self, target: Device | str | DType) -> Tensor:
        """Return the tensor on another device or, given a dtype, in that dtype."""
        if isinstance(target, nd.DType):
            return functions.astype(self, target)
        return functions.to_device(self, target)


Operand = Tensor | nd.NDArray | bool | int | float
"""What an elementwise op takes: a tensor, an array (a constant), or a number, which takes the tensors' dtype."""


def _sequence(values: tuple[Any, ...]) -> Sequence[int]:
    return values if len(values) != 1 or isinstance(values[0], int) else values[0]


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
