"""Devices by name, and the registry of the backends that provide them.

A backend is an entry point of the group ``needle.backends``: its name is the device's, and it leads to a function
without arguments that returns a `Backend` or a capsule with a ``needle_backend``. Nothing is loaded before it is asked
for, so a plugin that is broken or missing matters to those alone who ask for it.
"""

from __future__ import annotations

import os
from importlib import import_module
from threading import RLock
from typing import TYPE_CHECKING, TypeAlias

from needle.ndarray import _core
from needle.ndarray._core import Device
from needle.ndarray.backend import BackendUnavailable
from needle.ndarray.errors import message

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = [
    "DeviceLike", "default_device", "device", "devices", "get_num_threads", "set_default_device", "set_num_threads",
    "synchronize",
]  # fmt: skip

DeviceLike: TypeAlias = Device | str | None

GROUP = "needle.backends"
BUILT_IN = ("cpu", "numpy")
OUR_PLUGINS = ("cuda", "metal")

_lock = RLock()
_by_spec: dict[str, Device] = {}


def device(spec: DeviceLike = None) -> Device:
    """Return a device, loading its backend if this is the first time that it is asked for.

    Args:
        spec: ``"name"`` or ``"name:index"``; a `Device`, which is returned as it is; or None for the default device.

    Raises:
        ValueError: no installed backend has the name, or it has no device of that index.
        BackendUnavailable: the backend is installed and cannot be used here; the text says why.

    >>> str(device("cpu:0"))
    'cpu'
    """
    if isinstance(spec, Device):
        return spec
    if spec is None:
        return default_device()
    if not isinstance(spec, str):  # pyright: ignore[reportUnnecessaryIsInstance] - for callers without a type checker
        raise TypeError(message("device", "not a device", got=type(spec).__name__, expected="a Device, str or None"))
    if spec not in _by_spec:
        name, colon, index = spec.partition(":")
        if not name or (colon and not index.isdecimal()):
            expected = "NAME or NAME:INDEX"
            raise ValueError(message("device", "not the name of a device", got=repr(spec), expected=expected))
        with _lock:
            _load(name)
        _by_spec[spec] = _core.get_device(name, int(index or 0))
    return _by_spec[spec]


def devices() -> list[str]:
    """Return the names of the backends that are installed, usable or not, the built-in ones first.

    >>> devices()[:2]
    ['cpu', 'numpy']
    """
    return [*BUILT_IN, *sorted({entry.name for entry in entry_points()}.difference(BUILT_IN))]


def default_device() -> Device:
    """Return the device of arrays that are made without one: the one set, else ``NEEDLE_DEVICE``, else ``cpu``.

    >>> from needle.ndarray import ones
    >>> ones(2).device == default_device()
    True
    """
    chosen = _core.get_default_device()
    if chosen is None:
        asked = os.environ.get("NEEDLE_DEVICE")
        try:
            chosen = device(asked or "cpu")
        except (ValueError, BackendUnavailable) as error:
            source = " (asked for by the environment variable NEEDLE_DEVICE)" if asked else ""
            raise type(error)(f"{error}{source}") from error
        _core.set_default_device(chosen)
    return chosen


def set_default_device(spec: Device | str) -> None:
    """Set the device of arrays that are made without one.

    >>> set_default_device(default_device())
    """
    _core.set_default_device(device(spec))


def synchronize(spec: DeviceLike = None) -> None:
    """Return when all work that was given to the device is done.

    >>> synchronize("cpu")
    """
    _core.synchronize(device(spec))


def set_num_threads(n: int) -> None:
    """Set how many threads the cpu backend uses; results do not depend on it.

    >>> set_num_threads(get_num_threads())
    """
    import_module("needle.ndarray._cpu").set_num_threads(n)


def get_num_threads() -> int:
    """Return how many threads the cpu backend uses.

    >>> get_num_threads() >= 1
    True
    """
    return import_module("needle.ndarray._cpu").get_num_threads()


def entry_points(name: str | None = None) -> list[EntryPoint]:
    """Return the installed backends, or those of one name, without loading any."""
    from importlib import metadata  # noqa: PLC0415 - takes 30 ms, which the built-in devices need not pay

    return [entry for entry in metadata.entry_points(group=GROUP) if name in (None, entry.name)]


def providers(name: str) -> list[str]:
    """Return the distributions that provide a backend, each as "name version"."""
    found = {entry.dist.metadata["Name"]: entry.dist.version for entry in entry_points(name) if entry.dist}
    return [f"{distribution} {version}" for distribution, version in found.items()]


def _load(name: str) -> None:
    """Register the backend, unless it is registered."""
    if _core.has_backend(name):
        return
    entry = None if name in BUILT_IN else _only_entry_point(name)
    try:
        load = entry.load() if entry else import_module(f"needle.ndarray.backends.{name}").load
        _core.add_backend(name, load())
    except Exception as error:  # a plugin may raise anything
        ours, its = providers("cpu"), providers(name)
        versions = " with ".join(dict.fromkeys(its + ours))
        if isinstance(error, BackendUnavailable):
            raise BackendUnavailable(message("device", f"{name!r} ({versions}) is unavailable: {error}")) from error
        cause = f"{type(error).__name__}: {error}"
        fix = "pip install --force-reinstall " + " ".join(dict.fromkeys(text.split()[0] for text in its + ours))
        raise BackendUnavailable(
            message("device", f"the backend {name!r} cannot be loaded ({cause})", got=versions, hint=fix)
        ) from error


def _only_entry_point(name: str) -> EntryPoint:
    found = entry_points(name)
    if len(found) == 1:
        return found[0]
    if found:
        several = providers(name)
        problem = f"{len(found)} installed backends are named {name!r}"
        fix = f"pip uninstall {several[-1].split()[0]}"
        raise BackendUnavailable(message("device", problem, got=" and ".join(several), hint=fix))
    raise ValueError(
        message(
            "device",
            f"no installed backend is named {name!r}",
            expected="one of " + ", ".join(devices()),
            hint=f"pip install needle-backend-{name}" if name in OUR_PLUGINS else "",
        )
    )
