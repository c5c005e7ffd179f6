"""matmul: every numeric dtype, extents around any block size, batches, all layouts; exact on whole numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from needle.ndarray.conformance import samples
from needle.ndarray.conformance.elements import (
    COMPLEX,
    FLOATS,
    HALVES,
    INEXACT,
    INTEGERS,
    Array,
    decode,
    encode,
    tolerance,
)
from needle.ndarray.conformance.kit import Kit, compare
from needle.ndarray.conformance.layouts import Shape, pairings

SMALL = [(1, 1, 1), (1, 7, 1), (3, 1, 5), (5, 9, 1), (1, 5, 9), (4, 4, 4), (6, 17, 16), (13, 8, 33), (2, 40, 3)]
LARGE = [(70, 130, 65), (1, 400, 300), (300, 400, 1), (129, 513, 31), (200, 3, 200), (33, 1000, 17)]
EMPTY = [(0, 3, 2), (3, 0, 2), (3, 2, 0), (0, 0, 0)]


def product_of(x: Array, y: Array, dtype: str) -> tuple[Array, dict[str, Any]]:
    a, b = decode(x, dtype), decode(y, dtype)
    if dtype not in INEXACT:
        return encode(a @ b if a.shape[-1] else np.zeros((*a.shape[:-1], b.shape[-1]), object), dtype), {}
    with np.errstate(all="ignore"):
        wide_dtype = np.clongdouble if dtype in COMPLEX else np.longdouble
        wide = a.astype(wide_dtype) @ b.astype(wide_dtype)
        return encode(wide, dtype), tolerance(dtype, a.shape[-1], abs(a) @ abs(b))


def check(
    kit: Kit, x: Array, y: Array, dtype: str, layouts: Sequence[str] = ("contiguous",) * 2, to: str = "contiguous"
) -> None:
    a, b = (kit.put(z, dtype, layout) for z, layout in zip((x, y), layouts, strict=True))
    want, near = product_of(a.elements, b.elements, dtype)
    kit.check(want, "matmul", a, b, kit.out(want.shape, dtype, to), **near)


@pytest.mark.parametrize("dtype", [*INTEGERS, *INEXACT])
def test_matmul(kit: Kit, dtype: str) -> None:
    for m, k, n in (*SMALL, *EMPTY):
        check(kit, samples.finite(dtype, (m, k)), samples.finite(dtype, (k, n), 1), dtype)
    for batch in ((1,), (3,), (2, 1, 3), (0,)):
        check(kit, samples.finite(dtype, (*batch, 5, 6)), samples.finite(dtype, (*batch, 6, 4), 1), dtype)


@pytest.mark.parametrize("dtype", [*INTEGERS, *INEXACT])
def test_layouts(kit: Kit, dtype: str) -> None:
    for shape, other in (((5, 8), (8, 17)), ((3, 7, 5), (3, 5, 6))):
        x, y = samples.finite(dtype, shape), samples.finite(dtype, other, 1)
        for (first, second), to in pairings(2):
            check(kit, x, y, dtype, (first, second), to)
    for layouts in (("transposed", "contiguous"), ("contiguous", "transposed"), ("transposed", "transposed")):
        check(kit, samples.finite(dtype, (40, 33)), samples.finite(dtype, (33, 50), 1), dtype, layouts)


def exact(kit: Kit, x: Array, y: Array, dtype: str, layouts: Sequence[str], to: str) -> bytes:
    """Whole numbers whose products and sums are all exact: any order of summing gives the same."""
    a, b = (kit.put(encode(z, dtype), dtype, layout) for z, layout in zip((x, y), layouts, strict=True))
    out = kit.out((*x.shape[:-1], y.shape[-1]), dtype, to)
    kit.check(
        encode(decode(a.elements, dtype).astype(float) @ decode(b.elements, dtype).astype(float), dtype),
        "matmul",
        a,
        b,
        out,
    )
    return out.read().tobytes()


@pytest.mark.parametrize("dtype", ["int32", *HALVES, "float32", "float64"])
@pytest.mark.parametrize(("m", "k", "n"), LARGE)
def test_large(kit: Kit, m: int, k: int, n: int, dtype: str) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(-3, 4, (m, k)), rng.integers(-3, 4, (k, n))
    layouts = [
        ("contiguous", "contiguous"),
        ("transposed", "contiguous"),
        ("contiguous", "transposed"),
        ("rows", "sliced"),
    ]
    assert len({exact(kit, x, y, dtype, pair, to) for pair in layouts for to in ("contiguous", "transposed")}) == 1
    if dtype == "float32":
        random = samples.finite(dtype, (m, k)), samples.finite(dtype, (k, n), 1)
        check(kit, *random, dtype)
        a, b = (kit.put(z, dtype) for z in random)
        first, second = (kit.call("matmul", a, b, kit.out((m, n), dtype)).tobytes() for _ in "12")
        assert first == second, "the same product gave other bits the second time"


def test_nan_and_infinity_stay_in_their_rows_and_columns(kit: Kit) -> None:
    for dtype in FLOATS:
        for shape, other in (((7, 9), (9, 18)), ((1, 9), (9, 18)), ((7, 9), (9, 1))):
            x, y = samples.whole(dtype, shape), samples.whole(dtype, other, 1)
            x[0, 2], x[-1, 3], y[4, 0], y[5, -1] = encode(np.array([np.nan, np.inf, -np.inf, np.nan]), dtype)
            check(kit, x, y, dtype)


@pytest.mark.parametrize(("dtype", "k"), [("float16", 4096), ("bfloat16", 1000)])
def test_halves_accumulate_in_float32(kit: Kit, dtype: str, k: int) -> None:
    for shape, other in (((3, k), (k, 20)), ((1, k), (k, 1))):
        a, b = (kit.put(encode(np.ones(s), dtype), dtype) for s in (shape, other))
        want = encode(np.full((shape[0], other[1]), k), dtype)
        kit.check(want, "matmul", a, b, kit.out(want.shape, dtype))


@pytest.mark.parametrize("shape", [(2, 3, 4), (5, 1, 4)])
def test_one_matrix_for_a_whole_batch(kit: Kit, shape: Shape) -> None:
    """0-strides along the batch, as broadcasting gives them."""
    x, y = samples.whole("float32", shape), samples.whole("float32", (shape[0], 4, 6), 1)
    for layouts in (("0-stride first", "contiguous"), ("contiguous", "0-stride first"), ("0-stride first",) * 2):
        exact(kit, x, y, "float32", layouts, "contiguous")


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
