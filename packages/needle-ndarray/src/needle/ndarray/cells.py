"""The elementwise parts of LSTM and GRU cells, and their gradients; the matrix products are the caller's.

Sources: S. Hochreiter and J. Schmidhuber, "Long short-term memory" (1997), with forget gates as in F. A. Gers et al.,
"Learning to forget" (2000); K. Cho et al., "Learning phrase representations using RNN encoder-decoder" (2014).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from needle.ndarray import _core
from needle.ndarray._elementwise import sigmoid, tanh
from needle.ndarray.creation import empty, empty_like
from needle.ndarray.errors import message
from needle.ndarray.host import check_arrays, check_fits, widened
from needle.ndarray.manipulation import concat, stack

if TYPE_CHECKING:
    from needle.ndarray._core import NDArray

__all__ = ["gru_cell", "gru_cell_gradient", "lstm_cell", "lstm_cell_gradient"]


def lstm_cell(x: NDArray, h: NDArray, c: NDArray, /) -> tuple[NDArray, NDArray]:
    """Return the next states of LSTM cells, and their gates.

    Args:
        x: the input's part of the input, forget, cell and output gates, before their functions: (N, 4 U).
        h: the hidden state's part, likewise.
        c: the cell state: (N, U).

    Returns:
        The hidden and the cell state, (2, N, U), and the gates, (N, 4 U).

    Raises:
        TypeError: the operands are not of one float dtype.
        ValueError: shapes do not fit.

    >>> from needle.ndarray import zeros
    >>> lstm_cell(zeros((1, 4)), zeros((1, 4)), zeros((1, 1)))[1].tolist()
    [[0.5, 0.5, 0.0, 0.5]]
    """
    units = _check("lstm_cell", x, h, c, 4)
    out, gates = empty((2, *c.shape), c.dtype, c.device), empty_like(x)
    if _core.composite("lstm_cell", [x, h, c], [out[0], out[1], gates]):
        return out, gates
    total = widened(x) + widened(h)
    i, f, g, o = (total[:, k * units : (k + 1) * units] for k in range(4))
    i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
    after = f * widened(c) + i * g
    out, gates = stack([o * tanh(after), after]), concat([i, f, g, o], axis=1)
    return out.astype(c.dtype, copy=False), gates.astype(c.dtype, copy=False)


def lstm_cell_gradient(gates: NDArray, c: NDArray, out: NDArray, cotangent: NDArray, /) -> tuple[NDArray, NDArray]:
    """Return the gradients of sum(cotangent * out) for x, which is that for h too, and for c, as in `lstm_cell`.

    >>> from needle.ndarray import ones, zeros
    >>> out, gates = lstm_cell(zeros((1, 4)), zeros((1, 4)), zeros((1, 1)))
    >>> lstm_cell_gradient(gates, zeros((1, 1)), out, ones((2, 1, 1)))[1].tolist()
    [[0.75]]
    """
    _check("lstm_cell_gradient", gates, gates, c, 4)
    check_fits("lstm_cell_gradient", "the states", out, (2, *c.shape), c.dtype)
    check_fits("lstm_cell_gradient", "the cotangent", cotangent, out.shape, c.dtype)
    dx, dc = empty_like(gates), empty_like(c)
    if _core.composite("lstm_cell_gradient", [gates, c, out[1], cotangent[0], cotangent[1]], [dx, dc]):
        return dx, dc
    units = c.shape[1]
    wide = widened(gates)
    i, f, g, o = (wide[:, k * units : (k + 1) * units] for k in range(4))
    t, ct = tanh(widened(out[1])), widened(cotangent)
    down = ct[1] + ct[0] * o * (1 - t * t)
    parts = [down * g * i * (1 - i), down * widened(c) * f * (1 - f), down * i * (1 - g * g), ct[0] * t * o * (1 - o)]
    return concat(parts, axis=1).astype(c.dtype, copy=False), (down * f).astype(c.dtype, copy=False)


def gru_cell(x: NDArray, g: NDArray, h: NDArray, /) -> tuple[NDArray, NDArray]:
    """Return the next state of GRU cells, and their gates.

    Args:
        x: the input's part of the reset, update and new gates, before their functions: (N, 3 U).
        g: the hidden state's part, likewise; the reset gate scales that of the new gate.
        h: the hidden state: (N, U).

    Returns:
        The hidden state, (N, U), and the gates, (N, 3 U).

    Raises:
        TypeError: the operands are not of one float dtype.
        ValueError: shapes do not fit.

    >>> from needle.ndarray import ones, zeros
    >>> gru_cell(zeros((1, 3)), zeros((1, 3)), ones((1, 1)))[0].tolist()
    [[0.5]]
    """
    units = _check("gru_cell", x, g, h, 3)
    out, gates = empty_like(h), empty_like(x)
    if _core.composite("gru_cell", [x, g, h], [out, gates]):
        return out, gates
    a, b, state = widened(x), widened(g), widened(h)
    reset = sigmoid(a[:, :units] + b[:, :units])
    update = sigmoid(a[:, units : 2 * units] + b[:, units : 2 * units])
    new = tanh(a[:, 2 * units :] + reset * b[:, 2 * units :])
    out, gates = new + update * (state - new), concat([reset, update, new], axis=1)
    return out.astype(h.dtype, copy=False), gates.astype(h.dtype, copy=False)


def gru_cell_gradient(
    gates: NDArray, g: NDArray, h: NDArray, cotangent: NDArray, /
) -> tuple[NDArray, NDArray, NDArray]:
    """Return the gradients of sum(cotangent * out) for x, g and h, as in `gru_cell`.

    >>> from needle.ndarray import ones, zeros
    >>> _, gates = gru_cell(zeros((1, 3)), zeros((1, 3)), ones((1, 1)))
    >>> gru_cell_gradient(gates, zeros((1, 3)), ones((1, 1)), ones((1, 1)))[2].tolist()
    [[0.5]]
    """
    _check("gru_cell_gradient", gates, g, h, 3)
    check_fits("gru_cell_gradient", "the cotangent", cotangent, h.shape, h.dtype)
    dx, dg, dh = empty_like(gates), empty_like(g), empty_like(h)
    if _core.composite("gru_cell_gradient", [gates, g, h, cotangent], [dx, dg, dh]):
        return dx, dg, dh
    units = h.shape[1]
    wide, ct = widened(gates), widened(cotangent)
    reset, update, new = (wide[:, k * units : (k + 1) * units] for k in range(3))
    for_new = ct * (1 - update) * (1 - new * new)
    for_reset = for_new * widened(g)[:, 2 * units :] * reset * (1 - reset)
    for_update = ct * (widened(h) - new) * update * (1 - update)
    found = (
        concat([for_reset, for_update, for_new], axis=1),
        concat([for_reset, for_update, for_new * reset], axis=1),
        ct * update,
    )
    dx, dg, dh = (x.astype(h.dtype, copy=False) for x in found)
    return dx, dg, dh


def _check(op: str, x: NDArray, other: NDArray, state: NDArray, gates: int) -> int:
    """Return the number of units."""
    operands = (x, other, state)
    check_arrays(op, *operands)
    if state.dtype.kind != "float" or {x.dtype, other.dtype} != {state.dtype}:
        got = " and ".join(a.dtype.name for a in operands)
        raise TypeError(message(op, "not of one float dtype", got=got, hint="cast with astype"))
    expected = (state.shape[0], gates * state.shape[1]) if state.ndim == 2 else None  # noqa: PLR2004 - rows and units
    if x.shape != expected or other.shape != expected:
        got = " and ".join(str(a.shape) for a in operands)
        wanted = f"(N, {gates} U), (N, {gates} U) and (N, U)"
        raise ValueError(message(op, "shapes do not fit", got=got, expected=wanted))
    return state.shape[1]
