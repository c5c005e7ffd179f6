"""The examples in the docstrings give what they show."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest

MODULES = [
    "nn.checkpoint", "nn.container", "nn.functional", "nn.init", "nn.layers", "nn.module", "nn.summary", "optim.adam",
    "optim.sgd",
]  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str):
    result = doctest.testmod(import_module(f"needle.{name}"))
    assert result.attempted > 0
    assert result.failed == 0
