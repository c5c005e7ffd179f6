"""Pools and their gradients, against their definitions in NumPy loops."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from needle import ndarray as nd

Array = np.ndarray[Any, np.dtype[Any]]
Pairs = list[tuple[int, int]]


def definition(
    x: Array, size: list[int], stride: list[int], padding: Pairs, dilation: list[int]
) -> tuple[Array, Array]:
    """The greatest elements and their places, window by window."""
    n = len(size)
    axes = zip(x.shape[-n:], size, stride, padding, dilation, strict=True)
    sizes = [(low + s + high - d * (k - 1) - 1) // step + 1 for s, k, step, (low, high), d in axes]
    values, places = np.zeros((*x.shape[:-n], *sizes), x.dtype), np.zeros((*x.shape[:-n], *sizes), np.int64)
    for window in itertools.product(*map(range, values.shape)):
        best: Any = None
        for k in itertools.product(*map(range, size)):
            spot = [window[i - n] * stride[i] + k[i] * dilation[i] - padding[i][0] for i in range(n)]
            if any(not 0 <= at < extent for at, extent in zip(spot, x.shape[-n:], strict=True)):
                continue
            value = x[(*window[:-n], *spot)]
            if best is None or value > best or (np.isnan(value) and not np.isnan(best)):
                best, places[window] = value, np.ravel_multi_index(spot, x.shape[-n:])
        values[window] = best
    return values, places


@given(data=st.data(), n=st.integers(1, 3))
def test_against_the_definition(device: str, data: st.DataObject, n: int) -> None:
    def draw(low: int, high: int) -> list[int]:
        return [data.draw(st.integers(low, high)) for _ in range(n)]

    size, stride, dilation = draw(1, 3), draw(1, 3), draw(1, 2)
    padding = [(data.draw(st.integers(0, k // 2)), data.draw(st.integers(0, k // 2))) for k in size]
    extents = [
        d * (k - 1) + data.draw(st.integers(1, 20 if n == 1 else 4)) for k, d in zip(size, dilation, strict=True)
    ]
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    dtype = data.draw(st.sampled_from(["float32", "float64", "float16", "int32"]))
    x = rng.integers(-3, 4, (2, *extents)).astype(dtype)  # many are equal
    if dtype != "int32":
        x[rng.random(x.shape) < 0.1], x[rng.random(x.shape) < 0.1] = -np.inf, np.nan
    arguments = (size, stride, padding, dilation)
    a = nd.asarray(x, device=device)
    values, places = definition(x, *arguments)
    np.testing.assert_array_equal(nd.max_pool(a, *arguments).numpy(), values, strict=True)
    np.testing.assert_array_equal(nd.max_pool_places(a, *arguments).numpy(), places, strict=True)
    ct = rng.integers(-5, 6, [int(extent) for extent in values.shape]).astype(dtype)
    want: Array = np.zeros((2, math.prod(extents)), dtype)
    for i in range(2):
        np.add.at(want[i], places[i].reshape(-1), ct[i].reshape(-1))
    got = nd.max_pool_gradient(nd.asarray(ct, device=device), a, *arguments)
    np.testing.assert_array_equal(got.numpy(), want.reshape(x.shape), strict=True)


@given(data=st.data(), n=st.integers(1, 3))
def test_means_against_the_definition(device: str, data: st.DataObject, n: int) -> None:
    def draw(low: int, high: int) -> list[int]:
        return [data.draw(st.integers(low, high)) for _ in range(n)]

    size, stride, dilation = draw(1, 3), draw(1, 3), draw(1, 2)
    padding = [(data.draw(st.integers(0, k // 2)), data.draw(st.integers(0, k // 2))) for k in size]
    extents = [
        d * (k - 1) + data.draw(st.integers(1, 40 if n == 1 else 4)) for k, d in zip(size, dilation, strict=True)
    ]
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    x = rng.standard_normal((2, *extents)).astype(data.draw(st.sampled_from(["float32", "float64"])))
    padded = np.pad(x, [(0, 0), *padding])
    sizes = [
        (p - d * (k - 1) - 1) // s + 1 for p, k, s, d in zip(padded.shape[1:], size, stride, dilation, strict=True)
    ]
    want: Array = np.zeros((2, *sizes), x.dtype)
    for k in itertools.product(*map(range, size)):
        cut = (slice(t * d, t * d + (o - 1) * s + 1, s) for t, d, o, s in zip(k, dilation, sizes, stride, strict=True))
        want += padded[(slice(None), *cut)]
    arguments = (size, stride, padding, dilation)
    got = nd.avg_pool(nd.asarray(x, device=device), *arguments)
    tolerance = {"rtol": 1e-5, "atol": 1e-5}
    np.testing.assert_allclose(got.numpy(), want / math.prod(size), **tolerance, strict=True)
    ct = rng.standard_normal(want.shape).astype(x.dtype)
    back = nd.avg_pool_gradient(nd.asarray(ct, device=device), extents, *arguments).numpy()
    for i in range(2):  # the transposed map: <ct, pool(x)> = <back(ct), x>
        np.testing.assert_allclose(np.vdot(ct[i], got.numpy()[i]), np.vdot(back[i], x[i]), rtol=1e-4, atol=1e-3)


def test_means_of_other_numbers(device: str) -> None:
    x = nd.asarray([1 + 2j, 3, 2, 8], device=device)
    arguments = ((2,), (2,), [(0, 0)], (1,))
    assert nd.avg_pool(x, *arguments).tolist() == [2 + 1j, 5]
    assert nd.avg_pool_gradient(nd.avg_pool(x, *arguments), (4,), *arguments).tolist() == [1 + 0.5j, 1 + 0.5j, 2.5, 2.5]
    text = r"the dtype is not floating-point; got int64; hint: cast it with astype$"
    with pytest.raises(TypeError, match=r"^\[avg_pool\] " + text):
        nd.avg_pool(nd.arange(4, device=device), *arguments)
    with pytest.raises(TypeError, match=r"^\[avg_pool_gradient\] " + text):
        nd.avg_pool_gradient(nd.arange(2, device=device), (4,), *arguments)


@pytest.mark.parametrize("extent", [15, 16, 17, 31, 32, 33, 64, 65])
def test_rows_around_a_vector_in_any_layout(device: str, rng: np.random.Generator, extent: int) -> None:
    x = rng.standard_normal((9, extent, 3, 2)).astype(np.float32)
    a = nd.asarray(x, device=device).permute_dims(3, 2, 0, 1)
    for arguments in (([2, 2], [2, 2], [(0, 0)] * 2, [1, 1]), ([3, 3], [1, 2], [(1, 1)] * 2, [1, 1])):
        values, places = definition(x.transpose(3, 2, 0, 1), *arguments)
        np.testing.assert_array_equal(nd.max_pool(a, *arguments).numpy(), values, strict=True)
        np.testing.assert_array_equal(nd.max_pool_places(a, *arguments).numpy(), places, strict=True)


def test_the_gradient_is_the_same_for_any_number_of_threads(rng: np.random.Generator) -> None:
    x = nd.asarray(rng.standard_normal((40, 50, 60)).astype(np.float32), device="cpu")
    arguments = ([3, 3], [1, 1], [(1, 1)] * 2, [1, 1])
    before = nd.get_num_threads()
    results: list[bytes] = []
    try:
        for threads in (1, 2, 3, 8):
            nd.set_num_threads(threads)
            results.append(nd.max_pool_gradient(nd.max_pool(x, *arguments), x, *arguments).numpy().tobytes())
    finally:
        nd.set_num_threads(before)
    assert len(set(results)) == 1


def test_windows_larger_than_most(device: str) -> None:
    x = nd.reshape(nd.arange(400, dtype=nd.float32, device=device), (20, 20))
    assert nd.max_pool(x, (20, 20), (1, 1), [(0, 0)] * 2, (1, 1)).tolist() == [[399.0]]
    assert nd.max_pool_places(x, (20, 20), (1, 1), [(0, 0)] * 2, (1, 1)).tolist() == [[399]]


@pytest.mark.parametrize(("size", "stride", "low"), [(3, 1, 1), (3, 2, 0), (2, 3, 1), (5, 4000, 2), (3, 5000, 1)])
def test_long_rows(rng: np.random.Generator, size: int, stride: int, low: int) -> None:
    x = rng.standard_normal((2, 20001)).astype(np.float32)
    arguments = ((size,), (stride,), [(low, low)], (1,))
    a, b = (nd.asarray(x, device=name) for name in ("cpu", "numpy"))
    for pool in (nd.max_pool, nd.avg_pool):
        want = pool(b, *arguments).numpy()
        np.testing.assert_allclose(pool(a, *arguments).numpy(), want, rtol=1e-5, atol=1e-6)
    got, want = (nd.avg_pool_gradient(nd.avg_pool(z, *arguments), (20001,), *arguments).numpy() for z in (a, b))
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_no_samples(device: str) -> None:
    x = nd.ones((0, 4), device=device)
    assert nd.max_pool(x, (2,), (2,), [(0, 0)], (1,)).shape == (0, 2)
    assert nd.max_pool_gradient(nd.ones((0, 2), device=device), x, (2,), (2,), [(0, 0)], (1,)).shape == (0, 4)
    assert nd.avg_pool(x, (2,), (2,), [(0, 0)], (1,)).shape == (0, 2)
    assert nd.avg_pool_gradient(nd.ones((0, 2), device=device), (4,), (2,), (2,), [(0, 0)], (1,)).shape == (0, 4)


WRONG: list[tuple[Any, str]] = [
    (([2], [2], [], [1]), r"the parameters do not fit; got x \(1, 5\), size \[2\], stride \[2\], padding \[\], "),
    (
        ([2, 2, 2], [1] * 3, [(0, 0)] * 3, [1] * 3),
        r"the parameters do not fit; .*expected one of each for the last",
    ),
    (([0], [2], [(0, 0)], [1]), r"the parameters are out of range; got size \[0\], stride \[2\]"),
    (([2], [2], [(-1, 0)], [1]), r"the parameters are out of range"),
    (([6], [1], [(0, 0)], [1]), r"a window has no element of x; got x \(1, 5\), size \[6\]"),
    (([2], [1], [(2, 0)], [1]), r"a window has no element of x"),
    (([2], [1], [(0, 2)], [1]), r"a window has no element of x"),
    (([2], [1], [(5, 6)], [10]), r"a window has no element of x"),
]


@pytest.mark.parametrize(("arguments", "text"), WRONG)
def test_wrong_arguments(device: str, arguments: Any, text: str) -> None:
    x = nd.zeros((1, 5), device=device)
    with pytest.raises(ValueError, match=r"^\[max_pool\] " + text):
        nd.max_pool(x, *arguments)
    with pytest.raises(ValueError, match=r"^\[max_pool_places\] " + text):
        nd.max_pool_places(x, *arguments)
    with pytest.raises(ValueError, match=r"^\[avg_pool\] " + text):
        nd.avg_pool(x, *arguments)
    with pytest.raises(ValueError, match=r"^\[avg_pool_gradient\] "):
        nd.avg_pool_gradient(x, (5,), *arguments)


def test_another_cotangent(device: str) -> None:
    x = nd.zeros((1, 5), device=device)
    text = r"the cotangent is not that of the windows; got \(1, 3\); expected \(1, 2\)$"
    with pytest.raises(ValueError, match=r"^\[max_pool_gradient\] " + text):
        nd.max_pool_gradient(nd.zeros((1, 3), device=device), x, (2,), (2,), [(0, 0)], (1,))
    with pytest.raises(
        ValueError, match=r"^\[avg_pool_gradient\] the parameters do not fit; got extents \(5, 1\), size"
    ):
        nd.avg_pool_gradient(x, (5, 1), (2,), (2,), [(0, 0)], (1,))
    with pytest.raises(ValueError, match=r"^\[avg_pool_gradient\] " + text):
        nd.avg_pool_gradient(nd.zeros((1, 3), device=device), (5,), (2,), (2,), [(0, 0)], (1,))
