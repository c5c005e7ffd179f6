"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import layering
import needle.ndarray as nd

DEFAULT = ("needle-ndarray", "needle-autograd", "needle-nn", "needle-data")
PACKAGES = Path(__file__).parent.parent / "packages"
MODULES = {name: path for package in DEFAULT for name, path in layering.modules(PACKAGES / package).items()}
WITH_EXAMPLES = [name for name, path in MODULES.items() if path.suffix == ".py" and ">>> " in path.read_text()]


@pytest.mark.parametrize("name", sorted(WITH_EXAMPLES))
def test_examples(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)  # an example may write a file
    # As after `from needle.x import *`, and with needle.ndarray under the name that all use.
    package = importlib.import_module(".".join(name.split(".")[:2]))
    public = {each: value for each, value in vars(package).items() if not each.startswith("_")}
    failed, tried = doctest.testmod(importlib.import_module(name), extraglobs={**public, "nd": nd})
    assert tried > 0
    assert failed == 0, "the difference is printed above"


def test_there_are_examples():
    assert "needle.ndarray.errors" in WITH_EXAMPLES
