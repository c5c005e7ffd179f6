"""Random numbers: known words, the same on every device and for ever, ranges, state."""

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
    "uniform between arrays": lambda g: g.uniform(
        (2, 3), nd.zeros(3, device=g.device), nd.ones((2, 1), device=g.device)
    ),
    "normal": lambda g: g.normal((40_000,), 1.0, 2.0),  # more than one chunk
    "normal float64": lambda g: g.normal((30, 3), dtype=nd.float64),
    "normal float16": lambda g: g.normal(9, dtype=nd.float16),
    "normal bfloat16": lambda g: g.normal(9, dtype=nd.bfloat16).astype(nd.float32),
    "normal of arrays": lambda g: g.normal((2, 3), nd.arange(3, device=g.device), nd.ones((2, 1), device=g.device)),
    "truncated_normal": lambda g: g.truncated_normal((2000,), -1.0, 5.0, 0.5, 2.0, nd.float64),
    "truncated_normal, far out": lambda g: g.truncated_normal((500,), 9.0, math.inf, dtype=nd.float64),
    "truncated_normal of arrays": lambda g: g.truncated_normal((4, 2), nd.asarray([-1.0, 0.0], device=g.device), 2.0),
    "log_normal": lambda g: g.log_normal((500,), 1.0, 2.0, nd.float64),
    "exponential": lambda g: g.exponential((500,), 2.0, nd.float64),
    "laplace": lambda g: g.laplace((500,), 1.0, 2.0, nd.float64),
    "cauchy": lambda g: g.cauchy((500,), 1.0, 2.0, nd.float64),
    "gumbel": lambda g: g.gumbel((500,), 1.0, 2.0, nd.float64),
    "gamma": lambda g: g.gamma((20_000,), 2.5, 2.0, nd.float64),
    "gamma of arrays": lambda g: g.gamma((500, 3), nd.asarray([0.01, 0.5, 7.0], device=g.device), dtype=nd.float64),
    "beta": lambda g: g.beta((500,), 0.5, 2.0, nd.float64),
    "dirichlet": lambda g: g.dirichlet((100,), [0.01, 1.0, 2.0, 3.0, 50.0], nd.float64),
    "poisson": lambda g: g.poisson(4.0, 20_000),
    "poisson of arrays": lambda g: g.poisson(nd.asarray([0.1, 9.0, 11.0, 1e9], device=g.device), (500, 4)),
    "binomial": lambda g: g.binomial(1000, 0.3, 20_000),
    "binomial of arrays": lambda g: g.binomial(nd.asarray([[3], [1000]], device=g.device), 0.9, (500, 2, 1)),
    "multinomial": lambda g: g.multinomial(50, [0.1, 0.2, 0.0, 0.7], 100),
    "wide integers": lambda g: g.integers(-(2**40), 2**40 + 7, 100),
    "integers of uint64": lambda g: g.integers(0, 2**64, 100, nd.uint64),
    "permutation of an array": lambda g: g.permutation(nd.arange(60, device=g.device).reshape(2, 30), axis=-1),
    "choice": lambda g: g.choice(1000, (3, 4)),
    "choice by weight": lambda g: g.choice(4, 100, p=[0.1, 0.2, 0.0, 0.7]),
    "choice without replacement": lambda g: g.choice(1000, 20, replace=False),
    "choice without replacement, by weight": lambda g: g.choice(40, 20, replace=False, p=[0.02, 0.03] * 20),
    "categorical": lambda g: g.categorical(nd.asarray([[0.0, 1.0], [2.0, -math.inf]], device=g.device), (50, 2)),
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


def test_numbers_do_not_depend_on_the_number_of_threads() -> None:
    before = nd.get_num_threads()
    results: list[Any] = []
    for threads in (1, 2, 3):
        nd.set_num_threads(threads)
        results.append([DRAWS[name](Generator(11, "cpu")).tolist() for name in DRAWS])
    nd.set_num_threads(before)
    assert results[0] == results[1] == results[2]


