"""alloc, upload, download, copy, fill, iota; many threads at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from needle.ndarray.conformance import samples
from needle.ndarray.conformance.elements import COMPLEX, DTYPES, FLOAT8, FLOATS, INTEGERS, decode, encode
from needle.ndarray.conformance.kit import Kit
from needle.ndarray.conformance.layouts import WRITABLE, pairings
from needle.ndarray.conformance.table import Buffer

SHAPES = (samples.SHAPE, (), (1,), (0,), (3, 0, 2), (2, 1, 3, 1, 4, 2))


def test_the_device_is_described_in_a_line(kit: Kit) -> None:
    assert kit.index in range(kit.backend.device_count())
    assert len(kit.backend.describe(kit.index).splitlines()) == 1


def test_upload_and_download_any_bytes(kit: Kit) -> None:
    host = np.random.default_rng(0).integers(0, 256, 100_003, np.uint8)
    buffer = kit.backend.alloc(host.nbytes, kit.index)
    kit.backend.upload(host.data, buffer, 0)
    host[70_001:70_008] = 7
    kit.backend.upload(host[70_001:70_008].data, buffer, 70_001)
    for offset, nbytes in ((0, 100_003), (1, 3), (69_999, 30_004)):
        back = np.zeros(nbytes, np.uint8)
        kit.backend.download(buffer, offset, back.data)
        assert np.array_equal(back, host[offset : offset + nbytes]), f"{nbytes} bytes from byte {offset} on"


def test_buffers_are_apart_and_aligned(kit: Kit) -> None:
    buffers = [kit.backend.alloc(nbytes, kit.index) for nbytes in (1, 3, 64, 1000, 3, 1) * 5]
    for i, buffer in enumerate(buffers):
        kit.backend.upload(memoryview(bytes([i])), buffer, 0)
    for i, buffer in enumerate(buffers):
        back = bytearray(1)
        kit.backend.download(buffer, 0, memoryview(back))
        assert back[0] == i, f"buffer {i} was written through another one"
        assert not isinstance(buffer, Buffer) or (buffer.data or 0) % 64 == 0, f"buffer {i} is not aligned to 64 bytes"


@pytest.mark.parametrize("nbytes", [2**50, 2**62, 2**64 - 64])
def test_too_large_a_buffer_is_a_memory_error(kit: Kit, nbytes: int) -> None:
    with pytest.raises(MemoryError):
        kit.backend.alloc(nbytes, kit.index)


@pytest.mark.parametrize("dtype", DTYPES)
def test_copy(kit: Kit, dtype: str) -> None:
    cases = [(shape, "contiguous", "contiguous") for shape in SHAPES]
    cases += [(samples.SHAPE, layout, out_layout) for (layout,), out_layout in pairings(1)]
    for shape, layout, out_layout in cases:
        a = kit.put(samples.elements(dtype, shape), dtype, layout)
        kit.check(a.elements, "copy", a, kit.out(shape, dtype, out_layout), bits=True)


@pytest.mark.parametrize("dtype", DTYPES)
def test_fill(kit: Kit, dtype: str) -> None:
    element = encode(samples.special(dtype), dtype)
    cases = [(shape, "contiguous", x) for shape in SHAPES for x in element]
    cases += [(samples.SHAPE, layout, element[3]) for layout in WRITABLE]
    for shape, layout, x in cases:
        number = decode(x.reshape(1), dtype)[0]
        python = bool if dtype == "bool" else complex if dtype in COMPLEX else float
        value = python(number) if dtype in ("bool", *COMPLEX, *FLOATS, *FLOAT8) else int(number)
        kit.check(np.full(shape, x), "fill", value, kit.out(shape, dtype, layout), bits=True)


@pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS])
def test_iota(kit: Kit, dtype: str) -> None:
    for n in (0, 1, 2, 100, 127):
        for layout in WRITABLE:
            kit.check(encode(np.arange(n), dtype), "iota", kit.out((n,), dtype, layout))
    if dtype in ("int32", "int64", "float32", "float64"):
        kit.check(encode(np.arange(100_003), dtype), "iota", kit.out((100_003,), dtype))


def test_several_threads_at_once(kit: Kit) -> None:
    def work(seed: int) -> None:
        for _ in range(10):
            a, b = (kit.put(samples.whole("float32", (40, 50), seed + i), "float32") for i in (0, 100))
            kit.check(a.elements + b.elements, "binary", "add", a, b, kit.out((40, 50), "float32"))
            kit.check(
                a.elements @ b.elements.T,
                "matmul",
                a,
                kit.put(b.elements.T, "float32", "transposed"),
                kit.out((40, 40), "float32"),
            )
            kit.check(a.elements.sum(0, keepdims=True), "reduce", "sum", a, kit.out((1, 50), "float32"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(8)))
