"""The optional functions, on those backends that have them: every dtype and layout, and lines of many lengths."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from needle.ndarray.conformance import samples
from needle.ndarray.conformance.elements import FLOATS, Array, decode, encode, tolerance
from needle.ndarray.conformance.kit import Kit, compare
from needle.ndarray.conformance.layouts import pairings


def check_softmax(
    kit: Kit, x: Array, dtype: str, axis: int, layout: str = "contiguous", to: str = "contiguous"
) -> None:
    a, y = kit.put(x, dtype, layout), kit.out(x.shape, dtype, to)
    with np.errstate(invalid="ignore"):
        numbers = decode(a.elements, dtype).astype(np.longdouble)
        distance = numbers - numbers.max(axis, keepdims=True) if x.size else numbers
        shares = np.exp(distance) / np.exp(distance).sum(axis, keepdims=True)
        magnitude = np.nan_to_num(shares * (1 - distance))  # the distance is rounded too
    near = tolerance(dtype, x.shape[axis], magnitude)
    (got,) = kit.composite("softmax", [a], [y], [axis])
    assert got is not None
    compare(f"softmax({a}, axis={axis})", got, encode(shares, dtype), dtype, **near)


@pytest.mark.parametrize("dtype", FLOATS)
def test_softmax(kit: Kit, dtype: str) -> None:
    x = samples.finite(dtype, samples.SHAPE)
    for axis, ((layout,), to) in product(range(3), pairings(1)):
        check_softmax(kit, x, dtype, axis, layout, to)
    for n in (0, 1, 7, 8, 9, 511, 512, 513, 2_000):
        check_softmax(kit, samples.finite(dtype, (3, n)), dtype, 1)
    special = encode(np.array([[1, np.inf, 0], [1, -np.inf, 0], [np.nan, 1, 2], [-np.inf] * 3]), dtype)
    check_softmax(kit, special, dtype, 1)
