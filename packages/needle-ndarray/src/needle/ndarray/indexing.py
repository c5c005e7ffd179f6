"""Keys with arrays in ``x[key]``: masks and integer arrays, alone or mixed with integers, slices, None and ``...``.

The front takes the keys without arrays by itself, and calls `get` and `put` for the others. What they mean is what they
mean to NumPy: the index arrays broadcast together, and their common axes stand where they stood, if they stood side by
side, else in front. A mask stands for the indices of its true elements. Reading gives a new array.
"""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING, Any, NamedTuple

from needle.ndarray import _core
from needle.ndarray._core import NDArray
from needle.ndarray.creation import asarray
from needle.ndarray.dtypes import int64
from needle.ndarray.errors import message
from needle.ndarray.searching import nonzero

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from needle.ndarray._core import Device, DType

__all__ = ["check_index", "common_shape", "counted", "get", "index_array", "parse", "put"]


class Plan(NamedTuple):
    """What a key with arrays takes from the view that its other parts make."""

    view: NDArray
    before: list[int]  # the axes of the view that no array takes, and stand before the arrays' in the result
    after: list[int]
    places: NDArray  # by the arrays: how many elements of the buffer to go on from `start`, at least 0
    span: int  # the places are below it
    start: int  # of the buffer's elements

    def shape(self) -> tuple[int, ...]:
        """Return the shape of the result."""
        extents = self.view.shape
        return (*(extents[i] for i in self.before), *self.places.shape, *(extents[i] for i in self.after))


def get(x: NDArray, key: Any) -> NDArray:
    """Return ``x[key]``, a new array, for a key with arrays.

    Raises:
        IndexError: an index is out of range, a mask does not fit, there are too many indices, or they do not broadcast.
        TypeError: a part of the key is no index.

    >>> from needle.ndarray import arange, asarray
    >>> get(arange(6).reshape(2, 3), (slice(None), asarray([2, 0]))).tolist()
    [[2, 0], [5, 3]]
    """
    plan = _plan(x, key)
    shape = plan.shape()
    if 0 in shape:
        return _core.empty(shape, x.dtype, x.device)
    # The axes that the arrays take become one, that steps through the buffer element by element.
    extents, strides = plan.view.shape, plan.view.strides
    window = _core.as_strided(
        plan.view,
        [*(extents[i] for i in plan.before), plan.span, *(extents[i] for i in plan.after)],
        [*(strides[i] for i in plan.before), 1, *(strides[i] for i in plan.after)],
        plan.start,
    )
    return _core.take(window, plan.places, axis=len(plan.before))


def put(x: NDArray, key: Any, value: NDArray) -> None:
    """Do ``x[key] = value``, with the value broadcast, for a key with arrays; of repeated places the last one stays.

    Raises:
        IndexError: as in `get`.
        TypeError: a part of the key is no index, or the value's dtype does not fit into x's.
        ValueError: the value does not broadcast.

    >>> from needle.ndarray import asarray, zeros
    >>> x = zeros(4)
    >>> put(x, asarray([True, False, False, True]), asarray(5.0))
    >>> x.tolist()
    [5.0, 0.0, 0.0, 5.0]
    """
    plan = _plan(x, key)
    shape = plan.shape()
    arrays_end = len(plan.before) + plan.places.ndim
    places, span, start = plan.places.reshape(*plan.places.shape, *[1] * len(plan.after)), plan.span, plan.start
    for at, axis in [*enumerate(plan.before), *enumerate(plan.after, arrays_end)]:
        extent, stride = plan.view.shape[axis], plan.view.strides[axis]
        low, length = _reach(extent, stride)
        steps = _core.iota(extent, int64, x.device) * stride - low
        places = places + steps.reshape(*(extent if i == at else 1 for i in range(at, len(shape))))
        span, start = span + length, start + low
    window = _core.as_strided(x, [span], [1], start) if places.size else _core.empty(1, x.dtype, x.device)
    _core.put(window, places, value)


def _plan(x: NDArray, key: Any) -> Plan:
    basic, arrays = parse(
        x, key if isinstance(key, tuple) else (key,), lambda part: index_array(part, x.device), nonzero
    )
    view = x[tuple(basic)]
    taken = [array is not None for array in arrays] + [False] * (view.ndim - len(arrays))
    axes = list(compress(range(view.ndim), taken))
    shape = common_shape([array for array in arrays if array is not None])
    places, span, start = _core.full(shape, 0, int64, x.device), 1, view.offset
    for axis in axes:
        array, extent, stride = arrays[axis], view.shape[axis], view.strides[axis]
        assert array is not None
        low, length = _reach(extent, stride)
        places = places + (counted(array, extent) * stride - low)
        span, start = span + length, start + low
    side_by_side = axes == list(range(axes[0], axes[-1] + 1))
    before = list(range(axes[0])) if side_by_side else []
    after = [i for i in range(view.ndim) if not taken[i] and i not in before]
    return Plan(view, before, after, places, span, start)


