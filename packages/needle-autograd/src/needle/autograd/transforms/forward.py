"""Forward mode: `jvp`; and Jacobians and Hessians by either mode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import needle.ndarray as nd
from needle.autograd.creation import zeros_like
from needle.autograd.frames import Dual, DualFrame
from needle.autograd.ops.shape import permute_dims, reshape
from needle.autograd.tensor import Tensor
from needle.autograd.transforms.arguments import Arguments, chosen, fitting, is_differentiable, split_aux
from needle.autograd.transforms.batching import vmap
from needle.autograd.transforms.reverse import Argnums, grad, vjp
from needle.autograd.tree import tree_map

__all__ = ["hessian", "hvp", "jacfwd", "jacrev", "jvp"]


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> Any:
    """Return ``f(*primals)`` and its derivative along the tangents, the Jacobian times them.

    Args:
        f: A function of trees of tensors that gives a tree of tensors.
        primals: Its arguments.
        tangents: A direction: trees like the arguments.
        has_aux: Whether ``f`` gives a pair, of which the second is not differentiated but handed through.

    Returns:
        The result, its tangent and, with ``has_aux``, what was handed through.

    >>> out, tangent = jvp(lambda x: x ** 2, (tensor(3.0),), (tensor(1.0),))
    >>> out.item(), tangent.item()
    (9.0, 6.0)
    """
    arguments = Arguments.of(tuple(primals))
    directions = iter(fitting("jvp", "the tangents and the arguments", tuple(tangents), arguments))
    with DualFrame() as frame:
        inside = [
            Dual(frame, x, t) if is_differentiable(x) else x for x, t in zip(arguments.leaves, directions, strict=True)
        ]
        result, aux = split_aux("jvp", f(*arguments.put(inside)), has_aux)
    out = Arguments.of(result)
    values = out.put([frame.lower(x) for x in out.leaves])
    moved = out.put([x.tangent if isinstance(x, Dual) and frame.owns(x) else _zero(x) for x in out.leaves])
    return (values, moved, tree_map(frame.lower, aux)) if has_aux else (values, moved)


def _zero(x: Any) -> Any:
    return zeros_like(x) if isinstance(x, Tensor) else x


def jacfwd(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """Return the function that gives the Jacobian of ``f``, a column at a time: for few inputs and many outputs.

    Each leaf of the result stands for a tree like the argument, whose leaves have the shape of the result's leaf
    followed by that of the argument's.

    >>> jacfwd(lambda x: x ** 2)(tensor([1.0, 2.0])).tolist()
    [[2.0, 0.0], [0.0, 4.0]]
    """

    @wraps(f)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        of_chosen, values = chosen("jacfwd", f, argnums, args, kwargs)
        arguments = Arguments.of(values)
        columns = vmap(lambda t: jvp(of_chosen, (values,), (t,))[1])(_basis(arguments))

        def of_leaf(column: Tensor) -> Any:
            blocks = iter(_blocks(column, arguments))
            return arguments.put([_last(next(blocks), x) if is_differentiable(x) else None for x in arguments.leaves])

        return tree_map(of_leaf, columns)

    return jacobian


def jacrev(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """Return the function that gives the Jacobian of ``f``, a row at a time: for many inputs and few outputs.

    The result is that of `jacfwd`.

    >>> jacrev(lambda x: x ** 2)(tensor([1.0, 2.0])).tolist()
    [[2.0, 0.0], [0.0, 4.0]]
    """

    @wraps(f)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        of_chosen, values = chosen("jacrev", f, argnums, args, kwargs)
        out, pull = vjp(of_chosen, values)
        result = Arguments.of(out)
        (rows,) = vmap(pull)(_basis(result))
        found = Arguments.of(rows)
        blocks = zip(*[_blocks(row, result) for row in found.leaves], strict=True)
        return result.put([found.put(next(blocks)) if is_differentiable(x) else None for x in result.leaves])

    return jacobian


def hessian(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """Return the function that gives the second derivatives of ``f``, forward over reverse.

    >>> hessian(lambda x: (x ** 3).sum())(tensor([1.0, 2.0])).tolist()
    [[6.0, 0.0], [0.0, 12.0]]
    """
    return jacfwd(jacrev(f, argnums), argnums)


def hvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """Return the Hessian of ``f``, a single number, times the tangents: a tuple of trees like the arguments.

    It takes the time of a few gradients, and no memory for the Hessian.

    >>> [x.tolist() for x in hvp(lambda x: (x ** 3).sum(), (tensor([1.0, 2.0]),), (tensor([1.0, 1.0]),))]
    [[6.0, 12.0]]
    """
    return jvp(grad(f, argnums=tuple(range(len(primals)))), primals, tangents)[1]


def _basis(arguments: Arguments) -> Any:
    """Return the tree with a batch of leaves that has a 1 at one element of one leaf in each tree."""
    total = sum(x.size for x in arguments.leaves if is_differentiable(x))
    leaves: list[Any] = []
    start = 0
    for x in arguments.leaves:
        if is_differentiable(x):
            ones = nd.eye(total, x.size, k=-start, dtype=x.dtype, device=x.device)
            leaves.append(Tensor(nd.reshape(ones, (total, *x.shape))))
            start += x.size
        else:
            leaves.append(x)
    return arguments.put(leaves)


def _blocks(x: Tensor, like: Arguments) -> list[Tensor]:
    """Return a batch cut into what belongs to each leaf, with that leaf's shape in front."""
    blocks: list[Tensor] = []
    start = 0
    for leaf in like.leaves:
        if is_differentiable(leaf):
            part = x[start : start + leaf.size]
            blocks.append(reshape(part, (*leaf.shape, *x.shape[1:])))
            start += leaf.size
    return blocks


def _last(block: Tensor, leaf: Tensor) -> Tensor:
    """Return the block with the leaf's axes behind the others."""
    return permute_dims(block, (*range(leaf.ndim, block.ndim), *range(leaf.ndim)))
