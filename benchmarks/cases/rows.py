"""Functions of rows: softmax, norms and the cross-entropy, forward and with their gradients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.case import Build, Case, Target, floats, integers
from benchmarks.gradients import forward, gradients

ROWS, COLUMNS, CLASSES = 4096, 1024, 1000
EPSILON = 1e-5


def cases() -> Iterator[Case]:
    """Yield the cases of the family."""
    x, scale, labels = floats(ROWS, COLUMNS), floats(COLUMNS), integers(ROWS, below=CLASSES)
    for name, functions, inputs in [
        ("softmax", SOFTMAX, (x,)),
        ("log_softmax", LOG_SOFTMAX, (x,)),
        ("layernorm", LAYER_NORM, (x, scale, scale)),
        ("rmsnorm", RMS_NORM, (x, scale)),
        ("cross_entropy", CROSS_ENTROPY, (floats(ROWS, CLASSES), labels)),
    ]:
        yield Case(f"rows/{name}", inputs, None, forward(functions), None, Target())
        if functions is CROSS_ENTROPY:
            yield Case(f"rows/{name}_fwdbwd", inputs, None, gradients(functions, 1, scalar=True), None, Target())
        else:
            yield Case(f"rows/{name}_fwdbwd", (*inputs, x), None, gradients(functions, len(inputs)), None, Target())


def _numpy_softmax(np: Any) -> Any:
    def softmax(x: Any) -> Any:
        out = np.exp(x - x.max(axis=-1, keepdims=True))
        out /= out.sum(axis=-1, keepdims=True)
        return out

    return softmax


def _numpy_log_softmax(np: Any) -> Any:
    def log_softmax(x: Any) -> Any:
        shifted = x - x.max(axis=-1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))

    return log_softmax


SOFTMAX: dict[str, Build] = {
    "needle": lambda needle: lambda x: needle.autograd.softmax(x, axis=-1),
    "numpy": _numpy_softmax,
    "torch": lambda torch: lambda x: torch.softmax(x, dim=-1),
    "jax": lambda jax: jax.nn.softmax,
    "mlx": lambda mlx: lambda x: mlx.core.softmax(x, axis=-1),
    "tinygrad": lambda _: lambda x: x.softmax(),
}
LOG_SOFTMAX: dict[str, Build] = {
    "needle": lambda needle: lambda x: needle.autograd.log_softmax(x, axis=-1),
    "numpy": _numpy_log_softmax,
    "torch": lambda torch: lambda x: torch.log_softmax(x, dim=-1),
    "jax": lambda jax: jax.nn.log_softmax,
    "mlx": lambda mlx: mlx.nn.log_softmax,
    "tinygrad": lambda _: lambda x: x.log_softmax(),
}


def _norm(mean: Any, var: Any, rsqrt: Any) -> Any:
    def layer_norm(x: Any, weight: Any, bias: Any) -> Any:
        middle = mean(x, axis=-1, keepdims=True)
        return (x - middle) * rsqrt(var(x, axis=-1, keepdims=True) + EPSILON) * weight + bias

    return layer_norm


def _rms(mean: Any, rsqrt: Any) -> Any:
    return lambda x, weight: x * rsqrt(mean(x * x, axis=-1, keepdims=True) + EPSILON) * weight


def _numpy_rsqrt(np: Any) -> Any:
    return lambda x: 1 / np.sqrt(x)


LAYER_NORM: dict[str, Build] = {
    "needle": lambda needle: lambda x, w, b: needle.nn.functional.layer_norm(x, w.shape, w, b, EPSILON),
    "numpy": lambda np: _norm(np.mean, np.var, _numpy_rsqrt(np)),
    "torch": lambda torch: lambda x, w, b: torch.nn.functional.layer_norm(x, w.shape, w, b, EPSILON),
    "jax": lambda jax: _norm(jax.numpy.mean, jax.numpy.var, jax.lax.rsqrt),
    "mlx": lambda mlx: lambda x, w, b: mlx.core.fast.layer_norm(x, w, b, EPSILON),
    "tinygrad": lambda _: lambda x, w, b: x.layernorm(eps=EPSILON) * w + b,
}
RMS_NORM: dict[str, Build] = {
    "needle": lambda needle: lambda x, w: needle.nn.functional.rms_norm(x, w.shape, w, EPSILON),
    "numpy": lambda np: _rms(np.mean, _numpy_rsqrt(np)),
    "torch": lambda torch: lambda x, w: torch.nn.functional.rms_norm(x, w.shape, w, EPSILON),
    "jax": lambda jax: _rms(jax.numpy.mean, jax.lax.rsqrt),
    "mlx": lambda mlx: lambda x, w: mlx.core.fast.rms_norm(x, w, EPSILON),
    "tinygrad": lambda _: lambda x, w: x * ((x * x).mean(axis=-1, keepdim=True) + EPSILON).rsqrt() * w,
}


def _numpy_cross_entropy(np: Any) -> Any:
    log_softmax = _numpy_log_softmax(np)
    return lambda x, labels: -log_softmax(x)[np.arange(len(labels)), labels].mean()


def _jax_cross_entropy(jax: Any) -> Any:
    def cross_entropy(x: Any, labels: Any) -> Any:
        return -jax.numpy.take_along_axis(jax.nn.log_softmax(x), labels[:, None], axis=1).mean()

    return cross_entropy


CROSS_ENTROPY: dict[str, Build] = {
    "needle": lambda needle: needle.nn.functional.cross_entropy,
    "numpy": _numpy_cross_entropy,
    "torch": lambda torch: torch.nn.functional.cross_entropy,
    "jax": _jax_cross_entropy,
    "mlx": lambda mlx: lambda x, labels: mlx.nn.losses.cross_entropy(x, labels, reduction="mean"),
    "tinygrad": lambda _: lambda x, labels: x.sparse_categorical_crossentropy(labels),
}
