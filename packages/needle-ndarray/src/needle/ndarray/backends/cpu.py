"""The cpu backend, which is written in C++ (cpp/cpu)."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from needle.ndarray.backend import BackendUnavailable
from needle.ndarray.errors import message

__all__ = ["load"]


def load() -> Any:
    """Return the capsule with the backend's table."""
    try:
        return import_module("needle.ndarray._cpu").backend
    except ModuleNotFoundError as error:
        raise BackendUnavailable(
            message(
                "cpu",
                f"the compiled part is missing ({error})",
                hint="install a wheel for this platform, or a C++20 compiler, and reinstall needle-ndarray",
            )
        ) from error
    except ImportError as error:  # its own reason: a setting that it cannot follow, a library of the system
        raise BackendUnavailable(str(error)) from error
