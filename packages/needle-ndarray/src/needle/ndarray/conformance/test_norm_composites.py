"""The composites of normalisation: sets of every kind of axes, with and without what may be left out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from needle.ndarray.conformance import samples
from needle.ndarray.conformance.elements import FLOATS, Array
from needle.ndarray.conformance.kit import Kit, Placed
from needle.ndarray.conformance.layouts import Shape, pairings
from needle.ndarray.conformance.test_composites import check, numbers_of, total, wide

EPSILON = 0.01


class Case(NamedTuple):
    shape: Shape
    axes: tuple[int, ...]
    parameters: Shape | None = None
    centred: bool = True


def kept(shape: Shape, axes: tuple[int, ...]) -> Shape:
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


BOTH = (True, False)
SHAPES = [
    *(Case((3, n), (1,), (1, n), centred) for n in (1, 3, 15, 16, 17, 63, 64, 65, 511, 513, 4_097) for centred in BOTH),
    *(Case((2, 3, n), (0, 2), (1, 3, 1)) for n in (1, 9, 63, 64, 65, 600)),
    *(Case((n, 40), (0,), (1, 40), centred) for n in (1, 2, 70, 300) for centred in BOTH),
    Case((300, 20), (1,), (1, 20)),
    Case((2, 3, 4, 20), (2, 3), (1, 3, 4, 1)),
    Case((2, 3, 4, 5), (1, 2, 3), (1, 3, 4, 5), False),
    Case((2, 3, 40), (2,), (1, 3, 1)),
    Case((2, 3, 40), (2,)),
    Case((5, 12, 30), (1,), (1, 12, 1)),
]
LAYOUTS = [
    (case, layouts, to)
    for case in (Case(samples.SHAPE, (2,), (1, 1, 9)), Case(samples.SHAPE, (0, 2), (1, 6, 1)))
    for layouts, to in pairings(3)
]
CASES = [*LAYOUTS, *((case, ["contiguous"] * 3, "contiguous") for case in SHAPES)]


def ones_where_none(a: Placed | None, other: float) -> Array:
    return np.array(other, np.longdouble) if a is None else numbers_of(a)


def mean_of(x: Array, axes: tuple[int, ...]) -> Array:
    return x.mean(axes, keepdims=True)


def sum_to(x: Array, shape: Shape) -> Array:
    return x.sum(tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)


@pytest.mark.parametrize("dtype", FLOATS)
def test_norm(kit: Kit, dtype: str) -> None:
    for i, (case, layouts, to) in enumerate(CASES):
        x = kit.put(samples.finite(dtype, case.shape), dtype, layouts[0])
        scale, shift = (
            case.parameters and kit.put(samples.finite(dtype, case.parameters, seed), dtype, layout)
            for seed, layout in ((1, layouts[1]), (2, layouts[2]))
        )
        scale = None if i % 5 == 1 else scale
        shift = None if i % 5 == 2 else shift
        statistics = kept(case.shape, case.axes)
        outputs = [
            kit.out(case.shape, dtype, to),
            kit.out(statistics, wide(dtype)) if case.centred else None,
            kit.out(statistics, wide(dtype), to),
        ]
        n = numbers_of(x)
        mean = mean_of(n, case.axes) if case.centred else np.zeros(statistics)
        variance = mean_of((n - mean) ** 2, case.axes)
        inverse, size = 1 / np.sqrt(variance + EPSILON), mean_of(np.abs(n), case.axes)
        factor, added = ones_where_none(scale, 1), ones_where_none(shift, 0)
        h = (n - mean) * inverse
        # The variance of numbers of one size may lose digits; of n numbers, it loses most where one is far from others.
        spread = mean_of(n * n, case.axes)
        doubt = (spread + np.abs(n).max(case.axes, keepdims=True) ** 2) / (variance + EPSILON)
        near = np.abs(factor) * (inverse * (np.abs(n) + size) + np.abs(h) * (1 + doubt)) + np.abs(added)
        wanted = [
            (h * factor + added, near),
            (mean, size + np.abs(n).max(case.axes, keepdims=True)),
            (variance, spread * 4),
        ]
        terms = n.size // max(mean.size, 1)
        check(kit, "norm", [x, scale, shift], outputs, wanted, (), [EPSILON], terms=terms)


@pytest.mark.parametrize("dtype", FLOATS)
def test_norm_gradient(kit: Kit, dtype: str) -> None:
    for i, (case, layouts, to) in enumerate(CASES):
        x = kit.put(samples.finite(dtype, case.shape), dtype, layouts[0])
        ct = kit.put(samples.finite(dtype, case.shape, 3), dtype, layouts[1])
        statistics = kept(case.shape, case.axes)
        n, c = numbers_of(x), numbers_of(ct)
        average = mean_of(n, case.axes) if case.centred else np.zeros(statistics)
        spread = mean_of((n - average) ** 2, case.axes)
        mean = kit.put(average.astype(wide(dtype)), wide(dtype)) if case.centred else None
        variance = kit.put(spread.astype(wide(dtype)), wide(dtype), layouts[2])
        scale = case.parameters and kit.put(samples.finite(dtype, case.parameters, 1), dtype)
        scale = None if i % 5 == 1 else scale
        outputs = [
            kit.out(case.shape, dtype, to),
            *(case.parameters and kit.out(case.parameters, dtype) for _ in range(2)),
        ]
        outputs[1 + i % 2] = None if i % 5 == 3 else outputs[1 + i % 2]

        middle, factor = ones_where_none(mean, 0), ones_where_none(scale, 1)
        inverse = 1 / np.sqrt(numbers_of(variance) + EPSILON)
        h, g = (n - middle) * inverse, c * factor
        far = inverse * (np.abs(n) + np.abs(middle))
        along = mean_of(g * h, case.axes)
        level = mean_of(g, case.axes) if case.centred else 0 * along
        size = mean_of(np.abs(g) * far, case.axes)
        near = inverse * (np.abs(g) + mean_of(np.abs(g), case.axes) + far * size)
        wanted = [(inverse * (g - level - h * along), near)]
        if case.parameters:
            wanted += [(sum_to(c * h, case.parameters), sum_to(np.abs(c) * far, case.parameters))]
            wanted += [(sum_to(c, case.parameters), sum_to(np.abs(c), case.parameters))]
        else:
            wanted += [None, None]
        check(kit, "norm_gradient", [x, mean, variance, scale, ct], outputs, wanted, (), [EPSILON], terms=n.size)


@pytest.mark.parametrize("dtype", FLOATS)
def test_variance(kit: Kit, dtype: str) -> None:
    large = [Case((70_000,), (0,)), Case((4, 20_000), (0, 1)), Case((9_000, 40), (0,)), Case((2, 40_000, 3), (1,))]
    cases = [(case, from_, to) for case in (LAYOUTS[0][0], LAYOUTS[-1][0]) for (from_,), to in pairings(1)]
    cases += [(case, "contiguous", "contiguous") for case in [*SHAPES, *large]]
    for case, layout, to in cases:
        x = kit.put(samples.finite(dtype, case.shape), dtype, layout)
        n = numbers_of(x)
        mean = mean_of(n, case.axes)
        terms = n.size // max(mean.size, 1)
        divisor = max(terms - 0.5, 1)
        squares = total(np.abs(n - mean) ** 2, case.axes) / divisor
        spread = total(n * n, case.axes) / divisor
        wanted = [(squares, spread * 4)]
        check(kit, "variance", [x], [kit.out(mean.shape, dtype, to)], wanted, (), [divisor], terms=terms)


def test_a_far_mean_and_an_outlier(kit: Kit) -> None:
    """Whose squares, or distances from a bad guess of the mean, would leave no digits of the variance."""
    ripple = np.tile([1.0, -1.0], 1_000)
    outlier = np.zeros(2_000)
    outlier[3] = 1e4
    for numbers in (ripple + 1e3, outlier):
        x = kit.put(numbers.astype(np.float32)[None], "float32")
        outputs = [kit.out(x.elements.shape, "float32"), kit.out((1, 1), "float32"), kit.out((1, 1), "float32")]
        got = kit.composite("norm", [x, None, None], outputs, (), [0.0])
        want = (numbers - numbers.mean()) / numbers.std()
        assert got[0] is not None
        np.testing.assert_allclose(got[0][0], want, rtol=2e-4, atol=2e-4)
        for whole in (x, kit.put(x.elements.T.copy(), "float32")):
            got = kit.composite("variance", [whole], [kit.out((1, 1), "float32")], (), [2_000.0])
            assert got[0] is not None
            np.testing.assert_allclose(got[0], numbers.var(), rtol=2e-6)
