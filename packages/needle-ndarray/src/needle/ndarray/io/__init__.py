"""Files of arrays, by their suffix: ``.npy`` and ``.npz`` of NumPy, and ``.safetensors``; without NumPy.

The readers trust nothing: whatever a file holds, reading it gives the arrays that it describes or an error, and runs no
code from it. The writers replace a file whole or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from needle.ndarray._core import NDArray
from needle.ndarray.errors import message
from needle.ndarray.io.atomic import atomic_write
from needle.ndarray.io.safetensors import SafetensorsFile, load_safetensors, save_safetensors

if TYPE_CHECKING:
    from needle.ndarray.devices import DeviceLike

__all__ = ["SafetensorsFile", "atomic_write", "load", "load_safetensors", "save", "save_safetensors"]

SUFFIXES = (".npy", ".npz", ".safetensors")


def save(path: str | os.PathLike[str], arrays: NDArray | Mapping[str, NDArray], /) -> None:
    """Write one array to a ``.npy`` file, or several by name to a ``.npz`` or ``.safetensors`` file, atomically.

    Raises:
        TypeError: what is to be saved is not what the format holds, or is of a dtype that it lacks.
        ValueError: the path has another suffix, or the format cannot hold an array's name.
        OSError: the file cannot be written.

    >>> from needle.ndarray import ones
    >>> save("ones.npz", {"x": ones(2), "y": ones(3)})
    >>> save("ones.npy", ones(2))
    """
    suffix = _suffix("save", path)
    if suffix == ".npy":
        if not isinstance(arrays, NDArray):
            raise TypeError(
                message("save", "a .npy file holds one array", got=type(arrays).__name__, expected="NDArray")
            )
        return _npy().save_npy(path, arrays)
    named = cast("Mapping[Any, Any]", arrays)
    if not isinstance(arrays, Mapping):
        expected = "a dict of str to NDArray"
        raise TypeError(
            message("save", f"a {suffix} file holds named arrays", got=type(arrays).__name__, expected=expected)
        )
    for name, x in named.items():
        if not isinstance(name, str) or not isinstance(x, NDArray):
            got = f"{name!r}: {type(x).__name__}"
            raise TypeError(message("save", "not a named array", got=got, expected="a str and an NDArray"))
    return (_npy().save_npz if suffix == ".npz" else save_safetensors)(path, arrays)


def load(path: str | os.PathLike[str], /, *, device: DeviceLike = None) -> Any:
    """Read a ``.npy`` file, an `NDArray`; a ``.npz`` file, a dict of them; or ``.safetensors``, a `SafetensorsFile`.

    The last is a mapping too, and reads an array only when it is asked for. A ``.npy`` file is mapped into memory, as a
    `SafetensorsFile` is, with what is said there: what is not used is never read, and writes do not go to the file.

    Args:
        path: the file, of one of these suffixes.
        device: of the arrays; the default one without it.

    Raises:
        OSError: the file cannot be opened.
        ValueError: the suffix is another one, or the file is damaged or not of that format; the text says why.

    >>> from needle.ndarray import ones
    >>> save("ones.npz", {"x": ones(2)})
    >>> load("ones.npz")["x"].tolist()
    [1.0, 1.0]
    """
    suffix = _suffix("load", path)
    if suffix == ".safetensors":
        return SafetensorsFile(path, device)
    return (_npy().load_npy if suffix == ".npy" else _npy().load_npz)(path, device)


def _npy() -> ModuleType:
    """Return the module of NumPy's formats, which needs `zipfile`: a third of the time of importing all of Needle."""
    return import_module("needle.ndarray.io.npy")


def _suffix(op: str, path: str | os.PathLike[str]) -> str:
    suffix = os.path.splitext(path)[1]
    if suffix not in SUFFIXES:
        got = repr(os.fspath(path))
        raise ValueError(message(op, "no format has this suffix", got=got, expected=" or ".join(SUFFIXES)))
    return suffix
