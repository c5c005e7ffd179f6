"""Arrays from values: constants, ranges, and what Python and other libraries hold.

All take the dtype of the new array (float32, unless the values say otherwise) and its device (the default one).
"""

from __future__ import annotations

import math
from array import array
from itertools import chain
from typing import TYPE_CHECKING, Any

from needle.ndarray import _core
from needle.ndarray._core import DType, NDArray
from needle.ndarray._elementwise import equal
from needle.ndarray.devices import device as find_device
from needle.ndarray.dtypes import bool as bool_
from needle.ndarray.dtypes import complex64, complex128, float32, float64, int64, uint64
from needle.ndarray.errors import message
from needle.ndarray.exchange import AS_BITS, from_dlpack
from needle.ndarray.manipulation import stack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from needle.ndarray._core import Device, Scalar, Shape
    from needle.ndarray.devices import DeviceLike

__all__ = [
    "arange", "asarray", "empty", "empty_like", "eye", "from_numpy", "full", "full_like", "ones", "ones_like", "zeros",
    "zeros_like",
]  # fmt: skip

SEQUENCES: tuple[type[Any], ...] = (list, tuple, range)
NUMBERS = {bool, int, float, complex}
MAX_NDIM = 32
# How the array module names the elements of our dtypes.
TYPECODES = {
    "int8": "b", "int16": "h", "int32": "i", "int64": "q", "uint8": "B", "uint16": "H", "uint32": "I", "uint64": "Q",
    "float32": "f", "float64": "d",
}  # fmt: skip


def empty(shape: Shape, dtype: DType | None = None, device: DeviceLike = None) -> NDArray:
    """Return a new array whose elements are not set.

    >>> empty((2, 3)).shape
    (2, 3)
    """
    return _core.empty(shape, _chosen("empty", dtype, float32), find_device(device))


def zeros(shape: Shape, dtype: DType | None = None, device: DeviceLike = None) -> NDArray:
    """Return an array of zeros.

    >>> zeros(3).tolist()
    [0.0, 0.0, 0.0]
    """
    return _core.full(shape, 0, _chosen("zeros", dtype, float32), find_device(device))


def ones(shape: Shape, dtype: DType | None = None, device: DeviceLike = None) -> NDArray:
    """Return an array of ones.

    >>> ones((1, 2), int64).tolist()
    [[1, 1]]
    """
    return _core.full(shape, 1, _chosen("ones", dtype, float32), find_device(device))


def full(shape: Shape, fill_value: Scalar, dtype: DType | None = None, device: DeviceLike = None) -> NDArray:
    """Return an array whose elements are all `fill_value`.

    Without a dtype it is bool, int64, float32 or complex64, by the number's type.

    Raises:
        OverflowError: an integer does not fit into the dtype.

    >>> full((2,), 7).tolist()
    [7, 7]
    """
    natural = bool_ if isinstance(fill_value, bool) else int64 if hasattr(fill_value, "__index__") else float32
    natural = complex64 if isinstance(fill_value, complex) else natural
    return _core.full(shape, fill_value, _chosen("full", dtype, natural), find_device(device))


def empty_like(x: NDArray, /, dtype: DType | None = None, device: DeviceLike = None) -> NDArray:
    """Return a new array of x's shape, and of its dtype and device unless told otherwise; its elements are not set.

    >>> empty_like(ones((2, 3))).shape
    (2, 3)
    """
    return empty(x.shape, dtype or x.dtype, device or x.device)


def zeros_like(x: NDArray, /, dtype: DType | None = None, device: DeviceLike = None) -> NDArray:
    """Return zeros of x's shape, and of its dtype and device unless told otherwise.

    >>> zeros_like(asarray([1, 2])).tolist()
    [0, 0]
    """
    return zeros(x.shape, dtype or x.dtype, device or x.device)


def ones_like(x: NDArray, /, dtype: DType | None = None, device: DeviceLike = None) -> NDArray:
    """Return ones of x's shape, and of its dtype and device unless told otherwise.

    >>> ones_like(asarray([3, 4])).tolist()
    [1, 1]
    """
    return ones(x.shape, dtype or x.dtype, device or x.device)


def full_like(x: NDArray, /, fill_value: Scalar, dtype: DType | None = None, device: DeviceLike = None) -> NDArray:
    """Return an array of x's shape full of one value, of x's dtype and device unless told otherwise.

    >>> full_like(asarray([3, 4]), 7).tolist()
    [7, 7]
    """
    return full(x.shape, fill_value, dtype or x.dtype, device or x.device)


