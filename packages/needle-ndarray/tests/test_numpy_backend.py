"""What the conformance kit does not say of the built-in backends' Python side: how they load, and their messages."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys

import numpy as np
import pytest

import needle.ndarray
from needle.ndarray import _core
from needle.ndarray.backend import Backend, BackendUnavailable, View
from needle.ndarray.backends import cpu
from needle.ndarray.backends import numpy as numpy_backend


@pytest.fixture
def backend() -> Backend:
    return numpy_backend.load()


def vector(backend: Backend, values: list[int], dtype: str = "int64") -> View:
    host = np.array(values, dtype)
    buffer = backend.alloc(max(host.nbytes, 1), 0)
    backend.upload(memoryview(host.tobytes()), buffer, 0)
    return View(buffer, _core.dtypes[dtype], host.shape, (1,), 0)


def test_it_says_which_numpy_it_is(backend: Backend) -> None:
    assert backend.describe(0) == f"NumPy {np.__version__}"
    assert (backend.name, backend.device_count()) == ("numpy", 1)


def test_it_has_every_elementwise_operation_and_no_other(backend: Backend) -> None:
    assert set(numpy_backend.UNARY) == set(_core.unary)
    assert set(numpy_backend.BINARY) == set(_core.binary)
    assert not backend.supports("no such family", "add")


@pytest.mark.parametrize("nbytes", [1, 63, 64, 1001])
def test_buffers_are_aligned(backend: Backend, nbytes: int) -> None:
    buffer = backend.alloc(nbytes, 0)
    assert buffer.ctypes.data % 64 == 0
    assert buffer.nbytes == nbytes


def test_an_absurd_size_is_a_memory_error(backend: Backend) -> None:
    with pytest.raises(MemoryError, match=r"^out of memory; got 18446744073709551616 bytes"):
        backend.alloc(2**64, 0)


def test_an_index_out_of_bounds_is_named(backend: Backend) -> None:
    a, indices, out = vector(backend, [1, 2, 3]), vector(backend, [0, -4]), vector(backend, [8, 9])
    with pytest.raises(IndexError, match=r"^index out of range; got -4 along axis 0; expected in \[-3, 3\)"):
        backend.gather(a, indices, 0, out)
    with pytest.raises(IndexError, match=r"^index out of range; got -4 along axis 0"):
        backend.scatter("set", out, indices, 0, a)


def test_a_nan_stays_a_nan_in_bfloat16(backend: Backend) -> None:
    bits = np.array([0x7F800001, 0xFFFFFFFF, 0x7FC00000], np.uint32)
    a = vector(backend, [0, 0, 0], "float32")
    backend.upload(memoryview(bits.tobytes()), a.buffer, 0)
    out = View(backend.alloc(6, 0), _core.dtypes["bfloat16"], (3,), (1,), 0)
    backend.cast(a, out)
    assert out.buffer.view(np.uint16).tolist() == [0x7FC0, 0xFFFF, 0x7FC0]


def test_without_numpy_the_reason_and_the_fix_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "needle.ndarray.backends.numpy")
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(BackendUnavailable, match=r"\[numpy\] NumPy is not installed; hint: pip install numpy"):
        importlib.import_module("needle.ndarray.backends.numpy")


def test_without_the_extension_the_reason_and_the_fix_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(needle.ndarray, "_cpu", raising=False)
    monkeypatch.setitem(sys.modules, "needle.ndarray._cpu", None)
    with pytest.raises(BackendUnavailable, match=r"\[cpu\] the compiled part is missing .*; hint: install a wheel"):
        cpu.load()


def test_the_reason_that_the_extension_gives_is_passed_on() -> None:
    code = "from needle.ndarray.backends import cpu; cpu.load()"
    environment = os.environ | {"NEEDLE_CPU_ISA": "pdp-11"}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert "BackendUnavailable: [cpu] NEEDLE_CPU_ISA names no instruction set" in result.stderr
