"""Random numbers: known words, ranges, distributions, state."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from needle import ndarray as nd
from needle.ndarray.random import Generator, default_generator, manual_seed


def philox(key: int, counter: int) -> list[int]:
    """One block of Philox-4x32-10, from the paper's description."""
    low = 2**32 - 1
    words = [counter & low, counter >> 32 & low, 0, 0]
    keys = [key & low, key >> 32]
    for _ in range(10):
        first, second = words[0] * 0xD2511F53, words[2] * 0xCD9E8D57
        words = [second >> 32 ^ words[1] ^ keys[0], second & low, first >> 32 ^ words[3] ^ keys[1], first & low]
        keys = [(keys[0] + 0x9E3779B9) & low, (keys[1] + 0xBB67AE85) & low]
    return words


@pytest.mark.parametrize("seed", [0, 1, 2**32 + 5, 2**64 - 1])
def test_bits_are_those_of_philox(device: str, seed: int) -> None:
    g = Generator(seed, device)
    expected = [word for block in range(4) for word in philox(seed, block)]
    assert g.bits(6).tolist() == expected[:6]
    assert g.bits(5).tolist() == expected[8:13], "the next draw begins with a new block"
    assert g.bits(0).shape == (0,)
    assert g.bits(1).dtype is nd.uint32


def test_the_counter_wraps_around(device: str) -> None:
    g = Generator(3, device)
    g.load_state_dict({"seed": 3, "counter": 2**64 - 1})
    assert g.bits(8).tolist() == philox(3, 2**64 - 1) + philox(3, 0)
    assert g.state_dict() == {"seed": 3, "counter": 1}


DRAWS: dict[str, Any] = {
    "uniform": lambda g: g.uniform((5, 3)),
    "uniform float64": lambda g: g.uniform(7, -1.0, 3.0, nd.float64),
    "uniform float16": lambda g: g.uniform((9,), 0.5, 2.0, nd.float16),
    "uniform bfloat16": lambda g: g.uniform((9,), dtype=nd.bfloat16).astype(nd.float32),
    "integers": lambda g: g.integers(-5, 1000, (3, 4)),
    "permutation": lambda g: g.permutation(50),
    "bernoulli": lambda g: g.bernoulli(0.25, (10, 2)),
}


@pytest.mark.parametrize("name", DRAWS)
def test_devices_give_the_same_numbers(name: str) -> None:
    results = [DRAWS[name](Generator(11, device)).numpy() for device in ("cpu", "numpy")]
    np.testing.assert_array_equal(results[0], results[1], strict=True)


@pytest.mark.parametrize("name", DRAWS)
def test_draws_differ_and_seeds_repeat_them(device: str, name: str) -> None:
    g = Generator(5, device)
    first, second = DRAWS[name](g), DRAWS[name](g)
    assert str(first.device) == device
    assert first.tolist() != second.tolist()
    assert first.tolist() != DRAWS[name](Generator(6, device)).tolist()
    again = Generator(5, device)
    assert first.tolist() == DRAWS[name](again).tolist()
    assert second.tolist() == DRAWS[name](again).tolist()


@pytest.mark.parametrize(("dtype", "bits"), [(nd.float32, 24), (nd.float64, 53), (nd.float16, 11), (nd.bfloat16, 8)])
def test_uniform_is_a_multiple_of_a_power_of_two_below_one(device: str, dtype: nd.DType, bits: int) -> None:
    x = Generator(1, device).uniform((20_000,), dtype=dtype)
    assert x.dtype is dtype
    a = x.astype(nd.float64).numpy()
    assert a.min() >= 0
    assert a.max() < 1
    np.testing.assert_array_equal(a * 2.0**bits, np.trunc(a * 2.0**bits))
    if bits < 20:
        assert len(np.unique(a)) == 2**bits
    else:
        assert np.any(a * 2.0**bits % 2 == 1), "the last bit is used"
    assert abs(a.mean() - 0.5) < 4 / math.sqrt(12 * a.size)
    assert abs(a.var() - 1 / 12) < 0.005


def test_uniform_from_its_words(device: str) -> None:
    words = philox(9, 0)
    assert Generator(9, device).uniform(4).tolist() == [(word >> 8) / 2**24 for word in words]
    wide = [((a >> 5) * 2**26 + (b >> 6)) / 2**53 for a, b in (words[:2], words[2:])]
    assert Generator(9, device).uniform(2, dtype=nd.float64).tolist() == wide


@pytest.mark.parametrize("dtype", [nd.float32, nd.float16, nd.bfloat16], ids=str)
def test_rounding_never_reaches_the_upper_end(device: str, dtype: nd.DType) -> None:
    x = Generator(2, device).uniform((50_000,), 1.0, 1.0078125, dtype).astype(nd.float64).numpy()
    assert x.min() == 1.0
    assert x.max() < 1.0078125
    assert nd.all(Generator(2, device).uniform((10,), 3.0, 3.0) == 3.0).item()


