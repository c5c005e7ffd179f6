"""The errors of the cpu backend's approximations, in units in the last place, against what they may be.

`./dev accuracy` takes every float32 for each function of one operand, which needs some minutes for each, and samples
for float64 and for two operands; `./dev accuracy exp log --stride 1000` takes every 1000th for these two. The reference
is NumPy, in float64 for float32 and in long double for float64. NEEDLE_CPU_ISA chooses the instruction set.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from needle import ndarray as nd

Array = np.ndarray[Any, np.dtype[Any]]
Function = Callable[[Any], Any] | Callable[[Any, Any], Any]

erf = np.vectorize(math.erf, otypes=[np.float64])
erfc = np.vectorize(math.erfc, otypes=[np.float64])


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)), with no digits lost for great |x|."""
    e = np.exp(-abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


def softplus(x: Array) -> Array:
    """Return log(1 + exp(x))."""
    return np.logaddexp(x, 0)


def silu(x: Array) -> Array:
    """Return x * sigmoid(x)."""
    return x * sigmoid(x)


def gelu(x: Array) -> Array:
    """Return x times the share of the normal distribution below x."""
    return x * (0.5 * erfc(-x * math.sqrt(0.5)))


def gelu_tanh(x: Array) -> Array:
    """Return x * sigmoid(u) for the u by which that is near to gelu."""
    return x * sigmoid(math.sqrt(8 / math.pi) * (x + 0.044715 * x**3))


def above_underflow(x: Array) -> Array:
    """Return operands for which silu is a normal number."""
    return np.maximum(x, -80)


class Bound(NamedTuple):
    """The greatest errors of a function."""

    reference: Function
    float32: float
    float64: float | None = None
    """None where NumPy has no function in more digits."""
    domain: Function | None = None
    """Maps operands to such as the bound holds for."""
    size: Function | None = None
    """Of the operands: what the unit is the last place of, if not the result."""


UNARY = {
    "exp": Bound(np.exp, 0.81, 0.9),
    "expm1": Bound(np.expm1, 1.7, 2.3),
    "log": Bound(np.log, 0.91, 1.0),
    "log2": Bound(np.log2, 2.6, 3.0),
    "log10": Bound(np.log10, 1.7, 2.2),
    "log1p": Bound(np.log1p, 1.0, 1.1),
    "sin": Bound(np.sin, 1.6, 1.6),
    "cos": Bound(np.cos, 1.6, 1.6),
    "tan": Bound(np.tan, 3.1, 2.6),
    "asin": Bound(np.arcsin, 1.8, 1.9),
    "acos": Bound(np.arccos, 1.3, 1.4),
    "atan": Bound(np.arctan, 2.0, 1.8),
    "sinh": Bound(np.sinh, 1.7, 1.8),
    "cosh": Bound(np.cosh, 1.4, 1.4),
    "tanh": Bound(np.tanh, 2.6, 2.7),
    "asinh": Bound(np.arcsinh, 1.9, 1.9),
    "acosh": Bound(np.arccosh, 2.1, 2.2),
    "atanh": Bound(np.arctanh, 2.1, 2.2),
    "sigmoid": Bound(sigmoid, 2.5, 2.5),
    "softplus": Bound(softplus, 1.7, 1.8),
    "silu": Bound(silu, 3.2, 3.0, domain=above_underflow),
    "erf": Bound(erf, 6.0),
    "gelu": Bound(gelu, 4.0, size=abs),
    "gelu_tanh": Bound(gelu_tanh, 3.0, size=abs),
}
BINARY = {
    "pow": Bound(np.power, 1.3, 1.2),
    "atan2": Bound(np.arctan2, 2.0, 2.0),
    "hypot": Bound(np.hypot, 1.3, 1.3),
    "logaddexp": Bound(np.logaddexp, 2.0, 2.0, domain=abs),
}


class Found(NamedTuple):
    """The greatest error found, the operands there, and the result."""

    ulps: float
    at: tuple[float, ...]
    got: float


def errors(got: Array, want: Array, size: Array) -> Array:
    """Return errors in units in the last place of `size`, which are not smaller below the smallest normal number.

    They are infinite where NaN or the signs of zeros differ; an infinity counts as the greatest number.
    """
    limits, rounded = np.finfo(got.dtype), want.astype(got.dtype)
    unit = np.spacing(np.clip(abs(size), limits.tiny, limits.max).astype(got.dtype))
    greatest = want.dtype.type(limits.max)
    distance = np.clip(got.astype(want.dtype), -greatest, greatest) - np.clip(want, -greatest, greatest)
    differ = (np.isnan(got) != np.isnan(want)) | (got == 0) & (rounded == 0) & (np.signbit(got) != np.signbit(rounded))
    return np.where(differ, np.inf, np.where(np.isnan(want), 0, abs(distance) / unit))


def worst(name: str, bound: Bound, operands: tuple[Array, ...]) -> Found:
    """Return the greatest error of a function for some operands."""
    reference: Any = bound.reference
    domain: Any = bound.domain
    size: Any = bound.size
    with np.errstate(all="ignore"):
        if domain:
            operands = tuple(domain(x) for x in operands)
        got = getattr(nd, name)(*(nd.asarray(x, device="cpu") for x in operands)).numpy()
        wide = tuple(x.astype(np.float64 if got.dtype == np.float32 else np.longdouble) for x in operands)
        want = np.asarray(reference(*wide), wide[0].dtype)
        error = errors(got, want, size(*wide) if size else want)
    place = int(np.argmax(error))
    return Found(float(error[place]), tuple(float(x[place]) for x in operands), float(got[place]))


def every_float32(stride: int) -> Iterator[Array]:
    """Yield every stride-th bit pattern of float32 in pieces."""
    piece = 2**22 * stride
    for start in range(0, 2**32, piece):
        yield np.arange(start, min(start + piece, 2**32), stride).astype(np.uint32).view(np.float32)


def samples(dtype: type[np.floating[Any]], operands: int, n: int) -> tuple[Array, ...]:
    """Return all kinds of numbers: ordinary ones, any bits, near to 1, and special ones in pairs."""
    rng = np.random.default_rng(0)
    special = [0.0, -0.0, 1, -1, 0.5, -0.5, 2, -2, 3, -3, math.inf, -math.inf, math.nan, 1e-40, -1e-40, 1e30, -1e30]
    columns: list[Array] = []
    for i in range(operands):
        ordinary = rng.uniform(-1, 1, n) * rng.choice([1e-3, 1, 1, 4, 30, 700, 1e4], n)
        near_1 = 1 + rng.uniform(-1e-2, 1e-2, n)
        any_bits = np.frombuffer(rng.bytes(np.dtype(dtype).itemsize * n), dtype)
        pairs = np.repeat(special, len(special)) if i == 0 else np.tile(special, len(special))
        columns.append(np.concatenate([ordinary.astype(dtype), near_1.astype(dtype), any_bits, pairs.astype(dtype)]))
    return tuple(columns)


def measure(name: str, stride: int, n: int) -> Iterator[tuple[str, Found, float]]:
    """Yield, for each dtype, the greatest error of a function and its bound."""
    bound, operands = (UNARY[name], 1) if name in UNARY else (BINARY[name], 2)
    found = worst(name, bound, samples(np.float32, operands, n))
    if operands == 1:
        found = max(found, *(worst(name, bound, (x,)) for x in every_float32(stride)))
    yield "float32", found, bound.float32
    if bound.float64 and np.finfo(np.longdouble).nmant > np.finfo(np.float64).nmant:
        yield "float64", worst(name, bound, samples(np.float64, operands, n)), bound.float64


def main(arguments: list[str]) -> int:
    """Measure what the command line names; 1 if a bound does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="FUNCTION", help="all by default")
    parser.add_argument("--stride", type=int, default=1, help="take every so many-th float32")
    parser.add_argument("--samples", type=int, default=1_000_000, help="of float64, and of two operands")
    options = parser.parse_args(arguments)
    failed = False
    for name in options.names or [*UNARY, *BINARY]:
        for dtype, found, bound in measure(name, options.stride, options.samples):
            verdict = "" if found.ulps <= bound else f"  more than {bound}"
            failed |= bool(verdict)
            at = ", ".join(x.hex() for x in found.at)
            print(f"{name:10} {dtype}  {found.ulps:6.3f} ulp, at {at}: {found.got.hex()}{verdict}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
