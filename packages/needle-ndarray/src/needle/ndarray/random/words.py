"""Random words from a seed and a counter, and what all distributions are made of.

The words are those of Philox-4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC
2011): the seed is the key, and each draw takes the next blocks of four words, so that seed and counter are the state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from needle.ndarray import _core
from needle.ndarray.devices import device as find_device
from needle.ndarray.dtypes import float64, int64
from needle.ndarray.errors import message
from needle.ndarray.searching import nonzero

if TYPE_CHECKING:
    from collections.abc import Callable

    from needle.ndarray._core import DType, NDArray
    from needle.ndarray.devices import DeviceLike

__all__ = ["Words", "check_64_bits"]

# Children's keys come from the upper half of the counters, which draws would reach after 2^65 words.
SPLIT_COUNTER = 2**63
# So many elements are made at a time: few enough for the cache, so many that the cost of a call does not count.
CHUNK = 2**14


class Words:
    """A seed, and a counter of the blocks that have been drawn."""

    def __init__(self, seed: int, device: DeviceLike = None) -> None:
        self.device = find_device(device)
        self._seed = check_64_bits("seed", seed)
        self._counter = 0

    def __repr__(self) -> str:
        return f"Generator(seed={self._seed}, counter={self._counter}, device={self.device})"

    def bits(self, n: int) -> NDArray:
        """Return n random words, (n,) uint32.

        >>> nd.random.Generator(7).bits(3).dtype.name
        'uint32'
        """
        words = _core.random_bits(self._seed, self._counter, n, self.device)
        self._counter = (self._counter + -(-n // 4)) % 2**64
        return words

    def split(self, n: int) -> list[Self]:
        """Return n generators that are independent of this one and of each other, and move this one on.

        Child i has as its seed the first two words of block 2^63 + counter + i: no word that was ever drawn, or will
        be, tells it. Under Philox each seed orders all blocks in a way of its own: streams are not windows of one long
        sequence, so two of them cannot overlap as long as their seeds differ. n seeds are all different with a
        probability of more than 1 - n^2 / 2^65: for a million children, one in 37 million fails.

        Raises:
            ValueError: n is negative.

        >>> first, second = nd.random.Generator(7, "cpu").split(2)
        >>> first.uniform(2)
        NDArray([0.10225254, 0.33625317], dtype=float32, device=cpu)
        """
        words = _core.random_bits(self._seed, (self._counter + SPLIT_COUNTER) % 2**64, 4 * n, self.device).tolist()
        self._counter = (self._counter + n) % 2**64
        return [type(self)(low | high << 32, self.device) for low, high in zip(words[::4], words[1::4], strict=True)]

    def state_dict(self) -> dict[str, int]:
        """Return the seed and the counter.

        >>> nd.random.Generator(7).state_dict()
        {'seed': 7, 'counter': 0}
        """
        return {"seed": self._seed, "counter": self._counter}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state that `state_dict` gave.

        Raises:
            ValueError: the state is not of that form.

        >>> g = nd.random.Generator(7)
        >>> state, x = g.state_dict(), g.bits(3)
        >>> g.load_state_dict(state)
        >>> g.bits(3).tolist() == x.tolist()
        True
        """
        if state.keys() != {"seed", "counter"}:
            raise ValueError(message("Generator", "not a state", got=str(sorted(state)), expected="seed and counter"))
        self._seed, self._counter = (check_64_bits(key, state[key]) for key in ("seed", "counter"))

    def _fill(self, op: str, out: NDArray, *parameters: float) -> bool:
        """Let the backend fill out, two words for each element, by a composite; False where it has to be composed."""
        low = 0xFFFFFFFF
        words = (self._seed & low, self._seed >> 32, self._counter & low, self._counter >> 32)
        if not _core.composite(op, [], [out], words, parameters):
            return False
        self._counter = (self._counter + -(-out.size // 2)) % 2**64
        return True

    def _inside(self, n: int) -> NDArray:
        """Return n float64 that are uniform on the odd multiples of 2^-53 in (0, 1), of two words each."""
        words = self.bits(2 * n)
        u = (words[0::2] >> 6).astype(float64)
        u *= 2**26
        u += (words[1::2] >> 6).astype(float64)
        u *= 2**-52
        u += 2**-53
        return u

    def _in_chunks(self, n: int, make: Callable[[int], NDArray]) -> NDArray:
        """Return n float64 that `make` gives when it is asked for some; the same as if asked once for all."""
        out = _core.empty((n,), float64, self.device)
        for start in range(0, n, CHUNK):
            part = out[start : start + CHUNK]
            part[...] = make(part.size)
        return out

    def _accepted(
        self, n: int, dtype: DType, candidates: Callable[..., tuple[NDArray, NDArray]], *parameters: NDArray
    ) -> NDArray:
        """Return n numbers by rejection, in rounds: each makes candidates, in order, for the elements that have none.

        So the words that an element gets follow from the seed and the call alone. How many elements are left is read
        after each round, which a recording cannot do.

        Args:
            n: how many.
            dtype: of the numbers.
            candidates: makes so many, of the parameters of these elements; and says which are accepted.
            parameters: (n,) each.
        """
        out = _core.empty((n,), dtype, self.device)
        places = _core.iota(n, int64, self.device)
        while places.size:
            x, accepted = candidates(places.size, *parameters)
            out = _core.scatter(out, places, x, axis=0)
            (rest,) = nonzero(~accepted)
            places, *parameters = (_core.take(each, rest, axis=0) for each in (places, *parameters))
        return out


def check_64_bits(name: str, value: int) -> int:
    """Return an integer that fits in 64 bits without a sign; ValueError for anything else."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**64:  # pyright: ignore[reportUnnecessaryIsInstance]
        expected = "an integer from 0 to 2**64 - 1"
        raise ValueError(message("Generator", f"not a {name}", got=repr(value), expected=expected))
    return value
