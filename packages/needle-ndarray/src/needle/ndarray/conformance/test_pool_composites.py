"""Pools and their gradients: windows at all borders, the first of equal elements, NaN, every layout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest

from needle.ndarray.conformance import samples
from needle.ndarray.conformance.elements import FLOATS, Array, decode, encode
from needle.ndarray.conformance.kit import Kit, compare
from needle.ndarray.conformance.layouts import pairings

# x, and for each axis size, stride, low, dilation, windows.
POOLS = [
    ((2, 9), [(2, 2, 0, 1, 4)]),
    ((3, 40), [(3, 1, 1, 2, 38)]),
    ((2, 8, 70), [(2, 2, 0, 1, 4), (2, 2, 0, 1, 35)]),
    ((2, 7, 35), [(3, 2, 1, 1, 4), (3, 2, 1, 1, 18)]),
    ((2, 4, 5, 6), [(2, 1, 1, 1, 5), (3, 2, 1, 1, 3), (2, 3, 0, 2, 2)]),
    ((0, 5), [(2, 1, 0, 1, 4)]),
]


def definition_of_max_pool(x: Array, axes: Sequence[tuple[int, ...]]) -> tuple[Array, Array]:
    """Return where the greatest element of each window is, and what."""
    size, stride, low, dilation, windows = zip(*axes, strict=True)
    places = np.zeros((len(x), *windows), np.int64)
    for b, *i in np.ndindex(*places.shape):
        best = None
        for k in product(*map(range, size)):
            spot = [n * s + m * d - a for n, s, m, d, a in zip(i, stride, k, dilation, low, strict=True)]
            inside = all(0 <= at < extent for at, extent in zip(spot, x.shape[1:], strict=True))
            value = x[(b, *spot)] if inside else None
            if value is not None and (best is None or value > best or (np.isnan(value) and not np.isnan(best))):
                best, places[(b, *i)] = value, np.ravel_multi_index(spot, x.shape[1:])
    flat = places.reshape(len(x), math.prod(windows))
    return places, np.take_along_axis(x.reshape(len(x), math.prod(x.shape[1:])), flat, 1).reshape(places.shape)


def check_max_pool(
    kit: Kit, x: Array, dtype: str, axes: Sequence[tuple[int, ...]], layout: str = "contiguous", to: str = "contiguous"
) -> None:
    a = kit.put(x, dtype, layout)
    numbers = decode(a.elements, dtype)
    places, values = definition_of_max_pool(numbers, axes)
    integers = [n for parameter in list(zip(*axes, strict=True))[:4] for n in parameter]
    for second in (None, kit.out(places.shape, "int64", to)):
        first = kit.out(places.shape, dtype, to)
        got = kit.composite("max_pool", [a], [first, second], integers)
        for array, want, kind in zip(got, (encode(values, dtype), places), (dtype, "int64"), strict=True):
            assert array is None or np.array_equal(decode(array, kind), decode(want, kind), equal_nan=kind != "int64")
    ct = kit.put(samples.whole(dtype, places.shape, 1), dtype, to)
    want, n = np.zeros((len(x), math.prod(x.shape[1:]))), math.prod(places.shape[1:])
    for row, at, added in zip(
        want, places.reshape(len(x), n), decode(ct.elements, dtype).reshape(len(x), n), strict=True
    ):
        np.add.at(row, at, added)
    (got,) = kit.composite("max_pool_gradient", [ct, a], [kit.out(x.shape, dtype, to)], integers)
    assert got is not None
    compare(f"max_pool_gradient({ct}, {a}, {integers})", got, encode(want.reshape(x.shape), dtype), dtype)


@pytest.mark.parametrize("dtype", FLOATS)
def test_max_pool(kit: Kit, dtype: str) -> None:
    for x, axes in POOLS:
        check_max_pool(kit, samples.whole(dtype, x), dtype, axes)
    check_max_pool(kit, samples.elements(dtype, POOLS[3][0]), dtype, POOLS[3][1])
    check_max_pool(kit, encode(np.full(POOLS[4][0], -np.inf), dtype), dtype, POOLS[4][1])
    for (layout,), to in pairings(1):
        check_max_pool(kit, samples.whole(dtype, POOLS[4][0]), dtype, POOLS[4][1], layout, to)


def parts_of_avg_pool(shape: tuple[int, ...], axes: Sequence[tuple[int, ...]]) -> Array:
    """Return how often each window (rows) counts each element (columns), for one sample."""
    size, stride, low, dilation, windows = zip(*axes, strict=True)
    parts = np.zeros((*windows, *shape))
    for i in np.ndindex(*windows):
        for k in np.ndindex(*size):
            spot = tuple(n * s + m * d - a for n, s, m, d, a in zip(i, stride, k, dilation, low, strict=True))
            if all(0 <= at < extent for at, extent in zip(spot, shape, strict=True)):
                parts[(*i, *spot)] += 1
    return parts.reshape(math.prod(windows), math.prod(shape))


def check_avg_pool(
    kit: Kit, x: Array, dtype: str, axes: Sequence[tuple[int, ...]], layout: str = "contiguous", to: str = "contiguous"
) -> None:
    a, windows = kit.put(x, dtype, layout), tuple(axis[-1] for axis in axes)
    parts, out = parts_of_avg_pool(x.shape[1:], axes), (len(x), *windows)
    elements = math.prod(axis[0] for axis in axes)
    integers = [n for parameter in list(zip(*axes, strict=True))[:4] for n in parameter]
    (got,) = kit.composite("avg_pool", [a], [kit.out(out, dtype, to)], integers)
    want = decode(a.elements, dtype).reshape(len(x), parts.shape[1]) @ parts.T / elements
    assert got is not None
    compare(f"avg_pool({a}, {integers})", got, encode(want.reshape(out), dtype), dtype, ulps=2)
    ct = kit.put(samples.whole(dtype, out, 1), dtype, layout)
    (got,) = kit.composite("avg_pool_gradient", [ct], [kit.out(x.shape, dtype, to)], integers)
    want = decode(ct.elements, dtype).reshape(len(x), parts.shape[0]) @ parts / elements
    assert got is not None
    compare(f"avg_pool_gradient({ct}, {integers})", got, encode(want.reshape(x.shape), dtype), dtype, ulps=8)


@pytest.mark.parametrize("dtype", FLOATS)
def test_avg_pool(kit: Kit, dtype: str) -> None:
    for x, axes in [*POOLS, ((3, 9, 33), [(2, 2, 0, 1, 4), (2, 2, 0, 1, 16)]), ((2, 70), [(4, 3, 2, 1, 24)])]:
        check_avg_pool(kit, samples.whole(dtype, x), dtype, axes)
    for pool in (POOLS[2], POOLS[4]):
        for (layout,), to in pairings(1):
            check_avg_pool(kit, samples.whole(dtype, pool[0]), dtype, pool[1], layout, to)
