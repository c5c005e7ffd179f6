"""random_bits: Philox-4x32-10, against the published vectors and against Python's integers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest

from needle.ndarray._core import dtypes
from needle.ndarray.conformance.elements import Array
from needle.ndarray.conformance.kit import Kit, compare
from needle.ndarray.conformance.layouts import WRITABLE
from needle.ndarray.random import Generator


def philox(counter: Sequence[int], key: Sequence[int]) -> list[int]:
    """Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3. SC 2011, section 3.3."""
    x, k = list(counter), list(key)
    for _ in range(10):
        left, right = 0xD2511F53 * x[0], 0xCD9E8D57 * x[2]
        x = [right >> 32 ^ x[1] ^ k[0], right % 2**32, left >> 32 ^ x[3] ^ k[1], left % 2**32]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    return x


def words(key: int, counter: int, n: int) -> Array:
    blocks = [(counter + i) % 2**64 for i in range((n + 3) // 4)]
    numbers = [philox((b % 2**32, b >> 32, 0, 0), (key % 2**32, key >> 32)) for b in blocks]
    return np.array(numbers, np.uint32).reshape(-1)[:n]


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0,) * 4, (0,) * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ((2**32 - 1,) * 4, (2**32 - 1,) * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_the_oracle_gives_the_published_words(counter: tuple[int, ...], key: tuple[int, ...], expected: str) -> None:
    """The known answers that the authors distribute with Random123."""
    assert " ".join(f"{word:08x}" for word in philox(counter, key)) == expected


def test_the_published_words_of_zeros(kit: Kit) -> None:
    want = np.array([0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8], np.uint32)
    kit.check(want, "random_bits", 0, 0, kit.out((4,), "uint32"))


@pytest.mark.parametrize("key", [0, 1, 2**32, 2**64 - 1, 0xA40938_22299F31D0])
@pytest.mark.parametrize("counter", [0, 1, 2**32 - 2, 2**40 + 3, 2**64 - 2])
def test_random_bits(kit: Kit, key: int, counter: int) -> None:
    for n in (0, 1, 3, 4, 5, 31, 102):
        kit.check(words(key, counter, n), "random_bits", key, counter, kit.out((n,), "uint32"))


@pytest.mark.parametrize("layout", WRITABLE)
def test_layouts(kit: Kit, layout: str) -> None:
    kit.check(words(5, 6, 103), "random_bits", 5, 6, kit.out((103,), "uint32", layout))


def test_many(kit: Kit) -> None:
    """Enough for several threads; wherever one starts, the words of a block are the same."""
    n = 200_003
    got = kit.call("random_bits", 42, 2**32 - 1000, kit.out((n,), "uint32"))
    for start in (0, 4_000, 100_000, n - 3):
        want = words(42, 2**32 - 1000 + start // 4, 8)[start % 4 :]
        assert np.array_equal(got[start : start + len(want)], want[: n - start]), f"words from {start} on"
    later = kit.call("random_bits", 42, 2**32 - 1000 + 25_000, kit.out((n - 100_000,), "uint32"))
    assert np.array_equal(later, got[100_000:]), "other words when started from a later counter"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normal(kit: Kit, dtype: str) -> None:
    """The very bits that are composed elsewhere."""
    for (n, counter), layout in product(
        ((0, 0), (1, 5), (33, 2**32 - 4), (1_001, 2**64 - 100), (70_001, 1)), ("contiguous", "sliced")
    ):
        words = [0x9ABCDEF0, 0x12345678, counter % 2**32, counter >> 32]
        out = kit.out((n,), dtype, layout)
        (got,) = kit.composite("normal", [], [out], words, [0.5, 3.0])
        oracle = Generator(0x123456789ABCDEF0, "numpy")
        oracle.load_state_dict({"seed": 0x123456789ABCDEF0, "counter": counter})
        want = oracle.normal(n, 0.5, 3.0, dtypes[dtype]).numpy()
        assert got is not None
        compare(f"normal from block {counter} on", got, want, dtype, bits=True)
