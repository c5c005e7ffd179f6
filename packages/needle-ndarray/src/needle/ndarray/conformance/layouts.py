"""How a view can lie in its buffer: the layouts that each function is called with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import NamedTuple

Shape = tuple[int, ...]


class Layout(NamedTuple):
    """Where the elements of a shape lie, counted in elements from the start of a buffer of `length`."""

    strides: tuple[int, ...]
    offset: int
    length: int


def row_major(shape: Shape) -> tuple[int, ...]:
    return tuple(prod(shape[i + 1 :]) for i in range(len(shape)))


def contiguous(shape: Shape) -> Layout:
    return Layout(row_major(shape), 0, prod(shape))


def offset(shape: Shape) -> Layout:
    """Contiguous, starting where no vector register would."""
    return Layout(row_major(shape), 3, prod(shape) + 3)


def transposed(shape: Shape) -> Layout:
    return Layout(row_major(shape[::-1])[::-1], 0, prod(shape))


def rotated(shape: Shape) -> Layout:
    """The last axis outermost: neither end is contiguous for 3 axes or more."""
    return Layout((*row_major(shape[:-1]), prod(shape[:-1]))[: len(shape)], 0, prod(shape))


def rows(shape: Shape) -> Layout:
    """Each row contiguous, with a gap behind it."""
    wide = (*shape[:-1], *(n + 3 for n in shape[-1:]))
    return Layout(row_major(wide), 0, prod(wide))


def sliced(shape: Shape) -> Layout:
    """Every second element along each axis, from the second on."""
    wide = tuple(2 * n for n in shape)
    return Layout(tuple(2 * s for s in row_major(wide)), 1, prod(wide) + 1)


def reversed_(shape: Shape) -> Layout:
    """Contiguous, read backwards: negative strides."""
    return Layout(tuple(-s for s in row_major(shape)), max(prod(shape) - 1, 0), prod(shape))


def mirrored(shape: Shape) -> Layout:
    """The last axis alone backwards, among rows with gaps."""
    strides, _, length = rows(shape)
    return Layout((*strides[:-1], *(-1 for _ in shape[-1:])), shape[-1] - 1 if shape and prod(shape) else 0, length)


def repeated(*axes: int) -> Callable[[Shape], Layout]:
    """One set of elements for all places along the axes: 0-strides."""

    def layout(shape: Shape) -> Layout:
        zero = {axis % len(shape) for axis in axes if -len(shape) <= axis < len(shape)}
        inner = row_major(tuple(1 if i in zero else n for i, n in enumerate(shape)))
        return Layout(tuple(0 if i in zero else s for i, s in enumerate(inner)), 0, prod(shape))

    return layout


WRITABLE: dict[str, Callable[[Shape], Layout]] = {
    "contiguous": contiguous,
    "offset": offset,
    "transposed": transposed,
    "rotated": rotated,
    "rows": rows,
    "sliced": sliced,
    "reversed": reversed_,
    "mirrored": mirrored,
}
"""Layouts in which distinct elements have distinct addresses, as those of an output do."""

LAYOUTS = WRITABLE | {
    "0-stride first": repeated(0),
    "0-stride last": repeated(-1),
    "0-stride all": repeated(0, 1, 2),
}
"""All layouts. The 0-stride ones show fewer values than they are given."""


def pairings(inputs: int) -> Iterator[tuple[list[str], str]]:
    """Layouts for so many inputs and for the output: each layout comes in each place, beside others."""
    names, writable = list(LAYOUTS), list(WRITABLE)
    for i, name in enumerate(writable):
        yield ["contiguous"] * inputs, name
        yield [names[(i + 3 * k) % len(names)] for k in range(inputs)], writable[(i + 1) % len(writable)]
    for i in range(len(writable), len(names)):
        yield [names[(i + 3 * k) % len(names)] for k in range(inputs)], "contiguous"
