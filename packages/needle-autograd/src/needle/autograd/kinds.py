"""The kinds of ops that most are of: elementwise, linear and bilinear. `needle.autograd.rules` describes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import Parameter, Signature, signature
from typing import Any

import needle.ndarray as nd
from needle.autograd.creation import zeros_like
from needle.autograd.op import DIFFERENTIABLE, Batch, Op, Params, Spec, output_of, table, watch, wrapped
from needle.autograd.samples import Samples
from needle.autograd.tape import Node, mode, mutes, now, scopes
from needle.autograd.tensor import Tensor
from needle.ndarray import DType, NDArray
from needle.ndarray._core import user_frame

__all__ = ["ZERO", "Bilinear", "Elementwise", "Every", "Linear", "Partial", "Transpose", "fitted", "quick"]

ZERO = 0
"""The partial derivative of an op that is constant between its jumps, or whose output is boolean."""

Partial = Callable[..., Tensor] | int | None
"""A partial derivative: a number, or a function of any of the output ``out`` and the operands, by their names. A
boolean one selects elements."""
Transpose = Callable[..., Tensor] | int | None
"""A transpose: a function of the cotangent, the parameters and the operands, of which those that the op is linear in
are `Spec`s, and for `bilinear` the one that is not differentiated a tensor. `ZERO` and None stand for operands that the
op is not linear in: floating ones that only choose places, whose derivative is 0, and those that have none."""
Every = Callable[[Tensor, Params, int, Sequence[Spec]], Tensor]
"""The transpose for operand i of any number: a function of the cotangent, the parameters, i and the operands."""

OPERANDS = {1: ["x"], 2: ["x", "y"], 3: ["condition", "x", "y"]}
OUT = -1
NONE, NEITHER = (None,), (None, None)


class Elementwise(Op):
    """An op of that name in `needle.ndarray`."""

    def __init__(
        self,
        name: str,
        forward: Callable[..., NDArray],
        partials: tuple[Partial, ...],
        samples: Samples,
        reference: Callable[..., Any] | None,
    ) -> None:
        super().__init__(name, forward, samples, core=0)
        self.partials = partials
        self.reference = reference
        names = OPERANDS[len(partials)]
        self.reads = [_places(partial, [*names, "out"]) if callable(partial) else () for partial in partials]
        self.__signature__ = Signature([Parameter(x, Parameter.POSITIONAL_ONLY) for x in names])
        self.__doc__ = f"{forward.__doc__}\n\nOperands are tensors, arrays or numbers; they broadcast and promote."

    def note(self, edges: Sequence[Any], operands: Sequence[Any], params: Params, out: Any, extra: Any = None) -> Node:
        """Return the node, with those operands that the partial derivatives in question read."""
        kept: list[Any] = [None] * len(operands)
        result = None
        for edge, reads in zip(edges, self.reads, strict=True):
            if edge is not None:
                for place in reads:
                    if place == OUT:
                        result = out
                    else:
                        kept[place] = operands[place]
        node = Node(self, edges, params, out.shape, out.dtype, kept, result)
        node.watched = watch(kept if result is None else [*kept, result])
        return node

    def pull(self, node: Node, cotangent: Tensor) -> Sequence[Tensor | None]:
        """Return the cotangent of each operand, or None for one that requires none."""
        values = self._values(node.saved, cotangent)
        values.append(output_of(node))
        return [
            None if edge is None else fitted(self._pulled(i, cotangent, values), edge)
            for i, edge in enumerate(node.edges)
        ]

    def _values(self, operands: Sequence[Any], like: Tensor) -> list[Any]:
        """Return the operands as tensors of one dtype, so that partial derivatives need not promote them."""
        dtype = like.dtype
        values: list[Any] = []
        for x, partial in zip(operands, self.partials, strict=True):
            y = x if x is None or isinstance(x, Tensor) else _constant(x, like)
            # What is real stays so beside a complex operand, as in the partial derivative of abs.
            if y is not None and partial is not None and y.dtype is not dtype and y.dtype.kind != "complex":
                y = table["astype"](y, dtype=dtype)
            values.append(y)
        return values

    def _pulled(self, i: int, cotangent: Tensor, values: Sequence[Any]) -> Tensor:
        factor = self._factor(i, values)
        if not isinstance(factor, Tensor):
            return zeros_like(cotangent) if factor == ZERO else cotangent if factor == 1 else cotangent * factor
        if factor.dtype is nd.bool:
            return table["where"](factor, cotangent, 0.0)
        if factor.dtype.kind == "complex" and cotangent.dtype.kind == "complex":
            factor = table["conj"](factor)
        return cotangent * factor

    def push(self, operands: Sequence[Any], tangents: Sequence[Tensor | None], params: Params, out: Tensor) -> Any:
        """Return the sum of the partial derivatives times the tangents."""
        values = [*self._values(operands, out), out]
        total: Tensor | None = None
        for i, tangent in enumerate(tangents):
            if tangent is not None and (term := self._pushed(i, tangent, values, out)) is not None:
                total = term if total is None else total + term
        if total is None:
            return None
        if total.dtype is not out.dtype:
            total = table["astype"](total, dtype=out.dtype)
        return total if total.shape == out.shape else table["broadcast_to"](total, shape=out.shape)

    def _pushed(self, i: int, tangent: Tensor, values: Sequence[Any], out: Tensor) -> Tensor | None:
        factor = self._factor(i, values)
        if not isinstance(factor, Tensor):
            return None if factor == ZERO else tangent if factor == 1 else tangent * factor
        if factor.dtype is nd.bool:
            return table["where"](factor, tangent, 0.0)
        if tangent.dtype.kind == "complex" and out.dtype.kind != "complex":  # a real function, as abs
            return table["real"](table["conj"](factor) * tangent)
        return factor * tangent

    def _factor(self, i: int, values: Sequence[Any]) -> Tensor | int:
        partial = self.partials[i]
        if partial is None:
            raise self.missing()
        return partial(*[values[place] for place in self.reads[i]]) if callable(partial) else partial


def quick(op: Elementwise) -> Callable[..., Tensor]:
    """Return the op as a function of one or two operands that loses no time where nobody watches.

    It does what `Op.__call__`, `Tensor.__init__`, `Elementwise.note` and `Node.__init__` do, at once.
    """
    forward, reads = op.forward, op.reads
    new = object.__new__

    def unary(x: Any, /) -> Tensor:
        if scopes or not isinstance(x, Tensor):
            return op(x)
        out = new(Tensor)
        out.data = data = forward(x.data)
        out.grad = out.node = None
        out.tracked = False
        if x.tracked and (not mutes or mode.recording) and (dtype := data.dtype) in DIFFERENTIABLE:
            out.tracked = True
            out.node = node = new(Node)
            node.op, node.shape, node.dtype, node.order, node.frame = op, data.shape, dtype, now(), user_frame()
            node.edges = (x.node or x,)
            node.saved = NONE
            if read := reads[0]:
                node.saved = (x if 0 in read else None,)
                node.out = data if OUT in read else None
                node.watched = watch((x, data) if len(read) > 1 else (x,) if 0 in read else (data,))
        return out

    def binary(x: Any, y: Any, /) -> Tensor:
        if scopes:
            return op(x, y)
        x_is, y_is = isinstance(x, Tensor), isinstance(y, Tensor)
        out = new(Tensor)
        out.data = data = forward(x.data if x_is else x, y.data if y_is else y)
        out.grad = out.node = None
        out.tracked = False
        x_is, y_is = x_is and x.tracked, y_is and y.tracked
        if (x_is or y_is) and (not mutes or mode.recording) and (dtype := data.dtype) in DIFFERENTIABLE:
            out.tracked = True
            out.node = node = new(Node)
            node.op, node.shape, node.dtype, node.order, node.frame = op, data.shape, dtype, now(), user_frame()
            node.edges = ((x.node or x) if x_is else None, (y.node or y) if y_is else None)
            node.saved = NEITHER
            if read := (reads[0] if x_is else ()) + (reads[1] if y_is else ()):
                node.saved = kept = (x if 0 in read else None, y if 1 in read else None)
                node.out = data if OUT in read else None
                node.watched = watch((*kept, node.out))
        return out

    function = unary if len(op.partials) == 1 else binary
    function.__name__ = function.__qualname__ = op.name
    function.__doc__ = op.__doc__
    return function


class Linear(Op):
    """An op that is linear in its operands together, but for those whose transpose is None."""

    def __init__(
        self,
        name: str,
        forward: Callable[..., NDArray],
        transposes: Sequence[Transpose],
        every: Every | None,
        samples: Samples,
        batch: Batch | None,
        core: int | None,
    ) -> None:
        super().__init__(name, forward, samples, batch, core)
        self.transposes = transposes
        self.every = every

    def note(self, edges: Sequence[Any], operands: Sequence[Any], params: Params, out: Any, extra: Any = None) -> Node:
        """Return the node, with the operands that the op is not linear in and the `Spec`s of the others."""
        kept = [
            Spec(x) if (self.every or self.transposes[i]) and isinstance(x, Tensor | NDArray) else x
            for i, x in enumerate(operands)
        ]
        node = Node(self, edges, params, out.shape, out.dtype, kept)
        node.watched = watch(kept)
        return node

    def pull(self, node: Node, cotangent: Tensor) -> Sequence[Tensor | None]:
        """Return the cotangent of each operand, or None for one that requires none."""
        return [None if edge is None else self._part(i, cotangent, node) for i, edge in enumerate(node.edges)]

    def _part(self, i: int, cotangent: Tensor, node: Node) -> Tensor:
        if self.every:
            return fitted(self.every(cotangent, node.params, i, node.saved), node.saved[i])
        transpose: Any = self.transposes[i]
        if transpose is None:
            raise self.missing()
        if transpose == ZERO:
            return zeros_like(node.saved[i])
        return fitted(transpose(cotangent, node.params, *node.saved), node.saved[i])

    def push(self, operands: Sequence[Any], tangents: Sequence[Tensor | None], params: Params, out: Tensor) -> Any:
        """Return the op of the tangents."""
        moved = [
            x if not (self.every or self.transposes[i]) else zeros_like(x) if t is None else t
            for i, (x, t) in enumerate(zip(operands, tangents, strict=True))
        ]
        return self(*moved, **params)


class Bilinear(Linear):
    """An op that is linear in each of two operands while the other is fixed."""

    def note(self, edges: Sequence[Any], operands: Sequence[Any], params: Params, out: Any, extra: Any = None) -> Node:
        """Return the node, with each operand whose other one is differentiated."""
        x, y = map(wrapped, operands)
        kept = [Spec(x) if edges[1] is None else x, Spec(y) if edges[0] is None else y]
        node = Node(self, edges, params, out.shape, out.dtype, kept)
        node.watched = watch(kept)
        return node

    def push(self, operands: Sequence[Any], tangents: Sequence[Tensor | None], params: Params, out: Tensor) -> Any:
        """Return the product rule's sum."""
        (x, y), (dx, dy) = operands, tangents
        terms = [] if dx is None else [self(dx, y, **params)]
        terms += [] if dy is None else [self(x, dy, **params)]
        return None if not terms else terms[0] if len(terms) == 1 else terms[0] + terms[1]


