"""The op table against JAX and PyTorch, on the table's own samples. `./dev compare` installs them.

Each op is differentiated there under its name or one given here: values, products with the Jacobian and with its
transpose, and those with the Hessian, of float64 and complex128. Gradients of complex numbers are compared in PyTorch's
convention; JAX's is its conjugate.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from op_checks import REAL, differentiable, floats, numpy

import needle.autograd as ad
import needle.ndarray as nd
from needle.autograd import Tensor
from needle.autograd.op import Op, table
from needle.autograd.samples import Draw, Sample

Function = Callable[..., Any]

OURS_ALONE = {
    "adjugate", "as_strided", "attention", "avg_pool", "avg_pool_gradient", "conv", "copy", "cross_entropy",
    "dot_general", "fftn", "fold", "getitem", "gru_cell", "ifftn", "irfftn", "lstm_cell", "lstsq", "lu", "max_pool",
    "max_pool_gradient", "max_pool_places", "normalize", "numbered", "place", "place_diagonal", "rfftn", "scatter",
    "scatter_add", "to_device", "topk", "topk_places", "unfold", "windows",
}  # fmt: skip
"""Ops whose form, or one of whose samples, no function there has."""
GAUGE = {"det", "eig", "eigh", "eigvals", "svd"}
"""Ops whose vectors have a phase, or whose values an order, that the library chooses; and det, which there has no
derivative of empty matrices."""
KINKS = {"sign", "round", "nextafter", "remainder", "floor_divide"}
"""Ops whose derivative there is another, by choice, or none."""


def jax_functions() -> dict[str, Function]:
    """Return what JAX calls otherwise."""
    import jax  # noqa: PLC0415 - it may not be installed
    import jax.numpy as jnp  # noqa: PLC0415

    return {
        "astype": lambda x, dtype: x.astype(dtype.name),
        "concat": lambda arrays, axis=0: jnp.concatenate(arrays, axis),
        "diagonal": jnp.linalg.diagonal,
        "permute_dims": lambda x, axes: jnp.transpose(x, [axis % x.ndim for axis in axes]),
        "erf": jax.scipy.special.erf,
        "gelu": partial(jax.nn.gelu, approximate=False),
        "gelu_tanh": partial(jax.nn.gelu, approximate=True),
        "log_softmax": jax.nn.log_softmax,
        "logsumexp": jax.scipy.special.logsumexp,
        "pad": lambda x, widths, value=0.0: jax.lax.pad(x, x.dtype.type(value), [(a, b, 0) for a, b in widths]),
        "relu": jax.nn.relu,
        "rsqrt": jax.lax.rsqrt,
        "sigmoid": jax.nn.sigmoid,
        "silu": jax.nn.silu,
        "softmax": jax.nn.softmax,
        "softplus": jax.nn.softplus,
        "split": lambda x, size, axis=0: jnp.split(x, cuts(size, x.shape[axis]), axis),
    }


def cuts(size: int | list[int], total: int) -> list[int]:
    """Return where JAX is to split."""
    return list(range(size, total, size)) if isinstance(size, int) else list(itertools.accumulate(size))[:-1]


def torch_functions() -> dict[str, Function]:
    """Return what PyTorch has under names of its own; the rest is left to JAX."""
    import torch  # noqa: PLC0415 - it may not be installed

    f = torch.nn.functional

    def by_axis(function: Function) -> Function:
        return lambda x, axis: function(x, dim=axis)

    same = "abs exp expm1 log log2 log10 log1p sinh cosh asinh acosh atanh tanh sigmoid erf sin cos tan sqrt rsqrt"
    same += " square reciprocal add subtract multiply divide hypot pow maximum minimum matmul relu"
    return {
        **{name: getattr(torch, name) for name in same.split()},
        "gelu": f.gelu,
        "gelu_tanh": partial(f.gelu, approximate="tanh"),
        "silu": f.silu,
        "softplus": f.softplus,
        "softmax": by_axis(f.softmax),
        "log_softmax": by_axis(f.log_softmax),
        "cross_entropy": lambda x, labels, axis=-1: f.cross_entropy(
            x.movedim(axis, min(1, x.ndim - 1)), labels, reduction="none"
        ),
    }


def samples(op: Op, dtype: nd.DType) -> list[tuple[Sample, list[Tensor]]]:
    """Return the op's samples with operands to differentiate for."""
    found = [(sample, floats(sample)) for sample in op.samples(Draw(dtype, "cpu"))]
    return [(sample, inputs) for sample, inputs in found if inputs and differentiable(op, sample, *inputs)]


def foreign(f: Function, sample: Sample, make: Function, inputs: list[Any]) -> Any:
    """Call another library's function with its arrays in the places of the floating tensors."""
    rest = iter(inputs)

    def put(arg: Any) -> Any:
        if isinstance(arg, list):
            return [put(x) for x in arg]
        if isinstance(arg, Tensor):
            return next(rest) if arg.dtype.kind in ("float", "complex") else make(arg)
        return make(Tensor(arg)) if isinstance(arg, nd.NDArray) else arg

    params = {name: make(x) if isinstance(x, Tensor) else put(x) for name, x in sample.params.items()}
    return f(*map(put, sample.args), **params)


