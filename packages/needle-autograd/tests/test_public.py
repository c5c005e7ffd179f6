"""Every public function has a text and one signature."""

from __future__ import annotations

import inspect

import pytest

import needle.autograd as ad

PUBLIC = sorted(name for name, value in vars(ad).items() if callable(value) and not name.startswith("_"))


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_say_what_they_do_and_take(name: str) -> None:
    value = getattr(ad, name)
    assert value.__doc__
    kinds = {name: p.kind for name, p in inspect.signature(value).parameters.items()}
    assert inspect.Parameter.VAR_KEYWORD not in kinds.values()
    assert {name for name, kind in kinds.items() if kind is inspect.Parameter.VAR_POSITIONAL} <= MANY


MANY = {"arrays", "inputs", "primals", "rest"}
"""What a function may take any number of."""


def test_the_functions_are_there() -> None:
    assert {"exp", "sum", "matmul", "conv", "take", "no_grad", "tensor", "Tensor", "gradcheck"} <= set(PUBLIC)
