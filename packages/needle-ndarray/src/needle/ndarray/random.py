"""Random numbers from counters: the same seed gives the same numbers on every device.

The words are those of Philox-4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC
2011): the seed is the key, and each draw takes the next blocks of four words, so that seed and counter are the state.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from needle.ndarray import _core
from needle.ndarray._elementwise import less
from needle.ndarray.devices import device as find_device
from needle.ndarray.dtypes import float32, float64, int64, uint64
from needle.ndarray.errors import message

if TYPE_CHECKING:
    from needle.ndarray._core import Device, DType, NDArray, Shape
    from needle.ndarray.devices import DeviceLike

__all__ = ["Generator", "default_generator", "manual_seed"]

# Bits of a float's significand, hidden one included: so many random bits are a multiple of 2^-bits in [0, 1), exactly.
SIGNIFICAND = {"bfloat16": 8, "float16": 11, "float32": 24}

_seed = 0
_generators: dict[Device, Generator] = {}


class Generator:
    """A source of random numbers: a seed, and a counter of the blocks that have been drawn.

    Args:
        seed: 0 to 2^64 - 1; other seeds give independent numbers.
        device: where the numbers are made.

    >>> g = Generator(7)
    >>> g.uniform((2, 3)).shape
    (2, 3)
    """

    def __init__(self, seed: int, device: DeviceLike = None) -> None:
        self.device = find_device(device)
        self._seed = _in_64_bits("seed", seed)
        self._counter = 0

    def __repr__(self) -> str:
        return f"Generator(seed={self._seed}, counter={self._counter}, device={self.device})"

    def bits(self, n: int) -> NDArray:
        """Return n random words, (n,) uint32.

        >>> Generator(7).bits(3).dtype.name
        'uint32'
        """
        words = _core.random_bits(self._seed, self._counter, n, self.device)
        self._counter = (self._counter + -(-n // 4)) % 2**64
        return words

    def uniform(self, shape: Shape, low: float = 0.0, high: float = 1.0, dtype: DType = float32) -> NDArray:
        """Return floats that are uniform in [low, high).

        They are ``low + (high - low) * u``, u being a multiple of 2^-24 (float32), 2^-11 (float16) or 2^-8 (bfloat16),
        from one word each, or of 2^-53 (float64), from two.

        Raises:
            ValueError: low and high are not finite, or high is below low.
            TypeError: the dtype is not a float.

        >>> Generator(7, "cpu").uniform(3)
        NDArray([0.9545971 , 0.7501522 , 0.11417735], dtype=float32, device=cpu)
        """
        if not (low <= high and math.isfinite(high - low)):
            got = f"low {low}, high {high}"
            raise ValueError(message("uniform", "no such range", got=got, expected="finite numbers, low <= high"))
        if dtype.kind != "float":
            raise TypeError(message("uniform", "not a float dtype", got=dtype.name))
        shape = _as_shape(shape)
        n = math.prod(shape)
        if dtype is float64:
            words = self.bits(2 * n)
            u = ((words[0::2] >> 5).astype(dtype) * 2**26 + (words[1::2] >> 6).astype(dtype)) * 2**-53
        else:
            bits = SIGNIFICAND[dtype.name]
            u = (self.bits(n) >> (32 - bits)).astype(dtype) * 2**-bits
        u = u.reshape(shape)
        if (low, high) == (0, 1):
            return u
        x = u * (high - low) + low
        return _core.where(less(x, high), x, low)  # rounding can carry the largest to high

    def integers(self, low: int, high: int, shape: Shape) -> NDArray:
        """Return int64 numbers that are uniform in [low, high), a range of at most 2^32.

        64 random bits are multiplied with the range and shifted (Lemire: "Fast random integer generation in an
        interval", 2019), so that the probabilities differ from equal ones by less than one part in 2^32.

        Raises:
            ValueError: the range is empty or wider than 2^32.

        >>> Generator(7).integers(-10, 10, 3).tolist()
        [9, -8, -2]
        """
        if not 1 <= high - low <= 2**32:
            got = f"low {low}, high {high}"
            raise ValueError(message("integers", "no such range", got=got, expected="1 <= high - low <= 2**32"))
        shape = _as_shape(shape)
        words = self.bits(2 * math.prod(shape)).astype(uint64)
        upper, lower = words[0::2], words[1::2]
        span = high - low
        return (((upper * span + (lower * span >> 32)) >> 32).astype(int64) + low).reshape(shape)

    def permutation(self, n: int) -> NDArray:
        """Return 0 to n - 1 in random order, (n,) int64: the order that sorts n random numbers of 64 bits.

        Two of these are equal, and keep their order, with a probability of less than n^2 / 2^65.

        >>> Generator(7).permutation(5).tolist()
        [4, 1, 3, 2, 0]
        """
        words = self.bits(2 * n).astype(uint64)
        return _core.argsort((words[0::2] << 32) | words[1::2])

    def bernoulli(self, p: float, shape: Shape) -> NDArray:
        """Return bools that are True with probability p, to the nearest multiple of 2^-24.

        Raises:
            ValueError: p is not in [0, 1].

        >>> Generator(7).bernoulli(0.5, 3).tolist()
        [False, False, True]
        """
        if not 0 <= p <= 1:
            raise ValueError(message("bernoulli", "not a probability", got=str(p), expected="0 <= p <= 1"))
        return less(self.uniform(shape), float(p))

    def state_dict(self) -> dict[str, int]:
        """Return the seed and the counter.

        >>> Generator(7).state_dict()
        {'seed': 7, 'counter': 0}
        """
        return {"seed": self._seed, "counter": self._counter}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state that `state_dict` gave.

        Raises:
            ValueError: the state is not of that form.

        >>> g = Generator(7)
        >>> state, x = g.state_dict(), g.bits(3)
        >>> g.load_state_dict(state)
        >>> g.bits(3).tolist() == x.tolist()
        True
        """
        if state.keys() != {"seed", "counter"}:
            raise ValueError(message("Generator", "not a state", got=str(sorted(state)), expected="seed and counter"))
        self._seed, self._counter = (_in_64_bits(key, state[key]) for key in ("seed", "counter"))


def default_generator(device: DeviceLike = None) -> Generator:
    """Return the generator of a device that is used where none is given; its seed is 0 until `manual_seed` sets it.

    >>> default_generator() is default_generator()
    True
    """
    where = find_device(device)
    if where not in _generators:
        _generators[where] = Generator(_seed, where)
    return _generators[where]


def manual_seed(seed: int) -> None:
    """Set the seed of the default generators of all devices, and begin anew.

    >>> manual_seed(1)
    """
    global _seed  # noqa: PLW0603 - one of the three settings that are global by design
    _seed = _in_64_bits("seed", seed)
    for generator in _generators.values():
        generator.load_state_dict({"seed": seed, "counter": 0})


def _in_64_bits(name: str, value: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**64:  # pyright: ignore[reportUnnecessaryIsInstance]
        expected = "an integer from 0 to 2**64 - 1"
        raise ValueError(message("Generator", f"not a {name}", got=repr(value), expected=expected))
    return value


def _as_shape(shape: Shape) -> tuple[int, ...]:
    return (shape,) if isinstance(shape, int) else tuple(shape)
