"""Reverse mode: `vjp` and what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import needle.ndarray as nd
from needle.autograd.creation import zeros_like
from needle.autograd.frames import Taped, TapeFrame
from needle.autograd.tape import walk
from needle.autograd.tensor import Tensor
from needle.autograd.transforms.arguments import Arguments, chosen, fitting, is_differentiable, split_aux
from needle.autograd.tree import tree_map
from needle.ndarray.errors import message

__all__ = ["grad", "linearize", "value_and_grad", "vjp"]

Argnums = int | Sequence[int]


class _Record:
    """A function's result, and the tape from its arguments to it."""

    def __init__(self, op: str, f: Callable[..., Any], primals: tuple[Any, ...], has_aux: bool) -> None:
        self.op = op
        self.primals = Arguments.of(primals)
        with TapeFrame() as frame:
            self.inside, args = self.primals.wrapped(lambda x: Taped(frame, x))
            result, aux = split_aux(op, f(*args), has_aux)
        self.frame = frame
        self.taped = Arguments.of(result)
        self.result = Arguments([frame.lower(x) for x in self.taped.leaves], self.taped.structure)
        self.aux = tree_map(frame.lower, aux)

    @property
    def out(self) -> Any:
        """The result, out of the frame."""
        return self.result.put(self.result.leaves)

    def pull(self, cotangents: Any, *, retain: bool) -> Any:
        """Return the cotangents of the arguments, None for those that can have none."""
        weights = fitting(self.op, "the cotangents and the result", cotangents, self.result)
        pairs = zip(self.taped.leaves, weights, strict=True)
        found = walk([(x.node or x, w) for x, w in pairs if self.frame.owns(x)], retain=retain)
        return self.primals.put(
            [found.get(x, zeros_like(x.value)) if self.frame.owns(x) else None for x in self.inside]
        )


def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """Return ``f(*primals)`` and the function that multiplies the transposed Jacobian there with cotangents.

    Args:
        f: A function of trees of tensors that gives a tree of tensors.
        primals: Its arguments.
        has_aux: Whether ``f`` gives a pair, of which the second is not differentiated but handed through.

    Returns:
        The result; the function from a tree like the result to a tuple of trees like the arguments, with None for
        leaves that are not floating; and, with ``has_aux``, what was handed through. The function can be called again.

    >>> out, pull = vjp(lambda x, y: x * y, tensor(2.0), tensor(3.0))
    >>> [ct.item() for ct in pull(tensor(1.0))]
    [3.0, 2.0]
    """
    record = _Record("vjp", f, primals, has_aux)

    def pullback(cotangents: Any) -> Any:
        return record.pull(cotangents, retain=True)

    return (record.out, pullback, record.aux) if has_aux else (record.out, pullback)


def value_and_grad(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """Return the function that gives the value of ``f``, a single number, and its gradient.

    Args:
        f: A function of trees of tensors that gives a tensor of one element.
        argnums: For which positional argument, or for which several, to differentiate.
        has_aux: Whether ``f`` gives a pair of the value and what is handed through.

    Returns:
        A function of the same arguments that gives ``(value, gradient)`` or, with ``has_aux``,
        ``((value, aux), gradient)``. The gradient is a tree like the argument, a tuple of these for several.

    >>> value, gradient = value_and_grad(lambda p: (p["w"] ** 2).sum())({"w": tensor([1.0, 3.0])})
    >>> value.item(), gradient["w"].tolist()
    (10.0, [2.0, 6.0])
    """

    @wraps(f)
    def both(*args: Any, **kwargs: Any) -> Any:
        of_chosen, values = chosen("grad", f, argnums, args, kwargs)
        record = _Record("grad", of_chosen, (values,), has_aux)
        value = record.out
        if not isinstance(value, Tensor) or value.size != 1 or not is_differentiable(value):
            got = f"{value.dtype.name} {value.shape}" if isinstance(value, Tensor) else type(value).__name__
            problem = "the function must give a floating tensor of one element"
            raise TypeError(message("grad", problem, got=got, hint="reduce it, as with sum(), or use vjp or jacrev"))
        if value.dtype.kind == "complex":
            problem, hint = "the function must give a real number", "use real() or abs(), or vjp"
            raise TypeError(message("grad", problem, got=value.dtype.name, hint=hint))
        (gradient,) = record.pull(Tensor(nd.ones(value.shape, value.dtype, value.device)), retain=False)
        return ((value, record.aux), gradient) if has_aux else (value, gradient)

    return both


def grad(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """Return the function that gives the gradient of ``f``; with ``has_aux`` the pair ``(gradient, aux)``.

    The arguments are those of `value_and_grad`.

    >>> grad(lambda x: x ** 3)(tensor(2.0)).item()
    12.0
    >>> grad(grad(lambda x: x ** 3))(tensor(2.0)).item()
    12.0
    """
    both = value_and_grad(f, argnums, has_aux)

    @wraps(f)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, found = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def linearize(f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """Return ``f(*primals)`` and the function that multiplies the Jacobian there with tangents.

    ``f`` is run once, however many tangents follow: the tape of `vjp`, which is linear in the cotangents, is taped
    itself and walked back.

    >>> out, push = linearize(lambda x: x ** 2, tensor(3.0))
    >>> out.item(), push(tensor(1.0)).item(), push(tensor(2.0)).item()
    (9.0, 6.0, 12.0)
    """
    record = _Record("linearize", f, primals, has_aux=False)
    with TapeFrame() as frame:
        seeds, cotangents = record.result.wrapped(lambda x: Taped(frame, zeros_like(x)))
        parts = Arguments.of(record.pull(cotangents, retain=True))
    alive = [i for i, x in enumerate(record.primals.leaves) if is_differentiable(x)]

    def push(*tangents: Any) -> Any:
        weights = fitting("linearize", "the tangents and the arguments", tangents, record.primals)
        pairs = zip(parts.leaves, (weights[i] for i in alive), strict=True)
        found = walk([(part.node or part, w) for part, w in pairs if frame.owns(part)], retain=True)
        return record.result.put([found.get(x, zeros_like(x.value)) if frame.owns(x) else zeros_like(x) for x in seeds])

    return record.out, push
