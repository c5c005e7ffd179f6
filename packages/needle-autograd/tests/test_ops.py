"""Tests made from the op table: every op on its samples, on every backend."""

from __future__ import annotations

import pytest
from op_checks import (
    REAL,
    TOLERANCES,
    call,
    check_batches,
    check_dtypes,
    check_gradients,
    check_tangents,
    check_values,
    floats,
)

import needle.autograd as ad
import needle.ndarray as nd
from needle.autograd.op import table
from needle.autograd.rules import Composite, composite, elementwise, opaque
from needle.autograd.samples import Draw, uniform
from needle.autograd.tensor import Tensor
from needle.ndarray import _core

KINDS = [(name, "float64") for name in table] + [(name, "complex128") for name in table if name not in REAL]
"""Each op in the dtypes in which differences tell."""


@pytest.mark.parametrize(("name", "dtype"), KINDS)
def test_value_is_that_of_an_independent_implementation(name: str, dtype: str, device: str) -> None:
    check_values(table[name], device, getattr(nd, dtype))


@pytest.mark.parametrize(("name", "dtype"), KINDS)
def test_gradients_agree_with_differences_to_order_2(name: str, dtype: str, device: str) -> None:
    check_gradients(table[name], device, getattr(nd, dtype))


@pytest.mark.parametrize(("name", "dtype"), KINDS)
def test_tangents_and_cotangents_agree(name: str, dtype: str, device: str) -> None:
    check_tangents(table[name], device, getattr(nd, dtype))


@pytest.mark.parametrize(("name", "dtype"), KINDS)
def test_a_batch_is_a_loop(name: str, dtype: str, device: str) -> None:
    check_batches(table[name], device, getattr(nd, dtype))


@pytest.mark.parametrize("name", REAL)
def test_complex_numbers_are_refused(name: str, device: str) -> None:
    op = table[name]

    def attempt() -> None:
        sample = op.samples(Draw(nd.complex128, device))[0]
        call(op, sample, *floats(sample))

    with pytest.raises(TypeError, match=r"^\[\w+\] .*complex128"):
        attempt()


NARROW = [(name, dtype) for name in table for dtype in TOLERANCES if dtype != "complex64" or name not in REAL]


@pytest.mark.parametrize(("name", "dtype"), NARROW)
def test_dtype_and_shape_are_kept(name: str, dtype: str, device: str) -> None:
    check_dtypes(table[name], device, getattr(nd, dtype))


def test_every_elementwise_function_is_in_the_table() -> None:
    assert {*_core.unary, *_core.binary} <= {name for name, op in table.items() if op.core == 0}


def cube_of(x: nd.NDArray) -> nd.NDArray:
    return nd.multiply(nd.square(x), x)


def _cube(x: float) -> float:
    return x**3


def _square(x: float) -> float:
    return x**2


def test_a_new_elementwise_op_needs_only_its_block(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    # As if a line had been added to elementwise.inc and to the NumPy backend.
    monkeypatch.setattr(nd, "cube", cube_of, raising=False)
    try:
        elementwise("cube", lambda x: 3 * x * x, reference=_cube)
        cube = table["cube"]
        check_values(cube, device, nd.float64)
        check_gradients(cube, device, nd.float64)
        for dtype in TOLERANCES:
            check_dtypes(cube, device, getattr(nd, dtype))
        assert repr(cube) == "<Elementwise cube>"
    finally:
        del table["cube"]


def test_a_wrong_block_is_found(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    monkeypatch.setattr(nd, "cube", cube_of, raising=False)
    try:
        elementwise("cube", lambda x: 2 * x * x, reference=_square)
        cube = table["cube"]
        with pytest.raises(AssertionError):
            check_values(cube, device, nd.float64)
        with pytest.raises(AssertionError, match="derivative of order 1"):
            check_gradients(cube, device, nd.float64)
    finally:
        del table["cube"]


def test_an_op_without_a_rule_names_itself() -> None:
    try:
        running = opaque("running", nd.cumulative_sum, samples=uniform((0, 1)))
        y = running(ad.tensor([1.0, 2.0], requires_grad=True))
        assert y.requires_grad
        with pytest.raises(NotImplementedError, match=r"\[running\] no derivative is known; hint: detach"):
            y.sum().backward()
    finally:
        del table["running"]


def test_a_name_is_taken_once() -> None:
    with pytest.raises(ValueError, match=r"\[add\] the op table has an op of this name already"):
        elementwise("add", 1, 1)


def test_composite_functions_are_called_as_they_are() -> None:
    try:

        @composite(uniform((0, 1)))
        def twice(x: Tensor) -> Tensor:
            return x + x

        assert isinstance(table["twice"], Composite)
        assert table["twice"](ad.tensor([1.0])).tolist() == twice(ad.tensor([1.0])).tolist() == [2.0]
    finally:
        del table["twice"]
