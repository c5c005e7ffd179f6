"""Views to lists of Python numbers in row-major order, and back.

A Python int has any number of digits and a Python float those of float64, so that a result is exact or nearer to the
exact one than the dtype asks for; `write` then keeps the low bits of an int and rounds a float, once.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from needle.ndarray import DType, View

Number = complex  # or what a complex number may be: an int, a float

# How memoryview calls the elements of each dtype, of complex ones the parts; the small floats are read as their bits.
FORMATS = {
    "bool": "B", "int8": "b", "int16": "h", "int32": "i", "int64": "q", "uint8": "B", "uint16": "H", "uint32": "I",
    "uint64": "Q", "float16": "H", "bfloat16": "H", "float32": "f", "float64": "d",
    "float8_e4m3fn": "B", "float8_e5m2": "B", "complex64": "f", "complex128": "d",
}  # fmt: skip


def elements(v: View) -> memoryview[Any]:
    """Return the whole buffer as elements of the view's dtype."""
    size = len(v.buffer) // v.dtype.itemsize * v.dtype.itemsize
    as_elements: Any = memoryview(v.buffer)[:size].cast
    try:
        return as_elements(FORMATS[v.dtype.name])
    except KeyError:
        raise NotImplementedError(f"a dtype that this backend does not have; got {v.dtype.name}") from None


def slot(v: View, place: int) -> slice:
    """Return the bytes of an element: to move it as it is, a NaN too."""
    return slice(place * v.dtype.itemsize, (place + 1) * v.dtype.itemsize)


def places(shape: Sequence[int], strides: Sequence[int], offset: int) -> list[int]:
    """Return where the elements lie in the buffer, in row-major order: the one walker of this backend."""
    found = [offset]
    for extent, stride in zip(shape, strides, strict=True):
        steps = [i * stride for i in range(extent)]
        found = [place + step for place in found for step in steps]
    return found


def lines(v: View, axis: int) -> list[Sequence[int]]:
    """Return the places of each line along an axis."""
    starts = places(v.shape[:axis] + v.shape[axis + 1 :], v.strides[:axis] + v.strides[axis + 1 :], v.offset)
    extent, stride = v.shape[axis], v.strides[axis]
    return [range(start, start + extent * stride, stride) if stride else [start] * extent for start in starts]


def load(source: memoryview[Any], at: Iterable[int], dtype: DType) -> list[Any]:
    """Return the numbers at places of a buffer."""
    if dtype.name == "float16":
        return [struct.unpack("<e", source[i].to_bytes(2, "little"))[0] for i in at]
    if dtype.name == "bfloat16":
        return [struct.unpack("<f", (source[i] << 16).to_bytes(4, "little"))[0] for i in at]
    if dtype.name in FLOAT8:
        return [FLOAT8[dtype.name][source[i]] for i in at]
    if dtype.kind == "complex":
        return [complex(source[2 * i], source[2 * i + 1]) for i in at]
    return [source[i] for i in at]


def read(v: View) -> list[Any]:
    """Return the numbers of a view in row-major order."""
    return load(elements(v), places(v.shape, v.strides, v.offset), v.dtype)


def store(numbers: Iterable[Number], target: memoryview[Any], at: Iterable[int], dtype: DType) -> None:
    """Write numbers, which are of the dtype's kind, to places of a buffer."""
    encode = ENCODE[dtype.name]
    for i, x in zip(at, numbers, strict=True):
        if dtype.kind == "complex":
            target[2 * i], target[2 * i + 1] = encode(x.real), encode(x.imag)
        else:
            target[i] = encode(x)


def write(numbers: Iterable[Number], out: View) -> None:
    """Write numbers, which are of the dtype's kind, to a view in row-major order."""
    store(numbers, elements(out), places(out.shape, out.strides, out.offset), out.dtype)


def low_bits(dtype: str) -> Callable[[Any], int]:
    """Return the function that wraps an int around to what a dtype can hold."""
    bits = int(dtype.lstrip("uint"))
    half = 0 if dtype.startswith("uint") else 1 << (bits - 1)
    return lambda x: ((int(x) + half) & ((1 << bits) - 1)) - half


