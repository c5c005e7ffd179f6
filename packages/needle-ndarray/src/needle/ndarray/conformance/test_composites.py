"""The optional functions, on those backends that have them: every dtype and layout, and lines of many lengths."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest

from needle.ndarray.conformance import samples
from needle.ndarray.conformance.elements import FLOATS, Array, decode, encode, tolerance
from needle.ndarray.conformance.kit import Kit, Placed, compare
from needle.ndarray.conformance.layouts import Shape, pairings

Wanted = tuple[Array, Any]
"""The numbers that are wanted, and the sum of the absolute values of the terms that make each."""


def check(
    kit: Kit,
    op: str,
    inputs: Sequence[Placed | None],
    outputs: Sequence[Placed | None],
    wanted: Sequence[Wanted | None],
    integers: Sequence[int] = (),
    reals: Sequence[float] = (),
    *,
    terms: int,
) -> None:
    """Call a composite and compare its outputs, each a sum of at most so many rounded terms.

    A backend may leave single calls to the front.
    """
    try:
        results = kit.composite(op, inputs, outputs, integers, reals)
    except pytest.skip.Exception:
        if not kit.backend.supports("composite", op):
            raise
        return
    for out, got, want in zip(outputs, results, wanted, strict=True):
        if out is not None and got is not None and want is not None:
            numbers, magnitude = want
            near = tolerance(out.dtype, terms, np.nan_to_num(np.asarray(magnitude, np.float64)))
            label = f"{op}({inputs}, {outputs}, {integers}, {reals})"
            compare(label, got, encode(numbers, out.dtype), out.dtype, **near)


def numbers_of(a: Placed) -> Array:
    return decode(a.elements, a.dtype).astype(np.longdouble)


def wide(dtype: str) -> str:
    """Return the dtype of what is kept in at least float32."""
    return "float64" if dtype == "float64" else "float32"


TINY = 2.0**-104
"""What to add to a magnitude so that an exponential that is below float32's normal numbers may be 0."""


def total(x: Array, axis: Any) -> Array:
    return x.sum(axis, keepdims=True)


LENGTHS = (0, 1, 3, 15, 16, 17, 63, 64, 65, 128, 511, 513, 2_000)


def shapes_and_layouts(inputs: int) -> list[tuple[Shape, int, list[str], str]]:
    """Return shapes, axes and layouts: all layouts of one shape, then lines of many lengths along either axis."""
    cases = [(samples.SHAPE, axis, layouts, to) for axis, (layouts, to) in product(range(3), pairings(inputs))]
    plain = ["contiguous"] * inputs
    cases += [((3, n), 1, plain, "contiguous") for n in LENGTHS]
    return cases + [((3, n), 0, plain, "contiguous") for n in LENGTHS]


# Softmax and its logarithm.


def softmax_of(x: Array, axis: int) -> tuple[Wanted, Wanted]:
    """Return softmax and log_softmax."""
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = x - x.max(axis, keepdims=True) if x.size else x
        sums = total(np.exp(distance), axis)
        shares = np.exp(distance) / sums
        logarithms = distance - np.log(sums)
        return (shares, shares * (1 - distance) + TINY), (logarithms, 1 - distance + np.log(sums))


@pytest.mark.parametrize("dtype", FLOATS)
def test_softmax(kit: Kit, dtype: str) -> None:
    special = encode(np.array([[1, np.inf, 0], [1, -np.inf, 0], [np.nan, 1, 2], [-np.inf] * 3]), dtype)
    cases = [(samples.finite(dtype, shape), *rest) for shape, *rest in shapes_and_layouts(1)]
    plain = ["contiguous"]
    cases += [(special, 1, plain, "contiguous"), (special, 0, plain, "contiguous")]
    for op, which in (("softmax", 0), ("log_softmax", 1)):
        for x, axis, (layout,), to in cases:
            a, y = kit.put(x, dtype, layout), kit.out(x.shape, dtype, to)
            check(kit, op, [a], [y], [softmax_of(numbers_of(a), axis)[which]], [axis], terms=x.shape[axis])


