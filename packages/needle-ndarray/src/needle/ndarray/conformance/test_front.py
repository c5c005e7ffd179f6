"""The front on the device: that it takes the backend, and what it does by itself, it does through it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from needle import ndarray as nd
from needle.ndarray import _core


@pytest.fixture
def device(request: pytest.FixtureRequest) -> nd.Device:
    return nd.device(request.param)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    names: Any = metafunc.config.getoption("--device", "cpu")
    metafunc.parametrize("device", names.split(","), indirect=True)


def test_the_front_knows_every_operation(device: nd.Device) -> None:
    families = {"unary": _core.unary, "binary": _core.binary, "reduce": ("sum", "prod", "max", "min", "any", "all")}
    families |= {"arg_reduce": ("argmax", "argmin"), "scan": ("sum", "prod"), "scatter": ("set", "add")}
    missing = [
        f"{family} {op}" for family, ops in families.items() for op in ops if not _core.supports(device, family, op)
    ]
    assert not missing


def test_views_and_arithmetic(device: nd.Device) -> None:
    host = np.arange(24, dtype=np.float32).reshape(4, 6)
    x = nd.asarray(host, device=device)
    y = (x[::-2, 1:].T @ x[1:3, ::2])[1:, ::-1] - 2
    want = (host[::-2, 1:].T @ host[1:3, ::2])[1:, ::-1] - 2
    assert y.tolist() == want.tolist()
    y[1:, 0] = nd.sum(x)
    assert y.tolist()[2][0] == host.sum()


def test_an_error_keeps_its_type(device: nd.Device) -> None:
    x = nd.zeros((3,), device=device)
    with pytest.raises(IndexError, match="take"):
        nd.take(x, nd.asarray([3], device=device), axis=0)
    with pytest.raises(MemoryError):
        nd.empty((2**50,), device=device)
