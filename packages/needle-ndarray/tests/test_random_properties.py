"""The distributions: what holds for every number that they give."""

from __future__ import annotations

import math

import numpy as np

from needle import ndarray as nd
from needle.ndarray.random import Generator
from needle.ndarray.random.discrete import alias_table


def test_array_parameters_are_those_of_each_element(device: str) -> None:
    mean, std = nd.asarray([0.0, 10.0], device=device), nd.asarray([[1.0], [0.5], [0.0]], device=device)
    x = Generator(5, device).normal((3, 2), mean, std, nd.float64)
    z = Generator(5, device).normal((3, 2), dtype=nd.float64)
    assert x.tolist() == (z * std.astype(nd.float64) + mean.astype(nd.float64)).tolist()
    u = Generator(5, device).uniform((3, 2), mean, mean + std)
    assert (u.dtype, u.shape) == (nd.float32, (3, 2))
    assert nd.all((u >= mean) & ((u < mean + std) | (std == 0))).item()
    b = Generator(5, device).bernoulli(nd.asarray([0, 1], device=device), (50, 2))
    assert nd.sum(b.astype(nd.int64), axis=0).tolist() == [0, 50]


def test_truncated_normal_stays_inside(device: str) -> None:
    g = Generator(5, device)
    for lower, upper in [(-2.0, 2.0), (0.1, 0.2), (5.0, 5.5), (-36.0, -35.9), (20.0, math.inf), (1.0, 1.0)]:
        for dtype in (nd.float32, nd.float64):
            x = g.truncated_normal(2000, lower, upper, dtype=dtype)
            low, high = (nd.asarray(bound, dtype, device) for bound in (lower, upper))
            assert nd.all((x >= low) & (x <= high)).item()
            if lower < upper:
                assert len(set(x.tolist())) > 500
    assert g.truncated_normal(1000, -math.inf, math.inf).size == 1000
    narrow = g.truncated_normal(2000, 3.0, 3.0 + 2**-50, dtype=nd.float64)
    assert nd.all((narrow >= 3) & (narrow <= 3.0 + 2**-50)).item()


def test_dirichlet_vectors_add_up_to_one(device: str) -> None:
    g = Generator(5, device)
    for alpha in ([2.0], [1e-310, 1e-310], [0.5, 0.5], [1e-5] * 7, nd.ones((3, 1, 4), device=device)):
        x = g.dirichlet((3, 2), alpha, nd.float64)
        assert x.shape == (3, 2, 4 if isinstance(alpha, nd.NDArray) else len(alpha))
        np.testing.assert_allclose(x.numpy().sum(-1), 1, rtol=1e-14)


def test_permutation_of_an_array(device: str) -> None:
    x = nd.arange(12, device=device).reshape(3, 4)
    order = Generator(5, device).permutation(4)
    shuffled = Generator(5, device).permutation(x, axis=-1)
    assert shuffled.tolist() == nd.take(x, order, axis=1).tolist() != x.tolist()
    assert x.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]


def test_choice(device: str) -> None:
    g = Generator(5, device)
    a = nd.arange(12, device=device).reshape(6, 2)
    assert g.choice(a).shape == (2,)
    assert g.choice(a, (3, 5)).shape == (3, 5, 2)
    assert g.choice(6).shape == ()
    assert sorted(g.choice(a[:, 0], 6, replace=False).tolist()) == [0, 2, 4, 6, 8, 10]
    p = [0.0, 0.5, 0.0, 0.25, 0.25, 0.0]
    assert sorted(g.choice(6, 3, replace=False, p=p).tolist()) == [1, 3, 4]
    assert set(g.choice(6, 2000, p=nd.asarray(p, device=device)).tolist()) == {1, 3, 4}
    assert set(g.choice(1, 10, p=[1]).tolist()) == {0}
    assert g.choice(3, (0, 2)).shape == (0, 2)


def test_alias_tables_have_the_probabilities_that_they_are_made_of(rng: np.random.Generator) -> None:
    for n in (1, 2, 3, 49, 1000):
        for weights in (
            rng.random(n),
            rng.random(n) ** 20,
            np.ones(n),
            rng.random(n) * (rng.random(n) < 0.3) + np.eye(n)[0],
        ):
            p = (weights / weights.sum()).tolist()
            shares, aliases = alias_table(p)
            total = np.array(shares)
            np.add.at(total, aliases, 1 - np.array(shares))
            np.testing.assert_allclose(total / n, p, rtol=1e-9, atol=1e-15 * n)
            assert all(shares[i] == 0 and p[aliases[i]] > 0 for i in range(n) if p[i] == 0)


def test_categorical(device: str) -> None:
    g = Generator(5, device)
    logits = nd.asarray([[0.0, -math.inf], [-math.inf, 1000.0]], device=device)
    assert g.categorical(logits).tolist() == [0, 1]
    assert g.categorical(logits, (3, 2)).tolist() == [[0, 1]] * 3
    assert g.categorical(logits[0]).shape == ()
    assert g.categorical(nd.zeros((0, 3), device=device)).shape == (0,)
