"""Numbers of events and wide integers: against their probabilities; and the tests notice a wrong sampler."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from needle import ndarray as nd
from needle.ndarray.random import Generator

N = 50_000
LIMIT = 5.0  # standard errors: 6e-7 of a normal distribution


def log_poisson(k: int, rate: float) -> float:
    return k * math.log(rate) - rate - math.lgamma(k + 1)


def log_binomial(k: int, n: int, p: float) -> float:
    return math.log(math.comb(n, k)) + k * math.log(p) + (n - k) * math.log(1 - p)


def worst_cell(counts: Any, p: Any) -> float:
    """By how many standard errors the worst of about 50 cells of neighbours is off its expectation."""
    total = np.sum(counts)
    cells = np.floor(np.cumsum(p) * 50).astype(int)
    found, expected = np.bincount(cells, counts), np.bincount(cells, p) * total
    used = expected > 5
    assert expected[used].sum() > 0.99 * total
    return float(np.max(np.abs(found - expected)[used] / np.sqrt(expected[used])))


def masses(log_mass: Any, mean: float, most: float) -> Any:
    """The probabilities of 0 up to where they are negligible."""
    return np.exp([log_mass(k) for k in range(int(min(most, mean + 12 * math.sqrt(mean) + 30)) + 1)])


RATES = [1e-3, 0.7, 3.0, 9.99, 10.0, 12.5, 40.0, 1000.0]
TRIALS = [(1, 0.3), (7, 0.5), (40, 0.2), (20, 0.5), (30, 0.93), (100, 0.1), (1000, 0.35), (1000, 0.97), (10**6, 2e-6)]


@pytest.mark.parametrize("rate", RATES)
def test_poisson(rate: float) -> None:
    p = masses(lambda k: log_poisson(k, rate), rate, math.inf)
    for off, low, high in ((0.0, 0.0, LIMIT), (0.06, LIMIT, math.inf)):
        if rate < 0.01 and off:
            continue  # too few events to notice
        x = Generator(1, "cpu").poisson(rate * (1 + off), N).numpy()
        assert low <= worst_cell(np.bincount(x, minlength=len(p))[: len(p)], p) <= high


@pytest.mark.parametrize(("n", "p"), TRIALS)
def test_binomial(n: int, p: float) -> None:
    mass = masses(lambda k: log_binomial(k, n, p), n * p, n)
    for wrong, low, high in ((p, 0.0, LIMIT), (p * 0.93, LIMIT, math.inf)):
        x = Generator(1, "cpu").binomial(n, wrong, N).numpy()
        assert x.max() <= n
        assert low <= worst_cell(np.bincount(x, minlength=len(mass))[: len(mass)], mass) <= high


@pytest.mark.parametrize("rate", [5.0, 3e3, 1e6, 2.0**32, 1e12, 2.0**50])
def test_large_numbers_are_spread_as_a_normal_distribution(rate: float) -> None:
    """The skewness falls with the root of the rate: too small to notice where there are no tables of probabilities."""
    g = Generator(3, "cpu")
    for x, mean, variance in (
        (g.poisson(rate, N), rate, rate),
        (g.binomial(min(rate * 4, 2.0**50), 0.25, N), min(rate, 2.0**48), min(rate, 2.0**48) * 0.75),
        (g.binomial(min(rate * 4, 2.0**50), 0.75, N), min(rate, 2.0**48) * 3, min(rate, 2.0**48) * 0.75),
    ):
        z = (x.numpy() - mean) / math.sqrt(variance)
        assert abs(z.mean()) < LIMIT / math.sqrt(N)
        assert abs((z * z).mean() - 1) < LIMIT * math.sqrt((2 + 1 / variance) / N)
        assert rate < 100 or abs((np.abs(z) < 1).mean() - 0.6827) < LIMIT * math.sqrt(0.22 / N) + 1 / math.sqrt(
            variance
        )


def test_counts_at_the_ends(device: str) -> None:
    g = Generator(4, device)
    for p, successes in ((0.0, 0), (1.0, 1)):
        for n in (0, 1, 5, 1000, 2**50):
            assert g.binomial(n, p, 3).tolist() == [n * successes] * 3
    assert g.poisson(0.0, 3).tolist() == [0, 0, 0]
    assert g.poisson(1e-300, 3).tolist() == [0, 0, 0]
    assert g.binomial(2**50, 1e-300, 3).tolist() == [0, 0, 0]
    assert g.poisson(3.0, (2, 0)).shape == (2, 0)
    assert g.poisson(3.0, ()).shape == ()
    assert g.multinomial(7, [1.0]).tolist() == [7]
    assert g.multinomial(7, [0.0, 1.0, 0.0], 2).tolist() == [[0, 7, 0]] * 2
    assert g.multinomial(0, [0.5, 0.5], (2, 0)).shape == (2, 0, 2)


def test_counts_of_arrays(device: str) -> None:
    g = Generator(4, device)
    rate = nd.asarray([0.0, 2.0, 100.0], device=device)
    x = g.poisson(rate, (5000, 3))
    assert (x.dtype, x.shape) == (nd.int64, (5000, 3))
    np.testing.assert_allclose(x.numpy().mean(0), [0, 2, 100], atol=1)
    n, p = nd.asarray([[3], [200]], device=device), nd.asarray([0.0, 0.4, 0.9, 1.0], nd.float64, device)
    mean = g.binomial(n, p, (4000, 2, 4)).numpy().mean(0)
    np.testing.assert_allclose(mean, n.numpy() * p.numpy(), atol=1)
    np.testing.assert_allclose(mean[0], [0, 1.2, 2.7, 3], atol=0.1)


def test_multinomial(device: str) -> None:
    p = [0.2, 0.0, 0.5, 0.1, 0.2]
    x = Generator(4, device).multinomial(60, p, (4000,))
    assert (x.dtype, x.shape) == (nd.int64, (4000, 5))
    a = x.numpy()
    assert np.all(a.sum(1) == 60)
    assert a.min() >= 0
    covariance = 60 * (np.diag(p) - np.outer(p, p))
    np.testing.assert_allclose(a.mean(0), 60 * np.array(p), atol=0.3)
    np.testing.assert_allclose(np.cov(a.T), covariance, atol=1.2)
    n = nd.asarray([3, 10], device=device)
    assert nd.all(nd.sum(Generator(4, device).multinomial(n, nd.asarray(p, device=device), (9, 2)), axis=-1) == n)


WIDE: list[tuple[int, int, nd.DType]] = [
    (0, 2**32 + 1, nd.int64),
    (-(2**40), 2**40 + 7, nd.int64),
    (-(2**63), 2**63, nd.int64),
    (-(2**63), 2**62 + 1, nd.int64),
    (0, 2**64, nd.uint64),
    (2**63 - 5, 2**64, nd.uint64),
    (1, 3 * 2**62, nd.uint64),
]


@pytest.mark.parametrize(("low", "high", "dtype"), WIDE)
def test_wide_integers_are_uniform(device: str, low: int, high: int, dtype: nd.DType) -> None:
    x = Generator(4, device).integers(low, high, (2, 10_000), dtype)
    assert (x.shape, x.dtype) == ((2, 10_000), dtype)
    numbers: list[int] = [n for row in x.tolist() for n in row]
    assert low <= min(numbers) <= max(numbers) < high
    cells = np.bincount([(n - low) * 64 // (high - low) for n in numbers], minlength=64)
    assert np.sum((cells - 20_000 / 64) ** 2) / (20_000 / 64) < 63 + LIMIT * math.sqrt(2 * 63)
    assert abs(np.mean([n % 2 for n in numbers]) - 0.5) < LIMIT * 0.5 / math.sqrt(20_000)


def test_wide_integers_are_not_biased() -> None:
    """A multiplication of 64 bits would give one number in three twice as often here."""
    x = Generator(4, "cpu").integers(0, 3 * 2**62, N, nd.uint64).numpy()
    thirds = np.bincount((x % np.uint64(3)).astype(int), minlength=3)
    assert np.max(np.abs(thirds - N / 3)) < LIMIT * math.sqrt(N * 2 / 9)


@pytest.mark.parametrize("name", ["int8", "int16", "int32", "uint8", "uint16", "uint32"])
def test_narrow_integers_are_the_wide_ones(device: str, name: str) -> None:
    dtype = getattr(nd, name)
    limits = nd.iinfo(dtype)
    for low, high in ((limits.min, limits.max + 1), (limits.max - 3, limits.max + 1), (0, 100)):
        x = Generator(4, device).integers(low, high, 1000, dtype)
        assert x.dtype is dtype
        assert x.tolist() == Generator(4, device).integers(low, high, 1000).tolist()
