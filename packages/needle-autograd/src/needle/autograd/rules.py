"""The kinds of ops: an op is one block of the table, and its kind decides its rules.

- `elementwise`: an element of the output depends on those at its own place; given are the partial derivatives.
- `linear`: linear in its operands together; given are the transposes.
- `bilinear`: linear in each of two operands; given are the transposes for the one and for the other.
- `special`: none of these; its rule is given whole, and its block says why.
- `fused`: one kernel makes the result and another the gradients; the same rule made of ops is given besides.
- `opaque`: the result is integer or boolean, so there is nothing to differentiate, or no rule is known.
- `composite`: a function of tensors that is made of other ops and needs no rule.

Rules are written with ops on tensors, so they can be differentiated again, and each serves reverse mode, forward mode
and batches. They see operands of one dtype and, where these are differentiated, of the output's shape: casts and
broadcasts that an op did by itself are noted as ops of their own (`astype` and `broadcast_to`, both linear), so that no
rule has to undo them. The tape keeps what a rule reads: for `elementwise` what its parameters name, for `linear` and
`bilinear` nothing of the operand that is differentiated but its `Spec`, for `special` what ``saves`` says.

Complex numbers follow the convention of conjugate Wirtinger derivatives: the gradient of a real loss for z = x + iy is
dL/dx + i dL/dy, so that a step against it descends. A vector-Jacobian product then multiplies by the conjugate of f'.
Source: K. Kreutz-Delgado, "The complex gradient operator and the CR-calculus", arXiv:0906.4835 (2009).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import Parameter, Signature, signature
from typing import Any, Literal, TypeVar

import needle.ndarray as nd
from needle.autograd.frames import Taped, TapeFrame, Traced, top_frame
from needle.autograd.op import Batch, Op, Params, Spec, edges_of, records, table, zeros_like
from needle.autograd.samples import Samples, uniform
from needle.autograd.tape import Node, Several, mode, walk
from needle.autograd.tensor import Tensor
from needle.ndarray import DType, NDArray

__all__ = [
    "ZERO", "Bilinear", "Composite", "Elementwise", "Fused", "Linear", "Special", "bilinear", "composite",
    "elementwise", "fused", "linear", "opaque", "special",
]  # fmt: skip

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
Pullback = Callable[..., Any]
"""A whole rule: a function of the cotangent, the parameters, the output and the operands, that gives the operand's
cotangent, or for several operands a sequence with None for those that have none. An op of several outputs gets
sequences of cotangents and outputs. What is not saved comes as a `Spec`."""
Tangent = Callable[..., Any]
"""The forward rule: a function of the tangents (a sequence, None for zero), the parameters, the output and the
operands, that gives the output's tangent."""
Gradients = Callable[..., Sequence[NDArray | None]]
"""The gradient kernel of a fused op: a function of the cotangent's array, the parameters, the output's array, what the
forward function saved, and the operands' arrays, that gives each operand's gradient."""
Saves = Literal["inputs", "output", "both", "neither"]
Function = TypeVar("Function", bound=Callable[..., Tensor])

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
            for x, partial in zip(map(_wrap, operands), self.partials, strict=True)
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
        values.append(_output(node))
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
            _cast(x, out.dtype) if self.every or self.transposes[i] else x for i, x in enumerate(map(_wrap, operands))
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


def transposed(
    rule: Callable[[Sequence[Tensor]], Sequence[Any]], outs: Sequence[Any], tangents: Sequence[Tensor | None]
) -> tuple[Tensor | None, ...]:
    """Return the tangents of the results, None for zero, given the rule for their cotangents.

    The rule is linear in the cotangents, so its transpose is the Jacobian again; it is found by walking a tape of the
    rule. Source: J. Townsend, "A new trick for calculating Jacobian vector products" (2017).
    """
    with TapeFrame() as frame:
        seeds = [Taped(frame, zeros_like(x)) if isinstance(x, Tensor) else x for x in outs]
        pairs = zip(rule(seeds), tangents, strict=True)
        roots = [(part.node or part, t) for part, t in pairs if t is not None and frame.owns(part)]
    found = walk(roots, retain=False)
    return tuple(found.get(x) if isinstance(x, Tensor) else None for x in seeds)


