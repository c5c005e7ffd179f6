from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from needle.ndarray.backend import Backend
from needle.ndarray.conformance.kit import Kit
from needle.ndarray.conformance.table import TableBackend
from needle.ndarray.devices import devices, entry_points


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kit" in metafunc.fixturenames:
        names: Any = metafunc.config.getoption("--device", "cpu")
        metafunc.parametrize("kit", names.split(","), indirect=True, scope="session")


@cache
def backend(name: str) -> Backend:
    found = entry_points(name)
    if not found:
        pytest.exit(f"no installed backend is named {name!r}; expected one of {', '.join(devices())}", returncode=4)
    loaded = found[0].load()()
    return loaded if isinstance(loaded, Backend) else TableBackend(loaded)


@pytest.fixture(scope="session")
def kit(request: pytest.FixtureRequest) -> Kit:
    name, _, index = request.param.partition(":")
    return Kit(backend(name), int(index or 0))