def _places(rule: Callable[..., Any], names: Sequence[str]) -> tuple[int, ...]:
    """Return for each parameter of a rule its place among the operands, and OUT for the output."""
    places = [names.index(name) for name in signature(rule).parameters]
    return tuple(OUT if place == len(names) - 1 else place for place in places)


def fitted(part: Tensor, like: Any) -> Tensor:
    """Return a cotangent of the output's shape and dtype in those of the operand, which the op broadcast and cast."""
    shape: tuple[int, ...] = like.shape
    found = part.shape
    if found != shape:
        lead = len(found) - len(shape)
        axes = (*range(lead), *(i for i in range(lead, len(found)) if found[i] != shape[i - lead]))
        part = table["reshape"](table["sum"](part, axis=axes, keepdims=False), shape=shape)
    return _cast_back(part, like.dtype)


def _cast_back(part: Tensor, dtype: DType) -> Tensor:
    """Return a cotangent in the operand's dtype; of one for a real operand, the real part."""
    if part.dtype is dtype:
        return part
    if part.dtype.kind == "complex" and dtype.kind != "complex":
        part = table["real"](part)
    return table["astype"](part, dtype=dtype)


def _constant(x: Any, like: Tensor) -> Tensor:
    """Return a number or an array as a tensor that goes with ``like``."""
    if isinstance(x, NDArray):
        return Tensor(x)
    kind = nd.result_type(like.dtype, nd.complex64) if isinstance(x, complex) else like.dtype
    return Tensor(nd.full((), x, kind, like.device))