class Special(Op):
    """An op with a rule of its own."""

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        vjp: Pullback,
        samples: Samples,
        saves: Saves = "both",
        jvp: Tangent | None = None,
        batch: Batch | None = None,
        core: int | None = None,
    ) -> None:
        super().__init__(name, forward, samples, batch, core)
        self.vjp = vjp
        self.saves = saves
        self.jvp = jvp

    def note(self, edges: Sequence[Any], operands: Sequence[Any], params: Params, out: Any, extra: Any = None) -> Node:
        """Return the node, with what the rule saves."""
        kept = operands if self.saves in ("inputs", "both") else [_spec(x) for x in operands]
        several = isinstance(out, tuple)
        if self.saves in ("inputs", "neither"):
            out_kept: Any = tuple(map(_spec, out)) if several else _spec(out)
        else:
            out_kept = out
        shape, dtype = ((), None) if several else (out.shape, out.dtype)
        return Node(self, edges, params, shape, dtype, kept, out_kept)

    def pull(self, node: Node, cotangent: Any) -> Sequence[Tensor | None]:
        """Return the cotangent of each operand, or None for one that requires none."""
        out = _output(node)
        if isinstance(cotangent, Several):
            cotangent = tuple(cotangent[i] if i in cotangent else zeros_like(x) for i, x in enumerate(out))
        found = self.vjp(cotangent, node.params, out, *node.saved)
        parts = [found] if isinstance(found, Tensor) else found
        return [None if edge is None else part for edge, part in zip(node.edges, parts, strict=True)]

    def push(self, operands: Sequence[Any], tangents: Sequence[Tensor | None], params: Params, out: Any) -> Any:
        """Return the tangent of the result by its own rule, or by transposing the rule for cotangents."""
        if self.jvp is not None:
            return self.jvp(tangents, params, out, *operands)
        several = isinstance(out, tuple)

        def rule(seeds: Sequence[Tensor]) -> Sequence[Tensor | None]:
            found = self.vjp(tuple(seeds) if several else seeds[0], params, out, *operands)
            return [found] if isinstance(found, Tensor) else found

        moved = transposed(rule, out if several else (out,), tangents)
        return moved if several else moved[0]


class Fused(Special):
    """An op of one kernel, whose gradients are another one's; None stands for an operand that is left out.

    A gradient that is to be differentiated again, or batched, is computed by the rule made of ops.
    """

    def __init__(
        self,
        name: str,
        kernel: Callable[..., tuple[NDArray, Sequence[Any]]],
        gradients: Gradients,
        vjp: Pullback,
        samples: Samples,
        saves: Saves,
        batch: Batch | None,
        core: int | None,
    ) -> None:
        super().__init__(name, kernel, vjp, samples, saves, None, batch, core)
        self.gradients = gradients

    def __call__(self, *operands: Any, **params: Any) -> Any:
        """Return the function's result for tensors, arrays and None."""
        frame = top_frame(operands) if mode.careful else None
        return self.saving(operands, params)[0] if frame is None else frame.process(self, operands, params)

    def saving(self, operands: Sequence[Any], params: Params) -> tuple[Any, Any]:
        """Return the result, and what the kernel keeps for its gradient; None where operands are of a frame."""
        if mode.careful and top_frame(operands) is not None:
            return self(*operands, **params), None
        inputs = [_wrap(x) for x in operands]
        data, extra = self.forward(*map(_array, inputs), **params)
        out = Tensor(data)
        if mode.recording and records(inputs):
            out.tracked = True
            out.node = self.note(edges_of(inputs), inputs, params, data, extra)
        return out, extra

    def note(self, edges: Sequence[Any], operands: Sequence[Any], params: Params, out: Any, extra: Any = None) -> Node:
        """Return the node, with what the rule saves and what the kernel keeps."""
        node = super().note(edges, operands, params, out)
        node.extra = extra
        return node

    def pull(self, node: Node, cotangent: Tensor) -> Sequence[Tensor | None]:
        """Return the cotangent of each operand, or None for one that requires none."""
        if node.extra is None or not all(map(_is_constant, (cotangent, *node.saved))):
            return super().pull(node, cotangent)
        found = self.gradients(cotangent.data, node.params, _array(node.out), node.extra, *map(_array, node.saved))
        return [None if x is None or edge is None else Tensor(x) for edge, x in zip(node.edges, found, strict=True)]


class Composite(Op):
    """A function of tensors made of other ops; it is in the table for its samples."""

    def __call__(self, *operands: Any, **params: Any) -> Any:
        """Return the function's result."""
        return self.forward(*operands, **params)


def elementwise(
    name: str,
    *partials: Partial,
    forward: Callable[..., NDArray] | None = None,
    samples: Samples | None = None,
    reference: Callable[..., Any] | None = None,
) -> Elementwise:
    """Add an elementwise op.

    Args:
        name: Its name.
        partials: For each operand its partial derivative: a function of any of the output ``out`` and the operands
            (``x``; ``x`` and ``y``; or ``condition``, ``x`` and ``y``), a number, `ZERO`, or None for an operand that
            is not differentiable. The tape keeps what the function names. Where a boolean one is False, the derivative
            is 0.
        forward: The function of arrays; by default that of this name in `needle.ndarray`.
        samples: Arguments to test it on; by default numbers from -2 to 2 for each operand.
        reference: The same function of Python numbers, for the tests, where NumPy has none of this name.
    """
    samples = samples or uniform(*[(-2.0, 2.0)] * len(partials))
    return Elementwise(name, forward or getattr(nd, name), partials, samples, reference)


