"""gather and scatter: every dtype, axis and layout; indices from the end, repeated, and out of bounds."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from needle.ndarray.conformance import samples
from needle.ndarray.conformance.elements import (
    COMPLEX,
    DTYPES,
    FLOATS,
    HALVES,
    INEXACT,
    INTEGERS,
    Array,
    decode,
    encode,
    storage,
    tolerance,
)
from needle.ndarray.conformance.kit import Kit
from needle.ndarray.conformance.layouts import Shape, pairings


def with_extent(shape: Shape, axis: int, extent: int) -> Shape:
    return (*shape[:axis], extent, *shape[axis + 1 :])


def indices(shape: Shape, extent: int, seed: int = 0) -> Array:
    """Return valid indices, some from the end, many of them repeated."""
    return np.random.default_rng(seed).integers(-extent, max(extent, 1 - extent), shape)


def gathered(a: Array, index: Array, axis: int) -> Array:
    out = np.zeros(index.shape, a.dtype)
    for place in np.ndindex(index.shape):
        out[place] = a[with_extent(place, axis, int(index[place]))]
    return out


def scattered(op: str, out: Array, a: Array, index: Array, axis: int, dtype: str) -> tuple[Array, dict[str, object]]:
    """Return `out` after the scatter, one element at a time, in row-major order."""
    if op == "set":
        result = out.copy()
        for place in np.ndindex(index.shape):
            result[with_extent(place, axis, int(index[place]))] = a[place]
        return result, {}
    total, more = decode(out, dtype), decode(a, dtype)
    magnitude = abs(total)
    for place in np.ndindex(index.shape):
        target = with_extent(place, axis, int(index[place]))
        total[target] += more[place]
        magnitude[target] += abs(more[place])
    return encode(total, dtype), tolerance(dtype, index.shape[axis] + 1, magnitude)


@pytest.mark.parametrize("dtype", DTYPES)
def test_gather(kit: Kit, dtype: str) -> None:
    for axis, extent in product(range(3), (1, 5, 20)):
        x = samples.elements(dtype, with_extent(samples.SHAPE, axis, extent))
        index = indices(samples.SHAPE, extent)
        for (first, second), to in [(["contiguous"] * 2, "contiguous")] if extent != 5 else pairings(2):
            a, i = kit.put(x, dtype, first), kit.put(index, "int64", second)
            want = gathered(a.elements, i.elements, axis)
            kit.check(want, "gather", a, i, axis, kit.out(index.shape, dtype, to), bits=True)


@pytest.mark.parametrize(("op", "dtype"), [*product(["set"], DTYPES), *product(["add"], [*INTEGERS, *INEXACT])])
def test_scatter(kit: Kit, op: str, dtype: str) -> None:
    kit.require("scatter", op)
    for axis, extent in product(range(3), (1, 5, 20)):
        before = samples.finite(dtype, with_extent(samples.SHAPE, axis, extent), 7)
        x, index = samples.finite(dtype, samples.SHAPE), indices(samples.SHAPE, extent)
        for (first, second), to in [(["contiguous"] * 2, "contiguous")] if extent != 5 else pairings(2):
            a, i = kit.put(x, dtype, first), kit.put(index, "int64", second)
            want, near = scattered(op, before, a.elements, i.elements, axis, dtype)
            kit.check(want, "scatter", op, a, i, axis, kit.out(before.shape, dtype, to, before), **near)


@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_one_list_of_indices_for_all_rows(kit: Kit, dtype: str) -> None:
    """As the front's `take` asks: indices of stride 0 off the axis; also many of them."""
    x = samples.elements(dtype, (1_000, 30))
    index = np.broadcast_to(indices((3_000, 1), 1_000), (3_000, 30))
    a, i = kit.put(x, dtype), kit.put(index, "int64", "0-stride last")
    kit.check(np.take_along_axis(x, index, 0), "gather", a, i, 0, kit.out(index.shape, dtype))


@pytest.mark.parametrize("dtype", [*HALVES, *INTEGERS, "float32", "float64"])
def test_many_meet_in_one_place(kit: Kit, dtype: str) -> None:
    """Halves are added in float32 and rounded once: one by one, 1 is lost at 2048 and 256. The same bits each time."""
    before, n = encode(np.array([2048, 7]), dtype), 40
    a, i = kit.put(encode(np.ones(n), dtype), dtype), kit.put(np.zeros(n, np.int64), "int64")
    want = encode(decode(before, dtype) + np.array([n, 0]), dtype)
    kit.check(want, "scatter", "add", a, i, 0, kit.out((2,), dtype, elements=before))
    many, where = samples.finite(dtype, (20_000,)), indices((20_000,), 3)
    outs = [kit.out((3,), dtype, elements=np.zeros(3, storage(dtype))) for _ in "12"]
    for out in outs:
        want, near = scattered("add", np.zeros(3, storage(dtype)), many, where, 0, dtype)
        kit.check(want, "scatter", "add", kit.put(many, dtype), kit.put(where, "int64"), 0, out, **near)
    assert outs[0].read().tobytes() == outs[1].read().tobytes(), "the same sum gave other bits the second time"


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 3)])
def test_nothing_to_do(kit: Kit, shape: Shape) -> None:
    for axis in range(len(shape)):
        source = with_extent(shape, axis, 4)
        x, index = samples.finite("float32", source), np.zeros(shape, np.int64)
        a, i = kit.put(x, "float32"), kit.put(index, "int64")
        kit.check(np.zeros(shape, np.float32), "gather", a, i, axis, kit.out(shape, "float32"))
        empty = kit.put(np.zeros(shape, np.float32), "float32")
        for op in ("set", "add"):
            kit.check(x, "scatter", op, empty, i, axis, kit.out(source, "float32", elements=x))


@pytest.mark.parametrize("wrong", [5, -6, 2**31, -(2**62), 2**63 - 1])
@pytest.mark.parametrize("dtype", ["uint8", *FLOATS, *COMPLEX])
def test_an_index_out_of_bounds(kit: Kit, dtype: str, wrong: int) -> None:
    for shape, axis in (((7,), 0), ((4, 7), 1), ((7, 4), 0)):
        before = samples.finite(dtype, with_extent(shape, axis, 5), 3)
        x, index = samples.finite(dtype, shape), indices(shape, 5)
        index[(-1,) * len(shape)] = wrong
        i = kit.put(index, "int64")
        for function, a, out in (
            (("gather",), kit.put(before, dtype), kit.out(shape, dtype, elements=x)),
            (("scatter", "set"), kit.put(x, dtype), kit.out(before.shape, dtype, elements=before)),
            (("scatter", "add"), kit.put(x, dtype), kit.out(before.shape, dtype, elements=before)),
        ):
            with pytest.raises(IndexError):
                kit.call(*function, a, i, axis, out)
            if function == ("gather",):
                continue
            assert out.read().tobytes() == out.elements.tobytes(), (
                f"{function} with index {wrong} of extent 5 changed the output"
            )
