"""Pooling and batch normalisation of images, forward and with gradients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.case import Build, Case, Input, Target, floats
from benchmarks.gradients import forward, gradients

SHAPE = 32, 64, 32, 32
EPSILON = 1e-5


def cases() -> Iterator[Case]:
    """Yield the cases of the family."""
    x = Input(SHAPE, layout="image")
    pooled = Input((*SHAPE[:2], 16, 16), layout="image", small=(12, 12, 6, 6))
    yield Case("images/maxpool2x2_fwd", (x,), None, forward(POOL), None, Target())
    yield Case("images/maxpool2x2_fwdbwd", (x, pooled), None, gradients(POOL, 1), None, Target(0.4))
    yield Case("images/avgpool2x2_fwd", (x,), None, forward(MEANS), None, Target())
    yield Case("images/avgpool2x2_fwdbwd", (x, pooled), None, gradients(MEANS, 1), None, Target(0.4))
    scale = floats(SHAPE[1])
    yield Case("images/batchnorm_fwd", (x, scale, scale), None, forward(BATCH_NORM), None, Target())
    yield Case("images/batchnorm_fwdbwd", (x, scale, scale, x), None, gradients(BATCH_NORM, 3), None, Target())


def _jax_pool(jax: Any) -> Any:
    """Over images of (N, H, W, C)."""
    window = 1, 2, 2, 1
    return lambda x: jax.lax.reduce_window(x, -jax.numpy.inf, jax.lax.max, window, window, "VALID")


POOL: dict[str, Build] = {
    "needle": lambda needle: lambda x: needle.nn.functional.max_pool2d(x, 2),
    "torch": lambda torch: lambda x: torch.nn.functional.max_pool2d(x, 2),
    "jax": _jax_pool,
    "mlx": lambda mlx: mlx.nn.MaxPool2d(2),
    "tinygrad": lambda _: lambda x: x.max_pool2d(),
}


def _jax_means(jax: Any) -> Any:
    window = 1, 2, 2, 1
    return lambda x: jax.lax.reduce_window(x, 0.0, jax.lax.add, window, window, "VALID") / 4


def _needle_means(needle: Any) -> Any:
    pool, twos, nothing, ones = needle.autograd.avg_pool, (2, 2), ((0, 0), (0, 0)), (1, 1)
    return lambda x: pool(x, twos, twos, nothing, ones)


MEANS: dict[str, Build] = {
    "needle": _needle_means,
    "torch": lambda torch: lambda x: torch.nn.functional.avg_pool2d(x, 2),
    "jax": _jax_means,
    "mlx": lambda mlx: mlx.nn.AvgPool2d(2),
    "tinygrad": lambda _: lambda x: x.avg_pool2d(),
}


def _norm(xp: Any, rsqrt: Any, axes: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """The layer as its formula, for libraries that have no function of it."""

    def batch_norm(x: Any, weight: Any, bias: Any) -> Any:
        middle, spread = xp.mean(x, axis=axes, keepdims=True), xp.var(x, axis=axes, keepdims=True)
        return (x - middle) * rsqrt(spread + EPSILON) * weight.reshape(shape) + bias.reshape(shape)

    return batch_norm


def _needle_norm(needle: Any) -> Any:
    def batch_norm(x: Any, weight: Any, bias: Any) -> Any:
        scale, shift = (p.reshape(1, -1, 1, 1) for p in (weight, bias))
        return needle.autograd.normalize(x, scale, shift, (0, 2, 3), EPSILON)

    return batch_norm


def _torch_norm(torch: Any) -> Any:
    norm = torch.nn.functional.batch_norm
    return lambda x, weight, bias: norm(x, None, None, weight, bias, training=True, eps=EPSILON)


def _tinygrad_norm(tinygrad: Any) -> Any:
    del tinygrad

    def batch_norm(x: Any, weight: Any, bias: Any) -> Any:
        middle = x.mean(axis=(0, 2, 3))
        spread = x.var(axis=(0, 2, 3), correction=0)
        return x.batchnorm(weight, bias, middle, (spread + EPSILON).rsqrt())

    return batch_norm


FIRST, LAST = ((0, 2, 3), (-1, 1, 1)), ((0, 1, 2), (-1,))  # the axes to reduce and the shape of a parameter
BATCH_NORM: dict[str, Build] = {
    "needle": _needle_norm,
    "numpy": lambda np: _norm(np, lambda x: 1 / np.sqrt(x), *FIRST),
    "torch": _torch_norm,
    "jax": lambda jax: _norm(jax.numpy, jax.lax.rsqrt, *LAST),
    "mlx": lambda mlx: _norm(mlx.core, mlx.core.rsqrt, *LAST),
    "tinygrad": _tinygrad_norm,
}