def _reach(extent: int, stride: int) -> tuple[int, int]:
    """Return how far an axis goes back from its first element, and how far it goes in all."""
    last = max(extent - 1, 0) * stride
    return min(last, 0), abs(last)


def counted(indices: NDArray, extent: int) -> NDArray:
    """Return indices of an axis counted from its start.

    Raises:
        IndexError: one is out of range.

    >>> counted(nd.asarray([0, -1]), 3).tolist()
    [0, 2]
    """
    wrong = (indices < -extent) | (indices >= extent)
    if _core.any(wrong):
        got = f"{int(indices.reshape(-1)[int(_core.argmax(wrong))])} for an axis of extent {extent}"
        raise IndexError(message("getitem", "index out of range", got=got, expected=f"-{extent} to {extent - 1}"))
    return _core.where(indices < 0, indices + extent, indices)


def parse(
    x: Any, key: tuple[Any, ...], index: Callable[[Any], Any], nonzero: Callable[[Any], tuple[Any, ...]]
) -> tuple[list[Any], list[Any]]:
    """Return the key without its arrays, and the indices that these hold for each axis of the view that it makes.

    Args:
        x: what the key is for: an array, or whatever has its shape and dtype.
        key: its parts.
        index: makes an array, of the kind of x, of what is neither a slice nor None nor ``...``.
        nonzero: the places of a mask's true elements.

    >>> basic, arrays = parse(nd.ones((2, 3)), (slice(1), [2, 0]), nd.asarray, nd.nonzero)
    >>> basic, [array if array is None else array.tolist() for array in arrays]
    ([slice(None, 1, None), slice(None, None, None)], [None, [2, 0]])
    """
    parts = [part if part is None or part is ... or isinstance(part, slice) else index(part) for part in key]
    rest = x.ndim - sum(_axes_of(part) for part in parts)
    if rest < 0:
        got = f"{x.ndim - rest} for shape {x.shape}"
        raise IndexError(message("getitem", "too many indices", got=got, expected=f"at most {x.ndim}"))
    if sum(part is ... for part in parts) > 1:
        raise IndexError(message("getitem", "more than one ellipsis"))
    basic: list[Any] = []
    arrays: list[Any] = []
    axis = 0
    for part in parts:
        indices: list[Any] = [None]
        whole: list[Any] = [part]
        if part is ...:
            indices, whole = [None] * rest, [slice(None)] * rest
        elif part is not None and not isinstance(part, slice):
            indices = [part]
            if part.dtype.kind == "bool":
                _check_mask(part, x, axis)
                indices = [*nonzero(part if part.ndim else part.reshape(1))]
            # A mask of 0 dimensions takes no axis of x, so it gets a new one.
            whole = [slice(None)] * _axes_of(part) or [None]
        basic += whole
        arrays += indices
        axis += rest if part is ... else _axes_of(part)
    return basic, arrays


def index_array(part: Any, device: Device) -> NDArray:
    """Return a part of a key as an array of int64 or bool.

    Raises:
        TypeError: it holds no indices.

    >>> index_array([1, 0], nd.default_device()).dtype
    int64
    """
    try:
        array = part if isinstance(part, NDArray) else asarray(part, device=device)
    except TypeError as error:
        expected = "integers, slices, ..., None, and arrays of integers or bool"
        got = type(part).__name__
        raise TypeError(message("getitem", "not an index", got=got, expected=expected)) from error
    if array.size or isinstance(part, NDArray):
        check_index(array.dtype)
    return array if array.dtype.kind == "bool" else array.astype(int64, copy=False)


def check_index(dtype: DType) -> None:
    """Raise TypeError unless arrays of this dtype can be indices.

    >>> check_index(nd.int8)
    """
    if dtype.kind not in {"bool", "int", "uint"}:
        expected = "integers or bool"
        raise TypeError(message("getitem", "an index array of this dtype", got=dtype.name, expected=expected))


def _axes_of(part: Any) -> int:
    """Return how many axes of the array a part of the key takes."""
    if part is None or part is ...:
        return 0
    return 1 if isinstance(part, slice) or part.dtype.kind != "bool" else part.ndim


def _check_mask(mask: Any, x: Any, axis: int) -> None:
    extents = x.shape[axis : axis + mask.ndim]
    if any(have not in (want, 0) for have, want in zip(mask.shape, extents, strict=True)):
        got = f"{mask.shape} for axes {axis} on of {x.shape}"
        raise IndexError(message("getitem", "the mask does not fit", got=got, expected=str(extents)))


def common_shape(arrays: Sequence[Any]) -> tuple[int, ...]:
    """Return the shape that index arrays have once broadcast.

    Raises:
        IndexError: they do not broadcast.

    >>> common_shape([nd.ones((2, 1)), nd.ones(3)])
    (2, 3)
    """
    shapes = [array.shape for array in arrays]
    try:
        return _core.broadcast_shapes(*shapes)
    except ValueError as error:
        got = " and ".join(map(str, shapes))
        raise IndexError(message("getitem", "the index arrays do not broadcast", got=got)) from error
