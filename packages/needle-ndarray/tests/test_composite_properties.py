"""The composites: the kernels of the cpu backend against what the numpy backend makes of other functions.

In any dtype, shape and layout, on examples of hypothesis's. `./dev properties` tries many more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from drawn import NUMBERS, SHAPES, SIDES, SMALL, WITH_AXES, Shape, placed
from hypothesis import given
from hypothesis import strategies as st

from needle import ndarray as nd
from needle.ndarray import _core
from needle.ndarray.cells import gru_cell, gru_cell_gradient, lstm_cell, lstm_cell_gradient
from needle.ndarray.conformance.elements import FLOATS, Array, decode, encode, storage
from needle.ndarray.dot_attention import attention, attention_gradient
from needle.ndarray.normalization import normalize, normalize_gradient
from needle.ndarray.pooling import max_pool, max_pool_gradient, max_pool_places
from needle.ndarray.softmax import (
    cross_entropy,
    cross_entropy_gradient,
    log_softmax,
    log_softmax_gradient,
    softmax,
    softmax_gradient,
)

Pair = tuple[nd.NDArray, nd.NDArray]
"""The same elements on the cpu and, in row-major order, on numpy."""
Results = Sequence[nd.NDArray | None]

TAME = [-3.0, -1.0, -0.5, 0.0, 0.25, 1.0, 2.0]
WILD = [*TAME, float("inf"), float("-inf"), float("nan"), -60.0, 70.0]
NEAR = {"float64": 1e-12, "float32": 2e-5, "float16": 4e-3, "bfloat16": 3e-2}


def numbers(dtype: str, values: list[float]) -> st.SearchStrategy[int]:
    return st.sampled_from(encode(np.array(values), dtype).view(f"u{storage(dtype).itemsize}").tolist())


def pair(data: st.DataObject, dtype: str, shape: Shape, elements: Any) -> Pair:
    a, x = placed(data, dtype, shape, "cpu", elements)
    return x, _core.from_bytes(a.tobytes(), x.dtype, a.shape, nd.device("numpy"))


def elements_of(x: nd.NDArray) -> Array:
    return decode(np.frombuffer(x.to_bytes(), storage(x.dtype.name)), x.dtype.name).astype(np.float64).reshape(x.shape)


def agree(call: Callable[..., Results], *pairs: Pair, exact: bool = False) -> list[Pair]:
    """Call it with the operands of each device, and compare the results: exactly, or near for their dtype."""
    ours, theirs = (call(*operands) for operands in zip(*pairs, strict=True))
    results: list[Pair] = []
    for x, y in zip(ours, theirs, strict=True):
        if x is None or y is None:
            assert x is y
            continue
        assert (x.dtype, x.shape) == (y.dtype, y.shape)
        got, want = elements_of(x), elements_of(y)
        near = 0.0 if exact else NEAR[x.dtype.name]
        size = np.abs(want[np.isfinite(want)]).max(initial=1.0)
        np.testing.assert_allclose(got, want, rtol=near, atol=near * size)
        results.append((x, y))
    return results


def drawn_axis(data: st.DataObject, shape: Shape) -> int:
    return data.draw(st.integers(-len(shape), len(shape) - 1))


@pytest.mark.parametrize("values", [TAME, WILD], ids=["tame", "wild"])
@pytest.mark.parametrize(("forward", "back"), [(softmax, softmax_gradient), (log_softmax, log_softmax_gradient)])
@given(data=st.data(), shape=WITH_AXES, dtype=st.sampled_from(FLOATS))
def test_shares(forward: Any, back: Any, values: list[float], data: st.DataObject, shape: Shape, dtype: str) -> None:
    axis = drawn_axis(data, shape)
    x = pair(data, dtype, shape, numbers(dtype, values))
    (y,) = agree(lambda x: [forward(x, axis=axis)], x)
    if values is TAME:
        ct = pair(data, dtype, shape, numbers(dtype, TAME))
        agree(lambda y, ct: [back(y, ct, axis=axis)], y, ct)


@given(data=st.data(), shape=WITH_AXES.filter(all), dtype=st.sampled_from(FLOATS))
def test_losses(data: st.DataObject, shape: Shape, dtype: str) -> None:
    axis = drawn_axis(data, shape)
    n, rest = shape[axis], shape[: axis % len(shape)] + shape[axis % len(shape) + 1 :]
    x = pair(data, dtype, shape, numbers(dtype, TAME))
    labels = pair(data, "int64", rest, st.integers(-n, n - 1).map(lambda i: i % 2**64))
    losses, sums = agree(lambda x, labels: cross_entropy(x, labels, axis=axis), x, labels)
    agree(lambda *operands: [cross_entropy_gradient(*operands, axis=axis)], x, labels, sums, losses)


@given(data=st.data(), shape=SHAPES.filter(all), dtype=st.sampled_from(FLOATS), centred=st.booleans())
def test_norms(data: st.DataObject, shape: Shape, dtype: str, centred: bool) -> None:
    axes = tuple(data.draw(st.sets(st.sampled_from(range(len(shape)))))) if shape else ()
    parameters = tuple(data.draw(st.sampled_from([n, 1])) for n in shape)
    x, scale, shift, ct = (
        pair(data, dtype, extents, numbers(dtype, TAME)) for extents in (shape, parameters, parameters, shape)
    )
    _, *statistics = agree(
        lambda *operands: normalize(*operands, axes=axes, epsilon=0.1, centred=centred), x, scale, shift
    )
    mean, variance = statistics if centred else (None, *statistics)

    def gradients(x: nd.NDArray, variance: nd.NDArray, scale: nd.NDArray, ct: nd.NDArray) -> Results:
        middle = None if mean is None else mean[0 if x.device == mean[0].device else 1]
        return normalize_gradient(x, middle, variance, scale, ct, epsilon=0.1, parameters=parameters)

    agree(gradients, x, variance, scale, ct)


@given(data=st.data(), dtype=st.sampled_from(FLOATS), rows=SIDES, units=SIDES | st.sampled_from([17, 33]))
def test_cells(data: st.DataObject, dtype: str, rows: int, units: int) -> None:
    def drawn(*shape: int) -> Pair:
        return pair(data, dtype, shape, numbers(dtype, TAME))

    x, h, state = drawn(rows, 4 * units), drawn(rows, 4 * units), drawn(rows, units)
    out, gates = agree(lstm_cell, x, h, state)
    agree(lstm_cell_gradient, gates, state, out, drawn(2, rows, units))
    x, h = drawn(rows, 3 * units), drawn(rows, 3 * units)
    _, gates = agree(gru_cell, x, h, state)
    agree(gru_cell_gradient, gates, h, state, drawn(rows, units))


@pytest.mark.parametrize("masked", ["no mask", "bool", "numbers"])
@given(data=st.data(), dtype=st.sampled_from(FLOATS), reach=st.none() | st.integers(-3, 20))
def test_attention(masked: str, data: st.DataObject, dtype: str, reach: int | None) -> None:
    batch, groups, each = (data.draw(st.integers(1, 2)) for _ in range(3))
    queries, keys = (data.draw(st.integers(1, 5) | st.sampled_from([17, 33])) for _ in range(2))
    width, depth = (data.draw(st.sampled_from([1, 3, 16, 17])) for _ in range(2))
    q, k, v = (
        pair(data, dtype, shape, numbers(dtype, TAME))
        for shape in (
            (batch, groups * each, queries, width),
            (batch, groups, keys, width),
            (batch, groups, keys, depth),
        )
    )
    kind = "bool" if masked == "bool" else dtype
    added = st.integers(0, 1) if masked == "bool" else numbers(dtype, [0.0, 0.5, -2.0, float("-inf")])
    mask = () if masked == "no mask" else (pair(data, kind, (queries, keys), added),)
    out, sums = agree(lambda *operands: attention(*operands, factor=0.5, reach=reach), q, k, v, *mask)

    def gradients(out: nd.NDArray, sums: nd.NDArray, *operands: nd.NDArray) -> Results:
        hidden = operands[3] if mask else None
        return attention_gradient(*operands[:3], hidden, out, sums, out, factor=0.5, reach=reach)

    agree(gradients, out, sums, q, k, v, *mask)


@given(data=st.data(), dtype=st.sampled_from(NUMBERS), lead=st.lists(st.integers(0, 3), max_size=2).map(tuple))
def test_pooling(data: st.DataObject, dtype: str, lead: Shape) -> None:
    n = data.draw(st.integers(1, 3))
    size, stride, dilation = (tuple(data.draw(st.integers(1, 3)) for _ in range(n)) for _ in range(3))
    padding = [(data.draw(st.integers(0, taps - 1)), data.draw(st.integers(0, taps - 1))) for taps in size]
    inner = tuple(d * (taps - 1) + 1 + data.draw(st.integers(0, 20)) for taps, d in zip(size, dilation, strict=True))
    window = size, stride, padding, dilation
    x = pair(data, dtype, (*lead, *inner), None if dtype in FLOATS else SMALL[dtype])
    agree(lambda x: [max_pool(x, *window), max_pool_places(x, *window)], x, exact=True)
    x = pair(data, dtype, (*lead, *inner), SMALL[dtype])
    ct = pair(data, dtype, max_pool(x[0], *window).shape, SMALL[dtype])
    agree(lambda ct, x: [max_pool_gradient(ct, x, *window)], ct, x, exact=True)


@given(data=st.data(), shape=WITH_AXES, dtype=st.sampled_from(NUMBERS), largest=st.booleans())
def test_topk(data: st.DataObject, shape: Shape, dtype: str, largest: bool) -> None:
    axis = drawn_axis(data, shape)
    k = data.draw(st.integers(0, shape[axis]))
    agree(lambda x: nd.topk(x, k, axis=axis, largest=largest), pair(data, dtype, shape, None), exact=True)