def to_small_float(bits: int, mantissa: int, least: int, too_great: int, nan: int) -> Callable[[Any], int]:
    """Return the function that rounds to a format of so many bits.

    `mantissa` of them are stored digits, 2**least is the least normal number, and `too_great` and `nan` are the bits of
    infinity, or of what stands for it, and of NaN.
    """

    def encode(x: Any) -> int:
        sign = 1 << (bits - 1) if math.copysign(1, x) < 0 else 0
        if math.isnan(x):
            return sign | nan
        if math.isinf(x) or x == 0:
            return sign | (too_great if x else 0)
        if isinstance(x, int):  # exact in units of the last place, where a float would have rounded it before
            exponent = abs(x).bit_length() - 1
            units = half_to_even(abs(x), exponent - mantissa)
        else:
            exponent = max(math.frexp(x)[1] - 1, least)
            units = round(math.ldexp(abs(x), mantissa - exponent))
        # A carry moves on into the exponent, and out of the greatest one into infinity.
        return sign | min(units + ((exponent - least) << mantissa), too_great)

    return encode


def small_floats(mantissa: int, least: int, too_great: int, nan: int) -> list[float]:
    """Return the numbers of the 256 elements of a float8."""
    numbers: list[float] = []
    for element in range(128):
        exponent, fraction = divmod(element, 1 << mantissa)
        digits = fraction + (1 << mantissa if exponent else 0)
        number = math.ldexp(digits, max(exponent, 1) - 1 + least - mantissa)
        numbers.append(
            number if element < too_great else math.nan if element > too_great or too_great == nan else math.inf
        )
    return numbers + [-x for x in numbers]


def half_to_even(x: int, shift: int) -> int:
    """Return x / 2**shift as the nearest integer."""
    if shift <= 0:
        return x << -shift
    rest, half = x & ((1 << shift) - 1), 1 << (shift - 1)
    up = rest > half or (rest == half and (x >> shift) & 1)
    return (x >> shift) + up


def to_float32(x: Any) -> float:
    """Round to float32; an int with the digits of its own that a float64 would lose."""
    if isinstance(x, int) and abs(x) >> 53:
        shift = abs(x).bit_length() - 24
        x = math.copysign(half_to_even(abs(x), shift) << shift, x)
    return x


# float8: Micikevicius et al., arXiv:2209.05433, table 1. e4m3fn has no infinity: NaN stands for what is too great.
E4M3FN, E5M2 = (3, -6, 0x7F, 0x7F), (2, -14, 0x7C, 0x7F)
FLOAT8 = {"float8_e4m3fn": small_floats(*E4M3FN), "float8_e5m2": small_floats(*E5M2)}
ENCODE: dict[str, Callable[[Any], Any]] = {
    **{name: low_bits(name) for name in FORMATS if "int" in name},
    "bool": lambda x: x & 1,
    "float8_e4m3fn": to_small_float(8, *E4M3FN),
    "float8_e5m2": to_small_float(8, *E5M2),
    "float16": to_small_float(16, 10, -14, 0x7C00, 0x7E00),
    "bfloat16": to_small_float(16, 7, -126, 0x7F80, 0x7FC0),
    "float32": to_float32,
    "float64": float,
    "complex64": to_float32,
    "complex128": float,
}


def converted(numbers: list[Any], source: DType, target: DType) -> list[Any]:
    """Return numbers of one dtype as those of another: the contract's cast, but for the rounding of `write`."""
    if target.name == "bool":
        return [x != 0 for x in numbers]
    if source.kind == "float" and target.kind in ("int", "uint"):
        bits = target.itemsize * 8
        least, most = (0, (1 << bits) - 1) if target.kind == "uint" else (-1 << (bits - 1), (1 << (bits - 1)) - 1)
        return [truncated(x, least, most) for x in numbers]
    return numbers


def truncated(x: float, least: int, most: int) -> int:
    """Return x truncated towards zero, NaN as 0, and no further than the limits."""
    return 0 if math.isnan(x) else least if x <= least else most if x >= most else int(x)


def rounded(numbers: list[Any], dtype: DType) -> list[Any]:
    """Return numbers as they come back from elements of a dtype."""
    buffer = bytearray(len(numbers) * dtype.itemsize)
    v = View(buffer, dtype, (len(numbers),), (1,), 0)
    write(numbers, v)
    return read(v)
