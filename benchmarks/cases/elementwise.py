"""A function of each element: arithmetic, transcendental functions, casts, broadcasting, other orders in memory."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.case import Build, Case, Target, Work, floats, integers

SIZES = {"16": 16, "1e3": 1_000, "1e6": 1_000_000, "16e6": 16_000_000}
FROM_MEMORY = 2_000_000  # elements from which the arrays do not fit into the caches
SIDE = 4096
STREAMED = Target(share=0.9)

NAMED: dict[str, tuple[Build | None, dict[str, Build | None]]] = {
    "exp": (lambda xp: xp.exp, {}),
    "log": (lambda xp: lambda x: xp.log(xp.abs(x)), {"tinygrad": lambda _: lambda x: x.abs().log()}),
    "sin": (lambda xp: xp.sin, {}),
    "tanh": (lambda xp: xp.tanh, {}),
    "erf": (
        lambda xp: xp.erf,
        {"numpy": None, "jax": lambda jax: jax.scipy.special.erf, "mlx": lambda mlx: mlx.core.erf},
    ),
    "sigmoid": (
        lambda xp: xp.sigmoid,
        {"numpy": lambda np: lambda x: 1 / (1 + np.exp(-x)), "jax": lambda jax: jax.nn.sigmoid},
    ),
    "relu": (
        lambda xp: xp.relu,
        {
            "numpy": lambda np: lambda x: np.maximum(x, 0),
            "jax": lambda jax: jax.nn.relu,
            "mlx": lambda mlx: mlx.nn.relu,
        },
    ),
    "gelu": (
        None,
        {
            "needle": lambda needle: needle.ndarray.gelu_tanh,
            "numpy": lambda np: lambda x: _gelu(x, np.tanh),
            "torch": lambda torch: lambda x: torch.nn.functional.gelu(x, approximate="tanh"),
            "jax": lambda jax: jax.nn.gelu,
            "mlx": lambda mlx: mlx.nn.gelu_approx,
            "tinygrad": lambda tinygrad: tinygrad.Tensor.gelu,
        },
    ),
}
"""Functions of one array: how the libraries share them, and how some have them otherwise."""

CASTS = [
    ("float32", "bfloat16"), ("bfloat16", "float32"), ("float32", "float16"), ("float32", "float64"),
    ("int32", "float32"), ("uint8", "float32"), ("float32", "int32"),
]  # fmt: skip
BYTES = {"float64": 8, "float32": 4, "int32": 4, "bfloat16": 2, "float16": 2, "uint8": 1}


def cases() -> Iterator[Case]:
    """Yield the cases of the family."""
    for label, n in SIZES.items():
        if n > SIZES["16"]:  # that of 16 is a case of dispatch
            yield _streamed(f"add_{label}", n, lambda _: operator.add, arrays=2)
        yield _streamed(f"mul_{label}", n, lambda _: operator.mul, arrays=2)
        for name, (every, own) in NAMED.items():
            yield _streamed(f"{name}_{label}", n, every, own)
    yield from _layouts()
    for source, target in CASTS:
        yield _cast(source, target)
    n = SIZES["16e6"]
    yield Case("elementwise/chain_16e6", (floats(n), floats(n)), _chain, work=Work(12.0 * n, "copy"))


def _streamed(
    name: str, n: int, every: Build | None, own: dict[str, Build | None] | None = None, arrays: int = 1
) -> Case:
    large = n >= FROM_MEMORY
    work = Work(4.0 * n * (arrays + 1), "copy") if large else None
    target = STREAMED if large else Target()
    return Case(f"elementwise/{name}", (floats(n),) * arrays, every, own or {}, work, target)


def _layouts() -> Iterator[Case]:
    whole = floats(SIDE, SIDE)
    once = Work(8.0 * SIDE * SIDE, "copy")
    yield Case("elementwise/bcast_row_4096", (whole, floats(SIDE)), lambda _: operator.add, {}, once, STREAMED)
    yield Case("elementwise/bcast_column_4096", (whole, floats(SIDE, 1)), lambda _: operator.add, {}, once, STREAMED)
    yield Case("elementwise/scalar_16e6", (floats(SIDE, SIDE),), lambda _: lambda x: x * 2.5, {}, once, STREAMED)
    n = SIZES["16e6"]
    yield Case("elementwise/strided_add_16e6", (floats(n), floats(n)), lambda _: _add_halves, target=Target())
    yield Case("elementwise/transposed_add_2048", (floats(2048, 2048),) * 2, lambda _: lambda x, y: x + y.T,
               target=Target())  # fmt: skip
    yield Case(
        "elementwise/transpose_copy_4096",
        (whole,),
        lambda xp: lambda x: xp.copy(x.T),
        {
            "numpy": lambda np: lambda x: np.ascontiguousarray(x.T),
            "needle": lambda needle: lambda x: x.T.contiguous(),
            "torch": lambda _: lambda x: x.T.contiguous(),
            "mlx": lambda mlx: lambda x: mlx.core.contiguous(x.T),
            "tinygrad": lambda _: lambda x: x.T.contiguous(),
        },
        once,
        Target(0.6),
    )
    yield Case(
        "elementwise/where_16e6",
        (floats(n), floats(n)),
        lambda xp: lambda x, y: xp.where(x > 0, x, y),
        {"tinygrad": lambda _: lambda x, y: (x > 0).where(x, y)},
        Work(12.0 * n, "copy"),
        Target(),
    )


def _add_halves(x: Any, y: Any) -> Any:
    return x[::2] + y[::2]


def _cast(source: str, target: str) -> Case:
    n = SIZES["16e6"]
    have: dict[str, Build | None] = {
        "torch": lambda torch: lambda x: x.to(getattr(torch, target)),
        "mlx": lambda mlx: lambda x: x.astype(getattr(mlx.core, target)),
        "tinygrad": lambda tinygrad: lambda x: x.cast(getattr(tinygrad.dtypes, target)),
    }
    if "bfloat16" in (source, target):
        have["numpy"] = None
    if "float64" in (source, target):
        have["mlx"] = None
    x = floats(n, dtype=source) if "float" in source else integers(n, below=200, dtype=source)
    work = Work(n * (BYTES[source] + BYTES[target]), "copy")
    every: Build = lambda xp: lambda x: x.astype(getattr(xp, target))  # noqa: E731 - as the others
    return Case(f"elementwise/cast_{source}_{target}", (x,), every, have, work, STREAMED)


def _gelu(x: Any, tanh: Callable[[Any], Any]) -> Any:
    return 0.5 * x * (1 + tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))


def _chain(xp: Any) -> Callable[..., Any]:
    exp = xp.exp
    return lambda x, y: exp(-(x * y + x) * 0.5) - y
