"""The op table: an op is one block, and its kind decides its rules.

- `elementwise`: an element of the output depends on those at its own place; given are the partial derivatives.
- `linear`: linear in its operands together; given are the transposes.
- `bilinear`: linear in each of two operands; given are the transposes for the one and for the other.
- `special`: none of these; its rule is given whole, and its block says why.
- `fused`: one kernel makes the result and another the gradients; the same rule made of ops is given besides.
- `opaque`: the result is integer or boolean, so there is nothing to differentiate, or no rule is known.
- `composite`: a function of tensors that is made of other ops and needs no rule.

Rules are written with ops on tensors, so they can be differentiated again. They see operands of one dtype and, where
these require grad, of the output's shape: when an op is noted, casts and broadcasts that it did by itself are noted as
ops of their own (`astype` and `broadcast_to`, both linear), so that no rule has to undo them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import Parameter, Signature
from typing import Any, TypeVar

import needle.ndarray as nd
from needle.autograd.samples import Samples, uniform
from needle.autograd.tape import Node, mode
from needle.autograd.tensor import Axes, Tensor
from needle.ndarray import DType, NDArray
from needle.ndarray.errors import message

__all__ = [
    "ZERO", "Bilinear", "Composite", "Elementwise", "Fused", "Linear", "Op", "Special", "axes_of", "bilinear",
    "composite", "elementwise", "fused", "linear", "opaque", "records", "special", "table",
]  # fmt: skip

ZERO = 0
"""The partial derivative of an op that is constant between its jumps, or whose output is boolean."""

Params = dict[str, Any]
Partial = (
    Callable[[Tensor, Tensor], Tensor]
    | Callable[[Tensor, Tensor, Tensor], Tensor]
    | Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
    | int
    | None
)
"""A partial derivative: a number, or a function of the output and the operands. A boolean one selects elements."""
Transpose = (
    Callable[[Tensor, Params, Tensor], Tensor]
    | Callable[[Tensor, Params, Tensor, Tensor], Tensor]
    | Callable[[Tensor, Params, Tensor, Tensor, Tensor], Tensor]
    | None
)
"""A transpose: a function of the cotangent, the parameters and the operands, of which it uses the shapes."""
Every = Callable[[Tensor, Params, int, Sequence[Tensor]], Tensor]
"""The transpose for operand i of any number: a function of the cotangent, the parameters, i and the operands."""
Pullback = Callable[[Tensor, Params, Tensor, Tensor], Tensor]
"""The rule of an op of one operand: a function of the cotangent, the parameters, the output and the operand."""
Gradients = Callable[..., Sequence[NDArray | None]]
"""The gradient kernel of a fused op: a function of the cotangent's array, the parameters, the output's array, what the
forward function saved, and the operands' arrays, that gives each operand's gradient."""
Pullbacks = Callable[..., Sequence[Tensor | None]]
"""The same of tensors, made of ops: a function of the cotangent, the parameters, the output and the operands."""
Function = TypeVar("Function", bound=Callable[..., Tensor])

OPERANDS = {1: ["x"], 2: ["x", "y"], 3: ["condition", "x", "y"]}
FLOATING = frozenset({nd.float16, nd.bfloat16, nd.float32, nd.float64})

table: dict[str, Op] = {}
"""Every op by name, including those that only rules use."""


class Op:
    """A function of arrays; called with tensors it is noted on the tape. Without a kind it has no derivative."""

    def __init__(self, name: str, forward: Callable[..., Any], samples: Samples) -> None:
        if name in table:
            raise ValueError(message(name, "the op table has an op of this name already"))
        self.name = self.__name__ = name
        self.forward = forward
        self.samples = samples
        table[name] = self

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def __call__(self, *operands: Any, **params: Any) -> Tensor:
        """Return the function's result for tensors, arrays and numbers."""
        arrays: list[Any] = []
        tracked = False
        for x in operands:
            if isinstance(x, Tensor):
                tracked = tracked or x.tracked
                arrays.append(x.data)
            else:
                arrays.append(x)
        data = self.forward(*arrays, **params)
        out = Tensor(data)
        if tracked and mode.recording:
            dtype = data.dtype
            if dtype in FLOATING:
                out.tracked = True
                out.node = Node(self, self.prepare(operands, data), params, data)
            elif dtype.kind == "complex":
                problem, hint = "complex results have no derivatives yet", "detach() the operands"
                raise NotImplementedError(message(self.name, problem, got=f"dtype {dtype.name}", hint=hint))
        return out

    def prepare(self, operands: Sequence[Any], out: NDArray) -> Sequence[Any]:
        """Return the operands as the rule is to see them."""
        return operands

    def pull(self, node: Node, cotangent: Tensor) -> Sequence[Tensor | None]:
        """Return the cotangent of each operand, or None for one that requires no grad."""
        raise self.missing()

    def missing(self) -> NotImplementedError:
        """Return the error for a derivative that is not known."""
        return NotImplementedError(message(self.name, "no derivative is known", hint="detach() the operand"))


