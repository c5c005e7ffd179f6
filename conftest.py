"""What the tests of all packages share: the backends they run on, and seeded random numbers."""

from __future__ import annotations

import numpy as np
import pytest

BACKENDS = ("cpu", "numpy")


# Not `--device`, which belongs to the conformance kit: both are registered when the kit is run from here.
def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--backend", choices=BACKENDS, help="run the tests that take a device on this backend alone")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    chosen: str | None = config.getoption("--backend")
    if chosen is None:
        return
    other = [item for item in items if isinstance(item, pytest.Function) and _backend(item) not in (None, chosen)]
    config.hook.pytest_deselected(items=other)
    items[:] = [item for item in items if item not in other]


def _backend(item: pytest.Function) -> str | None:
    value = item.callspec.params.get("device") if hasattr(item, "callspec") else None
    return value if value in BACKENDS else None


@pytest.fixture(params=BACKENDS)
def device(request: pytest.FixtureRequest) -> str:
    """The name of each built-in backend in turn."""
    return request.param


@pytest.fixture
def rng() -> np.random.Generator:
    """NumPy random numbers, the same in every run."""
    return np.random.default_rng(0)
