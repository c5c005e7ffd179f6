"""What the tests of all packages share: the backends they run on, and seeded random numbers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable

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


Outcomes = Callable[[str, Iterable[str]], dict[str, tuple[str, str]]]

EVALUATE = """
import sys
from needle.ndarray import NDArray
for call in sys.stdin.read().splitlines():
    print(call, end="\\t", flush=True)
    try:
        result = eval(call)
    except BaseException as error:
        text = str(error).replace(chr(10), ' ')
        print(type(error).__name__, text, sep="\\t", flush=True)
    else:
        print("OK" if isinstance(result, NDArray) else repr(result), "", sep="\\t", flush=True)
"""


@pytest.fixture
def outcomes() -> Outcomes:
    """A function that makes calls, given as text, in a process of its own, after a set-up.

    It returns for each of them the exception's name and message, or what came of it; "OK" for an array. A crash of the
    process is a failure that names the call.
    """

    def run(setup: str, calls: Iterable[str]) -> dict[str, tuple[str, str]]:
        command = [sys.executable, "-c", setup + EVALUATE]
        result = subprocess.run(
            command, input="\n".join(calls), capture_output=True, text=True, check=False, timeout=300
        )
        lines = [line.split("\t") for line in result.stdout.splitlines()]
        problem = f"the process ended at {lines[-1:]}: {result.returncode}, {result.stderr[-2000:]}"
        assert result.returncode == 0, problem
        return {call: (outcome, text) for call, outcome, text in lines}

    return run