RANGES = [(0, 1), (-3, 4), (0, 10), (2**40, 2**40 + 3), (0, 2**32), (-(2**63), 5 - 2**63)]


@pytest.mark.parametrize(("low", "high"), RANGES)
def test_integers(device: str, low: int, high: int) -> None:
    x = Generator(4, device).integers(low, high, (2, 5000))
    assert (x.shape, x.dtype) == ((2, 5000), nd.int64)
    values, counts = np.unique(x.numpy(), return_counts=True)
    assert values[0] >= low
    assert values[-1] < high
    if high - low <= 10:
        assert len(values) == high - low
        expected = 10_000 / (high - low)
        assert ((counts - expected) ** 2 / expected).sum() < 30
    else:
        assert abs(x.numpy().mean() / (high - low) - 0.5) < 0.02


def test_integers_from_their_words(device: str) -> None:
    words = philox(9, 0)
    exact = [((a << 32 | b) * 1000 >> 64) - 7 for a, b in (words[:2], words[2:])]
    assert Generator(9, device).integers(-7, 993, 2).tolist() == exact


@pytest.mark.parametrize("n", [0, 1, 2, 1000])
def test_permutation(device: str, n: int) -> None:
    x = Generator(4, device).permutation(n)
    assert (x.shape, x.dtype) == ((n,), nd.int64)
    assert sorted(x.tolist()) == list(range(n))


def test_permutations_are_equally_frequent(device: str) -> None:
    g = Generator(4, device)
    counts = np.unique([g.permutation(3).tolist() for _ in range(1200)], axis=0, return_counts=True)[1]
    assert len(counts) == 6
    assert ((counts - 200) ** 2 / 200).sum() < 20


def test_bernoulli(device: str) -> None:
    g = Generator(4, device)
    x = g.bernoulli(0.3, (100, 100))
    assert (x.shape, x.dtype) == ((100, 100), nd.bool)
    assert abs(nd.mean(x).item() - 0.3) < 0.02
    assert not nd.any(g.bernoulli(0, 1000)).item()
    assert nd.all(g.bernoulli(1, 1000)).item()


def test_state(device: str) -> None:
    g = Generator(8, device)
    g.uniform((7,))
    state = g.state_dict()
    assert state == {"seed": 8, "counter": 2}
    expected = g.permutation(5).tolist()
    h = Generator(0, device)
    h.load_state_dict(state)
    assert h.permutation(5).tolist() == expected
    assert repr(h) == f"Generator(seed=8, counter=5, device={device})"


def test_default_generators(device: str) -> None:
    g = default_generator(device)
    assert default_generator(nd.device(device)) is g
    manual_seed(42)
    assert g.state_dict() == {"seed": 42, "counter": 0}
    assert g.uniform((3,)).tolist() == Generator(42, device).uniform((3,)).tolist()
    manual_seed(0)


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, True, "1", None])
def test_seeds_are_checked(seed: Any) -> None:
    before = default_generator("numpy").state_dict()
    for function in (lambda: Generator(seed, "numpy"), lambda: manual_seed(seed)):
        with pytest.raises(ValueError, match=r"\[Generator\] not a seed; got .*; expected an integer from 0 to 2"):
            function()
    assert default_generator("numpy").state_dict() == before


@pytest.mark.parametrize("state", [{}, {"seed": 1}, {"seed": 1, "counter": -1}, {"seed": 1, "counter": 0, "more": 0}])
def test_states_are_checked(state: dict[str, Any]) -> None:
    g = Generator(8, "numpy")
    with pytest.raises(ValueError, match=r"\[Generator\] not a (state|counter); got "):
        g.load_state_dict(state)
    assert g.state_dict() == {"seed": 8, "counter": 0}


def test_arguments_are_checked() -> None:
    g = Generator(8, "numpy")
    for low, high in [(1.0, 0.0), (0.0, math.inf), (math.nan, 1.0)]:
        with pytest.raises(ValueError, match=r"\[uniform\] no such range; got low .*; expected finite numbers,"):
            g.uniform((2,), low, high)
    with pytest.raises(TypeError, match=r"\[uniform\] not a float dtype; got int32"):
        g.uniform((2,), dtype=nd.int32)
    for low, high in [(3, 3), (3, 2), (0, 2**32 + 1)]:
        with pytest.raises(ValueError, match=r"\[integers\] no such range; got low .*; expected 1 <= high - low <="):
            g.integers(low, high, (2,))
    for p in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match=r"\[bernoulli\] not a probability; got .*; expected 0 <= p <= 1"):
            g.bernoulli(p, (2,))
    with pytest.raises(ValueError, match=r"negative extent"):
        g.permutation(-1)
    assert g.state_dict() == {"seed": 8, "counter": 0}
