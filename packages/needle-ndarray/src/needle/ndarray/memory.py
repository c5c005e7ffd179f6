"""The memory that the backends hold.

The cpu backend keeps the memory of arrays that are gone, for new ones: memory that is fresh from the system costs more
to touch for the first time than most computations on it do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from needle.ndarray import _core
from needle.ndarray.devices import device as find_device
from needle.ndarray.errors import message

if TYPE_CHECKING:
    from needle.ndarray.devices import DeviceLike

__all__ = ["empty_cache", "memory_stats", "reset_peak_memory_stats", "set_cache_limit"]


def memory_stats(device: DeviceLike = None) -> dict[str, int]:
    """Return how much memory the backend of a device holds, in bytes; sizes are rounded up as the backend does.

    Returns:
        ``live``, of arrays and of work in progress; ``peak``, the most that was live since `reset_peak_memory_stats`;
        ``cached``, kept for new arrays; ``limit``, which ``cached`` does not exceed.

    Raises:
        NotImplementedError: the backend keeps no account, as here: so in all functions of this module.

    >>> from needle import ndarray as nd
    >>> x = nd.zeros((256, 256), device="cpu")
    >>> memory_stats("cpu")["live"] >= x.nbytes
    True
    """
    return _core.memory_stats(find_device(device))


def reset_peak_memory_stats(device: DeviceLike = None) -> None:
    """Let the ``peak`` of `memory_stats` start again from what is live now.

    >>> reset_peak_memory_stats("cpu")
    """
    _core.reset_peak_memory_stats(find_device(device))


def empty_cache(device: DeviceLike = None) -> None:
    """Give the cached memory back to the system; the backend does so itself when memory runs out.

    >>> empty_cache("cpu")
    >>> memory_stats("cpu")["cached"]
    0
    """
    _core.empty_cache(find_device(device))


def set_cache_limit(nbytes: int, device: DeviceLike = None) -> None:
    """Set how many bytes the backend may cache, 0 for none; what it has beyond them it gives back to the system.

    Without it, the cpu backend caches up to a quarter of the machine's memory.

    Raises:
        ValueError: ``nbytes`` is negative.

    >>> set_cache_limit(memory_stats("cpu")["limit"], "cpu")
    """
    if nbytes < 0:
        raise ValueError(message("set_cache_limit", "not a number of bytes", got=str(nbytes), expected="at least 0"))
    _core.set_cache_limit(find_device(device), nbytes)
