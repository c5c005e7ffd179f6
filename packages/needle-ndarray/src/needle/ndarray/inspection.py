"""The namespace about itself, as the array API standard has it: capabilities, devices, dtypes."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from needle.ndarray import _core
from needle.ndarray.backend import BackendUnavailable
from needle.ndarray.devices import default_device, devices
from needle.ndarray.devices import device as find_device
from needle.ndarray.dtype_info import isdtype
from needle.ndarray.errors import message

if TYPE_CHECKING:
    from needle.ndarray._core import Device, DType
    from needle.ndarray.devices import DeviceLike

__all__ = ["NamespaceInfo", "__array_api_version__", "__array_namespace_info__", "namespace_of"]

__array_api_version__ = "2025.12"

VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12", __array_api_version__)
MAX_DIMS = 32
# Element types of ours that the standard does not have.
BEYOND = ("float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")


class NamespaceInfo:
    """What `__array_namespace_info__` returns."""

    def capabilities(self) -> dict[str, Any]:
        """Return what is optional in the standard: masks as indices, shapes that depend on values, most dimensions.

        >>> NamespaceInfo().capabilities()["max dimensions"]
        32
        """
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": MAX_DIMS}

    def default_device(self) -> Device:
        """Return the device of arrays that are made without one.

        >>> NamespaceInfo().default_device() == default_device()
        True
        """
        return default_device()

    def devices(self) -> tuple[Device, ...]:
        """Return the first device of each installed backend that can be used here.

        >>> str(NamespaceInfo().devices()[0])
        'cpu'
        """
        found: list[Device] = []
        for name in devices():
            try:
                found.append(find_device(name))
            except BackendUnavailable:  # `python -m needle.ndarray` says why
                continue
        return tuple(found)

    def default_dtypes(self, *, device: DeviceLike = None) -> dict[str, DType]:
        """Return the dtypes of arrays that are made without one, by kind; they are the same on every device.

        >>> NamespaceInfo().default_dtypes()["real floating"]
        float32
        """
        find_device(device)
        chosen = {
            "real floating": "float32", "complex floating": "complex64", "integral": "int64", "indexing": "int64"
        }  # fmt: skip
        return {kind: _core.dtypes[name] for kind, name in chosen.items() if name in _core.dtypes}

    def dtypes(self, *, device: DeviceLike = None, kind: str | tuple[str, ...] | None = None) -> dict[str, DType]:
        """Return the dtypes of the standard by name, all or those of the kinds that `isdtype` knows.

        >>> list(NamespaceInfo().dtypes(kind="real floating"))
        ['float32', 'float64']
        """
        find_device(device)
        return {
            name: dtype
            for name, dtype in _core.dtypes.items()
            if name not in BEYOND and (kind is None or isdtype(dtype, kind))
        }


def __array_namespace_info__() -> NamespaceInfo:
    """Return what the namespace says about itself.

    >>> __array_namespace_info__().capabilities()["boolean indexing"]
    True
    """
    return NamespaceInfo()


def namespace_of(api_version: str | None = None, module: str = "needle.ndarray") -> Any:
    """Return the module, which ``__array_namespace__`` of its arrays returns.

    Raises:
        ValueError: our namespaces do not follow that version of the standard.

    >>> namespace_of("2024.12").__name__
    'needle.ndarray'
    """
    if api_version is not None and api_version not in VERSIONS:
        expected = ", ".join(VERSIONS)
        raise ValueError(message("__array_namespace__", "no such version", got=repr(api_version), expected=expected))
    return importlib.import_module(module)