def arange(
    start: float,
    /,
    stop: float | None = None,
    step: float = 1,
    *,
    dtype: DType | None = None,
    device: DeviceLike = None,
) -> NDArray:
    """Return the 1-d array of ``start + i * step`` up to `stop`, without it.

    Integers are exact and give int64; floats are computed in float64, then cast, and give float32.

    Args:
        start: the first element; the stop, with a start of 0, where it is the only number.
        stop: the end, not included.
        step: the distance of neighbours, which may be negative.
        dtype: the dtype of the result, instead of the one that the numbers give.
        device: where the result is to be.

    Raises:
        ValueError: the step is 0, or a number is not finite.
        OverflowError: an element does not fit into the dtype.

    >>> arange(3).tolist(), arange(1, 2, 0.25).tolist()
    ([0, 1, 2], [1.0, 1.25, 1.5, 1.75])
    """
    if stop is None:
        start, stop = 0, start
    start, stop, step = (int(n) if hasattr(n, "__index__") else float(n) for n in (start, stop, step))
    if step == 0 or not all(map(math.isfinite, (start, stop, step))):
        given = f"start {start}, stop {stop}, step {step}"
        expected = "finite numbers and a step other than 0"
        raise ValueError(message("arange", "no such range", got=given, expected=expected))
    where = find_device(device)
    if isinstance(start, int) and isinstance(stop, int) and isinstance(step, int):
        numbers = range(start, stop, step)
        wanted = _chosen("arange", dtype, int64)
        if wanted.kind not in ("float", "complex"):
            return _integer_range(numbers, wanted, where)
        n = len(numbers)
    else:
        wanted = _chosen("arange", dtype, float32)
        n = max(math.ceil((stop - start) / step), 0)
    return (_core.iota(n, float64, where) * step + start).astype(wanted, copy=False)


def _integer_range(numbers: range, dtype: DType, device: Device) -> NDArray:
    if not numbers:
        return _core.empty((0,), dtype, device)
    for end in (numbers[0], numbers[-1]):
        _core.full((), end, dtype, device)  # raises where the dtype cannot hold it
    if len(numbers) == 1:
        return _core.full((1,), numbers[0], dtype, device)
    wide = uint64 if dtype.kind == "uint" and numbers.step > 0 else int64
    return (_core.iota(len(numbers), wide, device) * numbers.step + numbers[0]).astype(dtype, copy=False)


