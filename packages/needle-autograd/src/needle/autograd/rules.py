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
from typing import Any, TypeVar

import needle.ndarray as nd
from needle.autograd.kinds import ZERO, Bilinear, Elementwise, Every, Linear, Partial, Transpose, quick
from needle.autograd.op import Batch, Op
from needle.autograd.samples import Samples, uniform
from needle.autograd.special import Fused, Gradients, Pullback, Saves, Special, Tangent
from needle.autograd.tensor import Tensor
from needle.ndarray import NDArray

__all__ = [
    "ZERO", "Composite", "bilinear", "composite", "elementwise", "fused", "linear", "opaque", "special",
]  # fmt: skip

Function = TypeVar("Function", bound=Callable[..., Any])


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
) -> Callable[..., Tensor]:
    """Add an elementwise op, and return it as a function.

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
    op = Elementwise(name, forward or getattr(nd, name), partials, samples, reference)
    return op if len(partials) > 2 else quick(op)  # noqa: PLR2004 - the ops of three operands are not in a hurry


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
