"""The cpu backend's approximations keep to their bounds. `./dev accuracy` tries every float32."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module

import pytest

import accuracy
from needle.ndarray import _core

cpu = import_module("needle.ndarray._cpu")

# Rounded exactly, or chosen among the operands' bits.
EXACT = {
    "abs", "ceil", "conj", "floor", "imag", "isfinite", "isinf", "isnan", "logical_not", "negative", "positive", "real",
    "reciprocal", "relu", "round", "rsqrt", "sign", "signbit", "sqrt", "square", "trunc", "bitwise_invert",
}  # fmt: skip


def test_every_approximation_has_a_bound() -> None:
    assert set(_core.unary) - EXACT == set(accuracy.UNARY)


@pytest.mark.parametrize("name", [*accuracy.UNARY, *accuracy.BINARY])
def test_errors(name: str) -> None:
    for dtype, found, bound in accuracy.measure(name, stride=50_021, n=20_000):
        assert found.ulps <= bound, (dtype, found)


@pytest.mark.parametrize("isa", ["x86-64-v2", "x86-64-v3"])
def test_errors_of_other_instruction_sets(isa: str) -> None:
    if not cpu.isa().startswith("x86-64"):
        pytest.skip("the CPU has another instruction set")
    command = [sys.executable, accuracy.__file__, "--stride", "300007", "--samples", "5000"]
    result = subprocess.run(
        command, env=os.environ | {"NEEDLE_CPU_ISA": isa}, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
