"""The composites of LSTM and GRU cells: any number of rows and units, in any layout."""

from __future__ import annotations

import numpy as np
import pytest

from needle.ndarray.conformance import samples
from needle.ndarray.conformance.elements import FLOATS, Array, encode
from needle.ndarray.conformance.kit import Kit, Placed
from needle.ndarray.conformance.layouts import pairings
from needle.ndarray.conformance.test_composites import check, numbers_of

CASES = [
    *(((3, n), ["contiguous"] * 5, "contiguous") for n in (0, 1, 7, 8, 15, 16, 17, 33, 511, 513)),
    *(((4, 5), layouts, to) for layouts, to in pairings(5)),
]


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def operands(kit: Kit, dtype: str, layouts: list[str], *shapes: tuple[int, int]) -> list[Placed]:
    given = (samples.finite(dtype, shape, seed) for seed, shape in enumerate(shapes))
    return [kit.put(x, dtype, layout) for x, layout in zip(given, layouts, strict=False)]


def gates_of(kit: Kit, dtype: str, layout: str, shape: tuple[int, int]) -> Placed:
    """Return numbers from 0 to 1, as gates are."""
    return kit.put(encode(np.random.default_rng(9).random(shape), dtype), dtype, layout)


@pytest.mark.parametrize("dtype", FLOATS)
def test_lstm_cell(kit: Kit, dtype: str) -> None:
    for (rows, units), layouts, to in CASES:
        x, h, c = operands(kit, dtype, layouts, (rows, 4 * units), (rows, 4 * units), (rows, units))
        total, state = numbers_of(x) + numbers_of(h), numbers_of(c)
        far = 1 + np.abs(numbers_of(x)) + np.abs(numbers_of(h))
        a, b, d, e = (total[:, k * units : (k + 1) * units] for k in range(4))
        i, f, g, o = sigmoid(a), sigmoid(b), np.tanh(d), sigmoid(e)
        after = f * state + i * g
        near = 4 * sum(far[:, k * units : (k + 1) * units] for k in range(4)) * (1 + np.abs(state))
        wanted = [(o * np.tanh(after), near), (after, near), (np.concatenate([i, f, g, o], 1), 4 * far)]
        outputs = [kit.out((rows, n), dtype, to) for n in (units, units, 4 * units)]
        check(kit, "lstm_cell", [x, h, c], outputs, wanted, terms=4)


@pytest.mark.parametrize("dtype", FLOATS)
def test_lstm_cell_gradient(kit: Kit, dtype: str) -> None:
    for place, ((rows, units), layouts, to) in enumerate(CASES):
        gates = gates_of(kit, dtype, layouts[4], (rows, 4 * units))
        before, after, dh, dc = operands(kit, dtype, layouts, *[(rows, units)] * 4)
        i, f, g, o = (numbers_of(gates)[:, k * units : (k + 1) * units] for k in range(4))
        t = np.tanh(numbers_of(after))
        for_h, for_c = numbers_of(dh), 0 if place % 3 == 1 else numbers_of(dc)
        down = for_c + for_h * o * (1 - t * t)
        c = numbers_of(before)
        gradients = [down * g * i * (1 - i), down * c * f * (1 - f), down * i * (1 - g * g), for_h * t * o * (1 - o)]
        near = 4 * (np.abs(for_c) + np.abs(for_h)) * (1 + np.abs(c))
        wanted = [(np.concatenate(gradients, 1), np.tile(near, (1, 4))), (down * f, near)]
        outputs = [kit.out((rows, n), dtype, to) for n in (4 * units, units)]
        inputs = [gates, before, after, dh, None if place % 3 == 1 else dc]
        check(kit, "lstm_cell_gradient", inputs, outputs, wanted, terms=4)


@pytest.mark.parametrize("dtype", FLOATS)
def test_gru_cell(kit: Kit, dtype: str) -> None:
    for (rows, units), layouts, to in CASES:
        x, g, h = operands(kit, dtype, layouts, (rows, 3 * units), (rows, 3 * units), (rows, units))
        a, b, state = numbers_of(x), numbers_of(g), numbers_of(h)
        parts = [slice(k * units, (k + 1) * units) for k in range(3)]
        reset, update = (sigmoid(a[:, part] + b[:, part]) for part in parts[:2])
        new = np.tanh(a[:, parts[2]] + reset * b[:, parts[2]])
        far = sum(1 + np.abs(a[:, part]) + np.abs(b[:, part]) for part in parts)
        near = 4 * far**2 * (1 + np.abs(state))
        wanted = [
            (new + update * (state - new), near),
            (np.concatenate([reset, update, new], 1), np.tile(near, (1, 3))),
        ]
        outputs = [kit.out((rows, n), dtype, to) for n in (units, 3 * units)]
        check(kit, "gru_cell", [x, g, h], outputs, wanted, terms=4)


@pytest.mark.parametrize("dtype", FLOATS)
def test_gru_cell_gradient(kit: Kit, dtype: str) -> None:
    for (rows, units), layouts, to in CASES:
        gates = gates_of(kit, dtype, layouts[4], (rows, 3 * units))
        g, h, dh = operands(kit, dtype, layouts, (rows, 3 * units), (rows, units), (rows, units))
        reset, update, new = (numbers_of(gates)[:, k * units : (k + 1) * units] for k in range(3))
        ct, state, hidden = numbers_of(dh), numbers_of(h), numbers_of(g)[:, 2 * units :]
        for_new = ct * (1 - update) * (1 - new * new)
        for_reset = for_new * hidden * reset * (1 - reset)
        for_update = ct * (state - new) * update * (1 - update)
        near = 4 * np.abs(ct) * (1 + np.abs(state)) * (1 + np.abs(hidden))
        wanted = [
            (np.concatenate([for_reset, for_update, for_new], 1), np.tile(near, (1, 3))),
            (np.concatenate([for_reset, for_update, for_new * reset], 1), np.tile(near, (1, 3))),
            (ct * update, near),
        ]
        outputs = [kit.out((rows, n), dtype, to) for n in (3 * units, 3 * units, units)]
        check(kit, "gru_cell_gradient", [gates, g, h, dh], outputs, wanted, terms=4)
