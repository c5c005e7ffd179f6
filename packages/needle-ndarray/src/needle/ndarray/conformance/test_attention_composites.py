"""The composites of attention: masks of every kind, shared keys, sizes around the edges of tiles."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from needle.ndarray.conformance import samples
from needle.ndarray.conformance.elements import FLOATS, Array, encode
from needle.ndarray.conformance.kit import Kit, Placed
from needle.ndarray.conformance.layouts import pairings
from needle.ndarray.conformance.test_composites import TINY, check, numbers_of, total, wide


class Case(NamedTuple):
    batch: int
    heads: int
    groups: int
    queries: int
    keys: int
    width: int
    value_width: int
    reach: int
    mask: str = ""


SMALL = Case(2, 2, 1, 11, 13, 5, 3, 13)
CASES = [
    *(Case(1, 2, 2, n, n + 3, 16, 16, n + 3) for n in (8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129)),
    *(Case(1, 1, 1, 9, n, 4, 33, n) for n in (1, 127, 128, 129, 300)),
    *(SMALL._replace(reach=reach) for reach in (0, 2, -3)),
    *(Case(1, 2, 1, n, n, 16, 17, reach) for n, reach in ((31, 0), (64, 0), (65, 0), (200, 0), (130, -40), (100, 50))),
    *(SMALL._replace(mask=mask) for mask in ("bool", "row", "number")),
    SMALL._replace(mask="bool", reach=1, heads=6, groups=3),
]


class Problem:
    """The operands of a case, and what comes of them."""

    def __init__(self, kit: Kit, case: Case, dtype: str, layouts: list[str]) -> None:
        shapes = [
            (case.batch, case.heads, case.queries, case.width),
            (case.batch, case.groups, case.keys, case.width),
            (case.batch, case.groups, case.keys, case.value_width),
        ]
        values = (samples.finite(dtype, shape, seed) for seed, shape in enumerate(shapes))
        self.q, self.k, self.v = (kit.put(x, dtype, at) for x, at in zip(values, layouts, strict=True))
        self.dtype, self.case = dtype, case
        self.scores_shape = (*shapes[0][:3], case.keys)
        self.mask = self._mask(kit)
        self.factor = 0.125
        repeats = case.heads // case.groups
        self.queries = numbers_of(self.q)
        self.key_numbers, self.values = (np.repeat(numbers_of(x), repeats, 1) for x in (self.k, self.v))
        scores = self.factor * self.queries @ np.swapaxes(self.key_numbers, 2, 3)
        size = self.factor * np.abs(self.queries) @ np.swapaxes(np.abs(self.key_numbers), 2, 3)
        if self.mask:
            added = numbers_of(self.mask) if self.mask.dtype != "bool" else np.where(self.mask.elements, 0, -np.inf)
            scores, size = scores + added, size + np.abs(np.where(np.isfinite(added), added, 0))
        scores = np.where(np.tri(case.queries, case.keys, case.reach, dtype=bool), scores, -np.inf)
        top = np.max(scores, -1, keepdims=True)
        top = np.where(np.isfinite(top), top, 0)
        powers = np.exp(scores - top)
        with np.errstate(divide="ignore"):
            self.sums = (np.log(total(powers, -1)) + top)[..., 0]
        whole = total(powers, -1)
        self.shares = powers / np.where(whole == 0, 1, whole)
        # Each share is off by the error of the scores, which are sums of products.
        self.doubt = self.shares * (1 + 2 * size + 2 * np.abs(top)) + TINY
        self.size = size.max(-1) + 1

    def _mask(self, kit: Kit) -> Placed | None:
        shape = self.scores_shape
        if not self.case.mask:
            return None
        if self.case.mask == "number":
            return kit.put(samples.finite(self.dtype, shape, 7), self.dtype)
        seen = np.random.default_rng(3).random(shape) < 0.6
        seen[0, 0, 1] = False  # a query that sees no key
        return kit.put(seen.astype(np.uint8), "bool", "0-stride last" if self.case.mask == "row" else "contiguous")


@pytest.mark.parametrize("dtype", FLOATS)
def test_attention(kit: Kit, dtype: str) -> None:
    cases = [(case, ["contiguous"] * 3, "contiguous") for case in CASES]
    cases += [(SMALL, layouts, to) for layouts, to in pairings(3)]
    for case, layouts, to in cases:
        p = Problem(kit, case, dtype, layouts)
        outputs = [
            kit.out((case.batch, case.heads, case.queries, case.value_width), dtype, to),
            kit.out((case.batch, case.heads, case.queries), wide(dtype), to),
        ]
        wanted = [(p.shares @ p.values, p.doubt @ np.abs(p.values)), (p.sums, p.size + np.abs(p.sums))]
        inputs, integers = [p.q, p.k, p.v, p.mask], [case.reach]
        check(kit, "attention", inputs, outputs, wanted, integers, [p.factor], terms=case.keys + case.width)


def gathered(x: Array, groups: int) -> Array:
    batch, heads, *rest = x.shape
    return x.reshape(batch, groups, heads // groups, *rest).sum(2)


@pytest.mark.parametrize("dtype", FLOATS)
def test_attention_gradient(kit: Kit, dtype: str) -> None:
    cases = [(case, ["contiguous"] * 4, "contiguous") for case in CASES]
    cases += [(SMALL, layouts, to) for layouts, to in pairings(4)]
    for case, layouts, to in cases:
        p = Problem(kit, case, dtype, layouts[:3])
        out = kit.put(encode(p.shares @ p.values, dtype), dtype)
        sums = kit.put(p.sums.astype(wide(dtype)), wide(dtype))
        ct = kit.put(samples.finite(dtype, out.elements.shape, 5), dtype, layouts[3])
        c, results = numbers_of(ct), numbers_of(out)
        below = c @ np.swapaxes(p.values, 2, 3) - total(c * results, -1)
        far = np.abs(c) @ np.swapaxes(np.abs(p.values), 2, 3) + total(np.abs(c * results), -1)
        slopes, doubt = p.shares * below * p.factor, p.doubt * far * p.factor
        queries, keys = np.abs(p.queries), np.abs(p.key_numbers)
        wanted = [
            (slopes @ p.key_numbers, doubt @ keys),
            tuple(gathered(np.swapaxes(a, 2, 3) @ b, case.groups) for a, b in ((slopes, p.queries), (doubt, queries))),
            tuple(gathered(np.swapaxes(a, 2, 3) @ b, case.groups) for a, b in ((p.shares, c), (p.doubt, np.abs(c)))),
        ]
        outputs = [kit.out(a.elements.shape, dtype, to) for a in (p.q, p.k, p.v)]
        inputs, terms = [p.q, p.k, p.v, p.mask, out, sums, ct], case.queries + case.keys + case.width
        check(kit, "attention_gradient", inputs, outputs, wanted, [case.reach], [p.factor], terms=terms)
