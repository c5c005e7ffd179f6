"""softmax by its definition; and what it, and the other functions of rows, do not take."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from needle import ndarray as nd
from needle.ndarray.cells import gru_cell, gru_cell_gradient, lstm_cell, lstm_cell_gradient
from needle.ndarray.dot_attention import attention, attention_gradient
from needle.ndarray.normalization import normalize, normalize_gradient
from needle.ndarray.softmax import (
    cross_entropy,
    cross_entropy_gradient,
    log_softmax_gradient,
    softmax_gradient,
)


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


def test_labels_that_do_not_fit(device: str):
    x = nd.ones((4, 3), device=device)
    with pytest.raises(TypeError, match=r"^\[cross_entropy\] wrong dtype of the labels; got int32; expected int64$"):
        cross_entropy(x, nd.zeros(4, dtype=nd.int32, device=device))
    for shape in ((5,), (2,), (4, 3)):
        with pytest.raises(ValueError, match=r"^\[cross_entropy\] wrong shape of the labels; got .*; expected \(4,\)$"):
            cross_entropy(x, nd.zeros(shape, dtype=nd.int64, device=device))


@pytest.mark.parametrize("gradient", [softmax_gradient, log_softmax_gradient])
def test_cotangents_that_do_not_fit(device: str, gradient: Callable[..., nd.NDArray]):
    y, name = nd.ones((4, 3), device=device), gradient.__name__
    with pytest.raises(ValueError, match=rf"^\[{name}\] wrong shape of the cotangent; got \(2, 3\); expected \(4"):
        gradient(y, y[:2])
    with pytest.raises(TypeError, match=rf"^\[{name}\] wrong dtype of the cotangent; got float64; expected float32$"):
        gradient(y, y.astype(nd.float64))


def test_what_other_gradients_do_not_take(device: str):
    x, labels = nd.ones((4, 3), device=device), nd.zeros(4, dtype=nd.int64, device=device)
    losses, sums = cross_entropy(x, labels)
    with pytest.raises(ValueError, match=r"^\[cross_entropy_gradient\] wrong shape of the sums; got \(3,\); expected"):
        cross_entropy_gradient(x, labels, sums[1:], losses)
    out, mean, variance = normalize(x, axes=1)
    assert mean is not None
    with pytest.raises(ValueError, match=r"^\[normalize_gradient\] wrong shape of the mean; got \(2, 1\); expected"):
        normalize_gradient(x, mean[:2], variance, None, out, epsilon=0.1)
    with pytest.raises(ValueError, match=r"^\[normalize\] scale and shift have different shapes; got \(1, 3\) and"):
        normalize(x, x[:1], x[:, :1], axes=1)
    q = nd.ones((1, 1, 2, 3), device=device)
    out, sums = attention(q, q, q, factor=1.0)
    with pytest.raises(ValueError, match=r"^\[attention_gradient\] wrong shape of the sums; got \(1, 1, 1\); expected"):
        attention_gradient(q, q, q, None, out, sums[..., 1:], out, factor=1.0)
    c = nd.zeros((2, 1), device=device)
    x = nd.zeros((2, 4), device=device)
    states, gates = lstm_cell(x, x, c)
    with pytest.raises(ValueError, match=r"^\[lstm_cell_gradient\] wrong shape of the states; got \(1, 2, 1\)"):
        lstm_cell_gradient(gates, c, states[:1], states)
    h, gates = gru_cell(x[:, :3], x[:, :3], c)
    with pytest.raises(ValueError, match=r"^\[gru_cell_gradient\] wrong shape of the cotangent; got \(1, 1\)"):
        gru_cell_gradient(gates, x[:, :3], c, h[:1])
