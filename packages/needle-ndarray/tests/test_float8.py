"""The float8 dtypes: stored, moved and cast, not computed with. The kit tests the rounding of every number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from needle import ndarray as nd

FLOAT8 = ("float8_e4m3fn", "float8_e5m2")
GREATEST = {"float8_e4m3fn": 448.0, "float8_e5m2": 57344.0}


@pytest.fixture(params=FLOAT8)
def dtype(request: pytest.FixtureRequest) -> nd.DType:
    return getattr(nd, request.param)


def test_numbers_are_rounded_to_nearest_even(device: str, dtype: nd.DType) -> None:
    digits = 4 if dtype is nd.float8_e4m3fn else 3
    step = 2.0 ** (1 - digits)
    numbers = [0.0, 1.0, 1 + step / 2, 1 + 1.5 * step, -1 - 0.51 * step, GREATEST[dtype.name]]
    x = nd.asarray(numbers, dtype, device)
    assert (dtype.kind, dtype.itemsize, x.nbytes) == ("float", 1, 6)
    assert x.tolist() == [0.0, 1.0, 1.0, 1 + 2 * step, -1 - step, GREATEST[dtype.name]]
    assert [nd.full((), n, dtype, device).item() for n in numbers] == x.tolist()
    assert math.copysign(1, nd.full((), -0.0, dtype, device).item()) == -1


def test_too_great_is_nan_in_e4m3fn_and_infinite_in_e5m2(device: str) -> None:
    """As in ml_dtypes and PyTorch; halfway to the next step the greatest number is still the even one, in e4m3fn."""
    for make in (nd.asarray, lambda n, dtype, device: nd.asarray([n], nd.float32, device).astype(dtype)[0]):
        assert make(464.0, nd.float8_e4m3fn, device).item() == 448
        for n in (465.0, 1e30, math.inf, math.nan):
            assert math.isnan(make(n, nd.float8_e4m3fn, device).item())
        assert make(61439.0, nd.float8_e5m2, device).item() == 57344
        for n in (61440.0, 1e30, math.inf):
            assert make(-n, nd.float8_e5m2, device).item() == -math.inf
        assert math.isnan(make(math.nan, nd.float8_e5m2, device).item())


def test_it_is_cast_to_and_from_all_real_dtypes(device: str, dtype: nd.DType) -> None:
    x = nd.asarray([0, 1, 3, 4], dtype, device)
    for other in (nd.bool, nd.int8, nd.uint64, nd.float16, nd.bfloat16, nd.float32, nd.float64, nd.complex64):
        y = x.astype(other)
        assert y.tolist() == ([False, True, True, True] if other is nd.bool else [0, 1, 3, 4])
        if other.kind != "complex":
            assert y.astype(dtype).tolist() == ([0, 1, 1, 1] if other is nd.bool else [0, 1, 3, 4])
    for other in FLOAT8:
        assert x.astype(getattr(nd, other)).tolist() == [0, 1, 3, 4]


def test_it_moves(device: str, dtype: nd.DType) -> None:
    x = nd.asarray([[1, 2, 3], [4, 5, 6]], dtype, device)
    assert x.T.copy().tolist() == [[1, 4], [2, 5], [3, 6]]
    assert x.reshape(3, 2)[::-1].tolist() == [[5, 6], [3, 4], [1, 2]]
    x[0, ::2] = 0.5
    x[1] = nd.asarray([7, 8, 10], dtype, device)
    assert x.tolist() == [[0.5, 2, 0.5], [7, 8, 10]]
    index = nd.asarray([2, 0], device=device)
    assert nd.take(x, index, axis=1).tolist() == [[0.5, 0.5], [10, 7]]
    assert nd.scatter(x[0], index, nd.asarray([3, 4], dtype, device), axis=0).tolist() == [4, 2, 3]
    assert nd.where(nd.asarray([True, False, True], device=device), x[0], 1.0).tolist() == [0.5, 1, 0.5]
    assert nd.concat([x, x]).shape == (4, 3)
    assert nd.zeros((2,), dtype, device).tolist() == [0, 0]
    assert nd.arange(4, dtype=dtype, device=device).tolist() == [0, 1, 2, 3]


REFUSED: list[Callable[[Any], Any]] = [
    lambda x: x + x, lambda x: x * 2.0, lambda x: -x, lambda x: x == 1, lambda x: x @ x, nd.exp, nd.isnan, nd.sum,
    nd.max, nd.argmax, nd.any, nd.sort, nd.argsort, nd.cumulative_sum,
    lambda x: nd.sum(x.astype(nd.float32), dtype=x.dtype),
    lambda x: nd.scatter(x, nd.zeros(2, nd.int64, x.device), x, axis=0, op="add"),
]  # fmt: skip


@pytest.mark.parametrize("function", REFUSED)
def test_arithmetic_is_refused(device: str, dtype: nd.DType, function: Callable[[Any], Any]) -> None:
    text = rf"\[\w+\] no arithmetic in a dtype for storage; got {dtype.name}; hint: cast with astype, as to float32"
    with pytest.raises(TypeError, match=text):
        function(nd.ones(2, dtype, device))


def test_it_promotes_with_no_other_dtype(device: str, dtype: nd.DType) -> None:
    x = nd.ones(2, dtype, device)
    for other in (nd.float32, nd.int8, *(getattr(nd, name) for name in FLOAT8 if name != dtype.name)):
        with pytest.raises(TypeError, match=r"\[\w+\] a dtype for storage promotes with no other; got .*; hint: cast"):
            _ = x + nd.ones(2, other, device)
    assert nd.result_type(x, x) is nd.result_type(x, 1.0) is dtype


def test_repr(device: str, dtype: nd.DType) -> None:
    assert (
        repr(nd.asarray([1, 0.375], dtype, device)) == f"NDArray([1.   , 0.375], dtype={dtype.name}, device={device})"
    )


def test_numpy_has_the_dtype_from_ml_dtypes(device: str, dtype: nd.DType) -> None:
    pytest.importorskip("ml_dtypes", reason="ml_dtypes, which has NumPy's float8, is not installed")
    x = nd.asarray([1.5, -0.25], dtype, device)
    a = x.numpy()
    assert (a.dtype.name, a.astype(float).tolist()) == (dtype.name, [1.5, -0.25])
    assert nd.asarray(a, device=device).dtype is dtype
