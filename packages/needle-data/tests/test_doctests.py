"""The examples in the docstrings give what they show."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest


@pytest.mark.parametrize("name", ["dataset", "digits", "loader"])
def test_examples(name: str):
    result = doctest.testmod(import_module(f"needle.data.{name}"))
    assert result.attempted > 0
    assert result.failed == 0
