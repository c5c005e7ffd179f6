"""The numpy backend: the contract in NumPy, a line or two for each function, and the reference for what each means.

What is computed with is what `_read` returns: an array of the view's own dtype, or of float32 for the floats of 8 and
16 bits. `_write` rounds once. An element of a dtype that NumPy lacks (bfloat16, float8) is stored as its bits.

To the front its memory is its own, as a GPU's is: what runs on it takes the ways that such devices need.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from needle.ndarray.backend import Backend, BackendUnavailable, View
from needle.ndarray.errors import message

try:
    import numpy as np
except ImportError as error:
    raise BackendUnavailable(message("numpy", "NumPy is not installed", hint="pip install numpy")) from error

__all__ = ["load"]

Array = np.ndarray[Any, np.dtype[Any]]

_quiet = np.errstate(all="ignore")


def load() -> Backend:
    """Return the backend."""
    return NumpyBackend()


def _pow(x: Array, y: Array) -> Array:
    if x.dtype.kind != "i":
        return np.power(x, y)
    # To a negative power only 1 and -1 stay integers; the parity of y gives the sign.
    reciprocal = np.where(abs(x) == 1, np.power(x, y & 1), 0)
    return np.where(y < 0, reciprocal, np.power(x, np.maximum(y, 0)))


def _square(x: Array) -> Array:
    if x.dtype.kind != "c":
        return np.square(x)
    # As C's Annex G has it, an infinity with a NaN is an infinity too.
    infinite = np.isinf(x) & np.isnan(x)
    square = _complex(np.where(np.isinf(x.real), np.inf, -np.inf), np.full(x.shape, np.nan))
    return np.where(infinite, square, np.square(x)).astype(x.dtype)


def _reciprocal(x: Array) -> Array:
    if x.dtype.kind != "c":
        return np.reciprocal(x)
    # As C's Annex G has it, that of 0 is an infinity, and that of an infinity 0.
    real, imag = np.float64(x.real), np.float64(x.imag)
    of_zero = _complex(np.copysign(np.inf, real), np.full(x.shape, np.nan))
    of_infinity = _complex(np.copysign(0.0, real), np.copysign(0.0, -imag))
    y = np.where(np.isinf(x), of_infinity, np.reciprocal(x))
    return np.where(x == 0, of_zero, y).astype(x.dtype)


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def _expm1(x: Array) -> Array:
    if x.dtype.kind != "c":
        return np.expm1(x)
    # NumPy's own makes NaN of 0 times infinity; of -0 the array API makes 0.
    zero = _complex(np.zeros(x.shape), np.float64(x.imag))
    return np.where(x == 0, zero, np.where(np.isfinite(x), np.expm1(x), np.exp(x) - 1)).astype(x.dtype)


def _tanh(x: Array) -> Array:
    if x.dtype.kind != "c":
        return np.tanh(x)
    # At an infinite real part the array API gives the zero the sign of the imaginary one, and NumPy that of its sine.
    limit = _complex(np.copysign(1.0, np.float64(x.real)), np.copysign(0.0, np.float64(x.imag)))
    return np.where(np.isinf(x.real), limit, np.tanh(x)).astype(x.dtype)


def _log1p(x: Array) -> Array:
    if x.dtype.kind != "c":
        return np.log1p(x)
    # Near 0, log|1 + x| = log1p(|1 + x|^2 - 1) / 2. NumPy's own loses the digits of 1 + x.
    real, imag = np.float64(x.real), np.float64(x.imag)
    near = _complex(np.log1p(real * (2 + real) + imag * imag) / 2, np.arctan2(imag, 1 + real))
    return np.where(2 * abs(x) < 1, near, np.log(_complex(1 + real, imag))).astype(x.dtype)


def _complex(real: Array, imag: Array) -> Array:
    """Return complex numbers of these parts, zeros with their signs."""
    return np.stack([real, imag], -1).view(np.complex128)[..., 0]


UNARY: dict[str, Callable[[Any], Any]] = {
    "positive": np.positive,
    "negative": np.negative,
    "abs": np.abs,
    "sign": np.sign,
    "signbit": np.signbit,
    "conj": np.conj,
    "real": np.real,
    "imag": np.imag,
    "square": _square,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: _reciprocal(np.sqrt(x)),
    "reciprocal": _reciprocal,
    "exp": np.exp,
    "expm1": _expm1,
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": _log1p,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": _tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "sigmoid": _sigmoid,
    "erf": np.vectorize(math.erf, otypes=[np.float64]),
    "relu": lambda x: np.maximum(x, 0),
    "gelu": np.vectorize(lambda x: x * (0.5 * math.erfc(-x * math.sqrt(0.5))), otypes=[np.float64]),
    "gelu_tanh": lambda x: x * _sigmoid(math.sqrt(8 / math.pi) * (x + 0.044715 * x**3)),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "softplus": lambda x: np.logaddexp(x, 0),
    "floor": lambda x: np.floor(x) if x.dtype.kind == "f" else x,
    "ceil": lambda x: np.ceil(x) if x.dtype.kind == "f" else x,
    "trunc": lambda x: np.trunc(x) if x.dtype.kind == "f" else x,
    "round": np.round,
    "isnan": np.isnan,
    "isinf": np.isinf,
    "isfinite": np.isfinite,
    "logical_not": np.logical_not,
    "bitwise_invert": np.invert,
}

BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "floor_divide": np.floor_divide,
    "remainder": np.remainder,
    "pow": _pow,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "atan2": np.arctan2,
    "hypot": np.hypot,
    "logaddexp": np.logaddexp,
    "copysign": np.copysign,
    "nextafter": np.nextafter,
    "equal": np.equal,
    "not_equal": np.not_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_xor": np.logical_xor,
    "bitwise_and": np.bitwise_and,
    "bitwise_or": np.bitwise_or,
    "bitwise_xor": np.bitwise_xor,
    "bitwise_left_shift": np.left_shift,
    "bitwise_right_shift": np.right_shift,
}

REDUCE = {
    "sum": np.add,
    "prod": np.multiply,
    "max": np.maximum,
    "min": np.minimum,
    "any": np.logical_or,
    "all": np.logical_and,
}
ARG_REDUCE = {"argmax": np.argmax, "argmin": np.argmin}
SCAN = {"sum": np.add, "prod": np.multiply}
SCATTER = {"set": np.ndarray.__setitem__, "add": np.add.at}

FAMILIES: dict[str, dict[str, Any]] = {
    "unary": UNARY,
    "binary": BINARY,
    "reduce": REDUCE,
    "arg_reduce": ARG_REDUCE,
    "scan": SCAN,
    "scatter": SCATTER,
}


HALVES = ("float16", "bfloat16")
# The dtypes that NumPy lacks: how they are stored, the digits of the significand, and the exponent e of the smallest
# normal number, which is 0.5 * 2**e.
STORED = {"bfloat16": "uint16", "float8_e4m3fn": "uint8", "float8_e5m2": "uint8"}
FORMATS = {"bfloat16": (8, -125), "float8_e4m3fn": (4, -5), "float8_e5m2": (3, -13)}


def _float8_numbers() -> dict[str, Array]:
    """Return the numbers that the 256 float8 elements stand for."""
    exponent, fraction = np.divmod(np.arange(128), 8)
    e4m3fn = (fraction + 8 * (exponent > 0)) * 2.0 ** (np.maximum(exponent, 1) - 10)
    e4m3fn[127] = np.nan
    e5m2 = (np.arange(256, dtype=np.uint16) << 8).view(np.float16)
    return {"float8_e4m3fn": np.float32(np.concatenate([e4m3fn, -e4m3fn])), "float8_e5m2": np.float32(e5m2)}


FLOAT8 = _float8_numbers()


def _elements(v: View) -> Array:
    """Return the elements of a view, without copying them."""
    dtype = np.dtype(STORED.get(v.dtype.name, v.dtype.name))
    strides = [stride * dtype.itemsize for stride in v.strides]
    return np.ndarray(v.shape, dtype, v.buffer, v.offset * dtype.itemsize, strides)


def _decode(elements: Array, dtype: str) -> Array:
    if dtype == "bfloat16":
        return np.left_shift(elements, 16, dtype=np.uint32).view(np.float32)
    if dtype in FLOAT8:
        return FLOAT8[dtype][elements]
    return elements.astype(np.float32) if dtype == "float16" else elements


def _encode(x: Array, dtype: str) -> Array:
    """Return x as elements of a dtype: the contract's cast."""
    if dtype == "bfloat16":  # the upper half of a float32
        return (_rounded(x, dtype).astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
    if dtype in FLOAT8:
        return _to_float8(x, dtype)
    if x.dtype.kind == "f" and np.dtype(dtype).kind in "iu":
        least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
        inside = (x > least) & (x < float(most) + 1)  # false for NaN
        outside = np.where(x > 0, np.array(most, dtype), np.array(least, dtype) * (x < 0))
        return np.where(inside, np.where(inside, x, 0).astype(dtype), outside)
    return x.astype(dtype)


def _rounded(x: Array, dtype: str) -> Array:
    """Round to the binary digits of a dtype, halves to the even one."""
    digits, least = FORMATS[dtype]
    if x.dtype.kind in "biu":
        if x.dtype.name in ("int64", "uint64"):  # more digits than float64 has: let its last stand for any beyond it
            bits = x.dtype.type
            lost = (np.abs(x) > bits(2**53)) & (x & bits(2047) != 0)
            x = np.where(lost, x & ~bits(2047) | bits(2048), x)
        x = x.astype(np.float64)
    last_digit = np.maximum(np.frexp(x)[1], least) - digits  # its exponent, which is fixed below the normal numbers
    return np.ldexp(np.rint(np.ldexp(x, -last_digit)), last_digit)


def _to_float8(x: Array, dtype: str) -> Array:
    """Return the places of rounded numbers among those of the dtype; behind the greatest is infinity, or NaN."""
    numbers = FLOAT8[dtype]
    magnitude = abs(_rounded(x, dtype))
    places = np.searchsorted(numbers[: np.count_nonzero(np.isfinite(numbers)) // 2], magnitude)
    return np.where(np.isnan(magnitude), 0x7F, places).astype(np.uint8) | np.signbit(x) * np.uint8(0x80)


def _next_half(bits: Array, x: Array, y: Array) -> Array:
    """Return the bits of the halves next to x, of which bits are given, in the direction of y."""
    beside = np.where(x == 0, np.where(y < 0, 0x8001, 1), bits + np.where((x < y) == (x > 0), 1, -1))
    return np.where(np.isnan(x) | np.isnan(y), 0x7FFF, beside)


def _read(v: View) -> Array:
    return _decode(_elements(v), v.dtype.name)


def _write(x: Any, out: View) -> None:
    _elements(out)[...] = _encode(x, out.dtype.name)


def _places(indices: View, axis: int, extent: int) -> tuple[Array, ...]:
    """Return the coordinates that `indices` names along an axis, all of them valid."""
    index = np.array(_elements(indices), order="C")  # row-major, so that the last of repeated ones is written last
    wrong = index[(index < -extent) | (index >= extent)]
    if wrong.size:
        raise IndexError(f"index out of range; got {wrong[0]} along axis {axis}; expected in [{-extent}, {extent})")
    places: list[Array] = list(np.indices(index.shape, sparse=True))
    places[axis] = index
    return tuple(places)


class NumpyBackend(Backend):
    """NumPy on the host's memory."""

    name = "numpy"

    def describe(self, device: int) -> str:
        return f"NumPy {np.__version__}"

    def supports(self, family: str, op: str) -> bool:
        return op in FAMILIES.get(family, {})

    def alloc(self, nbytes: int, device: int) -> Array:
        try:
            memory = np.empty(nbytes + 63, np.uint8)
        except (ValueError, OverflowError) as error:  # more than an address can count
            raise MemoryError(f"out of memory; got {nbytes} bytes") from error
        start = -memory.ctypes.data % 64
        return memory[start : start + nbytes]

    def upload(self, host: memoryview, buffer: Array, offset: int) -> None:
        buffer[offset : offset + host.nbytes] = host

    def download(self, buffer: Array, offset: int, host: memoryview) -> None:
        host[:] = buffer[offset : offset + host.nbytes].data

    def copy(self, a: View, out: View) -> None:
        _elements(out)[...] = _elements(a)

    @_quiet
    def fill(self, value: complex, out: View) -> None:
        _write(np.asarray(value), out)

    @_quiet
    def iota(self, out: View) -> None:
        _write(np.arange(out.shape[0]), out)

    @_quiet
    def unary(self, op: str, a: View, out: View) -> None:
        _write(UNARY[op](_read(a)), out)

    @_quiet
    def binary(self, op: str, a: View, b: View, out: View) -> None:
        x, y = _read(a), _read(b)
        if op == "nextafter" and a.dtype.name in HALVES:  # the one op that depends on how they are stored
            bits = _next_half(_elements(a).view(np.uint16).astype(np.int64), x, y)
            _elements(out).view(np.uint16)[...] = np.where(x == y, _elements(b).view(np.uint16), bits)
        else:
            _write(BINARY[op](x, y), out)

    def where(self, condition: View, a: View, b: View, out: View) -> None:
        _elements(out)[...] = np.where(_elements(condition), _elements(a), _elements(b))

    @_quiet
    def cast(self, a: View, out: View) -> None:
        _write(_read(a), out)

    @_quiet
    def reduce(self, op: str, a: View, out: View) -> None:
        axes = tuple(axis for axis, (n, m) in enumerate(zip(a.shape, out.shape, strict=True)) if n != m)
        x = _decode(_encode(_read(a), out.dtype.name), out.dtype.name)  # for max and min, nothing changes
        _write(REDUCE[op].reduce(x, axis=axes, dtype=x.dtype, keepdims=True), out)

    def arg_reduce(self, op: str, a: View, axis: int, out: View) -> None:
        _write(ARG_REDUCE[op](_read(a), axis=axis, keepdims=True), out)

    @_quiet
    def scan(self, op: str, a: View, axis: int, out: View) -> None:
        x = _read(a)
        _write(SCAN[op].accumulate(x, axis=axis, dtype=x.dtype), out)

    def sort(self, a: View, axis: int, descending: bool, values: View | None, indices: View | None) -> None:
        x = _read(a)
        if descending:  # backwards, before and after: so equal elements keep their order
            order = np.flip(x.shape[axis] - 1 - np.argsort(np.flip(x, axis), axis, kind="stable"), axis)
        else:
            order = np.argsort(x, axis, kind="stable")
        if values is not None:
            _elements(values)[...] = np.take_along_axis(_elements(a), order, axis)
        if indices is not None:
            _write(order, indices)

    @_quiet
    def matmul(self, a: View, b: View, out: View) -> None:
        _write(np.matmul(_read(a), _read(b)), out)

    def gather(self, a: View, indices: View, axis: int, out: View) -> None:
        _elements(out)[...] = _elements(a)[_places(indices, axis, a.shape[axis])]

    @_quiet
    def scatter(self, op: str, a: View, indices: View, axis: int, out: View) -> None:
        total = np.array(_read(out))
        SCATTER[op](total, _places(indices, axis, out.shape[axis]), _read(a))
        _write(total, out)

    def random_bits(self, key: int, counter: int, out: View) -> None:
        n, low, high = out.shape[0], np.uint64(0xFFFFFFFF), np.uint64(32)
        block = np.arange((n + 3) // 4, dtype=np.uint64) + np.uint64(counter)
        a, b, c, d = block & low, block >> high, np.zeros_like(block), np.zeros_like(block)
        for i in range(10):
            key_0 = np.uint64(((key & 0xFFFFFFFF) + i * 0x9E3779B9) & 0xFFFFFFFF)
            key_1 = np.uint64(((key >> 32) + i * 0xBB67AE85) & 0xFFFFFFFF)
            ab, cd = np.uint64(0xD2511F53) * a, np.uint64(0xCD9E8D57) * c
            a, b, c, d = (cd >> high) ^ b ^ key_0, cd & low, (ab >> high) ^ d ^ key_1, ab & low
        _write(np.stack([a, b, c, d], axis=-1).reshape(-1)[:n], out)