class Elementwise(Op):
    """An op of that name in `needle.ndarray`."""

    def __init__(
        self, name: str, partials: tuple[Partial, ...], samples: Samples, reference: Callable[..., Any] | None
    ) -> None:
        super().__init__(name, getattr(nd, name), samples)
        self.partials = partials
        self.reference = reference
        self.__signature__ = Signature([Parameter(x, Parameter.POSITIONAL_ONLY) for x in OPERANDS[len(partials)]])
        self.__doc__ = f"{self.forward.__doc__}\n\nOperands are tensors, arrays or numbers; they broadcast and promote."

    def prepare(self, operands: Sequence[Any], out: NDArray) -> Sequence[Any]:
        """Return the operands cast to the dtype, and those that require grad broadcast to the shape, of ``out``."""
        dtype, shape = out.dtype, out.shape
        for x in operands:
            if isinstance(x, Tensor):
                data = x.data
                if data.dtype is not dtype or data.shape != shape:
                    break
            elif isinstance(x, NDArray):
                break
        else:
            return operands
        return [
            x if partial is None else _expand(_cast(x, dtype), shape)
            for x, partial in zip(map(_wrap, operands), self.partials, strict=True)
        ]

    def pull(self, node: Node, cotangent: Tensor) -> Sequence[Tensor | None]:
        """Return the cotangent of each operand, or None for one that requires no grad."""
        out = _output(node)
        operands = [x if isinstance(x, Tensor) else _constant(x, node.out) for x in node.inputs]
        return [
            self._product(partial, cotangent, out, operands) if x.tracked else None
            for x, partial in zip(operands, self.partials, strict=True)
        ]

    def _product(self, partial: Partial, cotangent: Tensor, out: Tensor, operands: Sequence[Tensor]) -> Tensor:
        if partial is None:
            raise self.missing()
        if not callable(partial):
            if partial == ZERO:
                return Tensor(nd.zeros_like(cotangent.data))
            return cotangent if partial == 1 else cotangent * partial
        factor = partial(out, *operands)
        return table["where"](factor, cotangent, 0.0) if factor.dtype is nd.bool else cotangent * factor


class Linear(Op):
    """An op that is linear in its operands together, but for those whose transpose is None."""

    def __init__(
        self,
        name: str,
        forward: Callable[..., NDArray],
        transposes: Sequence[Transpose],
        every: Every | None,
        samples: Samples,
    ) -> None:
        super().__init__(name, forward, samples)
        self.transposes = transposes
        self.every = every

    def prepare(self, operands: Sequence[Any], out: NDArray) -> Sequence[Any]:
        """Return the operands, where there are several, cast to the dtype of ``out``."""
        if len(operands) == 1:
            return operands
        return [
            _cast(x, out.dtype) if self.every or self.transposes[i] else x for i, x in enumerate(map(_wrap, operands))
        ]

    def pull(self, node: Node, cotangent: Tensor) -> Sequence[Tensor | None]:
        """Return the cotangent of each operand, or None for one that requires no grad."""
        return [self._part(i, cotangent, node) if x.tracked else None for i, x in enumerate(node.inputs)]

    def _part(self, i: int, cotangent: Tensor, node: Node) -> Tensor:
        if self.every:
            return self.every(cotangent, node.params, i, node.inputs)
        transpose: Any = self.transposes[i]
        if transpose is None:
            raise self.missing()
        return transpose(cotangent, node.params, *node.inputs)


class Bilinear(Linear):
    """An op that is linear in each of two operands while the other is fixed."""


class Special(Op):
    """An op of one operand with a rule of its own."""

    def __init__(self, name: str, forward: Callable[..., NDArray], vjp: Pullback, samples: Samples) -> None:
        super().__init__(name, forward, samples)
        self.vjp = vjp

    def pull(self, node: Node, cotangent: Tensor) -> Sequence[Tensor | None]:
        """Return the cotangent of each operand, or None for one that requires no grad."""
        return [self.vjp(cotangent, node.params, _output(node), node.inputs[0])]


class Fused(Op):
    """An op of one kernel, whose gradients are another one's; None stands for an operand that is left out.

    A gradient that is to be differentiated again is computed by the rule made of ops.
    """

    def __init__(
        self,
        name: str,
        forward: Callable[..., tuple[NDArray, Sequence[Any]]],
        gradients: Gradients,
        vjp: Pullbacks,
        samples: Samples,
    ) -> None:
        super().__init__(name, forward, samples)
        self.gradients = gradients
        self.vjp = vjp

    def __call__(self, *operands: Any, **params: Any) -> Tensor:
        """Return the function's result for tensors, arrays and None."""
        inputs = [_wrap(x) for x in operands]
        data, saved = self.forward(*map(_array, inputs), **params)
        out = Tensor(data)
        if records(inputs):
            out.tracked = True
            out.node = Node(self, inputs, {**params, "saved": saved}, data)
        return out

    def pull(self, node: Node, cotangent: Tensor) -> Sequence[Tensor | None]:
        """Return the cotangent of each operand, or None for one that requires no grad."""
        params = {name: value for name, value in node.params.items() if name != "saved"}
        wanted = [x is not None and x.tracked for x in node.inputs]
        if mode.recording:
            parts = self.vjp(cotangent, params, _output(node), *node.inputs)
        else:
            found = self.gradients(cotangent.data, params, node.out, node.params["saved"], *map(_array, node.inputs))
            parts = [None if x is None else Tensor(x) for x in found]
        return [part if want else None for part, want in zip(parts, wanted, strict=True)]


