"""The kinds of ops that most are of: elementwise, linear and bilinear. `needle.autograd.rules` describes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import Parameter, Signature, signature
from typing import Any

import needle.ndarray as nd
from needle.autograd.op import Batch, Op, Params, Spec, output_of, table, wrapped, zeros_like
from needle.autograd.samples import Samples
from needle.autograd.tape import Node
from needle.autograd.tensor import Tensor
from needle.ndarray import DType, NDArray

__all__ = ["ZERO", "Bilinear", "Elementwise", "Every", "Linear", "Partial", "Transpose"]

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

    def prepare(self, operands: Sequence[Any], out: Any) -> Sequence[Any]:
        """Return the operands cast to the dtype, and those that are differentiated broadcast to the shape, of ``out``.

        What is real stays real beside complex numbers only where the result is real too, as that of `abs` is.
        """
        dtype, shape = out.dtype, out.shape
        for x in operands:
            if isinstance(x, Tensor):
                if x.dtype is not dtype or x.shape != shape:
                    break
            elif isinstance(x, NDArray):
                break
        else:
            return operands
        if dtype.kind == "float" and any(isinstance(x, Tensor) and x.dtype.kind == "complex" for x in operands):
            return operands
        return [
            x if partial is None else _expand(_cast(x, dtype), shape)
            for x, partial in zip(map(wrapped, operands), self.partials, strict=True)
        ]

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
        return Node(self, edges, params, out.shape, out.dtype, kept, result)

    def pull(self, node: Node, cotangent: Tensor) -> Sequence[Tensor | None]:
        """Return the cotangent of each operand, or None for one that requires none."""
        like = cotangent
        values = [x if x is None or isinstance(x, Tensor) else _constant(x, like) for x in node.saved]
        values.append(output_of(node))
        return [None if edge is None else self._pulled(i, cotangent, values) for i, edge in enumerate(node.edges)]

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
        values = [x if isinstance(x, Tensor) else _constant(x, out) for x in operands]
        values.append(out)
        total: Tensor | None = None
        for i, tangent in enumerate(tangents):
            if tangent is not None and (term := self._pushed(i, tangent, values, out)) is not None:
                total = term if total is None else total + term
        return total

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

    def prepare(self, operands: Sequence[Any], out: Any) -> Sequence[Any]:
        """Return the operands, where there are several, cast to the dtype of ``out``."""
        if len(operands) == 1:
            return operands
        return [
            _cast(x, out.dtype) if self.every or self.transposes[i] else x for i, x in enumerate(map(wrapped, operands))
        ]

    def note(self, edges: Sequence[Any], operands: Sequence[Any], params: Params, out: Any, extra: Any = None) -> Node:
        """Return the node, with the operands that the op is not linear in and the `Spec`s of the others."""
        kept = [
            Spec(x) if (self.every or self.transposes[i]) and isinstance(x, Tensor | NDArray) else x
            for i, x in enumerate(operands)
        ]
        return Node(self, edges, params, out.shape, out.dtype, kept)

    def pull(self, node: Node, cotangent: Tensor) -> Sequence[Tensor | None]:
        """Return the cotangent of each operand, or None for one that requires none."""
        return [None if edge is None else self._part(i, cotangent, node) for i, edge in enumerate(node.edges)]

    def _part(self, i: int, cotangent: Tensor, node: Node) -> Tensor:
        if self.every:
            return self.every(cotangent, node.params, i, node.saved)
        transpose: Any = self.transposes[i]
        if transpose is None:
            raise self.missing()
        if transpose == ZERO:
            return zeros_like(node.saved[i])
        return transpose(cotangent, node.params, *node.saved)

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
        x, y = operands
        kept = [Spec(x) if edges[1] is None else x, Spec(y) if edges[0] is None else y]
        return Node(self, edges, params, out.shape, out.dtype, kept)

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


def _cast(x: Any, dtype: DType) -> Any:
    return table["astype"](x, dtype=dtype) if isinstance(x, Tensor) and x.dtype is not dtype else x


def _expand(x: Any, shape: tuple[int, ...]) -> Any:
    """Note the broadcast of an operand that requires grad; a constant may stay as small as it is."""
    return table["broadcast_to"](x, shape=shape) if isinstance(x, Tensor) and x.tracked and x.shape != shape else x


def _constant(x: Any, like: Tensor) -> Tensor:
    """Return a number or an array as a tensor that goes with ``like``."""
    if isinstance(x, NDArray):
        return Tensor(x)
    kind = nd.result_type(like.dtype, nd.complex64) if isinstance(x, complex) else like.dtype
    return Tensor(nd.full((), x, kind, like.device))
