"""The way to libraries of the platform that are not ours to write, LAPACK and the FFT: through NumPy, on the host.

Arrays in the host's memory are lent to NumPy without a copy. Results are copied to the device of the operands.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from needle.ndarray import _core
from needle.ndarray._core import NDArray
from needle.ndarray.dtypes import complex64, complex128, float32, float64
from needle.ndarray.errors import message

if TYPE_CHECKING:
    from collections.abc import Callable

    from needle.ndarray._core import DType

__all__ = ["check_arrays", "check_fits", "complex_of", "computed_in", "floating", "on_host", "real_of", "widened"]


def check_arrays(op: str, *operands: NDArray) -> None:
    """Raise where an operand is no array, or they are not on one device."""
    first = operands[0]
    for x in operands:
        if not isinstance(x, NDArray):  # pyright: ignore[reportUnnecessaryIsInstance] - for callers without a type checker
            hint = "make one with needle.ndarray.asarray"
            raise TypeError(message(op, "not an array", got=type(x).__name__, expected="NDArray", hint=hint))
        if x is not first and x.device != first.device:
            got = f"{operands[0].device} and {x.device}"
            hint = "move one with to_device"
            raise ValueError(message(op, "operands on different devices", got=got, hint=hint))


def check_fits(op: str, name: str, x: NDArray, shape: tuple[int, ...], dtype: DType) -> None:
    """Raise where an operand has another dtype or shape than the others ask of it: kernels do not look again."""
    check_arrays(op, x)
    if x.dtype is not dtype:
        raise TypeError(message(op, f"wrong dtype of {name}", got=x.dtype.name, expected=dtype.name))
    if x.shape != shape:
        raise ValueError(message(op, f"wrong shape of {name}", got=str(x.shape), expected=str(shape)))


def floating(*operands: NDArray) -> DType:
    """Return the promoted dtype of the operands; float32 for integers and bool."""
    dtype = _core.result_type(*operands)
    return dtype if dtype.kind in ("float", "complex") else float32


def real_of(dtype: DType) -> DType:
    """Return the dtype of the parts of a complex one; a real one as it is."""
    return {complex64: float32, complex128: float64}.get(dtype, dtype)


def complex_of(dtype: DType) -> DType:
    """Return the complex dtype in which values of a floating-point one fit."""
    return complex128 if dtype in (float64, complex128) else complex64


def computed_in(x: NDArray) -> DType:
    """Return the dtype in which x is computed: its own, or float32 where that is narrower or not floating."""
    dtype = x.dtype if x.dtype.kind in ("float", "complex") else float32
    return dtype if dtype.itemsize >= float32.itemsize else float32


def widened(x: NDArray) -> NDArray:
    """Return x in the dtype in which it is computed."""
    return x.astype(computed_in(x), copy=False)


def on_host(op: str, compute: Callable[..., Any], *operands: NDArray) -> tuple[NDArray, ...]:
    """Return the arrays that `compute` makes of the operands on the host.

    Args:
        op: the name of the caller.
        compute: is called with the module NumPy and the operands as NumPy arrays, in the promoted floating-point
            dtype of all or, where that is narrower than float32, in float32; returns one array or a tuple of them.
        operands: arrays on one device.

    Returns:
        Arrays on the operands' device, in the real or complex dtype of the promoted one's precision.

    Raises:
        ModuleNotFoundError: NumPy is not installed.
    """
    try:
        np = import_module("numpy")
    except ImportError as error:
        problem = "NumPy, which leads to the LAPACK and the FFT of the platform, is not installed"
        raise ModuleNotFoundError(message(op, problem, hint="pip install numpy")) from error
    dtype = floating(*operands)
    with np.errstate(all="ignore"):
        outcome = compute(np, *(widened(x.astype(dtype, copy=False)).numpy() for x in operands))
    arrays = [np.asarray(each) for each in (outcome if isinstance(outcome, tuple) else (outcome,))]
    dtypes = {"f": real_of(dtype), "c": complex_of(dtype)}
    copies = ((a, _core.from_buffer(a, operands[0].device)) for a in arrays)
    return tuple(x.astype(dtypes[a.dtype.kind], copy=False) for a, x in copies)