def eye(
    n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: DType | None = None, device: DeviceLike = None
) -> NDArray:
    """Return the (n_rows, n_cols) array with ones on the k-th diagonal, zeros elsewhere; square without `n_cols`.

    >>> eye(2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    where = find_device(device)
    rows = _core.iota(n_rows, int64, where)
    columns = _core.iota(n_rows if n_cols is None else n_cols, int64, where)
    k = max(min(k, columns.size), -rows.size)  # any k beyond names no diagonal, and may not fit into int64
    return equal(rows[:, None] + k, columns).astype(_chosen("eye", dtype, float32))


def asarray(obj: Any, /, dtype: DType | None = None, device: DeviceLike = None, *, copy: bool | None = None) -> NDArray:
    """Return an array with the elements of `obj`, in its memory where that is possible.

    Args:
        obj: a number; lists, tuples or ranges, nested to the same depth and length, of numbers or arrays; an `NDArray`;
            or an object with the buffer protocol or DLPack, such as an array of NumPy, PyTorch or JAX.
        dtype: of the result. Without it numbers give bool, int64, float32 or complex64, the first that holds them all,
            and arrays keep theirs.
        device: of the result. Without it an `NDArray` stays where it is.
        copy: None copies where it must: to another dtype or device, onto a device with memory of its own, of memory
            that is read-only or not aligned. True always copies, False never.

    Raises:
        TypeError: `obj` is nothing of these, or its elements are of a dtype that Needle has not.
        ValueError: nested sequences are ragged, or `copy=False` where a copy is needed.
        OverflowError: a number does not fit into the dtype.

    >>> asarray([[1, 2], [3, 4]]).dtype.name
    'int64'
    >>> numbers = bytearray(3)
    >>> asarray(numbers, device="cpu")[1:] = 7
    >>> list(numbers)
    [0, 7, 7]
    """
    if dtype is not None:
        _chosen("asarray", dtype, dtype)
    if isinstance(obj, SEQUENCES) or type(obj) in NUMBERS:  # not subclasses, such as NumPy's float64
        if copy is False:
            problem = "numbers and sequences of them have no memory to share"
            raise ValueError(message("asarray", problem, got="copy=False", expected="copy=None or True"))
        return _from_nested(obj, dtype, device) if isinstance(obj, SEQUENCES) else full((), obj, dtype, device)
    x = obj if isinstance(obj, NDArray) else _import(obj, find_device(device), copy)
    where = x.device if device is None else find_device(device)
    wanted = dtype or x.dtype
    if x.dtype is wanted and x.device == where:
        return x.copy() if copy and x is obj else x
    if copy is False:
        got, expected = f"{x.dtype} on {x.device}", f"{wanted} on {where}"
        raise ValueError(message("asarray", "another dtype or device takes a copy", got=got, expected=expected))
    return x.to_device(where).astype(wanted, copy=False)


def from_numpy(x: Any, /) -> NDArray:
    """Return a NumPy array as an array on the cpu, of the same memory; `asarray` takes all that this refuses.

    Raises:
        TypeError: its elements are of a dtype that Needle has not.
        ValueError: it is read-only, or its elements are not aligned.

    >>> import numpy as np
    >>> a = np.zeros(3)
    >>> from_numpy(a)[0] = 7
    >>> a.tolist()
    [7.0, 0.0, 0.0]
    """
    return asarray(x, device="cpu", copy=False)


def _import(obj: Any, device: Device, copy: bool | None) -> NDArray:
    """Return an array of an object with memory of its own, by the first protocol that it offers."""
    try:
        data = memoryview(obj)
    except (TypeError, ValueError, BufferError) as error:  # no buffer, or one of elements that buffers lack
        if (name := getattr(getattr(obj, "dtype", None), "name", None)) in AS_BITS:
            return _core.bitcast(_import(obj.view(AS_BITS[name]), device, copy), _core.dtypes[name])
        if isinstance(error, TypeError) and hasattr(obj, "__dlpack__"):
            return from_dlpack(obj, device=device, copy=copy)
        expected = "numbers, nested lists of them, an NDArray or an object with the buffer protocol or DLPack"
        raise TypeError(
            message("asarray", "cannot make an array of this", got=type(obj).__name__, expected=expected)
        ) from error
    return _core.from_buffer(data, device, copy)


def _chosen(op: str, dtype: DType | None, default: DType) -> DType:
    if dtype is None:
        return default
    if not isinstance(dtype, DType):  # pyright: ignore[reportUnnecessaryIsInstance] - for callers without a type checker
        hint = "needle.ndarray.float32 is one"
        raise TypeError(message(op, "not a dtype", got=f"{dtype!r} of type {type(dtype).__name__}", hint=hint))
    return dtype


def _from_nested(nested: Sequence[Any], dtype: DType | None, device: DeviceLike) -> NDArray:
    """Return an array of nested sequences, unpacked level by level at C speed."""
    shape: list[int] = []
    elements: list[Any] = [nested]
    while elements and isinstance(elements[0], SEQUENCES) and len(shape) < MAX_NDIM:
        lengths = {len(part) if isinstance(part, SEQUENCES) else -1 for part in elements}
        if len(lengths) > 1:
            got = " and ".join("a number" if n < 0 else f"length {n}" for n in sorted(lengths))
            raise ValueError(message("asarray", f"ragged nested sequences at depth {len(shape)}", got=got))
        shape += lengths
        elements = list(chain.from_iterable(elements))
    types = set(map(type, elements))
    if types <= NUMBERS:
        return _from_numbers(elements, types, dtype, shape, device)
    if types.intersection(SEQUENCES):
        expected = f"equal nesting everywhere, at most {MAX_NDIM} deep"
        raise ValueError(message("asarray", f"ragged nested sequences at depth {len(shape)}", expected=expected))
    parts = stack([asarray(element, dtype, device) for element in elements])
    return parts.reshape(*shape, *parts.shape[1:])


def _from_numbers(
    numbers: list[Scalar], types: set[type], dtype: DType | None, shape: list[int], device: DeviceLike
) -> NDArray:
    """Return an array of plain numbers, packed by the array module."""
    if complex in types:
        parts = array("d", chain.from_iterable((z.real, z.imag) for z in map(complex, numbers)))
        whole = _core.from_bytes(parts, complex128, shape, find_device(device))
        return whole.astype(dtype or complex64, copy=False)
    wanted = dtype or (bool_ if types == {bool} else float32 if float in types or not types else int64)
    # A dtype that the array module cannot pack, or not from these numbers, comes of a cast on the device.
    can_pack = wanted.name in TYPECODES and (wanted.kind == "float" or float not in types)
    packed = wanted if wanted is bool_ or can_pack else float64
    try:
        data = bytes(map(bool, numbers)) if packed is bool_ else array(TYPECODES[packed.name], numbers)
    except OverflowError as error:
        ends = f"{min(numbers)} to {max(numbers)}"
        raise OverflowError(
            message("asarray", "a number does not fit into the dtype", got=ends, expected=wanted.name)
        ) from error
    return _core.from_bytes(data, packed, shape, find_device(device)).astype(wanted, copy=False)
