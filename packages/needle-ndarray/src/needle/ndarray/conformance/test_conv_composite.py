"""The composite of convolution: windows of every kind, in every dtype and layout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest

from needle.ndarray.conformance import samples
from needle.ndarray.conformance.elements import FLOATS, Array, decode, encode, tolerance
from needle.ndarray.conformance.kit import Kit, compare
from needle.ndarray.conformance.layouts import Shape, pairings

# For each spatial axis: stride, low, high, dilation_in, dilation.
PLAIN = (1, 0, 0, 1, 1)
SAME = (1, 1, 1, 1, 1)
CONVOLUTIONS = [
    ((1, 2, 3, 9), (1, 4, 3, 3), [PLAIN]),
    ((2, 1, 2, 20), (2, 5, 2, 4), [(3, 2, 1, 1, 2)]),
    ((1, 2, 5, 40), (1, 1, 5, 7), [(1, 3, 3, 1, 1)]),
    ((3, 2, 1, 9, 18), (3, 1, 1, 3, 3), [SAME, SAME]),
    ((1, 2, 3, 8, 35), (1, 17, 3, 3, 3), [SAME, SAME]),
    ((1, 2, 20, 7, 7), (1, 33, 20, 3, 3), [(2, 1, 1, 1, 1), (2, 1, 1, 1, 1)]),
    ((1, 1, 4, 9, 10), (1, 3, 4, 2, 3), [(2, -1, 2, 3, 2), (1, 2, -1, 2, 2)]),
    ((1, 2, 6, 4, 5), (1, 7, 6, 1, 1), [PLAIN, PLAIN]),
    ((1, 2, 3, 4, 17), (1, 4, 3, 3, 16), [(1, 1, 1, 1, 1), (1, 0, 0, 1, 1)]),
    ((1, 2, 2, 3, 6, 7), (1, 3, 2, 2, 3, 3), [(1, 0, 1, 1, 1), (2, 1, 1, 1, 1), SAME]),
    ((1, 2, 2, 3, 4, 5), (1, 3, 2, 2, 2, 2), [(1, 1, 1, 2, 1)] * 3),
    ((1, 0, 2, 5), (1, 3, 2, 2), [PLAIN]),
    ((1, 1, 0, 5), (1, 3, 0, 2), [PLAIN]),
]
TWO_PLANES = ((1, 4, 32, 13, 26), (1, 33, 32, 3, 3), [SAME, (1, 1, 0, 1, 1)])


def definition_of_conv(x: Array, w: Array, axes: Sequence[tuple[int, ...]]) -> Array:
    """Return the sum over the places of the kernel of its elements times those of the spread input."""
    stride, low, high, dilation_in, dilation = zip(*axes, strict=True)
    spans = [max((n - 1) * d + 1, 0) for n, d in zip(x.shape[3:], dilation_in, strict=True)]
    spread = np.zeros((*x.shape[:3], *spans), x.dtype)
    spread[(..., *(slice(None, None, d) for d in dilation_in))] = x
    spread = np.pad(spread, [(0, 0)] * 3 + [(max(a, 0), max(b, 0)) for a, b in zip(low, high, strict=True)])
    spread = spread[(..., *(slice(max(-a, 0), min(b, 0) or None) for a, b in zip(low, high, strict=True)))]
    sizes = [
        (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(spread.shape[3:], w.shape[3:], stride, dilation, strict=True)
    ]
    out = np.zeros((*x.shape[:2], w.shape[1], *sizes), x.dtype)
    for k in product(*map(range, w.shape[3:])):
        starts = [i * d for i, d in zip(k, dilation, strict=True)]
        seen = [slice(i, i + (n - 1) * s + 1, s) for i, n, s in zip(starts, sizes, stride, strict=True)]
        taken = np.moveaxis(spread[(..., *seen)], 2, -1)  # (G, N, *S', C)
        kernel = w[(..., *k)].swapaxes(1, 2).reshape(w.shape[0], 1, *[1] * (x.ndim - 4), w.shape[2], w.shape[1])
        out += np.moveaxis(taken @ kernel, -1, 2)
    return out


def check_conv(
    kit: Kit,
    x: Array,
    w: Array,
    dtype: str,
    axes: Sequence[tuple[int, ...]],
    layouts: Sequence[str] = ("contiguous",) * 2,
    to: str = "contiguous",
) -> None:
    a, b = (kit.put(z, dtype, layout) for z, layout in zip((x, w), layouts, strict=True))
    first, second = (decode(z.elements, dtype).astype(np.longdouble) for z in (a, b))
    with np.errstate(invalid="ignore"):
        want = definition_of_conv(first, second, axes)
        near = tolerance(dtype, math.prod(w.shape[2:]), definition_of_conv(abs(first), abs(second), axes))
    integers = [n for parameter in zip(*axes, strict=True) for n in parameter]
    (got,) = kit.composite("conv", [a, b], [kit.out(want.shape, dtype, to)], integers)
    assert got is not None
    compare(f"conv({a}, {b}, {integers})", got, encode(want, dtype), dtype, **near)


@pytest.mark.parametrize("dtype", FLOATS)
def test_conv(kit: Kit, dtype: str) -> None:
    for x, w, axes in [*CONVOLUTIONS, TWO_PLANES]:
        check_conv(kit, samples.finite(dtype, x), samples.finite(dtype, w, 1), dtype, axes)
    for x, w, axes in (CONVOLUTIONS[0], CONVOLUTIONS[4], CONVOLUTIONS[8]):
        for layouts, to in pairings(2):
            check_conv(kit, samples.finite(dtype, x), samples.finite(dtype, w, 1), dtype, axes, layouts, to)


@pytest.mark.parametrize("shape", [TWO_PLANES, CONVOLUTIONS[4]])
def test_conv_of_nan_and_infinity(kit: Kit, shape: tuple[Shape, Shape, list[tuple[int, ...]]]) -> None:
    """They stay in the windows that see them."""
    x, w = samples.finite("float32", shape[0]), samples.finite("float32", shape[1], 1)
    x[0, 0, 1, 5, 6], x[0, 1, 0, 3, 3] = np.nan, np.inf
    check_conv(kit, x, w, "float32", shape[2])