def agree(ours: Any, theirs: Any, text: str) -> None:
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.shape == other.shape, text
        np.testing.assert_allclose(numpy(mine), np.asarray(other), rtol=1e-8, atol=1e-10, err_msg=text)


def weight(draw: Draw, like: Tensor) -> Tensor:
    """Return a cotangent for a result."""
    drawn = draw.uniform(*like.shape)
    return drawn.astype(like.dtype) if like.dtype.kind == "complex" else ad.real(drawn)


EACH_DTYPE = pytest.mark.parametrize("dtype", ["float64", "complex128"])
NAMES = [name for name in table if find_spec("jax") and name not in OURS_ALONE | GAUGE | KINKS]


@EACH_DTYPE
@pytest.mark.parametrize("name", NAMES)
def test_derivatives_are_those_of_jax(name: str, dtype: str) -> None:
    import jax  # noqa: PLC0415

    if dtype == "complex128" and name in REAL:
        return
    jax.config.update("jax_enable_x64", True)
    op = table[name]
    rooms = (jax.numpy.fft, jax.numpy.linalg, jax.numpy)
    theirs = jax_functions().get(name) or next((getattr(room, name) for room in rooms if hasattr(room, name)), None)
    assert theirs is not None, f"JAX has no {name}: give its name here, or say that it is ours alone"
    draw = Draw(getattr(nd, dtype), "cpu")

    def there(x: Tensor) -> Any:
        return jax.numpy.asarray(numpy(x))

    for sample, inputs in samples(op, draw.dtype):
        if name == "std" and sample.params.get("axis") == ():
            continue  # of one element each: 0 here, as in PyTorch, and NaN in JAX
        ours = partial(differentiable, op, sample)

        def f(*xs: Any, sample: Sample = sample) -> list[Any]:
            outs = foreign(theirs, sample, there, list(xs))
            every = outs if isinstance(outs, tuple | list) else [outs]
            return [x for x in every if x.dtype.kind in "fc"]

        arrays = list(map(there, inputs))
        directions = [draw.uniform(*x.shape) for x in inputs]
        out, tangents = ad.jvp(ours, inputs, directions)
        expected, moved = jax.jvp(f, arrays, list(map(there, directions)))
        agree(out, expected, f"value of {sample}")
        agree(tangents, moved, f"tangent of {sample}")
        weights = [weight(draw, x) for x in out]
        cotangents = [jax.numpy.conj(there(w)) for w in weights]

        def slopes(*xs: Any, f: Any = f, cotangents: Any = cotangents) -> Any:
            return jax.vjp(f, *xs)[1](cotangents)

        def our_slopes(*xs: Any, ours: Any = ours, weights: Any = weights) -> Any:
            return ad.vjp(ours, *xs)[1](weights)

        agree(our_slopes(*inputs), map(np.conj, slopes(*arrays)), f"cotangent of {sample}")
        if dtype == "float64":
            _, second = ad.jvp(our_slopes, inputs, directions)
            _, their_second = jax.jvp(slopes, arrays, list(map(there, directions)))
            agree(second, their_second, f"second derivative of {sample}")


TORCH_NAMES = [
    "abs", "acosh", "add", "asinh", "atanh", "cos", "cosh", "cross_entropy", "divide", "erf", "exp", "expm1", "gelu",
    "gelu_tanh", "hypot", "log", "log10", "log1p", "log2", "log_softmax", "matmul", "maximum", "minimum", "multiply",
    "pow", "reciprocal", "relu", "rsqrt", "sigmoid", "silu", "sin", "sinh", "softmax", "softplus", "sqrt", "square",
    "subtract", "tan", "tanh",
]  # fmt: skip


@EACH_DTYPE
@pytest.mark.parametrize("name", TORCH_NAMES if find_spec("torch") else [])
def test_gradients_are_those_of_pytorch(name: str, dtype: str) -> None:
    import torch  # noqa: PLC0415

    if dtype == "complex128" and name in REAL:
        return
    op, f = table[name], torch_functions()[name]
    draw = Draw(getattr(nd, dtype), "cpu")
    for sample, inputs in samples(op, draw.dtype):
        if any(isinstance(arg, float | complex) for arg in sample.args):
            continue  # its functions take tensors alone

        def there(x: Tensor) -> Any:
            return torch.from_numpy(numpy(x).copy())

        leaves = [there(x).requires_grad_() for x in inputs]
        theirs = foreign(f, sample, there, leaves)
        out, pull = ad.vjp(partial(differentiable, op, sample), *inputs)
        agree(out, [theirs.detach()], f"value of {sample}")
        weights = weight(draw, out[0])
        theirs.backward(there(weights))
        agree(pull([weights]), [leaf.grad for leaf in leaves], f"cotangent of {sample}")
