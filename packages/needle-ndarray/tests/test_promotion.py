"""The dtype of a result, for every pair of dtypes and every kind of number."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from needle import ndarray as nd

NAMES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "bfloat16", "float32",
    "float64", "complex64", "complex128",
)  # fmt: skip
RANK = {"bool": 0, "int": 1, "uint": 1, "float": 2, "complex": 3}


def dtype(name: str) -> nd.DType:
    return getattr(nd, name)


def promoted(a: str, b: str) -> str | None:
    """The rule, from its text: the higher kind wins; inside a kind it is NumPy's, but for uint64 and bfloat16.

    A complex dtype is wide enough for a float beside it.
    """
    if a == b:
        return a
    if "complex" in a + b:
        return "complex128" if {a, b} & {"complex128", "float64"} else "complex64"
    rank_a, rank_b = RANK[dtype(a).kind], RANK[dtype(b).kind]
    if rank_a != rank_b:
        return a if rank_a > rank_b else b
    if "bfloat16" in (a, b):
        other = b if a == "bfloat16" else a
        return "float32" if other == "float16" else other
    result = np.promote_types(a, b).name
    return None if result == "float64" and rank_a == 1 else result


@pytest.mark.parametrize(("a", "b"), list(itertools.product(NAMES, NAMES)))
def test_pairs(a: str, b: str) -> None:
    expected = promoted(a, b)
    if expected is None:
        text = rf"\[result_type\] no integer dtype holds both operands; got ({a} and {b}|{b} and {a}); hint: cast"
        with pytest.raises(TypeError, match=text):
            nd.result_type(dtype(a), dtype(b))
        return
    assert nd.result_type(dtype(a), dtype(b)) is dtype(expected)
    x, y = nd.ones(2, dtype(a), "numpy"), nd.ones(2, dtype(b), "numpy")
    assert nd.equal(x, y).tolist() == [True, True]
    assert nd.where(nd.asarray([True, False], device="numpy"), x, y).dtype is dtype(expected)
    assert nd.concat([x, y]).dtype is dtype(expected)
    if expected != "bool":
        assert (x * y).dtype is dtype(expected)


@pytest.mark.parametrize("name", NAMES)
def test_numbers_take_the_dtype_of_the_array(device: str, name: str) -> None:
    x = nd.ones(2, dtype(name), device)
    kind = dtype(name).kind
    with_int = nd.int64 if kind == "bool" else dtype(name)
    with_float = dtype(name) if kind in ("float", "complex") else nd.float32
    cases: list[tuple[Any, nd.DType]] = [(1, with_int), (1.0, with_float)]
    for number, expected in cases:
        assert nd.result_type(x, number) is nd.result_type(number, dtype(name)) is expected
        for result in (x * number, number * x, nd.pow(x, number), nd.pow(number, x)):
            assert result.dtype is expected
            assert result.astype(nd.complex128).tolist() == [1.0, 1.0]
        assert (x == number).dtype is nd.bool
    assert nd.result_type(x, True) is dtype(name)


def test_several_operands() -> None:
    assert nd.result_type(nd.int8, nd.uint8, nd.float16) is nd.float16
    assert nd.result_type(nd.int8, 1, nd.int16, 2.0) is nd.float32
    assert nd.result_type(2.0, nd.float64) is nd.float64


TOO_LARGE = [("int8", 128), ("uint8", -1), ("int32", 2**31), ("uint64", 2**64), ("bool", 2**63)]


@pytest.mark.parametrize(("name", "number"), TOO_LARGE)
def test_numbers_that_do_not_fit(device: str, name: str, number: int) -> None:
    x = nd.ones(2, dtype(name), device)
    with pytest.raises(OverflowError, match=r"\[add\] the"):
        _ = x + number


@pytest.mark.parametrize("name", NAMES)
def test_float_functions_of_integers(device: str, name: str) -> None:
    x = nd.ones(2, dtype(name), device)
    expected = dtype(name) if dtype(name).kind in ("float", "complex") else nd.float32
    for result in (nd.exp(x), nd.sqrt(x), x / x, x / 2):
        assert result.dtype is expected


@pytest.mark.parametrize("name", NAMES)
def test_sums(device: str, name: str) -> None:
    x = nd.ones(3, dtype(name), device)
    expected = {"float": dtype(name), "complex": dtype(name), "uint": nd.uint64}.get(dtype(name).kind, nd.int64)
    for result in (nd.sum(x), nd.prod(x), nd.cumulative_sum(x)):
        assert result.dtype is expected
    assert nd.mean(x).dtype is (dtype(name) if dtype(name).kind in ("float", "complex") else nd.float32)
    assert nd.any(x).dtype is nd.bool
    if dtype(name).kind != "complex":
        assert nd.max(x).dtype is dtype(name)
        assert nd.argmax(x).dtype is nd.int64


def test_assignment_never_narrows(device: str) -> None:
    x = nd.zeros(2, nd.float32, device)
    x[...] = nd.arange(2, dtype=nd.int64, device=device)
    assert x.tolist() == [0.0, 1.0]
    with pytest.raises(TypeError, match=r"the value's dtype does not fit into the array's; got float64; expected"):
        x[...] = nd.zeros(2, nd.float64, device)
    with pytest.raises(TypeError, match=r"a float cannot become an element of an integer array"):
        nd.zeros(2, nd.int32, device)[0] = 1.5