@pytest.mark.parametrize("dtype", FLOATS)
def test_softmax_gradient(kit: Kit, dtype: str) -> None:
    for shape, axis, layouts, to in shapes_and_layouts(2):
        shares = encode(softmax_of(decode(samples.finite(dtype, shape), dtype), axis)[0][0], dtype)
        logarithms = encode(-np.abs(decode(samples.finite(dtype, shape), dtype)), dtype)
        ct = kit.put(samples.finite(dtype, shape, 1), dtype, layouts[1])
        c = numbers_of(ct)
        y = kit.put(shares, dtype, layouts[0])
        s = numbers_of(y)
        want = s * (c - total(c * s, axis)), np.abs(s) * (np.abs(c) + total(np.abs(c * s), axis))
        check(kit, "softmax_gradient", [y, ct], [kit.out(shape, dtype, to)], [want], [axis], terms=shape[axis])
        y = kit.put(logarithms, dtype, layouts[0])
        s = numbers_of(y)
        want = c - np.exp(s) * total(c, axis), np.abs(c) + (np.exp(s) * (1 - s) + TINY) * total(np.abs(c), axis)
        check(kit, "log_softmax_gradient", [y, ct], [kit.out(shape, dtype, to)], [want], [axis], terms=shape[axis])


# Cross-entropy.


def labels_for(shape: Shape, axis: int) -> Array:
    kept = tuple(1 if i == axis else n for i, n in enumerate(shape))
    return np.random.default_rng(2).integers(-shape[axis], shape[axis], kept)


@pytest.mark.parametrize("dtype", FLOATS)
def test_cross_entropy(kit: Kit, dtype: str) -> None:
    for shape, axis, layouts, to in shapes_and_layouts(4):
        if 0 in shape:
            continue
        labels = kit.put(labels_for(shape, axis), "int64", layouts[1])
        kept = labels.elements.shape
        x = kit.put(samples.finite(dtype, shape), dtype, layouts[0])
        numbers = numbers_of(x)
        top = numbers.max(axis, keepdims=True)
        log_sum = np.log(total(np.exp(numbers - top), axis))
        below = np.take_along_axis(numbers - top, labels.elements, axis)
        losses = log_sum - below, 1 + log_sum - below
        outputs = [kit.out(kept, wide(dtype), to), kit.out(kept, wide(dtype))]
        sums = log_sum + top, 1 + log_sum + np.abs(top)
        check(kit, "cross_entropy", [x, labels], outputs, [losses, sums], [axis], terms=shape[axis])

        given = kit.put(encode(sums[0], wide(dtype)), wide(dtype), layouts[2])
        ct = kit.put(samples.finite(wide(dtype), kept, 1), wide(dtype), layouts[3])
        shares = np.exp(np.minimum(numbers - numbers_of(given), 80))
        if (numbers - numbers_of(given)).max() > 0.01:  # sums of other lines, in a 0-stride layout: no shares
            continue
        places = np.zeros(shape)
        np.put_along_axis(places, labels.elements, 1, axis)
        c = numbers_of(ct)
        near = shares * (1 + np.abs(numbers) + np.abs(numbers_of(given))) + TINY
        want = c * (shares - places), np.abs(c) * (near + places)
        inputs = [x, labels, given, ct]
        check(kit, "cross_entropy_gradient", inputs, [kit.out(shape, dtype, to)], [want], [axis], terms=1)


def test_labels_that_are_no_class(kit: Kit) -> None:
    x = kit.put(samples.finite("float32", (2, 3)), "float32")
    outputs = [kit.out((2, 1), "float32"), kit.out((2, 1), "float32")]
    for label in (3, -4, 2**40):
        labels = kit.put(np.array([[0], [label]]), "int64")
        with pytest.raises(IndexError):
            kit.composite("cross_entropy", [x, labels], outputs, [1])
