"""Tests made from the op table: every op on its samples, on every backend."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import numpy as np
import pytest

import needle.autograd as ad
import needle.ndarray as nd
from needle.autograd.op import Op, table
from needle.autograd.rules import Composite, Elementwise, composite, elementwise, opaque
from needle.autograd.samples import Draw, Sample, uniform
from needle.autograd.tensor import Tensor
from needle.ndarray import _core

Array = Any

# What NumPy calls otherwise or has not.


def _softmax(x: Array, axis: Any = None) -> Array:
    powers = np.exp(x)
    return powers / powers.sum(axis, keepdims=True)


def _logsumexp(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    return np.log(np.exp(x).sum(axis, keepdims=keepdims))


def _put(x: Array, shape: tuple[int, ...], key: Any) -> Array:
    out = np.zeros(shape)
    out[key] = x
    return out


def _pad(x: Array, widths: list[tuple[int, int]], value: float = 0) -> Array:
    added = [(max(low, 0), max(high, 0)) for low, high in widths]
    crop = tuple(slice(max(-low, 0), -max(-high, 0) or None) for low, high in widths)
    return np.pad(x, added, constant_values=value)[crop]


def _windows(x: Array, size: Any, stride: Any, dilation: Any) -> Array:
    axes = tuple(range(x.ndim - len(size), x.ndim))
    whole = [d * (k - 1) + 1 for k, d in zip(size, dilation, strict=True)]
    every = np.lib.stride_tricks.sliding_window_view(x, whole, axes)
    return every[(..., *(slice(None, None, s) for s in stride), *(slice(None, None, d) for d in dilation))]


def _fold(x: Array, shape: Any, stride: Any, dilation: Any) -> Array:
    n = len(shape)
    out = np.zeros((*x.shape[: -2 * n], *shape))
    for place in itertools.product(*map(range, x.shape[-2 * n :])):
        target = tuple(i * s + k * d for i, k, s, d in zip(place[:n], place[n:], stride, dilation, strict=True))
        out[(..., *target)] += x[(..., *place)]
    return out


def _conv(x: Array, w: Array, stride: Any, padding: Any, dilation_in: Any, dilation: Any) -> Array:
    spread = np.zeros((*x.shape[:3], *((s - 1) * d + 1 for s, d in zip(x.shape[3:], dilation_in, strict=True))))
    spread[(..., *(slice(None, None, d) for d in dilation_in))] = x
    windows = _windows(_pad(spread, [(0, 0)] * 3 + list(padding)), w.shape[3:], stride, dilation)
    n = len(stride)
    axes = (1, *range(2 + n, 2 + 2 * n)), tuple(range(1, 2 + n))
    out = [np.tensordot(a, b, axes) for a, b in zip(windows, w, strict=True)]
    return np.moveaxis(np.stack(out), -1, 2)


def _scatter(x: Array, indices: Array, updates: Array, axis: int, op: str = "set") -> Array:
    out = x.copy()
    for place in np.ndindex(indices.shape):
        target = (*place[:axis], indices[place], *place[axis + 1 :])
        out[target] = updates[place] + (out[target] if op == "add" else 0)
    return out


def _var(x: Array, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Array:
    return np.var(x, axis, ddof=correction, keepdims=keepdims)


def _astype(x: Array, dtype: nd.DType) -> Array:
    return x.astype(dtype.name)


def _concat(arrays: list[Array], axis: int = 0) -> Array:
    return np.concatenate(arrays, axis)


def _getitem(x: Array, key: Any) -> Array:
    return x[key]


def _seen(x: Array, size: Any, stride: Any, padding: Any, dilation: Any) -> tuple[Array, Array]:
    """The elements of each window on a last axis, and their numbers among those of the pooled axes."""
    lead = x.ndim - len(size)
    numbers: Array = np.arange(math.prod(x.shape[lead:]), dtype=np.int64)
    numbers = numbers.reshape(x.shape[lead:])
    windows = _windows(_pad(x, [(0, 0)] * lead + list(padding), -np.inf), size, stride, dilation)
    places = _windows(_pad(numbers, list(padding), -1), size, stride, dilation)
    return windows.reshape(*windows.shape[: x.ndim], -1), places.reshape(*places.shape[: len(size)], -1)


def _max_pool(x: Array, **params: Any) -> Array:
    return _seen(x, **params)[0].max(-1)


def _max_pool_places(x: Array, **params: Any) -> Array:
    windows, places = _seen(x, **params)
    return np.take_along_axis(np.broadcast_to(places, windows.shape), windows.argmax(-1)[..., None], -1)[..., 0]


def _max_pool_gradient(cotangent: Array, x: Any, **params: Any) -> Array:
    windows, places = _seen(x, **params)
    lead = x.ndim - len(params["size"])
    out: Array = np.zeros((math.prod(x.shape[:lead]), math.prod(x.shape[lead:])))
    best = np.take_along_axis(np.broadcast_to(places, windows.shape), windows.argmax(-1)[..., None], -1)
    for row, numbers, at in zip(out, cotangent.reshape(len(out), -1), best.reshape(len(out), -1), strict=True):
        np.add.at(row, at, numbers)
    return out.reshape(x.shape)


def _log_softmax(x: Array, axis: Any = None) -> Array:
    return np.log(_softmax(x, axis))


def _attention(q: Array, k: Array, v: Array, mask: Any = None, factor: float = 1.0, reach: int | None = None) -> Array:
    k, v = (np.repeat(x, q.shape[1] // x.shape[1], 1) for x in (k, v))
    scores = factor * q @ np.swapaxes(k, 2, 3)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    if reach is not None:
        scores = np.where(np.tri(*scores.shape[2:], reach, dtype=bool), scores, -np.inf)
    return _softmax(scores, -1) @ v


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def _lstm_cell(x: Array, h: Array, c: Array) -> Array:
    i, f, g, o = np.split(x + h, 4, 1)
    after = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
    return np.stack([_sigmoid(o) * np.tanh(after), after])


def _gru_cell(x: Array, g: Array, h: Array) -> Array:
    (x_reset, x_update, x_new), (g_reset, g_update, g_new) = np.split(x, 3, 1), np.split(g, 3, 1)
    update, new = _sigmoid(x_update + g_update), np.tanh(x_new + _sigmoid(x_reset + g_reset) * g_new)
    return (1 - update) * new + update * h


def _cross_entropy(x: Array, labels: Array, axis: int = -1) -> Array:
    return -np.take_along_axis(_log_softmax(x, axis), np.expand_dims(labels, axis), axis).squeeze(axis)


def _normalize(
    x: Array, scale: Any = None, shift: Any = None, axes: Any = None, epsilon: float = 1e-5, centred: bool = True
) -> Array:
    below = x - x.mean(axes, keepdims=True) if centred else x
    out = below / np.sqrt((below**2).mean(axes, keepdims=True) + epsilon)
    return out * (1 if scale is None else scale) + (0 if shift is None else shift)


def _scatter_add(x: Array, indices: Array, updates: Array, axis: int) -> Array:
    return _scatter(x, indices, updates, axis, "add")


def _to_device(x: Array, device: str) -> Array:
    return x


REFERENCES: dict[str, Callable[..., Array]] = {
    "astype": _astype,
    "attention": _attention,
    "bitwise_invert": np.invert,
    "bitwise_left_shift": np.left_shift,
    "bitwise_right_shift": np.right_shift,
    "concat": _concat,
    "conv": _conv,
    "cross_entropy": _cross_entropy,
    "fold": _fold,
    "getitem": _getitem,
    "gru_cell": _gru_cell,
    "log_softmax": _log_softmax,
    "logsumexp": _logsumexp,
    "lstm_cell": _lstm_cell,
    "max_pool": _max_pool,
    "max_pool_gradient": _max_pool_gradient,
    "max_pool_places": _max_pool_places,
    "normalize": _normalize,
    "pad": _pad,
    "permute_dims": np.transpose,
    "place": _put,
    "pow": np.power,
    "scatter": _scatter,
    "scatter_add": _scatter_add,
    "softmax": _softmax,
    "to_device": _to_device,
    "var": _var,
    "windows": _windows,
}


def reference(op: Op) -> Callable[..., Array]:
    """Return an independent implementation."""
    if isinstance(op, Elementwise) and op.reference is not None:
        return np.vectorize(op.reference, otypes=[float])
    return REFERENCES[op.name] if op.name in REFERENCES else getattr(np, op.name)


def public(op: Op) -> Callable[..., Tensor]:
    """Return the function that users call, or the op itself where only rules do."""
    return getattr(ad, op.name, op)


def numpy(value: Any) -> Any:
    if isinstance(value, Tensor):
        return np.asarray(value.tolist(), value.dtype.name).reshape(value.shape)
    return [numpy(x) for x in cast("list[Any]", value)] if isinstance(value, list) else value


def floats(sample: Sample) -> list[Tensor]:
    """Return the floating tensors among the arguments, in lists too."""
    flat: list[Any] = []
    for arg in sample.args:
        flat += arg if isinstance(arg, list) else [arg]
    return [x for x in flat if isinstance(x, Tensor) and x.dtype.kind == "float"]


def call(op: Op, sample: Sample, *replaced: Tensor) -> Tensor:
    """Call the op with other floating tensors in their places."""
    rest = iter(replaced)

    def put(arg: Any) -> Any:
        if isinstance(arg, list):
            return [put(x) for x in cast("list[Any]", arg)]
        return next(rest) if isinstance(arg, Tensor) and arg.dtype.kind == "float" else arg

    return public(op)(*map(put, sample.args), **sample.params)


def check_values(op: Op, device: str) -> None:
    samples = op.samples(Draw(nd.float64, device))
    assert samples
    for sample in samples:
        out = public(op)(*sample.args, **sample.params)
        with np.errstate(all="ignore"):
            expected = np.asarray(reference(op)(*map(numpy, sample.args), **sample.params))
        assert (out.shape, out.dtype.name) == (expected.shape, expected.dtype.name), sample
        assert op.name == "to_device" or str(out.device) == device
        np.testing.assert_allclose(numpy(out), expected, rtol=1e-9, atol=1e-12, err_msg=str(sample))


def check_gradients(op: Op, device: str) -> None:
    for sample in op.samples(Draw(nd.float64, device)):
        inputs = floats(sample)
        if inputs and call(op, sample, *inputs).dtype is nd.float64:
            ad.gradcheck(partial(call, op, sample), *inputs)


def check_tangents(op: Op, device: str) -> None:
    """Check that the Jacobian times a direction, and its transpose times a cotangent, are of one Jacobian."""
    for sample in op.samples(Draw(nd.float64, device)):
        inputs = floats(sample)
        if not inputs or call(op, sample, *inputs).dtype is not nd.float64:
            continue
        draw = Draw(nd.float64, device)
        directions = [draw.uniform(*x.shape) for x in inputs]
        out, tangent = ad.jvp(partial(call, op, sample), inputs, directions)
        same, pull = ad.vjp(partial(call, op, sample), *inputs)
        assert out.tolist() == same.tolist()
        weights = draw.uniform(*out.shape).to(out.device)
        forward = (weights * tangent).sum().item()
        reverse = sum((v * x).sum().item() for v, x in zip(directions, pull(weights), strict=True))
        assert math.isclose(forward, reverse, rel_tol=1e-9, abs_tol=1e-9), sample


def check_batches(op: Op, device: str) -> None:
    """Check that a batch gives what a loop over it gives, with each operand batched and all."""
    for sample in op.samples(Draw(nd.float64, device)):
        inputs = floats(sample)
        choices = {tuple(range(len(inputs))), *((i,) for i in range(len(inputs)))} - {()}
        for chosen in sorted(choices):
            batch = [ad.stack([x, 0.5 * x + 0.25]) if i in chosen else x for i, x in enumerate(inputs)]
            axes = tuple(0 if i in chosen else None for i in range(len(inputs)))
            out = ad.vmap(partial(call, op, sample), in_axes=axes)(*batch)
            for k in range(2):
                expected = call(op, sample, *[x[k] if i in chosen else x for i, x in enumerate(batch)])
                assert (out[k].shape, out[k].dtype) == (expected.shape, expected.dtype)
                np.testing.assert_allclose(numpy(out[k]), numpy(expected), rtol=1e-9, atol=1e-12, err_msg=str(sample))


TOLERANCES = {"float16": 2e-2, "bfloat16": 1e-1, "float32": 1e-4}


DTYPES_OF_THEIR_OWN = ("astype", "cross_entropy")


def check_dtypes(op: Op, device: str, dtype: nd.DType) -> None:
    """Check that outputs and gradients keep the dtype and are near those of float64."""
    for sample in op.samples(Draw(dtype, device)):
        inputs = [x.detach().requires_grad_() for x in floats(sample)]
        out = call(op, sample, *inputs)
        if not inputs or out.dtype.kind != "float" or op.name in DTYPES_OF_THEIR_OWN:
            continue
        assert out.dtype is dtype
        assert out.requires_grad
        wide = [x.detach().astype(nd.float64).requires_grad_() for x in inputs]
        exact = call(op, sample, *wide)
        for y in (out, exact):
            y.backward(Tensor(nd.ones(y.shape, y.dtype, y.device)))
        pairs = [(out, exact), *((x.grad, w.grad) for x, w in zip(inputs, wide, strict=True))]
        for narrow, x in pairs:
            assert narrow is not None
            assert x is not None
            assert (narrow.dtype, narrow.shape) == (dtype, x.shape)
            got = numpy(narrow.astype(nd.float64))
            tolerance = TOLERANCES[dtype.name]
            np.testing.assert_allclose(got, numpy(x), rtol=tolerance, atol=tolerance, err_msg=str(sample))


@pytest.mark.parametrize("name", table)
def test_value_is_that_of_an_independent_implementation(name: str, device: str) -> None:
    check_values(table[name], device)


@pytest.mark.parametrize("name", table)
def test_gradients_agree_with_differences_to_order_2(name: str, device: str) -> None:
    check_gradients(table[name], device)


@pytest.mark.parametrize("name", table)
def test_tangents_and_cotangents_agree(name: str, device: str) -> None:
    check_tangents(table[name], device)


@pytest.mark.parametrize("name", table)
def test_a_batch_is_a_loop(name: str, device: str) -> None:
    check_batches(table[name], device)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("name", table)
def test_dtype_and_shape_are_kept(name: str, dtype: str, device: str) -> None:
    check_dtypes(table[name], device, getattr(nd, dtype))


def test_every_elementwise_function_is_in_the_table() -> None:
    assert {*_core.unary, *_core.binary} <= {name for name, op in table.items() if op.core == 0}


def cube_of(x: nd.NDArray) -> nd.NDArray:
    return nd.multiply(nd.square(x), x)


def _cube(x: float) -> float:
    return x**3


def _square(x: float) -> float:
    return x**2


def test_a_new_elementwise_op_needs_only_its_block(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    # As if a line had been added to elementwise.inc and to the NumPy backend.
    monkeypatch.setattr(nd, "cube", cube_of, raising=False)
    try:
        cube = elementwise("cube", lambda x: 3 * x * x, reference=_cube)
        check_values(cube, device)
        check_gradients(cube, device)
        for dtype in TOLERANCES:
            check_dtypes(cube, device, getattr(nd, dtype))
        assert repr(cube) == "<Elementwise cube>"
    finally:
        del table["cube"]


def test_a_wrong_block_is_found(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    monkeypatch.setattr(nd, "cube", cube_of, raising=False)
    try:
        cube = elementwise("cube", lambda x: 2 * x * x, reference=_square)
        with pytest.raises(AssertionError):
            check_values(cube, device)
        with pytest.raises(AssertionError, match="derivative of order 1"):
            check_gradients(cube, device)
    finally:
        del table["cube"]


def test_an_op_without_a_rule_names_itself() -> None:
    try:
        running = opaque("running", nd.cumulative_sum, samples=uniform((0, 1)))
        y = running(ad.tensor([1.0, 2.0], requires_grad=True))
        assert y.requires_grad
        with pytest.raises(NotImplementedError, match=r"\[running\] no derivative is known; hint: detach"):
            y.sum().backward()
    finally:
        del table["running"]


def test_a_name_is_taken_once() -> None:
    with pytest.raises(ValueError, match=r"\[add\] the op table has an op of this name already"):
        elementwise("add", 1, 1)


def test_composite_functions_are_called_as_they_are() -> None:
    try:

        @composite(uniform((0, 1)))
        def twice(x: Tensor) -> Tensor:
            return x + x

        assert isinstance(table["twice"], Composite)
        assert table["twice"](ad.tensor([1.0])).tolist() == twice(ad.tensor([1.0])).tolist() == [2.0]
    finally:
        del table["twice"]
