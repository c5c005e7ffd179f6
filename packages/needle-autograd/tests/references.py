"""What the ops of the table are to give, in NumPy: where it calls them otherwise, or has them not."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from algebra_references import ALGEBRA

import needle.ndarray as nd

Array = Any


def _softmax(x: Array, axis: Any = None) -> Array:
    powers = np.exp(x)
    return powers / powers.sum(axis, keepdims=True)


def _logsumexp(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    return np.log(np.exp(x).sum(axis, keepdims=keepdims))


def _put(x: Array, shape: tuple[int, ...], key: Any) -> Array:
    out = np.zeros(shape, x.dtype)
    out[key] = x
    return out


def _pad(x: Array, widths: list[tuple[int, int]], value: float = 0) -> Array:
    added = [(max(low, 0), max(high, 0)) for low, high in widths]
    crop = tuple(slice(max(-low, 0), -max(-high, 0) or None) for low, high in widths)
    return np.pad(x, added, constant_values=value)[crop]


def _windows(x: Array, size: Any, stride: Any, dilation: Any) -> Array:
    axes = tuple(range(x.ndim - len(size), x.ndim))
    whole = [d * (k - 1) + 1 for k, d in zip(size, dilation, strict=True)]
    every = np.lib.stride_tricks.sliding_window_view(x, whole, axes)
    return every[(..., *(slice(None, None, s) for s in stride), *(slice(None, None, d) for d in dilation))]


def _fold(x: Array, shape: Any, stride: Any, dilation: Any) -> Array:
    n = len(shape)
    out = np.zeros((*x.shape[: -2 * n], *shape), x.dtype)
    for place in itertools.product(*map(range, x.shape[-2 * n :])):
        target = tuple(i * s + k * d for i, k, s, d in zip(place[:n], place[n:], stride, dilation, strict=True))
        out[(..., *target)] += x[(..., *place)]
    return out


def _conv(x: Array, w: Array, stride: Any, padding: Any, dilation_in: Any, dilation: Any) -> Array:
    extents = [(s - 1) * d + 1 for s, d in zip(x.shape[3:], dilation_in, strict=True)]
    spread = np.zeros((*x.shape[:3], *extents), x.dtype)
    spread[(..., *(slice(None, None, d) for d in dilation_in))] = x
    windows = _windows(_pad(spread, [(0, 0)] * 3 + list(padding)), w.shape[3:], stride, dilation)
    n = len(stride)
    axes = (1, *range(2 + n, 2 + 2 * n)), tuple(range(1, 2 + n))
    out = [np.tensordot(a, b, axes) for a, b in zip(windows, w, strict=True)]
    return np.moveaxis(np.stack(out), -1, 2)


def _scatter(x: Array, indices: Array, updates: Array, axis: int, op: str = "set") -> Array:
    out = x.copy()
    for place in np.ndindex(indices.shape):
        target = (*place[:axis], indices[place], *place[axis + 1 :])
        out[target] = updates[place] + (out[target] if op == "add" else 0)
    return out


def _var(x: Array, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Array:
    return np.var(x, axis, ddof=correction, keepdims=keepdims)


def _std(x: Array, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Array:
    return np.std(x, axis, ddof=correction, keepdims=keepdims)


def _unstack(x: Array, axis: int = 0) -> list[Array]:
    return list(np.moveaxis(x, axis, 0))


def _split(x: Array, sizes: int | tuple[int, ...], axis: int = 0) -> list[Array]:
    starts = range(sizes, x.shape[axis], sizes) if isinstance(sizes, int) else np.cumsum(sizes)[:-1]
    return np.split(x, starts, axis)


def _unfold(x: Array, axis: int, size: int, step: int) -> Array:
    windows = np.lib.stride_tricks.sliding_window_view(x, size, axis)
    return np.take(windows, range(0, windows.shape[axis % x.ndim], step), axis % x.ndim)


def _as_strided(x: Array, shape: Any, strides: Any, offset: int = 0) -> Array:
    shape, strides = ((n,) if isinstance(n, int) else n for n in (shape, strides))
    out = np.zeros(shape, x.dtype)
    for place in np.ndindex(*shape):
        out[place] = x.reshape(-1)[offset + sum(i * step for i, step in zip(place, strides, strict=True))]
    return out


def _diagonal(x: Array, offset: int = 0) -> Array:
    return np.diagonal(x, offset, -2, -1)


def _place_diagonal(x: Array, shape: Any, offset: int = 0) -> Array:
    out = np.zeros((*x.shape[:-1], *shape), x.dtype)
    for i in range(x.shape[-1]):
        out[..., i - min(offset, 0), i + max(offset, 0)] = x[..., i]
    return out


def _scan(f: Callable[..., Array], first: int) -> Callable[..., Array]:
    def scan(x: Array, axis: int = 0, include_initial: bool = False) -> Array:
        out = f(x, axis=axis)
        start = np.full_like(out.take([0] if out.size else [], axis), first)
        return np.concatenate([start, out], axis) if include_initial else out

    return scan


def _argsort(x: Array, axis: int = -1, descending: bool = False) -> Array:
    return np.argsort(-x if descending else x, axis, kind="stable")


def _sort(x: Array, axis: int = -1, descending: bool = False) -> Array:
    return np.take_along_axis(x, _argsort(x, axis, descending), axis)


def _topk_places(x: Array, k: int, axis: int = -1, largest: bool = True) -> Array:
    return np.take(_argsort(x, axis, largest), range(k), axis)


def _topk(x: Array, k: int, axis: int = -1, largest: bool = True) -> tuple[Array, Array]:
    places = _topk_places(x, k, axis, largest)
    return np.take_along_axis(x, places, axis), places


def _numbered(*arrays: Array, extents: tuple[int, ...]) -> Array:
    inside = [array % extent for array, extent in zip(arrays, extents, strict=True)]
    return np.ravel_multi_index(np.broadcast_arrays(*inside), extents)


def _astype(x: Array, dtype: nd.DType) -> Array:
    return x.astype(dtype.name)


def _concat(arrays: list[Array], axis: int = 0) -> Array:
    return np.concatenate(arrays, axis)


def _getitem(x: Array, key: Any) -> Array:
    return x[key]


def _seen(x: Array, size: Any, stride: Any, padding: Any, dilation: Any) -> tuple[Array, Array]:
    """The elements of each window on a last axis, and their numbers among those of the pooled axes."""
    lead = x.ndim - len(size)
    numbers: Array = np.arange(math.prod(x.shape[lead:]), dtype=np.int64)
    numbers = numbers.reshape(x.shape[lead:])
    windows = _windows(_pad(x, [(0, 0)] * lead + list(padding), -np.inf), size, stride, dilation)
    places = _windows(_pad(numbers, list(padding), -1), size, stride, dilation)
    return windows.reshape(*windows.shape[: x.ndim], -1), places.reshape(*places.shape[: len(size)], -1)


def _max_pool(x: Array, **params: Any) -> Array:
    return _seen(x, **params)[0].max(-1)


def _max_pool_places(x: Array, **params: Any) -> Array:
    windows, places = _seen(x, **params)
    return np.take_along_axis(np.broadcast_to(places, windows.shape), windows.argmax(-1)[..., None], -1)[..., 0]


def _max_pool_gradient(cotangent: Array, x: Any, **params: Any) -> Array:
    windows, places = _seen(x, **params)
    lead = x.ndim - len(params["size"])
    out: Array = np.zeros((math.prod(x.shape[:lead]), math.prod(x.shape[lead:])))
    best = np.take_along_axis(np.broadcast_to(places, windows.shape), windows.argmax(-1)[..., None], -1)
    for row, numbers, at in zip(out, cotangent.reshape(len(out), -1), best.reshape(len(out), -1), strict=True):
        np.add.at(row, at, numbers)
    return out.reshape(x.shape)


def _avg_pool(x: Array, size: Any, stride: Any, padding: Any, dilation: Any) -> Array:
    lead = x.ndim - len(size)
    windows = _windows(_pad(x, [(0, 0)] * lead + list(padding), 0), size, stride, dilation)
    return windows.reshape(*windows.shape[: x.ndim], -1).mean(-1)


def _avg_pool_gradient(cotangent: Array, extents: Any, **params: Any) -> Array:
    """By the pools of all unit vectors: each element gets what it gives."""
    lead = cotangent.shape[: cotangent.ndim - len(extents)]
    units = np.eye(math.prod(extents)).reshape(-1, *extents)
    given = _avg_pool(units, **params).reshape(len(units), -1)
    return (cotangent.reshape(-1, given.shape[1]) @ given.T).reshape(*lead, *extents)


def _log_softmax(x: Array, axis: Any = None) -> Array:
    return np.log(_softmax(x, axis))


def _attention(q: Array, k: Array, v: Array, mask: Any = None, factor: float = 1.0, reach: int | None = None) -> Array:
    k, v = (np.repeat(x, q.shape[1] // x.shape[1], 1) for x in (k, v))
    scores = factor * q @ np.swapaxes(k, 2, 3)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    if reach is not None:
        scores = np.where(np.tri(*scores.shape[2:], reach, dtype=bool), scores, -np.inf)
    return _softmax(scores, -1) @ v


def _sign(x: Array) -> Array:
    return x / np.abs(x) if np.iscomplexobj(x) else np.sign(x)


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def _lstm_cell(x: Array, h: Array, c: Array) -> Array:
    i, f, g, o = np.split(x + h, 4, 1)
    after = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
    return np.stack([_sigmoid(o) * np.tanh(after), after])


def _gru_cell(x: Array, g: Array, h: Array) -> Array:
    (x_reset, x_update, x_new), (g_reset, g_update, g_new) = np.split(x, 3, 1), np.split(g, 3, 1)
    update, new = _sigmoid(x_update + g_update), np.tanh(x_new + _sigmoid(x_reset + g_reset) * g_new)
    return (1 - update) * new + update * h


def _cross_entropy(x: Array, labels: Array, axis: int = -1) -> Array:
    return -np.take_along_axis(_log_softmax(x, axis), np.expand_dims(labels, axis), axis).squeeze(axis)


def _normalize(
    x: Array, scale: Any = None, shift: Any = None, axes: Any = None, epsilon: float = 1e-5, centred: bool = True
) -> Array:
    below = x - x.mean(axes, keepdims=True) if centred else x
    out = below / np.sqrt((below**2).mean(axes, keepdims=True) + epsilon)
    return out * (1 if scale is None else scale) + (0 if shift is None else shift)


def _scatter_add(x: Array, indices: Array, updates: Array, axis: int) -> Array:
    return _scatter(x, indices, updates, axis, "add")


def _to_device(x: Array, device: str) -> Array:
    return x


def _clip(x: Array, low: Any = None, high: Any = None) -> Array:
    return np.minimum(np.maximum(x, -np.inf if low is None else low), np.inf if high is None else high)


def _diff(x: Array, prepend: Any = None, append: Any = None, **params: Any) -> Array:
    ends = {"prepend": prepend, "append": append}
    given = {name: np.asarray(end.tolist()) for name, end in ends.items() if end is not None}
    return np.diff(x, **given, **params)


def _searchsorted(x: Array, values: Array, side: Any = "left", sorter: Any = None) -> Array:
    return np.searchsorted(x, values, side, None if sorter is None else np.asarray(sorter.tolist()))


def _count_nonzero(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    return np.asarray(np.count_nonzero(x, axis=axis, keepdims=keepdims), np.int64)


def _unique(x: Array) -> Array:
    return np.unique(x, return_index=True, return_inverse=True, return_counts=True)[1:]


REFERENCES: dict[str, Callable[..., Array]] = {
    **ALGEBRA,
    "acos": np.arccos,
    "acosh": np.arccosh,
    "argsort": _argsort,
    "as_strided": _as_strided,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "astype": _astype,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "atanh": np.arctanh,
    "attention": _attention,
    "avg_pool": _avg_pool,
    "avg_pool_gradient": _avg_pool_gradient,
    "bitwise_invert": np.invert,
    "bitwise_left_shift": np.left_shift,
    "bitwise_right_shift": np.right_shift,
    "clip": _clip,
    "concat": _concat,
    "conv": _conv,
    "count_nonzero": _count_nonzero,
    "cross_entropy": _cross_entropy,
    "cumulative_prod": _scan(np.cumprod, 1),
    "cumulative_sum": _scan(np.cumsum, 0),
    "diagonal": _diagonal,
    "diff": _diff,
    "fold": _fold,
    "getitem": _getitem,
    "gru_cell": _gru_cell,
    "log_softmax": _log_softmax,
    "logsumexp": _logsumexp,
    "lstm_cell": _lstm_cell,
    "matrix_transpose": lambda x: np.swapaxes(x, -2, -1),
    "max_pool": _max_pool,
    "max_pool_gradient": _max_pool_gradient,
    "max_pool_places": _max_pool_places,
    "normalize": _normalize,
    "numbered": _numbered,
    "pad": _pad,
    "permute_dims": np.transpose,
    "place": _put,
    "place_diagonal": _place_diagonal,
    "pow": np.power,
    "scatter": _scatter,
    "scatter_add": _scatter_add,
    "searchsorted": _searchsorted,
    "sign": _sign,
    "softmax": _softmax,
    "sort": _sort,
    "split": _split,
    "std": _std,
    "to_device": _to_device,
    "topk": _topk,
    "topk_places": _topk_places,
    "unfold": _unfold,
    "unstack": _unstack,
    "unique": _unique,
    "var": _var,
    "windows": _windows,
}
