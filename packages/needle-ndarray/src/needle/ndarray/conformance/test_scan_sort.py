"""scan and sort: every axis, all layouts; stability, NaN, and the order of equal elements in descending sorts."""

from __future__ import annotations

from functools import partial
from itertools import product

import numpy as np
import pytest

from needle.ndarray.conformance import samples
from needle.ndarray.conformance.elements import (
    COMPLEX,
    FLOATS,
    HALVES,
    INEXACT,
    INTEGERS,
    REALS,
    Array,
    decode,
    encode,
    storage,
    tolerance,
)
from needle.ndarray.conformance.kit import Kit, compare
from needle.ndarray.conformance.layouts import pairings

SHAPES = ((1,), (0,), (3, 0), (0, 3), (2, 1, 3, 1, 4))


def check_scan(kit: Kit, op: str, x: Array, dtype: str, axis: int, layout: str, to: str) -> None:
    a = kit.put(x, dtype, layout)
    function = np.cumsum if op == "sum" else np.cumprod
    numbers = decode(a.elements, dtype)
    wide = np.longdouble if dtype in FLOATS else np.clongdouble if dtype in COMPLEX else object
    running = function(numbers.astype(wide), axis=axis)
    magnitude = np.cumsum(abs(numbers), axis=axis) if op == "sum" else abs(running)
    near = tolerance(dtype, x.shape[axis], magnitude)
    kit.check(encode(running, dtype), "scan", op, a, axis, kit.out(x.shape, dtype, to), **near)


@pytest.mark.parametrize("dtype", [*INTEGERS, *INEXACT])
@pytest.mark.parametrize("op", ["sum", "prod"])
def test_scan(kit: Kit, op: str, dtype: str) -> None:
    kit.require("scan", op)
    x = samples.finite(dtype, samples.SHAPE)
    if op == "prod" and dtype in INEXACT:
        x = encode(np.sign(decode(x, dtype) + 0.001) * (1 + decode(x, dtype) / 2000), dtype)
    for axis, ((layout,), to) in product(range(3), pairings(1)):
        check_scan(kit, op, x, dtype, axis, layout, to)
    for shape in SHAPES:
        for axis in range(len(shape)):
            check_scan(kit, op, samples.whole(dtype, shape, most=2), dtype, axis, "contiguous", "contiguous")


@pytest.mark.parametrize("op", ["sum", "prod"])
def test_long_scan(kit: Kit, op: str) -> None:
    for shape, axis in (((20_011,), 0), ((3, 5_003), 1), ((5_003, 3), 0)):
        x = samples.finite("float32", shape) if op == "sum" else 1 + samples.finite("float32", shape) / 1000
        check_scan(kit, op, x.astype(np.float32), "float32", axis, "contiguous", "contiguous")


@pytest.mark.parametrize(("dtype", "n"), [("float16", 2100), ("bfloat16", 300)])
def test_scans_of_halves_accumulate_in_float32(kit: Kit, dtype: str, n: int) -> None:
    a = kit.put(encode(np.ones(n), dtype), dtype)
    kit.check(encode(np.arange(1, n + 1), dtype), "scan", "sum", a, 0, kit.out((n,), dtype))


def sorted_places(x: Array, dtype: str, axis: int, descending: bool) -> Array:
    """Return the stable order along an axis, by Python's sort: NaN above all; -0 and 0 are equal."""
    numbers = decode(x, dtype)
    return np.apply_along_axis(partial(order, descending=descending), axis, numbers).astype(np.int64)


def order(line: Array, *, descending: bool) -> list[int]:
    keys = [(True, 0) if isinstance(n, float) and np.isnan(n) else (False, n) for n in line]
    # With `reverse`, equal elements keep their order too.
    return sorted(range(len(line)), key=keys.__getitem__, reverse=descending)


def check_sort(kit: Kit, x: Array, dtype: str, axis: int, descending: bool, layout: str, to: str) -> None:
    a = kit.put(x, dtype, layout)
    want = sorted_places(a.elements, dtype, axis, descending) if x.size else np.zeros(x.shape, np.int64)
    in_order = np.take_along_axis(a.elements, want, axis)
    values = kit.out(x.shape, dtype, to)
    kit.check(want, "sort", a, axis, descending, values, kit.out(x.shape, "int64", to))
    compare(f"values of sort({a}, {axis}, {descending}, {values})", values.read(), in_order, dtype, bits=True)
    kit.check(want, "sort", a, axis, descending, None, kit.out(x.shape, "int64", to))
    kit.check(in_order, "sort", a, axis, descending, kit.out(x.shape, dtype, to), None, bits=True)


@pytest.mark.parametrize("descending", [False, True], ids=["ascending", "descending"])
@pytest.mark.parametrize("dtype", REALS)
def test_sort(kit: Kit, dtype: str, descending: bool) -> None:
    for axis, ((layout,), to) in product(range(3), pairings(1)):
        check_sort(kit, samples.elements(dtype, samples.SHAPE), dtype, axis, descending, layout, to)
    for shape in SHAPES:
        for axis in range(len(shape)):
            check_sort(kit, samples.elements(dtype, shape), dtype, axis, descending, "contiguous", "contiguous")


@pytest.mark.parametrize("descending", [False, True], ids=["ascending", "descending"])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64", *HALVES, "float32", "float64"])
def test_equal_elements_keep_their_order(kit: Kit, dtype: str, descending: bool) -> None:
    """Long enough for the algorithms that short runs do not reach."""
    for shape, axis in (((4_001,), 0), ((3, 500), 1), ((500, 3), 0)):
        x = samples.whole(dtype, shape, most=5)
        if dtype in FLOATS:
            x = np.where(np.random.default_rng(1).random(shape) < 0.1, encode(np.array(np.nan), dtype), x)
            x = np.where(np.random.default_rng(2).random(shape) < 0.1, encode(np.array(-0.0), dtype), x)
        check_sort(kit, x.astype(storage(dtype)), dtype, axis, descending, "contiguous", "contiguous")


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
