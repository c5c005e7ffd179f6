"""repr, against NumPy's where the two agree."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from needle import ndarray as nd

ARRAYS: dict[str, Any] = {
    "points in line": np.array([[1, 2.5], [-3.25, 100]], np.float32),
    "whole": np.array([1, 2, 3], np.float32),
    "single digits": np.array([0.1, 1 / 3, 2 / 3], np.float32),
    "double digits": np.array([0.1, 1 / 3, math.pi]),
    "cut zeros": np.array([0.1000000001, 1.0]),
    "large": np.array([1e10, 1.0]),
    "small": np.array([1e-10, 2.5]),
    "apart": np.array([0.001, 10.0]),
    "one power": np.array([1e10]),
    "not finite": np.array([1.0, np.nan, -np.inf]),
    "not finite alone": np.array([np.nan, np.inf]),
    "not finite and large": np.array([np.nan, 1e20, -1.5]),
    "zeros": np.zeros((2, 2)),
    "negative zero": np.array([-0.0, 1.0]),
    "half": np.array([0.1, 2.0, 99.0], np.float16),
    "half small": np.array([6e-8, 1.0], np.float16),
    "extremes": np.array([np.finfo(np.float64).max, np.finfo(np.float64).tiny]),
    "extremes single": np.array([np.finfo(np.float32).max, 1e-45], np.float32),
    "integers": np.array([[1, -20], [300, 4]]),
    "bytes": np.array([1, 255], np.uint8),
    "wide": np.array([2**64 - 1, 0], np.uint64),
    "bool": np.array([True, False]),
    "wrapped": np.arange(40) * 1000,
    "wrapped floats": np.linspace(0, 1, 30),
    "rank 3": np.arange(12).reshape(2, 3, 2),
    "rank 4": np.arange(8).reshape(1, 2, 2, 2),
    "complex": np.array([1 + 2.5j, -10 + 2j], np.complex64),
    "complex in rows": np.array([[1 / 3 + 1j, 2], [-0.25j, 1 - 100j]]),
    "complex not finite": np.array([complex(np.nan, 1), complex(2.5, -np.inf)]),
    "complex large": np.array([1e10 + 1j, 1j]),
    "empty": np.zeros(0),
    "number": np.array(1.5),
    "integer": np.array(7),
    "many": np.arange(1001),
    "many rows": np.arange(4000).reshape(1000, 4),
    "many in all axes": np.arange(10_000.0).reshape(10, 20, 50) / 4,
    "many but short": np.arange(1200).reshape(3, 2, 200),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_the_layout_is_that_of_numpy(device: str, name: str) -> None:
    a = ARRAYS[name]
    expected = np.array2string(a, separator=", ", prefix="NDArray(", suffix=")")
    text = repr(nd.asarray(a, device=device))
    shape = f"shape={a.shape}, " if a.size > 1000 else ""
    assert text == f"NDArray({expected}, {shape}dtype={a.dtype.name}, device={device})"
    assert str(nd.asarray(a, device=device)) == text


def test_whole_numbers_keep_all_their_digits(device: str) -> None:
    x = nd.asarray([16777216.0, 2.0e7], device=device)
    assert repr(x).startswith("NDArray([16777216., 20000000.], dtype=float32")


def test_bfloat16(device: str) -> None:
    x = nd.asarray([0.1, 1.0, 3.140625], nd.bfloat16, device)
    assert repr(x) == f"NDArray([0.1 , 1.  , 3.14], dtype=bfloat16, device={device})"
    assert repr(nd.full((), 3.3895e38, nd.bfloat16, device)).startswith("NDArray(3.39e+38, dtype=bfloat16")


def test_empty_arrays_show_their_shape(device: str) -> None:
    assert repr(nd.zeros((0, 3), device=device)) == f"NDArray([], shape=(0, 3), dtype=float32, device={device})"


def test_a_view_is_printed_as_it_reads(device: str) -> None:
    x = nd.arange(6, device=device).reshape(2, 3)
    assert repr(x.T[::-1]).startswith("NDArray([[2, 5],\n         [1, 4],\n         [0, 3]]")
    assert repr(nd.broadcast_to(x[0, 1], (2000,))).startswith("NDArray([1, 1, 1, ..., 1, 1, 1], shape=(2000,)")


def test_a_large_array_is_not_copied(device: str) -> None:
    """A view of 10^12 elements has a text, which its elements would not fit in memory for."""
    text = repr(nd.broadcast_to(nd.ones((), device=device), (10**6, 10**6)))
    assert text.count("1.") == 36


def test_what_is_printed_reads_back(device: str, rng: np.random.Generator) -> None:
    for dtype in (np.float16, np.float32):
        bits = rng.integers(0, 2 ** (8 * np.dtype(dtype).itemsize), 500)
        a = bits.astype(f"uint{8 * np.dtype(dtype).itemsize}").view(dtype)
        for value in a[np.isfinite(a)]:
            text = repr(nd.asarray(value, device=device)).removeprefix("NDArray(").partition(",")[0]
            # A number alone has an exponent where it is long, so all its digits are shown.
            if "e" in text or abs(value) >= 1:
                assert dtype(text) == value
