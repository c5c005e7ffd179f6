"""The optional functions, on those backends that have them: every dtype and layout, and lines of many lengths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest

from needle.ndarray._core import dtypes
from needle.ndarray.conformance import samples
from needle.ndarray.conformance.elements import FLOATS, REALS, Array, decode, encode, storage, tolerance
from needle.ndarray.conformance.kit import Kit, compare
from needle.ndarray.conformance.layouts import Shape, pairings
from needle.ndarray.conformance.test_scan_sort import sorted_places
from needle.ndarray.random import Generator


def check_softmax(
    kit: Kit, x: Array, dtype: str, axis: int, layout: str = "contiguous", to: str = "contiguous"
) -> None:
    a, y = kit.put(x, dtype, layout), kit.out(x.shape, dtype, to)
    with np.errstate(invalid="ignore"):
        numbers = decode(a.elements, dtype).astype(np.longdouble)
        distance = numbers - numbers.max(axis, keepdims=True) if x.size else numbers
        shares = np.exp(distance) / np.exp(distance).sum(axis, keepdims=True)
        magnitude = np.nan_to_num(shares * (1 - distance))  # the distance is rounded too
    near = tolerance(dtype, x.shape[axis], magnitude)
    (got,) = kit.composite("softmax", [a], [y], [axis])
    assert got is not None
    compare(f"softmax({a}, axis={axis})", got, encode(shares, dtype), dtype, **near)


@pytest.mark.parametrize("dtype", FLOATS)
def test_softmax(kit: Kit, dtype: str) -> None:
    x = samples.finite(dtype, samples.SHAPE)
    for axis, ((layout,), to) in product(range(3), pairings(1)):
        check_softmax(kit, x, dtype, axis, layout, to)
    for n in (0, 1, 7, 8, 9, 511, 512, 513, 2_000):
        check_softmax(kit, samples.finite(dtype, (3, n)), dtype, 1)
    special = encode(np.array([[1, np.inf, 0], [1, -np.inf, 0], [np.nan, 1, 2], [-np.inf] * 3]), dtype)
    check_softmax(kit, special, dtype, 1)


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


@pytest.mark.parametrize(("dtype", "wide"), [("int8", "int32"), ("float16", "float32"), ("bfloat16", "float32")])
def test_wide_matmul(kit: Kit, dtype: str, wide: str) -> None:
    """Extremes of int8, and whole numbers, whose sums are exact."""
    limit = 127 if dtype == "int8" else 15
    for m, k, n in ((0, 3, 2), (3, 0, 2), (1, 1, 1), (5, 9, 17), (1, 300, 70), (70, 131, 1), (30, 1030, 40)):
        rng = np.random.default_rng(m)
        x, y = rng.integers(-limit - 1, limit + 1, (2, m, k)), rng.integers(-limit - 1, limit + 1, (2, k, n))
        for (first, second), to in pairings(2) if m == 5 else ((("contiguous",) * 2, "contiguous"),):
            a, b = (kit.put(encode(z, dtype), dtype, layout) for z, layout in ((x, first), (y, second)))
            want = decode(a.elements, dtype).astype(float) @ decode(b.elements, dtype).astype(float)
            (got,) = kit.composite("wide_matmul", [a, b], [kit.out(want.shape, wide, to)])
            assert got is not None
            compare(f"wide_matmul({a}, {b})", got, encode(want, wide), wide)


@pytest.mark.parametrize("largest", [True, False], ids=["largest", "least"])
@pytest.mark.parametrize("dtype", REALS)
def test_topk(kit: Kit, dtype: str, largest: bool) -> None:
    def check(x: Array, axis: int, k: int, layout: str = "contiguous", to: str = "contiguous") -> None:
        a = kit.put(x, dtype, layout)
        shape = (*x.shape[:axis], k, *x.shape[axis + 1 :])
        values, places = kit.out(shape, dtype, to), kit.out(shape, "int64", to)
        want = sorted_places(a.elements, dtype, axis, largest) if x.size else np.zeros(x.shape, np.int64)
        want = want[(slice(None),) * axis + (slice(k),)]
        label = f"topk({a}, axis={axis}, k={k})"
        got, indices = kit.composite("topk", [a], [values, places], [axis, int(largest)])
        assert got is not None
        assert indices is not None
        compare(f"places of {label}", indices, want, "int64")
        compare(f"values of {label}", got, np.take_along_axis(a.elements, want, axis), dtype, bits=True)

    x = samples.elements(dtype, samples.SHAPE)
    for axis, ((layout,), to) in product(range(3), pairings(1)):
        check(x, axis, 1, layout, to)
    check(x, 2, 2)
    check(np.zeros((3, 0), storage(dtype)), 1, 0)
    for n, k in ((40, 10), (3_000, 5), (3_000, 700)):
        check(samples.elements(dtype, (2, n)), 1, k)
        check(np.sort(samples.whole(dtype, (n,), most=60)), 0, k)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normal(kit: Kit, dtype: str) -> None:
    """The very bits that are composed elsewhere."""
    for (n, counter), layout in product(
        ((0, 0), (1, 5), (33, 2**32 - 4), (1_001, 2**64 - 100), (70_001, 1)), ("contiguous", "sliced")
    ):
        words = [0x9ABCDEF0, 0x12345678, counter % 2**32, counter >> 32]
        out = kit.out((n,), dtype, layout)
        (got,) = kit.composite("normal", [], [out], words, [0.5, 3.0])
        oracle = Generator(0x123456789ABCDEF0, "numpy")
        oracle.load_state_dict({"seed": 0x123456789ABCDEF0, "counter": counter})
        want = oracle.normal(n, 0.5, 3.0, dtypes[dtype]).numpy()
        assert got is not None
        compare(f"normal from block {counter} on", got, want, dtype, bits=True)
