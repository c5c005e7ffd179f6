"""The ways that reductions, scans and sorts of the cpu take: around the sizes where one ends and the next begins."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest

from needle import ndarray as nd
from needle.ndarray import _core

Array = np.ndarray[Any, Any]

# Lines, rows, narrow rows and windows: shapes, and the axes that are reduced.
WAYS = [
    *(((5, n), (1,)) for n in (1, 2, 3, 7, 8, 15, 16, 17, 31, 63, 64, 65, 127, 129, 4095, 4097)),
    *(((n, 19), (1,)) for n in (1, 15, 16, 17, 33, 700)),
    *(((n, w), (0,)) for n, w in ((3, 7), (64, 8), (65, 9), (129, 70), (70, 4097), (2000, 130), (300, 2049))),
    *(((n, w), (0,)) for n, w in ((63, 3), (5_000, 1), (5_001, 2), (9_001, 5), (40_003, 3), (3_000, 63))),
    *(((6, n, w), (1,)) for n, w in ((2, 5), (8, 16), (9, 33), (100, 31))),
    ((20, 30, 300), (0, 2)),
    ((40, 3, 11, 29), (0, 2, 3)),
    ((40, 11, 29, 3), (0, 1, 2)),
    ((300_001,), (0,)),
]


@pytest.fixture
def threads() -> Iterator[list[int]]:
    before = nd.get_num_threads()
    yield [1, 2, 3, 8]
    nd.set_num_threads(before)


def numbers(dtype: str, shape: tuple[int, ...]) -> Array:
    rng = np.random.default_rng(len(shape))
    if dtype == "bool":
        return rng.random(shape) < 0.5
    return rng.integers(-99, 99, shape).astype(dtype) if dtype[0] in "iu" else rng.normal(size=shape).astype(dtype)


@pytest.mark.parametrize("op", ["sum", "max", "min"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "int32", "bool"])
def test_every_way_of_a_reduction(dtype: str, op: str, threads: list[int]) -> None:
    if dtype == "bool" and op != "sum":
        op = "any" if op == "max" else "all"
    for shape, axes in WAYS:
        a = numbers(dtype, shape)
        x = nd.asarray(a, device="cpu")
        expected = getattr(np, op)(a.astype(np.float64) if dtype == "float32" and op == "sum" else a, axis=axes)
        first = None
        for n in threads:
            nd.set_num_threads(n)
            got = getattr(nd, op)(x, axis=axes).numpy()
            first = got if first is None else first
            assert got.tobytes() == first.tobytes(), f"{op} of {shape} over {axes}: other bits with {n} threads"
        assert first is not None
        near = 2e-6 * np.sqrt(a.size / expected.size) if dtype == "float32" and op == "sum" else 0
        np.testing.assert_allclose(first, expected, rtol=1e-12 if near == 0 else 1e-6, atol=near + 1e-12)


@pytest.mark.parametrize("op", ["max", "min", "sum"])
def test_nan_wherever_it_is(op: str) -> None:
    """In each lane, tail and row; the others of its row stay numbers."""
    for shape, axis in (((3, 5), 1), ((20, 33), 1), ((2, 300), 1), ((5, 40), 0), ((70, 9), 0), ((200, 3), 0)):
        a = numbers("float32", shape)
        for place in range(0, a.size, 7):
            b = a.copy()
            b.reshape(-1)[place] = np.nan
            got = getattr(nd, op)(nd.asarray(b, device="cpu"), axis=axis).numpy()
            np.testing.assert_array_equal(np.isnan(got), np.isnan(b).any(axis=axis), err_msg=f"{shape} {axis} {place}")


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "bool"])
def test_windows(device: str, dtype: str) -> None:
    """Pooling: overlapping, adjacent and spaced windows, in rows of every width, of images in both orders."""
    for size, step, spacing in product((1, 2, 3, 5), (1, 2, 3), (1, 2)):
        for width in (9, 12, 17, 18, 35, 70):
            a = numbers(dtype, (2, 3, 11, width))
            reach = spacing * (size - 1) + 1
            views = np.lib.stride_tricks.sliding_window_view(a, (reach, reach), axis=(2, 3))
            views = views[:, :, ::step, ::step, ::spacing, ::spacing]
            x = nd.asarray(a, device=device)
            for op in ("any", "all") if dtype == "bool" else ("max", "min"):
                got = getattr(nd, op)(_core.windows(x, [size] * 2, [step] * 2, [spacing] * 2), axis=(-2, -1))
                np.testing.assert_array_equal(got.numpy(), getattr(views, op)(axis=(-2, -1)))
            if dtype == "float32":
                last = nd.asarray(a.transpose(0, 2, 3, 1).copy(), device=device).permute_dims(0, 3, 1, 2)
                got = nd.sum(_core.windows(last, [size] * 2, [step] * 2, [spacing] * 2), axis=(-2, -1))
                np.testing.assert_allclose(got.numpy(), views.sum(axis=(-2, -1)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "int64", "uint16"])
def test_places_of_extremes(dtype: str, threads: list[int]) -> None:
    shapes = ((5, 17), (3, 4_100), (300_003,), (2, 140_000), (300, 19), (129, 513), (4, 260, 9), (20_000, 16))
    for shape in shapes:
        a = numbers(dtype, shape)
        for op, axis, bad in product(("argmax", "argmin"), range(len(shape)), (False, True)):
            if bad and a.dtype.kind == "f":
                a = np.where(np.random.default_rng(1).random(shape) < 0.01, np.nan, a).astype(dtype)
            for n in threads[:2]:
                nd.set_num_threads(n)
                got = getattr(nd, op)(nd.asarray(a, device="cpu"), axis=axis)
                np.testing.assert_array_equal(
                    got.numpy(), getattr(np, op)(a, axis=axis), err_msg=f"{op} {shape} {axis}"
                )


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_running_sums(dtype: str, threads: list[int]) -> None:
    for shape, axis in (((1_000_003,), 0), ((3, 200_001), 1), ((50, 7), 1), ((300, 33), 0), ((7, 40, 1_030), 1)):
        a = numbers(dtype, shape)
        x, results = nd.asarray(a, device="cpu"), list[Array]()
        for n in threads:
            nd.set_num_threads(n)
            results.append(nd.cumulative_sum(x, axis=axis, dtype=x.dtype).numpy())
        bits = {result.tobytes() for result in results}
        assert len(bits) == 1, f"{shape} along {axis}: the bits depend on the number of threads"
        wide = np.cumsum(a.astype(np.float64 if a.dtype.kind == "f" else np.int64), axis=axis)
        np.testing.assert_allclose(results[0], wide.astype(dtype), rtol=1e-5, atol=1e-4 if dtype == "float32" else 1e-9)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int32", "int64", "uint64"])
def test_sorted_lines(dtype: str) -> None:
    """Alone, many at a time, long ones; with equal elements, zeros of both signs and NaN, and equal upper bits."""
    rng = np.random.default_rng(0)
    shapes = [(1, 1), (1, 65), (2, 40), (3, 40), (20, 17), (35, 64), (17, 1_024), (18, 1_025), (1, 5_000), (1, 70_000)]
    for rows, n in shapes:
        few = rng.integers(-3, 4, (rows, n)).astype(dtype)
        many = rng.integers(-(2**31), 2**31, (rows, n)).astype(np.float64 if dtype[0] == "f" else dtype)
        contents = [few, (many / 2**31 * 60_000).astype(dtype) if dtype[0] == "f" else many]
        if dtype in ("int64", "uint64"):
            contents.append(many // 2**33 * 2**60 + few)
        if dtype == "float64":
            contents.append(1.0 + few * 2.0**-52)
        if dtype[0] == "f":
            with_specials = contents[0] * np.where(rng.random((rows, n)) < 0.5, -1, 1).astype(dtype)
            contents.append(np.where(rng.random((rows, n)) < 0.1, np.nan, with_specials).astype(dtype))
        for a in contents:
            x = nd.asarray(a, device="cpu")
            order = np.argsort(a, axis=1, kind="stable")
            np.testing.assert_array_equal(nd.argsort(x, axis=1).numpy(), order)
            sorted_ = nd.sort(x, axis=1).numpy()
            assert sorted_.tobytes() == np.take_along_axis(a, order, 1).tobytes(), f"{rows} lines of {n} {dtype}"
            np.testing.assert_array_equal(nd.sort(x.T, axis=0).numpy(), sorted_.T)
            # Turned around twice, equal elements are in their order again.
            falling = n - 1 - np.argsort(a[:, ::-1], axis=1, kind="stable")[:, ::-1]
            np.testing.assert_array_equal(nd.argsort(x, axis=1, descending=True).numpy(), falling)


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int64", "bool"])
def test_topk_is_the_start_of_a_stable_sort(device: str, dtype: str, largest: bool) -> None:
    for shape, k in (((7,), 1), ((3, 50), 12), ((3, 50), 50), ((2, 5_000), 3), ((1, 9_000), 1_100), ((5, 200), 0)):
        a = numbers(dtype, shape)
        for falls in (False, True):  # one of them makes each element a new candidate
            b = np.sort(a, axis=-1)[..., ::-1] if falls else a
            if a.dtype.kind == "f":
                b = np.where(np.random.default_rng(2).random(shape) < 0.01, np.nan, b).astype(dtype)
            x = nd.asarray(b.copy(), device=device)
            values, indices = nd.topk(x, k, largest=largest)
            order = nd.argsort(x, descending=largest).numpy()[..., :k]
            np.testing.assert_array_equal(indices.numpy(), order)
            np.testing.assert_array_equal(values.numpy(), np.take_along_axis(b, order, -1))
            over_rows = nd.topk(x.reshape(-1, shape[-1]).T, k, axis=0, largest=largest).indices.numpy()
            np.testing.assert_array_equal(over_rows.T.reshape(order.shape), order)