def linear(
    name: str,
    forward: Callable[..., NDArray],
    *transposes: Transpose,
    every: Every | None = None,
    samples: Samples,
    batch: Batch | None = None,
    core: int | None = None,
) -> Linear:
    """Add an op that is linear in its operands together.

    Args:
        name: Its name.
        forward: The function of arrays and keyword parameters.
        transposes: For each operand a function ``(cotangent, params, *operands)`` that gives the operand's cotangent,
            or `ZERO` or None for an operand that the op is not linear in. Those that it is linear in come as `Spec`.
        every: For an op of any number of operands, one function ``(cotangent, params, i, operands)`` instead.
        samples: Arguments to test it on.
        batch: The batching rule ``(params, *operands)``: operands and result have a batch axis in front.
        core: Instead, for an op that works on the last ``core`` axes and broadcasts those before: their number.
    """
    return Linear(name, forward, transposes, every, samples, batch, core)


def bilinear(
    name: str,
    forward: Callable[..., NDArray],
    left: Transpose,
    right: Transpose,
    *,
    samples: Samples,
    batch: Batch | None = None,
    core: int | None = None,
) -> Bilinear:
    """Add an op that is linear in each of two operands; ``left`` and ``right`` are as the transposes of `linear`.

    ``left`` gets the second operand as a tensor, and ``right`` the first.
    """
    return Bilinear(name, forward, (left, right), None, samples, batch, core)


def special(
    name: str,
    forward: Callable[..., Any],
    vjp: Pullback,
    *,
    samples: Samples,
    saves: Saves = "both",
    jvp: Tangent | None = None,
    batch: Batch | None = None,
    core: int | None = None,
) -> Special:
    """Add an op of no kind, with ``vjp(cotangent, params, output, *operands)``, which gives new tensors.

    Args:
        name: Its name.
        forward: The function of arrays and keyword parameters; it gives an array or a tuple of arrays.
        vjp: The rule. Of several outputs it gets tuples.
        samples: Arguments to test it on.
        saves: What of the operands and the output the rule reads; the rest comes as `Spec`.
        jvp: The forward rule ``(tangents, params, output, *operands)``; by default the transpose of ``vjp``.
        batch: As in `linear`.
        core: As in `linear`.
    """
    return Special(name, forward, vjp, samples, saves, jvp, batch, core)


def fused(
    name: str,
    kernel: Callable[..., tuple[NDArray, Sequence[Any]]],
    gradients: Gradients,
    vjp: Pullback,
    *,
    samples: Samples,
    saves: Saves = "both",
    batch: Batch | None = None,
    core: int | None = None,
) -> Fused:
    """Add an op of one kernel.

    Args:
        name: Its name.
        kernel: The function of arrays and keyword parameters; it gives the result and a sequence of what to keep.
        gradients: ``(cotangent, params, output, kept, *operands)`` of arrays, which gives each operand's gradient or
            None. What is not saved comes as `Spec`.
        vjp: The same made of ops, ``(cotangent, params, output, *operands)``.
        samples: Arguments to test it on.
        saves: What of the operands and the output both rules read.
        batch: As in `linear`.
        core: As in `linear`.
    """
    return Fused(name, kernel, gradients, vjp, samples, saves, batch, core)


def opaque(
    name: str, forward: Callable[..., Any], *, samples: Samples, batch: Batch | None = None, core: int | None = None
) -> Op:
    """Add an op without a derivative."""
    return Op(name, forward, samples, batch, core)


def composite(samples: Samples) -> Callable[[Function], Function]:
    """Add a function that is made of other ops, so that it is tested as they are."""

    def register(function: Function) -> Function:
        Composite(function.__name__, function, samples)
        return function

    return register


def _places(rule: Callable[..., Any], names: Sequence[str]) -> tuple[int, ...]:
    """Return for each parameter of a rule its place among the operands, and OUT for the output."""
    places = [names.index(name) for name in signature(rule).parameters]
    return tuple(OUT if place == len(names) - 1 else place for place in places)


def _wrap(x: Any) -> Any:
    return Tensor(x) if isinstance(x, NDArray) else x


def _array(x: Any) -> Any:
    return x.data if isinstance(x, Tensor) else x


def _spec(x: Any) -> Any:
    return Spec(x) if isinstance(x, Tensor | NDArray) else x


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


def _is_constant(x: Any) -> bool:
    """Return whether ``x`` is no tensor, or one whose use nobody follows."""
    return not isinstance(x, Tensor) or not (isinstance(x, Traced) or (x.tracked and mode.recording))


def _output(node: Node) -> Any:
    """Return the result, or the results, that the node keeps, as tensors that it made."""
    if isinstance(node.out, tuple):
        return tuple(_restored(node, x, i) for i, x in enumerate(node.out))
    return _restored(node, node.out, None)


def _restored(node: Node, x: Any, i: int | None) -> Any:
    """Return an array of level 0, where the tensor would be a cycle, as a tensor; what is none as it is."""
    if not isinstance(x, NDArray):
        return x
    out = Tensor(x)
    if mode.recording and node.op.differentiable(x):
        out.tracked, out.node = True, node if i is None else node.op.part(node, i, out)
    return out
