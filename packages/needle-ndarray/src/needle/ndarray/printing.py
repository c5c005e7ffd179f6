"""How an array looks as text: NumPy's layout, with dtype and device."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any

from needle.ndarray.manipulation import concat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from needle.ndarray._core import DType, NDArray

__all__ = ["array_repr"]

PRECISION = 8  # digits after the point
THRESHOLD = 1000  # arrays of more elements are summarised,
EDGE = 3  # to so many at each end of an axis
LINE = 75
LARGE, SMALL, FAR_APART = 1e8, 1e-4, 1e3  # from where on floats are shown with powers of ten
HEAD = "NDArray("

# Decimal digits that tell any two floats of a dtype apart, and the struct module's format of it or a wider one.
DIGITS = {"bfloat16": 4, "float16": 5, "float32": 9, "float64": 17}
FORMATS = {"bfloat16": "<f", "float16": "<e", "float32": "<f", "float64": "<d"}
# Shown like others: parts of complex numbers, and what every float16 can tell apart.
SHOWN_AS = {
    "complex64": "float32", "complex128": "float64", "float8_e4m3fn": "float16", "float8_e5m2": "float16",
}  # fmt: skip


def array_repr(x: NDArray, /) -> str:
    """Return the text of ``repr(x)``; of a large array only the ends are read from the device.

    Floats have the fewest digits that tell them apart in their dtype, at most 8 after the point.

    >>> from needle.ndarray import asarray
    >>> print(array_repr(asarray([[1.0, 2.5], [3.0, 4.0]], device="cpu")))
    NDArray([[1. , 2.5],
             [3. , 4. ]], dtype=float32, device=cpu)
    """
    is_summary = x.size > THRESHOLD
    shape = f"shape={x.shape}, " if is_summary or (x.size == 0 and x.ndim != 1) else ""
    suffix = f", {shape}dtype={x.dtype.name}, device={x.device})"
    if x.size == 0:
        return HEAD + "[]" + suffix
    cells = (_ends(x) if is_summary else x).tolist()
    leaves = list(_leaves(cells, x.ndim))
    texts = _texts(leaves, x.dtype)
    shortened = [is_summary and extent > 2 * EDGE for extent in x.shape]
    return HEAD + _brackets(cells, iter(_aligned(texts)), shortened, len(HEAD)) + suffix


def _ends(x: NDArray, axis: int = 0) -> NDArray:
    """Return the first and last elements along the axes from `axis` on; views, until the small rest is joined."""
    if axis == x.ndim:
        return x
    if x.shape[axis] <= 2 * EDGE:
        return _ends(x, axis + 1)
    before = (slice(None),) * axis
    ends = [_ends(x[(*before, part)], axis + 1) for part in (slice(EDGE), slice(-EDGE, None))]
    return concat(ends, axis=axis)


def _leaves(cells: Any, ndim: int) -> Iterator[Any]:
    if ndim == 0:
        yield cells
    else:
        for cell in cells:
            yield from _leaves(cell, ndim - 1)


def _brackets(cells: Any, texts: Iterator[str], shortened: list[bool], indent: int) -> str:
    """Return nested lists as text, taking the numbers' own from `texts`, with dots in the axes that are shortened."""
    if not shortened:
        return next(texts)
    indent += 1
    parts = [_brackets(cell, texts, shortened[1:], indent) for cell in cells]
    if shortened[0]:
        parts.insert(EDGE, "...")
    if len(shortened) > 1:
        return "[" + ("," + "\n" * (len(shortened) - 1) + " " * indent).join(parts) + "]"
    lines = [parts[0]]
    closing = indent - len(HEAD) + 1  # brackets that may have to follow
    for part in parts[1:]:
        if indent + len(lines[-1]) + len(", ") + len(part) + closing <= LINE:
            lines[-1] += ", " + part
        else:
            lines.append(part)
    return "[" + (",\n" + " " * indent).join(lines) + "]"


def _texts(values: list[Any], dtype: DType) -> list[str]:
    shown_as = SHOWN_AS.get(dtype.name, dtype.name)
    if dtype.kind == "complex":
        real = _aligned(_float_texts([z.real for z in values], shown_as))
        imag = _float_texts([z.imag for z in values], shown_as)
        imag = _aligned([text if text.startswith("-") else f"+{text}" for text in imag])
        return [a + b.rstrip() + "j" + " " * (len(b) - len(b.rstrip())) for a, b in zip(real, imag, strict=True)]
    return _float_texts(values, shown_as) if dtype.kind == "float" else [str(value) for value in values]


def _aligned(texts: list[str]) -> list[str]:
    width = max(map(len, texts))
    return [text.rjust(width) for text in texts]


def _float_texts(values: list[float], dtype: str) -> list[str]:
    """Return floats as text with their points in line, by powers of ten where magnitudes are extreme or far apart."""
    digits = {value: _shortest(value, dtype) for value in values if math.isfinite(value)}
    sizes = [abs(value) for value in digits if value]
    if sizes and (max(sizes) >= LARGE or min(sizes) < SMALL or max(sizes) / min(sizes) > FAR_APART):
        places = min(PRECISION, max(digits.values()) - 1)
        point = "" if places else "."
        return [f"{v:.{places}e}".replace("e", point + "e") if v in digits else str(v) for v in values]
    texts: list[str] = []
    for value in values:
        if value not in digits:
            texts.append(str(value))
            continue
        exponent = int(f"{value:.{digits[value] - 1}e}".partition("e")[2])
        whole, _, fraction = f"{value:.{min(PRECISION, max(0, digits[value] - 1 - exponent))}f}".partition(".")
        texts.append(f"{whole}.{fraction.rstrip('0')}")
    places = max((len(text.partition(".")[2]) for text in texts), default=0)
    return [text + " " * (places - len(text.partition(".")[2])) if "." in text else text for text in texts]


def _shortest(value: float, dtype: str) -> int:
    """Return how many significant digits it takes to read the value back in its dtype."""
    for digits in range(1, DIGITS[dtype]):
        if _rounded(float(f"{value:.{digits - 1}e}"), dtype) == value:
            return digits
    return DIGITS[dtype]


def _rounded(value: float, dtype: str) -> float:
    try:
        data = struct.pack(FORMATS[dtype], value)
    except OverflowError:
        return math.inf
    if dtype == "bfloat16":  # the upper half of a float32, rounded to nearest even
        bits = int.from_bytes(data, "little")
        data = (bits + 0x7FFF + (bits >> 16 & 1) & 0xFFFF0000).to_bytes(4, "little")
    return struct.unpack(FORMATS[dtype], data)[0]
