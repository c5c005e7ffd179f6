"""Every public function has a text and one signature."""

from __future__ import annotations

import inspect

import pytest

import needle.autograd as ad
import needle.ndarray as nd

PUBLIC = sorted(name for name, value in vars(ad).items() if callable(value) and not name.startswith("_"))
INSIDE = [
    (space, name) for space in ("linalg", "fft") for name, value in vars(getattr(ad, space)).items()
    if inspect.isfunction(value)
]  # fmt: skip


@pytest.mark.parametrize(("space", "name"), [*(("", name) for name in PUBLIC), *INSIDE])
def test_public_names_say_what_they_do_and_take(space: str, name: str) -> None:
    value = getattr(getattr(ad, space, ad), name)
    assert value.__doc__
    kinds = {name: p.kind for name, p in inspect.signature(value).parameters.items()}
    assert inspect.Parameter.VAR_KEYWORD not in kinds.values()
    assert {name for name, kind in kinds.items() if kind is inspect.Parameter.VAR_POSITIONAL} <= MANY


MANY = {"arrays", "arrays_and_dtypes", "inputs", "operands", "primals", "rest", "shapes"}
"""What a function may take any number of."""


def test_the_functions_are_there() -> None:
    assert {"exp", "sum", "matmul", "conv", "take", "no_grad", "tensor", "Tensor", "gradcheck"} <= set(PUBLIC)


@pytest.mark.parametrize(("space", "name"), [*INSIDE, ("", "einsum"), ("", "tensordot"), ("", "vecdot")])
def test_parameters_are_those_of_the_function_of_arrays(space: str, name: str) -> None:
    ours, theirs = (getattr(getattr(x, space, x), name) for x in (ad, nd))
    if name in ("matmul", "matrix_transpose"):
        return
    pairs = [inspect.signature(each).parameters.values() for each in (ours, theirs)]
    names, expected = ([(p.name, p.kind, p.default) for p in each] for each in pairs)
    assert names == expected


@pytest.mark.parametrize("space", ["linalg", "fft"])
def test_modules_have_the_functions_of_arrays(space: str) -> None:
    assert {*getattr(nd, space).__all__} == {*getattr(ad, space).__all__}
