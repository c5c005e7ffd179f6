"""Between the elements of a dtype and numbers: exact on the way there, rounded as the contract says on the way back.

Elements are NumPy arrays of the dtype's own bits, those of bfloat16 being uint16. Numbers are Python integers, in
arrays of objects, for bool and the integers, and float64, or longdouble where the caller wants it, for the floats.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
HALVES = ("float16", "bfloat16")
FLOATS = (*HALVES, "float32", "float64")
DTYPES = ("bool", *INTEGERS, *FLOATS)

# Digits of the significand, and the exponent e of the smallest normal number, which is 0.5 * 2**e.
FORMATS = {"float16": (11, -13), "bfloat16": (8, -125), "float32": (24, -125), "float64": (53, -1021)}


def storage(dtype: str) -> np.dtype[Any]:
    return np.dtype("uint16" if dtype == "bfloat16" else dtype)


def bits(dtype: str) -> int:
    return 1 if dtype == "bool" else storage(dtype).itemsize * 8


def decode(elements: Array, dtype: str) -> Array:
    """Return the numbers that elements stand for, exactly."""
    with np.errstate(invalid="ignore"):  # a signalling NaN
        if dtype == "bfloat16":
            return np.multiply(elements, 2**16, dtype=np.uint32).view(np.float32).astype(np.float64)
        return elements.astype(np.float64 if dtype in FLOATS else object)


def encode(numbers: Any, dtype: str) -> Array:
    """Return the elements nearest to numbers; an integer's low bits if it is too great."""
    numbers = np.asarray(numbers)
    if dtype not in FLOATS:
        low_bits = np.asarray(numbers.astype(object) % 2 ** bits(dtype))
        return low_bits.astype(np.uint64).astype(storage(dtype))
    if numbers.dtype == object and dtype in HALVES:
        numbers = np.array([few_digits(n, FORMATS[dtype][0]) for n in numbers.flat]).reshape(numbers.shape)
    elif numbers.dtype == object:  # integers, which Python would round to float64 first
        numbers = numbers.astype(np.int64 if all(n < 2**63 for n in numbers.flat) else np.uint64)
    with np.errstate(all="ignore"):
        if dtype == "float64":
            return numbers.astype(np.float64)
        if dtype == "float32":
            return numbers.astype(np.float32)
        half = nearest(numbers.astype(np.float64), dtype)
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
    too_great = 2.0**16 if dtype == "float16" else 2.0**128
    return np.where(abs(rounded) >= too_great, np.copysign(np.inf, x), rounded)


def spacing(x: Array, dtype: str) -> Array:
    """Return one unit in the last place of numbers in a dtype."""
    digits, least = FORMATS[dtype]
    _, exponent = np.frexp(np.where(np.isfinite(x), x, 0))
    return np.ldexp(1.0, np.maximum(exponent, least) - digits)


def tolerance(dtype: str, terms: int, magnitude: Any) -> dict[str, Any]:
    """Return by how much a sum of terms may be off whose absolute values add up to `magnitude`, for `kit.compare`."""
    unit = 2.0**-53 if dtype == "float64" else 2.0**-24
    return (
        {"ulps": 1, "absolute": (8 + terms**0.5) * unit * np.asarray(magnitude, np.float64)} if dtype in FLOATS else {}
    )
