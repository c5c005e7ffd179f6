"""The conformance kit's own parts: the oracle is right, layouts are what they say, a broken table is refused."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest

from needle.ndarray.backends import numpy as reference
from needle.ndarray.conformance import oracle, table
from needle.ndarray.conformance.elements import DTYPES, FLOAT8, INEXACT, decode, encode, nearest, storage
from needle.ndarray.conformance.layouts import LAYOUTS


@pytest.mark.parametrize("name", ["exp", "abs", "isnan", "logical_not", "bitwise_xor", "add", "less"])
def test_an_operation_newer_than_the_oracle_is_compared_with_the_numpy_backend(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a new operation needs no line in the kit."""
    listed = oracle.find(name)
    monkeypatch.setattr(oracle, "UNARY", {})
    monkeypatch.setattr(oracle, "BINARY", {})
    found = oracle.find(name)
    assert found.boolean == listed.boolean
    for dtype in ("bool", "int32", "float32"):
        # What takes numbers and gives bool may or may not take bool: the front does not tell, so that is left out.
        assert found.admits(dtype) == (listed.admits(dtype) and not (dtype == "bool" and listed.boolean))
        if found.admits(dtype):
            x = encode(np.array([0, 1, 0, 1]), dtype)
            operands = [x, x[::-1]][: 1 if name in reference.UNARY else 2]
            assert found(dtype, *operands).tolist() == pytest.approx(listed(dtype, *operands).tolist())


def test_the_oracle_rounds_to_nearest_even() -> None:
    x = np.array([1 + 2**-11, 1 + 3 * 2**-11, 65519.99, 65520, 2**-25, 2**-24 * 1.5, -(2**-25) * 1.01, np.nan, -np.inf])
    with np.errstate(over="ignore"):
        expected = x.astype(np.float16).astype(np.float64)
    assert np.array_equal(nearest(x, "float16"), expected, equal_nan=True)
    assert encode(np.array([1 + 2**-8, 1 + 3 * 2**-8, -1 - 2**-8]), "bfloat16").tolist() == [0x3F80, 0x3F82, 0xBF80]


@pytest.mark.parametrize("shape", [(), (2,)])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_the_oracle_knows_neighbours(dtype: str, shape: tuple[int, ...]) -> None:
    """Across 0 too, and without a warning of integers that overflow."""
    next_to = oracle.find("nextafter")
    up, down = (encode(np.full(shape, y), dtype) for y in (1.0, -1.0))
    zero = encode(np.zeros(shape), dtype)
    least = next_to(dtype, zero, up)
    assert np.all(decode(least, dtype) > 0)
    assert np.array_equal(decode(next_to(dtype, least, down), dtype), np.zeros(shape))
    assert np.array_equal(decode(next_to(dtype, zero, down), dtype), -decode(least, dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_oracle_encodes_what_it_decodes(dtype: str) -> None:
    x = np.frombuffer(np.random.default_rng(0).bytes(4000), np.uint8 if dtype == "bool" else storage(dtype))
    x = x % 2 == 1 if dtype == "bool" else x
    numbers = decode(x, dtype)
    again = encode(numbers, dtype)
    with np.errstate(invalid="ignore"):  # a signalling NaN
        same = again == x
    assert np.all(same | np.isnan(numbers) if dtype in (*INEXACT, *FLOAT8) else same)


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (4, 1, 3), (0,), (2, 0, 3)])
def test_layouts_lie_inside_their_buffers(name: str, shape: tuple[int, ...]) -> None:
    strides, offset, length = LAYOUTS[name](shape)
    places = [offset + sum(i * s for i, s in zip(place, strides, strict=True)) for place in np.ndindex(shape)]
    assert all(0 <= place < length for place in places)
    assert len(set(places)) == len(places) or name.startswith("0-stride")
    assert 0 <= offset <= length


def capsule(**fields: Any) -> tuple[object, table.Table]:
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    it = table.Table(**{"api_version": table.API_VERSION, "size": ctypes.sizeof(table.Table), "name": b"x"} | fields)
    return new(ctypes.addressof(it), b"needle_backend", None), it


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"api_version": 99}, "built for API version 99"),
        ({"size": 16}, "a table of 16 bytes"),
        ({}, "functions that are required are NULL: device_count, describe, op, last_error, alloc"),
    ],
)
def test_a_table_that_breaks_the_contract_is_refused(fields: dict[str, int], message: str) -> None:
    held, _table = capsule(**fields)
    with pytest.raises(AssertionError, match=message):
        table.TableBackend(held)
