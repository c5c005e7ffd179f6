"""Functions with derivatives of their own: `custom_vjp`, `custom_jvp`, the class `Function`, and `stop_gradient`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from functools import update_wrapper
from typing import Any

from needle.autograd.creation import zeros_like
from needle.autograd.frames import Batched, Taped, TapeFrame, Traced, top_frame
from needle.autograd.op import Op, Params, edges_of, records
from needle.autograd.ops.shape import sum
from needle.autograd.special import transposed
from needle.autograd.tape import Node, Several, mode, no_grad, walk
from needle.autograd.tensor import Tensor
from needle.autograd.transforms.arguments import Arguments, is_differentiable
from needle.autograd.transforms.batching import vmap
from needle.autograd.tree import Structure, tree_flatten, tree_map, tree_unflatten
from needle.ndarray.errors import message

__all__ = ["Function", "custom_jvp", "custom_vjp", "stop_gradient"]


class custom_vjp:
    """A function whose derivative in reverse mode is given, by `defvjp`. Forward mode transposes it.

    >>> @custom_vjp
    ... def clipped(x):
    ...     return x * 1
    >>> clipped.defvjp(lambda x: (clipped(x), None), lambda saved, ct: (minimum(ct, 1.0),))
    >>> grad(lambda x: clipped(x) * 10)(tensor(2.0)).item()
    1.0
    """

    def __init__(self, f: Callable[..., Any]) -> None:
        update_wrapper(self, f)
        self.function = f
        self.rules: tuple[Callable[..., Any], Callable[..., Any]] | None = None

    def defvjp(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> None:
        """Give the rule.

        Args:
            forward: A function of the same arguments that gives the result and a tree of what ``backward`` needs.
            backward: A function of that tree and of the result's cotangents that gives a tuple with a tree for each
                argument, or None for one without a derivative.
        """
        self.rules = forward, backward

    def __call__(self, *args: Any) -> Any:
        """Return the function's result."""
        if self.rules is None:
            raise TypeError(message(self.__name__, "the function has no rule yet", hint="give it one with defvjp"))
        return _Call.of(_PullbackCall, self.__name__, args, (self.function, *self.rules))


class custom_jvp:
    """A function whose derivative in forward mode is given, by `defjvp`. Reverse mode transposes it.

    >>> @custom_jvp
    ... def cube(x):
    ...     return x * x * x
    >>> cube.defjvp(lambda primals, tangents: (cube(*primals), 3 * primals[0] ** 2 * tangents[0]))
    >>> grad(cube)(tensor(2.0)).item()
    12.0
    """

    def __init__(self, f: Callable[..., Any]) -> None:
        update_wrapper(self, f)
        self.function = f
        self.rule: Callable[..., Any] | None = None

    def defjvp(self, rule: Callable[..., Any]) -> None:
        """Give the rule: ``(primals, tangents)``, two tuples, to the result and its tangent, linear in the tangents."""
        self.rule = rule

    def __call__(self, *args: Any) -> Any:
        """Return the function's result."""
        if self.rule is None:
            raise TypeError(message(self.__name__, "the function has no rule yet", hint="give it one with defjvp"))
        return _Call.of(_TangentCall, self.__name__, args, (self.function, self.rule))


class Function:
    """An op written as a class: ``forward`` computes and may keep tensors as attributes; ``backward`` reads them.

    An instance is applied by calling it. Both methods are made of tensor functions, so that what they compute can be
    differentiated again and batched.

    >>> class Scale(Function):
    ...     def __init__(self, factor):
    ...         self.factor = factor
    ...     def forward(self, x):
    ...         self.x = x
    ...         return x * x * self.factor
    ...     def backward(self, ct):
    ...         return 2 * self.x * self.factor * ct
    >>> grad(Scale(3.0))(tensor(2.0)).item()
    12.0
    """

    def forward(self, *args: Any) -> Any:
        """Return the result; subclasses define it, with arguments of their own."""
        raise NotImplementedError(message(type(self).__name__, "the function has no forward method"))

    def backward(self, *cotangents: Any) -> Any:
        """Return the cotangent of the argument, or a tuple with one for each, given those of the results."""
        raise NotImplementedError(message(type(self).__name__, "the function has no backward method"))

    def __call__(self, *args: Any) -> Any:
        """Return ``self.forward(*args)``."""

        def forward(*args: Any) -> Any:
            one = copy(self)
            return one.forward(*args), vars(one)

        def backward(kept: dict[str, Any], cotangents: Any) -> Any:
            one = object.__new__(type(self))
            vars(one).update(kept)
            found = one.backward(*cotangents) if isinstance(cotangents, tuple) else one.backward(cotangents)
            return found if isinstance(found, tuple) else (found,)

        return _Call.of(_PullbackCall, type(self).__name__, args, (lambda *a: forward(*a)[0], forward, backward))


