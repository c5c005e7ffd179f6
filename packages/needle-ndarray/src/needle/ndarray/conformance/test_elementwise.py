"""unary, binary and where: every op on every dtype that it takes, special numbers in pairs, all layouts, in place."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from needle.ndarray import _core
from needle.ndarray.conformance import oracle, samples
from needle.ndarray.conformance.elements import COMPLEX, DTYPES, FLOATS, Array, encode, storage
from needle.ndarray.conformance.kit import Kit
from needle.ndarray.conformance.layouts import Shape, pairings
from needle.ndarray.conformance.oracle import Op

OPS = [("unary", name) for name in _core.unary] + [("binary", name) for name in _core.binary]
ARITY = {"unary": 1, "binary": 2}
ON_DTYPES = [
    pytest.param(family, name, dtype, id=f"{name}-{dtype}")
    for family, name in OPS
    for dtype in DTYPES
    if oracle.find(name).admits(dtype)
]


def cases(arity: int) -> Iterator[tuple[Shape, list[str], str]]:
    """Shapes, with a layout for each input and one for the output; each layout comes in each place."""
    for shape in (samples.SHAPE, (), (1,), (0,), (4, 0, 3), (1, 1, 5, 1, 2)):
        yield shape, ["contiguous"] * arity, "contiguous"
    for layouts, out_layout in pairings(arity):
        yield samples.SHAPE, layouts, out_layout


def operands(op: Op, dtype: str, arity: int, shape: Shape) -> list[Array]:
    numbers = samples.operands(dtype, arity, shape)
    if op.domain and dtype in FLOATS:
        numbers = [op.domain(x) for x in numbers]
    if dtype in COMPLEX and not op.boolean:
        numbers = [oracle.near(x) for x in numbers]
    return [encode(x, dtype) for x in numbers]


@pytest.mark.parametrize(("family", "name", "dtype"), ON_DTYPES)
def test_elementwise(kit: Kit, family: str, name: str, dtype: str) -> None:
    kit.require(family, name)
    op, arity = oracle.find(name), ARITY[family]
    result = op.result(dtype)
    given = operands(op, dtype, arity, samples.SHAPE)
    for shape, layouts, out_layout in cases(arity):
        elements = given if shape == samples.SHAPE else operands(op, dtype, arity, shape)
        inputs = [kit.put(x, dtype, layout) for x, layout in zip(elements, layouts, strict=True)]
        out = kit.out(shape, result, out_layout)
        kit.check(op(dtype, *(x.elements for x in inputs)), family, name, *inputs, out, **op.tolerance(dtype))


@pytest.mark.parametrize(("family", "name"), OPS)
def test_in_place(kit: Kit, family: str, name: str) -> None:
    """The output may be the very view that an input is."""
    kit.require(family, name)
    op, arity = oracle.find(name), ARITY[family]
    for dtype in filter(op.admits, DTYPES):
        if storage(op.result(dtype)).itemsize != storage(dtype).itemsize:
            continue
        given = operands(op, dtype, arity, samples.SHAPE)
        want = op(dtype, *given)
        for layout in ("contiguous", "rotated", "sliced", "reversed"):
            for place in range(arity):
                arrays = [kit.out(x.shape, dtype, layout, x) for x in given]
                out = arrays[place].seen_as(op.result(dtype))
                kit.check(want, family, name, *arrays, out, **op.tolerance(dtype))


@pytest.mark.parametrize(("family", "name"), OPS)
def test_long_run(kit: Kit, family: str, name: str) -> None:
    """Enough elements for several threads, with a tail that fills no vector; the same bits each time."""
    kit.require(family, name)
    op, arity = oracle.find(name), ARITY[family]
    dtype = next(dtype for dtype in ("float32", "int32", "bool") if op.admits(dtype))
    inputs = [kit.put(x, dtype) for x in operands(op, dtype, arity, (50_021,))]
    result = op.result(dtype)
    want = op(dtype, *(x.elements for x in inputs))
    outs = [kit.out((50_021,), result) for _ in range(2)]
    for out in outs:
        kit.check(want, family, name, *inputs, out, **op.tolerance(dtype))
    assert outs[0].read().tobytes() == outs[1].read().tobytes(), "the same call gave other bits the second time"


@pytest.mark.parametrize("dtype", DTYPES)
def test_where(kit: Kit, dtype: str) -> None:
    for shape, (first, *rest), out_layout in cases(3):
        condition = kit.put(samples.elements("bool", shape), "bool", first)
        a, b = (kit.put(samples.elements(dtype, shape, seed), dtype, name) for seed, name in enumerate(rest))
        want = np.where(condition.elements, a.elements, b.elements)
        kit.check(want, "where", condition, a, b, kit.out(shape, dtype, out_layout), bits=True)


@pytest.mark.parametrize("dtype", DTYPES)
def test_where_in_place(kit: Kit, dtype: str) -> None:
    condition, a, b = (samples.elements(t, samples.SHAPE, seed) for seed, t in enumerate(("bool", dtype, dtype)))
    for layout in ("contiguous", "rotated", "sliced", "reversed"):
        for place in (0, 1, 2) if storage(dtype).itemsize == 1 else (1, 2):
            arrays = [kit.out(samples.SHAPE, "bool", layout, condition)]
            arrays += [kit.out(samples.SHAPE, dtype, layout, x) for x in (a, b)]
            kit.check(np.where(condition, a, b), "where", *arrays, arrays[place].seen_as(dtype), bits=True)


@pytest.mark.parametrize("family", ["unary", "binary", "reduce", "arg_reduce", "scan", "scatter"])
def test_unknown_operations_are_declined(kit: Kit, family: str) -> None:
    assert not kit.backend.supports(family, "no such operation")
