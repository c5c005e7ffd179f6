"""Sums of products by labelled axes: planned pair by pair, and carried out as matrix products."""

from __future__ import annotations

import math
import re
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

from needle.ndarray import _core
from needle.ndarray.errors import message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from needle.ndarray._core import NDArray

__all__ = ["Factor", "Groups", "contracted", "einsum"]

PATTERN = re.compile(r"(?:[a-zA-Z]*(?:\.\.\.)?[a-zA-Z]*)")


class Factor(NamedTuple):
    """An array, or another kind of operand, with a label for each axis, all different."""

    array: Any
    labels: tuple[str, ...]


class Groups(NamedTuple):
    """The labels of two factors by their parts in the product, which has the `batch`, the `rows` and the `columns`."""

    batch: list[str]
    summed: list[str]
    rows: list[str]
    columns: list[str]


def einsum(subscripts: str, /, *operands: NDArray) -> NDArray:
    """Return the products of the operands, summed over the axes whose labels are not in the result.

    Labels are letters, one for each axis: ``"ij,jk->ik"`` is a matrix product, ``"ii->i"`` a diagonal, ``"ij->"`` the
    sum of all. ``...`` stands for the other axes, which broadcast. Without ``->`` the result has the labels that occur
    once, in alphabetical order, behind those axes. The notation is that of NumPy's einsum.

    Args:
        subscripts: the labels.
        operands: one or more arrays of numeric dtypes.

    Returns:
        The sums in the promoted dtype; a view, where one operand's axes are only put in order.

    Raises:
        ValueError: the labels do not fit the operands, or the extents of one label differ.

    >>> from needle.ndarray import asarray
    >>> x = asarray([[1, 2], [3, 4]])
    >>> einsum("ij,jk->ik", x, x).tolist(), einsum("ii", x).item()
    ([[7, 10], [15, 22]], 5)
    """
    dtype = _core.result_type(*operands)
    arrays = [x.astype(dtype, copy=False) for x in operands]
    factor, output = contracted(subscripts, arrays, _prepare, _core.sum, _product)
    return _core.permute_dims(factor.array, [factor.labels.index(label) for label in output])


def contracted(
    subscripts: str,
    operands: Sequence[Any],
    prepare: Callable[[Any, tuple[str, ...], dict[str, int]], Factor],
    total: Callable[..., Any],
    product: Callable[[Factor, Factor, Groups], Factor],
) -> tuple[Factor, tuple[str, ...]]:
    """Return what `einsum` gives, with its axes in any order, and the labels of the result in theirs.

    The cheapest pair of factors comes first, one after the other.

    Args:
        subscripts: as for `einsum`.
        operands: of one dtype, and of any kind that has shapes.
        prepare: makes a factor of an operand, its labels and all extents: without the axes that only broadcast, and
            with the diagonal of those whose label repeats.
        total: sums an operand over `axis`, in its `dtype`.
        product: of two factors and the labels that play the parts that `Groups` names.
    """
    inputs, output = _parse(subscripts, operands)
    extents = _extents(subscripts, inputs, operands)
    factors = [prepare(x, labels, extents) for x, labels in zip(operands, inputs, strict=True)]
    for i, factor in enumerate(factors):
        needed = _needed(factors[:i] + factors[i + 1 :], output)
        axes = [axis for axis, label in enumerate(factor.labels) if label not in needed]
        if axes:
            array = total(factor.array, axis=axes, dtype=factor.array.dtype)
            factors[i] = Factor(array, tuple(label for label in factor.labels if label in needed))
    while len(factors) > 1:
        a, b = min(combinations(factors, 2), key=lambda pair: _cost(*pair))
        factors = [factor for factor in factors if factor is not a and factor is not b]
        factors.append(product(a, b, _groups(a, b, _needed(factors, output))))
    return factors[0], output


