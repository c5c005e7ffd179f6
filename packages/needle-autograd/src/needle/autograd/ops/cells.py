"""The elementwise parts of LSTM and GRU cells: fused, one kernel for all gates."""

from __future__ import annotations

from collections.abc import Sequence

from needle.autograd.op import Params
from needle.autograd.ops.elementwise import sigmoid, tanh
from needle.autograd.ops.shape import concat, permute_dims, reshape
from needle.autograd.rules import fused
from needle.autograd.samples import Sample
from needle.autograd.tensor import Tensor
from needle.ndarray import NDArray
from needle.ndarray.cells import gru_cell as gru_cell_of_arrays
from needle.ndarray.cells import gru_cell_gradient, lstm_cell_gradient
from needle.ndarray.cells import lstm_cell as lstm_cell_of_arrays

__all__ = ["gru_cell", "lstm_cell"]

Saved = Sequence[NDArray]


def lstm_cell(x: Tensor, h: Tensor, c: Tensor) -> Tensor:
    """Return the hidden and the cell state that follow, as (2, N, U).

    Args:
        x: The input's part of the input, forget, cell and output gates, before their functions: (N, 4 U).
        h: The hidden state's part, likewise.
        c: The cell state: (N, U).

    >>> lstm_cell(tensor([[0.0] * 4]), tensor([[0.0] * 4]), tensor([[1.0]]))[1].tolist()
    [[0.5]]
    """
    return _lstm_cell(x, h, c)


def _lstm(x: NDArray, h: NDArray, c: NDArray) -> tuple[NDArray, Saved]:
    out, gates = lstm_cell_of_arrays(x, h, c)
    return out, [gates]


def _lstm_gradients(ct: NDArray, p: Params, out: NDArray, saved: Saved, x: NDArray, h: NDArray, c: NDArray) -> Saved:
    dx, dc = lstm_cell_gradient(*saved, c, out, ct)
    return [dx, dx, dc]


def _lstm_rule(ct: Tensor, p: Params, out: Tensor, x: Tensor, h: Tensor, c: Tensor) -> Sequence[Tensor]:
    units = c.shape[1]
    i, f, g, o = ((x + h)[:, k * units : (k + 1) * units] for k in range(4))
    i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
    t = tanh(f * c + i * g)
    down = ct[1] + ct[0] * o * (1 - t * t)
    dx = concat([down * g * i * (1 - i), down * c * f * (1 - f), down * i * (1 - g * g), ct[0] * t * o * (1 - o)], 1)
    return [dx, dx, down * f]


_lstm_cell = fused(
    "lstm_cell",
    _lstm,
    _lstm_gradients,
    _lstm_rule,
    samples=lambda draw: [Sample((draw.uniform(2, 12), draw.uniform(2, 12), draw.uniform(2, 3)))],
    batch=lambda p, *operands: permute_dims(_unfolded(_lstm_cell(*map(_rows, operands)), operands[2]), (1, 0, 2, 3)),
)


def _rows(x: Tensor) -> Tensor:
    """Return a batch of operands as one of more rows: (B, N, U) -> (B N, U)."""
    return reshape(x, (x.shape[0] * x.shape[1], x.shape[2]))


def _unfolded(out: Tensor, like: Tensor) -> Tensor:
    """Return (..., B N, U) as (..., B, N, U)."""
    return reshape(out, (*out.shape[:-2], *like.shape))


def gru_cell(x: Tensor, g: Tensor, h: Tensor) -> Tensor:
    """Return the hidden state that follows, (N, U).

    Args:
        x: The input's part of the reset, update and new gates, before their functions: (N, 3 U).
        g: The hidden state's part, likewise; the reset gate scales that of the new gate.
        h: The hidden state: (N, U).

    >>> gru_cell(tensor([[0.0] * 3]), tensor([[0.0] * 3]), tensor([[1.0]])).tolist()
    [[0.5]]
    """
    return _gru_cell(x, g, h)


def _gru(x: NDArray, g: NDArray, h: NDArray) -> tuple[NDArray, Saved]:
    out, gates = gru_cell_of_arrays(x, g, h)
    return out, [gates]


def _gru_gradients(ct: NDArray, p: Params, out: object, saved: Saved, x: NDArray, g: NDArray, h: NDArray) -> Saved:
    return gru_cell_gradient(*saved, g, h, ct)


def _gru_rule(ct: Tensor, p: Params, out: Tensor, x: Tensor, g: Tensor, h: Tensor) -> Sequence[Tensor]:
    units = h.shape[1]
    (x_reset, x_update, x_new), (g_reset, g_update, g_new) = (
        [a[:, k * units : (k + 1) * units] for k in range(3)] for a in (x, g)
    )
    reset, update = sigmoid(x_reset + g_reset), sigmoid(x_update + g_update)
    new = tanh(x_new + reset * g_new)
    for_new = ct * (1 - update) * (1 - new * new)
    for_reset = for_new * g_new * reset * (1 - reset)
    for_update = ct * (h - new) * update * (1 - update)
    dx, dg = concat([for_reset, for_update, for_new], 1), concat([for_reset, for_update, for_new * reset], 1)
    return [dx, dg, ct * update]


_gru_cell = fused(
    "gru_cell",
    _gru,
    _gru_gradients,
    _gru_rule,
    samples=lambda draw: [Sample((draw.uniform(2, 9), draw.uniform(2, 9), draw.uniform(2, 3)))],
    saves="inputs",
    batch=lambda p, *operands: _unfolded(_gru_cell(*map(_rows, operands)), operands[2]),
)
