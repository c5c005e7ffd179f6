"""Checks of one op of the table on its samples: its values, its derivatives and its batches."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import numpy as np
from references import REFERENCES, Array

import needle.autograd as ad
import needle.ndarray as nd
from needle.autograd.gradcheck import inner
from needle.autograd.kinds import Elementwise
from needle.autograd.op import DIFFERENTIABLE, Op
from needle.autograd.samples import Draw, Sample
from needle.autograd.tensor import Tensor
from needle.ndarray.host import complex_of, real_of

REAL = {
    "argmax", "argmin", "argsort", "atan2", "attention", "ceil", "clip", "copysign", "cross_entropy", "erf", "floor",
    "floor_divide", "gelu", "gelu_tanh", "greater", "greater_equal", "gru_cell", "hypot", "ihfft", "less",
    "less_equal", "log_softmax", "logaddexp", "logsumexp", "lstm_cell", "max", "max_pool", "max_pool_gradient",
    "max_pool_places", "maximum", "min", "minimum", "nextafter", "normalize", "relu", "remainder", "rfft", "rfftn",
    "searchsorted", "sigmoid", "signbit", "silu", "softmax", "softplus", "sort", "std", "topk", "topk_places",
    "trunc", "var",
}  # fmt: skip
"""The ops that take no complex numbers."""


def reference(op: Op, dtype: nd.DType) -> Callable[..., Array]:
    """Return an independent implementation."""
    if isinstance(op, Elementwise) and op.reference is not None:
        return np.vectorize(op.reference, otypes=[dtype.name])
    return REFERENCES[op.name] if op.name in REFERENCES else getattr(np, op.name)


def public(op: Op) -> Callable[..., Tensor]:
    """Return the function that users call, or the op itself where only rules do."""
    return next((getattr(space, op.name) for space in (ad.linalg, ad.fft, ad) if hasattr(space, op.name)), op)


def _turned(x: Tensor, by: Tensor) -> Tensor:
    """Return columns times unit numbers that make their sums, or those of another matrix, real."""
    return x * ad.expand_dims(ad.conj(ad.sum(by, -2)), -2)


SETTLED: dict[str, Callable[..., list[Tensor]]] = {
    "eig": lambda w, v: [w, _turned(v, v)],
    "eigh": lambda w, v: [w, _turned(v, v)],
    "svd": lambda u, s, vh: [_turned(u, u), s, _turned(ad.conj(vh.mT), u)],
}
"""What the vectors of decompositions say without the factors that are left to chance; derivatives are of that."""


def numpy(value: Any) -> Any:
    if isinstance(value, Tensor):
        return np.asarray(value.tolist(), value.dtype.name).reshape(value.shape)
    if isinstance(value, nd.NDArray):
        return value.numpy()
    return type(value)(map(numpy, cast("list[Any]", value))) if isinstance(value, list | tuple) else value


def floats(sample: Sample) -> list[Tensor]:
    """Return the floating and complex tensors among the arguments, in lists too."""
    flat: list[Any] = []
    for arg in sample.args:
        flat += arg if isinstance(arg, list) else [arg]
    return [x for x in flat if isinstance(x, Tensor) and x.dtype in DIFFERENTIABLE]


def call(op: Op, sample: Sample, *replaced: Tensor) -> list[Tensor]:
    """Call the op with other floating tensors in their places, and return its results."""
    rest = iter(replaced)

    def put(arg: Any) -> Any:
        if isinstance(arg, list):
            return [put(x) for x in cast("list[Any]", arg)]
        return next(rest) if isinstance(arg, Tensor) and arg.dtype in DIFFERENTIABLE else arg

    out: Any = public(op)(*map(put, sample.args), **sample.params)
    return list(out) if isinstance(out, tuple) else [out]


def differentiable(op: Op, sample: Sample, *replaced: Tensor) -> list[Tensor]:
    """Return those results that have derivatives."""
    results = call(op, sample, *replaced)
    settled = SETTLED[op.name](*results) if op.name in SETTLED else results
    return [x for x in settled if x.dtype in DIFFERENTIABLE]


def check_values(op: Op, device: str, dtype: nd.DType) -> None:
    samples = op.samples(Draw(dtype, device))
    assert samples
    for sample in samples:
        out = call(op, sample, *floats(sample))
        with np.errstate(all="ignore"):
            expected: Any = reference(op, dtype)(*map(numpy, sample.args), **sample.params)
        expected = expected if isinstance(expected, tuple | list) else [expected]
        for x, y in zip(out, map(np.asarray, expected), strict=True):
            assert (x.shape, x.dtype.name) == (y.shape, y.dtype.name), sample
            assert op.name == "to_device" or str(x.device) == device
            np.testing.assert_allclose(numpy(x), y, rtol=1e-9, atol=1e-12, err_msg=str(sample))


def check_gradients(op: Op, device: str, dtype: nd.DType) -> None:
    for sample in op.samples(Draw(dtype, device)):
        if differentiable(op, sample, *(inputs := floats(sample))) and inputs:
            ad.gradgradcheck(partial(differentiable, op, sample), *inputs)


def check_tangents(op: Op, device: str, dtype: nd.DType) -> None:
    """Check that the Jacobian times a direction, and its transpose times a cotangent, are of one Jacobian."""
    for sample in op.samples(Draw(dtype, device)):
        inputs = floats(sample)
        if not inputs or not differentiable(op, sample, *inputs):
            continue
        directions = [drawn(x) for x in inputs]
        out, tangents = ad.jvp(partial(differentiable, op, sample), inputs, directions)
        same, pull = ad.vjp(partial(differentiable, op, sample), *inputs)
        assert [x.tolist() for x in out] == [x.tolist() for x in same]
        weights = [drawn(x) for x in out]
        forward = sum(inner(w, t).item() for w, t in zip(weights, tangents, strict=True))
        reverse = sum(inner(v, x).item() for v, x in zip(directions, pull(weights), strict=True))
        assert math.isclose(forward, reverse, rel_tol=1e-9, abs_tol=1e-9), sample


def drawn(like: Tensor) -> Tensor:
    """Return random numbers in the shape and dtype of a tensor."""
    return Draw(like.dtype, like.device).uniform(*like.shape)


def check_batches(op: Op, device: str, dtype: nd.DType) -> None:
    """Check that a batch gives what a loop over it gives, with each operand batched and all."""
    for sample in op.samples(Draw(dtype, device)):
        inputs = floats(sample)
        choices = {tuple(range(len(inputs))), *((i,) for i in range(len(inputs)))} - {()}
        for chosen in sorted(choices):
            batch = [ad.stack([x, 0.5 * x + 0.25]) if i in chosen else x for i, x in enumerate(inputs)]
            axes = tuple(0 if i in chosen else None for i in range(len(inputs)))
            outs = ad.vmap(partial(call, op, sample), in_axes=axes)(*batch)
            for k in range(2):
                expected = call(op, sample, *[x[k] if i in chosen else x for i, x in enumerate(batch)])
                for out, y in zip(outs, expected, strict=True):
                    assert (out[k].shape, out[k].dtype) == (y.shape, y.dtype)
                    np.testing.assert_allclose(numpy(out[k]), numpy(y), rtol=1e-9, atol=1e-12, err_msg=str(sample))


TOLERANCES = {"float16": 2e-2, "bfloat16": 1e-1, "float32": 1e-4, "complex64": 1e-4}


DTYPES_OF_THEIR_OWN = ("astype", "cross_entropy")


def check_dtypes(op: Op, device: str, dtype: nd.DType) -> None:
    """Check that outputs and gradients keep the dtype, or that of its real parts, and are near those of the widest."""
    widest = nd.complex128 if dtype.kind == "complex" else nd.float64
    for sample in op.samples(Draw(dtype, device)):
        inputs = [x.detach().requires_grad_() for x in floats(sample)]
        outs = differentiable(op, sample, *inputs)
        if not inputs or not outs or op.name in DTYPES_OF_THEIR_OWN:
            continue
        wide = [x.detach().astype(widest).requires_grad_() for x in inputs]
        exact = differentiable(op, sample, *wide)
        for y in (*outs, *exact):
            assert y.requires_grad
            y.backward(Tensor(nd.ones(y.shape, y.dtype, y.device)), retain_graph=True)
        grads = ((x.grad, w.grad) for x, w in zip(inputs, wide, strict=True))
        for narrow, x in (*zip(outs, exact, strict=True), *grads):
            assert narrow is not None
            assert x is not None
            parts = complex_of if x.dtype.kind == "complex" else real_of
            assert (narrow.dtype, narrow.shape) == (parts(dtype), x.shape)
            got = numpy(narrow.astype(x.dtype))
            tolerance = TOLERANCES[dtype.name]
            np.testing.assert_allclose(got, numpy(x), rtol=tolerance, atol=tolerance, err_msg=str(sample))
