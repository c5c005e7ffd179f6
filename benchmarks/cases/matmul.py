"""Matrix products: sizes, shapes, layouts and dtypes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from benchmarks.case import Build, Case, Input, Target, Work, floats, integers

BEST = Target(1 / 0.95)
LONG = 2048  # from where on some peers take up to a minute for a product of narrow numbers
AT_PEAK = Target(1 / 0.95, share=0.9)
AHEAD = Target(1 / 1.2)
SMALL = 256  # the largest size that has to be ahead


def cases() -> Iterator[Case]:
    """Yield the cases of the family."""
    targets = {8: Target(), 16: Target(), 32: Target(), 64: AHEAD, 128: AHEAD, 256: AHEAD}
    for n in (8, 16, 32, 64, 128, 256, 512, 1024, 2048):
        yield _product(f"f32_{n}", (n, n), (n, n), target=targets.get(n, AT_PEAK))
    for n in (100, 500, 1000):
        yield _product(f"f32_{n}", (n, n), (n, n), target=AHEAD if n <= SMALL else BEST)
    yield _product("f32_transposed_1024", (1024, 1024), (1024, 1024), "float32", "f32", BEST, _transposed)
    yield _product("f32_strided_512", (1024, 1024), (1024, 1024), "float32", "f32", BEST, _strided, flops=2 * 512**3)
    yield _product("f32_tall_65536x64x64", (65536, 64), (64, 64), target=BEST)
    yield _product("f32_wide_64x64x65536", (64, 64), (64, 65536), target=BEST)
    yield _product("f32_outer_1024x8x1024", (1024, 8), (8, 1024), target=BEST)
    yield _product("f32_inner_64x65536x64", (64, 65536), (65536, 64), target=BEST)
    yield _product("f32_step_32x784x100", (32, 784), (784, 100), target=BEST)
    yield _product("f32_step_128x784x512", (128, 784), (784, 512), target=BEST)
    yield _product("f32_batched_32x128x64", (32, 128, 64), (32, 64, 128), target=Target())
    yield _product("f32_batched_256x16x16", (256, 16, 16), (256, 16, 16), target=Target())
    once = Work(4.0 * 4096 * 4096, "read")
    vector = Target(share=0.9)
    yield Case("matmul/gemv_4096", (floats(4096, 4096), floats(4096)), lambda xp: xp.matmul, {}, once, vector)
    yield Case("matmul/gevm_4096", (floats(4096), floats(4096, 4096)), lambda xp: xp.matmul, {}, once, vector)
    for n in (512, 1024):
        yield _product(f"f64_{n}", (n, n), (n, n), "float64", "f64", BEST, own={"mlx": None})
        yield _product(f"c64_{n}", (n, n), (n, n), "complex64", "f32", BEST, own={"mlx": None, "tinygrad": None},
                       flops=8 * n**3)  # fmt: skip
    yield _product("c128_512", (512, 512), (512, 512), "complex128", "f64", BEST, flops=8 * 512**3,
                   own={"mlx": None, "tinygrad": None})  # fmt: skip
    for n in (256, 1024, 2048):
        yield _product(f"bf16_{n}", (n, n), (n, n), "bfloat16", "bf16", BEST, own={"numpy": None})
        slow: dict[str, Build | None] = dict.fromkeys(("numpy", *("torch", "tinygrad") * (n >= LONG)))
        yield _product(f"f16_{n}", (n, n), (n, n), "float16", "f32", BEST, own=slow)
        yield _whole(n)


def _product(
    name: str,
    left: tuple[int, ...],
    right: tuple[int, ...],
    dtype: str = "float32",
    limit: Any = "f32",
    target: Target | None = None,
    every: Build = lambda xp: xp.matmul,
    own: dict[str, Build | None] | None = None,
    flops: float = 0.0,
) -> Case:
    work = Work(flops or 2.0 * math.prod(left) * right[-1], limit)
    inputs = Input(left, dtype), Input(right, dtype)
    return Case(f"matmul/{name}", inputs, every, own or {}, work, target)


def _transposed(xp: Any) -> Any:
    matmul = xp.matmul
    return lambda x, y: matmul(x.T, y.T)


def _strided(xp: Any) -> Any:
    matmul = xp.matmul
    return lambda x, y: matmul(x[::2, ::2], y[::2, ::2])


def _whole(n: int) -> Case:
    """Int8 matrices whose product is int32."""
    inputs = (integers(n, n, below=100, dtype="int8"),) * 2
    own: dict[str, Build | None] = {
        "needle": lambda needle: lambda x, y: needle.ndarray.matmul(x, y, dtype=needle.ndarray.int32),
        "torch": lambda torch: torch._int_mm,
        "jax": _dot_general,
    }
    if n < LONG:
        own["tinygrad"] = lambda tinygrad: lambda x, y: x.matmul(y, dtype=tinygrad.dtypes.int32)
    return Case(f"matmul/int8_{n}", inputs, None, own, Work(2.0 * n**3, "int8"), BEST)


def _dot_general(jax: Any) -> Any:
    dimensions = (((1,), (0,)), ((), ()))
    return lambda x, y: jax.lax.dot_general(x, y, dimensions, preferred_element_type=jax.numpy.int32)
