"""Between the elements of a dtype and numbers: exact on the way there, rounded as the contract says on the way back.

Elements are NumPy arrays of the dtype's own bits, those of bfloat16 being uint16, of float8 uint8. Numbers are Python
integers, in arrays of objects, for bool and the integers, float64 for the floats and complex128 for the complex dtypes,
or longdouble and clongdouble where the caller wants it.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
HALVES = ("float16", "bfloat16")
FLOATS = (*HALVES, "float32", "float64")
COMPLEX = ("complex64", "complex128")
INEXACT = (*FLOATS, *COMPLEX)
FLOAT8 = ("float8_e4m3fn", "float8_e5m2")
REALS = ("bool", *INTEGERS, *FLOATS)
NUMBERS = (*REALS, *COMPLEX)
DTYPES = (*NUMBERS, *FLOAT8)
STORED = {"bfloat16": "uint16", "float8_e4m3fn": "uint8", "float8_e5m2": "uint8"}

# Digits of the significand, and the exponent e of the smallest normal number, which is 0.5 * 2**e.
FORMATS = {
    "float8_e4m3fn": (4, -5), "float8_e5m2": (3, -13), "float16": (11, -13), "bfloat16": (8, -125),
    "float32": (24, -125), "float64": (53, -1021), "complex64": (24, -125), "complex128": (53, -1021),
}  # fmt: skip
GREATEST = {"float8_e4m3fn": 448.0, "float8_e5m2": 57344.0, "float16": 65504.0, "bfloat16": 255 * 2.0**120}


def storage(dtype: str) -> np.dtype[Any]:
    return np.dtype(STORED.get(dtype, dtype))


def component(dtype: str) -> str:
    """Return the dtype of a complex number's parts; a real dtype itself."""
    return {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)


def bits(dtype: str) -> int:
    return 1 if dtype == "bool" else storage(dtype).itemsize * 8


def complex_of(real: Array, imag: Array) -> Array:
    """Return the complex numbers with these parts, whatever they are: arithmetic would make NaN of infinities."""
    return np.stack([real, imag], -1, dtype=np.float64).view(np.complex128)[..., 0]


def decode(elements: Array, dtype: str) -> Array:
    """Return the numbers that elements stand for, exactly."""
    with np.errstate(invalid="ignore"):  # a signalling NaN
        if dtype == "bfloat16":
            return np.multiply(elements, 2**16, dtype=np.uint32).view(np.float32).astype(np.float64)
        if dtype in FLOAT8:
            return FLOAT8_NUMBERS[dtype][elements]
        return elements.astype(np.float64 if dtype in FLOATS else np.complex128 if dtype in COMPLEX else object)


def float8_number(element: int, dtype: str) -> float:
    """Return the number of a float8, by the definition (Micikevicius et al., arXiv:2209.05433, table 1)."""
    digits, least = FORMATS[dtype]
    exponent, fraction = divmod(element % 128, 2 ** (digits - 1))
    magnitude = (fraction + (exponent > 0) * 2 ** (digits - 1)) * 2.0 ** (max(exponent, 1) - 1 + least - digits)
    if magnitude > GREATEST[dtype]:
        magnitude = np.inf if dtype == "float8_e5m2" and fraction == 0 else np.nan
    return -magnitude if element >= 128 else magnitude


FLOAT8_NUMBERS = {dtype: np.array([float8_number(i, dtype) for i in range(256)]) for dtype in FLOAT8}


def encode(numbers: Any, dtype: str) -> Array:
    """Return the elements nearest to numbers; an integer's low bits if it is too great."""
    numbers = np.asarray(numbers)
    if dtype in COMPLEX:
        with np.errstate(all="ignore"):
            parts = numbers if numbers.dtype.kind == "c" else encode(numbers, component(dtype))
            return np.asarray(parts.astype(dtype))
    if dtype not in FLOATS and dtype not in FLOAT8:
        low_bits = np.asarray(numbers.astype(object) % 2 ** bits(dtype))
        return low_bits.astype(np.uint64).astype(storage(dtype))
    if numbers.dtype == object and FORMATS[dtype][0] < 24:
        numbers = np.array([few_digits(n, FORMATS[dtype][0]) for n in numbers.flat]).reshape(numbers.shape)
    elif numbers.dtype == object:  # integers, which Python would round to float64 first
        numbers = numbers.astype(np.int64 if all(n < 2**63 for n in numbers.flat) else np.uint64)
    with np.errstate(all="ignore"):
        if dtype == "float64":
            return numbers.astype(np.float64)
        if dtype == "float32":
            return numbers.astype(np.float32)
        half = nearest(numbers.astype(np.float64), dtype)
        if dtype in FLOAT8:
            numbers = FLOAT8_NUMBERS[dtype][: 2**7]
            places = [np.flatnonzero((numbers == abs(n)) | (np.isnan(numbers) & np.isnan(n)))[-1] for n in half.flat]
            return np.array(places, np.uint8).reshape(half.shape) | np.signbit(half) * np.uint8(0x80)
        return (
            half.astype(np.float16)
            if dtype == "float16"
            else (half.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
        )


def few_digits(n: int, digits: int) -> float:
    """Round an integer, halves to the even one, as Python rounds fractions."""
    unit = 2 ** max(n.bit_length() - digits, 0)
    return float(round(Fraction(n, unit)) * unit)


def nearest(x: Array, dtype: str) -> Array:
    """Round to the digits of a dtype, halves to the even one."""
    digits, least = FORMATS[dtype]
    _, exponent = np.frexp(x)
    unit = np.ldexp(1.0, np.maximum(exponent, least) - digits)
    rounded = np.where(np.isfinite(x), np.rint(x / unit) * unit, x)
    infinity = np.nan if dtype == "float8_e4m3fn" else np.inf
    return np.where(abs(rounded) > GREATEST[dtype], np.copysign(infinity, x), rounded)


def spacing(x: Array, dtype: str) -> Array:
    """Return one unit in the last place of numbers in a dtype."""
    digits, least = FORMATS[dtype]
    _, exponent = np.frexp(np.where(np.isfinite(x), x, 0))
    return np.ldexp(1.0, np.maximum(exponent, least) - digits)


def tolerance(dtype: str, terms: int, magnitude: Any) -> dict[str, Any]:
    """Return by how much a sum of terms may be off whose absolute values add up to `magnitude`, for `kit.compare`."""
    unit = 2.0**-53 if component(dtype) == "float64" else 2.0**-24
    return (
        {"ulps": 1, "absolute": (8 + terms**0.5) * unit * np.asarray(magnitude, np.float64)} if dtype in INEXACT else {}
    )
