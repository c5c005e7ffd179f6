"""The generator that users hold, and the one of each device that is used where none is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from needle.ndarray.devices import device as find_device
from needle.ndarray.random.counts import Counts
from needle.ndarray.random.discrete import Discrete
from needle.ndarray.random.gammas import Gammas
from needle.ndarray.random.words import check_64_bits

if TYPE_CHECKING:
    from needle.ndarray._core import Device
    from needle.ndarray.devices import DeviceLike

__all__ = ["Generator", "default_generator", "manual_seed"]

_seed = 0
_generators: dict[Device, Generator] = {}


class Generator(Counts, Discrete, Gammas):
    """A source of random numbers: a seed, and a counter of the blocks that have been drawn.

    The same calls after the same seed give the same numbers, bit for bit, on every device and with any number of
    threads: words are functions of seed and counter, and distributions use operations with one result everywhere alone.

    Args:
        seed: 0 to 2^64 - 1; other seeds give independent numbers.
        device: where the numbers are made.

    >>> g = nd.random.Generator(7)
    >>> g.normal((2, 3)).shape
    (2, 3)
    """


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
    _seed = check_64_bits("seed", seed)
    for generator in _generators.values():
        generator.load_state_dict({"seed": seed, "counter": 0})
