"""No call leaves an array behind. `./dev leaks` makes more of them and watches the process's memory too."""

from __future__ import annotations

import pytest

import leaks
import needle.ndarray as nd
from needle.ndarray._core import live_buffers


@pytest.fixture(autouse=True)
def default_device():
    before = nd.default_device()
    yield
    nd.set_default_device(before)


def test_no_call_leaves_arrays(device: str):
    found: dict[str, int] = {}
    for name, call in leaks.calls(device):
        call()
        found[name], _ = leaks.left(call, 100)
    assert {name: buffers for name, buffers in found.items() if buffers} == {}
    assert len(found) > 20


def test_a_leak_is_found():
    kept: list[nd.NDArray] = []
    before = live_buffers()
    assert leaks.left(lambda: kept.append(nd.ones(1000, device="cpu")), 50)[0] == 50
    assert live_buffers() == before + 50
