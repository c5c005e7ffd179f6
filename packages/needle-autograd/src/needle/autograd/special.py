"""Ops with rules of their own, `special` and `fused`. `needle.autograd.rules` describes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from needle.autograd.creation import zeros_like
from needle.autograd.frames import Taped, TapeFrame, Traced, top_frame
from needle.autograd.kinds import fitted
from needle.autograd.op import Batch, Op, Params, Spec, edges_of, output_of, records, watch, wrapped
from needle.autograd.samples import Samples
from needle.autograd.tape import Node, Several, mode, scopes, walk
from needle.autograd.tensor import Tensor
from needle.ndarray import NDArray

__all__ = ["Fused", "Gradients", "Pullback", "Saves", "Special", "Tangent", "transposed"]

Pullback = Callable[..., Any]
"""A whole rule: a function of the cotangent, the parameters, the output and the operands, that gives the operand's
cotangent, or for several operands a sequence with None for those that have none. An op of several outputs gets
sequences of cotangents, with None for zero but not for all, and of outputs. What is not saved comes as a `Spec`."""
Tangent = Callable[..., Any]
"""The forward rule: a function of the tangents (a sequence, None for zero), the parameters, the output and the
operands, that gives the output's tangent."""
Gradients = Callable[..., Sequence[NDArray | None]]
"""The gradient kernel of a fused op: a function of the cotangent's array, the parameters, the output's array, what the
forward function saved, and the operands' arrays, that gives each operand's gradient."""
Saves = Literal["inputs", "output", "both", "neither"]


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
        node = Node(self, edges, params, shape, dtype, kept, out_kept)
        node.watched = watch((*kept, *(out_kept if several else (out_kept,))))
        return node

    def pull(self, node: Node, cotangent: Any) -> Sequence[Tensor | None]:
        """Return the cotangent of each operand, or None for one that requires none."""
        out = output_of(node)
        if isinstance(cotangent, Several):
            cotangent = tuple(cotangent.get(i) for i in range(len(out)))
        parts = self._parts(cotangent, node.params, out, node.saved)
        return [None if edge is None else part for edge, part in zip(node.edges, parts, strict=True)]

    def _parts(self, cotangent: Any, params: Params, out: Any, operands: Sequence[Any]) -> Sequence[Tensor | None]:
        """Return the cotangent of each operand, in its shape where the op broadcast it."""
        found = self.vjp(cotangent, params, out, *operands)
        parts = [found] if isinstance(found, Tensor) else found
        if self.core is None:
            return parts
        return [x if x is None else fitted(x, like) for x, like in zip(parts, operands, strict=True)]

    def push(self, operands: Sequence[Any], tangents: Sequence[Tensor | None], params: Params, out: Any) -> Any:
        """Return the tangent of the result by its own rule, or by transposing the rule for cotangents."""
        if self.jvp is not None:
            return self.jvp(tangents, params, out, *operands)
        several = isinstance(out, tuple)

        def rule(seeds: Sequence[Tensor]) -> Sequence[Tensor | None]:
            return self._parts(tuple(seeds) if several else seeds[0], params, out, operands)

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
        frame = top_frame(operands) if scopes and mode.frames else None
        return self.saving(operands, params)[0] if frame is None else frame.process(self, operands, params)

    def saving(self, operands: Sequence[Any], params: Params) -> tuple[Any, Any]:
        """Return the result, and what the kernel keeps for its gradient; None where operands are of a frame."""
        if scopes and mode.frames and top_frame(operands) is not None:
            return self(*operands, **params), None
        inputs = [wrapped(x) for x in operands]
        data, extra = self.forward(*map(_array, inputs), **params)
        out = Tensor(data)
        if mode.recording and records(inputs):
            out.tracked = True
            out.node = self.note(edges_of(inputs), inputs, params, data, extra)
        if scopes and mode.anomaly is not None:
            mode.anomaly.saw(self, inputs, params, (out,))
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


def _array(x: Any) -> Any:
    return x.data if isinstance(x, Tensor) else x


def _spec(x: Any) -> Any:
    return Spec(x) if isinstance(x, Tensor | NDArray) else x


def _is_constant(x: Any) -> bool:
    """Return whether ``x`` is no tensor, or one whose use nobody follows."""
    return not isinstance(x, Tensor) or not (isinstance(x, Traced) or (x.tracked and mode.recording))
