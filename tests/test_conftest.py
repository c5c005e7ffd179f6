"""The fixtures that the tests of all packages share."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TEST = """
def test_on(device): assert device in {"cpu", "numpy"}
def test_off(): pass
"""


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], ["test_on[cpu]", "test_on[numpy]", "test_off"]),
        (["--backend=numpy"], ["test_on[numpy]", "test_off"]),
    ],
)
def test_device_runs_on_each_backend_or_the_one_asked_for(tmp_path: Path, options: list[str], expected: list[str]):
    shutil.copy(Path(__file__).parent.parent / "conftest.py", tmp_path)
    (tmp_path / "test_a.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *options, "test_a.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [line.partition("::")[2] for line in done.stdout.splitlines() if "::" in line] == expected


def test_rng_is_seeded(rng):
    assert rng.integers(0, 1000, 4).tolist() == [850, 636, 511, 269]
