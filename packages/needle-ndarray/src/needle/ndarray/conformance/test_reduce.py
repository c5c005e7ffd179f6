"""reduce and arg_reduce: all sets of axes, all layouts, empty axes, accumulation in more digits than a half has."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest

from needle.ndarray.conformance import samples
from needle.ndarray.conformance.elements import (
    COMPLEX,
    FLOATS,
    HALVES,
    INEXACT,
    NUMBERS,
    REALS,
    Array,
    decode,
    encode,
    storage,
    tolerance,
)
from needle.ndarray.conformance.kit import Kit
from needle.ndarray.conformance.layouts import Shape, pairings

OPS = ("sum", "prod", "max", "min", "any", "all")
ON_DTYPES = [
    (op, dtype)
    for op, dtype in product(OPS, NUMBERS)
    if not (dtype == "bool" and op in ("sum", "prod")) and not (dtype in COMPLEX and op in ("max", "min"))
]


def reduced(shape: Shape, axes: tuple[int, ...]) -> Shape:
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def every_axes(rank: int) -> Iterator[tuple[int, ...]]:
    for count in range(rank + 1):
        yield from combinations(range(rank), count)


def result_of(op: str, x: Array, dtype: str, axes: tuple[int, ...]) -> tuple[Array, dict[str, Any]]:
    """Return what the reduction of elements must give, and how far from it is near enough."""
    numbers = decode(x, dtype)
    if op in ("any", "all"):
        return getattr(np, op)(numbers != 0, axis=axes, keepdims=True), {}
    if op in ("max", "min"):
        return encode(getattr(np, op)(numbers, axis=axes, keepdims=True), dtype), {}
    if dtype not in INEXACT:
        return encode(getattr(np, op)(numbers, axis=axes, keepdims=True, initial=int(op == "prod")), dtype), {}
    with np.errstate(all="ignore"):
        wide_dtype = np.clongdouble if dtype in COMPLEX else np.longdouble
        wide = getattr(np, op)(numbers.astype(wide_dtype), axis=axes, keepdims=True)
        magnitude = abs(numbers).sum(axis=axes, keepdims=True) if op == "sum" else abs(wide)
    return encode(wide, dtype), tolerance(dtype, x.size // max(wide.size, 1), magnitude)


def check(
    kit: Kit, op: str, x: Array, dtype: str, axes: tuple[int, ...], layout: str = "contiguous", to: str = "contiguous"
) -> None:
    a = kit.put(x, dtype, layout)
    out = kit.out(reduced(x.shape, axes), "bool" if op in ("any", "all") else dtype, to)
    want, near = result_of(op, a.elements, dtype, axes)
    kit.check(want, "reduce", op, a, out, **near)


@pytest.mark.parametrize(("op", "dtype"), ON_DTYPES)
def test_reduce(kit: Kit, op: str, dtype: str) -> None:
    kit.require("reduce", op)
    x = samples.finite(dtype, samples.SHAPE)
    if op == "prod" and dtype in INEXACT:
        x = encode(np.sign(decode(x, dtype) + 0.001) * (1 + decode(x, dtype) / 2000), dtype)
    for axes in every_axes(3):
        for (layout,), to in pairings(1):
            check(kit, op, x, dtype, axes, layout, to)
    for shape in ((), (1,), (2, 1, 3, 1, 4, 2)):
        for axes in every_axes(len(shape)):
            check(kit, op, samples.whole(dtype, shape, most=1), dtype, axes)


@pytest.mark.parametrize(("op", "dtype"), [(op, dtype) for op, dtype in ON_DTYPES if dtype in FLOATS])
def test_nan_and_infinity(kit: Kit, op: str, dtype: str) -> None:
    x = encode(
        np.array([[1, 2, np.nan, 3], [1, np.inf, -np.inf, 2], [-np.inf, 0, 1, -1], [np.nan] * 4, [-0.0, 0, 0, -0.0]]),
        dtype,
    )
    for axes in ((0,), (1,), (0, 1)):
        check(kit, op, x, dtype, axes)
        check(kit, op, np.tile(x, (1, 19)), dtype, axes)


@pytest.mark.parametrize("op", OPS)
def test_no_elements(kit: Kit, op: str) -> None:
    for dtype in ("bool", "int32", "float16", "float32", "float64", "complex64"):
        if (op, dtype) not in ON_DTYPES:
            continue
        for shape, axes in product(((0,), (3, 0), (0, 3), (2, 0, 3)), every_axes(3)):
            inside = tuple(axis for axis in axes if axis < len(shape))
            if op in ("max", "min") and any(shape[axis] == 0 for axis in inside):
                continue  # not defined, and never asked for
            check(kit, op, np.zeros(shape, storage(dtype)), dtype, inside)


@pytest.mark.parametrize("dtype", [*HALVES, "float32", "float64", "int32", "complex64"])
@pytest.mark.parametrize("op", OPS)
def test_many_elements(kit: Kit, op: str, dtype: str) -> None:
    """Enough for several threads, from each side; the same bits each time."""
    for shape, axes in (
        ((100_003,), (0,)),
        ((3, 30_001), (1,)),
        ((30_001, 3), (0,)),
        ((20, 50, 31), (0, 2)),
        ((300, 100), (0, 1)),
    ):
        if (op, dtype) not in ON_DTYPES:
            continue
        x = samples.finite(dtype, shape)
        if op == "prod":
            x = encode(np.where(decode(x, dtype).real < 0, -1, 1), dtype)
        check(kit, op, x, dtype, axes)
        a, outs = (
            kit.put(x, dtype),
            [kit.out(reduced(shape, axes), "bool" if op in ("any", "all") else dtype) for _ in "12"],
        )
        first, second = (kit.call("reduce", op, a, out).tobytes() for out in outs)
        assert first == second, f"{op} of {a}: other bits the second time"


@pytest.mark.parametrize(("dtype", "n"), [("float16", 4096), ("bfloat16", 1000)])
def test_halves_are_summed_in_float32(kit: Kit, dtype: str, n: int) -> None:
    """Summed in their own digits, ones would stop adding up at 2048 and 256."""
    for shape, axes in (((n,), (0,)), ((n, 3), (0,)), ((2, n), (1,))):
        a = kit.put(encode(np.ones(shape), dtype), dtype)
        want = encode(np.full(reduced(shape, axes), n), dtype)
        kit.check(want, "reduce", "sum", a, kit.out(want.shape, dtype))


@pytest.mark.parametrize("op", ["sum", "prod"])
@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("bool", "int64"),
        ("int8", "int64"),
        ("uint8", "uint64"),
        ("int32", "float32"),
        ("int64", "int16"),
        ("uint32", "float64"),
        ("float16", "float32"),
        ("bfloat16", "float64"),
        ("float32", "float16"),
        ("float64", "float32"),
        ("float32", "int32"),
        ("int32", "complex64"),
        ("float32", "complex128"),
        ("complex64", "complex128"),
    ],
)
def test_another_dtype_for_the_result(kit: Kit, op: str, source: str, target: str) -> None:
    """Each element is converted first."""
    x = samples.whole(source, samples.SHAPE, most=2)
    for axes in ((), (0,), (1, 2), (0, 1, 2)):
        want, near = result_of(op, encode(decode(x, source), target), target, axes)
        for (layout,), to in pairings(1):
            if layout[0] != "0":
                kit.check(want, "reduce", op, kit.put(x, source, layout), kit.out(want.shape, target, to), **near)


def test_elements_are_converted_before_they_are_summed(kit: Kit) -> None:
    """To integers they are truncated, to a half rounded: the sum of the conversions, not the conversion of the sum."""
    x = np.array([0.75, 1.75, -2.75, 300.0], np.float32)
    kit.check(np.array([299], np.int32), "reduce", "sum", kit.put(x, "float32"), kit.out((1,), "int32"))
    kit.check(np.array([126], np.int8), "reduce", "sum", kit.put(x, "float32"), kit.out((1,), "int8"))
    fine = np.full(64, 1 + 2**-11, np.float32)  # halfway to the next float16, so each becomes 1
    kit.check(np.array([64], np.float16), "reduce", "sum", kit.put(fine, "float32"), kit.out((1,), "float16"))


@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize("op", ["argmax", "argmin"])
def test_arg_reduce(kit: Kit, op: str, dtype: str) -> None:
    kit.require("arg_reduce", op)
    contents = [
        samples.finite(dtype, samples.SHAPE),
        samples.elements(dtype, samples.SHAPE),
        samples.whole(dtype, samples.SHAPE),
    ]
    cases = [(x, axis, layout, to) for x in contents for axis in range(3) for (layout,), to in pairings(1)]
    cases += [
        (samples.whole(dtype, shape), 0, "contiguous", "contiguous")
        for shape in ((1,), (5, 0), (1, 0, 2), (2_003,), (2_003, 3))
    ]
    for x, axis, layout, to in cases:
        a = kit.put(x, dtype, layout)
        # The first extreme; NaN is one. Python's integers and float64 compare as the elements do.
        want = getattr(np, op)(decode(a.elements, dtype), axis=axis, keepdims=True)
        kit.check(want, "arg_reduce", op, a, axis, kit.out(want.shape, "int64", to))
