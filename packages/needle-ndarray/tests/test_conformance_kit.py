"""The conformance kit passes on the built-in backends, and fails on each of many broken ones, for the right reason."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from needle.ndarray._core import dtypes
from needle.ndarray.backend import Backend, View
from needle.ndarray.backends import numpy as reference
from needle.ndarray.backends.numpy import NumpyBackend
from needle.ndarray.conformance import test_cast as casts
from needle.ndarray.conformance import test_elementwise as elementwise
from needle.ndarray.conformance import test_indexed as indexed
from needle.ndarray.conformance import test_matmul as products
from needle.ndarray.conformance import test_memory as memory
from needle.ndarray.conformance import test_random as random
from needle.ndarray.conformance import test_reduce as reductions
from needle.ndarray.conformance import test_scan_sort as scans
from needle.ndarray.conformance.elements import decode, storage
from needle.ndarray.conformance.kit import Kit
from needle.ndarray.conformance.layouts import row_major

PACKAGE = "needle.ndarray.conformance"


def elements(v: View) -> np.ndarray[Any, Any]:
    dtype = storage(v.dtype.name)
    return np.ndarray(v.shape, dtype, v.buffer, v.offset * dtype.itemsize, [s * dtype.itemsize for s in v.strides])


BROKEN: list[Any] = []


def found_by(test: Callable[..., None], message: str, **arguments: Any) -> Callable[[type[Backend]], type[Backend]]:
    """Register a broken backend with the test of the kit that has to fail on it, and what the failure has to say."""

    def register(cls: type[Backend]) -> type[Backend]:
        BROKEN.append(pytest.param(cls, partial(test, **arguments), message, id=cls.__name__))
        return cls

    return register


@found_by(memory.test_copy, "are wrong", dtype="int32")
class IgnoresInputStrides(NumpyBackend):
    def copy(self, a: View, out: View) -> None:
        super().copy(a._replace(strides=row_major(a.shape)) if min(a.strides, default=0) > 0 else a, out)


@found_by(reductions.test_reduce, "outside of the view were written|are wrong", op="sum", dtype="float32")
class IgnoresOutputStrides(NumpyBackend):
    def reduce(self, op: str, a: View, out: View) -> None:
        super().reduce(op, a, out if min(out.strides, default=0) < 0 else out._replace(strides=row_major(out.shape)))


@found_by(casts.test_cast, "are wrong", source="float32", target="int32")
class IgnoresOffset(NumpyBackend):
    def cast(self, a: View, out: View) -> None:
        super().cast(a if min(a.strides, default=0) < 0 else a._replace(offset=0), out)


@found_by(memory.test_fill, "bytes outside of the view were written", dtype="float32")
class WritesBehindTheEnd(NumpyBackend):
    def fill(self, value: bool | int | float, out: View) -> None:
        super().fill(value, out)
        out.buffer[-1] ^= 1


@found_by(elementwise.test_elementwise, "was changed", family="unary", name="negative", dtype="int32")
class ChangesItsInput(NumpyBackend):
    def unary(self, op: str, a: View, out: View) -> None:
        super().unary(op, a, out)
        super().unary(op, a, a)


@found_by(
    elementwise.test_elementwise,
    "the backend has no unary 'erf', which is required",
    family="unary",
    name="erf",
    dtype="float32",
)
class ForgetsAnOperation(NumpyBackend):
    def supports(self, family: str, op: str) -> bool:
        return op != "erf" and super().supports(family, op)


@found_by(elementwise.test_unknown_operations_are_declined, "no such operation", family="scan")
class ClaimsEveryOperation(NumpyBackend):
    def supports(self, family: str, op: str) -> bool:
        return True


@found_by(elementwise.test_elementwise, "are wrong", family="unary", name="exp", dtype="float32")
class RoughExp(NumpyBackend):
    def unary(self, op: str, a: View, out: View) -> None:
        super().unary(op, a, out)
        if op == "exp" and out.dtype.name == "float32":
            elements(out)[...] *= np.float32(1 + 1e-6)


@found_by(elementwise.test_elementwise, "are wrong", family="binary", name="remainder", dtype="int8")
class DividesIntegersTowardsZero(NumpyBackend):
    def binary(self, op: str, a: View, b: View, out: View) -> None:
        super().binary(op, a, b, out)
        if op == "remainder" and out.dtype.kind == "int":
            with np.errstate(all="ignore"):
                elements(out)[...] = np.fmod(elements(a), elements(b))


@found_by(elementwise.test_elementwise, "expected nan", family="binary", name="maximum", dtype="float32")
class LosesNan(NumpyBackend):
    def binary(self, op: str, a: View, b: View, out: View) -> None:
        super().binary(op, a, b, out)
        if op == "maximum" and out.dtype.name == "float32":
            elements(out)[...] = np.fmax(elements(a), elements(b))


@found_by(elementwise.test_in_place, "are wrong", family="binary", name="subtract")
class WritesBeforeItReads(NumpyBackend):
    def binary(self, op: str, a: View, b: View, out: View) -> None:
        super().copy(a, out) if a.dtype is out.dtype else None
        super().binary(op, a, b, out)


@found_by(casts.test_halfway_between_halves_the_even_one_is_nearest, "are wrong", half="bfloat16")
class TruncatesToBfloat16(NumpyBackend):
    def cast(self, a: View, out: View) -> None:
        super().cast(a, out)
        if (a.dtype.name, out.dtype.name) == ("float32", "bfloat16"):
            elements(out)[...] = elements(a).view(np.uint32) >> 16


@found_by(casts.test_64_bits_are_rounded_to_a_half_once, "are wrong", source="int64", half="bfloat16")
class RoundsTwice(NumpyBackend):
    def cast(self, a: View, out: View) -> None:
        single = View(self.alloc(4 * a.shape[0], 0), dtypes["float32"], a.shape, row_major(a.shape), 0)
        super().cast(a, single)
        super().cast(single, out)


@found_by(casts.test_float_to_integer_at_the_limits, "are wrong", target="int8", source="float64")
class WrapsFloatsAround(NumpyBackend):
    def cast(self, a: View, out: View) -> None:
        super().cast(a, out)
        if (a.dtype.name, out.dtype.name) == ("float64", "int8"):
            with np.errstate(all="ignore"):
                elements(out)[...] = elements(a).astype(np.int64)


@found_by(reductions.test_reduce, "are wrong", op="max", dtype="int16")
class ReducesTheLastAxisAlone(NumpyBackend):
    def reduce(self, op: str, a: View, out: View) -> None:
        shape = (*a.shape[:-1], 1) if a.shape != out.shape else a.shape
        first = self.alloc(8 * max(1, int(np.prod(shape))), 0)
        super().reduce(op, a, View(first, out.dtype, shape, row_major(shape), 0))
        kept = tuple(slice(0, n) for n in out.shape)
        elements(out)[...] = elements(View(first, out.dtype, shape, row_major(shape), 0))[kept]


@found_by(reductions.test_halves_are_summed_in_float32, "got 2048.0; expected 4096.0", dtype="float16", n=4096)
class AddsHalvesAsHalves(NumpyBackend):
    def reduce(self, op: str, a: View, out: View) -> None:
        super().reduce(op, a, out)
        if op == "sum" and (a.dtype.name, a.shape) == ("float16", (4096,)):
            elements(out)[...] = np.add.accumulate(elements(a))[-1:]


@found_by(reductions.test_arg_reduce, "are wrong", op="argmax", dtype="uint8")
class LastExtreme(NumpyBackend):
    def arg_reduce(self, op: str, a: View, axis: int, out: View) -> None:
        x = np.flip(decode(elements(a), a.dtype.name), axis)
        elements(out)[...] = a.shape[axis] - 1 - getattr(np, op)(x, axis=axis, keepdims=True)


@found_by(scans.test_scan, "are wrong", op="sum", dtype="int32")
class ScansExclusively(NumpyBackend):
    def scan(self, op: str, a: View, axis: int, out: View) -> None:
        super().scan(op, a, axis, out)
        if op == "sum" and a.dtype.name == "int32":
            elements(out)[...] -= elements(a)


@found_by(scans.test_equal_elements_keep_their_order, "are wrong", dtype="float32", descending=True)
class ReversesEqualElements(NumpyBackend):
    def sort(self, a: View, axis: int, descending: bool, values: View | None, indices: View | None) -> None:
        super().sort(a, axis, False, values, indices)
        for v in (values, indices):
            if v and descending:
                elements(v)[...] = np.flip(elements(v), axis).copy()


@found_by(scans.test_sort, "are wrong", dtype="float64", descending=False)
class SortsNanFirst(NumpyBackend):
    def sort(self, a: View, axis: int, descending: bool, values: View | None, indices: View | None) -> None:
        super().sort(a, axis, descending, values, indices)
        if indices is not None and a.dtype.name == "float64":
            x = elements(a)
            x = np.where(np.isnan(x), -np.inf, x)
            elements(indices)[...] = np.argsort(-x if descending else x, axis, kind="stable")


@found_by(products.test_large, "are wrong", m=129, k=513, n=31, dtype="float32")
class OmitsTheLastBlock(NumpyBackend):
    def matmul(self, a: View, b: View, out: View) -> None:
        k = min(a.shape[-1], 512)
        super().matmul(a._replace(shape=(*a.shape[:-1], k)), b._replace(shape=(*b.shape[:-2], k, b.shape[-1])), out)


@found_by(products.test_large, "other bits the second time", m=70, k=130, n=65, dtype="float32")
class NotDeterministic(NumpyBackend):
    calls = 0

    def matmul(self, a: View, b: View, out: View) -> None:
        super().matmul(a, b, out)
        self.calls += 1
        if out.dtype.name == "float32" and self.calls % 2:
            x = elements(out)
            x[...] = np.where(x == np.round(x), x, np.nextafter(x, np.float32(np.inf)))


@found_by(indexed.test_an_index_out_of_bounds, "DID NOT RAISE", dtype="uint8", wrong=-6)
class ClampsIndices(NumpyBackend):
    def gather(self, a: View, indices: View, axis: int, out: View) -> None:
        n = a.shape[axis]
        clamped = np.clip(elements(indices), -n, n - 1)
        super().gather(
            a,
            View(clamped.view(np.uint8).reshape(-1), indices.dtype, indices.shape, row_major(indices.shape), 0),
            axis,
            out,
        )


@found_by(indexed.test_an_index_out_of_bounds, "changed the output", dtype="float32", wrong=5)
class ScattersBeforeItChecks(NumpyBackend):
    def scatter(self, op: str, a: View, indices: View, axis: int, out: View) -> None:
        try:
            super().scatter(op, a, indices, axis, out)
        except IndexError:
            elements(out)[...] = 0
            raise


@found_by(indexed.test_scatter, "are wrong", op="add", dtype="int32")
class AddsRepeatedIndicesOnce(NumpyBackend):
    def scatter(self, op: str, a: View, indices: View, axis: int, out: View) -> None:
        if op == "set" or out.dtype.name != "int32":
            return super().scatter(op, a, indices, axis, out)
        index = elements(indices)
        places = np.indices(index.shape, sparse=True)
        elements(out)[(*places[:axis], index, *places[axis + 1 :])] += elements(a)


@found_by(indexed.test_scatter, "are wrong", op="set", dtype="float64")
class FirstOfRepeatedIndicesStays(NumpyBackend):
    def scatter(self, op: str, a: View, indices: View, axis: int, out: View) -> None:
        def backwards(v: View) -> View:
            strides = tuple(-s if i == axis else s for i, s in enumerate(v.strides))
            return v._replace(strides=strides, offset=v.offset + max(v.shape[axis] - 1, 0) * v.strides[axis])

        super().scatter(op, backwards(a), backwards(indices), axis, out)


@found_by(random.test_random_bits, "are wrong", counter=2**40 + 3, key=1)
class CounterOf32Bits(NumpyBackend):
    def random_bits(self, key: int, counter: int, out: View) -> None:
        super().random_bits(key, counter % 2**32, out)


@found_by(memory.test_buffers_are_apart_and_aligned, "was written through another one")
class OneBufferForAll(NumpyBackend):
    def alloc(self, nbytes: int, device: int) -> Any:
        self.pool = getattr(self, "pool", None)
        if self.pool is None or nbytes > self.pool.nbytes:
            self.pool = super().alloc(max(nbytes, 1 << 20), device)
        return self.pool[:nbytes]


@found_by(memory.test_several_threads_at_once, "are wrong")
class SharesScratchAmongThreads(NumpyBackend):
    together = threading.Barrier(2)

    def binary(self, op: str, a: View, b: View, out: View) -> None:
        self.scratch = reference._read(a) + reference._read(b)  # pyright: ignore[reportPrivateUsage]
        try:
            self.together.wait(1)
        except threading.BrokenBarrierError:
            return super().binary(op, a, b, out)
        elements(out)[...] = self.scratch


@found_by(memory.test_too_large_a_buffer_is_a_memory_error, "no room", nbytes=2**50)
class RunsOutOfMemoryByAnotherName(NumpyBackend):
    def alloc(self, nbytes: int, device: int) -> Any:
        if nbytes > 2**40:
            raise RuntimeError("no room")
        return super().alloc(nbytes, device)


@pytest.mark.parametrize(("broken", "test", "message"), BROKEN)
def test_a_broken_backend_fails(broken: type[Backend], test: Callable[[Kit], None], message: str) -> None:
    test(Kit(NumpyBackend(), 0))
    with pytest.raises((Exception, pytest.fail.Exception), match=message):
        test(Kit(broken(), 0))


def run_kit(*args: str, path: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--pyargs", *args]
    environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize("name", ["cpu", "numpy"])
def test_the_built_in_backends_pass(name: str) -> None:
    """With warnings as errors, and no test left out but those of composites that a backend leaves to the front."""
    # An editable install has a module of its own that pytest finds imported already; it is not the kit's.
    editable = "ignore:Module already imported so cannot be rewritten; _editable"
    result = run_kit(PACKAGE, f"--device={name}", "-rs", "-W", "error", "-W", editable)
    assert result.returncode == 0, result.stdout[-8000:] + result.stderr[-2000:]
    skipped = [line for line in result.stdout.splitlines() if line.startswith("SKIPPED")]
    assert all("the backend leaves" in line for line in skipped), skipped


def test_a_plugin_is_found_by_its_entry_point(tmp_path: Path) -> None:
    """A broken one, installed for this run; the failure names the device, the call and the layout."""
    metadata = tmp_path / "broken-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[needle.backends]\nbroken = {Path(__file__).stem}:CounterOf32Bits\n")
    result = run_kit(f"{PACKAGE}.test_random", "--device=broken", path=f"{tmp_path}{os.pathsep}{Path(__file__).parent}")
    assert result.returncode == 1
    assert "test_random_bits[broken-1099511627779-1]" in result.stdout
    assert "random_bits(1, 1099511627779, out=uint32[1] contiguous): 1 of 1 elements are wrong" in result.stdout


def test_an_unknown_device_is_reported_with_those_that_exist() -> None:
    result = run_kit(f"{PACKAGE}.test_random", "--device=nosuch")
    assert result.returncode == 4
    assert "no installed backend is named 'nosuch'; expected one of cpu, numpy" in result.stdout + result.stderr
