"""Reductions, running sums and sorting, along axes, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from needle import ndarray as nd

FUNCTIONS = ("sum", "prod", "max", "min", "any", "all", "mean")
ARRAYS = hnp.arrays(
    st.sampled_from([np.int32, np.int64, np.float64]),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=1, max_side=5),
    elements=st.integers(-3, 3),
)


@pytest.mark.parametrize("name", FUNCTIONS)
@given(a=ARRAYS, data=st.data())
def test_reductions(device: str, name: str, a: np.ndarray[Any, Any], data: st.DataObject) -> None:
    axes = data.draw(st.none() | st.sets(st.integers(-a.ndim, a.ndim - 1)).map(tuple) if a.ndim else st.none())
    if axes is not None:
        axes = tuple({axis % a.ndim: axis for axis in axes}.values())
    keepdims = data.draw(st.booleans())
    order = data.draw(st.permutations(range(a.ndim)))
    b, x = a.transpose(order), nd.asarray(a, device=device).permute_dims(*order)
    result = getattr(nd, name)(x, axis=axes, keepdims=keepdims)
    expected = getattr(np, name)(b, axis=axes, keepdims=keepdims)
    np.testing.assert_allclose(result.numpy(), expected, rtol=1e-6)
    assert result.shape == np.shape(expected)


@pytest.mark.parametrize("name", ["var", "std"])
@pytest.mark.parametrize("dtype", ["int32", "float16", "float32", "float64"])
def test_spread(device: str, dtype: str, name: str, rng: np.random.Generator) -> None:
    a = rng.integers(-50, 50, (3, 40, 70)).astype(dtype)
    x = nd.asarray(a, device=device)
    wide, result_dtype = a.astype(np.float64), "float32" if dtype == "int32" else dtype
    near = 2e-3 if dtype == "float16" else 1e-6
    for axis in (0, 1, -1, (0, 2), (1, 2), (), None):
        for correction, keepdims in ((0, False), (1, True), (0.5, False)):
            result = getattr(nd, name)(x, axis=axis, correction=correction, keepdims=keepdims)
            assert result.dtype.name == result_dtype
            if axis == () and correction == 1:  # of one element
                assert not np.isfinite(result.numpy()).any()
                continue
            expected = getattr(np, name)(wide, axis=axis, ddof=correction, keepdims=keepdims)
            np.testing.assert_allclose(result.numpy(), expected, rtol=near)
            assert result.shape == np.shape(expected)
    assert np.isnan(getattr(nd, name)(x[:0], axis=0).numpy()).all()
    assert getattr(nd, name)(x[:0], axis=1).shape == (0, 70)


def test_spread_of_special_numbers(device: str) -> None:
    x = nd.asarray([[1.0, float("nan")], [float("inf"), 1.0], [3e30, 3e30], [0.1, 0.1]], device=device)
    for each in (x, x.T.contiguous().T):
        assert str(nd.var(each, axis=1).tolist()) == "[nan, nan, 0.0, 0.0]"


def test_the_spread_of_an_axis_named_twice(device: str) -> None:
    with pytest.raises(ValueError, match=r"\[var\] an axis is named twice; got \(0, -2\)"):
        nd.var(nd.zeros((2, 3), device=device), axis=(0, -2))


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@given(a=ARRAYS, data=st.data())
def test_places_of_extremes(device: str, name: str, a: np.ndarray[Any, Any], data: st.DataObject) -> None:
    axis = data.draw(st.none() | st.integers(-a.ndim, a.ndim - 1) if a.ndim else st.none())
    keepdims = data.draw(st.booleans())
    result = getattr(nd, name)(nd.asarray(a, device=device), axis=axis, keepdims=keepdims)
    expected = getattr(np, name)(a, axis=axis, keepdims=keepdims)
    np.testing.assert_array_equal(result.numpy(), expected)
    assert result.dtype is nd.int64
    assert result.shape == np.shape(expected)


@given(a=ARRAYS.filter(lambda a: a.ndim > 0), data=st.data())
def test_along_one_axis(device: str, a: np.ndarray[Any, Any], data: st.DataObject) -> None:
    axis = data.draw(st.integers(-a.ndim, a.ndim - 1))
    x = nd.asarray(a, device=device).permute_dims(*range(a.ndim)[::-1])
    b = a.T
    np.testing.assert_allclose(nd.cumulative_sum(x, axis=axis).numpy(), np.cumsum(b, axis=axis))
    np.testing.assert_allclose(nd.cumulative_prod(x, axis=axis).numpy(), np.cumprod(b, axis=axis))
    np.testing.assert_array_equal(nd.sort(x, axis=axis).numpy(), np.sort(b, axis=axis), strict=True)
    order = np.argsort(b, axis=axis, kind="stable")
    np.testing.assert_array_equal(nd.argsort(x, axis=axis).numpy(), order, strict=True)
    falling = np.argsort(-b, axis=axis, kind="stable")
    np.testing.assert_array_equal(nd.argsort(x, axis=axis, descending=True).numpy(), falling, strict=True)
    np.testing.assert_array_equal(
        nd.sort(x, axis=axis, descending=True).numpy(), np.take_along_axis(b, falling, axis), strict=True
    )


def test_no_elements(device: str) -> None:
    x = nd.zeros((0, 3), device=device)
    assert nd.sum(x).item() == 0
    assert nd.prod(x, axis=0).tolist() == [1, 1, 1]
    assert nd.any(x).item() is False
    assert nd.all(x).item() is True
    assert np.isnan(nd.mean(x).item())
    assert nd.sum(x, axis=1).shape == (0,)
    assert nd.mean(x, axis=1).shape == (0,)
    assert nd.max(x, axis=1).shape == (0,)
    for name in ("max", "min", "argmax", "argmin"):
        with pytest.raises(ValueError, match=rf"\[{name}\] no extreme of no elements; got shape \(0, 3\)"):
            getattr(nd, name)(x, axis=0)


def test_nan_is_the_extreme_and_sorts_last(device: str) -> None:
    x = nd.asarray([2.0, float("nan"), 1.0, float("inf")], device=device)
    assert np.isnan([nd.max(x).item(), nd.min(x).item()]).all()
    assert nd.argmax(x).item() == nd.argmin(x).item() == 1
    assert nd.argsort(x).tolist() == [2, 0, 3, 1]
    assert nd.argsort(x, descending=True).tolist() == [1, 3, 0, 2]


def test_sums_of_narrow_types_do_not_overflow(device: str) -> None:
    assert nd.sum(nd.full(1000, 127, nd.int8, device)).item() == 127000
    assert nd.sum(nd.ones(3, nd.bool, device)).item() == 3
    assert nd.mean(nd.full(1000, 60000, nd.float16, device)).item() == 60000
    assert nd.sum(nd.full(4096, 1, nd.bfloat16, device)).item() == 4096


def test_sum_into_a_dtype(device: str) -> None:
    x = nd.asarray([1, 2, 3], nd.int8, device)
    result = nd.sum(x, dtype=nd.float64)
    assert (result.item(), result.dtype) == (6.0, nd.float64)
    assert nd.prod(x, dtype=nd.int8).dtype is nd.int8


def test_means_of_integers_are_float32(device: str) -> None:
    x = nd.asarray([[1, 2], [4, 6]], device=device)
    assert nd.mean(x, axis=0).tolist() == [2.5, 4.0]
    assert nd.mean(x, axis=1, keepdims=True).tolist() == [[1.5], [5.0]]
    assert nd.mean(x > 1).item() == 0.75


def test_axes_are_checked(device: str) -> None:
    x = nd.zeros((2, 3), device=device)
    for name in FUNCTIONS:
        stated = "sum" if name == "mean" else name
        with pytest.raises(IndexError, match=rf"\[{stated}\] axis out of range; got 2; expected -2 to 1"):
            getattr(nd, name)(x, axis=2)
        with pytest.raises(ValueError, match=rf"\[{stated}\] an axis is named twice; got \(0, -2\)"):
            getattr(nd, name)(x, axis=(0, -2))
    for name in ("argmax", "cumulative_sum", "sort", "argsort"):
        with pytest.raises(IndexError, match=rf"\[{name}\] axis out of range; got -3; expected -2 to 1"):
            getattr(nd, name)(x, axis=-3)
    with pytest.raises(ValueError, match=r"\[cumulative_sum\] no axis is named; got shape \(2, 3\); expected axis=,"):
        nd.cumulative_sum(x)
    with pytest.raises(TypeError, match=r"\[sum\] not an array; got list; expected NDArray"):
        nd.sum([1])  # type: ignore[arg-type]


def test_there_is_no_arithmetic_in_bool(device: str) -> None:
    bits = nd.ones(3, nd.bool, device)
    for function in (nd.sum, nd.prod):
        with pytest.raises(TypeError, match=rf"\[{function.__name__}\] no arithmetic in bool; got dtype bool"):
            function(bits, dtype=nd.bool)
    with pytest.raises(TypeError, match=r"\[scatter\] no arithmetic in bool"):
        nd.scatter(bits, nd.asarray([0], device=device), nd.ones(1, nd.bool, device), axis=0, op="add")
