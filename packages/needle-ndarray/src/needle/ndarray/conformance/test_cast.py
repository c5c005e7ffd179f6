"""cast: every dtype to every other, the rounding of every half, the limits of the integers."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from needle.ndarray.conformance import samples
from needle.ndarray.conformance.elements import (
    COMPLEX,
    DTYPES,
    FLOAT8,
    FLOATS,
    HALVES,
    INTEGERS,
    Array,
    bits,
    decode,
    encode,
    storage,
)
from needle.ndarray.conformance.kit import Kit
from needle.ndarray.conformance.layouts import pairings


def limits(dtype: str) -> tuple[int, int]:
    return (-(2 ** (bits(dtype) - 1)), 2 ** (bits(dtype) - 1) - 1) if dtype[0] == "i" else (0, 2 ** bits(dtype) - 1)


def converted(x: Array, source: str, target: str) -> Array:
    numbers = decode(x, source)
    if target == "bool":
        return encode(numbers != 0, target)
    if source in (*FLOATS, *FLOAT8) and target in INTEGERS:
        least, greatest = limits(target)
        finite = (0 if np.isnan(n) else min(max(n, -1e30), 1e30) for n in numbers.flat)
        clamped = [min(max(int(n), least), greatest) for n in finite]
        return encode(np.array(clamped, object).reshape(x.shape), target)
    return encode(numbers, target)


def is_asked_for(source: str, target: str) -> bool:
    return source not in COMPLEX or target in ("bool", *COMPLEX)


@pytest.mark.parametrize(("source", "target"), [pair for pair in product(DTYPES, DTYPES) if is_asked_for(*pair)])
def test_cast(kit: Kit, source: str, target: str) -> None:
    cases = [(shape, "contiguous", "contiguous") for shape in (samples.SHAPE, (), (0,), (2, 0, 3), (1_003,))]
    cases += [(samples.SHAPE, layout, out_layout) for (layout,), out_layout in pairings(1)]
    for shape, layout, out_layout in cases:
        a = kit.put(samples.elements(source, shape), source, layout)
        kit.check(converted(a.elements, source, target), "cast", a, kit.out(shape, target, out_layout))


@pytest.mark.parametrize("source", DTYPES)
def test_in_place(kit: Kit, source: str) -> None:
    """The output may be the very view that the input is, seen as another dtype of the same size."""
    x = samples.elements(source, samples.SHAPE)
    for target in DTYPES:
        if storage(target).itemsize == storage(source).itemsize and is_asked_for(source, target):
            for layout in ("contiguous", "rotated", "sliced", "reversed"):
                a = kit.out(x.shape, source, layout, x)
                kit.check(converted(x, source, target), "cast", a, a.seen_as(target))


@pytest.mark.parametrize("source", [*FLOATS, *FLOAT8])
@pytest.mark.parametrize("target", INTEGERS)
def test_float_to_integer_at_the_limits(kit: Kit, source: str, target: str) -> None:
    numbers = [edge + step for edge in limits(target) for step in (-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5)]
    numbers += [-0.9, 0.9, 1e4, -1e4, np.inf, -np.inf, np.nan]
    numbers += [np.nextafter(np.float32(edge), np.float32(to)) for edge in limits(target) for to in (-np.inf, np.inf)]
    a = kit.put(encode(np.array(numbers, np.float64), source), source)
    kit.check(converted(a.elements, source, target), "cast", a, kit.out(a.elements.shape, target))


@pytest.mark.parametrize("half", HALVES)
def test_every_half_survives_float32_and_float64(kit: Kit, half: str) -> None:
    every = np.arange(2**16).astype(np.uint16).view(storage(half))
    for wide in ("float32", "float64"):
        a = kit.put(every, half)
        kit.check(converted(every, half, wide), "cast", a, kit.out(every.shape, wide))
        b = kit.put(encode(decode(every, half), wide), wide)
        kit.check(every, "cast", b, kit.out(every.shape, half))


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("source", ["float64", "int64", "uint64"])
def test_64_bits_are_rounded_to_a_half_once(kit: Kit, source: str, half: str) -> None:
    """Rounded to a float32 first, what lies just above halfway would become halfway, and then go down."""
    digits = 11 if half == "float16" else 8
    halfway = [(2**digits + step) * 2**shift for shift in (3, 30, 62 - digits) for step in (1, 3)]
    if source == "float64":
        numbers = np.array([n * (1 + tiny) / 2**digits for n in halfway for tiny in (0, 2.0**-50, -(2.0**-50))])
    else:
        numbers = np.array([n // 2 + step for n in halfway for step in (-1, 0, 1)], object)
    a = kit.put(encode(numbers, source), source)
    kit.check(converted(a.elements, source, half), "cast", a, kit.out(numbers.shape, half))


@pytest.mark.parametrize("small", FLOAT8)
@pytest.mark.parametrize("wide", [*FLOATS, "int32"])
def test_float8_is_rounded_once_to_nearest_even(kit: Kit, wide: str, small: str) -> None:
    """All 256, what lies halfway between them and beside that, and what is too great: NaN in e4m3fn, else infinity."""
    every = np.arange(256).astype(np.uint8)
    ascending = np.sort(np.abs(decode(every, small))[:127])
    numbers = decode(every, small)
    if wide in FLOATS:
        kit.check(converted(every, small, wide), "cast", kit.put(every, small), kit.out((256,), wide))
        halfway = (ascending[1:] + ascending[:-1]) / 2
        beside = [np.nextafter(np.float32(halfway), np.float32(to)) for to in (0, np.inf)]
        numbers = np.concatenate([numbers, halfway, *beside, [464, 464.1, 61439.9, 61440, 1e30, np.inf, np.nan]])
    else:
        numbers = np.arange(-70_000, 70_000, 7).astype(object)
    a = kit.put(encode(np.concatenate([numbers, -numbers]), wide), wide)
    kit.check(converted(a.elements, wide, small), "cast", a, kit.out(a.elements.shape, small))


@pytest.mark.parametrize("half", HALVES)
def test_halfway_between_halves_the_even_one_is_nearest(kit: Kit, half: str) -> None:
    infinity = 0x7C00 if half == "float16" else 0x7F80
    ascending = decode(np.arange(infinity).astype(np.uint16).view(storage(half)), half)
    halfway = ((ascending[1:] + ascending[:-1]) / 2).astype(np.float32)
    x = np.concatenate([halfway, np.nextafter(halfway, np.float32(0)), np.nextafter(halfway, np.float32(np.inf))])
    x = np.concatenate([x, np.array([65519.996, 65520, 3.3961775e38, 3.4e38], np.float32), -x])
    a = kit.put(x, "float32")
    kit.check(encode(x, half), "cast", a, kit.out(x.shape, half))
