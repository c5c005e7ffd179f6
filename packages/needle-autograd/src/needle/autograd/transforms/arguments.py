"""What transformations do with the arguments and results of the functions that they take, which are trees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import needle.ndarray as nd
from needle.autograd.op import DIFFERENTIABLE
from needle.autograd.tensor import Tensor
from needle.autograd.tree import Structure, tree_flatten, tree_unflatten
from needle.ndarray import NDArray
from needle.ndarray.errors import message

__all__ = ["Arguments", "chosen", "fitting", "is_differentiable", "split_aux"]


class Arguments(NamedTuple):
    """Some arguments of a call: their leaves, as tensors where these can have derivatives."""

    leaves: list[Any]
    structure: Structure

    @classmethod
    def of(cls, tree: Any) -> Arguments:
        """Take a tree apart; arrays and floats become tensors."""
        leaves, structure = tree_flatten(tree)
        return cls([_tensor(x) for x in leaves], structure)

    def put(self, leaves: Sequence[Any]) -> Any:
        """Return the tree with other leaves."""
        return tree_unflatten(self.structure, leaves)

    def wrapped(self, wrap: Callable[[Tensor], Tensor]) -> tuple[list[Any], Any]:
        """Return the leaves with those that can have derivatives wrapped, and the tree of these."""
        leaves = [wrap(x) if is_differentiable(x) else x for x in self.leaves]
        return leaves, self.put(leaves)


def _tensor(x: Any) -> Any:
    if isinstance(x, NDArray):
        return Tensor(x)
    return Tensor(nd.asarray(x)) if isinstance(x, float | complex) else x


def is_differentiable(x: object) -> bool:
    """Return whether ``x`` is a tensor that can have a derivative."""
    return isinstance(x, Tensor) and x.dtype in DIFFERENTIABLE


def chosen(
    op: str, f: Callable[..., Any], argnums: int | Sequence[int], args: Sequence[Any], kwargs: dict[str, Any]
) -> tuple[Callable[[Any], Any], Any]:
    """Return ``f`` as a function of the chosen argument, or of the tuple of those, and their values.

    Raises:
        ValueError: There is no such argument, or nothing in it can be differentiated for.
    """
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    for i in numbers:
        if not -len(args) <= i < len(args):
            problem = "there is no such positional argument"
            raise ValueError(message(op, problem, got=f"argnums {argnums} of {len(args)} arguments"))
    places = [i % len(args) for i in numbers]
    for i in places:
        if not any(map(is_differentiable, Arguments.of(args[i]).leaves)):
            problem = f"argument {i} has no floating tensor to differentiate for"
            raise ValueError(message(op, problem, got=_kind(args[i]), hint="cast it with astype, or set argnums"))

    def of_chosen(values: Any) -> Any:
        full = list(args)
        for i, value in zip(places, (values,) if isinstance(argnums, int) else values, strict=True):
            full[i] = value
        return f(*full, **kwargs)

    return of_chosen, args[places[0]] if isinstance(argnums, int) else tuple(args[i] for i in places)


def _kind(x: object) -> str:
    return f"{x.dtype.name} {x.shape}" if isinstance(x, Tensor | NDArray) else type(x).__name__


def fitting(op: str, what: str, tree: Any, like: Arguments) -> list[Any]:
    """Return the leaves of a tree that must fit others in structure and, where they have derivatives, in shape.

    Raises:
        ValueError: They do not.
    """
    leaves, structure = Arguments.of(tree)
    if structure != like.structure:
        problem = f"{what} differ in structure"
        raise ValueError(message(op, problem, got=str(structure), expected=str(like.structure)))
    for x, y in zip(leaves, like.leaves, strict=True):
        if is_differentiable(y):
            if not isinstance(x, Tensor) or x.shape != y.shape:
                raise ValueError(message(op, f"{what} differ in shape", got=_kind(x), expected=_kind(y)))
            if x.dtype is not y.dtype:
                raise ValueError(message(op, f"{what} differ in dtype", got=_kind(x), expected=_kind(y)))
    return leaves


def split_aux(op: str, result: Any, has_aux: bool) -> tuple[Any, Any]:
    """Return what is differentiated, and what the function gives besides."""
    if not has_aux:
        return result, None
    if not isinstance(result, tuple) or len(result) != 2:  # noqa: PLR2004 - the value and the aux
        problem = "with has_aux the function returns a pair"
        raise TypeError(message(op, problem, got=type(result).__name__, expected="(value, aux)"))
    return result
