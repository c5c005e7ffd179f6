"""What is particular to the cpu backend: instruction sets, threads, forks, memory, and shapes that it cuts up."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import numpy as np
import pytest

from needle import ndarray as nd

cpu = import_module("needle.ndarray._cpu")

X86_LEVELS = ["x86-64-v2", "x86-64-v3", "x86-64-v4", "x86-64-v4-bf16-vnni"]


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, **environment}
    return subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=False)


def on_cpu(x: np.ndarray) -> nd.NDArray:
    return nd.asarray(x, device="cpu")


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """Put the number of threads back."""
    before = nd.get_num_threads()
    yield
    nd.set_num_threads(before)


# -- instruction sets --------------------------------------------------------------------------------------------------

# Digests of results that no instruction set may change: sizes are such that every loop has a remainder. (Of
# approximations the last bit may: those with fused instructions round less often.)
DIGEST = """
import hashlib
from needle import ndarray as nd
x = nd.random.Generator(1, device="cpu").uniform((37, 1003), low=-3, high=3)
results = [nd.sqrt(x), nd.divide(x, 0.3), nd.round(x), x < 1, x * 2 + x, nd.floor_divide(x, 0.7), nd.sum(x, axis=0),
           nd.sum(x, axis=1), nd.max(x), nd.argmin(x, axis=1), nd.cumulative_sum(x, axis=1), x.astype(nd.float16),
           x.astype(nd.bfloat16).astype(nd.float32), x.astype(nd.float16).astype(nd.int8), (x * 100).astype(nd.uint8),
           nd.matmul(x.astype(nd.int32), x.astype(nd.int32).T)]
digests = [hashlib.sha256(r.to_bytes()).hexdigest() for r in results]
"""


def test_each_instruction_set_gives_the_same_bits() -> None:
    code = DIGEST + 'from needle.ndarray import _cpu\nprint(_cpu.isa(), " ".join(digests))'
    isas = X86_LEVELS[: X86_LEVELS.index(cpu.isa()) + 1] if cpu.isa() in X86_LEVELS else [cpu.isa()]
    answers: list[str] = []
    for isa in isas:
        result = run(code, NEEDLE_CPU_ISA=isa)
        assert result.returncode == 0, result.stderr
        name, _, digests = result.stdout.partition(" ")
        assert name == isa
        answers.append(digests)
    assert len(set(answers)) == 1


def test_matmul_of_each_instruction_set() -> None:
    """Extents around the tiles of every target, each dtype and layout, on whole numbers, whose sums are exact."""
    code = """
import itertools
import numpy as np
from needle import ndarray as nd
rng = np.random.default_rng(0)
layouts = (lambda x: nd.asarray(x, device="cpu"), lambda x: nd.asarray(x.T.copy(), device="cpu").T,
           lambda x: nd.asarray(np.repeat(x, 2, 1), device="cpu")[:, ::2])