class Composite(Op):
    """A function of tensors made of other ops; it is in the table for its samples."""

    def __call__(self, *operands: Any, **params: Any) -> Tensor:
        """Return the function's result."""
        return self.forward(*operands, **params)


def elementwise(
    name: str, *partials: Partial, samples: Samples | None = None, reference: Callable[..., Any] | None = None
) -> Elementwise:
    """Add the op whose function in `needle.ndarray` has this name.

    Args:
        name: The function's name there.
        partials: For each operand its partial derivative: a function of the output and the operands, a number, `ZERO`,
            or None for an operand that is not differentiable. Where a boolean one is False, the derivative is 0.
        samples: Arguments to test it on; by default numbers from -2 to 2 for each operand.
        reference: The same function of Python numbers, for the tests, where NumPy has none of this name.
    """
    return Elementwise(name, partials, samples or uniform(*[(-2.0, 2.0)] * len(partials)), reference)


def linear(
    name: str,
    forward: Callable[..., NDArray],
    *transposes: Transpose,
    every: Every | None = None,
    samples: Samples,
) -> Linear:
    """Add an op that is linear in its operands together.

    Args:
        name: Its name.
        forward: The function of arrays and keyword parameters.
        transposes: For each operand a function ``(cotangent, params, *operands)`` that gives the operand's cotangent,
            or None for an operand that the op is not linear in.
        every: For an op of any number of operands, one function ``(cotangent, params, i, operands)`` instead.
        samples: Arguments to test it on.
    """
    return Linear(name, forward, transposes, every, samples)


def bilinear(
    name: str, forward: Callable[..., NDArray], left: Transpose, right: Transpose, *, samples: Samples
) -> Bilinear:
    """Add an op that is linear in each of two operands; ``left`` and ``right`` are as the transposes of `linear`."""
    return Bilinear(name, forward, (left, right), None, samples)


def special(name: str, forward: Callable[..., NDArray], vjp: Pullback, *, samples: Samples) -> Special:
    """Add an op of one operand and no kind, with ``vjp(cotangent, params, output, operand)``, a new tensor."""
    return Special(name, forward, vjp, samples)


def fused(
    name: str,
    forward: Callable[..., tuple[NDArray, Sequence[Any]]],
    gradients: Gradients,
    vjp: Pullbacks,
    *,
    samples: Samples,
) -> Fused:
    """Add an op of one kernel.

    Args:
        name: Its name.
        forward: A function of arrays and keyword parameters that gives the result and what to save for ``gradients``.
        gradients: The gradient kernel.
        vjp: The same made of ops, for gradients that are differentiated again.
        samples: Arguments to test it on.
    """
    return Fused(name, forward, gradients, vjp, samples)


def opaque(name: str, forward: Callable[..., NDArray], *, samples: Samples) -> Op:
    """Add an op without a derivative."""
    return Op(name, forward, samples)


def composite(samples: Samples) -> Callable[[Function], Function]:
    """Add a function that is made of other ops, so that it is tested as they are."""

    def register(function: Function) -> Function:
        Composite(function.__name__, function, samples)
        return function

    return register


def records(operands: Sequence[Any]) -> bool:
    """Return whether an op on these operands is to be noted."""
    for x in operands:
        if isinstance(x, Tensor) and x.tracked:
            return mode.recording
    return False


def axes_of(op: str, axis: Axes, ndim: int) -> tuple[int, ...]:
    """Return the axes as numbers from 0 on; all where ``axis`` is None."""
    if axis is None:
        return tuple(range(ndim))
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    if not all(-ndim <= a < ndim for a in axes):
        raise IndexError(message(op, "no such axis", got=f"axis {axis}", expected=f"from {-ndim} to {ndim - 1}"))
    axes = tuple(a % ndim for a in axes)
    if len(set(axes)) != len(axes):
        raise ValueError(message(op, "an axis is given twice", got=f"axis {axis}"))
    return axes


def _wrap(x: Any) -> Any:
    return Tensor(x) if isinstance(x, NDArray) else x


def _array(x: Tensor | None) -> NDArray | None:
    return None if x is None else x.data


def _cast(x: Any, dtype: DType) -> Any:
    return table["astype"](x, dtype=dtype) if isinstance(x, Tensor) and x.dtype is not dtype else x


def _expand(x: Any, shape: tuple[int, ...]) -> Any:
    """Note the broadcast of an operand that requires grad; a constant may stay as small as it is."""
    return table["broadcast_to"](x, shape=shape) if isinstance(x, Tensor) and x.tracked and x.shape != shape else x


def _constant(number: float, like: NDArray) -> Tensor:
    return Tensor(nd.full((), number, like.dtype, like.device))


def _output(node: Node) -> Tensor:
    """Return the tensor that the node made."""
    out = Tensor(node.out)
    out.tracked, out.node = True, node
    return out
