"""Trees: values in dicts, lists, tuples, dataclasses and what else is registered, taken apart and put together again.

A leaf is whatever is no container. `None` is a container of nothing, so that what is absent has no leaf.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from needle.ndarray.errors import message

__all__ = ["Structure", "tree_flatten", "tree_leaves", "tree_map", "tree_register", "tree_unflatten"]

Flatten = Callable[[Any], tuple[Sequence[Any], Any]]
Unflatten = Callable[[Any, Sequence[Any]], Any]


class Structure(NamedTuple):
    """A tree without its leaves: equal structures put leaves at equal places."""

    kind: type | None
    """The container's class; None for a leaf."""
    static: Any = None
    """What the container holds besides its children, as the keys of a dict."""
    children: tuple[Structure, ...] = ()

    @property
    def size(self) -> int:
        """The number of leaves."""
        return 1 if self.kind is None else sum(child.size for child in self.children)

    def __str__(self) -> str:
        """Return the tree with * for each leaf."""
        if self.kind is None:
            return "*"
        children = list(map(str, self.children))
        if self.kind is dict:
            return "{" + ", ".join(f"{key!r}: {child}" for key, child in zip(self.static, children, strict=True)) + "}"
        if self.kind is list:
            return "[" + ", ".join(children) + "]"
        if self.kind is tuple:
            return "(" + ", ".join(children) + ("," if len(children) == 1 else "") + ")"
        return "None" if self.kind is type(None) else f"{self.kind.__name__}({', '.join(children)})"


LEAF = Structure(None)
_registered: dict[type, tuple[Flatten, Unflatten]] = {}


def tree_register(kind: type, flatten: Flatten, unflatten: Unflatten) -> None:
    """Make a class and its subclasses containers.

    Args:
        kind: The class.
        flatten: Gives an object's children, and what it holds besides, which must be comparable.
        unflatten: Makes an object of that and of children, given an object's class: ``unflatten(static, children)``.

    >>> class Pair:
    ...     def __init__(self, a, b):
    ...         self.a, self.b = a, b
    >>> tree_register(Pair, lambda p: ((p.a, p.b), None), lambda static, children: Pair(*children))
    >>> tree_leaves([Pair(1, 2), 3])
    [1, 2, 3]
    """
    _registered[kind] = flatten, unflatten


def tree_flatten(tree: Any) -> tuple[list[Any], Structure]:
    """Return the leaves of a tree from left to right, and its structure.

    >>> leaves, structure = tree_flatten({"w": 1, "layers": [2, (3, None)]})
    >>> leaves
    [1, 2, 3]
    >>> print(structure)
    {'w': *, 'layers': [*, (*, None)]}
    """
    leaves: list[Any] = []
    return leaves, _flatten(tree, leaves)


def _flatten(tree: Any, leaves: list[Any]) -> Structure:
    parts = _parts(tree)
    if parts is None:
        leaves.append(tree)
        return LEAF
    children, static = parts
    return Structure(type(tree), static, tuple(_flatten(child, leaves) for child in children))


def _parts(tree: Any) -> tuple[Sequence[Any], Any] | None:
    """Return the children of a container and what it holds besides; None for a leaf."""
    kind = type(tree)
    if tree is None:
        return (), None
    if kind is list or isinstance(tree, tuple):
        return tree, None
    if isinstance(tree, dict):
        return list(tree.values()), tuple(tree)
    rule = _rule(kind)
    if rule is not None:
        return rule[0](tree)
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        names = tuple(field.name for field in dataclasses.fields(tree))
        return [getattr(tree, name) for name in names], names
    return None


def _rule(kind: type) -> tuple[Flatten, Unflatten] | None:
    return next((_registered[base] for base in kind.__mro__ if base in _registered), None)


def tree_unflatten(structure: Structure, leaves: Iterable[Any]) -> Any:
    """Return the tree of this structure with these leaves.

    >>> leaves, structure = tree_flatten({"w": 1, "b": 2})
    >>> tree_unflatten(structure, [10, 20])
    {'w': 10, 'b': 20}
    """
    rest = iter(leaves)
    tree = _unflatten(structure, rest)
    if next(rest, rest) is not rest:
        raise ValueError(message("tree_unflatten", "more leaves than places", expected=f"{structure.size} leaves"))
    return tree


def _unflatten(structure: Structure, leaves: Any) -> Any:
    kind = structure.kind
    if kind is None:
        for leaf in leaves:
            return leaf
        raise ValueError(message("tree_unflatten", "fewer leaves than places"))
    children = [_unflatten(child, leaves) for child in structure.children]
    if kind is type(None):
        return None
    if kind is list:
        return children
    if issubclass(kind, tuple):
        return kind(*children) if hasattr(kind, "_fields") else kind(children)
    if issubclass(kind, dict):
        return kind(zip(structure.static, children, strict=True))
    rule = _rule(kind)
    if rule is not None:
        return rule[1](structure.static, children)
    return _dataclass(kind, structure.static, children)


def _dataclass(kind: type, names: Sequence[str], children: Sequence[Any]) -> Any:
    """Return an instance with these fields, whatever its __init__ would make of them."""
    tree = object.__new__(kind)
    for name, child in zip(names, children, strict=True):
        object.__setattr__(tree, name, child)
    return tree


def tree_leaves(tree: Any) -> list[Any]:
    """Return the leaves of a tree from left to right.

    >>> tree_leaves((1, [2, 3]))
    [1, 2, 3]
    """
    return tree_flatten(tree)[0]


def tree_map(f: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """Return the tree with ``f`` applied to its leaves and those of other trees of its structure.

    Raises:
        ValueError: The structures differ.

    >>> tree_map(lambda x, y: x - y, {"w": 3, "b": 2}, {"w": 1, "b": 1})
    {'w': 2, 'b': 1}
    """
    leaves, structure = tree_flatten(tree)
    others: list[list[Any]] = []
    for other in rest:
        found, its = tree_flatten(other)
        if its != structure:
            text = message("tree_map", "the trees differ in structure", got=str(its), expected=str(structure))
            raise ValueError(text)
        others.append(found)
    return tree_unflatten(structure, [f(*each) for each in zip(leaves, *others, strict=True)])
