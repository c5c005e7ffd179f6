"""Initialisers: bounds, distribution, and the same numbers for the same seed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import needle.ndarray as nd
from needle import nn
from needle.nn import init


def test_layers_start_within_their_bounds(device: str):
    nd.random.manual_seed(0)
    for layer, fan in ((nn.Linear(100, 50, device=device), 100), (nn.Conv2d(8, 40, 5, groups=2, device=device), 100)):
        bound = 1 / math.sqrt(fan)
        values = layer.weight.numpy()
        assert abs(values).max() <= bound
        assert values.max() > 0.98 * bound
        assert values.min() < -0.98 * bound
        assert abs(values.mean()) < 0.05 * bound
        assert layer.bias is not None
        assert 0.8 * bound < abs(layer.bias.numpy()).max() <= bound


def test_the_same_seed_gives_the_same_model_on_every_device():
    weights: list[Any] = []
    for device, seed in (("cpu", 1), ("numpy", 1), ("cpu", 2)):
        nd.random.manual_seed(seed)
        weights.append(nn.Sequential(nn.Linear(3, 4, device=device), nn.Linear(4, 2, device=device))[1].weight.tolist())  # type: ignore[attr-defined]
    assert weights[0] == weights[1]
    assert weights[0] != weights[2]


@pytest.mark.parametrize(
    ("settings", "bound"),
    [
        ({}, math.sqrt(6 / 50)),
        ({"a": math.sqrt(5)}, 1 / math.sqrt(50)),
        ({"nonlinearity": "relu", "mode": "fan_out"}, math.sqrt(6 / 400)),
        ({"nonlinearity": "linear"}, math.sqrt(3 / 50)),
    ],
)
def test_kaiming_uniform(settings: dict[str, Any], bound: float):
    weight = nn.Parameter(nd.empty((40, 5, 5, 2)))
    assert init.kaiming_uniform_(weight, **settings) is weight
    largest = abs(weight.numpy()).max()
    assert 0.98 * bound < largest <= np.float32(bound)


@pytest.mark.parametrize(
    ("name", "settings", "std"),
    [
        ("normal_", {"std": 0.3}, 0.3),
        ("xavier_normal_", {}, math.sqrt(2 / (100 + 800))),
        ("xavier_normal_", {"gain": 2.0}, 2 * math.sqrt(2 / (100 + 800))),
        ("xavier_uniform_", {"gain": 2.0}, 2 * math.sqrt(2 / (100 + 800))),
        ("kaiming_normal_", {}, math.sqrt(2 / 100)),
        ("kaiming_normal_", {"a": math.sqrt(5)}, math.sqrt(1 / 300)),
        ("kaiming_normal_", {"nonlinearity": "relu", "mode": "fan_out"}, math.sqrt(2 / 800)),
        ("kaiming_normal_", {"nonlinearity": "linear"}, 0.1),
    ],
)
def test_spread_of_weights(name: str, settings: dict[str, Any], std: float, device: str):
    nd.random.manual_seed(0)
    weight = nn.Parameter(nd.empty((80, 10, 5, 2), device=device))
    assert getattr(init, name)(weight, **settings) is weight
    values = weight.numpy()
    assert values.std() == pytest.approx(std, rel=0.03)  # the standard error is 0.8 %
    assert abs(values.mean()) < 5 * std / math.sqrt(values.size)
    # Uniform numbers end at sqrt(3) standard deviations; a normal one in twelve lies beyond.
    assert np.mean(abs(values) > 1.74 * std) == pytest.approx(0 if "uniform" in name else 0.082, abs=0.015)


def test_trunc_normal(device: str):
    nd.random.manual_seed(0)
    weight = nn.Parameter(nd.empty((100, 100), device=device))
    assert init.trunc_normal_(weight, 1.0, 2.0, a=-1.0, b=1.0) is weight
    values = weight.numpy()
    assert values.min() == pytest.approx(-1, abs=0.01)
    assert values.max() == pytest.approx(1, abs=0.01)
    # mean - std * (density(b) - density(a)) / (cdf(b) - cdf(a)) in standard units, that is for -1 and 0
    expected = 1 - 2 * (0.39894228 - 0.24197072) / 0.34134475
    assert values.mean() == pytest.approx(expected, abs=0.03)
    init.trunc_normal_(weight)
    assert 1.9 < abs(weight.numpy()).max() <= 2


def test_dtypes_are_kept(device: str):
    for fill in (init.normal_, init.trunc_normal_, init.xavier_normal_, init.kaiming_normal_):
        weight = nn.Parameter(nd.empty((3, 4), nd.float16, device))
        assert fill(weight).dtype is nd.float16


def test_bad_spreads_are_refused():
    weight = nn.Parameter(nd.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"\[normal\] std is out of range; got -1.0; expected finite numbers >= 0"):
        init.normal_(weight, std=-1.0)
    with pytest.raises(ValueError, match=r"\[truncated_normal\] lower is above upper; got lower 1.0, upper 0.0"):
        init.trunc_normal_(weight, a=1.0, b=0.0)
    with pytest.raises(ValueError, match=r"\[kaiming_normal_\] unknown nonlinearity; got 'gelu'; expected leaky_relu,"):
        init.kaiming_normal_(weight, nonlinearity="gelu")  # type: ignore[arg-type]
    assert weight.tolist() == [[0, 0]] * 3


def test_constants():
    weight = nn.Parameter(nd.empty((2,)))
    assert init.ones_(weight).tolist() == [1, 1]
    assert init.zeros_(weight).tolist() == [0, 0]
    assert init.constant_(weight, 0.5).tolist() == [0.5, 0.5]
    assert weight.requires_grad


def test_what_has_no_fan_is_refused():
    with pytest.raises(ValueError, match=r"\[fan\] not a weight; got shape \(3,\); expected \(out, in, \.\.\.\)"):
        init.kaiming_uniform_(nn.Parameter(nd.zeros((3,))))
    weight = nn.Parameter(nd.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"\[fan\] unknown mode; got 'fan'"):
        init.kaiming_uniform_(weight, mode="fan")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"unknown nonlinearity; got 'gelu'"):
        init.kaiming_uniform_(weight, nonlinearity="gelu")  # type: ignore[arg-type]
