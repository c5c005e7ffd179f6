"""The distributions: each against its distribution function or probabilities; and the tests notice a wrong one.

A test of significance 1e-6 on a fixed seed: a right sampler fails it for one seed in a million, a wrong one always.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from needle import ndarray as nd
from needle.ndarray.random import Generator

SIGNIFICANCE = 1e-6
N = 100_000

erf = np.vectorize(math.erf, otypes=[np.float64])


def normal(x: Any) -> Any:
    return (1 + erf(x / math.sqrt(2))) / 2


def gamma(a: float) -> Callable[[Any], Any]:
    """The distribution function for a multiple of 1/2, by its recurrence in a."""

    def cdf(x: Any) -> Any:
        at, p = (0.5, erf(np.sqrt(x))) if a % 1 else (1.0, -np.expm1(-x))
        while at < a:
            p = p - x**at * np.exp(-x) / math.gamma(at + 1)
            at += 1
        return p

    return cdf


def kolmogorov_smirnov(x: Any, cdf: Callable[[Any], Any]) -> float:
    """The probability of so large a distance of the empirical distribution from `cdf` (Kolmogorov's series)."""
    p = cdf(np.sort(x.astype(np.float64)))
    n = len(p)
    steps = np.arange(n + 1) / n
    distance = max(np.max(steps[1:] - p), np.max(p - steps[:-1]))
    t = (math.sqrt(n) + 0.12 + 0.11 / math.sqrt(n)) * distance
    return min(1.0, 2 * sum((-1) ** (k - 1) * math.exp(-2 * (k * t) ** 2) for k in range(1, 101))) if t > 0.2 else 1.0


def chi_square(counts: Any, p: Any) -> float:
    """The probability of so large a chi-square of counts against probabilities (by Wilson and Hilferty)."""
    expected = np.asarray(p, float) * np.sum(counts)
    assert np.all(np.asarray(counts)[expected == 0] == 0), "impossible values were drawn"
    counts, expected = np.asarray(counts)[expected > 0], expected[expected > 0]
    freedom = len(expected) - 1
    ratio = np.sum((counts - expected) ** 2 / expected) / freedom
    return math.erfc((ratio ** (1 / 3) - (1 - 2 / (9 * freedom))) / math.sqrt(2 / (9 * freedom)) / math.sqrt(2)) / 2


def test_the_tests_know_the_tables() -> None:
    """Known critical values: of Kolmogorov's distribution 1.3581 at 5 %, of chi-square with 9 degrees 21.666 at 1 %."""
    n = 10_000
    shift = 1.3581 / (math.sqrt(n) + 0.12)
    assert kolmogorov_smirnov(np.arange(n) / n, lambda x: x + shift) == pytest.approx(0.05, rel=0.01)
    deviation = math.sqrt(21.666 * 100 / 2)
    counts = np.array([100 + deviation, 100 - deviation] + [100] * 8)
    assert chi_square(counts, [0.1] * 10) == pytest.approx(0.01, rel=0.03)


# A sampler, its distribution function, and a sampler that is wrong.
Case = tuple[Callable[[Generator], Any], Callable[[Any], Any], Callable[[Generator], Any]]
CONTINUOUS: dict[str, Case] = {
    "uniform": (lambda g: g.uniform(N, -1.0, 3.0), lambda x: (x + 1) / 4, lambda g: g.uniform(N, -1.0, 2.9)),
    "normal": (lambda g: g.normal(N), normal, lambda g: g.normal(N, 0.0, 1.05)),
    "normal, even ones": (lambda g: g.normal(2 * N)[::2], normal, lambda g: abs(g.normal(2 * N)[::2])),
    "normal, odd ones": (lambda g: g.normal(2 * N)[1::2], normal, lambda g: abs(g.normal(2 * N)[1::2])),
    "normal, the sum of two": (
        lambda g: nd.sum(g.normal((N, 2), 1.0, 2.0), axis=1), lambda x: normal((x - 2) / math.sqrt(8)),
        lambda g: g.normal(N, 1.0, 2.0) * 2,
    ),
    "log_normal": (
        lambda g: g.log_normal(N, 1.0, 0.5), lambda x: normal((np.log(x) - 1) * 2), lambda g: g.log_normal(N, 1.0, 0.53)
    ),
    "exponential": (lambda g: g.exponential(N, 2.0), lambda x: -np.expm1(-x / 2), lambda g: g.exponential(N, 2.1)),
    "laplace": (
        lambda g: g.laplace(N, 1.0, 2.0),
        lambda x: np.where(x < 1, np.exp(-abs(x - 1) / 2) / 2, 1 - np.exp(-abs(x - 1) / 2) / 2),
        lambda g: g.laplace(N, 1.0, 2.2),
    ),
    "cauchy": (
        lambda g: g.cauchy(N, 1.0, 2.0), lambda x: np.arctan((x - 1) / 2) / math.pi + 0.5,
        lambda g: g.cauchy(N, 1.0, 2.2),
    ),
    "gumbel": (
        lambda g: g.gumbel(N, 1.0, 2.0), lambda x: np.exp(-np.exp(-(x - 1) / 2)), lambda g: g.gumbel(N, 1.0, 2.2)
    ),
    "truncated_normal": (
        lambda g: g.truncated_normal(N, 0.0, 3.0, 1.0, 2.0),
        lambda x: (normal((x - 1) / 2) - normal(-0.5)) / (normal(1) - normal(-0.5)),
        lambda g: nd.minimum(nd.maximum(g.normal(N, 1.0, 2.0), 0.0), 3.0),
    ),
    # Beyond 10 the tail is all but exponential: P(x) ~ exp(-(x^2 - 100) / 2) * (10 / x) (1 - 1 / x^2) / (1 - 1 / 100)
    "truncated_normal, far out": (
        lambda g: -g.truncated_normal(N, -math.inf, -10.0, dtype=nd.float64),
        lambda x: 1 - np.exp((100 - x * x) / 2) * 10 / x * (1 - x**-2 + 3 * x**-4) / (1 - 1e-2 + 3e-4),
        lambda g: g.exponential(N, 0.11) + 10,
    ),
    "gamma": (lambda g: g.gamma(N, 2.5, 3.0), lambda x: gamma(2.5)(x / 3), lambda g: g.gamma(N, 2.6, 3.0)),
    "gamma, 1": (lambda g: g.gamma(N, 1.0), gamma(1), lambda g: g.gamma(N, 1.05)),
    "gamma, below 1": (lambda g: g.gamma(N, 0.5), gamma(0.5), lambda g: g.gamma(N, 1.5) * g.uniform(N)),
    "gamma, large": (lambda g: g.gamma(N, 40.0), gamma(40), lambda g: g.normal(N, 40.0, math.sqrt(40))),
    "beta": (
        lambda g: g.beta(N, 2.0, 3.0), lambda x: 6 * x**2 - 8 * x**3 + 3 * x**4, lambda g: g.beta(N, 3.0, 2.0)
    ),
    "beta, below 1": (
        lambda g: g.beta(N, 0.5, 0.5), lambda x: np.arcsin(np.sqrt(x)) * 2 / math.pi, lambda g: g.beta(N, 0.52, 0.5)
    ),
    "dirichlet": (
        lambda g: g.dirichlet(N, [0.5, 1.0, 0.5])[:, 1], lambda x: x, lambda g: g.dirichlet(N, [0.5, 1.0, 0.7])[:, 1]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTINUOUS)
def test_continuous(name: str) -> None:
    draw, cdf, wrong = CONTINUOUS[name]
    assert kolmogorov_smirnov(draw(Generator(1, "cpu")).numpy(), cdf) > SIGNIFICANCE
    assert kolmogorov_smirnov(wrong(Generator(1, "cpu")).numpy(), cdf) < SIGNIFICANCE


def counts(x: nd.NDArray, k: int) -> Any:
    return np.bincount(x.numpy().reshape(-1), minlength=k)


def pairs(draw: Callable[[], nd.NDArray], k: int) -> Any:
    """How often each ordered pair came of many draws of two."""
    found = [draw().tolist() for _ in range(4000)]
    return np.bincount([k * i + j for i, j in found], minlength=k * k)


def in_turn(p: list[float]) -> list[float]:
    """The probabilities of ordered pairs that are drawn one after the other without replacement."""
    return [0 if i == j else x * y / (1 - x) for i, x in enumerate(p) for j, y in enumerate(p)]


WEIGHTS = [0.1, 0.0, 0.4, 0.2, 0.3]
LOGITS = [math.log(p) + 3 if p else -math.inf for p in WEIGHTS]
ORDERS = [0 if i == j else 1 / 6 for i in range(3) for j in range(3)]
DISCRETE: dict[str, tuple[Callable[[Generator], Any], list[float], Callable[[Generator], Any]]] = {
    "integers": (
        lambda g: counts(g.integers(0, 10, N), 10), [0.1] * 10, lambda g: counts(g.integers(0, 64, N) % 10, 10)
    ),
    "bernoulli": (
        lambda g: counts(g.bernoulli(0.3, N).astype(nd.int64), 2), [0.7, 0.3],
        lambda g: counts(g.bernoulli(0.32, N).astype(nd.int64), 2),
    ),
    "permutation": (
        lambda g: pairs(lambda: g.permutation(3)[:2], 3), ORDERS,
        lambda g: pairs(lambda: nd.sort(g.permutation(3)[:2]), 3),
    ),
    "choice": (lambda g: counts(g.choice(7, N), 7), [1 / 7] * 7, lambda g: counts(g.integers(0, 64, N) % 7, 7)),
    "choice by weight": (
        lambda g: counts(g.choice(5, N, p=WEIGHTS), 5), WEIGHTS,
        lambda g: counts(g.choice(5, N, p=[0.11, 0, 0.4, 0.2, 0.29]), 5),
    ),
    "choice without replacement": (
        lambda g: pairs(lambda: g.choice(3, 2, replace=False), 3), ORDERS,
        lambda g: pairs(lambda: nd.sort(g.choice(3, 2, replace=False)), 3),
    ),
    "choice without replacement, by weight": (
        lambda g: pairs(lambda: g.choice(5, 2, replace=False, p=WEIGHTS), 5), in_turn(WEIGHTS),
        lambda g: pairs(lambda: nd.flip(g.choice(5, 2, replace=False, p=WEIGHTS)), 5),
    ),
    "categorical": (
        lambda g: counts(g.categorical(nd.asarray(LOGITS, device="cpu"), N), 5), WEIGHTS,
        lambda g: counts(nd.argmax(g.normal((N, 5)) + nd.asarray(LOGITS, device="cpu"), axis=-1), 5),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DISCRETE)
def test_discrete(name: str) -> None:
    draw, p, wrong = DISCRETE[name]
    assert chi_square(draw(Generator(1, "cpu")), p) > SIGNIFICANCE
    assert chi_square(wrong(Generator(1, "cpu")), p) < SIGNIFICANCE


# Mean and variance, where no simple distribution function is at hand.
MOMENTS: dict[str, tuple[Callable[[Generator], Any], float, float]] = {
    "gamma": (lambda g: g.gamma(N, 0.3, 2.0), 0.6, 1.2),
    "gamma, very small": (lambda g: g.gamma(N, 0.01, dtype=nd.float64), 0.01, 0.01),
    "gamma, very large": (lambda g: g.gamma(N, 1e6, dtype=nd.float64), 1e6, 1e6),
    "beta": (lambda g: g.beta(N, 0.3, 1.7), 0.15, 0.15 * 0.85 / 3),
    "beta, both tiny": (lambda g: g.beta(N, 1e-4, 3e-4, nd.float64), 0.25, 0.25 * 0.75 / 1.0004),
    "dirichlet": (lambda g: g.dirichlet(N, [0.2, 3.0, 0.8])[:, 0], 0.05, 0.05 * 0.95 / 5),
    "normal": (lambda g: g.normal(N, 5.0, 0.5), 5.0, 0.25),
    "gumbel": (lambda g: g.gumbel(N), 0.5772156649, math.pi**2 / 6),
}


def moments_off(x: Any, mean: float, variance: float) -> float:
    """By how many standard errors the mean and the variance are off, whichever is more."""
    x = x.numpy().astype(np.float64)
    squares = (x - mean) ** 2
    return max(
        abs(x.mean() - mean) / math.sqrt(variance / N), abs(squares.mean() - variance) / (squares.std() / math.sqrt(N))
    )


@pytest.mark.parametrize("name", MOMENTS)
def test_moments(name: str) -> None:
    draw, mean, variance = MOMENTS[name]
    limit = 5.0  # standard errors: 6e-7 of a normal distribution
    assert moments_off(draw(Generator(2, "cpu")), mean, variance) < limit
    assert moments_off(draw(Generator(2, "cpu")) * 1.3, mean, variance) > limit


def test_split_streams_are_independent() -> None:
    parent = Generator(3, "cpu")
    children = parent.split(3)
    x = [g.uniform(N).numpy() for g in (*children, *children[0].split(1), parent)]
    for i in range(len(x)):
        for j in range(i):
            cells = (x[i] * 16).astype(int) * 16 + (x[j] * 16).astype(int)
            assert chi_square(np.bincount(cells, minlength=256), [1 / 256] * 256) > SIGNIFICANCE / 10
            assert abs(np.corrcoef(x[i], x[j])[0, 1]) < 5 / math.sqrt(N)
    # A stream beside itself, four words on: no correlation, but the streams overlap, which the search below finds.
    assert not any(overlap(x[i], x[j]) for i in range(len(x)) for j in range(i))
    assert overlap(x[0], np.roll(x[0], 5))
    cells = (x[0] * 16).astype(int) * 17
    assert chi_square(np.bincount(cells, minlength=256), [1 / 256] * 256) < SIGNIFICANCE


def overlap(x: Any, y: Any) -> bool:
    """Whether three numbers in a row of x are somewhere in y."""
    rows = [set(zip(z, z[1:], z[2:], strict=False)) for z in (x.tolist(), y.tolist())]
    return bool(rows[0] & rows[1])
