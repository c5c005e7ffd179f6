"""Apple Metal devices for `needle.ndarray`.

This version has no kernels yet, so it offers no backend, and `load` says why.
"""

from __future__ import annotations

import platform
from typing import NoReturn

from needle.ndarray.backend import BackendUnavailable
from needle.ndarray.errors import message

__all__ = ["load"]


def load() -> NoReturn:
    """Entry point of the backend `metal`.

    Raises:
        BackendUnavailable: always in this version; the text says what is missing.
    """
    if platform.system() != "Darwin":
        raise BackendUnavailable(
            message("metal", "Metal is a part of macOS", got=platform.system(), hint='use device("cpu")')
        )
    raise BackendUnavailable(
        message("metal", "this version of needle-backend-metal has no kernels yet", hint='use device("cpu")')
    )
