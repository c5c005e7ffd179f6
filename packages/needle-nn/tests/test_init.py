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
