"""The memory that backends hold: what the cpu's allocator keeps, counts and gives back."""

from __future__ import annotations

import gc
import subprocess
import sys
import textwrap
from collections.abc import Iterator

import numpy as np
import pytest

from needle import ndarray as nd

MIB = 1 << 20


@pytest.fixture
def cpu() -> Iterator[dict[str, int]]:
    """The state to start from: nothing cached."""
    gc.collect()
    limit = nd.memory_stats("cpu")["limit"]
    nd.empty_cache("cpu")
    nd.reset_peak_memory_stats("cpu")
    yield nd.memory_stats("cpu")
    nd.set_cache_limit(limit, "cpu")


def change(before: dict[str, int]) -> dict[str, int]:
    now = nd.memory_stats("cpu")
    return {name: now[name] - before[name] for name in ("live", "cached", "peak") if now[name] != before[name]}


def python(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_freed_memory_is_used_again(cpu) -> None:
    assert cpu["cached"] == 0
    x = nd.ones((1000, 1000), device="cpu")
    used = change(cpu)["live"]
    assert 4_000_000 <= used <= 5_000_000
    assert change(cpu) == {"live": used, "peak": used}
    del x
    assert change(cpu) == {"cached": used, "peak": used}
    y = nd.ones((1001, 999), device="cpu")  # nearly the same size: the same block
    assert change(cpu) == {"live": used, "peak": used}
    del y
    nd.empty_cache("cpu")
    assert change(cpu) == {"peak": used}
    nd.reset_peak_memory_stats("cpu")
    assert change(cpu) == {}


def test_the_peak_is_of_what_was_live_at_once(cpu) -> None:
    for n in (3, 1, 2):
        arrays = [nd.empty(MIB, dtype=nd.uint8, device="cpu") for _ in range(n)]
        del arrays
    assert change(cpu) == {"cached": 3 * MIB, "peak": 3 * MIB}


def test_a_limit_gives_back_what_lies_beyond(cpu) -> None:
    arrays = [nd.empty(MIB, dtype=nd.uint8, device="cpu") for _ in range(8)]
    del arrays
    nd.set_cache_limit(5 * MIB, "cpu")
    assert nd.memory_stats("cpu")["limit"] == 5 * MIB
    assert change(cpu)["cached"] == 5 * MIB
    nd.set_cache_limit(0, "cpu")
    x = nd.ones(MIB, dtype=nd.uint8, device="cpu") + 1
    assert (change(cpu)["live"], nd.memory_stats("cpu")["cached"]) == (MIB, 0)
    assert nd.all(x == 2)


def test_sizes_out_of_use_make_room_for_those_in_use(cpu) -> None:
    nd.set_cache_limit(8 * MIB, "cpu")
    for kib in (1024, 3072, 5120):  # the sum is beyond the limit, and the first was asked for the longest ago
        x = nd.empty(kib << 10, dtype=nd.uint8, device="cpu")
        del x
    assert change(cpu)["cached"] == 8 * MIB
    y = nd.empty(3 * MIB, dtype=nd.uint8, device="cpu")
    z = nd.empty(5 * MIB, dtype=nd.uint8, device="cpu")
    assert nd.memory_stats("cpu")["cached"] == 0, "both were there"
    assert y.nbytes + z.nbytes == change(cpu)["live"]


@pytest.mark.parametrize("nbytes", [1, 63, 64, 65, 4095, 4097, MIB, 2 * MIB - 1, 2 * MIB, 2 * MIB + 1, 11 * MIB])
def test_blocks_are_aligned_and_writable_to_their_end(cpu, nbytes: int) -> None:
    for _ in range(2):  # fresh, then cached
        x = nd.full(nbytes, 7, dtype=nd.uint8, device="cpu")
        host = np.asarray(x)
        assert host.ctypes.data % 64 == 0
        assert (host == 7).all()
        del x, host
    assert nbytes <= change(cpu)["cached"] <= max(64, 1.25 * nbytes + 64)


@pytest.mark.parametrize("n", [1 << 40, 1 << 44])
def test_more_memory_than_there_is(cpu, n: int) -> None:
    with pytest.raises(MemoryError, match=r"\[alloc\] out of memory; got a request for \d+ bytes with \d+ in use"):
        nd.empty(n, dtype=nd.float32, device="cpu")
    assert change(cpu) == {}


def test_the_cache_is_given_up_before_an_allocation_fails() -> None:
    """The system grants no more than another GiB of addresses: the cache has to go for another shape to find room."""
    result = python("""
        import resource
        from needle import ndarray as nd
        nd.ones(3, device="cpu")
        nd.set_cache_limit(1 << 40, "cpu")
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30), used + (1 << 30)))
        x = nd.empty(600 << 20, dtype=nd.uint8, device="cpu")
        del x
        cached = nd.memory_stats("cpu")["cached"]
        y = nd.empty(800 << 20, dtype=nd.uint8, device="cpu")
        print(cached >= 600 << 20, nd.memory_stats("cpu")["cached"])
        before = nd.memory_stats("cpu")
        try:
            nd.empty(800 << 20, dtype=nd.uint8, device="cpu")
        except MemoryError as error:
            print(error)
        print(nd.memory_stats("cpu") == before)
    """)
    lines = result.stdout.splitlines()
    assert (lines[0], lines[2]) == ("True 0", "True"), result.stderr
    assert lines[1].startswith("[alloc] out of memory; got a request for 838860800 bytes with ")


def test_a_backend_without_an_account_says_so() -> None:
    calls = {
        "memory_stats": nd.memory_stats,
        "reset_peak_memory_stats": nd.reset_peak_memory_stats,
        "empty_cache": nd.empty_cache,
        "set_cache_limit": lambda device: nd.set_cache_limit(0, device),
    }
    for name, call in calls.items():
        text = rf"\[{name}\] the backend does not have this function; got device numpy"
        with pytest.raises(NotImplementedError, match=text):
            call("numpy")


def test_a_limit_that_is_none() -> None:
    with pytest.raises(ValueError, match=r"\[set_cache_limit\] not a number of bytes; got -1; expected at least 0"):
        nd.set_cache_limit(-1, "cpu")
