"""softmax: against its definition, and for what it does not take."""

from __future__ import annotations

import numpy as np
import pytest

from needle import ndarray as nd


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_softmax_by_its_definition(device: str, dtype: str, axis: int):
    x = np.random.default_rng(0).normal(size=(3, 7, 40)).astype(dtype)
    powers = np.exp(x.astype(np.float64))
    got = nd.softmax(nd.asarray(x, device=device), axis=axis)
    assert got.dtype.name == dtype
    np.testing.assert_allclose(got.numpy(), powers / powers.sum(axis, keepdims=True), rtol=8 * np.finfo(dtype).eps)


def test_numbers_whose_powers_overflow(device: str):
    assert nd.softmax(nd.asarray([1000.0, 1000.0, -1000.0], device=device)).tolist() == [0.5, 0.5, 0.0]


def test_no_elements(device: str):
    assert nd.softmax(nd.zeros((0, 3), device=device), axis=0).shape == (0, 3)


def test_what_it_does_not_take(device: str):
    with pytest.raises(TypeError, match=r"^\[softmax\] not of a float dtype; got int64; hint: cast with astype$"):
        nd.softmax(nd.arange(3, device=device))
    with pytest.raises(IndexError, match=r"^\[softmax\] axis out of range; got 2; expected -1 to 0$"):
        nd.softmax(nd.ones(3, device=device), axis=2)
    with pytest.raises(IndexError, match=r"^\[softmax\] axis out of range; got -1; expected no axis"):
        nd.softmax(nd.asarray(1.0, device=device))
