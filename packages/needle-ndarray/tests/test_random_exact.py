"""The functions behind the distributions: their errors, and the same bits on every device."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pytest

from needle import ndarray as nd
from needle.ndarray import _core
from needle.ndarray.random import continuous, counts, discrete, exact, gammas

WIDE = np.longdouble
HALF_PI = WIDE("1.57079632679489661923132169163975144")
# Otherwise the oracle is no better than what it judges.
needs_extended = pytest.mark.skipif(np.finfo(WIDE).nmant < 60, reason="long double is no wider than double here")


def ulps(x: nd.NDArray, expected: Any) -> float:
    return float(np.max(np.abs(x.numpy() - expected) / np.spacing(np.abs(expected.astype(np.float64)))))


def numbers(rng: np.random.Generator, low: float, high: float) -> Any:
    return np.concatenate([[low, high], rng.uniform(low, high, 50_000)])


@needs_extended
def test_log(device: str, rng: np.random.Generator) -> None:
    tiny = [2.0**-1022, 2.0**-53, 1 - 2.0**-53, 1.0, 1 + 2.0**-52, math.sqrt(0.5), math.sqrt(2), 1.7e308]
    x = np.concatenate([tiny, rng.random(50_000), 1 + numbers(rng, -1e-3, 1e-3), np.exp(numbers(rng, -708, 709))])
    assert ulps(exact.log(nd.asarray(x, device=device)), np.log(x.astype(WIDE))) < 1


@needs_extended
def test_exp(device: str, rng: np.random.Generator) -> None:
    x = np.concatenate([numbers(rng, -708, 709.7), numbers(rng, -1, 1)])
    assert ulps(exact.exp(nd.asarray(x, device=device)), np.exp(x.astype(WIDE))) < 1.2


def test_exp_beyond_the_normal_numbers(device: str) -> None:
    x = nd.asarray([-math.inf, -800.0, -745.0, -740.0, -710.0, 709.7, 710.0, math.inf], nd.float64, device)
    y = exact.exp(x).tolist()
    assert y[:2] == [0, 0]
    assert y[2:5] == pytest.approx([math.exp(-745), math.exp(-740), math.exp(-710)], rel=1e-12, abs=2.0**-1074)
    assert y[5] == pytest.approx(math.exp(709.7), rel=1e-15)
    assert y[6:] == [math.inf, math.inf]


@needs_extended
def test_log1p(device: str, rng: np.random.Generator) -> None:
    x = np.concatenate([numbers(rng, -0.5, 10), -np.exp(numbers(rng, -60, -1)), [1e-300, -1e-300, 2.0**-53, 1e15]])
    assert ulps(exact.log1p(nd.asarray(x, device=device)), np.log1p(x.astype(WIDE))) < 4
    assert exact.log1p(nd.asarray([0.0], nd.float64, device)).tolist() == [0]


def test_log_factorial_excess(device: str) -> None:
    k = [*range(1, 40), 100, 1000, 2500]
    expected = [float(Decimal(math.factorial(n)).ln() - n * (Decimal(n).ln() - 1)) for n in k]
    found = exact.log_factorial_excess(nd.asarray([0, *k], nd.float64, device)).tolist()
    assert found[0] == 0
    np.testing.assert_allclose(found[1:], expected, rtol=1e-14, atol=1e-14)


def test_deviance(device: str, rng: np.random.Generator) -> None:
    mean = np.exp(rng.uniform(0, 34, 300))
    x = np.round(mean + rng.normal(size=300) * np.sqrt(mean) * np.array([0.01, 1, 5] * 100)).clip(1)
    with localcontext() as context:
        context.prec = 60
        pairs = [(Decimal(k), Decimal(m)) for k, m in zip(x.tolist(), mean.tolist(), strict=True)]
        expected = [float(k * (k / m).ln() - (k - m)) for k, m in pairs]
    found = exact.deviance(*(nd.asarray(z, device=device) for z in (x, mean))).tolist()
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)
    assert exact.deviance(nd.asarray([0.0], nd.float64, device), nd.asarray(7.0, nd.float64, device)).tolist() == [7]


@needs_extended
def test_sin_cos(device: str, rng: np.random.Generator) -> None:
    x = numbers(rng, -0.5, 0.5)
    sine, cosine = exact.sin_cos(nd.asarray(x, device=device))
    assert ulps(sine, np.sin(x * HALF_PI)) < 2
    assert ulps(cosine, np.cos(x * HALF_PI)) < 2


def test_normal_cdf(device: str, rng: np.random.Generator) -> None:
    x = np.concatenate([numbers(rng, -37, 8), numbers(rng, -1, 1), [-5.657, -5.656, -0.675, -0.674]])
    expected = np.array([math.erfc(-t / math.sqrt(2)) / 2 for t in x])
    # The oracle's argument has an error of its own, which its result multiplies by about x^2.
    allowed = (1e-14 + 2**-52 * x * x) * expected
    assert np.all(np.abs(exact.normal_cdf(nd.asarray(x, device=device)).numpy() - expected) < allowed)
    ends = nd.asarray([-math.inf, math.inf], nd.float64, device)
    assert exact.normal_cdf(ends).tolist() == [0, 1]


def test_normal_quantile_undoes_the_cdf(device: str, rng: np.random.Generator) -> None:
    x = np.concatenate([numbers(rng, -37, 4), numbers(rng, -1, 1)])
    p = np.array([math.erfc(-t / math.sqrt(2)) / 2 for t in x])
    y = exact.normal_quantile(nd.asarray(p, device=device)).numpy()
    # An error e of p moves the quantile by e / density.
    density = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    allowed = 1e-15 * (1 + np.abs(x)) + 2e-16 * (2 + x * x) * p / density
    assert np.all(np.abs(y - x) < allowed)


FUNCTIONS: dict[str, tuple[Callable[[Any], Any], float, float]] = {
    "log": (exact.log, 1e-300, 1e300),
    "exp": (exact.exp, -750, 720),
    "log1p": (exact.log1p, -0.5, 3),
    "log_factorial_excess": (lambda x: exact.log_factorial_excess(nd.floor(x)), 0, 100),
    "deviance": (lambda x: exact.deviance(nd.floor(x), x), 1, 100),
    "sine": (lambda x: exact.sin_cos(x)[0], -0.5, 0.5),
    "cosine": (lambda x: exact.sin_cos(x)[1], -0.5, 0.5),
    "normal_cdf": (exact.normal_cdf, -41, 41),
    "normal_quantile": (exact.normal_quantile, 1e-300, 1 - 2**-53),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_devices_give_the_same_bits(name: str, rng: np.random.Generator) -> None:
    function, low, high = FUNCTIONS[name]
    x = numbers(rng, low, high)
    results = [function(nd.asarray(x, device=device)).numpy() for device in ("cpu", "numpy")]
    np.testing.assert_array_equal(results[0].view(np.int64), results[1].view(np.int64))


@pytest.mark.parametrize("name", ["log", "log1p", "exp", "sin", "cos", "pow", "tanh", "erf"])
def test_nothing_calls_the_backends_library(name: str) -> None:
    """Its last bits differ between backends, so none of the modules has its functions."""
    assert all(not hasattr(module, name) for module in (continuous, counts, discrete, gammas))
    assert getattr(exact, name, None) is not getattr(_core, name)


def test_bitcast(device: str) -> None:
    x = nd.asarray([1.0, -0.0, math.inf], nd.float64, device)
    bits = _core.bitcast(x, nd.int64)
    assert bits.shares_buffer(x)
    assert bits.tolist() == [0x3FF << 52, -(2**63), 0x7FF << 52]
    assert _core.bitcast(bits[::-1][:2], nd.float64).tolist() == [math.inf, 0.0]
    assert _core.bitcast(nd.asarray([True], device=device), nd.uint8).tolist() == [1]
    for source, target in ((x, nd.float32), (nd.zeros(2, nd.uint8, device), nd.bool)):
        with pytest.raises(TypeError, match=r"\[bitcast\] the bits do not make such elements; got .* as .*; expected"):
            _core.bitcast(source, target)
