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
    assert "*" not in str(inspect.signature(value)).replace("*inputs", "").replace("*primals", "").replace("*rest", "")


def test_the_functions_are_there() -> None:
    assert {"exp", "sum", "matmul", "conv", "take", "no_grad", "tensor", "Tensor", "gradcheck"} <= set(PUBLIC)
