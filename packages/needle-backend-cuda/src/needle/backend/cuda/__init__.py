"""NVIDIA CUDA devices for `needle.ndarray`.

This version finds the driver and its devices. It has no kernels yet, so it offers no backend, and `load` says why.
"""

from __future__ import annotations

import ctypes
import sys
from typing import NoReturn

from needle.ndarray.backend import BackendUnavailable
from needle.ndarray.errors import message

__all__ = ["device_count", "load"]

_DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
_NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE, the one error of cuInit that is an answer


def load() -> NoReturn:
    """Entry point of the backend `cuda`.

    Raises:
        BackendUnavailable: always in this version; the text says what is missing.
    """
    count = device_count()
    raise BackendUnavailable(
        message(
            "cuda",
            "this version of needle-backend-cuda has no kernels yet",
            got=f"an NVIDIA driver with {count} device{'' if count == 1 else 's'}",
            hint='use device("cpu")',
        )
    )


def device_count() -> int:
    """Ask the NVIDIA driver how many devices it sees.

    Raises:
        BackendUnavailable: there is no driver, or it does not start.
    """
    try:
        driver = ctypes.CDLL(_DRIVER)
    except OSError as error:
        raise BackendUnavailable(
            message(
                "cuda",
                "no NVIDIA driver was found",
                got=str(error),
                expected=f"the library {_DRIVER}",
                hint="install the NVIDIA driver",
            )
        ) from None
    status: int = driver.cuInit(0)
    if status == _NO_DEVICE:
        return 0
    count = ctypes.c_int()
    status = status or driver.cuDeviceGetCount(ctypes.byref(count))
    if status:
        raise BackendUnavailable(
            message("cuda", "the NVIDIA driver does not start", got=f"driver error {status}", hint="run nvidia-smi")
        )
    return count.value
