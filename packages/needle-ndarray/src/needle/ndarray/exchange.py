"""Arrays to and from other libraries and processes: DLPack, NumPy, pickle.

The memory is shared wherever both sides can use it. What shares memory sees the other's writes, and keeps it alive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from needle.ndarray import _core
from needle.ndarray._core import DType, NDArray
from needle.ndarray.devices import device as find_device
from needle.ndarray.errors import message

if TYPE_CHECKING:
    from needle.ndarray.devices import DeviceLike

__all__ = ["from_dlpack"]

# The dtypes that NumPy has from ml_dtypes alone, and those of their bits, by which they pass.
AS_BITS = {"bfloat16": "uint16", "float8_e4m3fn": "uint8", "float8_e5m2": "uint8"}
DLPACK_VERSION = (1, 0)
HOST = (1, 0)  # DLPack's name of host memory


def from_dlpack(x: Any, /, *, device: DeviceLike = None, copy: bool | None = None) -> NDArray:
    """Return the array of another library, in the same memory where that is possible.

    Args:
        x: an object with ``__dlpack__`` and ``__dlpack_device__``: an array of NumPy, PyTorch, JAX or ours.
        device: of the result: by default the cpu, or the device of an `NDArray`. Memory that is not the host's is
            copied to it if a device is given, and refused otherwise.
        copy: None copies where it must: onto a device with memory of its own, of memory that is read-only or not
            aligned. True always copies, False never.

    Raises:
        TypeError: `x` does not know DLPack.
        BufferError: its elements are of a dtype that Needle has not, its memory is not the host's, or `copy=False`
            where a copy is needed.

    An exporter from before DLPack 1.0, as JAX is, cannot say that its memory is read-only: do not write to its arrays.

    The protocol: https://data-apis.org/array-api/latest/design_topics/data_interchange.html

    >>> import numpy as np
    >>> a = np.zeros(3)
    >>> from_dlpack(a)[0] = 7
    >>> a.tolist()
    [7.0, 0.0, 0.0]
    """
    if not hasattr(x, "__dlpack__") or not hasattr(x, "__dlpack_device__"):
        expected = "an object with __dlpack__ and __dlpack_device__"
        raise TypeError(message("from_dlpack", "no DLPack exporter", got=type(x).__name__, expected=expected))
    wanted: dict[str, Any] = {"max_version": DLPACK_VERSION}
    if copy is False:
        wanted["copy"] = False
    source = x.__dlpack_device__()
    if source != HOST:
        if device is None:
            hint = 'with device="cpu" it is copied'
            got = str(tuple(map(int, source)))
            raise BufferError(message("from_dlpack", "the memory is not the host's", got=got, hint=hint))
        wanted["dl_device"] = HOST
    where = find_device(x.device if device is None and isinstance(x, NDArray) else device or "cpu")
    try:
        capsule = x.__dlpack__(**wanted)
    except TypeError:
        if source != HOST:
            raise
        capsule = x.__dlpack__()  # an exporter from before DLPack 1.0
    return _core.from_dlpack(capsule, where, copy)


def to_numpy(x: NDArray, /) -> Any:
    """Return a NumPy array of the elements, in the same memory where the host can reach it: `NDArray.numpy`.

    Raises:
        TypeError: NumPy has no such element type, and ml_dtypes, which has it, is not installed.

    >>> from needle.ndarray import ones
    >>> to_numpy(ones(2))
    array([1., 1.], dtype=float32)
    """
    import numpy as np  # noqa: PLC0415 - optional

    if x.dtype.name in AS_BITS:
        try:
            import ml_dtypes  # noqa: PLC0415 - optional  # pyright: ignore[reportMissingImports]
        except ImportError:
            hint = "cast it with astype(float32), or pip install ml_dtypes"
            raise TypeError(message("numpy", "NumPy has no such element type", got=x.dtype.name, hint=hint)) from None
        bits = _core.bitcast(x, _core.dtypes[AS_BITS[x.dtype.name]])
        return to_numpy(bits).view(getattr(ml_dtypes, x.dtype.name))
    if x.device.host_memory:
        return np.asarray(memoryview(x))
    return np.frombuffer(bytearray(x.to_bytes()), x.dtype.name).reshape(x.shape)


def to_array(x: NDArray, dtype: Any = None, copy: bool | None = None) -> Any:
    """Return ``numpy.asarray(x)``, by NumPy's protocol: `NDArray.__array__`.

    Raises:
        ValueError: `copy=False` where a copy is needed: of another dtype, or of memory that the host cannot reach.

    >>> from needle.ndarray import ones
    >>> to_array(ones(2), "int8").tolist()
    [1, 1]
    """
    shared = to_numpy(x)
    result = shared if dtype is None else shared.astype(dtype, copy=False)
    is_copy = not x.device.host_memory or result is not shared
    if copy is False and is_copy:
        got = f"{x.dtype} on {x.device}" + (f" as {dtype}" if dtype else "")
        raise ValueError(message("__array__", "this takes a copy", got=got, expected="copy=None or True"))
    return result.copy() if copy and not is_copy else result


def reduce(x: NDArray, /) -> tuple[Any, ...]:
    """Return what pickle keeps of an array: its bytes, dtype, shape and the name of its device."""
    return _restore, (x.to_bytes(), x.dtype, x.shape, str(x.device))


def _restore(data: bytes, dtype: DType, shape: tuple[int, ...], device: str) -> NDArray:
    return _core.from_bytes(data, dtype, shape, find_device(device))
