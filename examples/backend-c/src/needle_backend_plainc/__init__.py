"""The entry point of the backend `plainc`: it loads the library and hands its table over."""

from __future__ import annotations

import ctypes
from pathlib import Path

from needle.ndarray import BackendUnavailable

CAPSULE_NAME = b"needle_backend"  # the capsule keeps this address, so the bytes have to live as long


def load() -> object:
    """Return the table of the library beside this file, in a capsule."""
    try:
        library = ctypes.CDLL(str(Path(__file__).with_name("plainc.so")))
    except OSError as error:
        raise BackendUnavailable(f"[plainc] the library does not load; got {error}") from error
    library.plainc_backend.restype = ctypes.c_void_p
    new_capsule = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    return new_capsule(("PyCapsule_New", ctypes.pythonapi))(library.plainc_backend(), CAPSULE_NAME, None)
