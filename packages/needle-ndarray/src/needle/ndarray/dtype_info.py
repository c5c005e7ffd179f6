"""What the dtypes are: their kinds, their ranges, and what can become what."""

from __future__ import annotations

from typing import NamedTuple

from needle.ndarray import _core
from needle.ndarray._core import DType, NDArray
from needle.ndarray.errors import message

__all__ = ["FloatInfo", "IntegerInfo", "can_cast", "finfo", "iinfo", "isdtype"]

# Kinds as the array API standard names them, in the words of DType.kind.
KINDS = {
    "bool": {"bool"},
    "signed integer": {"int"},
    "unsigned integer": {"uint"},
    "integral": {"int", "uint"},
    "real floating": {"float"},
    "complex floating": {"complex"},
    "numeric": {"int", "uint", "float", "complex"},
}
# Bits of the exponent and of the fraction.
FORMATS = {
    "float8_e4m3fn": (4, 3), "float8_e5m2": (5, 2), "float16": (5, 10), "bfloat16": (8, 7), "float32": (8, 23),
    "float64": (11, 52),
}  # fmt: skip
PARTS = {"complex64": "float32", "complex128": "float64"}


class FloatInfo(NamedTuple):
    """What `finfo` returns: the numbers are Python's."""

    bits: int
    eps: float  # from 1 to the next greater number
    max: float
    min: float
    smallest_normal: float
    dtype: DType


class IntegerInfo(NamedTuple):
    """What `iinfo` returns."""

    bits: int
    max: int
    min: int
    dtype: DType


def finfo(type: DType | NDArray, /) -> FloatInfo:
    """Return the limits of a floating-point dtype, or of an array's; for a complex one, of its parts.

    Raises:
        TypeError: it is not such a dtype.

    >>> from needle.ndarray import float16
    >>> finfo(float16).max
    65504.0
    """
    dtype = _dtype("finfo", type)
    name = PARTS.get(dtype.name, dtype.name)
    if name not in FORMATS:
        raise TypeError(message("finfo", "not a floating-point dtype", got=dtype.name, expected=", ".join(FORMATS)))
    exponent, fraction = FORMATS[name]
    bias = 2 ** (exponent - 1) - 1
    greatest = (2.0 - 2.0**-fraction) * 2.0**bias
    if name == "float8_e4m3fn":  # without infinities: of the last exponent only NaN is no number
        greatest = (2.0 - 2 * 2.0**-fraction) * 2.0 ** (bias + 1)
    return FloatInfo(
        bits=1 + exponent + fraction,
        eps=2.0**-fraction,
        max=greatest,
        min=-greatest,
        smallest_normal=2.0 ** (1 - bias),
        dtype=_core.dtypes[name],
    )


def iinfo(type: DType | NDArray, /) -> IntegerInfo:
    """Return the limits of an integer dtype, or of an array's.

    Raises:
        TypeError: it is not an integer dtype.

    >>> from needle.ndarray import int8
    >>> iinfo(int8).min, iinfo(int8).max
    (-128, 127)
    """
    dtype = _dtype("iinfo", type)
    if dtype.kind not in KINDS["integral"]:
        raise TypeError(message("iinfo", "not an integer dtype", got=dtype.name, expected="int8 to uint64"))
    bits = 8 * dtype.itemsize
    if dtype.kind == "uint":
        return IntegerInfo(bits, 2**bits - 1, 0, dtype)
    return IntegerInfo(bits, 2 ** (bits - 1) - 1, -(2 ** (bits - 1)), dtype)


def isdtype(dtype: DType, kind: DType | str | tuple[DType | str, ...]) -> bool:
    """Say whether a dtype is another one, or of a kind, or one of several.

    Args:
        dtype: which.
        kind: a dtype; "bool", "signed integer", "unsigned integer", "integral", "real floating", "complex floating" or
            "numeric"; or a tuple of these.

    Raises:
        ValueError: there is no such kind.
        TypeError: `dtype` is none, or `kind` is neither.

    >>> from needle.ndarray import int8
    >>> isdtype(int8, "integral"), isdtype(int8, ("bool", "real floating"))
    (True, False)
    """
    _dtype("isdtype", dtype)
    if isinstance(kind, tuple):
        return any([isdtype(dtype, each) for each in kind])  # noqa: C419 - all are checked, not up to the first that fits
    if isinstance(kind, DType):
        return dtype is kind
    if not isinstance(kind, str):  # pyright: ignore[reportUnnecessaryIsInstance] - for callers without a type checker
        raise TypeError(message("isdtype", "not a kind", got=type(kind).__name__, expected="a dtype, str or tuple"))
    if kind not in KINDS:
        raise ValueError(message("isdtype", "no such kind", got=repr(kind), expected=", ".join(KINDS)))
    return dtype.kind in KINDS[kind]


def can_cast(from_: DType | NDArray, to: DType, /) -> bool:
    """Say whether the promotion rules let a dtype, or an array's, become another one.

    >>> from needle.ndarray import float32, int8, int16
    >>> can_cast(int8, int16), can_cast(int16, int8), can_cast(int8, float32)
    (True, False, True)
    """
    try:
        return _core.result_type(_dtype("can_cast", from_), _dtype("can_cast", to)) is to
    except TypeError:
        if isinstance(from_, (DType, NDArray)) and isinstance(to, DType):  # pyright: ignore[reportUnnecessaryIsInstance]
            return False  # uint64 with a signed integer: no dtype holds both
        raise


def _dtype(op: str, given: DType | NDArray) -> DType:
    dtype = given.dtype if isinstance(given, NDArray) else given
    if not isinstance(dtype, DType):  # pyright: ignore[reportUnnecessaryIsInstance] - for callers without a type checker
        raise TypeError(message(op, "not a dtype", got=repr(dtype), expected="one like needle.ndarray.float32"))
    return dtype
