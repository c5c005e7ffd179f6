"""Composites: the same bits for any number of threads, and what they do not take."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from needle import ndarray as nd
from needle.ndarray.cells import gru_cell, gru_cell_gradient, lstm_cell, lstm_cell_gradient
from needle.ndarray.dot_attention import attention, attention_gradient
from needle.ndarray.normalization import normalize, normalize_gradient
from needle.ndarray.softmax import (
    cross_entropy,
    cross_entropy_gradient,
    log_softmax,
    log_softmax_gradient,
    softmax,
    softmax_gradient,
)

NDArrays = Sequence[nd.NDArray | None]


def random(*shape: int, seed: int = 0) -> nd.NDArray:
    return nd.asarray(np.random.default_rng(seed).normal(size=shape).astype(np.float32), device="cpu")


def shares() -> NDArrays:
    x, ct = random(300, 500), random(300, 500, seed=1)
    each = [(f(x, axis=axis), g(x, ct, axis=axis)) for f, g in SHARES for axis in (0, 1)]
    return [array for pair in each for array in pair]


SHARES = ((softmax, softmax_gradient), (log_softmax, log_softmax_gradient))


def losses() -> NDArrays:
    x, labels = random(300, 500), nd.asarray(np.arange(300), device="cpu")
    found, sums = cross_entropy(x, labels)
    return [found, sums, cross_entropy_gradient(x, labels, sums, found)]


def norms() -> NDArrays:
    results: list[nd.NDArray | None] = []
    for shape, axes, parameters in (((400, 600), (1,), (1, 600)), ((20, 30, 400), (0, 2), (1, 30, 1))):
        x, scale = random(*shape), random(*parameters, seed=1)
        out, mean, variance = normalize(x, scale, scale, axes=axes)
        gradients = normalize_gradient(x, mean, variance, scale, out, epsilon=1e-5, parameters=parameters)
        results += [out, mean, variance, *gradients]
    return results


def heads() -> NDArrays:
    q, k, v = (random(2, n, 150, 16, seed=n) for n in (4, 2, 2))
    out, sums = attention(q, k, v, factor=0.25, reach=0)
    return [out, sums, *attention_gradient(q, k, v, None, out, sums, q, factor=0.25, reach=0)]


def cells() -> NDArrays:
    state, four, three = random(300, 100), random(300, 400), random(300, 300)
    out, gates = lstm_cell(four, four, state)
    fresh, parts = gru_cell(three, three, state)
    return [
        *(out, gates, *lstm_cell_gradient(gates, state, out, out)),
        *(fresh, parts, *gru_cell_gradient(parts, three, state, state)),
    ]


@pytest.mark.parametrize("compute", [shares, losses, norms, heads, cells])
def test_the_same_bits_for_any_number_of_threads(compute: Callable[[], NDArrays]):
    before = nd.get_num_threads()
    results: list[list[bytes]] = []
    try:
        for threads in (1, 2, 3, 8):
            nd.set_num_threads(threads)
            results.append([x.numpy().tobytes() for x in compute() if x is not None])
    finally:
        nd.set_num_threads(before)
    assert all(each == results[0] for each in results)


def test_what_normalize_does_not_take(device: str):
    x = nd.ones((2, 3), device=device)
    with pytest.raises(TypeError, match=r"^\[normalize\] not of one float dtype; got int64; hint: cast with astype$"):
        normalize(nd.arange(3, device=device), axes=0)
    with pytest.raises(TypeError, match=r"^\[normalize\] not of one float dtype; got float32 and float64; "):
        normalize(x, nd.ones((1, 3), dtype=nd.float64, device=device), axes=0)
    message = r"^\[normalize\] scale or shift does not fit x; got \(3,\) for x \(2, 3\); expected extents of x or 1$"
    with pytest.raises(ValueError, match=message):
        normalize(x, None, nd.ones(3, device=device), axes=0)
    with pytest.raises(IndexError, match=r"^\[normalize\] axis out of range; got 2; expected -2 to 1$"):
        normalize(x, axes=2)


def test_normalize_of_nothing(device: str):
    found = normalize(nd.ones((2, 0), device=device), axes=1)
    assert found.out.shape == (2, 0)
    assert np.isnan(found.variance.numpy()).all()


def test_a_label_that_is_no_class(device: str):
    with pytest.raises(IndexError, match=r"out of range; got 3.*expected.*-3"):
        cross_entropy(nd.ones((2, 3), device=device), nd.asarray([0, 3], device=device))


def test_what_attention_does_not_take(device: str):
    q, mask = nd.ones((1, 2, 3, 4), device=device), nd.ones((1, 1, 3, 3), dtype=nd.int8, device=device)
    with pytest.raises(
        TypeError, match=r"^\[attention\] dtypes do not fit; got .* int8; expected one float dtype, or b"
    ):
        attention(q, q, q, mask, factor=1.0)
    with pytest.raises(ValueError, match=r"^\[attention\] shapes do not fit; got q \(1, 2, 3, 4\), k .*multiple of G$"):
        attention(q, nd.ones((1, 3, 3, 4), device=device), nd.ones((1, 3, 3, 4), device=device), factor=1.0)


def test_attention_to_nothing(device: str):
    q, k = nd.ones((1, 1, 9, 4), device=device), nd.ones((1, 1, 0, 4), device=device)
    out, _ = attention(q, k, k, factor=1.0)
    assert out.tolist() == [[[[0.0] * 4] * 9]]


def test_what_cells_do_not_take(device: str):
    x, state = nd.ones((2, 12), device=device), nd.ones((2, 3), device=device)
    with pytest.raises(
        ValueError, match=r"^\[gru_cell\] shapes do not fit; got \(2, 12\) and .*\(N, 3 U\) and \(N, U\)$"
    ):
        gru_cell(x, x, state)
    with pytest.raises(
        TypeError, match=r"^\[lstm_cell\] not of one float dtype; got float32 and float32 and float64; "
    ):
        lstm_cell(x, x, state.astype(nd.float64))