# Numbers that a release must not change: what a seed gave once it gives for ever.
GOLDEN: dict[str, tuple[Any, list[Any]]] = {
    "g.uniform(2)": (lambda g: g.uniform(2), [0.9545971155166626, 0.7501521706581116]),
    "g.uniform(2, -1.0, 3.0, nd.float64)": (
        lambda g: g.uniform(2, -1.0, 3.0, nd.float64),
        [2.818388514225251, -0.543290552924339],
    ),
    "g.normal(3, dtype=nd.float64)": (
        lambda g: g.normal(3, dtype=nd.float64),
        [-0.22970816457153023, -0.20041439038511152, -0.6326745240865496],
    ),
    "g.truncated_normal(2, -2.0, 2.0, dtype=nd.float64)": (
        lambda g: g.truncated_normal(2, -2.0, 2.0, dtype=nd.float64),
        [1.505582728122439, -1.1182393355968727],
    ),
    "g.log_normal(2, dtype=nd.float64)": (
        lambda g: g.log_normal(2, dtype=nd.float64),
        [0.7947655093953319, 0.8183915492121755],
    ),
    "g.exponential(2, dtype=nd.float64)": (
        lambda g: g.exponential(2, dtype=nd.float64),
        [0.04646588437212851, 2.170002229018356],
    ),
    "g.laplace(2, dtype=nd.float64)": (
        lambda g: g.laplace(2, dtype=nd.float64),
        [2.3990327067167785, -1.4768550484584109],
    ),
    "g.cauchy(2, dtype=nd.float64)": (
        lambda g: g.cauchy(2, dtype=nd.float64),
        [1.3353916948999665, -0.45463222159327576],
    ),
    "g.gumbel(2, dtype=nd.float64)": (
        lambda g: g.gumbel(2, dtype=nd.float64),
        [3.0690369050725343, -0.7747281947492397],
    ),
    "g.gamma(2, 2.5, dtype=nd.float64)": (
        lambda g: g.gamma(2, 2.5, dtype=nd.float64),
        [1.8458290385207536, 1.8848507667806702],
    ),
    "g.gamma(2, 0.5, dtype=nd.float64)": (
        lambda g: g.gamma(2, 0.5, dtype=nd.float64),
        [3.453503798372187e-05, 0.6283717058733806],
    ),
    "g.beta(2, 2.0, 0.5, nd.float64)": (
        lambda g: g.beta(2, 2.0, 0.5, nd.float64),
        [0.9614551275851906, 0.8407969592127896],
    ),
    "g.dirichlet(1, [1.0, 2.0, 3.0], nd.float64)": (
        lambda g: g.dirichlet(1, [1.0, 2.0, 3.0], nd.float64),
        [[0.13488058710780468, 0.3863301396655446, 0.47878927322665077]],
    ),
    "g.integers(-10, 10, 5)": (lambda g: g.integers(-10, 10, 5), [9, -8, -2, -7, -10]),
    "g.integers(0, 2**40 + 7, 3)": (lambda g: g.integers(0, 2**40 + 7, 3), [13359349764, 251078673451, 894915393431]),
    "g.poisson(4.0, 5)": (lambda g: g.poisson(4.0, 5), [8, 2, 3, 2, 0]),
    "g.poisson(40.0, 5)": (lambda g: g.poisson(40.0, 5), [55, 31, 38, 33, 46]),
    "g.binomial(1000, 0.25, 5)": (lambda g: g.binomial(1000, 0.25, 5), [282, 231, 246, 235, 263]),
    "g.binomial(10, 0.75, 5)": (lambda g: g.binomial(10, 0.75, 5), [5, 9, 8, 9, 10]),
    "g.multinomial(100, [0.5, 0.3, 0.2], 2)": (
        lambda g: g.multinomial(100, [0.5, 0.3, 0.2], 2),
        [[61, 25, 14], [43, 30, 27]],
    ),
    "g.bernoulli(0.5, 5)": (lambda g: g.bernoulli(0.5, 5), [False, False, True, True, True]),
    "g.permutation(7)": (lambda g: g.permutation(7), [4, 1, 3, 6, 2, 5, 0]),
    "g.choice(100, 4)": (lambda g: g.choice(100, 4), [95, 11, 40, 17]),
    "g.choice(4, 6, p=[0.1, 0.2, 0.3, 0.4])": (lambda g: g.choice(4, 6, p=[0.1, 0.2, 0.3, 0.4]), [3, 0, 1, 3, 0, 2]),
    "g.choice(9, 5, replace=False)": (lambda g: g.choice(9, 5, replace=False), [4, 1, 7, 3, 8]),
    "g.choice(4, 3, replace=False, p=[0.1, 0.2, 0.3, 0.4])": (
        lambda g: g.choice(4, 3, replace=False, p=[0.1, 0.2, 0.3, 0.4]),
        [0, 2, 3],
    ),
    "g.categorical(nd.asarray([0.0, 1.0, 2.0], device=g.device), 6)": (
        lambda g: g.categorical(nd.asarray([0.0, 1.0, 2.0], device=g.device), 6),
        [0, 2, 2, 2, 2, 0],
    ),
    "g.split(1)[0].bits(2)": (lambda g: g.split(1)[0].bits(2), [439171378, 1444196402]),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_numbers_never_change(device: str, name: str) -> None:
    draw, expected = GOLDEN[name]
    assert draw(Generator(7, device)).tolist() == expected


PREFIXES: dict[str, Any] = {
    "uniform": lambda g, n: g.uniform(n),
    "normal": lambda g, n: g.normal(n),
    "truncated_normal": lambda g, n: g.truncated_normal(n, 0.0, 1.0),
    "exponential": lambda g, n: g.exponential(n),
    "laplace": lambda g, n: g.laplace(n),
    "cauchy": lambda g, n: g.cauchy(n),
    "gumbel": lambda g, n: g.gumbel(n),
    "integers": lambda g, n: g.integers(0, 100, n),
}


@pytest.mark.parametrize("name", PREFIXES)
def test_the_first_numbers_do_not_depend_on_how_many_are_drawn(device: str, name: str) -> None:
    many = PREFIXES[name](Generator(1, device), 40_001).tolist()
    for n in (0, 1, 7, 2**14, 2**14 + 1):
        assert PREFIXES[name](Generator(1, device), n).tolist() == many[:n]


@pytest.mark.parametrize("dtype", [nd.float16, nd.bfloat16, nd.float32], ids=str)
def test_narrow_floats_are_the_wide_ones_rounded(device: str, dtype: nd.DType) -> None:
    for draw in (
        lambda g, dtype: g.normal(100, 1.0, 3.0, dtype),
        lambda g, dtype: g.log_normal(100, dtype=dtype),
        lambda g, dtype: g.truncated_normal(100, -1.0, 2.0, dtype=dtype),
        lambda g, dtype: g.gamma(100, 0.7, dtype=dtype),
        lambda g, dtype: g.beta(100, 0.7, 1.5, dtype=dtype),
        lambda g, dtype: g.dirichlet(100, [1.0, 2.0], dtype=dtype),
    ):
        x = draw(Generator(5, device), dtype)
        assert x.dtype is dtype
        assert (
            x.astype(nd.float64).tolist()
            == draw(Generator(5, device), nd.float64).astype(dtype).astype(nd.float64).tolist()
        )


def test_split(device: str) -> None:
    g = Generator(9, device)
    children = g.split(3)
    blocks = [philox(9, 2**63 + i) for i in range(3)]
    assert [child.state_dict()["seed"] for child in children] == [a | b << 32 for a, b, _, _ in blocks]
    assert all(type(child) is Generator and str(child.device) == device for child in children)
    assert g.state_dict() == {"seed": 9, "counter": 3}
    assert g.split(0) == []
    seeds = {child.state_dict()["seed"] for parent in (*children, g) for child in (parent, *parent.split(100))}
    assert len(seeds) == 404
    with pytest.raises(ValueError, match=r"negative extent"):
        g.split(-1)