def stop_gradient(tree: Any) -> Any:
    """Return the tree with tensors that count as constants in every derivative.

    >>> grad(lambda x: x * stop_gradient(x))(tensor(3.0)).item()
    3.0
    """
    return tree_map(lambda x: _constant(x) if isinstance(x, Tensor) else x, tree)


def _constant(x: Tensor) -> Tensor:
    if isinstance(x, Batched):
        return Batched(x.frame, _constant(x.value))
    return _constant(x.value) if isinstance(x, Traced) else x.detach()


# One call of a function with a rule: an op on the leaves of its arguments, not in the table.


class _Call(Op):
    functions: tuple[Callable[..., Any], ...]

    def __init__(self, name: str, structure: Structure, functions: tuple[Callable[..., Any], ...]) -> None:
        self.name = name
        self.structure = structure
        self.functions = functions

    @staticmethod
    def of(kind: type[_Call], name: str, args: Any, functions: tuple[Callable[..., Any], ...]) -> Any:
        """Return the result of a call."""
        leaves, structure = Arguments.of(args)
        call = kind(name, structure, functions)
        outs = call(*leaves)
        return tree_unflatten(call.result, outs)

    def __call__(self, *leaves: Any, **params: Any) -> Any:
        frame = top_frame(leaves) if mode.frames else None
        if frame is not None:
            return frame.process(self, leaves, params)
        if not (mode.recording and records(leaves)):
            return self.flat(self.functions[0](*self.args(leaves)))
        with no_grad():
            outs, extra = self.saving(leaves, params)
        outs = tuple(Tensor(x.data) if isinstance(x, Tensor) else x for x in outs)
        node = self.note(edges_of(leaves), leaves, params, outs, extra)
        for i, out in enumerate(outs):
            if is_differentiable(out):
                out.tracked, out.node = True, self.part(node, i, out)
                if mode.anomaly is not None:
                    mode.anomaly.keep(out.node, out.data)
        return outs

    def args(self, leaves: Sequence[Any]) -> Any:
        return tree_unflatten(self.structure, leaves)

    def flat(self, result: Any) -> tuple[Any, ...]:
        """Return the leaves of a result, whose structure is kept for the caller."""
        leaves, self.result = Arguments.of(result)
        return tuple(leaves)

    def differentiable(self, out: Any) -> bool:
        return is_differentiable(out)

    def note(self, edges: Sequence[Any], leaves: Sequence[Any], params: Params, outs: Any, extra: Any = None) -> Node:
        like = [zeros_like(x) if is_differentiable(x) else x for x in outs]
        return Node(self, edges, {"like": like, "extra": extra}, (), None, list(leaves))

    def cotangents(self, node: Node, found: Several) -> list[Any]:
        return [found.get(i, x) for i, x in enumerate(node.params["like"])]


