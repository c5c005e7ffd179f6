"""`x[key]`: parts that are views, by integers, slices, ``...`` and None; and elements chosen by arrays in the key.

Arrays are taken in steps of ops that have rules: the view that the rest of the key makes, its axes brought together
that arrays index, these made one, and what lies at the places that the arrays name together.
"""

from __future__ import annotations

import math
from types import EllipsisType, NoneType
from typing import Any

import needle.ndarray as nd
from needle.autograd.ops.casts import astype
from needle.autograd.ops.indexing import take
from needle.autograd.ops.shape import permute_dims, reshape
from needle.autograd.rules import linear, opaque
from needle.autograd.samples import Draw, Sample
from needle.autograd.tensor import Tensor
from needle.ndarray import NDArray
from needle.ndarray.indexing import check_index, common_shape, counted, index_array, parse

__all__ = ["getitem", "nonzero"]


def nonzero(x: Tensor | NDArray, /) -> tuple[Tensor, ...]:
    """Return the places of the elements that are not zero, in row-major order: int64 indices, a tensor for each axis.

    >>> [indices.tolist() for indices in nonzero(tensor([[0, 1], [2, 3]]))]
    [[0, 1, 1], [1, 0, 1]]
    """
    return _nonzero(x)


_nonzero = opaque("nonzero", nd.nonzero, samples=lambda draw: [Sample((draw.integers(3, 4),))])

VIEWING = frozenset({int, slice, EllipsisType, NoneType})


def getitem(x: Tensor, key: Any) -> Tensor:
    """Return ``x[key]``, a view for a key of integers, slices, ``...`` and None; a new tensor for one with arrays.

    Arrays, tensors and lists of integers or bool mean what they mean to NumPy: those of integers broadcast together,
    and their common axes stand where they stood, if they stood side by side, else in front. A mask stands for the
    indices of its true elements.

    >>> getitem(tensor([[1, 2], [3, 4]]), (0, slice(1, None))).tolist()
    [2]
    >>> getitem(tensor([[1, 2], [3, 4]]), (tensor([1, 0]), tensor([0, 1]))).tolist()
    [3, 2]
    """
    parts = key if isinstance(key, tuple) else (key,)
    return _getitem(x, key=key) if VIEWING.issuperset(map(type, parts)) else _by_arrays(x, parts)


def _keys(draw: Draw) -> list[Sample]:
    def integers(*numbers: int) -> Tensor:
        return draw.tensor(numbers, nd.int64, (len(numbers),))

    x = draw.uniform(3, 4)
    column, row = draw.tensor([0, 2], nd.int64, (2, 1)), integers(1, -1, 1)
    mask = draw.tensor([1, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0, 1], nd.bool, (3, 4))
    views = [1, (..., slice(None, None, -2)), (slice(1, 3), None, -1), ()]
    chosen = [
        row,
        (column, row),
        (slice(None), row),
        mask,
        mask[:, 0],
        (None, mask[:, 1], ...),
        [2, 0, 0],
        (1, row.data),
        [],
    ]
    cube = draw.uniform(2, 3, 2)
    apart = [
        (integers(1, 0), slice(None), integers(0, 1)),
        (0, slice(None, None, -1), integers(1)),
        (slice(1, None), mask[1, :3], None, integers(1)),
        (..., integers(1, 1, 0)),
        (True, 1),
    ]
    return [Sample((x, key)) for key in views + chosen] + [Sample((cube, key)) for key in apart]


def _get(x: NDArray, key: Any) -> NDArray:
    return x[key]


_getitem = linear(
    "getitem",
    _get,
    lambda ct, p, x: _place(ct, shape=x.shape, key=p["key"]),
    samples=_keys,
    batch=lambda p, x: getitem(x, _of_each(p["key"])),
)


def _of_each(key: Any) -> tuple[Any, ...]:
    """Return the key for one more axis in front."""
    return (slice(None), *key) if isinstance(key, tuple) else (slice(None), key)


def _put(x: NDArray, shape: tuple[int, ...], key: Any) -> NDArray:
    out = nd.zeros(shape, x.dtype, x.device)
    out[key] = x
    return out


_place = linear(
    "place",
    _put,
    lambda ct, p, x: getitem(ct, p["key"]),
    samples=lambda draw: [Sample((draw.uniform(2),), {"shape": (3, 2), "key": 1})],
    batch=lambda p, x: _place(x, shape=(x.shape[0], *p["shape"]), key=_of_each(p["key"])),
)


def _by_arrays(x: Tensor, key: tuple[Any, ...]) -> Tensor:
    def index(part: Any) -> Tensor:
        if not isinstance(part, Tensor):
            return Tensor(index_array(part, x.device))
        check_index(part.dtype)
        return part if part.dtype is nd.bool else astype(part, nd.int64)

    basic, found = parse(x, key, index, nonzero)
    view = x if all(part == slice(None) for part in basic) else _getitem(x, key=tuple(basic))
    axes = [axis for axis, array in enumerate(found) if array is not None]
    arrays = [array for array in found if array is not None]
    common_shape(arrays)
    rest = [axis for axis in range(view.ndim) if axis not in axes]
    start = axes[0] if axes[-1] - axes[0] < len(axes) else 0  # side by side, or not
    order = [*rest[:start], *axes, *rest[start:]]
    moved = view if order == sorted(order) else permute_dims(view, order)
    if len(axes) == 1:
        return take(moved, arrays[0], axis=start)
    extents = tuple(view.shape[axis] for axis in axes)
    one = reshape(moved, (*moved.shape[:start], math.prod(extents), *moved.shape[start + len(axes) :]))
    return take(one, _numbered(*arrays, extents=extents), axis=start)


def _numbers(*arrays: NDArray, extents: tuple[int, ...]) -> NDArray:
    """Return the places that the indices of several axes name, counted in row-major order."""
    numbers = counted(arrays[0], extents[0])
    for array, extent in zip(arrays[1:], extents[1:], strict=True):
        numbers = numbers * extent + counted(array, extent)
    return numbers


_numbered = opaque(
    "numbered",
    _numbers,
    samples=lambda draw: [
        Sample((draw.integers(2, 3, low=-2), draw.integers(3, high=3)), {"extents": (2, 3)}),
        Sample((draw.integers(4, high=2),), {"extents": (2,)}),
    ],
    core=0,
)
