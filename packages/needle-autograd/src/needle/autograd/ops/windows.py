"""All windows over an array, and their sum at their places: each is the other's transpose."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import needle.ndarray as nd
from needle.autograd.rules import linear
from needle.autograd.samples import Sample
from needle.autograd.tensor import Tensor
from needle.ndarray import NDArray
from needle.ndarray.errors import message

__all__ = ["fold", "windows"]


def windows(x: Tensor, size: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Tensor:
    """Return all windows over the last axes: (..., *S) -> (..., *S', *size), a view.

    S' is ``(S - dilation * (size - 1) - 1) // stride + 1``; each parameter has a number for each of the axes S.

    >>> windows(tensor([1, 2, 3, 4]), (2,), (1,), (1,)).tolist()
    [[1, 2], [2, 3], [3, 4]]
    """
    return _windows(x, size=tuple(size), stride=tuple(stride), dilation=tuple(dilation))


_windows = linear(
    "windows",
    nd.windows,
    lambda ct, p, x: fold(ct, x.shape[x.ndim - len(p["size"]) :], p["stride"], p["dilation"]),
    samples=lambda draw: [
        Sample((draw.uniform(2, 6), (3,), (2,), (1,))),
        Sample((draw.uniform(5, 6), (2, 3), (1, 1), (2, 1))),
        Sample((draw.uniform(1, 4, 5), (2, 2), (2, 3), (1, 1))),
    ],
    core=0,
)


def fold(x: Tensor, shape: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Tensor:
    """Return windows, as `windows` gives them, added up at their places: (..., *S', *size) -> (..., *shape).

    >>> fold(tensor([[1, 2], [3, 4]]), (3,), (1,), (1,)).tolist()
    [1, 5, 4]
    """
    return _fold(x, shape=tuple(shape), stride=tuple(stride), dilation=tuple(dilation))


def _overlap_add(x: NDArray, shape: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> NDArray:
    n = len(shape)
    lead, counts, size = x.shape[: -2 * n], x.shape[-2 * n : -n], x.shape[-n:]
    out = nd.zeros((*lead, *shape), x.dtype, x.device)
    if math.prod(counts) == 0:
        return out
    if (expected := nd.windows(out, size, stride, dilation).shape) != x.shape:
        raise ValueError(message("fold", "not the windows of that shape", got=str(x.shape), expected=str(expected)))
    for place in itertools.product(*map(range, size)):
        spans = zip(place, counts, stride, dilation, strict=True)
        target = out[(..., *(slice(i * d, i * d + (count - 1) * s + 1, s) for i, count, s, d in spans))]
        nd.add(target, x[(..., *place)], out=target)
    return out


_fold = linear(
    "fold",
    _overlap_add,
    lambda ct, p, x: windows(ct, x.shape[x.ndim - len(p["shape"]) :], p["stride"], p["dilation"]),
    samples=lambda draw: [
        Sample((draw.uniform(2, 2, 3), (6,), (2,), (1,))),
        Sample((draw.uniform(3, 4, 2, 3), (5, 6), (1, 1), (2, 1))),
    ],
    core=0,
)
