"""What models of sequences are made of: attention, and a step of LSTM and GRU cells, with their gradients."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from benchmarks.case import Build, Case, Input, Target, Work, floats
from benchmarks.gradients import forward, gradients

HEADS = [((8, 8, 128, 32), True), ((4, 8, 512, 64), False), ((4, 8, 512, 64), True), ((1, 8, 2048, 64), True)]
STEPS = [(20, 200), (64, 512)]


def cases() -> Iterator[Case]:
    """Yield the cases of the family."""
    for shape, causal in HEADS:
        name = f"sequences/attention_{'x'.join(map(str, shape))}{'_causal' * causal}"
        functions, operands = _attention(causal), (floats(*shape),) * 3
        product = 2.0 * math.prod(shape) * shape[2] / (1 + causal)
        yield Case(name, operands, None, forward(functions), Work(2 * product, "f32"), Target())
        inputs = (*operands, floats(*shape))
        yield Case(f"{name}_fwdbwd", inputs, None, gradients(functions, 3), Work(7 * product, "f32"), Target())
    for rows, units in STEPS:
        for kind, gates, functions in (("lstm", 4, LSTM), ("gru", 3, GRU)):
            state = Input((rows, units), small=(5, 4))
            weight, bias = (
                Input((gates * units, units), small=(gates * 4, 4)),
                Input((gates * units,), small=(gates * 4,)),
            )
            operands = (state,) * (gates - 1) + (weight, weight, bias, bias)
            product, name = 4.0 * rows * gates * units**2, f"sequences/{kind}_step_{rows}x{units}"
            yield Case(name, operands, None, forward(functions), Work(product, "f32"), Target())
            inputs, own = (*operands, state), gradients(functions, len(operands))
            yield Case(f"{name}_fwdbwd", inputs, None, own, Work(3 * product, "f32"), Target())


def _attention(causal: bool) -> dict[str, Build]:
    def numpy(np: Any) -> Any:
        def attend(q: Any, k: Any, v: Any) -> Any:
            scores = q @ k.swapaxes(2, 3) / np.float32(math.sqrt(q.shape[3]))
            if causal:
                scores = np.where(np.tri(q.shape[2], dtype=bool), scores, np.float32(-np.inf))
            shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
            return shares / shares.sum(axis=-1, keepdims=True) @ v

        return attend

    def jax(root: Any) -> Any:
        def attend(*operands: Any) -> Any:
            rows_first = (x.swapaxes(1, 2) for x in operands)
            return root.nn.dot_product_attention(*rows_first, is_causal=causal).swapaxes(1, 2)

        return attend

    def mlx(root: Any) -> Any:
        attend = root.core.fast.scaled_dot_product_attention
        mask = "causal" if causal else None
        return lambda q, k, v: attend(q, k, v, scale=1 / math.sqrt(q.shape[3]), mask=mask)

    def functional(root: Any) -> Any:
        attend = root.nn.functional.scaled_dot_product_attention
        return lambda q, k, v: attend(q, k, v, is_causal=causal)

    return {
        "needle": functional,
        "numpy": numpy,
        "torch": functional,
        "jax": jax,
        "mlx": mlx,
        "tinygrad": lambda _: lambda q, k, v: q.scaled_dot_product_attention(k, v, is_causal=causal),
    }


def _needle_lstm(needle: Any) -> Any:
    cell = needle.autograd.lstm_cell
    return lambda x, h, c, wx, wh, bx, bh: cell(x @ wx.mT + bx, h @ wh.mT + bh, c)[0]


def _needle_gru(needle: Any) -> Any:
    cell = needle.autograd.gru_cell
    return lambda x, h, wx, wh, bx, bh: cell(x @ wx.mT + bx, h @ wh.mT + bh, h)


def _lstm(split: Any, sigmoid: Any, tanh: Any) -> Any:
    def step(x: Any, h: Any, c: Any, wx: Any, wh: Any, bx: Any, bh: Any) -> Any:
        i, f, g, o = split(x @ wx.T + bx + h @ wh.T + bh, 4, axis=1)
        return sigmoid(o) * tanh(sigmoid(f) * c + sigmoid(i) * tanh(g))

    return step


def _gru(split: Any, sigmoid: Any, tanh: Any) -> Any:
    def step(x: Any, h: Any, wx: Any, wh: Any, bx: Any, bh: Any) -> Any:
        (xr, xz, xn), (hr, hz, hn) = split(x @ wx.T + bx, 3, axis=1), split(h @ wh.T + bh, 3, axis=1)
        update, fresh = sigmoid(xz + hz), tanh(xn + sigmoid(xr + hr) * hn)
        return fresh + update * (h - fresh)

    return step


def _numpy_sigmoid(np: Any) -> Any:
    return lambda x: 1 / (1 + np.exp(-x))


LSTM: dict[str, Build] = {
    "needle": _needle_lstm,
    "numpy": lambda np: _lstm(np.split, _numpy_sigmoid(np), np.tanh),
    "torch": lambda torch: lambda x, h, c, *weights: torch.lstm_cell(x, (h, c), *weights)[0],
    "jax": lambda jax: _lstm(jax.numpy.split, jax.nn.sigmoid, jax.numpy.tanh),
}
GRU: dict[str, Build] = {
    "needle": _needle_gru,
    "numpy": lambda np: _gru(np.split, _numpy_sigmoid(np), np.tanh),
    "torch": lambda torch: torch.gru_cell,
    "jax": lambda jax: _gru(jax.numpy.split, jax.nn.sigmoid, jax.numpy.tanh),
}
