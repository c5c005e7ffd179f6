"""Each function of the contract, through the public API: any dtype, shape, layout and numbers, against NumPy.

The definitions are the conformance kit's; the examples are hypothesis's. `./dev properties` tries many more.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from drawn import NUMBERS, SHAPES, SIDES, SMALL, WITH_AXES, Shape, placed
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from needle import ndarray as nd
from needle.ndarray import _core
from needle.ndarray.conformance import oracle
from needle.ndarray.conformance.elements import FLOATS, Array, decode, encode, storage
from needle.ndarray.conformance.elements import REALS as DTYPES
from needle.ndarray.conformance.kit import compare
from needle.ndarray.conformance.test_cast import converted
from needle.ndarray.conformance.test_indexed import gathered, scattered, with_extent
from needle.ndarray.conformance.test_matmul import product_of
from needle.ndarray.conformance.test_random import words
from needle.ndarray.conformance.test_reduce import result_of
from needle.ndarray.conformance.test_scan_sort import sorted_places


def drawn_dtype(data: st.DataObject, dtypes: tuple[str, ...] = DTYPES) -> str:
    return data.draw(st.sampled_from(dtypes))


def elements_of(x: nd.NDArray) -> Array:
    return np.frombuffer(x.to_bytes(), storage(x.dtype.name)).reshape(x.shape)


def check(label: str, x: nd.NDArray, want: Array, dtype: str, **near: Any) -> None:
    assert x.dtype.name == dtype
    compare(label, elements_of(x), np.asarray(want), dtype, **near)


def summed_in(dtype: str) -> str:
    return dtype if dtype in FLOATS else "uint64" if dtype.startswith("u") else "int64"


def test_all_dtypes_are_tried() -> None:
    assert set(DTYPES) <= set(_core.dtypes)
    assert {oracle.find(name).admits(dtype) for name in (*_core.unary, *_core.binary) for dtype in DTYPES} == {
        True,
        False,
    }


@given(data=st.data(), shape=SHAPES)
def test_moves(device: str, data: st.DataObject, shape: Shape) -> None:
    """Copies, other devices and bytes: upload, download, copy."""
    dtype = drawn_dtype(data)
    a, x = placed(data, dtype, shape, device)
    for y in (x, nd.copy(x), nd.contiguous(x), x.to_device("numpy"), x.to_device("cpu")):
        check("a copy", y, a, dtype, bits=True)
    assert nd.contiguous(x).is_contiguous
    assert x.reshape(-1).to_bytes() == a.tobytes()


@pytest.mark.parametrize("family", ["unary", "binary"])
@given(data=st.data(), shape=SHAPES)
def test_elementwise(device: str, family: str, data: st.DataObject, shape: Shape) -> None:
    functions: dict[str, Any] = _core.unary if family == "unary" else _core.binary
    name = data.draw(st.sampled_from(list(functions)))
    op = oracle.find(name)
    dtype = drawn_dtype(data, tuple(filter(op.admits, DTYPES)))
    other = tuple(data.draw(st.sampled_from([n, 1])) for n in shape)[data.draw(st.integers(0, len(shape))) :]
    operands = [placed(data, dtype, s, device) for s in ((shape,) if family == "unary" else (shape, other))]
    if op.domain and dtype in FLOATS:
        tame = [encode(op.domain(decode(a, dtype)), dtype) for a, _ in operands]
        operands = [
            (a, _core.from_bytes(a.tobytes(), x.dtype, a.shape, x.device))
            for a, (_, x) in zip(tame, operands, strict=True)
        ]
    want = op(dtype, *np.broadcast_arrays(*(a for a, _ in operands)))
    result = "bool" if op.boolean else dtype
    check(name, functions[name](*(x for _, x in operands)), want, result, **op.tolerance(dtype))


@given(data=st.data(), shape=SHAPES)
def test_where(device: str, data: st.DataObject, shape: Shape) -> None:
    dtype = drawn_dtype(data)
    (c, condition), (a, x), (b, y) = (placed(data, d, shape, device) for d in ("bool", dtype, dtype))
    check("where", nd.where(condition, x, y), np.where(c, a, b), dtype, bits=True)


@given(data=st.data(), shape=SHAPES)
def test_cast(device: str, data: st.DataObject, shape: Shape) -> None:
    source, target = drawn_dtype(data), drawn_dtype(data)
    a, x = placed(data, source, shape, device)
    check(f"{source} to {target}", x.astype(_core.dtypes[target]), converted(a, source, target), target)


@given(data=st.data(), shape=SHAPES)
def test_writing(device: str, data: st.DataObject, shape: Shape) -> None:
    """To a part of an array, of an array or a number: copy and fill, and no element beside it."""
    dtype = drawn_dtype(data)
    a, x = placed(data, dtype, shape, device, repeats=False)
    before, whole = a.copy(), x.copy()
    key = data.draw(hnp.basic_indices(shape, allow_newaxis=True))
    part = np.shape(before[key])
    b, y = placed(data, dtype, part, device)
    before[key], whole[key], x[key] = b, y, y
    check("x[key] = y", x, before, dtype, bits=True)
    check("x[key] = y", whole, before, dtype, bits=True)
    before[key], x[key] = encode(np.array(1), dtype), dtype == "bool" or 1
    check("x[key] = 1", x, before, dtype, bits=True)


@given(data=st.data(), n=st.integers(0, 300))
def test_counting(device: str, data: st.DataObject, n: int) -> None:
    dtype = drawn_dtype(data, NUMBERS)
    most = {"int8": 127, "uint8": 255}.get(dtype, 300)
    check(
        "iota",
        _core.iota(min(n, most), _core.dtypes[dtype], nd.device(device)),
        encode(np.arange(min(n, most)), dtype),
        dtype,
    )


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "any", "all"])
@given(data=st.data(), shape=SHAPES)
def test_reduce(device: str, name: str, data: st.DataObject, shape: Shape) -> None:
    is_sum = name in ("sum", "prod")
    dtype = drawn_dtype(data, NUMBERS if is_sum else DTYPES)
    axes = tuple(data.draw(st.sets(st.sampled_from(range(len(shape)))))) if shape else ()
    if name in ("max", "min") and any(shape[axis] == 0 for axis in axes):
        axes = tuple(axis for axis in axes if shape[axis])
    a, x = placed(data, dtype, shape, device, SMALL[dtype] if is_sum else None)
    wide = summed_in(dtype) if is_sum else dtype
    want, near = result_of(name, encode(decode(a, dtype), wide), wide, axes)
    result = getattr(nd, name)(x, axis=axes, keepdims=True)
    check(name, result, want, "bool" if name in ("any", "all") else wide, **near)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@given(data=st.data(), shape=WITH_AXES.filter(all))
def test_arg_reduce(device: str, name: str, data: st.DataObject, shape: Shape) -> None:
    dtype, axis = drawn_dtype(data), data.draw(st.integers(-len(shape), len(shape) - 1))
    a, x = placed(data, dtype, shape, device)
    check(name, getattr(nd, name)(x, axis=axis), getattr(np, name)(decode(a, dtype), axis=axis), "int64")


@given(data=st.data(), shape=WITH_AXES)
def test_scan(device: str, data: st.DataObject, shape: Shape) -> None:
    dtype, axis = drawn_dtype(data, NUMBERS), data.draw(st.integers(-len(shape), len(shape) - 1))
    a, x = placed(data, dtype, shape, device, SMALL[dtype])
    wide = summed_in(dtype)
    numbers = decode(encode(decode(a, dtype), wide), wide)
    check("cumulative_sum", nd.cumulative_sum(x, axis=axis), encode(np.cumsum(numbers, axis), wide), wide)
    check("cumulative_prod", nd.cumulative_prod(x, axis=axis), encode(np.cumprod(numbers, axis), wide), wide)


@given(data=st.data(), shape=WITH_AXES, descending=st.booleans())
def test_sort(device: str, data: st.DataObject, shape: Shape, descending: bool) -> None:
    dtype, axis = drawn_dtype(data), data.draw(st.integers(-len(shape), len(shape) - 1))
    a, x = placed(data, dtype, shape, device)
    places = sorted_places(a, dtype, axis, descending) if a.size else np.zeros(shape, np.int64)
    check("argsort", nd.argsort(x, axis=axis, descending=descending), places, "int64")
    in_order = np.take_along_axis(a, places, axis)
    check("sort", nd.sort(x, axis=axis, descending=descending), in_order, dtype, bits=True)


EXTENTS = st.integers(0, 6) | st.sampled_from([17, 33])


@given(data=st.data(), m=EXTENTS, k=EXTENTS, n=EXTENTS, batch=st.lists(st.integers(0, 3), max_size=2).map(tuple))
def test_matmul(device: str, data: st.DataObject, m: int, k: int, n: int, batch: Shape) -> None:
    dtype = drawn_dtype(data, NUMBERS)
    one = tuple(data.draw(st.sampled_from([extent, 1])) for extent in batch)
    a, x = placed(data, dtype, (*batch, m, k), device, SMALL[dtype])
    b, y = placed(data, dtype, (*one, k, n), device, SMALL[dtype])
    want, near = product_of(a, b, dtype)
    check("matmul", nd.matmul(x, y), want, dtype, **near)


def drawn_indices(data: st.DataObject, shape: Shape, extent: int, device: str) -> tuple[Array, nd.NDArray]:
    """Valid indices, from the start and from the end, as the bits that `placed` takes."""
    index = st.integers(-extent, extent - 1).map(lambda i: i % 2**64) if extent else st.just(0)
    return placed(data, "int64", shape, device, index)


@given(data=st.data(), shape=WITH_AXES, extent=st.integers(1, 6))
def test_gather(device: str, data: st.DataObject, shape: Shape, extent: int) -> None:
    dtype, axis = drawn_dtype(data), data.draw(st.integers(0, len(shape) - 1))
    a, x = placed(data, dtype, with_extent(shape, axis, extent), device)
    index, places = drawn_indices(data, shape, extent, device)
    taken = nd.take_along_axis(x, places, axis=axis)
    check("take_along_axis", taken, gathered(a, index, axis), dtype, bits=True)
    some, line = drawn_indices(data, (data.draw(SIDES),), extent, device)
    check("take", nd.take(x, line, axis=axis), np.take(a, some, axis), dtype, bits=True)


@pytest.mark.parametrize("op", ["set", "add"])
@given(data=st.data(), shape=WITH_AXES, extent=st.integers(1, 6))
def test_scatter(device: str, op: Any, data: st.DataObject, shape: Shape, extent: int) -> None:
    dtype, axis = drawn_dtype(data, NUMBERS if op == "add" else DTYPES), data.draw(st.integers(0, len(shape) - 1))
    elements = SMALL[dtype] if op == "add" else None
    before, out = placed(data, dtype, with_extent(shape, axis, extent), device, elements)
    a, x = placed(data, dtype, shape, device, elements)
    index, places = drawn_indices(data, shape, extent, device)
    want, near = scattered(op, before, a, index, axis, dtype)
    check("scatter", nd.scatter(out, places, x, axis=axis, op=op), want, dtype, **near)


@given(data=st.data(), shape=WITH_AXES.filter(all), extent=st.integers(0, 4))
def test_an_index_out_of_bounds(device: str, data: st.DataObject, shape: Shape, extent: int) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    wrong = data.draw(st.integers(extent, 2**63 - 1) | st.integers(-(2**63), -extent - 1))
    index, _ = drawn_indices(data, shape, extent, device)
    index = index.copy()
    index[data.draw(hnp.integer_array_indices(shape, result_shape=st.just(())))] = wrong
    places = nd.asarray(index, device=device)
    a, x = placed(data, "float32", with_extent(shape, axis, extent), device)
    updates = nd.ones(shape, device=device)
    for call in (
        lambda: nd.take_along_axis(x, places, axis=axis),
        lambda: nd.take(x, places, axis=axis),
        lambda: nd.scatter(x, places, updates, axis=axis),
        lambda: nd.scatter(x, places, updates, axis=axis, op="add"),
    ):
        with pytest.raises(IndexError, match=r"index out of range"):
            call()
    check("the array", x, a, "float32", bits=True)


@given(seed=st.integers(0, 2**64 - 1), counter=st.integers(0, 2**64 - 1), n=st.integers(0, 70))
def test_random_bits(device: str, seed: int, counter: int, n: int) -> None:
    generator = nd.random.Generator(seed, device)
    generator.load_state_dict({"seed": seed, "counter": counter})
    check("bits", generator.bits(n), words(seed, counter, n), "uint32")
