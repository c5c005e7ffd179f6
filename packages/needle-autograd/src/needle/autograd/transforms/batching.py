"""`vmap`: a function of one example made one of a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from needle.autograd.frames import Batched, BatchFrame
from needle.autograd.op import axes_of
from needle.autograd.ops.shape import broadcast_to, permute_dims
from needle.autograd.tensor import Tensor
from needle.autograd.transforms.arguments import Arguments
from needle.autograd.tree import Structure
from needle.ndarray.errors import message

__all__ = ["vmap"]


def vmap(
    f: Callable[..., Any],
    in_axes: Any = 0,
    out_axes: Any = 0,
    axis_size: int | None = None,
    axis_name: str | None = None,
) -> Callable[..., Any]:
    """Return the function that applies ``f`` to each element of a batch, with batched kernels and no loop.

    Random numbers that ``f`` draws are the same for all elements.

    Args:
        f: A function of trees of tensors that gives a tree of tensors.
        in_axes: The axis of the batch in the arguments: a number for all, or a tuple with one for each argument; each
            may be a tree with a number for each leaf or subtree. None is for what all elements share. Arguments passed
            by name have it at 0.
        out_axes: Where it is to be in the results: a number, or a tree of those; None for what is the same for all.
        axis_size: The size of the batch, where no argument shows it.
        axis_name: A name for the axis, for collectives.

    Raises:
        ValueError: The arguments differ in the size of the batch, or have none.

    >>> dot = lambda x, y: (x * y).sum()
    >>> vmap(dot, in_axes=(0, None))(tensor([[1.0, 2.0], [3.0, 4.0]]), tensor([1.0, 10.0])).tolist()
    [21.0, 43.0]
    """

    @wraps(f)
    def batched(*args: Any, **kwargs: Any) -> Any:
        arguments, named = Arguments.of(args), Arguments.of(kwargs)
        places = in_axes if isinstance(in_axes, tuple) else (in_axes,) * len(args)
        axes = [*_axes("in_axes", arguments.structure, places), *_axes("in_axes", named.structure, 0)]
        leaves = [*arguments.leaves, *named.leaves]
        axes = [axis if isinstance(x, Tensor) else None for x, axis in zip(leaves, axes, strict=True)]
        size = _size(leaves, axes, axis_size)
        moved = [x if axis is None else _to_front(x, axis) for x, axis in zip(leaves, axes, strict=True)]
        with BatchFrame(size, axis_name) as frame:
            inside = [x if axis is None else Batched(frame, x) for x, axis in zip(moved, axes, strict=True)]
            count = len(arguments.leaves)
            result = f(*arguments.put(inside[:count]), **named.put(inside[count:]))
        out = Arguments.of(result)
        targets = _axes("out_axes", out.structure, out_axes)
        return out.put([_outside(frame, x, axis) for x, axis in zip(out.leaves, targets, strict=True)])

    return batched


def _axes(name: str, structure: Structure, axes: Any) -> Iterator[int | None]:
    """Yield the axis of each leaf, given a number, None, or a tree whose leaves stand for subtrees."""
    if axes is None or isinstance(axes, int):
        yield from [axes] * structure.size
        return
    children = list(axes.values()) if isinstance(axes, dict) else list(axes) if isinstance(axes, list | tuple) else None
    if structure.kind is None or children is None or len(children) != len(structure.children):
        problem = f"{name} differs in structure"
        raise ValueError(message("vmap", problem, got=str(axes), expected=f"a number or None for parts of {structure}"))
    if isinstance(axes, dict):
        children = [axes[key] for key in structure.static if key in axes]
    for child, below in zip(structure.children, children, strict=True):
        yield from _axes(name, child, below)


def _size(leaves: list[Any], axes: list[int | None], given: int | None) -> int:
    sizes: dict[int, str] = {} if given is None else {given: "axis_size"}
    for x, axis in zip(leaves, axes, strict=True):
        if axis is not None:
            (place,) = axes_of("vmap", axis, x.ndim)
            sizes.setdefault(x.shape[place], f"axis {axis} of shape {x.shape}")
    if len(sizes) != 1:
        problem = "the sizes of the batch differ" if sizes else "no argument has a batch axis"
        got = " and ".join(f"{size} ({where})" for size, where in sizes.items()) or None
        raise ValueError(message("vmap", problem, got=got, hint=None if sizes else "set in_axes, or axis_size"))
    return next(iter(sizes))


def _to_front(x: Tensor, axis: int) -> Tensor:
    (place,) = axes_of("vmap", axis, x.ndim)
    return permute_dims(x, (place, *(i for i in range(x.ndim) if i != place))) if place else x


def _outside(frame: BatchFrame, x: Any, axis: int | None) -> Any:
    """Return a result with the axis of the batch where it is to be."""
    if not isinstance(x, Tensor):
        return x
    if axis is None:
        if frame.owns(x):
            problem = "out_axes is None for a result that depends on the batch"
            raise ValueError(message("vmap", problem, got=f"shape {x.shape}", hint="give it an axis"))
        return x
    value = frame.lower(x) if frame.owns(x) else broadcast_to(x, (frame.size, *x.shape))
    (place,) = axes_of("vmap", axis, value.ndim)
    rest = list(range(1, value.ndim))
    return permute_dims(value, (*rest[:place], 0, *rest[place:])) if place else value