class _PullbackCall(_Call):
    def saving(self, leaves: Sequence[Any], params: Params) -> tuple[Any, Any]:
        result, kept = self.functions[1](*self.args(leaves))
        return self.flat(result), kept

    def pull(self, node: Node, cotangent: Several) -> Sequence[Any]:
        kept = node.params["extra"]
        if mode.recording and records(node.saved):  # what was kept is to be differentiated too
            kept = self.functions[1](*self.args(node.saved))[1]
        return self.parts(kept, self.cotangents(node, cotangent))

    def parts(self, kept: Any, cotangents: Sequence[Any]) -> list[Any]:
        """Return the cotangent of each leaf of the arguments, or None."""
        found = self.functions[2](kept, tree_unflatten(self.result, cotangents))
        expected = self.structure.children
        if not isinstance(found, tuple) or len(found) != len(expected):
            problem, got = "backward gives a tuple with a cotangent or None for each argument", type(found).__name__
            if isinstance(found, tuple):
                got = f"{len(found)} of them"
            raise TypeError(message(self.name, problem, got=got, expected=f"{len(expected)} of them"))
        parts: list[Any] = []
        for part, structure in zip(found, expected, strict=True):
            leaves, its = tree_flatten(part)
            if part is not None and its != structure:
                problem = "a cotangent differs from its argument in structure"
                raise TypeError(message(self.name, problem, got=str(its), expected=str(structure)))
            parts += [None] * structure.size if part is None else leaves
        return parts

    def push(self, leaves: Sequence[Any], tangents: Sequence[Any], params: Params, out: Any) -> Any:
        kept = self.functions[1](*self.args(leaves))[1]
        return transposed(lambda seeds: self.parts(kept, seeds), out, tangents)

    def spread(self, size: int, leaves: Sequence[Any], batched: Sequence[bool], params: Params) -> Any:
        axes = tuple(0 if flag else None for flag in batched)

        def each(f: Callable[..., Any], in_axes: Any) -> Callable[..., Any]:
            return vmap(f, in_axes=in_axes, axis_size=size)

        def backward(kept: Any, cotangents: Any) -> Any:
            parts = each(lambda k, c: tuple(self.parts(k, c)), 0)(kept, list(cotangents))
            pairs = zip(parts, batched, strict=True)
            return tuple(x if flag or not isinstance(x, Tensor) else sum(x, 0) for x, flag in pairs)

        inner = _PullbackCall(
            self.name,
            Arguments.of(tuple(leaves)).structure,
            (
                each(lambda *xs: self.flat(self.functions[0](*self.args(xs))), axes),
                each(lambda *xs: self.saving(xs, {}), axes),
                backward,
            ),
        )
        return inner(*leaves)


class _TangentCall(_Call):
    def saving(self, leaves: Sequence[Any], params: Params) -> tuple[Any, Any]:
        return self.flat(self.functions[0](*self.args(leaves))), None

    def moved(self, leaves: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
        """Return the tangents of the result's leaves."""
        pairs = zip(leaves, tangents, strict=True)
        given = [zeros_like(x) if t is None and is_differentiable(x) else t for x, t in pairs]
        found = self.functions[1](self.args(leaves), self.args(given))
        if not isinstance(found, tuple) or len(found) != 2:  # noqa: PLR2004 - the result and its tangent
            problem = "the rule gives a pair of the result and its tangent"
            raise TypeError(message(self.name, problem, got=type(found).__name__))
        return Arguments.of(found[1]).leaves

    def push(self, leaves: Sequence[Any], tangents: Sequence[Any], params: Params, out: Any) -> Any:
        return tuple(self.moved(leaves, tangents))

    def pull(self, node: Node, cotangent: Several) -> Sequence[Any]:
        with TapeFrame() as frame:
            seeds = [Taped(frame, zeros_like(x)) if is_differentiable(x) else None for x in node.saved]
            outs = self.moved(node.saved, seeds)
        pairs = zip(outs, self.cotangents(node, cotangent), strict=True)
        found = walk([(x.node or x, ct) for x, ct in pairs if frame.owns(x)], retain=False)
        return [None if x is None else found.get(x) for x in seeds]

    def spread(self, size: int, leaves: Sequence[Any], batched: Sequence[bool], params: Params) -> Any:
        axes = tuple(0 if flag else None for flag in batched)

        def rule(primals: Any, tangents: Any) -> Any:
            def one(*both: Any) -> Any:
                primals, tangents = both[: len(leaves)], both[len(leaves) :]
                return self.flat(self.functions[0](*self.args(primals))), tuple(self.moved(primals, tangents))

            return vmap(one, in_axes=(*axes, *axes), axis_size=size)(*primals, *tangents)

        function = vmap(lambda *xs: self.flat(self.functions[0](*self.args(xs))), in_axes=axes, axis_size=size)
        return _TangentCall(self.name, Arguments.of(tuple(leaves)).structure, (function, rule))(*leaves)