extents = itertools.product((1, 5, 6, 7, 13, 14, 15, 29), (1, 3, 4, 18, 270), (1, 7, 8, 9, 15, 16, 17, 31, 33, 65))
for i, (m, k, n) in enumerate([*extents, (300, 20, 515), (515, 20, 300), (20, 1100, 40)]):
    for dtype in ("int8", "uint8", "int16", "int32", "uint64", "float16", "bfloat16", "float32", "float64"):
        a, b = (rng.integers(0, 3, s) for s in ((m, k), (k, n)))
        x, y = (nd.astype(layouts[i // 3**j % 3](z), getattr(nd, dtype)) for j, z in enumerate((a, b)))
        got, want = nd.matmul(x, y), nd.astype(nd.asarray(a @ b, device="cpu"), getattr(nd, dtype))
        assert bool(nd.all(got == want)), (m, k, n, dtype, i)
"""
    for isa in X86_LEVELS[: X86_LEVELS.index(cpu.isa()) + 1] if cpu.isa() in X86_LEVELS else []:
        result = run(code, NEEDLE_CPU_ISA=isa)
        assert result.returncode == 0, result.stderr


def test_unknown_instruction_set_is_an_error_that_names_the_known() -> None:
    result = run("from needle import ndarray as nd; nd.ones(2, device='cpu')", NEEDLE_CPU_ISA="z80")
    assert result.returncode != 0
    assert "BackendUnavailable" in result.stderr
    problem = "[cpu] NEEDLE_CPU_ISA names no instruction set that this CPU can run"
    assert f"{problem}; got 'z80'; expected one of {cpu.isa()}" in result.stderr


def test_description_names_the_instruction_set() -> None:
    assert cpu.isa() in nd.device("cpu").description


# -- threads -----------------------------------------------------------------------------------------------------------


def results(rng: np.random.Generator) -> list[bytes]:
    x = on_cpu(rng.standard_normal((300, 700)).astype(np.float32))
    wide = on_cpu(rng.standard_normal((3, 200_003)).astype(np.float32))
    found = [
        nd.sum(x), nd.sum(x, axis=0), nd.sum(x, axis=1), nd.sum(wide, axis=1), nd.sum(wide, axis=0),
        nd.sum(wide.T, axis=1), nd.mean(wide), nd.prod(x, axis=0), nd.tanh(x), x.T + 1, nd.matmul(x, x.T),
        nd.matmul(x.T, x), nd.cumulative_sum(wide, axis=1), nd.argmax(wide, axis=1), nd.sort(wide, axis=0),
        nd.random.Generator(3, device="cpu").uniform(100_000),
    ]  # fmt: skip
    return [result.to_bytes() for result in found]


@pytest.mark.parametrize("n", [2, 3, 8])
def test_number_of_threads_does_not_change_a_bit(n: int) -> None:
    nd.set_num_threads(1)
    expected = results(np.random.default_rng(0))
    nd.set_num_threads(n)
    assert nd.get_num_threads() == n
    for _ in range(3):
        assert results(np.random.default_rng(0)) == expected


@pytest.mark.parametrize("n", [0, -3])
def test_wrong_number_of_threads(n: int) -> None:
    with pytest.raises(ValueError, match=rf"\[set_num_threads\] not a number of threads; got {n}; expected at least 1"):
        nd.set_num_threads(n)


def test_number_of_threads_from_the_environment() -> None:
    result = run("from needle import ndarray as nd; print(nd.get_num_threads())", NEEDLE_NUM_THREADS="3")
    assert result.stdout == "3\n"


@pytest.mark.parametrize("text", ["0", "many", "3x", "-1"])
def test_wrong_number_of_threads_in_the_environment(text: str) -> None:
    result = run("from needle import ndarray as nd; nd.get_num_threads()", NEEDLE_NUM_THREADS=text)
    assert result.returncode != 0
    assert f"[cpu] NEEDLE_NUM_THREADS is not a number of threads; got '{text}'; expected 1 to" in result.stderr


def test_python_threads_compute_at_once() -> None:
    nd.set_num_threads(4)
    x = np.random.default_rng(0).integers(-9, 9, (400, 500)).astype(np.float32)  # integers: every sum is exact
    product, sums = x @ x.T, x.sum(0)

    def work(i: int) -> bool:
        i %= 8
        a = on_cpu(x) * i
        same = np.array_equal(nd.matmul(a, a.T).numpy(), product * i**2)
        return same and np.array_equal(nd.sum(a, axis=0).numpy(), sums * i)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(64)))


def test_pool_works_after_an_error_and_in_a_forked_child() -> None:
    # The parent's threads do not exist in the child; another Python thread may be computing during the fork.
    code = """
import os, threading, warnings
warnings.simplefilter("ignore")  # newer Pythons warn of forks in a program with threads, which is the point here
from needle import ndarray as nd
nd.set_num_threads(4)
x = nd.ones((600, 700), device="cpu")
try:
    nd.take(x, nd.asarray([0, 600], device="cpu"), axis=0)
except IndexError as error:
    assert "got 600 along axis 0 of extent 600" in str(error), error
else:
    raise AssertionError
def work():
    return float(nd.sum(nd.matmul(x, x.T))) == 600 * 600 * 700
assert work()
stop = threading.Event()
def other():
    while not stop.is_set():
        assert work()
thread = threading.Thread(target=other)
thread.start()
for _ in range(10):
    child = os.fork()
    if child == 0:
        os._exit(0 if work() and work() else 1)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
stop.set()
thread.join()
assert work()
print("done")
"""
    result = run(code)
    assert result.stdout == "done\n", result.stderr


# -- shapes that are cut into blocks, chunks and tasks -----------------------------------------------------------------

LAYOUTS: dict[str, Callable[[np.ndarray], nd.NDArray]] = {
    "contiguous": on_cpu,
    "transposed": lambda x: on_cpu(np.ascontiguousarray(x.T)).permute_dims(*range(x.ndim)[::-1]),
    "reversed": lambda x: nd.flip(on_cpu(np.ascontiguousarray(np.flip(x)))),
    "every second": lambda x: on_cpu(np.repeat(x, 2, axis=-1))[..., ::2],
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(1100, 90), (90, 1100), (3, 70_001), (70_001, 3), (40, 50, 60)])
def test_large_reductions(layout: str, shape: tuple[int, ...], rng: np.random.Generator) -> None:
    x = rng.integers(-9, 9, shape).astype(np.float32)
    y = LAYOUTS[layout](x)
    for axis in (None, 0, 1, -1, (0, -1)):
        assert np.array_equal(nd.sum(y, axis=axis).numpy(), x.sum(axis))
        assert np.array_equal(nd.max(y, axis=axis).numpy(), x.max(axis))
        assert np.array_equal(nd.any(y, axis=axis).numpy(), x.any(axis))
    for axis in (0, -1):
        assert np.array_equal(nd.argmax(y, axis=axis).numpy(), x.argmax(axis))
        assert np.array_equal(nd.cumulative_sum(y, axis=axis).numpy(), x.cumsum(axis))
        assert np.array_equal(nd.argsort(y, axis=axis).numpy(), x.argsort(axis, kind="stable"))


def test_sum_of_many_is_accurate(rng: np.random.Generator) -> None:
    x = rng.random((3, 500_000)).astype(np.float32)
    exact = x.astype(np.float64)
    for y, wanted in ((nd.sum(on_cpu(x), axis=1), exact.sum(1)), (nd.sum(on_cpu(x.T.copy()), axis=0), exact.sum(1))):
        np.testing.assert_allclose(y.numpy(), wanted, rtol=1e-7)
    half = nd.sum(on_cpu(np.full(30_000, 1.001, np.float16)))
    assert float(half) == np.float16(30_000 * float(np.float16(1.001)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int64, np.uint8])
@pytest.mark.parametrize("layout", ["contiguous", "transposed", "reversed", "every second"])
def test_large_products(dtype: type[np.generic], layout: str, rng: np.random.Generator) -> None:
    for m, k, n in ((1, 700, 301), (301, 700, 1), (99, 257, 300), (201, 7, 530)):
        a, b = (rng.integers(0, 4, shape).astype(dtype) for shape in ((m, k), (k, n)))
        got = nd.matmul(LAYOUTS[layout](a), LAYOUTS[layout](b)).numpy()
        wanted = np.matmul(a.astype(np.float64), b.astype(np.float64))
        whole = wanted.astype(np.int64) if got.dtype.kind in "iu" else wanted
        assert np.array_equal(got, whole.astype(dtype))


def test_batched_products(rng: np.random.Generator) -> None:
    shapes = [
        ((50, 20, 30), (50, 30, 10)),
        ((50, 20, 30), (30, 10)),
        ((4, 1, 300, 20), (3, 20, 310)),
        ((70, 2, 3), (70, 3, 2)),
    ]
    for left, right in shapes:
        a, b = (rng.standard_normal(shape).astype(np.float32) for shape in (left, right))
        np.testing.assert_allclose(nd.matmul(on_cpu(a), on_cpu(b)).numpy(), a @ b, rtol=1e-4, atol=1e-4)


# -- conversions -------------------------------------------------------------------------------------------------------


def test_every_half() -> None:
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    floats = nd.astype(on_cpu(halves), nd.float32)
    np.testing.assert_array_equal(floats.numpy(), halves.astype(np.float32))
    np.testing.assert_array_equal(nd.astype(floats, nd.float16).numpy(), halves)


def test_cast_to_a_half_rounds_once() -> None:
    tie, least = 1 + 2.0**-8, 2.0**-40  # between two numbers of bfloat16, and less than float32 can tell
    x = on_cpu(np.array([tie + least, tie, tie - least, -tie - least]))
    got = nd.astype(nd.astype(x, nd.bfloat16), nd.float64).tolist()
    assert got == [1 + 2.0**-7, 1, 1, -1 - 2.0**-7]
    integers = on_cpu(np.array([2**62 + 2**54 + 1, 2**62 + 2**54, -(2**62) - 2**54 - 1]))
    got = nd.astype(nd.astype(integers, nd.bfloat16), nd.float64).tolist()
    assert got == [2.0**62 + 2**55, 2.0**62, -(2.0**62) - 2**55]
