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
from needle.autograd.kinds import Elementwise
from needle.autograd.op import Op
from needle.autograd.samples import Draw, Sample
from needle.autograd.tensor import Tensor


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