def _parse(subscripts: str, operands: Sequence[Any]) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """Return the labels of each operand and of the result; axes of `...` are labelled by their place from the last."""
    inputs, arrow, result = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if len(terms) != len(operands):
        got = f"{len(terms)} in {subscripts!r} for {len(operands)} operands"
        raise ValueError(message("einsum", "not one group of labels for each operand", got=got))
    if not all(PATTERN.fullmatch(term) for term in [*terms, result]):
        expected = "letters, commas, one ... in a group, and ->"
        raise ValueError(message("einsum", "not subscripts", got=repr(subscripts), expected=expected))
    rest = [x.ndim - len(term.replace("...", "")) for term, x in zip(terms, operands, strict=True)]
    for term, x, axes in zip(terms, operands, rest, strict=True):
        if axes < 0 or (axes and "..." not in term):
            raise ValueError(message("einsum", "labels do not fit the operand", got=f"{term!r} for shape {x.shape}"))
    expanded = [_expand(term, axes) for term, axes in zip(terms, rest, strict=True)]
    most = max((axes for term, axes in zip(terms, rest, strict=True) if "..." in term), default=0)
    if arrow:
        output = _expand(result, most)
    else:
        letters = "".join(terms).replace(".", "")
        output = (*_expand("...", most), *sorted(letter for letter in set(letters) if letters.count(letter) == 1))
    known = {label for labels in expanded for label in labels}
    if len(set(output)) < len(output) or not known.issuperset(output):
        expected = "each label once, and in an operand too"
        raise ValueError(message("einsum", "no such result", got=repr(subscripts), expected=expected))
    return expanded, output


def _expand(term: str, axes: int) -> tuple[str, ...]:
    head, dots, tail = term.partition("...")
    return (*head, *(str(i) for i in range(axes, 0, -1) if dots), *tail)


def _extents(subscripts: str, inputs: list[tuple[str, ...]], operands: Sequence[Any]) -> dict[str, int]:
    extents: dict[str, int] = {}
    for labels, x in zip(inputs, operands, strict=True):
        for label, extent in zip(labels, x.shape, strict=True):
            known = extents.setdefault(label, extent)
            if known == 1:
                extents[label] = extent
            elif extent not in (1, known):
                got = f"{known} and {extent} for {label!r} in {subscripts!r}"
                raise ValueError(message("einsum", "the extents of a label differ", got=got))
    return extents


def _prepare(x: NDArray, labels: tuple[str, ...], extents: dict[str, int]) -> Factor:
    """Return a view without the axes that only broadcast, and with the diagonal of those whose label repeats."""
    strides: dict[str, int] = {}
    for label, extent, stride in zip(labels, x.shape, x.strides, strict=True):
        if extent == extents[label]:
            strides[label] = strides.get(label, 0) + stride
    shape = [extents[label] for label in strides]
    if 0 in shape:
        return Factor(_core.empty(shape, x.dtype, x.device), tuple(strides))
    return Factor(_core.as_strided(x, shape, list(strides.values())), tuple(strides))


def _needed(factors: list[Factor], output: tuple[str, ...]) -> set[str]:
    return set(output).union(*(factor.labels for factor in factors))


def _cost(a: Factor, b: Factor) -> int:
    """Return how many products of elements the pair takes."""
    extents = dict(zip(a.labels + b.labels, a.array.shape + b.array.shape, strict=True))
    return math.prod(extents.values())


def _groups(a: Factor, b: Factor, needed: set[str]) -> Groups:
    shared = [label for label in a.labels if label in b.labels]
    return Groups(
        [label for label in shared if label in needed],
        [label for label in shared if label not in needed],
        [label for label in a.labels if label not in shared],
        [label for label in b.labels if label not in shared],
    )


def _product(a: Factor, b: Factor, groups: Groups) -> Factor:
    batch, summed, rows, columns = groups
    extents = dict(zip(a.labels + b.labels, a.array.shape + b.array.shape, strict=True))

    def matrices(factor: Factor, first: list[str], second: list[str]) -> NDArray:
        array = _core.permute_dims(factor.array, [factor.labels.index(label) for label in batch + first + second])
        shape = [math.prod(extents[label] for label in group) for group in (first, second)]
        return _core.reshape(array, [*(extents[label] for label in batch), *shape])

    x, y = matrices(a, rows, summed), matrices(b, summed, columns)
    array = _core.matmul(x, y) if summed else x * y
    labels = (*batch, *rows, *columns)
    return Factor(_core.reshape(array, [extents[label] for label in labels]), labels)
