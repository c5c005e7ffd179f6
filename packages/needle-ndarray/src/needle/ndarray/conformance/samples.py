"""The numbers that functions are called with: special ones, pairs of them, and seeded random ones of several sizes."""

from __future__ import annotations

from functools import cache
from math import prod

import numpy as np

from needle.ndarray.conformance.elements import (
    COMPLEX,
    FLOAT8,
    FLOATS,
    FORMATS,
    GREATEST,
    Array,
    bits,
    complex_of,
    component,
    encode,
)
from needle.ndarray.conformance.layouts import Shape

SHAPE = (4, 6, 9)
"""Room for every pair of special numbers; no extent but one fills vector registers."""


def special(dtype: str) -> Array:
    """Return 12 numbers at which implementations go wrong."""
    if dtype == "bool":
        return np.array([0, 1] * 6, object)
    if dtype in COMPLEX:
        x = special(component(dtype))
        return complex_of(x, np.roll(x, 5))
    if dtype not in FLOATS and dtype not in FLOAT8:
        top = 2 ** (bits(dtype) - dtype.startswith("int")) - 1
        return np.array([0, 1, 2, 3, 7, bits(dtype) - 1, bits(dtype), top, top - 1, -1, -7, -top - 1], object)
    digits, least = FORMATS[dtype]
    greatest = GREATEST.get(dtype) or (2 - 2.0 ** (1 - digits)) * 2.0 ** (127 if dtype == "float32" else 1023)
    smallest = 2.0 ** (least - 1)
    return np.array([0, -0.0, 1, -1, 1.5, -2.5, np.inf, -np.inf, np.nan, greatest, smallest, -smallest / 4])


@cache
def random(dtype: str, n: int, seed: int = 0) -> Array:
    """Return n numbers of a dtype's whole range, most of them small; finite. Do not write to them."""
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.integers(0, 2, n).astype(object)
    if dtype in COMPLEX:
        return complex_of(*(random(component(dtype), n, s) for s in (seed, seed + 100)))
    if dtype in FLOATS or dtype in FLOAT8:
        x = rng.normal(size=n) * rng.choice([0.01, 1, 30], n)
        return np.where(rng.random(n) < 0.2, np.round(2 * x) / 2, x)
    wide = np.frombuffer(rng.bytes(8 * n), np.int64)
    return np.where(rng.random(n) < 0.5, rng.integers(-9, 70, n), wide).astype(object)


def elements(dtype: str, shape: Shape, seed: int = 0) -> Array:
    """Return elements of which some are special."""
    x = random(dtype, prod(shape), seed).copy()
    places = np.random.default_rng(seed + 1).permutation(x.size)[: len(special(dtype))]
    x[places] = special(dtype)[: places.size]
    return encode(x, dtype).reshape(shape)


def finite(dtype: str, shape: Shape, seed: int = 0) -> Array:
    """Return elements none of which is infinite or NaN."""
    return encode(random(dtype, prod(shape), seed), dtype).reshape(shape)


def whole(dtype: str, shape: Shape, seed: int = 0, most: int = 3) -> Array:
    """Return small integers as elements: float arithmetic on them is exact, in whatever order."""
    if dtype in COMPLEX:
        return encode(complex_of(*(whole(component(dtype), shape, s, most) for s in (seed, seed + 100))), dtype)
    least = 0 if dtype.startswith("uint") else -most
    return encode(np.random.default_rng(seed).integers(least, most + 1, shape), dtype)


def operands(dtype: str, arity: int, shape: Shape) -> list[Array]:
    """Return numbers for an op of one or two operands, every pair of special ones first."""
    n, x = prod(shape), special(dtype)
    first = [x, x] if arity == 1 else [np.repeat(x, len(x)), np.tile(x, len(x))]
    filled = [np.concatenate([head, random(dtype, n, seed)])[:n] for seed, head in enumerate(first)]
    return [numbers.reshape(shape) for numbers in filled[:arity]]
